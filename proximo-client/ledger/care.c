/* SPDX-License-Identifier: Apache-2.0 */
/* What recovery and restart share: being the only one, a copy beside the log, and the one step in
 * which it takes the log's place. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/dir.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "proximo-client/ledger/body.h"
#include "proximo-client/ledger/impl.h"
#include "proximo-client/ledger/witnessed.h"

int care_alone(struct ledger *l, struct err *e) {
    if (flock(l->users_fd, LOCK_EX | LOCK_NB) == 0) {
        return 0;
    }
    if (errno != EWOULDBLOCK) {
        return err_set(e, -errno, "lock the ledger: %s", strerror(errno));
    }
    (void)err_tag(e, -EBUSY, "ledger_busy", "another process has this ledger open");
    return err_hint(e, "end it first: an MCP client keeps a proximo-client running");
}

int care_beside(const char *dir, char ret[static CARE_PATH], struct err *e) {
    long long now = (long long)clock_unix();
    struct stat st;

    for (unsigned int i = 0; i < 100; i++) {
        int n = snprintf(ret, CARE_PATH, "%s.before-%lld", dir, now + i);

        if (n < 0 || n >= CARE_PATH) {
            return err_set(e, -ENAMETOOLONG, "ledger directory: the name is too long");
        }
        if (lstat(ret, &st) < 0 && errno == ENOENT) {
            return 0;
        }
    }
    return err_set(e, -EEXIST, "no free name beside %s", dir);
}

/* What is kept is for looking at: the values of plans that wait have gone along, or are void. */
static void forget_secrets(const char *kept) {
    CLEANUP(closep) int top = open(kept, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int fd = openat(top, "secrets", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    CLEANUP(dir_closep) DIR *d = dir_of_fd(fd);
    const char *name;

    while ((name = dir_next(d)) != NULL) {
        (void)unlinkat(dirfd(d), name, 0);
    }
}

/* Whether `dir` still leads to the ledger that is open: another may have taken its place. */
static bool is_still(const struct ledger *l, const char *dir) {
    struct stat held, now;

    return fstat(l->dir, &held) == 0 && lstat(dir, &now) == 0 && held.st_ino == now.st_ino &&
           held.st_dev == now.st_dev;
}

/* A process that dies between the exchange and forgetting leaves the values in the copy, and one
 * that dies before it leaves them in what it was building. Whoever has the ledger open keeps others
 * from recovering it, so no copy beside it is in use now. */
void care_sweep(const struct ledger *l) {
    CLEANUP(freep) char *parent = NULL;
    CLEANUP(dir_closep) DIR *d = NULL;
    const char *slash = strrchr(l->path, '/'), *base = slash ? slash + 1 : l->path;
    char begin[NAME_MAX + 1];
    const char *name;
    int n = snprintf(begin, sizeof(begin), "%s.before-", base);

    parent = slash ? strndup(l->path, (size_t)(slash - l->path)) : strdup(".");
    if (!*base || n < 0 || n >= (int)sizeof(begin) || !parent || !is_still(l, l->path)) {
        return;
    }
    d = dir_open(AT_FDCWD, *parent ? parent : "/");
    while ((name = dir_next(d)) != NULL) {
        char path[CARE_PATH];

        if (strncmp(name, begin, (size_t)n) == 0 &&
            snprintf(path, sizeof(path), "%s/%s", parent, name) < CARE_PATH) {
            forget_secrets(path);
        }
    }
}

int care_swap(const char *dir, const char *made, struct err *e) {
    CLEANUP(freep) char *parent = NULL;
    const char *slash = strrchr(dir, '/');

    if (renameat2(AT_FDCWD, made, AT_FDCWD, dir, RENAME_EXCHANGE) < 0) {
        return err_set(e, -errno, "put %s in the place of %s: %s", made, dir, strerror(errno));
    }
    parent = slash ? strndup(dir, (size_t)(slash - dir)) : strdup(".");
    (void)dir_sync(AT_FDCWD, parent && *parent ? parent : "/"); /* either state is a whole one */
    forget_secrets(made);
    return 0;
}

void care_discard(const char *made) {
    if (*made) {
        dir_remove(AT_FDCWD, made, 2);
    }
}

static int link_one(int from, int to, const char *name) {
    return linkat(from, name, to, name, 0) < 0 && errno != ENOENT && errno != EEXIST ? -errno : 0;
}

static int make_body_dir(int to, const char *name) {
    char dir[BODY_NAME];

    (void)snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(name, '/') - name), name);
    return dir_make(to, dir, 0700, NULL);
}

struct between {
    int from, to;
};

static int link_body(void *ctx, const char *name) {
    const struct between *b = ctx;
    int r = make_body_dir(b->to, name);

    return r < 0 ? r : link_one(b->from, b->to, name);
}

static int link_secrets(int from, int to) {
    int fd = openat(from, "secrets", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *de;
    int r = 0;

    while (r == 0 && d && (de = readdir(d))) {
        char name[300];

        (void)snprintf(name, sizeof(name), "secrets/%s", de->d_name);
        r = de->d_name[0] == '.' ? 0 : link_one(from, to, name);
    }
    if (d) {
        (void)closedir(d);
    }
    return r;
}

/* The brake that guests' text put on goes with the cluster, not with the log. */
int care_link_taint(int from, int to) {
    return link_one(from, to, "taint");
}

int care_link_all(int from, int to) {
    struct between b = {from, to};
    int r = care_link_taint(from, to);

    r = r < 0 ? r : link_one(from, to, "origin");
    r = r < 0 ? r : link_one(from, to, "key");
    r = r < 0 ? r : link_one(from, to, WITNESSED_FILE);
    r = r < 0 ? r : body_each(from, link_body, &b);
    return r < 0 ? r : link_secrets(from, to);
}

static int copy_body(void *ctx, const char *name) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(BODY_FILE_MAX);
    const struct between *x = ctx;
    struct stat st;
    int r;

    if (fstatat(x->to, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        return 0;
    }
    r = file_read(x->from, name, &b, NULL);
    r = r < 0 ? r : make_body_dir(x->to, name);
    return r < 0 ? r : file_replace(x->to, name, buf_str(&b), b.len, 0600, NULL);
}

int care_copy_bodies(int from, int to) {
    struct between b = {from, to};

    return body_each(from, copy_body, &b);
}

int care_sync_all(int dirfd, struct err *e) {
    return syncfs(dirfd) < 0 ? err_set(e, -errno, "sync the ledger: %s", strerror(errno)) : 0;
}
