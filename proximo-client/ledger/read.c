/* SPDX-License-Identifier: Apache-2.0 */
/* Reading entries, hashes and proofs. The offsets file only says where to look first: what is read
 * counts when its hash is the one in the tree. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "proximo-client/ledger/impl.h"

static int open_segment(struct ledger *l, uint64_t seg) {
    char name[SEG_NAME];
    int fd;

    if (l->read_fd >= 0 && l->read_seg == seg) {
        return l->read_fd;
    }
    seg_name(seg, name);
    fd = openat(l->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return -errno;
    }
    closep(&l->read_fd);
    l->read_fd = fd;
    l->read_seg = seg;
    return fd;
}

/* The entry at a byte of its segment, if it is the one the tree has at `index`. */
static int read_at(struct ledger *l, int fd, uint64_t at, uint64_t index, struct buf *ret) {
    struct hash want;
    struct hash got;
    uint32_t be;
    size_t len;
    int r = fd_pread_all(fd, &be, sizeof(be), at);

    len = r < 0 ? 0 : be32toh(be);
    if (r < 0 || !len || len > LIM_ENTRY) {
        return -EBADMSG;
    }
    buf_reset(ret);
    r = buf_reserve(ret, len);
    if (r < 0) {
        return r;
    }
    r = fd_pread_all(fd, ret->data, len, at + 4);
    if (r < 0) {
        return -EBADMSG;
    }
    ret->len = len;
    ret->data[len] = '\0';
    r = tree_read(l, 0, index, &want);
    if (r < 0) {
        return r;
    }
    merkle_leaf(ret->data, len, &got);
    return hash_eq(&got, &want) ? 0 : -EBADMSG;
}

/* Where the entry begins, by walking its segment. */
static int scan_for(int fd, uint64_t index, uint64_t *ret) {
    CLEANUP(seg_done) struct seg_reader rd = {.fd = -1};
    int r = seg_start(&rd, fd, 0);

    for (uint64_t i = 0; r >= 0 && i < index % SEG_ENTRIES; i++) {
        const char *bytes;
        size_t len;

        r = seg_next(&rd, &bytes, &len);
        if (r == 0) {
            r = -EBADMSG;
        }
    }
    *ret = rd.at;
    return r < 0 ? r : 0;
}

static int locate(struct ledger *l, uint64_t index, struct buf *ret, uint64_t *ret_at) {
    int fd = open_segment(l, index / SEG_ENTRIES);
    uint32_t be = 0;
    uint64_t at;
    int r;

    if (fd < 0) {
        return fd;
    }
    if (l->offset_fd >= 0 && fd_pread_all(l->offset_fd, &be, sizeof(be), index * sizeof(be)) == 0) {
        *ret_at = be32toh(be);
        if (read_at(l, fd, *ret_at, index, ret) == 0) {
            return 0;
        }
    }
    r = scan_for(fd, index, &at);
    r = r < 0 ? r : read_at(l, fd, at, index, ret);
    if (r == 0) {
        be = htobe32((uint32_t)at);
        (void)fd_pwrite_all(l->offset_fd, &be, sizeof(be), index * sizeof(be));
        *ret_at = at;
    }
    return r;
}

int read_end_of(struct ledger *l, uint64_t index, uint64_t *ret_end) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    uint64_t at = 0;
    int r = locate(l, index, &b, &at);

    if (r == 0) {
        *ret_end = at + 4 + b.len;
    }
    return r;
}

int read_entry(struct ledger *l, uint64_t index, struct buf *ret, struct err *e) {
    uint64_t at = 0;
    int r;

    if (index >= l->edge.size) {
        return err_set(e, -ENOENT, "the ledger has no entry %llu", (unsigned long long)index);
    }
    r = locate(l, index, ret, &at);
    if (r < 0) {
        return err_tag(e, r, "ledger_damaged", "entry %llu: %s", (unsigned long long)index,
                       r == -EBADMSG ? "its bytes are not what the tree says" : strerror(-r));
    }
    return 0;
}

int ledger_read(struct ledger *l, uint64_t index, struct buf *ret, struct err *e) {
    int r = index < l->edge.size ? 0 : recover_refresh(l, e);

    return r < 0 ? r : read_entry(l, index, ret, e);
}

int ledger_leaf(struct ledger *l, uint64_t index, struct hash *ret, struct err *e) {
    int r = index < l->edge.size ? 0 : recover_refresh(l, e);

    if (r < 0) {
        return r;
    }
    r = index < l->edge.size ? tree_read(l, 0, index, ret) : -ENOENT;
    return r < 0 ? err_set(e, r, "entry %llu: %s", (unsigned long long)index, strerror(-r)) : 0;
}

static int within(struct ledger *l, uint64_t size, struct err *e) {
    int r = size <= l->edge.size ? 0 : recover_refresh(l, e);

    if (r == 0 && size > l->edge.size) {
        r = err_set(e, -EINVAL, "the ledger has %llu entries, not %llu",
                    (unsigned long long)l->edge.size, (unsigned long long)size);
    }
    return r;
}

int ledger_inclusion(struct ledger *l, uint64_t index, uint64_t size, struct proof *ret,
                     struct err *e) {
    int r = within(l, size, e);

    if (r < 0) {
        return r;
    }
    r = merkle_prove_inclusion(index, size, tree_read, l, ret);
    return r < 0 ? err_set(e, r, "prove entry %llu in %llu: %s", (unsigned long long)index,
                           (unsigned long long)size, strerror(-r))
                 : 0;
}

int ledger_consistency(struct ledger *l, uint64_t old, uint64_t size, struct proof *ret,
                       struct err *e) {
    int r = within(l, size, e);

    if (r < 0) {
        return r;
    }
    r = merkle_prove_consistency(old, size, tree_read, l, ret);
    return r < 0 ? err_set(e, r, "prove that %llu continues %llu: %s", (unsigned long long)size,
                           (unsigned long long)old, strerror(-r))
                 : 0;
}

int ledger_root(struct ledger *l, uint64_t size, struct hash *ret, struct err *e) {
    int r = within(l, size, e);

    if (r < 0) {
        return r;
    }
    r = merkle_root_at(size, tree_read, l, ret);
    return r < 0 ? err_set(e, r, "root at %llu: %s", (unsigned long long)size, strerror(-r)) : 0;
}

/* One entry for a caller of ledger_each*: it must be the one in the tree, and must parse. */
static int give(struct ledger *l, uint64_t index, const char *bytes, size_t len, ledger_each_fn *fn,
                void *ctx, struct err *e) {
    CLEANUP(entry_done) struct entry en = {0};
    struct hash want;
    struct hash got;
    int r = tree_read(l, 0, index, &want);

    merkle_leaf(bytes, len, &got);
    if (r < 0 || !hash_eq(&got, &want)) {
        return err_tag(e, -EBADMSG, "ledger_damaged",
                       "entry %llu: its bytes are not what the tree says",
                       (unsigned long long)index);
    }
    r = entry_parse(bytes, len, &en, e);
    if (r < 0) {
        return err_wrap(e, "entry %llu", (unsigned long long)index);
    }
    return fn(ctx, index, &en, bytes, len);
}

static int each_in_segment(struct ledger *l, uint64_t from, uint64_t to, ledger_each_fn *fn,
                           void *ctx, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(seg_done) struct seg_reader rd = {.fd = -1};
    CLEANUP(closep) int fd = -1; /* fn may read other segments meanwhile */
    char name[SEG_NAME];
    uint64_t at = 0;
    int r = from % SEG_ENTRIES ? locate(l, from, &b, &at) : 0;

    seg_name(from / SEG_ENTRIES, name);
    if (r == 0) {
        fd = openat(l->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        r = fd < 0 ? -errno : seg_start(&rd, fd, at);
    }
    if (r < 0) {
        return err_tag(e, r, "ledger_damaged", "entry %llu: %s", (unsigned long long)from,
                       strerror(-r));
    }
    for (uint64_t i = from; i < to; i++) {
        const char *bytes = NULL;
        size_t len = 0;

        r = seg_next(&rd, &bytes, &len);
        if (r != 1) {
            return err_tag(e, r < 0 ? r : -EBADMSG, "ledger_damaged",
                           "entry %llu is missing or cut", (unsigned long long)i);
        }
        r = give(l, i, bytes, len, fn, ctx, e);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

int read_each(struct ledger *l, uint64_t from, uint64_t to, ledger_each_fn *fn, void *ctx,
              struct err *e) {
    int r = 0;

    while (r == 0 && from < to) {
        uint64_t end = (from / SEG_ENTRIES + 1) * SEG_ENTRIES;

        end = end < to ? end : to;
        r = each_in_segment(l, from, end, fn, ctx, e);
        from = end;
    }
    return r;
}

int ledger_each(struct ledger *l, uint64_t from, ledger_each_fn *fn, void *ctx, struct err *e) {
    int r = recover_refresh(l, e);

    return r < 0 ? r : read_each(l, from, l->edge.size, fn, ctx, e);
}

int ledger_each_back(struct ledger *l, uint64_t from, ledger_each_fn *fn, void *ctx,
                     struct err *e) {
    int r = recover_refresh(l, e);
    uint64_t i = r < 0 || from >= l->edge.size ? l->edge.size : from + 1;

    while (r == 0 && i-- > 0) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);

        r = read_entry(l, i, &b, e);
        r = r < 0 ? r : give(l, i, buf_str(&b), b.len, fn, ctx, e);
    }
    return r;
}
