/* SPDX-License-Identifier: Apache-2.0 */
/* Our own TLS key, changed. The log's key says which one comes next; nodes take both until the next
 * one is used. Invariant: the key in use is one that every node takes, at each moment: the next one
 * is on disk before anybody hears of it, and it is used when nobody is left who has not. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/roster.h"
#include "common/tls.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes_int.h"

static int next_key(const char *path, EVP_PKEY **ret, struct err *e) {
    int r;

    if (access(path, F_OK) == 0) {
        return tls_read_key(AT_FDCWD, path, ret, e); /* an earlier attempt's: some may know it */
    }
    r = tls_key_new(ret, e);
    return r < 0 ? r : tls_write_key(AT_FDCWD, path, *ret, e);
}

static int tell(struct nodes *n, struct node *node, struct ledger *l, const struct hash *spki,
                struct err *e) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINE);
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    CLEANUP(reply_done) struct reply a = {0};
    struct client_key k = {.time = clock_unix(), .spki = *spki};
    struct call c = {.method = "POST", .path = "/v1/rotate", .type = "text/plain", .timeout_s = 10};
    int r;

    (void)snprintf(k.client, sizeof(k.client), "%s", node->client);
    (void)snprintf(k.log, sizeof(k.log), "%s", ledger_origin(l));
    r = client_key_text(&k, &text, e);
    r = r < 0 ? r : ledger_sign(l, buf_str(&text), text.len, &note, e);
    c.body = note.data;
    c.len = note.len;
    r = r < 0 ? r : call_run(n, node, &c, &a, e);
    return r < 0 || a.status == 200 ? r : reply_refused(node, &a, e);
}

int nodes_rotate_key(struct nodes *n, struct ledger *l,
                     int (*fn)(void *ctx, const char *node, const char *why), void *ctx,
                     struct err *e) {
    CLEANUP(tls_key_freep) EVP_PKEY *key = NULL;
    CLEANUP(buf_done) struct buf next = BUF_INIT(4096);
    struct hash spki;
    size_t missing = 0;
    int r = identity_load(n, false, e);

    r = r < 0 ? r : buf_addf(&next, "%s.next", n->key_file);
    r = r < 0 ? r : next_key(buf_str(&next), &key, e);
    r = r < 0 ? r : tls_spki_of_key(key, &spki);
    for (size_t i = 0; r == 0 && i < n->n; i++) {
        struct err why = {0};

        if (node_is_stranger(&n->v[i].i)) {
            continue;
        }
        if (tell(n, &n->v[i], l, &spki, &why) < 0) {
            missing++;
            r = fn(ctx, n->v[i].name, why.msg);
        } else {
            r = fn(ctx, n->v[i].name, NULL);
        }
    }
    if (r < 0) {
        return r;
    }
    if (missing) {
        (void)err_tag(e, -EAGAIN, "rotation_incomplete",
                      "%zu nodes have not heard of the next key: the present one stays in use",
                      missing);
        return err_hint(e, "run it again when they answer; or node forget those that are gone");
    }
    if (rename(buf_str(&next), n->key_file) < 0) {
        return err_set(e, -errno, "%s: %s", n->key_file, strerror(errno));
    }
    identity_drop(n);
    return 0;
}
