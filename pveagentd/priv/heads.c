/* SPDX-License-Identifier: Apache-2.0 */
/* Heads on the cluster file system (root; published by the resident, read by request children). The
 * log's own signature on a peer's head is what makes it evidence: a forged file cannot accuse. A
 * suspicion is a file below fork/ and stays until root removes it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/lines.h"
#include "common/note.h"
#include "common/own.h"
#include "pveagentd/priv/journal.h"
#include "pveagentd/priv/priv.h"
#include "pveagentd/priv/witness.h"

#define HEADS_HEAD "proximo-heads/v1"
#define GRACE_S    180 /* heads are published once a minute; a bridge needs a round or two */

static const struct line_key keys[] = {{"node", false, true}, {"note", true, false}};

typedef int head_fn(void *ctx, const char *node, int64_t mtime, const char *note);

static int read_one(const char *path, const char *node, head_fn *fn, void *ctx) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(lines_done) struct lines l = {0};
    struct stat st;
    int r = 0;

    if (file_read(AT_FDCWD, path, &b, NULL) < 0 || stat(path, &st) < 0 ||
        lines_parse(buf_str(&b), b.len, HEADS_HEAD, keys, ARRAY_LEN(keys), &l, NULL) < 0) {
        return 0; /* half a file of another node is no reason to stop */
    }
    for (size_t i = 0; r == 0 && i < l.n; i++) {
        if (strcmp(keys[l.v[i].key].name, "note") == 0) {
            r = fn(ctx, node, (int64_t)st.st_mtime, l.v[i].value);
        }
    }
    return r;
}

static int each_peer_head(const struct priv *p, head_fn *fn, void *ctx) {
    char dir[4096];
    char path[4096];
    struct dirent *de;
    DIR *d;
    int r = 0;

    if (!path_join(dir, sizeof(dir), p->cluster_fs, "pveagentd/heads")) {
        return -ENAMETOOLONG;
    }
    d = opendir(dir);
    while (d && r == 0 && (de = readdir(d)) != NULL) {
        if (ident_is_node(de->d_name) && strcmp(de->d_name, p->node) != 0 &&
            path_join(path, sizeof(path), dir, de->d_name)) {
            r = read_one(path, de->d_name, fn, ctx);
        }
    }
    if (d) {
        (void)closedir(d);
    }
    return r;
}

struct suspicion {
    const struct vkey *log;
    const struct checkpoint *c;
    int64_t now;
    struct buf *evidence;
    char node[64];
};

static int suspect(void *ctx, const char *node, int64_t mtime, const char *text) {
    struct suspicion *s = ctx;
    struct checkpoint c;
    struct note n;

    if (checkpoint_open(text, strlen(text), s->log, &n, &c, NULL) < 0) {
        return 0;
    }
    if ((c.size == s->c->size && !hash_eq(&c.root, &s->c->root)) ||
        (c.size > s->c->size && s->now - mtime > GRACE_S)) {
        (void)snprintf(s->node, sizeof(s->node), "%s", node);
        (void)buf_adds(s->evidence, text);
        return 1;
    }
    return 0;
}

int heads_check(struct priv *p, const struct origin *o, const struct witness_in *in,
                const struct checkpoint *c, struct err *e) {
    CLEANUP(buf_done) struct buf evidence = BUF_INIT((size_t)2 * LIM_NOTE + 64);
    struct suspicion s = {.log = in->log, .c = c, .now = clock_unix(), .evidence = &evidence};
    char path[80];
    struct stat st;

    (void)snprintf(path, sizeof(path), "fork/%s", o->id);
    if (fstatat(p->state_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
        each_peer_head(p, suspect, &s) == 1) {
        if (s.node[0]) {
            (void)buf_adds(&evidence, "\n--\n");
            (void)buf_add(&evidence, in->checkpoint, in->len);
            (void)file_replace(p->state_fd, path, evidence.data, evidence.len, 0600, NULL);
            log_event(LOG_L_ERR, "two histories of one log", "ORIGIN", o->name, "PEER", s.node,
                      NULL);
        }
        (void)err_tag(e, -EBADMSG, "fork_suspected",
                      "another node holds a head of this log that this checkpoint does not extend");
        return err_hint(e,
                        "compare %s/%s on node %s; nothing runs for this log until root "
                        "removes it",
                        p->state_dir, path, p->node);
    }
    return 0;
}

int heads_publish(struct priv *p, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    char dir[4096];
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
    if (!path_join(dir, sizeof(dir), p->cluster_fs, "pveagentd/heads") ||
        !path_join(path, sizeof(path), dir, p->node)) {
        return err_set(e, -ENAMETOOLONG, "path too long");
    }
    r = dir_make(AT_FDCWD, dir, 0755, e);
    return r < 0 ? r : file_replace(AT_FDCWD, path, b.data, b.len, 0644, e);
}

struct largest {
    const struct vkey *log;
    struct buf *ret;
    struct checkpoint *cp;
    bool found;
};

static int keep_largest(void *ctx, const char *node, int64_t mtime, const char *text) {
    struct largest *l = ctx;
    struct checkpoint c;
    struct note n;

    (void)node;
    (void)mtime;
    if (checkpoint_open(text, strlen(text), l->log, &n, &c, NULL) == 0 &&
        (!l->found || c.size > l->cp->size)) {
        l->found = true;
        *l->cp = c;
        buf_reset(l->ret);
        return buf_adds(l->ret, text);
    }
    return 0;
}

int heads_largest(const struct priv *p, const struct vkey *log, struct buf *ret,
                  struct checkpoint *ret_cp) {
    struct largest l = {.log = log, .ret = ret, .cp = ret_cp};
    int r = each_peer_head(p, keep_largest, &l);

    return r < 0 ? r : l.found ? 0 : -ENOENT;
}
