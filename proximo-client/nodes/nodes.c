/* SPDX-License-Identifier: Apache-2.0 */
/* Node daemons as the rest of the client sees them: the list, and the questions that change
 * nothing. A node that is not trusted yet may be asked, but counts for nothing. */
#include "proximo-client/nodes/nodes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/receipt.h"
#include "proximo-client/nodes/nodes_int.h"

#define ASK_S 20

int nodes_open(const char *state_file, const char *key_file, struct nodes **ret, struct err *e) {
    CLEANUP(nodes_closep) struct nodes *n = calloc(1, sizeof(*n));
    int r;

    if (!n) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    n->cert_pem = (struct buf)BUF_INIT(LIM_NOTE);
    n->key_pem = (struct buf)BUF_INIT(LIM_NOTE);
    n->file = strdup(state_file);
    n->key_file = strdup(key_file);
    n->multi = curl_multi_init();
    if (!n->file || !n->key_file || !n->multi) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    /* libcurl's own bound is four connections for one call, and the others would be closed. */
    (void)curl_multi_setopt(n->multi, CURLMOPT_MAXCONNECTS, 2L * LIM_NODES);
    r = state_read(n, e);
    if (r < 0) {
        return r;
    }
    *ret = TAKE(n);
    return 0;
}

void nodes_close(struct nodes *n) {
    if (!n) {
        return;
    }
    while (n->n) {
        (void)state_drop(n, n->v[n->n - 1].name);
    }
    free(n->v);
    outside_done(n);
    if (n->multi) {
        (void)curl_multi_cleanup(n->multi);
    }
    buf_done(&n->cert_pem);
    buf_wipe(&n->key_pem);
    free(n->file);
    free(n->key_file);
    free(n);
}

size_t nodes_count(const struct nodes *n) {
    return n->n;
}

const struct node_info *nodes_at(const struct nodes *n, size_t i) {
    return i < n->n ? &n->v[i].i : NULL;
}

const struct node_info *nodes_find(const struct nodes *n, const char *name) {
    for (size_t i = 0; i < n->n; i++) {
        if (strcmp(n->v[i].name, name) == 0) {
            return &n->v[i].i;
        }
    }
    return NULL;
}

bool node_is_stranger(const struct node_info *i) {
    return i->from[0] && !i->trusted;
}

int node_receipt_open(const struct node_info *i, const char *note, struct receipt *ret,
                      struct err *e) {
    int r = receipt_open(note, strlen(note), &i->receipt, ret, e);

    for (size_t k = i->n_former; r == -ENOENT && k-- > 0;) {
        r = receipt_open(note, strlen(note), &i->former[k], ret, e);
    }
    return r;
}

void nodes_on_cancel(struct nodes *n, bool (*cancelled)(void *ctx), void *ctx) {
    n->cancelled = cancelled;
    n->cancel_ctx = ctx;
}

static int ask(struct nodes *n, const char *name, const char *path, const void *body, size_t len,
               js **ret, struct err *e) {
    CLEANUP(reply_done) struct reply a = {0};
    struct node *node = node_get(n, name);
    struct call c = {.method = body ? "POST" : "GET",
                     .path = path,
                     .type = "application/json",
                     .body = body,
                     .len = len,
                     .timeout_s = ASK_S};
    int r = call_run(n, node, &c, &a, e);

    if (r < 0) {
        return r;
    }
    return a.status == 200 ? reply_json(node, &a, ret, e) : reply_refused(node, &a, e);
}

int node_status(struct nodes *n, const char *node, js **ret, struct err *e) {
    return ask(n, node, "/v1/status", NULL, 0, ret, e);
}

int node_explain(struct nodes *n, const char *node, const char *request, js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_HTTP_BODY);

    if (buf_adds(&b, "{\"request\":\"") < 0 || b64_encode(&b, request, strlen(request)) < 0 ||
        buf_adds(&b, "\"}") < 0) {
        return err_set(e, -E2BIG, "the request is too long");
    }
    return ask(n, node, "/v1/explain", b.data, b.len, ret, e);
}

/* base64 of output bytes → text with what is not UTF-8 replaced. */
static void decode(js *o, const char *member) {
    CLEANUP(buf_done) struct buf raw = BUF_INIT(LIM_PRIV_MSG);
    const char *s = js_get_str(o, member);

    if (s && b64_decode(s, strlen(s), &raw) == 0) {
        js_add(o, member, js_str_n(buf_str(&raw), raw.len));
    }
}

int node_op(struct nodes *n, const char *node, const struct hash *h, js **ret, struct err *e) {
    char path[16 + 2 * HASH_LEN + 1] = "/v1/op/";
    int r;

    hex_encode(h->b, HASH_LEN, path + strlen(path));
    r = ask(n, node, path, NULL, 0, ret, e);
    if (r == 0) {
        decode(*ret, "stdout");
        decode(*ret, "stderr");
    }
    return r;
}

int node_receipts(struct nodes *n, const char *node, uint64_t after, js **ret, struct err *e) {
    CLEANUP(js_freep) js *o = NULL;
    char path[64];
    int r;

    (void)snprintf(path, sizeof(path), "/v1/receipts?after=%llu", (unsigned long long)after);
    r = ask(n, node, path, NULL, 0, &o, e);
    if (r < 0) {
        return r;
    }
    if (!js_is_array(js_get(o, "receipts"))) {
        return err_tag(e, -EBADMSG, "node_refused", "%s: an answer without receipts", node);
    }
    *ret = js_ref(js_get(o, "receipts"));
    return 0;
}

static int set_trust(struct nodes *n, void *ctx, struct err *e) {
    const struct node_info *want = ctx;
    struct node *d = node_get(n, want->name);

    if (!d) {
        return err_tag(e, -ENOENT, "node_unknown", "no enrolled node is called `%s`", want->name);
    }
    d->i.trusted = want->trusted;
    return 0;
}

int nodes_trust(struct nodes *n, const char *node, bool trust, struct err *e) {
    struct node_info want = {.name = node, .trusted = trust};

    return state_change(n, set_trust, &want, e);
}

static int drop(struct nodes *n, void *ctx, struct err *e) {
    const char *name = ctx;

    return state_drop(n, name) < 0
               ? err_tag(e, -ENOENT, "node_unknown", "no enrolled node is called `%s`", name)
               : 0;
}

int nodes_forget(struct nodes *n, const char *node, struct err *e) {
    CLEANUP(freep) char *name = strdup(node); /* it may point into the list that is re-read */

    return name ? state_change(n, drop, name, e) : err_set(e, -ENOMEM, "out of memory");
}
