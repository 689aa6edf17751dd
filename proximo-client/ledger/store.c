/* SPDX-License-Identifier: Apache-2.0 */
/* What lies beside the log: content-addressed bodies, the secrets of pending plans, and the locks
 * of running operations. A body is on the disk before the entry that names it can be written. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "common/digest.h"
#include "common/dir.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/ledger/body.h"
#include "proximo-client/ledger/impl.h"

static void body_name(const struct hash *h, char ret[static BODY_NAME]) {
    char hex[2 * HASH_LEN + 1];

    hex_encode(h->b, HASH_LEN, hex);
    (void)snprintf(ret, BODY_NAME, "bodies/%.2s/%s", hex, hex);
}

static int pack(const void *data, size_t len, struct buf *ret) {
    uLongf n = compressBound((uLong)len);
    int r = buf_adds(ret, BODY_HEAD);

    r = r < 0 ? r : buf_reserve(ret, n);
    if (r < 0) {
        return r;
    }
    /* digests make up most of a large body, and no effort packs those: trying hard is a tenth of
     * the time of a plan over 10,000 guests */
    if (compress2((Bytef *)ret->data + ret->len, &n, data, (uLong)len, Z_BEST_SPEED) != Z_OK) {
        return -ENOMEM;
    }
    ret->len += n;
    return 0;
}

int store_space(int r, const char *what, struct err *e) {
    if (r == -ENOSPC || r == -EDQUOT) {
        (void)err_tag(e, r, "ledger_space", "no space for %s", what);
        (void)err_hint(e, "free space on the ledger's file system; nothing was changed");
    }
    return r;
}

int ledger_body_put(struct ledger *l, const void *data, size_t len, struct hash *ret,
                    struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(BODY_FILE_MAX);
    char name[BODY_NAME];
    char dir[BODY_NAME];
    struct stat st;
    struct hash h;
    int r;

    if (len > BODY_MAX) {
        return err_set(e, -E2BIG, "a body of %zu bytes is larger than %u", len, BODY_MAX);
    }
    sha256(data, len, &h);
    body_name(&h, name);
    if (fstatat(l->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        *ret = h;
        return 0; /* the name is the content, and it was durable when it got its name */
    }
    (void)snprintf(dir, sizeof(dir), "%.9s", name);
    r = pack(data, len, &b);
    if (r < 0) {
        return err_set(e, r, "pack a body: %s", strerror(-r));
    }
    if (mkdirat(l->dir, dir, 0700) == 0) {
        r = dir_sync(l->dir, "bodies");
    } else if (errno != EEXIST) {
        r = -errno;
    }
    r = r < 0 ? err_set(e, r, "make %s: %s", dir, strerror(-r))
              : file_replace(l->dir, name, buf_str(&b), b.len, 0600, e);
    r = store_space(r, "a plan's or an output's body", e);
    if (r == 0) {
        *ret = h;
    }
    return r;
}

static int unpack(const struct buf *in, struct buf *ret) {
    const size_t head = sizeof(BODY_HEAD) - 1;
    z_stream z = {0};
    int x = Z_OK;
    int r = 0;

    if (in->len < head || memcmp(in->data, BODY_HEAD, head) != 0) {
        return -EBADMSG;
    }
    if (inflateInit(&z) != Z_OK) {
        return -ENOMEM;
    }
    z.next_in = (Bytef *)in->data + head;
    z.avail_in = (uInt)(in->len - head);
    while (r == 0 && x == Z_OK) {
        char chunk[16384];

        z.next_out = (Bytef *)chunk;
        z.avail_out = sizeof(chunk);
        x = inflate(&z, Z_NO_FLUSH);
        if (x == Z_OK || x == Z_STREAM_END) {
            r = buf_add(ret, chunk, sizeof(chunk) - z.avail_out); /* the ceiling stops a bomb */
        }
    }
    if (r == 0 && (x != Z_STREAM_END || z.avail_in)) {
        r = -EBADMSG;
    }
    (void)inflateEnd(&z);
    return r;
}

int body_read(int dirfd, const struct hash *h, struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(BODY_FILE_MAX);
    CLEANUP(buf_done) struct buf out = BUF_INIT(BODY_MAX);
    char name[BODY_NAME];
    struct hash got;
    int r;

    body_name(h, name);
    r = file_read(dirfd, name, &b, e);
    if (r < 0) {
        return r;
    }
    r = unpack(&b, &out);
    if (r == 0) {
        sha256(buf_str(&out), out.len, &got);
        r = hash_eq(&got, h) ? 0 : -EBADMSG;
    }
    if (r < 0) {
        return err_tag(e, r, "ledger_damaged", "body %s is not what its name says", name);
    }
    r = buf_add(ret, buf_str(&out), out.len);
    return r < 0 ? err_set(e, r, "body %s: larger than %zu bytes", name, ret->max) : 0;
}

int ledger_body_get(struct ledger *l, const struct hash *h, struct buf *ret, struct err *e) {
    return body_read(l->dir, h, ret, e);
}

static int each_below(int dirfd, const char *dir, size_t name_len, body_fn *fn, void *ctx) {
    int fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *de;
    int r = 0;

    while (r == 0 && d && (de = readdir(d))) {
        char name[BODY_NAME];

        if (!ident_is_hex(de->d_name, name_len)) {
            continue; /* what a crash left half written */
        }
        (void)snprintf(name, sizeof(name), "%s/%.64s", dir, de->d_name);
        r = name_len == 2 ? each_below(dirfd, name, 2 * HASH_LEN, fn, ctx) : fn(ctx, name);
    }
    if (d) {
        (void)closedir(d);
    }
    return r;
}

int body_each(int dirfd, body_fn *fn, void *ctx) {
    return each_below(dirfd, "bodies", 2, fn, ctx);
}

/* A lock file may be swept between our opening and our locking it: then it is not the one that the
 * name means any more. */
static int take_running(int dirfd, const char *name, int *ret_fd) {
    CLEANUP(closep)
    int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat ours;
    struct stat named;

    if (fd < 0) {
        return -errno;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    }
    if (fstat(fd, &ours) < 0 || fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
        ours.st_ino != named.st_ino) {
        return -EAGAIN;
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int ledger_running_take(struct ledger *l, const char *op_id, int *ret_fd, struct err *e) {
    char name[64];
    int r;

    if (!ident_is_op_id(op_id)) {
        return err_set(e, -EINVAL, "not an operation's id");
    }
    (void)snprintf(name, sizeof(name), "running/%s", op_id);
    do {
        r = take_running(l->dir, name, ret_fd);
    } while (r == -EAGAIN);
    if (r == -EBUSY) {
        return err_tag(e, r, "op_running", "another process is executing %s", op_id);
    }
    return r < 0 ? store_space(err_set(e, r, "lock %s: %s", op_id, strerror(-r)),
                               "an operation's lock", e)
                 : 0;
}

bool ledger_running_held(struct ledger *l, const char *op_id) {
    CLEANUP(closep) int fd = -1;
    char name[64];

    (void)snprintf(name, sizeof(name), "running/%s", op_id);
    fd = openat(l->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

void running_sweep(struct ledger *l, bool (*is_over)(struct ledger *l, const char *op_id)) {
    int fd = openat(l->dir, "running", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *de;

    while (d && (de = readdir(d))) {
        CLEANUP(closep) int held = -1;

        if (ident_is_op_id(de->d_name) && is_over(l, de->d_name) &&
            take_running(fd, de->d_name, &held) == 0) {
            (void)unlinkat(fd, de->d_name, 0);
        }
    }
    if (d) {
        (void)closedir(d);
    }
}

static int secret_name(const char *plan_id, char *ret, size_t size, struct err *e) {
    if (!ident_is_plan_id(plan_id)) {
        return err_set(e, -EINVAL, "not a plan's id");
    }
    (void)snprintf(ret, size, "secrets/%s", plan_id);
    return 0;
}

int ledger_secret_put(struct ledger *l, const char *plan_id, const void *data, size_t len,
                      struct err *e) {
    char name[64];
    int r = secret_name(plan_id, name, sizeof(name), e);

    r = r < 0 ? r : file_replace(l->dir, name, data, len, 0600, e);
    return store_space(r, "a plan's secret", e);
}

int ledger_secret_get(struct ledger *l, const char *plan_id, struct buf *ret, struct err *e) {
    char name[64];
    int r = secret_name(plan_id, name, sizeof(name), e);

    return r < 0 ? r : file_read_private(l->dir, name, geteuid(), ret, e);
}

int ledger_secret_drop(struct ledger *l, const char *plan_id) {
    char name[64];
    int r = secret_name(plan_id, name, sizeof(name), NULL);

    if (r < 0) {
        return r;
    }
    if (unlinkat(l->dir, name, 0) < 0) {
        return -errno;
    }
    return dir_sync(l->dir, "secrets");
}

void ledger_secret_each(struct ledger *l, ledger_secret_fn *fn, void *ctx) {
    int fd = openat(l->dir, "secrets", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    CLEANUP(dir_closep) DIR *d = dir_of_fd(fd);
    const char *name;

    while ((name = dir_next(d)) != NULL) {
        struct stat st;

        if (ident_is_plan_id(name) && fstatat(dirfd(d), name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            fn(ctx, name, st.st_mtime);
        }
    }
}
