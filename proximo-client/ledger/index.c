/* SPDX-License-Identifier: Apache-2.0 */
/* The derived index. Its state file names the runs it stands on and the open intents, is tied to
 * the log by the leaf hash of the last entry it covers, and carries its own digest: anything that
 * does not fit is thrown away and built again from the entries. */
#include "proximo-client/ledger/index.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "proximo-client/ledger/impl.h"
#include "proximo-client/ledger/run.h"

/* v2: entries of the kind policy have records */
#define STATE_HEAD "proximo-index/v2\n"
#define STATE_MAX  (64u * 1024 * 1024)
#define LEVELS     64

struct open_list {
    struct index_open *v;
    size_t n, cap;
};

struct index {
    uint64_t covered; /* closed segments in runs */
    struct run run[LEVELS];
    struct open_list open;     /* intents of the covered segments without an outcome there */
    struct open_list open_now; /* the same with the tail's entries taken in */
    struct index_rec *tail;    /* of entries [covered * SEG_ENTRIES, tail_to), in their order */
    size_t n_tail, cap_tail;
    uint64_t tail_to;
    uint64_t stuck; /* closed segments when runs could not be written: the tail holds the rest */
};

static void index_reset(struct index *ix) {
    for (unsigned int k = 0; k < LEVELS; k++) {
        run_close(&ix->run[k]);
    }
    ix->covered = 0;
    ix->open.n = 0;
    ix->n_tail = 0;
    ix->tail_to = 0;
}

void index_free(struct index *ix) {
    if (ix) {
        index_reset(ix);
        free(ix->open.v);
        free(ix->open_now.v);
        free(ix->tail);
        free(ix);
    }
}

static int open_add(struct open_list *o, uint64_t at, const struct hash *leaf) {
    if (o->n == o->cap) {
        size_t cap = o->cap ? 2 * o->cap : 16;
        struct index_open *v = reallocarray(o->v, cap, sizeof(*v));

        if (!v) {
            return -ENOMEM;
        }
        o->v = v;
        o->cap = cap;
    }
    o->v[o->n++] = (struct index_open){at, *leaf};
    return 0;
}

static void open_drop(struct open_list *o, const uint8_t key[static INDEX_KEY]) {
    for (size_t i = 0; i < o->n; i++) {
        if (memcmp(o->v[i].leaf.b, key, INDEX_KEY) == 0) {
            memmove(&o->v[i], &o->v[i + 1], (o->n - i - 1) * sizeof(*o->v));
            o->n--;
            return;
        }
    }
}

static uint64_t rec_at(const struct index_rec *r) {
    uint64_t at = 0;

    for (size_t i = 0; i < sizeof(r->at); i++) {
        at = at << 8 | r->at[i];
    }
    return at;
}

static struct index_rec rec_make(enum index_type type, const uint8_t *key, uint64_t at) {
    struct index_rec r = {.type = (uint8_t)type};

    memcpy(r.key, key, INDEX_KEY);
    for (size_t i = sizeof(r.at); i-- > 0; at >>= 8) {
        r.at[i] = (uint8_t)at;
    }
    return r;
}

unsigned int index_records(const struct entry *en, uint64_t at, const struct hash *leaf,
                           struct index_rec ret[static 2]) {
    static const uint8_t none[INDEX_KEY];
    struct hash plan;
    struct hash intent;
    unsigned int n = 0;
    bool about_plan = en->kind == ENTRY_PLAN || en->kind == ENTRY_APPROVAL ||
                      en->kind == ENTRY_INTENT || en->kind == ENTRY_OUTCOME;

    if (en->kind == ENTRY_POLICY) {
        ret[0] = rec_make(INDEX_POLICY, none, at);
        return 1;
    }
    if (!about_plan || hash_parse(entry_get(en, "plan"), &plan) < 0) {
        return 0;
    }
    if (en->kind == ENTRY_PLAN || en->kind == ENTRY_APPROVAL) {
        ret[n++] = rec_make(en->kind == ENTRY_PLAN ? INDEX_PLAN : INDEX_APPROVAL, plan.b, at);
    } else if (en->kind == ENTRY_INTENT) {
        ret[n++] = rec_make(INDEX_INTENT, plan.b, at);
        ret[n++] = rec_make(INDEX_OP, leaf->b, at);
    } else if (hash_parse(entry_get(en, "intent"), &intent) == 0) {
        ret[n++] = rec_make(INDEX_OUTCOME, plan.b, at);
        ret[n++] = rec_make(INDEX_DONE, intent.b, at);
    }
    return n;
}

/* Collects one segment's (or the tail's) records. */
static int collect(void *ctx, uint64_t at, const struct entry *en, const char *bytes, size_t len) {
    struct index *ix = ctx;
    struct index_rec rec[2];
    struct hash leaf;
    unsigned int n;

    merkle_leaf(bytes, len, &leaf);
    n = index_records(en, at, &leaf, rec);
    if (ix->n_tail + n > ix->cap_tail) {
        size_t cap = ix->cap_tail ? 2 * ix->cap_tail : 64;
        struct index_rec *v = reallocarray(ix->tail, cap, sizeof(*v));

        if (!v) {
            return -ENOMEM;
        }
        ix->tail = v;
        ix->cap_tail = cap;
    }
    for (unsigned int i = 0; i < n; i++) {
        ix->tail[ix->n_tail++] = rec[i];
    }
    ix->tail_to = at + 1;
    return 0;
}

/* Takes records in entry order into a list of open intents. */
static int open_apply(struct ledger *l, struct open_list *o, const struct index_rec *rec,
                      size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct hash leaf;
        int r = 0;

        if (rec[i].type == INDEX_OP) {
            r = tree_read(l, 0, rec_at(&rec[i]), &leaf);
            r = r < 0 ? r : open_add(o, rec_at(&rec[i]), &leaf);
        } else if (rec[i].type == INDEX_DONE) {
            open_drop(o, rec[i].key);
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int put_u64(struct buf *b, uint64_t v) {
    uint64_t be = htobe64(v);

    return buf_add(b, &be, sizeof(be));
}

static int state_tie(struct ledger *l, uint64_t covered, struct hash *ret) {
    *ret = (struct hash){0};
    return covered ? tree_read(l, 0, covered * SEG_ENTRIES - 1, ret) : 0;
}

static int state_save(struct ledger *l, const struct index *ix, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(STATE_MAX);
    struct hash h;
    int r = buf_adds(&b, STATE_HEAD);

    r = r < 0 ? r : put_u64(&b, ix->covered);
    r = r < 0 ? r : state_tie(l, ix->covered, &h);
    r = r < 0 ? r : buf_add(&b, h.b, HASH_LEN);
    for (unsigned int k = 0; r == 0 && k < LEVELS; k++) {
        r = put_u64(&b, ix->run[k].n);
    }
    r = r < 0 ? r : put_u64(&b, ix->open.n);
    for (size_t i = 0; r == 0 && i < ix->open.n; i++) {
        r = put_u64(&b, ix->open.v[i].at);
        r = r < 0 ? r : buf_add(&b, ix->open.v[i].leaf.b, HASH_LEN);
    }
    if (r == 0) {
        sha256(buf_str(&b), b.len, &h);
        r = buf_add(&b, h.b, HASH_LEN);
    }
    return r < 0 ? err_set(e, r, "index: %s", strerror(-r))
                 : file_replace(l->dir, "index/state", buf_str(&b), b.len, 0600, e);
}

struct cursor {
    const char *p;
    size_t left;
    bool bad;
};

static void take(struct cursor *c, void *ret, size_t len) {
    if (c->bad || c->left < len) {
        c->bad = true;
        memset(ret, 0, len);
        return;
    }
    memcpy(ret, c->p, len);
    c->p += len;
    c->left -= len;
}

static uint64_t take_u64(struct cursor *c) {
    uint64_t be;

    take(c, &be, sizeof(be));
    return be64toh(be);
}

static int open_runs(struct ledger *l, struct index *ix, const uint64_t n[static LEVELS]) {
    for (unsigned int k = 0; k < LEVELS; k++) {
        int r = 0;

        if (ix->covered >> k & 1) {
            r = run_open(l->dir, k, (ix->covered >> k) - 1, n[k], &ix->run[k]);
        } else if (n[k]) {
            r = -EBADMSG;
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int state_parse(struct ledger *l, struct index *ix, const struct buf *b) {
    const size_t head = sizeof(STATE_HEAD) - 1;
    struct cursor c = {.p = buf_str(b), .left = b->len};
    uint64_t n[LEVELS];
    uint64_t n_open;
    struct hash tie;
    struct hash h;
    int r;

    if (b->len < head + HASH_LEN || memcmp(b->data, STATE_HEAD, head) != 0) {
        return -EBADMSG;
    }
    sha256(b->data, b->len - HASH_LEN, &h);
    if (memcmp(h.b, b->data + b->len - HASH_LEN, HASH_LEN) != 0) {
        return -EBADMSG;
    }
    c.p += head;
    c.left -= head + HASH_LEN;
    ix->covered = take_u64(&c);
    take(&c, tie.b, HASH_LEN);
    for (unsigned int k = 0; k < LEVELS; k++) {
        n[k] = take_u64(&c);
    }
    n_open = take_u64(&c);
    if (c.bad || c.left != n_open * (8 + HASH_LEN) || ix->covered > l->edge.size / SEG_ENTRIES ||
        state_tie(l, ix->covered, &h) < 0 || !hash_eq(&h, &tie)) {
        return -EBADMSG;
    }
    for (uint64_t i = 0; i < n_open; i++) {
        uint64_t at = take_u64(&c);

        take(&c, h.b, HASH_LEN);
        r = open_add(&ix->open, at, &h);
        if (r < 0) {
            return r;
        }
    }
    return open_runs(l, ix, n);
}

/* What another process (or an earlier one) has built; nothing at all when it does not fit. */
static void state_load(struct ledger *l, struct index *ix) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(STATE_MAX);

    index_reset(ix);
    if (file_read(l->dir, "index/state", &b, NULL) < 0 || state_parse(l, ix, &b) < 0) {
        index_reset(ix);
    }
}

static int by_bytes(const void *a, const void *b) {
    return memcmp(a, b, sizeof(struct index_rec));
}

/* One more closed segment: its records and the runs it completes become one run. */
static int cover_segment(struct ledger *l, struct index *ix, struct err *e) {
    struct run in[LEVELS];
    uint64_t s = ix->covered;
    unsigned int n_in = 0;
    unsigned int level = 0;
    uint64_t n = 0;
    int r;

    ix->n_tail = 0;
    r = read_each(l, s * SEG_ENTRIES, (s + 1) * SEG_ENTRIES, collect, ix, e);
    if (r < 0) {
        return r;
    }
    r = open_apply(l, &ix->open, ix->tail, ix->n_tail);
    if (ix->n_tail) {
        qsort(ix->tail, ix->n_tail, sizeof(*ix->tail), by_bytes);
    }
    for (; s >> level & 1; level++) {
        in[n_in++] = ix->run[level];
    }
    r = r < 0 ? r : run_merge(l->dir, in, n_in, ix->tail, ix->n_tail, level, s >> level, &n);
    ix->n_tail = 0;
    if (r < 0) {
        return err_set(e, r, "index: %s", strerror(-r));
    }
    for (unsigned int k = 0; k < level; k++) {
        run_close(&ix->run[k]);
    }
    ix->covered++;
    r = run_open(l->dir, level, s >> level, n, &ix->run[level]);
    return r < 0 ? err_set(e, r, "index: %s", strerror(-r)) : 0;
}

/* Removes the runs that no state needs any more. */
static void drop_runs(struct ledger *l, uint64_t from, uint64_t to) {
    for (uint64_t s = from; s < to; s++) {
        for (unsigned int k = 0; s >> k & 1; k++) {
            char name[RUN_NAME];

            run_name(k, (s >> k) - 1, name);
            (void)unlinkat(l->dir, name, 0);
        }
    }
}

static int advance(struct ledger *l, struct index *ix, struct err *e) {
    uint64_t closed = l->edge.size / SEG_ENTRIES;
    CLEANUP(closep)
    int lock = openat(l->dir, "index", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    uint64_t from;
    int r = 0;

    if (lock < 0 || flock(lock, LOCK_EX) < 0) {
        return err_set(e, -errno, "index: %s", strerror(errno));
    }
    state_load(l, ix);
    from = ix->covered;
    while (r == 0 && ix->covered < closed) {
        r = cover_segment(l, ix, e);
    }
    if (r == 0 && from < closed) {
        r = state_save(l, ix, e);
    }
    if (r < 0) {
        index_reset(ix);
        return r;
    }
    drop_runs(l, from, closed);
    ix->tail_to = ix->covered * SEG_ENTRIES;
    return 0;
}

/* Closed segments go into runs. Where that cannot be written (a full disk must not keep an outcome
 * from being recorded) they stay in memory, until there is one more of them to try with. */
static void index_cover(struct ledger *l, struct index *ix) {
    uint64_t closed = l->edge.size / SEG_ENTRIES;

    if (ix->covered >= closed || ix->stuck == closed) {
        return;
    }
    ix->stuck = 0;
    if (advance(l, ix, NULL) < 0) {
        state_load(l, ix);
        ix->tail_to = ix->covered * SEG_ENTRIES;
        ix->stuck = closed;
    }
}

static int index_ready(struct ledger *l, struct err *e) {
    int r = recover_refresh(l, e);

    if (r < 0) {
        return r;
    }
    if (!l->index) {
        l->index = calloc(1, sizeof(*l->index));
        if (!l->index) {
            return err_set(e, -ENOMEM, "out of memory");
        }
        for (unsigned int k = 0; k < LEVELS; k++) {
            l->index->run[k].fd = -1;
        }
    }
    index_cover(l, l->index);
    return read_each(l, l->index->tail_to, l->edge.size, collect, l->index, e);
}

static int find_in_run(const struct run *run, const struct index_rec *from, index_fn *fn,
                       void *ctx) {
    uint64_t i = 0;
    int r = run->n ? run_lower_bound(run, from, &i) : 0;

    for (; r == 0 && i < run->n; i++) {
        struct index_rec rec;

        r = run_read(run, i, &rec);
        if (r < 0 || memcmp(&rec, from, INDEX_KEY + 1) != 0) {
            return r;
        }
        r = fn(ctx, rec_at(&rec));
    }
    return r;
}

int index_find(struct ledger *l, enum index_type type, const uint8_t key[static INDEX_KEY],
               index_fn *fn, void *ctx, struct err *e) {
    struct index_rec from = rec_make(type, key, 0);
    int r = index_ready(l, e);

    for (size_t i = 0; r == 0 && i < l->index->n_tail; i++) {
        if (memcmp(&l->index->tail[i], &from, INDEX_KEY + 1) == 0) {
            r = fn(ctx, rec_at(&l->index->tail[i]));
        }
    }
    for (unsigned int k = 0; r == 0 && k < LEVELS; k++) {
        r = find_in_run(&l->index->run[k], &from, fn, ctx);
    }
    return r;
}

int index_open_intents(struct ledger *l, const struct index_open **ret, size_t *ret_n,
                       struct err *e) {
    struct index *ix;
    int r = index_ready(l, e);

    if (r < 0) {
        return r;
    }
    ix = l->index;
    ix->open_now.n = 0;
    for (size_t i = 0; r == 0 && i < ix->open.n; i++) {
        r = open_add(&ix->open_now, ix->open.v[i].at, &ix->open.v[i].leaf);
    }
    r = r < 0 ? r : open_apply(l, &ix->open_now, ix->tail, ix->n_tail);
    if (r < 0) {
        return err_set(e, r, "index: %s", strerror(-r));
    }
    *ret = ix->open_now.v;
    *ret_n = ix->open_now.n;
    return 0;
}
