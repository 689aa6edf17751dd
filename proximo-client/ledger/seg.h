/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/seg.h - segments: files entries/NNNNNN of SEG_ENTRIES entries each, an
 * entry being four bytes of length (big endian) and its bytes. Knows nothing of what entries say.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define SEG_ENTRIES 4096u /* entries a closed segment: index / SEG_ENTRIES names the file */
#define SEG_NAME    32

void seg_name(uint64_t seg, char ret[static SEG_NAME]); /* "entries/NNNNNN" */

struct seg_reader {
    int fd; /* borrowed */
    char *data;
    size_t cap, pos, len; /* data[pos..len) is read and not yet given out */
    uint64_t at;          /* file offset of data[pos] */
    uint64_t next;        /* file offset behind data[len) */
};

/* Starts at byte `from` of the file. */
int seg_start(struct seg_reader *r, int fd, uint64_t from);
void seg_done(struct seg_reader *r);
/* 1: one entry, borrowed until the next call. 0: clean end. -EBADMSG: a length that cannot be, or a
 * file that ends within an entry; r->at stays where that entry begins. Other -errno: not readable.
 */
int seg_next(struct seg_reader *r, const char **ret, size_t *ret_len);
