/* SPDX-License-Identifier: Apache-2.0 */
/* A file of records (root half: the journal). A torn last record was never answered for, so it may
 * be cut; a bad record before others means that somebody else wrote there. */
#include "common/records.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/fd.h"
#include "common/own.h"

static uint32_t frame_len(const uint8_t *f) {
    return (uint32_t)f[0] | (uint32_t)f[1] << 8 | (uint32_t)f[2] << 16 | (uint32_t)f[3] << 24;
}

void record_frame(const char *payload, size_t len, uint8_t ret[static RECORD_FRAME]) {
    struct hash h;

    sha256(payload, len, &h);
    for (size_t i = 0; i < 4; i++) {
        ret[i] = (uint8_t)(len >> (8 * i));
    }
    memcpy(ret + 4, h.b, 8);
}

int record_add(struct buf *file, const char *payload, size_t len) {
    uint8_t frame[RECORD_FRAME];
    int r;

    record_frame(payload, len, frame);
    r = buf_add(file, frame, RECORD_FRAME);
    return r < 0 ? r : buf_add(file, payload, len);
}

int record_at(int fd, uint64_t at, uint64_t size, size_t max, struct buf *b) {
    uint8_t frame[RECORD_FRAME];
    uint8_t made[RECORD_FRAME];
    uint32_t len;

    if (at > size || size - at < RECORD_FRAME) {
        return 0;
    }
    if (fd_pread_all(fd, frame, RECORD_FRAME, at) < 0) {
        return -EIO;
    }
    len = frame_len(frame);
    if (!len || len > max || len > size - at - RECORD_FRAME) {
        return 0;
    }
    buf_reset(b);
    if (buf_reserve(b, len) < 0 || fd_pread_all(fd, b->data, len, at + RECORD_FRAME) < 0) {
        return -EIO;
    }
    b->len = len;
    record_frame(b->data, len, made);
    return memcmp(made, frame, RECORD_FRAME) == 0;
}

int record_tail(int fd, uint64_t from, uint64_t size, const char *head, size_t max, struct buf *b) {
    CLEANUP(buf_done) struct buf tail = BUF_INIT(max + RECORD_FRAME + RECORD_ROOM);
    uint64_t n = size - from;
    const char *s;
    int r = 0;

    if (n > tail.max) { /* more than one write leaves */
        return -EBADMSG;
    }
    if (buf_reserve(&tail, n) < 0 || fd_pread_all(fd, tail.data, n, from) < 0) {
        return -EIO;
    }
    for (s = tail.data; n && r == 0; s++) {
        s = memmem(s, n - (size_t)(s - tail.data), head, strlen(head));
        if (!s) {
            return 0;
        }
        if (s - tail.data >= RECORD_FRAME) {
            r = record_at(fd, from + (size_t)(s - tail.data) - RECORD_FRAME, size, max, b);
        }
    }
    return r == 1 ? -EBADMSG : r;
}

int record_write(int fd, uint64_t at, uint64_t size, struct buf *record) {
    size_t len = record->len;
    int r = 0;

    if (at + len > size) {
        r = ftruncate(fd, (off_t)at) < 0 ? -errno : buf_reserve(record, RECORD_ROOM);
        if (r == 0) {
            memset(record->data + len, 0, RECORD_ROOM);
            record->len += RECORD_ROOM;
        }
    }
    r = r < 0 ? r : fd_pwrite_all(fd, record->data, record->len, at);
    r = r < 0 ? r : fdatasync(fd) < 0 ? -errno : 0;
    record->len = len;
    if (r < 0) {
        (void)!ftruncate(fd, (off_t)at);
    }
    return r;
}
