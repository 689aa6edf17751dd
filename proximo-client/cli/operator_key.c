/* SPDX-License-Identifier: Apache-2.0 */
/* Approval keys. scrypt with N = 2^14, r = 8, p = 5 (one of the equal choices of OWASP's password
 * storage sheet, 2024; larger N needs more than the 32 MiB that libcrypto lets a PKCS#8 file ask for). */
#include "proximo-client/cli/operator_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"

#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 5

static void biop(BIO **b) {
    BIO_free_all(*b);
}

static void pkeyp(EVP_PKEY **k) {
    EVP_PKEY_free(*k);
}

static void p8infop(PKCS8_PRIV_KEY_INFO **k) {
    PKCS8_PRIV_KEY_INFO_free(*k);
}

static void sigp(X509_SIG **s) {
    X509_SIG_free(*s);
}

static int encrypt(EVP_PKEY *key, const char *passphrase, BIO *out) {
    CLEANUP(p8infop) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    CLEANUP(sigp) X509_SIG *sealed = NULL;
    X509_ALGOR *alg =
        PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, 16, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);

    if (!info || !alg) {
        X509_ALGOR_free(alg);
        return -EIO;
    }
    sealed = PKCS8_set0_pbe(passphrase, (int)strlen(passphrase), info, alg);
    if (!sealed) {
        X509_ALGOR_free(alg);
        return -EIO;
    }
    return PEM_write_bio_PKCS8(out, sealed) == 1 ? 0 : -EIO;
}

int operator_key_new(const char *path, const char *name, const char *passphrase, struct vkey *ret,
                     struct err *e) {
    CLEANUP(biop) BIO *bio = BIO_new(BIO_s_mem());
    CLEANUP(pkeyp) EVP_PKEY *key = NULL;
    CLEANUP(freep) char *dir = NULL;
    uint8_t seed[NOTE_SEED_LEN];
    struct skey s;
    char *data = NULL;
    long len;
    int r;

    if (access(path, F_OK) == 0) {
        (void)err_tag(e, -EEXIST, "key_exists", "%s is there already", path);
        return err_hint(e, "an approval key is never replaced: choose another name");
    }
    random_bytes(seed, sizeof(seed));
    key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
    r = skey_make(name, NOTE_ED25519, seed, &s);
    explicit_bzero(seed, sizeof(seed));
    if (r == 0) {
        *ret = s.v;
        skey_done(&s);
        r = bio && key ? encrypt(key, passphrase, bio) : -EIO;
    }
    if (r < 0) {
        ERR_clear_error();
        return err_set(e, r, "make the approval key of %s", name);
    }
    dir = strndup(path, (size_t)(strrchr(path, '/') - path));
    len = BIO_get_mem_data(bio, &data);
    r = dir ? dir_make(AT_FDCWD, dir, 0700, e) : err_set(e, -ENOMEM, "out of memory");
    return r < 0 ? r : file_replace(AT_FDCWD, path, data, (size_t)len, 0600, e);
}

static int give_passphrase(char *buf, int size, int rwflag, void *ctx) {
    const char *p = ctx;
    size_t len = strlen(p);

    (void)rwflag;
    if (len > (size_t)size) {
        return -1;
    }
    memcpy(buf, p, len);
    return (int)len;
}

int operator_key_open(const char *path, const char *name, const char *passphrase, struct skey *ret,
                      struct err *e) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(LIM_NOTE);
    CLEANUP(biop) BIO *bio = NULL;
    CLEANUP(pkeyp) EVP_PKEY *key = NULL;
    uint8_t seed[NOTE_SEED_LEN];
    size_t len = sizeof(seed);
    int r = file_read_private(AT_FDCWD, path, geteuid(), &b, e);

    if (r < 0) {
        return r;
    }
    bio = BIO_new_mem_buf(buf_str(&b), (int)b.len);
    key = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, (void *)(uintptr_t)passphrase)
              : NULL;
    if (!key || EVP_PKEY_get_raw_private_key(key, seed, &len) != 1 || len != sizeof(seed)) {
        ERR_clear_error();
        return err_tag(e, -EACCES, "wrong_passphrase",
                       "the key of %s could not be opened with that passphrase", name);
    }
    r = skey_make(name, NOTE_ED25519, seed, ret);
    explicit_bzero(seed, sizeof(seed));
    return r < 0 ? err_set(e, r, "key of %s", name) : 0;
}
