/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts for which nobody waits: of a node's own acts (an undo point swept, a change reverted by
 * its timer), and of requests whose answer was lost. They are fetched when the next receipt of that
 * node shows a gap, and when operations are listed that lack one or of which a timer has ended: the
 * chain that the ledger holds must be whole, or `verify` could not tell them from suppressed ones.
 */
#include <errno.h>
#include <string.h>

#include "common/entry.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/own.h"
#include "common/receipt.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pipeline/outcome.h"
#include "proximo-client/pipeline/session.h"

struct newest {
    const char *node;
    uint64_t seq;
};

static int newest_of(void *ctx, uint64_t index, const struct entry *en, const char *bytes,
                     size_t len) {
    struct newest *n = ctx;

    (void)index;
    (void)bytes;
    (void)len;
    return en->kind == ENTRY_RECEIPT && strcmp(entry_get(en, "node"), n->node) == 0 &&
                   ident_u64(entry_get(en, "seq"), &n->seq) == 0
               ? 1
               : 0;
}

/* Under the ledger's lock: another process may have fetched the same. */
static int is_next(struct ledger *l, void *ctx, struct err *e) {
    const struct newest *last = ctx;
    struct newest now = {.node = last->node};
    int r = ledger_each_back(l, UINT64_MAX, newest_of, &now, e);

    return r < 0                  ? r
           : now.seq == last->seq ? 0
                                  : err_set(e, -EEXIST, "another process has written it");
}

static int put(struct session *s, const struct node_info *info, const char *note,
               struct newest *last, struct err *e) {
    struct receipt rc;
    int r = node_receipt_open(info, note, &rc, e);

    if (r == 0 && (rc.seq != last->seq + 1 || strcmp(rc.log, ledger_origin(s->ledger)) != 0)) {
        r = err_set(e, -EBADMSG, "node %s sent receipts that do not follow each other", info->name);
    }
    r = r < 0 ? r : receipt_append_if(s, &rc.intent, info->name, rc.seq, note, is_next, last, e);
    last->seq = r < 0 ? last->seq : rc.seq;
    return r;
}

int receipts_before(struct session *s, const char *node, uint64_t seq, struct err *e) {
    const struct node_info *info = s->nodes ? nodes_find(s->nodes, node) : NULL;
    struct newest last = {.node = node};
    int r = info && seq > 1 ? ledger_each_back(s->ledger, UINT64_MAX, newest_of, &last, e) : 0;

    while (r >= 0 && info && last.seq + 1 < seq) {
        CLEANUP(js_freep) js *list = NULL;
        uint64_t from = last.seq;

        r = node_receipts(s->nodes, node, from, &list, e);
        for (size_t i = 0; r >= 0 && i < js_len(list) && last.seq + 1 < seq; i++) {
            const char *note = json_object_get_string(js_at(list, i));

            r = put(s, info, note, &last, e);
        }
        if (last.seq == from) {
            break; /* it has no more: verify says so */
        }
    }
    return r < 0 ? r : 0;
}

struct same {
    const char *note;
    bool there;
};

static int is_same(void *ctx, uint64_t index, const struct entry *en, const char *bytes,
                   size_t len) {
    struct same *x = ctx;

    (void)index;
    (void)bytes;
    (void)len;
    x->there = en->kind == ENTRY_RECEIPT && strcmp(entry_get(en, "note"), x->note) == 0;
    return x->there ? 1 : 0;
}

static int in_order_once(struct session *s, const struct hash *leaf, const char *node, uint64_t seq,
                         const char *note, struct err *e) {
    struct newest last = {.node = node};
    struct same same = {.note = note};
    int r = receipts_before(s, node, seq, e);

    r = r < 0 ? r : ledger_each_back(s->ledger, UINT64_MAX, newest_of, &last, e);
    if (r >= 0 && last.seq >= seq) { /* fetched with a later one, or the node's chain began anew */
        r = ledger_each_back(s->ledger, UINT64_MAX, is_same, &same, e);
    }
    if (r < 0 || same.there) {
        return r < 0 ? r : 0;
    }
    return receipt_append_if(s, leaf, node, seq, note, is_next, &last, e);
}

int receipt_in_order(struct session *s, const struct hash *leaf, const char *node, uint64_t seq,
                     const char *note, struct err *e) {
    int r = -EEXIST;

    for (int i = 0; i < 8 && r == -EEXIST; i++) { /* other processes write theirs meanwhile */
        r = in_order_once(s, leaf, node, seq, note, e);
    }
    return r;
}
