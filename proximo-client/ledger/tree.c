/* SPDX-License-Identifier: Apache-2.0 */
/* Entries and the hashes of the tree on disk. The invariant: entry bytes are written before their
 * hashes, a file is synced before its successor is opened, and a write that fails is taken back, so
 * that nothing past the stored checkpoint is ever half there for a process that goes on. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/own.h"
#include "proximo-client/ledger/impl.h"

int tree_level(struct ledger *l, unsigned int level, bool make) {
    char name[16];
    int fd;

    if (l->level_fd[level] >= 0) {
        return l->level_fd[level];
    }
    (void)snprintf(name, sizeof(name), "level/%u", level);
    fd = openat(l->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT && make) {
        fd = openat(l->dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        l->dirty_dirs = true;
    }
    if (fd < 0) {
        return -errno;
    }
    l->level_fd[level] = fd;
    return fd;
}

int tree_read(void *ctx, unsigned int level, uint64_t index, struct hash *ret) {
    int fd = tree_level(ctx, level, false);

    return fd < 0 ? fd : fd_pread_all(fd, ret->b, HASH_LEN, index * HASH_LEN);
}

static int store(void *ctx, unsigned int level, uint64_t index, const struct hash *h) {
    struct ledger *l = ctx;
    int fd = tree_level(l, level, true);

    if (fd < 0) {
        return fd;
    }
    l->dirty_levels |= (uint64_t)1 << level;
    return fd_pwrite_all(fd, h->b, HASH_LEN, index * HASH_LEN);
}

int tree_trim(struct ledger *l, uint64_t size) {
    for (unsigned int level = 0; level < 64; level++) {
        off_t want = (off_t)((size >> level) * HASH_LEN);
        int fd = tree_level(l, level, false);
        struct stat st;

        if (fd == -ENOENT) {
            return 0;
        }
        if (fd < 0 || fstat(fd, &st) < 0) {
            return fd < 0 ? fd : -errno;
        }
        if (st.st_size > want) {
            if (ftruncate(fd, want) < 0) {
                return -errno;
            }
            l->dirty_levels |= (uint64_t)1 << level;
        }
    }
    return 0;
}

int tree_sync(struct ledger *l) {
    if (l->dirty_seg && fdatasync(l->seg_fd) < 0) {
        return -errno;
    }
    for (unsigned int level = 0; level < 64; level++) {
        if ((l->dirty_levels >> level & 1) && fdatasync(l->level_fd[level]) < 0) {
            return -errno;
        }
    }
    if (l->dirty_dirs) {
        int r = dir_sync(l->dir, "entries");

        r = r < 0 ? r : dir_sync(l->dir, "level");
        if (r < 0) {
            return r;
        }
    }
    l->dirty_seg = false;
    l->dirty_levels = 0;
    l->dirty_dirs = false;
    return 0;
}

int tree_open_tail(struct ledger *l, bool make) {
    char name[SEG_NAME];
    int fd;

    if (l->seg_fd >= 0) {
        return 0;
    }
    seg_name(l->seg, name);
    fd = openat(l->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (make ? O_CREAT : 0), 0600);
    if (fd < 0) {
        return -errno;
    }
    l->dirty_dirs |= make;
    l->seg_fd = fd;
    return 0;
}

/* The tail is full: everything in it goes to the disk before its successor is opened. */
static int roll(struct ledger *l) {
    int r;

    if (l->seg == l->edge.size / SEG_ENTRIES) {
        return 0;
    }
    r = tree_sync(l);
    if (r < 0) {
        return r;
    }
    closep(&l->seg_fd);
    l->seg = l->edge.size / SEG_ENTRIES;
    l->seg_end = 0;
    return 0;
}

static void put_offset(struct ledger *l) {
    uint32_t at = htobe32((uint32_t)l->seg_end);

    /* Derived: without it the reader scans the segment. */
    (void)fd_pwrite_all(l->offset_fd, &at, sizeof(at), l->edge.size * sizeof(at));
}

/* Takes back what a failed append wrote; the sizes are those before it. */
static int take_back(struct ledger *l, int why) {
    if ((l->seg_fd >= 0 && ftruncate(l->seg_fd, (off_t)l->seg_end) < 0) ||
        tree_trim(l, l->edge.size) < 0) {
        l->failed = true;
        return -EIO;
    }
    return why;
}

int tree_put(struct ledger *l, const void *entry, size_t len, struct ledger_pos *ret) {
    static char frame[4 + LIM_ENTRY]; /* one write for length and bytes; single-threaded by rule */
    uint32_t be = htobe32((uint32_t)len);
    struct ledger_pos pos = {.index = l->edge.size};
    int r = roll(l);

    if (r < 0) {
        l->failed = true;
        return r;
    }
    r = tree_open_tail(l, true);
    if (r < 0) {
        return r;
    }
    memcpy(frame, &be, sizeof(be));
    memcpy(frame + 4, entry, len);
    merkle_leaf(entry, len, &pos.leaf);
    l->dirty_seg = true;
    r = fd_pwrite_all(l->seg_fd, frame, 4 + len, l->seg_end);
    if (r < 0) {
        return take_back(l, r);
    }
    put_offset(l);
    r = merkle_edge_add(&l->edge, &pos.leaf, store, l);
    if (r < 0) {
        return take_back(l, r);
    }
    l->seg_end += 4 + len;
    *ret = pos;
    return 0;
}
