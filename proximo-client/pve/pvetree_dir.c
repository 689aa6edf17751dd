/* SPDX-License-Identifier: Apache-2.0 */
/* A directory that is a copy of /etc/pve, file by file. Links (PVE's own "lxc", "qemu-server",
 * "local") are not followed: what they name is read in its own place. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pve/pvetree_int.h"

static void closedirp(DIR **d) {
    if (*d) {
        (void)closedir(*d);
    }
}

#define MAX_DEPTH 6

static void read_file(struct pvetree *t, int dir, const char *name, const char *path) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    struct err e = {0};

    if (file_read(dir, name, &b, &e) < 0) {
        pvetree_unread(t, path, e.msg);
    } else {
        pvetree_put(t, path, buf_str(&b), b.len);
    }
}

static void read_folder(struct pvetree *t, int parent, const char *name, const char *prefix,
                        unsigned int depth) {
    CLEANUP(closep)
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    CLEANUP(closedirp) DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *ent;

    if (!d || depth > MAX_DEPTH) {
        pvetree_unread(t, prefix, d ? "too deep" : strerror(errno));
        return;
    }
    fd = -1; /* the stream's now */
    while ((ent = readdir(d))) {
        char path[256];
        struct stat st;

        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0 ||
            strcmp(ent->d_name, "priv") == 0 ||
            fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            continue;
        }
        if ((size_t)snprintf(path, sizeof(path), "%s%s%s", prefix, ent->d_name,
                             S_ISDIR(st.st_mode) ? "/" : "") >= sizeof(path)) {
            continue;
        }
        if (S_ISDIR(st.st_mode)) {
            read_folder(t, dirfd(d), ent->d_name, path, depth + 1);
        } else if (S_ISREG(st.st_mode)) {
            read_file(t, dirfd(d), ent->d_name, path);
        }
    }
}

int pvetree_read_dir(const char *dir, struct pvetree **ret, struct err *e) {
    CLEANUP(pvetree_freep) struct pvetree *t = NULL;
    CLEANUP(closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 ? err_set(e, -errno, "open %s: %s", dir, strerror(errno)) : pvetree_new(&t, e);

    if (r == 0) {
        read_folder(t, fd, ".", "", 0);
        *ret = TAKE(t);
    }
    return r;
}
