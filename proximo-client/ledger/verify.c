/* SPDX-License-Identifier: Apache-2.0 */
/* The auditor. It shares no state with the writer: it reads the directory from the first byte,
 * hashes every entry, rebuilds the tree, and compares with the stored hashes (which name the entry
 * that was changed) and with every signed checkpoint (which cannot be changed). */
#include "proximo-client/ledger/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/checkpoint.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/merkle.h"
#include "common/own.h"
#include "proximo-client/ledger/audit.h"
#include "proximo-client/ledger/body.h"
#include "proximo-client/ledger/impl.h"
#include "proximo-client/ledger/seg.h"
#include "proximo-client/ledger/source.h"
#include "proximo-client/ledger/tiles.h"
#include "proximo-client/ledger/verdict.h"
#include "proximo-client/ledger/witnessed.h"

/* A root that somebody signed, to be met when the tree has that size. */
struct signed_head {
    struct checkpoint c;
    const char *what;
    const char *note; /* whole, borrowed */
    size_t len;
    bool met;
    bool good; /* met, and the root is the one it signs */
};

struct walk {
    int dir;
    const struct verify_keys *keys;
    js *report;
    struct vkey log;
    struct audit *audit;
    struct merkle_edge edge;
    struct source src;
    bool levels_differ; /* after the first difference every later one is its consequence */
    struct signed_head *head;
    size_t n_heads;
    struct buf note;       /* the stored checkpoint */
    struct witnessed kept; /* what witnesses said of it and of earlier ones */
    uint64_t covered;
    uint64_t bodies, bodies_missing;
    const char *tail;
};

static void walk_done(struct walk *w) {
    source_done(&w->src);
    audit_free(w->audit);
    free(w->head);
    buf_done(&w->note);
    witnessed_done(&w->kept);
    closep(&w->dir);
}

static int compare(void *ctx, unsigned int k, uint64_t index, const struct hash *h) {
    struct walk *w = ctx;
    struct hash stored;
    int r;

    (void)index;
    if (w->levels_differ) {
        return 0;
    }
    r = source_hash(&w->src, k, &stored);
    if (r <= 0) {
        if (r == 0 && w->edge.size < w->covered) {
            w->levels_differ = true;
            defect(w->report, w->edge.size, "hash_missing", "level %u has no hash for it", k);
        }
        return 0; /* past the checkpoint a writer may be at work, or a crash was */
    }
    if (memcmp(&stored, h, HASH_LEN) != 0) {
        w->levels_differ = true;
        defect(w->report, w->edge.size, k ? "hash_altered" : "entry_altered",
               k ? "the stored hash above it at level %u is another one"
                 : "its bytes are not those that were hashed (level %u)",
               k);
    }
    return 0;
}

static void meet_heads(struct walk *w) {
    struct hash root;

    for (size_t i = 0; i < w->n_heads; i++) {
        struct signed_head *h = &w->head[i];

        if (h->c.size != w->edge.size) {
            continue;
        }
        merkle_edge_root(&w->edge, &root);
        h->met = true;
        h->good = hash_eq(&root, &h->c.root);
        if (!h->good) {
            defect(w->report, NO_ENTRY, "root_mismatch",
                   "the first %llu entries do not have the root that %s signs",
                   (unsigned long long)h->c.size, h->what);
        }
    }
}

/* What an entry points to, if it is here. */
static void check_named(struct walk *w, uint64_t i, const char *name) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(BODY_MAX);
    struct hash h;
    struct err e;
    int r;

    if (!name || hash_parse(name, &h) < 0) {
        return;
    }
    r = body_read(w->dir, &h, &b, &e);
    if (r == -ENOENT) {
        w->bodies_missing++; /* an export may leave them out */
    } else if (r < 0) {
        defect(w->report, i, "body_altered", "%s", e.msg);
    } else {
        w->bodies++;
    }
}

/* The body of an entry: canonical JSON; and what it points to. */
static void check_body(struct walk *w, uint64_t i, const struct entry *en) {
    CLEANUP(js_freep) js *v = NULL;
    struct err e;

    if (en->body_len == 2) {
        return;
    }
    if (canon_check(en->body, en->body_len, &e) < 0 ||
        js_parse(en->body, en->body_len, &v, &e) < 0) {
        defect(w->report, i, "bad_body", "%s", e.msg);
        return;
    }
    check_named(w, i, js_get_str(v, "body"));
    check_named(w, i, js_get_str(v, "left"));
}

static void take_entry(struct walk *w, const char *bytes, size_t len) {
    CLEANUP(entry_done) struct entry en = {0};
    uint64_t i = w->edge.size;
    struct hash leaf;
    struct err e;

    merkle_leaf(bytes, len, &leaf);
    (void)merkle_edge_add(&w->edge, &leaf, w->src.has_hashes ? compare : NULL, w);
    if (entry_parse(bytes, len, &en, &e) < 0) {
        defect(w->report, i, "bad_entry", "%s", e.msg);
    } else {
        check_body(w, i, &en);
        audit_entry(w->audit, i, &en, &leaf);
    }
    meet_heads(w);
}

/* Every entry there is; where the files stop making sense is the end. */
static int walk_entries(struct walk *w) {
    const char *bytes = NULL;
    size_t len = 0;
    int r;

    while ((r = source_next(&w->src, &bytes, &len)) == 1) {
        take_entry(w, bytes, len);
    }
    if (r == -E2BIG) {
        defect(w->report, w->edge.size, "segment_long", "a %s holds more than %u",
               w->src.is_tiles ? "bundle" : "segment", w->src.is_tiles ? TILE_WIDTH : SEG_ENTRIES);
        return 0;
    }
    if (r == -EBADMSG) {
        if (w->edge.size < w->covered) {
            defect(w->report, w->edge.size, "entry_cut", "it is cut or has an impossible length");
        } else {
            w->tail = "torn"; /* a crash, or a writer at work: the next start sees to it */
        }
        return 0;
    }
    return r;
}

static int read_log_key(struct walk *w, struct err *e) {
    struct ledger probe = {.dir = w->dir};
    bool given = w->keys->log.name[0] != '\0';
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE);
    int r = create_read_identity(&probe, e);

    if (r < 0 && !given) {
        return r;
    }
    w->log = given ? w->keys->log : probe.vkey;
    if (given && (r < 0 || !vkey_eq(&probe.vkey, &w->keys->log))) {
        defect(w->report, NO_ENTRY, "wrong_key", "the directory names another key than the given");
    }
    (void)vkey_text(&w->log, &b);
    js_add(w->report, "origin", js_str(w->log.name));
    js_add(w->report, "key", js_str(buf_str(&b)));
    js_add(w->report, "key_given", js_bool(given));
    return 0;
}

static void add_head(struct walk *w, const char *note, size_t len, const char *what) {
    struct signed_head h = {.what = what, .note = note, .len = len};
    struct note n;
    struct err e;

    if (checkpoint_open(note, len, &w->log, &n, &h.c, &e) < 0) {
        defect(w->report, NO_ENTRY, "bad_checkpoint", "%s: %s", what, e.msg);
        return;
    }
    if (strcmp(what, "the checkpoint") == 0) {
        w->covered = h.c.size;
    }
    w->head[w->n_heads++] = h;
}

static int read_heads(struct walk *w, struct err *e) {
    struct err why;
    int r;

    /* Before the checkpoint: what somebody cosigns while we read is under the one read after it. */
    if (witnessed_read(w->dir, &w->log, &w->kept, &why) < 0) {
        defect(w->report, NO_ENTRY, "bad_witnessed", "%s", why.msg);
    }
    r = file_read(w->dir, "checkpoint", &w->note, &why);
    w->head = calloc(w->keys->n_heads + w->kept.n + 1, sizeof(*w->head));
    if (!w->head) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    if (r < 0) {
        defect(w->report, NO_ENTRY, "bad_checkpoint", "%s", why.msg);
    } else {
        add_head(w, buf_str(&w->note), w->note.len, "the checkpoint");
    }
    for (size_t i = 0; i < w->kept.n; i++) {
        add_head(w, w->kept.v[i].text, strlen(w->kept.v[i].text),
                 "a checkpoint that was witnessed");
    }
    for (size_t i = 0; i < w->keys->n_heads; i++) {
        add_head(w, w->keys->head[i], strlen(w->keys->head[i]), "a head from elsewhere");
    }
    return 0;
}

/* Signed heads that the entries never reached, and hashes of entries that are gone. */
static void check_end(struct walk *w) {
    struct stat st;

    for (size_t i = 0; i < w->n_heads; i++) {
        if (!w->head[i].met) {
            defect(w->report, w->edge.size, "truncated", "%llu entries are here, %s covers %llu",
                   (unsigned long long)w->edge.size, w->head[i].what,
                   (unsigned long long)w->head[i].c.size);
        }
    }
    if (fstatat(w->dir, "level/0", &st, AT_SYMLINK_NOFOLLOW) == 0 && !w->levels_differ &&
        (uint64_t)st.st_size / HASH_LEN > w->edge.size) {
        if (w->edge.size < w->covered) {
            defect(w->report, w->edge.size, "truncated", "hashes of %llu entries are stored",
                   (unsigned long long)st.st_size / HASH_LEN);
        } else {
            w->tail = "torn";
        }
    }
}

static int walk_open(struct walk *w, const char *dir, js *report, struct err *e) {
    int r;

    w->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->dir < 0) {
        return err_set(e, -errno, "open %s: %s", dir, strerror(errno));
    }
    js_add(report, "ok", js_bool(true));
    js_add(report, "defects", js_array());
    r = read_log_key(w, e);
    r = r < 0 ? r : read_heads(w, e);
    if (r < 0) {
        return r;
    }
    source_open(w->dir, w->covered, &w->src);
    w->audit = audit_new(w->keys, &w->log, report);
    return w->audit ? 0 : err_set(e, -ENOMEM, "out of memory");
}

/* Only checkpoints that the entries lead to say anything of them. */
static int check_witnesses(const struct walk *w, int64_t now, struct err *e) {
    CLEANUP(freep) struct good_head *good = calloc(w->n_heads + 1, sizeof(*good));
    size_t n = 0;

    if (!good) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < w->n_heads; i++) {
        if (w->head[i].good) {
            good[n++] = (struct good_head){w->head[i].note, w->head[i].len, w->head[i].c.size};
        }
    }
    verdict_add(w->report, w->keys, good, n, w->edge.size, now);
    return 0;
}

/* A node cosigns another log of a client only after its root said so there: its cosignature of this
 * one is the word of that root. */
static void confirm_restarts(struct walk *w) {
    const js *restarted = js_get(w->report, "restarted");
    const js *ages = js_get(js_get(w->report, "witness"), "ages");

    for (size_t i = 0; i < js_len(restarted); i++) {
        js *confirmed = js_array();

        for (size_t k = 0; k < js_len(ages); k++) {
            js_push(confirmed, js_str(js_str_or(js_at(ages, k), "name", "")));
        }
        js_add(js_at(restarted, i), "confirmed", confirmed);
    }
}

static void fill_report(struct walk *w) {
    js *bodies = js_object();
    struct hash root;
    char text[HASH_HEX_LEN + 1];

    merkle_edge_root(&w->edge, &root);
    hash_text(&root, text);
    js_add(w->report, "entries", js_int((int64_t)w->edge.size));
    js_add(w->report, "covered", js_int((int64_t)w->covered));
    js_add(w->report, "layout", js_str(w->src.is_tiles ? "export" : "ledger"));
    js_add(w->report, "tail", js_str(w->tail ? w->tail : "clean"));
    js_add(w->report, "root", js_str(text));
    js_add(bodies, "checked", js_int((int64_t)w->bodies));
    js_add(bodies, "missing", js_int((int64_t)w->bodies_missing));
    js_add(w->report, "bodies", bodies);
}

int verify_dir(const char *dir, const struct verify_keys *keys, int64_t now, js **ret_report,
               struct err *e) {
    CLEANUP(js_freep) js *report = js_object();
    CLEANUP(walk_done)
    struct walk w = {.dir = -1, .keys = keys, .report = report, .note = BUF_INIT(LIM_NOTE)};
    int r;

    source_open(w.dir, 0, &w.src); /* nothing yet */
    r = walk_open(&w, dir, report, e);
    if (r < 0) {
        return r;
    }
    meet_heads(&w); /* a checkpoint of nothing */
    r = walk_entries(&w);
    if (r < 0) {
        return err_set(e, r, "read the entries of %s: %s", dir, strerror(-r));
    }
    if (!w.edge.size) {
        defect(report, 0, "truncated", "there is not one entry");
    }
    check_end(&w);
    audit_end(w.audit);
    r = check_witnesses(&w, now, e);
    if (r < 0) {
        return r;
    }
    confirm_restarts(&w);
    fill_report(&w);
    *ret_report = TAKE(report);
    return 0;
}
