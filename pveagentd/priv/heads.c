/* SPDX-License-Identifier: Apache-2.0 */
/* Heads on the cluster file system (root; published by the resident, read by request children). The
 * log's own signature on a peer's head is what makes it evidence: a forged file cannot accuse. A
 * suspicion is a file below fork/ and stays until root removes it. */
#include <errno.h>
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
#include "common/lines.h"
#include "common/own.h"
#include "pveagentd/priv/journal.h"
#include "pveagentd/priv/priv.h"
#include "pveagentd/priv/witness.h"

#define HEADS_HEAD "proximo-heads/v1"
#define HEADS_DIR  "pveagentd/heads"
#define GRACE_S    180 /* heads are published once a minute; a bridge needs a round or two */

static const struct line_key keys[] = {{"node", false, true}, {"note", true, false}};

static int read_one(int dirfd, const char *node, const struct vkey *log, head_fn *fn, void *ctx) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(lines_done) struct lines l = {0};
    struct head h = {.node = node};
    struct stat st;
    struct note n;
    int r = 0;

    if (file_read(dirfd, node, &b, NULL) < 0 ||
        fstatat(dirfd, node, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        lines_parse(buf_str(&b), b.len, HEADS_HEAD, keys, ARRAY_LEN(keys), &l, NULL) < 0) {
        return 0; /* half a file of another node is no reason to stop */
    }
    h.mtime = st.st_mtime;
    for (size_t i = 0; r == 0 && (h.note = lines_nth(&l, keys, "note", i)) != NULL; i++) {
        r = checkpoint_open(h.note, strlen(h.note), log, &n, &h.c, NULL) < 0 ? 0 : fn(ctx, &h);
    }
    return r;
}

int heads_each(const struct priv *p, const struct vkey *log, head_fn *fn, void *ctx) {
    CLEANUP(dir_closep) DIR *d = cluster_dir(p, HEADS_DIR);
    const char *node;
    int r = 0;

    while (r == 0 && (node = dir_next(d)) != NULL) {
        r = ident_is_node(node) && strcmp(node, p->node) != 0
                ? read_one(dirfd(d), node, log, fn, ctx)
                : 0;
    }
    return r;
}

struct suspicion {
    const struct checkpoint *c;
    int64_t now;
    struct buf *evidence;
    char node[64];
};

static int suspect(void *ctx, const struct head *h) {
    struct suspicion *s = ctx;

    if ((h->c.size == s->c->size && !hash_eq(&h->c.root, &s->c->root)) ||
        (h->c.size > s->c->size && s->now - h->mtime > GRACE_S)) {
        (void)snprintf(s->node, sizeof(s->node), "%s", h->node);
        (void)buf_adds(s->evidence, h->note);
        return 1;
    }
    return 0;
}

int heads_check(struct priv *p, const struct origin *o, const struct witness_in *in,
                const struct checkpoint *c, struct err *e) {
    CLEANUP(buf_done) struct buf evidence = BUF_INIT((size_t)2 * LIM_NOTE + 64);
    struct suspicion s = {.c = c, .now = clock_unix(), .evidence = &evidence};
    const char *path = UNDER("fork", o->id);

    if (faccessat(p->state_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
        heads_each(p, in->log, suspect, &s) != 1) {
        return 0;
    }
    if (s.node[0]) {
        (void)buf_adds(&evidence, "\n--\n");
        (void)buf_add(&evidence, in->checkpoint, in->len);
        (void)file_replace(p->state_fd, path, evidence.data, evidence.len, 0600, NULL);
        log_event(LOG_L_ERR, "two histories of one log", "ORIGIN", o->name, "PEER", s.node, NULL);
    }
    return err_tag(e, -EBADMSG, "fork_suspected",
                   "another node holds a head of this log that this checkpoint does not extend");
}

int heads_publish(struct priv *p, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    char path[4096];
    size_t n = 0;
    int r = buf_adds(&b, HEADS_HEAD "\n");

    r = r < 0 ? r : lines_put(&b, "node", p->node);
    for (const struct origin *o = p->origins; r == 0 && o; o = o->next) {
        if (o->note && !o->damaged) {
            r = lines_put(&b, "note", o->note);
            n++;
        }
    }
    if (r < 0 || !n) {
        return r < 0 ? err_set(e, r, "too many heads for one file") : 0;
    }
    r = cluster_place(p, HEADS_DIR, 0755, p->node, path, e);
    return r < 0 ? r : file_replace(AT_FDCWD, path, b.data, b.len, CLUSTER_MODE, e);
}
