/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.3 and the identity of a peer, which is the hash of its public key and nothing else. */
#include "common/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"

static int ssl_err(struct err *e, const char *what) {
    unsigned long code = ERR_get_error();
    char text[160] = "unknown error";

    if (code) {
        ERR_error_string_n(code, text, sizeof(text));
    }
    ERR_clear_error();
    return err_set(e, -EIO, "%s: %s", what, text);
}

/* Frees `der`. */
static int spki(unsigned char *der, int len, struct hash *ret) {
    if (len <= 0) {
        return -EIO;
    }
    sha256(der, (size_t)len, ret);
    OPENSSL_free(der);
    return 0;
}

int tls_spki_of_key(EVP_PKEY *key, struct hash *ret) {
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);

    return spki(der, len, ret);
}

/* From the certificate's own key structure, whose public bits are what the handshake verifies with:
 * a key that was taken out of it would be encoded by a chain of provider's encoders, each of which
 * stays in memory, to the same bytes. */
int tls_spki_of_cert(X509 *cert, struct hash *ret) {
    unsigned char *der = NULL;
    int len = X509_get0_pubkey(cert) ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : 0;

    return spki(der, len, ret);
}

int tls_peer_spki(SSL *ssl, struct hash *ret) {
    CLEANUP(tls_cert_freep) X509 *cert = SSL_get1_peer_certificate(ssl);

    return cert ? tls_spki_of_cert(cert, ret) : -ENOENT;
}

/* The handshake proves possession of the key; who that key belongs to is decided by its hash at
 * every request, so that a revocation bites on a connection that is already open. */
static int let_through(int ok, X509_STORE_CTX *store) {
    (void)ok;
    (void)store;
    return 1;
}

int tls_server(const char *cert_file, const char *key_file, bool need_client, SSL_CTX **ret,
               struct err *e) {
    static const unsigned char session_id[] = "pveagentd";
    CLEANUP(tls_ctx_freep) SSL_CTX *c = SSL_CTX_new(TLS_server_method());

    if (!c || SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(c, cert_file) != 1 ||
        SSL_CTX_use_PrivateKey_file(c, key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(c) != 1 ||
        SSL_CTX_set_session_id_context(c, session_id, sizeof(session_id) - 1) != 1) {
        return ssl_err(e, "TLS server");
    }
    SSL_CTX_set_verify(
        c, SSL_VERIFY_PEER | (need_client ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), let_through);
    (void)SSL_CTX_set_num_tickets(c, 0); /* no resumption: every connection proves its key */
    *ret = TAKE(c);
    return 0;
}

int tls_key_new(EVP_PKEY **ret, struct err *e) {
    *ret = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return *ret ? 0 : ssl_err(e, "make a key");
}

int tls_key_new_p256(EVP_PKEY **ret, struct err *e) {
    *ret = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    return *ret ? 0 : ssl_err(e, "make a key");
}

static int add_alt_names(X509 *cert, const char *alt_names) {
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt_names);
    int ok = ext && X509_add_ext(cert, ext, -1) == 1;

    X509_EXTENSION_free(ext);
    return ok;
}

int tls_self_signed(EVP_PKEY *key, const char *common_name, const char *alt_names, int days,
                    X509 **ret, struct err *e) {
    CLEANUP(tls_cert_freep) X509 *c = X509_new();
    uint64_t serial = 0;
    X509_NAME *name;
    bool plain_sign = EVP_PKEY_is_a(key, "ED25519");

    random_bytes(&serial, sizeof(serial));
    serial >>= 1;
    if (!c || X509_set_version(c, X509_VERSION_3) != 1 ||
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(c), serial) != 1 ||
        !X509_gmtime_adj(X509_getm_notBefore(c), -3600) ||
        !X509_time_adj_ex(X509_getm_notAfter(c), days, 0, NULL) || X509_set_pubkey(c, key) != 1) {
        return ssl_err(e, "make a certificate");
    }
    name = X509_get_subject_name(c);
    if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                   -1, -1, 0) != 1 ||
        X509_set_issuer_name(c, name) != 1 || (alt_names && !add_alt_names(c, alt_names)) ||
        X509_sign(c, key, plain_sign ? NULL : EVP_sha256()) <= 0) {
        return ssl_err(e, "make a certificate");
    }
    *ret = TAKE(c);
    return 0;
}

static void bio_freep(BIO **b) {
    BIO_free_all(*b);
}

static int write_bio(int dirfd, const char *path, BIO *bio, mode_t mode, struct err *e) {
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);

    return len > 0 ? file_replace(dirfd, path, data, (size_t)len, mode, e)
                   : err_set(e, -EIO, "nothing to write to %s", path);
}

int tls_write_key(int dirfd, const char *path, EVP_PKEY *key, struct err *e) {
    CLEANUP(bio_freep) BIO *bio = BIO_new(BIO_s_secmem());

    if (!bio || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        return ssl_err(e, "write a key");
    }
    return write_bio(dirfd, path, bio, 0600, e);
}

int tls_write_cert(int dirfd, const char *path, X509 *cert, struct err *e) {
    CLEANUP(bio_freep) BIO *bio = BIO_new(BIO_s_mem());

    if (!bio || PEM_write_bio_X509(bio, cert) != 1) {
        return ssl_err(e, "write a certificate");
    }
    return write_bio(dirfd, path, bio, 0644, e);
}

int tls_read_key(int dirfd, const char *path, EVP_PKEY **ret, struct err *e) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(LIM_NOTE);
    CLEANUP(bio_freep) BIO *bio = NULL;
    int r = file_read_private(dirfd, path, geteuid(), &b, e);

    if (r < 0) {
        return r;
    }
    bio = BIO_new_mem_buf(buf_str(&b), (int)b.len);
    *ret = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    return *ret ? 0 : ssl_err(e, path);
}

int tls_read_cert(int dirfd, const char *path, X509 **ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);
    CLEANUP(bio_freep) BIO *bio = NULL;
    int r = file_read(dirfd, path, &b, e);

    if (r < 0) {
        return r;
    }
    bio = BIO_new_mem_buf(buf_str(&b), (int)b.len);
    *ret = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    return *ret ? 0 : ssl_err(e, path);
}

int tls_fingerprint(X509 *cert, char ret[static 96]) {
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    if (X509_digest(cert, EVP_sha256(), md, &n) != 1 || n != HASH_LEN) {
        return -EIO;
    }
    for (unsigned int i = 0; i < n; i++) {
        (void)snprintf(ret + (size_t)3 * i, 4, "%02X%s", md[i], i + 1 < n ? ":" : "");
    }
    return 0;
}
