/* SPDX-License-Identifier: Apache-2.0 */
/* Reading segments in large pieces: one system call for many entries, and no memory that grows with
 * the log. A torn end is told apart from a clean one. */
#include "proximo-client/ledger/seg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/limits.h"

#define SEG_CHUNK (256 * 1024) /* at least four times the largest entry */

void seg_name(uint64_t seg, char ret[static SEG_NAME]) {
    (void)snprintf(ret, SEG_NAME, "entries/%06llu", (unsigned long long)seg);
}

int seg_start(struct seg_reader *r, int fd, uint64_t from) {
    *r = (struct seg_reader){.fd = fd, .cap = SEG_CHUNK, .at = from, .next = from};
    r->data = malloc(r->cap);
    return r->data ? 0 : -ENOMEM;
}

void seg_done(struct seg_reader *r) {
    free(r->data);
    *r = (struct seg_reader){.fd = -1};
}

/* Makes at least `want` bytes available; fewer only at the end of the file. */
static int fill(struct seg_reader *r, size_t want) {
    if (r->len - r->pos >= want) {
        return 0;
    }
    memmove(r->data, r->data + r->pos, r->len - r->pos);
    r->len -= r->pos;
    r->pos = 0;
    while (r->len < want) {
        ssize_t n = pread(r->fd, r->data + r->len, r->cap - r->len, (off_t)r->next);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0) {
            break;
        }
        r->len += (size_t)n;
        r->next += (uint64_t)n;
    }
    return 0;
}

int seg_next(struct seg_reader *r, const char **ret, size_t *ret_len) {
    const unsigned char *p;
    size_t len;
    int x = fill(r, 4);

    if (x < 0) {
        return x;
    }
    if (r->len == r->pos) {
        return 0;
    }
    if (r->len - r->pos < 4) {
        return -EBADMSG;
    }
    p = (const unsigned char *)r->data + r->pos;
    len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    if (!len || len > LIM_ENTRY) {
        return -EBADMSG;
    }
    x = fill(r, 4 + len);
    if (x < 0) {
        return x;
    }
    if (r->len - r->pos < 4 + len) {
        return -EBADMSG;
    }
    *ret = r->data + r->pos + 4;
    *ret_len = len;
    r->pos += 4 + len;
    r->at += 4 + len;
    return 1;
}
