/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are to nodes: one Ed25519 key, made by the first join. The certificate around it is made
 * anew in memory each time; nodes look at nothing but the key. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/pem.h>
#include <string.h>

#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/tls.h"
#include "proximo-client/nodes/nodes_int.h"

static void bio_freep(BIO **b) {
    BIO_free_all(*b);
}

static int take(BIO *bio, struct buf *ret) {
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);

    return len > 0 ? buf_add(ret, data, (size_t)len) : -EIO;
}

static int make_key(struct nodes *n, EVP_PKEY **ret, struct err *e) {
    CLEANUP(freep) char *path = strdup(n->key_file);
    int r =
        path ? dir_make(AT_FDCWD, dirname(path), 0700, e) : err_set(e, -ENOMEM, "out of memory");

    if (r == 0) {
        r = tls_key_new(ret, e);
    }
    return r < 0 ? r : tls_write_key(AT_FDCWD, n->key_file, *ret, e);
}

void identity_drop(struct nodes *n) {
    buf_wipe(&n->key_pem);
    buf_done(&n->cert_pem);
    n->cert_pem = (struct buf)BUF_INIT(LIM_NOTE);
    n->key_pem = (struct buf)BUF_INIT(LIM_NOTE);
    for (size_t i = 0; i < n->n; i++) { /* a connection that is open was made with it */
        curl_easy_cleanup(n->v[i].curl);
        n->v[i].curl = NULL;
    }
}

int identity_load(struct nodes *n, bool make, struct err *e) {
    CLEANUP(tls_key_freep) EVP_PKEY *key = NULL;
    CLEANUP(tls_cert_freep) X509 *cert = NULL;
    CLEANUP(bio_freep) BIO *crt = BIO_new(BIO_s_mem());
    CLEANUP(bio_freep) BIO *pem = BIO_new(BIO_s_secmem());
    int r;

    if (n->key_pem.len) {
        return 0;
    }
    if (access(n->key_file, F_OK) < 0 && errno == ENOENT) {
        if (!make) {
            (void)err_tag(e, -ENOENT, "not_enrolled", "this client has joined no node yet");
            return err_hint(
                e,
                "on a node: pveagentctl invite NAME; here: proximo-client join --name NAME LINE");
        }
        r = make_key(n, &key, e);
    } else {
        r = tls_read_key(AT_FDCWD, n->key_file, &key, e);
    }
    if (r == 0) {
        r = tls_self_signed(key, "proximo-client", NULL, 3650, &cert, e);
    }
    if (r < 0) {
        return r;
    }
    if (!crt || !pem || PEM_write_bio_X509(crt, cert) != 1 ||
        PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        take(crt, &n->cert_pem) < 0 || take(pem, &n->key_pem) < 0) {
        buf_reset(&n->cert_pem);
        buf_reset(&n->key_pem);
        return err_set(e, -EIO, "%s: the key cannot be used", n->key_file);
    }
    return 0;
}
