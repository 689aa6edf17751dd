/* SPDX-License-Identifier: Apache-2.0 */
/* This node's roster entry, and those of the others (root; resident's and request children, and
 * pveagentctl). Invariant: `roster` in the state directory is the newest entry; the shared file is
 * a copy of it, so that what another writes in this node's name is seen and does not last. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/dir.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/msg.h"
#include "common/own.h"
#include "pveagentd/priv/priv.h"
#include "pveagentd/priv/share.h"

#define ROSTER_DIR "pveagentd/roster"
#define REVOKED_S  86400

int roster_own(const struct priv *p, struct roster_entry *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);
    int r = file_read_private(p->state_fd, "roster", geteuid(), &b, e);

    return r < 0 ? r : roster_entry_open(buf_str(&b), b.len, ret, e);
}

/* What this node refuses since less than a day: whoever revoked it waits to read it. */
static void put_revoked(const struct priv *p, struct roster_entry *r) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, "revoked");
    const char *name;
    struct stat st;

    r->n_revoked = 0;
    while (r->n_revoked < ROSTER_REVOKED && (name = dir_next(d)) != NULL) {
        if (ident_is_hex(name, 2 * HASH_LEN) &&
            fstatat(dirfd(d), name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_mtime > clock_unix() - REVOKED_S) {
            (void)hex_decode(name, 2 * HASH_LEN, r->revoked[r->n_revoked++].b);
        }
    }
}

static int publish(const struct priv *p, const struct buf *note, struct err *e) {
    CLEANUP(buf_done) struct buf old = BUF_INIT(LIM_CONF);
    char path[4096];
    int r = cluster_place(p, ROSTER_DIR, 0755, p->node, path, e);

    if (r == 0 && file_read(AT_FDCWD, path, &old, NULL) == 0 && old.len == note->len &&
        memcmp(old.data, note->data, old.len) == 0) {
        return 0;
    }
    return r < 0 ? r : file_replace(AT_FDCWD, path, note->data, note->len, CLUSTER_MODE, e);
}

static int sign(const struct priv *p, const struct roster_entry *r, struct buf *note,
                struct err *e) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    int x = roster_entry_text(r, &text, e);

    buf_reset(note);
    return x < 0 ? x : note_sign(text.data, text.len, &p->receipt, note, e);
}

/* Signs what is new, keeps it here, then shows it. */
int roster_put(struct priv *p, struct roster_entry *r, bool is_new, struct err *e) {
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf old = BUF_INIT(LIM_NOTE);
    int x;

    r->node = p->node;
    r->witness = p->witness.v;
    r->receipt = p->receipt.v;
    put_revoked(p, r);
    (void)file_read(p->state_fd, "roster", &old, NULL);
    x = sign(p, r, &note, e);
    if (x == 0 && (is_new || old.len != note.len || memcmp(old.data, note.data, old.len) != 0)) {
        int64_t now = clock_unix();

        r->serial = r->serial < (uint64_t)now ? (uint64_t)now : r->serial + 1;
        x = sign(p, r, &note, e);
        x = x < 0 ? x : file_replace(p->state_fd, "roster", note.data, note.len, 0600, e);
    }
    return x < 0 ? x : publish(p, &note, e);
}

int roster_lock(const struct priv *p, int *ret, struct err *e) {
    return state_lock(p, "roster.lock", ret, e);
}

int roster_refresh(struct priv *p, struct err *e) {
    CLEANUP(roster_entry_done) struct roster_entry r = {.node = NULL};
    CLEANUP(closep) int lock = -1;
    int x = roster_lock(p, &lock, e);

    x = x < 0 ? x : roster_own(p, &r, e);
    if (x < 0 || !priv_armed(p)) {
        return x == -ENOENT || x == 0 ? 0 : x;
    }
    return roster_put(p, &r, false, e);
}

static int read_one(int dirfd, const char *node, roster_fn *fn, void *ctx) {
    CLEANUP(roster_entry_done) struct roster_entry r = {.node = NULL};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);
    struct err e = {0};
    int x = file_read_kept(dirfd, node, geteuid(), &b, &e);

    x = x < 0 ? x : roster_entry_open(buf_str(&b), b.len, &r, &e);
    if (x == 0 && strcmp(r.node, node) != 0) {
        x = err_set(&e, -EBADMSG, "it says that it is of %s", r.node);
    }
    if (x < 0) {
        log_event(LOG_L_WARN, "a roster entry is not believed", "PEER", node, "REASON", e.msg,
                  NULL);
        return 0;
    }
    return fn(ctx, &r, buf_str(&b));
}

int roster_each(const struct priv *p, roster_fn *fn, void *ctx) {
    CLEANUP(dir_closep) DIR *d = cluster_dir(p, ROSTER_DIR);
    const char *node;
    int r = 0;

    while (r == 0 && (node = dir_next(d)) != NULL) {
        r = ident_is_node(node) ? read_one(dirfd(d), node, fn, ctx) : 0;
    }
    return r;
}

struct answer {
    struct buf *list;
    struct hash entry[LIM_NODES];
    size_t n;
};

static int put_answer(void *ctx, const struct roster_entry *r, const char *note) {
    struct answer *a = ctx;

    (void)r;
    if (a->n < LIM_NODES && msg_adds(a->list, note) == 0) {
        sha256(note, strlen(note), &a->entry[a->n++]);
    }
    return 0;
}

int roster_answer(struct priv *p, struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf list = BUF_INIT(LIM_PRIV_MSG - 8192);
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    struct answer a = {.list = &list};
    int r = p->has_receipt_key ? 0 : err_tag(e, -EPERM, "not_armed", "this node is not armed");

    r = r < 0 ? r : roster_each(p, put_answer, &a);
    r = r < 0 ? r : roster_answer_text(p->node, a.entry, a.n, &text);
    r = r < 0 ? r : note_sign(text.data, text.len, &p->receipt, &note, e);
    r = r < 0 ? r : msg_make(ret, MSG_ROSTER_ANSWER, "su", buf_str(&note), (uint64_t)a.n);
    r = r < 0 ? r : buf_add(ret, buf_str(&list), list.len);
    msg_end(ret);
    return r;
}
