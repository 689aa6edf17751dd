/* SPDX-License-Identifier: Apache-2.0 */
/* common/tls.h - TLS 1.3 contexts and what identifies a peer: the SHA-256 of its public key (SPKI).
 * Used by pveagentd's network half and by proximo-client; never by the root half. */
#pragma once
#include <openssl/ssl.h>
#include <stdint.h>

#include "common/digest.h"

struct err;

/* SHA-256 of the DER SubjectPublicKeyInfo. */
int tls_spki_of_cert(X509 *cert, struct hash *ret);
int tls_spki_of_key(EVP_PKEY *key, struct hash *ret);
/* Of the connected peer; -ENOENT when it showed no certificate. */
int tls_peer_spki(SSL *ssl, struct hash *ret);

/* Server context: TLS 1.3 only, own certificate and key (PEM), client certificate requested;
 * with `need_client` a handshake without one fails. Any certificate chain is let through the
 * handshake: the caller decides by SPKI at every request (the enrolled list is the authority). */
int tls_server(const char *cert_file, const char *key_file, bool need_client, SSL_CTX **ret,
               struct err *e);

/* A self-signed certificate for an Ed25519 (or any) key, valid from now - 1 h for `days`. */
int tls_self_signed(EVP_PKEY *key, const char *common_name, const char *alt_names /* "IP:…,DNS:…" or NULL */,
                    int days, X509 **ret, struct err *e);
int tls_key_new(EVP_PKEY **ret, struct err *e);      /* Ed25519 */
int tls_key_new_p256(EVP_PKEY **ret, struct err *e); /* for peers that want ECDSA (browsers) */
int tls_write_key(int dirfd, const char *path, EVP_PKEY *key, struct err *e);   /* 0600, durable */
int tls_write_cert(int dirfd, const char *path, X509 *cert, struct err *e);     /* 0644, durable */
int tls_read_key(int dirfd, const char *path, EVP_PKEY **ret, struct err *e);   /* must be private */
int tls_read_cert(int dirfd, const char *path, X509 **ret, struct err *e);
/* SHA-256 over the DER certificate as PVE prints it: "AB:CD:…" (95 characters). */
int tls_fingerprint(X509 *cert, char ret[static 96]);

static inline void tls_ctx_freep(SSL_CTX **c) {
    SSL_CTX_free(*c);
    *c = NULL;
}
static inline void tls_cert_freep(X509 **c) {
    X509_free(*c);
    *c = NULL;
}
static inline void tls_key_freep(EVP_PKEY **k) {
    EVP_PKEY_free(*k);
    *k = NULL;
}
