/* SPDX-License-Identifier: Apache-2.0 */
/* Files and descriptors. The invariant: what file_replace returned 0 for survives a power cut, and
 * what it failed at left the old content in place. */
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"

int fd_write_all(int fd, const void *data, size_t len) {
    const char *p = data;

    while (len) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int fd_pwrite_all(int fd, const void *data, size_t len, uint64_t at) {
    const char *p = data;

    while (len) {
        ssize_t n = pwrite(fd, p, len, (off_t)at);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int fd_pread_all(int fd, void *data, size_t len, uint64_t at) {
    char *p = data;

    while (len) {
        ssize_t n = pread(fd, p, len, (off_t)at);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0) {
            return -ENODATA;
        }
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int fd_read_all(int fd, struct buf *b) {
    char chunk[4096]; /* one page: a short-lived child pays for each that it touches */

    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));
        int r;

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0) {
            return 0;
        }
        r = buf_add(b, chunk, (size_t)n);
        if (r < 0) {
            return r;
        }
    }
}

static int file_open_read(int dirfd, const char *path, struct stat *st, int *ret_fd,
                          struct err *e) {
    /* O_NONBLOCK: a FIFO planted under the name must not hang us. */
    CLEANUP(closep)
    int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        return err_set(e, -errno, "open %s: %s", path, strerror(errno));
    }
    if (fstat(fd, st) < 0) {
        return err_set(e, -errno, "stat %s: %s", path, strerror(errno));
    }
    if (!S_ISREG(st->st_mode)) {
        return err_set(e, -EINVAL, "%s is not a regular file", path);
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int file_slurp(int fd, const char *path, struct buf *b, struct err *e) {
    int r = fd_read_all(fd, b);

    if (r == -E2BIG) {
        return err_set(e, r, "%s is larger than %zu bytes", path, b->max);
    }
    if (r < 0) {
        return err_set(e, r, "read %s: %s", path, strerror(-r));
    }
    return 0;
}

int file_read(int dirfd, const char *path, struct buf *b, struct err *e) {
    CLEANUP(closep) int fd = -1;
    struct stat st;
    int r = file_open_read(dirfd, path, &st, &fd, e);

    return r < 0 ? r : file_slurp(fd, path, b, e);
}

int file_read_kept(int dirfd, const char *path, uid_t uid, struct buf *b, struct err *e) {
    CLEANUP(closep) int fd = -1;
    struct stat st;
    int r = file_open_read(dirfd, path, &st, &fd, e);

    if (r < 0) {
        return r;
    }
    if ((st.st_uid != uid && st.st_uid != 0) || (st.st_mode & 022) != 0) {
        (void)err_tag(e, -EPERM, "file_not_private", "%s can be written by others", path);
        return err_hint(e, "chown it to its user and run: chmod go-w %s", path);
    }
    return file_slurp(fd, path, b, e);
}

int file_read_private(int dirfd, const char *path, uid_t uid, struct buf *b, struct err *e) {
    CLEANUP(closep) int fd = -1;
    struct stat st;
    int r = file_open_read(dirfd, path, &st, &fd, e);

    if (r < 0) {
        return r;
    }
    if (st.st_uid != uid || (st.st_mode & 077) != 0) {
        (void)err_tag(e, -EPERM, "file_not_private", "%s can be read by others", path);
        return err_hint(e, "chown it to its user and run: chmod 600 %s", path);
    }
    return file_slurp(fd, path, b, e);
}

int dir_sync(int dirfd, const char *path) {
    CLEANUP(closep) int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return -errno;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

int file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
                 struct err *e) {
    char tmp[4096];
    char dir[4096];
    const char *slash = strrchr(path, '/');
    int n = snprintf(tmp, sizeof(tmp), "%s.tmp.%d", path, (int)getpid());
    int r;

    if (n < 0 || (size_t)n >= sizeof(tmp)) {
        return err_set(e, -ENAMETOOLONG, "%s: name too long", path);
    }
    (void)snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    if (slash == path) {
        (void)snprintf(dir, sizeof(dir), "/");
    }
    (void)unlinkat(dirfd, tmp, 0); /* of a dead process that had our id */
    {
        CLEANUP(closep)
        int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

        if (fd < 0) {
            return err_set(e, -errno, "create %s: %s", tmp, strerror(errno));
        }
        r = fd_write_all(fd, data, len);
        if (r == 0 && fchmod(fd, mode) < 0) { /* the umask may have cut it */
            r = -errno;
        }
        if (r == 0 && fsync(fd) < 0) {
            r = -errno;
        }
    }
    if (r == 0 && renameat(dirfd, tmp, dirfd, path) < 0) {
        r = -errno;
    }
    if (r < 0) {
        (void)unlinkat(dirfd, tmp, 0);
        return err_set(e, r, "write %s: %s", path, strerror(-r));
    }
    r = dir_sync(dirfd, dir);
    return r < 0 ? err_set(e, r, "sync %s: %s", dir, strerror(-r)) : 0;
}

int dir_make(int dirfd, const char *path, mode_t mode, struct err *e) {
    char part[4096];
    size_t len = strlen(path);

    if (len >= sizeof(part)) {
        return err_set(e, -ENAMETOOLONG, "%s: name too long", path);
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdirat(dirfd, part, mode) < 0 && errno != EEXIST) {
            return err_set(e, -errno, "make directory %s: %s", part, strerror(errno));
        }
    }
    return 0;
}

int fd_nonblock(int fd) {
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        return -errno;
    }
    return 0;
}

int fd_sealed(const void *data, size_t len, int *ret) {
    CLEANUP(closep)
    int fd = data ? memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING)
                  : open("/dev/null", O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : data ? fd_write_all(fd, data, len) : 0;

    if (r == 0 && data &&
        (lseek(fd, 0, SEEK_SET) < 0 ||
         fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)) {
        r = -errno;
    }
    *ret = r < 0 ? -1 : TAKE_FD(fd);
    return r;
}
