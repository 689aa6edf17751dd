/* SPDX-License-Identifier: Apache-2.0 */
/* A receipt that is missing, or stands where another one was, is seen by the chain of its node. */
#include "proximo-client/ledger/chain.h"

#include <stdlib.h>
#include <string.h>

#include "proximo-client/ledger/audit.h"

void chain_add(struct chain *c, const struct chain_link *link) {
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 64;
        c->v = reallocarray(c->v, c->cap, sizeof(*c->v));
        if (!c->v) {
            abort(); /* an audit that forgets is worse than none */
        }
    }
    c->v[c->n++] = *link;
}

void chain_done(struct chain *c) {
    free(c->v);
    *c = (struct chain){0};
}

static int by_sequence(const void *a, const void *b) {
    const struct chain_link *x = a;
    const struct chain_link *y = b;
    int r = strcmp(x->node, y->node);

    r = r ? r : strcmp(x->key_id, y->key_id);
    if (r) {
        return r;
    }
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* A node that was armed again has another key: its chain goes on where its journal did. */
static bool goes_on(const struct chain *c, const struct chain_link *l) {
    for (size_t i = 0; l->has_prev && i < c->n; i++) {
        const struct chain_link *p = &c->v[i];

        if (strcmp(p->node, l->node) == 0 && strcmp(p->key_id, l->key_id) != 0 &&
            p->seq + 1 == l->seq && hash_eq(&p->self, &l->prev)) {
            return true;
        }
    }
    return false;
}

/* Receipts of one node key form a chain without a gap, from 1 or from the node's key before. Two
 * processes may have recorded them in another order, so this is looked at when all are there. */
void chain_check(struct chain *c, js *report) {
    if (c->n) {
        qsort(c->v, c->n, sizeof(*c->v), by_sequence);
    }
    for (size_t i = 0; i < c->n; i++) {
        const struct chain_link *l = &c->v[i];
        const struct chain_link *p = i ? l - 1 : NULL;
        bool starts = !p || strcmp(p->node, l->node) != 0 || strcmp(p->key_id, l->key_id) != 0;
        uint64_t want = starts ? 1 : p->seq + 1;

        if (l->seq != want && !(starts && goes_on(c, l))) {
            defect(report, l->entry, "receipt_gap", "%s: receipt %llu follows %llu", l->node,
                   (unsigned long long)l->seq, (unsigned long long)want - 1);
        } else if (!starts && (!l->has_prev || !hash_eq(&l->prev, &p->self))) {
            defect(report, l->entry, "receipt_chain", "%s: receipt %llu does not follow %llu",
                   l->node, (unsigned long long)l->seq, (unsigned long long)p->seq);
        }
    }
}
