/* SPDX-License-Identifier: Apache-2.0 */
/* Which files of the closed list there are. The list's patterns are followed, not the tree: a
 * folder that no pattern names is never opened, and links (PVE's "local", "lxc", "qemu-server") are
 * not followed, because what they name is on the list in its own place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dir.h"
#include "common/own.h"
#include "pveagentd/reader/reader.h"

#define OWN "etc/network/" /* files of this node, not of the cluster file system */

void items_done(struct items *l) {
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].path);
    }
    free(l->v);
    *l = (struct items){NULL, 0};
}

static int add(struct items *l, const char *path, const struct pvepath *kind, int error,
               const struct stat *st) {
    struct item i = {.kind = kind, .error = error};

    if ((l->n & (l->n - 1)) == 0) { /* the count alone tells when to grow */
        struct item *more = reallocarray(l->v, l->n ? l->n * 2 : 1, sizeof(*l->v));

        if (!more) {
            return -ENOMEM;
        }
        l->v = more;
    }
    i.path = strdup(path);
    if (!i.path) {
        return -ENOMEM;
    }
    if (st) {
        i.ino = st->st_ino;
        i.size = st->st_size;
        i.mtime = st->st_mtim;
        i.ctime = st->st_ctim;
    }
    l->v[l->n++] = i;
    return 0;
}

struct search {
    struct items *l;
    const struct pvepath *kind;
};

static int descend(const struct search *s, int dir, const char *prefix, const char *pattern);

/* One entry of a folder, whose name fits this piece of the pattern. */
static int visit(const struct search *s, int dir, const char *prefix, const char *name,
                 const char *pattern) {
    size_t piece = strcspn(pattern, "/");
    CLEANUP(closep) int fd = -1;
    char path[PVEPATH_MAX];
    struct stat st;

    if ((size_t)snprintf(path, sizeof(path), "%s%s%s", prefix, name, pattern[piece] ? "/" : "") >=
        sizeof(path)) {
        return 0; /* longer than any name of the list */
    }
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT ? 0 : add(s->l, path, s->kind, errno, NULL);
    }
    if (!pattern[piece]) {
        return S_ISREG(st.st_mode) ? add(s->l, path, s->kind, 0, &st) : 0;
    }
    if (!S_ISDIR(st.st_mode)) {
        return 0;
    }
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? add(s->l, path, s->kind, errno, NULL)
                  : descend(s, fd, path, pattern + piece + 1);
}

static int descend(const struct search *s, int dir, const char *prefix, const char *pattern) {
    size_t len = strcspn(pattern, "/");
    CLEANUP(dir_closep) DIR *d = NULL;
    char piece[64];
    const char *name;
    int r = 0;

    (void)snprintf(piece, sizeof(piece), "%.*s", (int)len, pattern);
    if (!strchr(piece, '*')) {
        return visit(s, dir, prefix, piece, pattern);
    }
    d = dir_open(dir, ".");
    if (!d) {
        return add(s->l, prefix, s->kind, errno, NULL);
    }
    while (r == 0 && (name = dir_next(d)) != NULL) {
        if (pvepath_matches(piece, name)) {
            r = visit(s, dir, prefix, name, pattern);
        }
    }
    return r;
}

/* The file of this host that stands for an inventory's "etc/network/interfaces…@NODE". */
static bool own_file(const struct reader_opts *o, const char *path, char ret[static 4096]) {
    const char *pending = strncmp(path + strlen(OWN), "interfaces.new", 14) == 0 ? ".new" : "";
    int n = snprintf(ret, 4096, "%s%s", o->interfaces, pending);

    return n > 0 && n < 4096;
}

static int list_own(const struct reader_opts *o, struct items *ret, const struct pvepath *kind) {
    char path[PVEPATH_MAX], file[4096];
    struct stat st;

    (void)snprintf(path, sizeof(path), "%.*s%s", (int)strcspn(kind->pattern, "*"), kind->pattern,
                   o->node);
    if (!own_file(o, path, file) || lstat(file, &st) < 0 || !S_ISREG(st.st_mode)) {
        return 0;
    }
    return add(ret, path, kind, 0, &st);
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct item *)a)->path, ((const struct item *)b)->path);
}

/* Two patterns that lead into the same unreadable folder say it twice. */
static void drop_doubles(struct items *l) {
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        if (n > 0 && strcmp(l->v[n - 1].path, l->v[i].path) == 0) {
            free(l->v[i].path);
        } else {
            l->v[n++] = l->v[i];
        }
    }
    l->n = n;
}

int items_list(const struct reader_opts *o, int root, struct items *ret) {
    int r = 0;

    for (size_t i = 0; r == 0 && i < n_pvepaths; i++) {
        struct search s = {ret, &pvepaths[i]};

        r = strncmp(pvepaths[i].pattern, OWN, strlen(OWN)) == 0
                ? list_own(o, ret, &pvepaths[i])
                : descend(&s, root, "", pvepaths[i].pattern);
    }
    if (ret->n > 1) {
        qsort(ret->v, ret->n, sizeof(*ret->v), by_path);
    }
    drop_doubles(ret);
    return r;
}

static bool same_time(const struct timespec *a, const struct timespec *b) {
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool item_is(const struct item *i, const struct stat *st) {
    return i->kind->live ||
           (i->ino == st->st_ino && i->size == st->st_size && same_time(&i->mtime, &st->st_mtim) &&
            same_time(&i->ctime, &st->st_ctim));
}

void items_version(const struct items *l, const struct reader_opts *o, struct hash *ret) {
    CLEANUP(sha256_freep) struct sha256 *s = sha256_new();

    if (!s) {
        abort(); /* no memory for a few hundred bytes */
    }
    sha256_add(s, o->node, strlen(o->node) + 1);
    for (size_t i = 0; i < l->n; i++) {
        const struct item *it = &l->v[i];
        char text[200];
        int n = it->kind->live
                    ? snprintf(text, sizeof(text), "%d live\n", it->error)
                    : snprintf(text, sizeof(text), "%d %llu %lld %lld.%ld %lld.%ld\n", it->error,
                               (unsigned long long)it->ino, (long long)it->size,
                               (long long)it->mtime.tv_sec, it->mtime.tv_nsec,
                               (long long)it->ctime.tv_sec, it->ctime.tv_nsec);

        sha256_add(s, it->path, strlen(it->path) + 1);
        sha256_add(s, text, (size_t)n);
    }
    sha256_end(s, ret);
}

void folder_done(struct folder *f) {
    closep(&f->fd);
    f->fd = -1;
    f->path[0] = '\0';
}

/* path: with its slash at the end, "" for the root itself. */
static int folder_open(int root, const char *path, size_t len, struct folder *f) {
    CLEANUP(closep) int dir = -1;

    if (f->fd >= 0 && strlen(f->path) == len && strncmp(f->path, path, len) == 0) {
        return 0;
    }
    folder_done(f);
    for (const char *s = path; s < path + len; s = strchr(s, '/') + 1) {
        char piece[PVEPATH_MAX];
        int fd;

        (void)snprintf(piece, sizeof(piece), "%.*s", (int)strcspn(s, "/"), s);
        fd = openat(dir < 0 ? root : dir, piece, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) {
            return -errno;
        }
        closep(&dir);
        dir = fd;
    }
    (void)snprintf(f->path, sizeof(f->path), "%.*s", (int)len, path);
    f->fd = TAKE_FD(dir);
    return 0;
}

int item_open(const struct reader_opts *o, int root, struct folder *last, const struct item *i) {
    const char *slash = strrchr(i->path, '/');
    const char *name = slash ? slash + 1 : i->path;
    char file[4096];
    int fd;
    int r;

    if (strncmp(i->path, OWN, strlen(OWN)) == 0) {
        fd = own_file(o, i->path, file) ? open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                                        : -1;
        return fd < 0 ? -errno : fd;
    }
    r = slash ? folder_open(root, i->path, (size_t)(name - i->path), last) : 0;
    if (r < 0) {
        return r;
    }
    fd = openat(slash ? last->fd : root, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}
