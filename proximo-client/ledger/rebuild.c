/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery of a log. The invariant: nothing is believed but signatures of the log's own key. Every
 * checkpoint that it signed and that we can get (its own, the mirror's, those that nodes cosigned)
 * is a mark that the entries must meet on the way; only then is a copy made, and it takes the place
 * of the log in one step. Entries that no signature covers are the only ones that may be missing
 * after it, and they stay in the directory that is kept. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "proximo-client/ledger/body.h"
#include "proximo-client/ledger/care.h"
#include "proximo-client/ledger/impl.h"
#include "proximo-client/ledger/source.h"

#define MARKS_MAX (LIM_NODES + 3)

struct mark {
    struct checkpoint c;
    char *note;
    const char *who;
};

struct rebuild {
    const struct ledger_recovery *in;
    struct ledger *l;
    int mirror;                  /* -1: none */
    struct mark mark[MARKS_MAX]; /* the first is the stored one, if has_own */
    size_t n;
    bool has_own;                   /* the stored checkpoint is readable */
    const struct mark *from_mirror; /* the mirror's checkpoint */
    const struct mark *target;      /* the largest */
    uint64_t whole;                 /* entries of our own that can be read */
    struct err *e;
};

static void rebuild_done(struct rebuild *x) {
    for (size_t i = 0; i < x->n; i++) {
        free(x->mark[i].note);
    }
    closep(&x->mirror);
    ledger_close(x->l);
}

static int add_mark(struct rebuild *x, const char *note, size_t len, const char *who) {
    CLEANUP(freep) struct note *n = malloc(sizeof(*n));
    struct mark *m = &x->mark[x->n];
    int r = n && x->n < MARKS_MAX ? 0 : -ENOMEM;

    r = r < 0 ? err_set(x->e, r, "too many checkpoints")
              : checkpoint_open(note, len, &x->l->vkey, n, &m->c, x->e);
    if (r < 0) {
        return r;
    }
    m->note = strndup(note, len);
    m->who = who;
    if (!m->note) {
        return err_set(x->e, -ENOMEM, "out of memory");
    }
    x->n++;
    return 0;
}

static int mark_from(struct rebuild *x, int dirfd, const char *name, const char *who) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);
    int r = file_read(dirfd, name, &b, x->e);

    return r < 0 ? r : add_mark(x, buf_str(&b), b.len, who);
}

static int bad_mirror(const struct rebuild *x, const char *what) {
    (void)err_tag(x->e, -EBADMSG, "mirror_bad", "the mirror %s %s", x->in->mirror, what);
    return err_hint(x->e,
                    "nothing was changed; try another copy, or proximo-client ledger restart");
}

static int open_mirror(struct rebuild *x) {
    struct source s;
    int r;

    if (!x->in->mirror) {
        return 0;
    }
    x->mirror = open(x->in->mirror, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (x->mirror < 0) {
        return bad_mirror(x, strerror(errno));
    }
    source_open(x->mirror, 0, &s);
    if (!s.is_tiles) {
        return bad_mirror(x, "is not an export of a ledger");
    }
    r = mark_from(x, x->mirror, "checkpoint", "the mirror");
    if (r < 0) {
        return bad_mirror(x, "has no checkpoint that this log signed");
    }
    x->from_mirror = &x->mark[x->n - 1];
    return 0;
}

static int collect_marks(struct rebuild *x) {
    int r = 0;

    x->has_own = mark_from(x, x->l->dir, "checkpoint", "the stored checkpoint") == 0;
    for (size_t i = 0; r == 0 && i < x->in->n_heads; i++) {
        const struct ledger_head *h = &x->in->head[i];

        r = add_mark(x, h->note, strlen(h->note), h->who);
    }
    r = r < 0 ? r : open_mirror(x);
    if (r < 0) {
        return r;
    }
    (void)mark_from(x, x->l->dir, "ahead", "a node"); /* from an earlier day, if there is one */
    for (size_t i = 0; i < x->n; i++) {
        if (!x->target || x->mark[i].c.size > x->target->c.size) {
            x->target = &x->mark[i];
        }
    }
    if (!x->target) {
        (void)err_tag(x->e, -ENOENT, "ledger_damaged", "no checkpoint of this log is to be had");
        return err_hint(x->e, "name a mirror, or run: proximo-client ledger restart");
    }
    return 0;
}

/* Entries from 0 to the target: our own up to `own`, then the mirror's. */
struct feed {
    struct rebuild *x;
    uint64_t own, at;
    struct source src;
    bool in_mirror;
};

static void feed_done(struct feed *f) {
    source_done(&f->src);
}

static void feed_start(struct feed *f, struct rebuild *x, uint64_t own) {
    *f = (struct feed){.x = x, .own = own};
    source_open(x->l->dir, 0, &f->src);
}

static int feed_next(struct feed *f, const char **ret, size_t *ret_len) {
    int r = 0;

    if (!f->in_mirror && f->at == f->own) {
        source_done(&f->src);
        source_open(f->x->mirror, f->x->from_mirror->c.size, &f->src);
        f->src.is_tiles = true; /* never anything else, whatever appears there meanwhile */
        f->in_mirror = true;
        r = source_skip(&f->src, f->at);
    }
    r = r < 0 ? r : source_next(&f->src, ret, ret_len);
    f->at += r == 1;
    return r == 1 ? 0 : r == 0 ? -ENODATA : r;
}

/* -EBADMSG: the entries do not lead to a mark; *ret_bad is that one. */
static int meet(const struct rebuild *x, const struct merkle_edge *edge, const struct mark *only,
                const struct mark **ret_bad) {
    struct hash root;

    for (size_t i = 0; i < x->n; i++) {
        const struct mark *m = &x->mark[i];

        if (m->c.size != edge->size || (only && m != only)) {
            continue;
        }
        merkle_edge_root(edge, &root);
        if (!hash_eq(&root, &m->c.root)) {
            *ret_bad = m;
            return -EBADMSG;
        }
    }
    return 0;
}

struct ways {
    const struct mark *only; /* meet this one, and read no further */
    merkle_store_fn *store;  /* called with the feed */
};

/* Reads the entries that would be taken and meets every mark. */
static int prove(struct rebuild *x, uint64_t own, const struct ways *w,
                 const struct mark **ret_bad) {
    CLEANUP(feed_done) struct feed f;
    struct merkle_edge edge = {.size = 0};
    uint64_t end = w && w->only ? w->only->c.size : x->target->c.size;
    int r = 0;

    feed_start(&f, x, own);
    while (r == 0 && edge.size < end) {
        const char *bytes = NULL;
        struct hash leaf;
        size_t len = 0;

        r = feed_next(&f, &bytes, &len);
        if (r == 0) {
            merkle_leaf(bytes, len, &leaf);
            r = merkle_edge_add(&edge, &leaf, w ? w->store : NULL, &f);
        }
        r = r < 0 ? r : meet(x, &edge, w ? w->only : NULL, ret_bad);
    }
    return r;
}

/* How many whole entries are in our own segments. */
static uint64_t count_own(const struct rebuild *x) {
    CLEANUP(source_done) struct source s;
    const char *bytes;
    uint64_t n = 0;
    size_t len;

    source_open(x->l->dir, 0, &s);
    while (source_next(&s, &bytes, &len) == 1) {
        n++;
    }
    return n;
}

/* Two checkpoints that the log signed, and no history leads to both: nothing that could be fetched
 * would mend it. */
static int forked(const struct rebuild *x, const struct mark *bad) {
    (void)err_tag(x->e, -EILSEQ, "ledger_forked",
                  "this copy of the ledger went its own way: the log signed %llu entries for %s "
                  "that are not those of its other checkpoints",
                  (unsigned long long)bad->c.size, bad->who);
    return err_hint(x->e, "nothing was changed; what is left: proximo-client ledger restart");
}

static int need_mirror(const struct rebuild *x) {
    (void)err_tag(x->e, -ENOENT, "ledger_behind",
                  "%s covers %llu entries that cannot be had from here alone", x->target->who,
                  (unsigned long long)x->target->c.size);
    return err_hint(x->e, "name an export with --mirror, or run: proximo-client ledger restart");
}

/* Why neither way led there. */
static int explain(struct rebuild *x, uint64_t own, const struct mark *bad) {
    const struct mark *unused = NULL;

    if (x->from_mirror && x->from_mirror->c.size == x->target->c.size) {
        return bad && bad != x->from_mirror &&
                       prove(x, 0, &(struct ways){.only = x->from_mirror}, &unused) == 0
                   ? forked(x, bad)
                   : bad_mirror(x, "holds entries that do not lead to what was signed");
    }
    if (x->has_own && bad && bad != x->mark &&
        prove(x, own, &(struct ways){.only = x->mark}, &unused) == 0) {
        return forked(x, bad);
    }
    return x->from_mirror ? bad_mirror(x, "ends before what was signed") : need_mirror(x);
}

/* How many of our own entries to take: those under the stored checkpoint, or none. */
static int choose(struct rebuild *x, uint64_t *ret_own) {
    const struct mark *bad = NULL;
    uint64_t end = x->target->c.size;
    uint64_t own = x->has_own && x->mark->c.size < end ? x->mark->c.size : end;
    bool reaches = x->from_mirror && x->from_mirror->c.size == end;

    if (x->whole >= own && (own == end || reaches) && prove(x, own, NULL, &bad) == 0) {
        *ret_own = own;
        return 0;
    }
    if (reaches && prove(x, 0, NULL, &bad) == 0) {
        *ret_own = 0;
        return 0;
    }
    return explain(x, own, bad);
}

static int adopt(struct rebuild *x, struct ledger *l, uint64_t own) {
    CLEANUP(feed_done) struct feed f;
    const struct mark *bad = NULL;
    int r = 0;

    feed_start(&f, x, own);
    while (r == 0 && l->edge.size < x->target->c.size) {
        const char *bytes = NULL;
        struct ledger_pos pos;
        size_t len = 0;

        r = feed_next(&f, &bytes, &len);
        r = r < 0 ? r : tree_put(l, bytes, len, &pos);
        r = r < 0 ? r : meet(x, &l->edge, NULL, &bad);
    }
    return r < 0 ? err_set(x->e, r, "copy the entries: %s", strerror(-r)) : 0;
}

static int say_what(struct ledger *l, const struct rebuild *x, uint64_t own, uint64_t cut) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    char text[512];
    struct ledger_pos pos;
    int r;

    (void)snprintf(text, sizeof(text),
                   "%llu entries taken from a mirror, proved against %s at %llu; %.300s",
                   (unsigned long long)(x->target->c.size - own), x->target->who,
                   (unsigned long long)x->target->c.size, x->in->reason);
    r = append_recovery_entry(&b, cut, x->target->c.size - own, text, x->e);
    r = r < 0 ? r : tree_put(l, buf_str(&b), b.len, &pos);
    return r < 0 ? err_set(x->e, r, "recovery entry: %s", strerror(-r)) : 0;
}

/* What is not entries goes with them. */
static int bring_along(struct rebuild *x, int to) {
    int r = care_link_all(x->l->dir, to);

    if (r == 0 && x->mirror >= 0) {
        r = care_copy_bodies(x->mirror, to);
    }
    return r < 0 ? err_set(x->e, r, "copy what lies beside the log: %s", strerror(-r)) : 0;
}

static int build(struct rebuild *x, const char *dir, uint64_t own, uint64_t cut) {
    CLEANUP(ledger_closep) struct ledger *l = NULL;
    int r = create_skeleton(dir, &l, x->e);

    r = r < 0 ? r : bring_along(x, l->dir);
    r = r < 0 ? r : create_use_identity(l, x->e);
    r = r < 0 ? r : adopt(x, l, own);
    r = r < 0 ? r : say_what(l, x, own, cut);
    if (r == 0) {
        r = tree_sync(l);
        r = r < 0 ? err_set(x->e, r, "sync %s: %s", dir, strerror(-r)) : 0;
    }
    r = r < 0 ? r
              : file_replace(l->dir, "checkpoint", x->target->note, strlen(x->target->note), 0600,
                             x->e);
    return r < 0 ? r : care_sync_all(l->dir, x->e);
}

/* The recovery entry came before the swap; its signature comes after, when no other copy could be
 * signed in its place. */
static int sign_it(const char *dir, struct ledger_recovered *ret, struct err *e) {
    CLEANUP(ledger_closep) struct ledger *l = NULL;
    int r = ledger_open(dir, &l, e);

    r = r < 0 ? r : append_sign(l, e);
    if (r == 0) {
        ret->size = l->head.size;
    }
    return r;
}

/* The hashes that we store, when the entries are our own. */
static int same_hash(void *ctx, unsigned int level, uint64_t index, const struct hash *h) {
    struct feed *f = ctx;
    struct hash stored;

    (void)index;
    return source_hash(&f->src, level, &stored) == 1 && hash_eq(&stored, h) ? 0 : -EBADMSG;
}

/* Also finds what opening, which looks at the right edge only, does not. */
static bool is_needed(struct rebuild *x) {
    const struct mark *bad = NULL;

    return x->l->damaged || !x->has_own || x->target->c.size > x->mark->c.size ||
           faccessat(x->l->dir, "ahead", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
           prove(x, x->mark->c.size, &(struct ways){.store = same_hash}, &bad) < 0;
}

int ledger_recover(const char *dir, const struct ledger_recovery *in, struct ledger_recovered *ret,
                   struct err *e) {
    CLEANUP(rebuild_done) struct rebuild x = {.in = in, .mirror = -1, .e = e};
    uint64_t own = 0;
    uint64_t cut;
    int r = ledger_open(dir, &x.l, e);

    memset(ret, 0, sizeof(*ret));
    r = r < 0 ? r : care_alone(x.l, e);
    if (r == 0 && !x.l->has_key) {
        return create_no_key(x.l, e);
    }
    r = r < 0 ? r : collect_marks(&x);
    if (r < 0) {
        return r;
    }
    x.whole = count_own(&x);
    ret->before = x.has_own ? x.mark->c.size : 0;
    ret->size = ret->before;
    if (!is_needed(&x)) {
        return 0;
    }
    r = choose(&x, &own);
    if (r < 0) {
        return r;
    }
    cut = x.whole > ret->before ? x.whole - ret->before : 0;
    r = care_beside(dir, ret->kept, e);
    r = r < 0 ? r : build(&x, ret->kept, own, cut);
    r = r < 0 ? r : care_swap(dir, ret->kept, e);
    if (r < 0) {
        care_discard(ret->kept);
        return r;
    }
    ret->fetched = x.target->c.size - own;
    ret->cut = cut;
    return sign_it(dir, ret, e);
}
