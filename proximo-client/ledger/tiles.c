/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles and bundles by name and by content. The layout is the public one, so that any web server,
 * object store or other program can hold and check a copy. */
#include "proximo-client/ledger/tiles.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/fd.h"
#include "common/merkle.h"
#include "common/own.h"

void tile_name(unsigned int level, uint64_t n, unsigned int width, char ret[static TILE_NAME]) {
    char number[40];
    char *p = number + sizeof(number);
    size_t used;

    *--p = '\0';
    for (bool last = true; last || n; last = false, n /= 1000) { /* x001/x234/067, from the end */
        unsigned int group = (unsigned int)(n % 1000);

        if (!last) {
            *--p = '/';
        }
        *--p = (char)('0' + group % 10);
        *--p = (char)('0' + group / 10 % 10);
        *--p = (char)('0' + group / 100);
        if (!last) {
            *--p = 'x';
        }
    }
    used = level == TILE_ENTRIES ? (size_t)snprintf(ret, TILE_NAME, "tile/entries/%s", p)
                                 : (size_t)snprintf(ret, TILE_NAME, "tile/%u/%s", level, p);
    if (width < TILE_WIDTH) {
        (void)snprintf(ret + used, TILE_NAME - used, ".p/%u", width);
    }
}

unsigned int tile_width(uint64_t size, unsigned int level, uint64_t n) {
    unsigned int shift = level == TILE_ENTRIES ? 0 : level * TILE_HEIGHT;
    uint64_t hashes = shift < 64 ? size >> shift : 0;
    uint64_t before = n * TILE_WIDTH;

    if (hashes <= before) {
        return 0;
    }
    return hashes - before < TILE_WIDTH ? (unsigned int)(hashes - before) : TILE_WIDTH;
}

static int read_named(int dirfd, unsigned int level, uint64_t n, unsigned int width,
                      struct buf *ret) {
    char name[TILE_NAME];
    int r;

    tile_name(level, n, width, name);
    r = file_read(dirfd, name, ret, NULL);
    if (r == -ENOENT && width < TILE_WIDTH) {
        tile_name(level, n, TILE_WIDTH, name);
        r = file_read(dirfd, name, ret, NULL);
    }
    return r;
}

int tile_read(int dirfd, unsigned int level, uint64_t n, unsigned int width, struct hash *ret) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(TILE_WIDTH * HASH_LEN);
    int r = read_named(dirfd, level, n, width, &b);

    if (r < 0) {
        return r == -E2BIG ? -EBADMSG : r;
    }
    if (b.len != (size_t)width * HASH_LEN && b.len != (size_t)TILE_WIDTH * HASH_LEN) {
        return -EBADMSG;
    }
    memcpy(ret, b.data, (size_t)width * HASH_LEN);
    return 0;
}

int bundle_read(int dirfd, uint64_t n, unsigned int width, struct buf *ret) {
    int r;

    buf_reset(ret);
    r = read_named(dirfd, TILE_ENTRIES, n, width, ret);
    return r == -E2BIG ? -EBADMSG : r;
}

int bundle_next(const struct buf *b, size_t *pos, const char **ret, size_t *ret_len) {
    size_t left = b->len - *pos;
    const unsigned char *p;
    size_t len;

    if (!left) {
        return 0;
    }
    if (left < 2) {
        return -EBADMSG;
    }
    p = (const unsigned char *)b->data + *pos;
    len = (size_t)p[0] << 8 | p[1];
    if (!len || len > LIM_ENTRY || left - 2 < len) {
        return -EBADMSG;
    }
    *ret = b->data + *pos + 2;
    *ret_len = len;
    *pos += 2 + len;
    return 1;
}

void tiles_fold(struct hash *h, unsigned int n) {
    for (; n > 1; n /= 2) {
        for (unsigned int i = 0; i < n / 2; i++) {
            struct hash parent;

            merkle_node(&h[2 * i], &h[2 * i + 1], &parent);
            h[i] = parent;
        }
    }
}

int tiles_hash(void *ctx, unsigned int level, uint64_t index, struct hash *ret) {
    const struct tiles *t = ctx;
    struct hash h[TILE_WIDTH];
    unsigned int stored = level / TILE_HEIGHT;
    unsigned int n = 1u << level % TILE_HEIGHT;
    uint64_t first = index * n; /* of the hashes that are stored */
    unsigned int width = tile_width(t->size, stored, first / TILE_WIDTH);
    unsigned int at = (unsigned int)(first % TILE_WIDTH);
    int r;

    if (at + n > width) {
        return -EINVAL;
    }
    r = tile_read(t->dir, stored, first / TILE_WIDTH, width, h);
    if (r < 0) {
        return r;
    }
    tiles_fold(h + at, n);
    *ret = h[at];
    return 0;
}
