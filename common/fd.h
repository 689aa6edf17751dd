/* SPDX-License-Identifier: Apache-2.0 */
/* common/fd.h - files and descriptors: whole reads, whole writes, durable replacement.
 * Every open is O_CLOEXEC; files that we own are opened O_NOFOLLOW. Knows no formats. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct err;

/* Writes all of it, across EINTR and short writes. 0 or -errno. */
int fd_write_all(int fd, const void *data, size_t len);
int fd_pwrite_all(int fd, const void *data, size_t len, uint64_t at);
/* Reads exactly len bytes; -ENODATA when the file ends before. */
int fd_pread_all(int fd, void *data, size_t len, uint64_t at);
/* Reads to the end of file into b; -E2BIG past its ceiling. */
int fd_read_all(int fd, struct buf *b);

/* Reads the file at path (below dirfd, AT_FDCWD allowed) into b. The last component may not be a
 * link, the file must be regular. */
int file_read(int dirfd, const char *path, struct buf *b, struct err *e);
/* As file_read, and the file must belong to `uid` and be closed to group and others (secrets). */
int file_read_private(int dirfd, const char *path, uid_t uid, struct buf *b, struct err *e);

/* As file_read, and the file must belong to `uid` or to root; others may read, but not write it.
 * "file_not_private". */
int file_read_kept(int dirfd, const char *path, uid_t uid, struct buf *b, struct err *e);

/* Replaces path durably: temporary file beside it, fsync, rename, fsync of the directory. A crash
 * leaves the old or the new content, never a mixture. */
int file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
                 struct err *e);

/* mkdir -p below dirfd with `mode` for what is made; existing directories are left as they are. */
int dir_make(int dirfd, const char *path, mode_t mode, struct err *e);
int dir_sync(int dirfd, const char *path); /* fsync of a directory ("." for dirfd itself) */

int fd_nonblock(int fd);

/* A descriptor to read these bytes from, which nobody can change any more (a sealed memfd); NULL:
 * nothing (/dev/null). */
int fd_sealed(const void *data, size_t len, int *ret);
