/* SPDX-License-Identifier: Apache-2.0 */
/* common/records.h - an append-only file of records, each of them whole or not there: length and
 * hash in front, one write, one sync; behind the last one is room, zeros, so that the next needs no
 * other metadata. Knows nothing of what a record says but how it begins. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct buf;

#define RECORD_FRAME 12          /* u32 length, 8 bytes of the payload's hash */
#define RECORD_ROOM  (32 * 1024) /* zeros that the file has behind its last record */

/* A record that follows what is in `file`. 0, or what buf_add says. */
int record_add(struct buf *file, const char *payload, size_t len);
/* What record_add puts in front. */
void record_frame(const char *payload, size_t len, uint8_t ret[static RECORD_FRAME]);
/* The whole record at that place of a file of `size` bytes, its payload (at most max bytes) into b:
 * 1; 0: there is none; -EIO. */
int record_at(int fd, uint64_t at, uint64_t size, size_t max, struct buf *b);
/* What is behind the last whole record, which ended at `from`: room, or a write that was cut off.
 * -EBADMSG: more than that, or a whole record (each begins with `head`): the one before was
 * changed.
 */
int record_tail(int fd, uint64_t from, uint64_t size, const char *head, size_t max, struct buf *b);
/* One write, one sync, behind the last record. Where there is room the write changes nothing but
 * the record's own bytes, and the sync need not wait for the file system's journal; where there is
 * none it makes some behind the record. A failure is taken back so that the next record follows the
 * last good one. */
int record_write(int fd, uint64_t at, uint64_t size, struct buf *record);
