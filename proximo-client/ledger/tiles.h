/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/tiles.h - the static layout of a log (C2SP tlog-tiles): where tiles and
 * entry bundles lie below a directory, and reading them. The bytes are anybody's: nothing read here
 * is believed until a signed root says so. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/limits.h"

#define TILE_HEIGHT  8u
#define TILE_WIDTH   256u /* hashes in a full tile, entries in a full bundle */
#define TILE_NAME    96
#define TILE_ENTRIES UINT32_MAX /* as a level: the entry bundles */
#define BUNDLE_MAX   (TILE_WIDTH * (2u + LIM_ENTRY))

/* "tile/<level>/x001/x234/067", with ".p/<width>" when it is partial. */
void tile_name(unsigned int level, uint64_t n, unsigned int width, char ret[static TILE_NAME]);
/* How many hashes tile n of that level holds when the log has `size` entries; 0: there is none. */
unsigned int tile_width(uint64_t size, unsigned int level, uint64_t n);

/* The first `width` hashes of a tile. A partial one may be gone: the full one serves then. -ENOENT;
 * -EBADMSG: its length cannot be. */
int tile_read(int dirfd, unsigned int level, uint64_t n, unsigned int width, struct hash *ret);
/* The bytes of a bundle that holds at least `width` entries, found in the same way. */
int bundle_read(int dirfd, uint64_t n, unsigned int width, struct buf *ret);
/* The entry at *pos, borrowed from b; *pos moves behind it. 1, 0 at the end, -EBADMSG. */
int bundle_next(const struct buf *b, size_t *pos, const char **ret, size_t *ret_len);

/* Subtree hashes of the tree whose tiles lie below `dir`; for merkle_root_at. */
struct tiles {
    int dir;
    uint64_t size;
};
int tiles_hash(void *ctx, unsigned int level, uint64_t index, struct hash *ret);
/* The hash of 2^k adjacent ones, in place. */
void tiles_fold(struct hash *h, unsigned int n);
