/* SPDX-License-Identifier: Apache-2.0 */
/* An IP set with exceptions as plain intervals. The kernel's hash:net asks the prefixes from the
 * longest to the shortest and the first that fits decides; nftables asks two sets: in the one and
 * not in the other. Prefixes nest or are apart, so one sweep with a stack gives both. */
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/fw.h"
#include "proximo-client/blast/picture_int.h"

static int by_start(const void *a, const void *b) {
    const struct fw_net *x = a;
    const struct fw_net *y = b;

    if (x->v != y->v) {
        return x->v < y->v ? -1 : 1;
    }
    if (x->lo != y->lo) {
        return x->lo < y->lo ? -1 : 1;
    }
    if (x->hi != y->hi) {
        return x->hi > y->hi ? -1 : 1; /* the wider one first: it is the outer one */
    }
    return x->order < y->order ? -1 : x->order > y->order;
}

struct sweep {
    struct fw_net *out;
    size_t n;
    const struct fw_net **stack;
    size_t depth;
    bool nft;
    u128 at;   /* everything below is decided */
    bool past; /* … and nothing is left: the last address was */
};

static bool decides(const struct sweep *s) {
    if (s->depth == 0) {
        return false;
    }
    for (size_t i = 0; s->nft && i < s->depth; i++) {
        if (s->stack[i]->nomatch) {
            return false;
        }
    }
    return !s->stack[s->depth - 1]->nomatch;
}

/* Up to and including `last` nothing begins or ends. */
static void emit(struct sweep *s, unsigned int v, u128 last) {
    if (decides(s)) {
        struct fw_net *prev = s->n ? &s->out[s->n - 1] : NULL;

        if (prev && prev->v == v && prev->hi + 1 == s->at) {
            prev->hi = last;
        } else {
            struct fw_net *o = picture_grow(&s->out, &s->n, sizeof(*o));

            *o = (struct fw_net){.lo = s->at, .hi = last, .v = v};
        }
    }
    s->past = last == ~(u128)0;
    s->at = last + 1;
}

/* Closes what ends before `next` (NULL: everything). */
static void close_before(struct sweep *s, const struct fw_net *next) {
    while (s->depth > 0) {
        const struct fw_net *top = s->stack[s->depth - 1];

        if (next && next->v == top->v && next->lo <= top->hi) {
            return;
        }
        if (!s->past && s->at <= top->hi) {
            emit(s, top->v, top->hi);
        }
        s->depth--;
    }
}

static void sweep(struct fw_arena *a, const struct fw_net *sorted, size_t n, bool nft,
                  struct fw_net **ret, size_t *ret_n) {
    CLEANUP(freep) const struct fw_net **stack = calloc(n ? n : 1, sizeof(struct fw_net *));
    struct sweep s = {.stack = stack, .nft = nft};

    if (!stack) {
        abort();
    }
    for (size_t i = 0; i < n; i++) {
        close_before(&s, &sorted[i]);
        if (s.depth > 0 && s.at < sorted[i].lo) {
            emit(&s, sorted[i].v, sorted[i].lo - 1);
        }
        s.at = sorted[i].lo;
        s.past = false;
        stack[s.depth++] = &sorted[i];
    }
    close_before(&s, NULL);
    *ret = fw_alloc(a, s.n, sizeof(**ret));
    if (s.n > 0) {
        memcpy(*ret, s.out, s.n * sizeof(*s.out));
    }
    *ret_n = s.n;
    free(s.out);
}

void fw_set_finish(struct fw_arena *a, struct fw_set *s) {
    CLEANUP(freep) struct fw_net *sorted = calloc(s->n_raw ? s->n_raw : 1, sizeof(*sorted));

    size_t n = 0;

    if (!sorted) {
        abort();
    }
    for (size_t i = 0; i < s->n_raw; i++) {
        sorted[i] = s->raw[i];
        sorted[i].order = (uint32_t)i;
    }
    qsort(sorted, s->n_raw, sizeof(*sorted), by_start);
    for (size_t i = 0; i < s->n_raw; i++) {
        /* PVE keeps one entry a network: the last (an alias may name what stands there already) */
        n -= n > 0 && sorted[n - 1].v == sorted[i].v && sorted[n - 1].lo == sorted[i].lo &&
             sorted[n - 1].hi == sorted[i].hi;
        sorted[n++] = sorted[i];
    }
    for (int nft = 0; nft < 2; nft++) {
        sweep(a, sorted, n, nft == 1, &s->in[nft], &s->n_in[nft]);
    }
}

bool fw_set_has(const struct fw_set *s, bool nft, unsigned int v, u128 a) {
    size_t lo = 0;
    size_t hi = s->n_in[nft];

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct fw_net *n = &s->in[nft][mid];

        if (fw_net_has(n, v, a)) {
            return true;
        }
        if (n->v < v || (n->v == v && n->hi < a)) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return false;
}
