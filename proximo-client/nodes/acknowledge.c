/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes keep each receipt until the client proves that it is in the ledger, and act no more when
 * too many are open. The proof of the newest covers all before it: receipts are chained. */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes_int.h"

#define LOOK_BACK 4096 /* entries; a node that is owed more is asked to wait for the next time */

struct search {
    const char *node;
    uint64_t below; /* entries under the proved head */
    unsigned int left;
    uint64_t index, seq;
    struct buf entry;
};

static int look(void *ctx, uint64_t index, const struct entry *en, const char *bytes, size_t len) {
    struct search *s = ctx;

    if (index < s->below && en->kind == ENTRY_RECEIPT &&
        strcmp(entry_get(en, "node"), s->node) == 0 &&
        ident_u64(entry_get(en, "seq"), &s->seq) == 0) {
        s->index = index;
        return buf_add(&s->entry, bytes, len) < 0 ? -ENOMEM : 1;
    }
    return --s->left == 0 ? -ENOENT : 0;
}

static int make_body(struct ledger *l, const struct search *s, const struct buf *note,
                     struct buf *ret, struct err *e) {
    CLEANUP(js_freep) js *o = js_object();
    struct proof p = {.n = 0};
    int r = ledger_inclusion(l, s->index, s->below, &p, e);

    js_add(o, "upto", js_int((int64_t)s->seq));
    js_add(o, "entry", b64_js(s->entry.data, s->entry.len));
    js_add(o, "index", js_int((int64_t)s->index));
    js_add(o, "inclusion", proof_js(&p));
    js_add(o, "checkpoint", js_str_n(buf_str(note), note->len));
    return r < 0 ? r : js_print(o, ret);
}

int receipts_acknowledge(struct nodes *n, struct node *node, struct ledger *l,
                         const struct buf *note, uint64_t size, struct err *e) {
    struct search s = {
        .node = node->name, .below = size, .left = LOOK_BACK, .entry = BUF_INIT(LIM_ENTRY)};
    CLEANUP(buf_done) struct buf body = BUF_INIT(LIM_HTTP_BODY);
    CLEANUP(reply_done) struct reply a = {0};
    struct call c = {
        .method = "POST", .path = "/v1/receipts", .type = "application/json", .timeout_s = 15};
    int r = ledger_each_back(l, UINT64_MAX, look, &s, NULL);

    if (r == 1 && s.seq > node->acknowledged) {
        r = make_body(l, &s, note, &body, e);
        c.body = body.data;
        c.len = body.len;
        r = r < 0 ? r : call_run(n, node, &c, &a, e);
        if (r == 0) {
            r = a.status == 200 ? 0 : reply_refused(node, &a, e);
        }
        if (r == 0) {
            node->acknowledged = s.seq;
        }
    } else {
        r = 0; /* there is none that it waits for */
    }
    buf_done(&s.entry);
    return r;
}
