/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/source.h - the entries and stored hashes below a directory, from the first
 * to the last: of a ledger (segments, level files) or of an export of one (bundles, tiles). Judges
 * nothing: what comes out is what lies there. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/digest.h"
#include "proximo-client/ledger/seg.h"

struct source_level {
    struct hash *window;
    size_t pos, len;
    uint64_t next; /* the stored hash behind the window */
    int fd;        /* of a level file */
};

struct source {
    int dir;       /* borrowed */
    bool is_tiles; /* an export */
    bool has_hashes;
    uint64_t size; /* of an export: what its checkpoint covers */
    uint64_t at;   /* entries given out */
    uint64_t seg;  /* the open segment */
    int fd;
    struct seg_reader rd;
    struct buf bundle;
    size_t pos;
    struct source_level level[64];
};

/* `size`: what the checkpoint beside the entries covers; an export holds no more than that. */
void source_open(int dirfd, uint64_t size, struct source *ret);
void source_done(struct source *s);
/* 1: the next entry, borrowed until the next call. 0: there is no further one. -EBADMSG: it is cut
 * or has an impossible length. -E2BIG: a segment or bundle with more in it than belongs there.
 * Other -errno: not readable. */
int source_next(struct source *s, const char **ret, size_t *ret_len);
/* Begins at entry `at` of an export. */
int source_skip(struct source *s, uint64_t at);
/* The next stored hash of that level of the tree. 1; 0: none follows; -ENODATA: this layout stores
 * none for the level. */
int source_hash(struct source *s, unsigned int level, struct hash *ret);
