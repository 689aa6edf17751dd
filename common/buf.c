/* SPDX-License-Identifier: Apache-2.0 */
/* Growing buffers with a ceiling: what a peer makes us hold is bounded where the buffer is made. */
#include "common/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int buf_reserve(struct buf *b, size_t more) {
    size_t need;
    size_t cap;
    char *p;

    assert(b->len <= b->max);
    if (more > b->max - b->len) {
        return -E2BIG;
    }
    need = b->len + more + 1;
    if (need <= b->cap) {
        return 0;
    }
    cap = b->cap ? b->cap : 64;
    while (cap < need) {
        cap *= 2;
    }
    p = realloc(b->data, cap);
    if (!p) {
        return -ENOMEM;
    }
    b->data = p;
    b->cap = cap;
    return 0;
}

int buf_add(struct buf *b, const void *data, size_t len) {
    int r = buf_reserve(b, len);

    if (r < 0) {
        return r;
    }
    if (len) {
        memcpy(b->data + b->len, data, len);
    }
    b->len += len;
    b->data[b->len] = '\0';
    return 0;
}

int buf_adds(struct buf *b, const char *s) {
    return buf_add(b, s, strlen(s));
}

int buf_addc(struct buf *b, char c) {
    return buf_add(b, &c, 1);
}

int buf_vaddf(struct buf *b, const char *fmt, va_list ap) {
    size_t room = b->data ? b->cap - b->len : 0;
    va_list again;
    int n;
    int r;

    va_copy(again, ap);
    n = vsnprintf(room ? b->data + b->len : NULL, room, fmt, again); /* most texts fit at once */
    va_end(again);
    r = n < 0 ? -EINVAL : buf_reserve(b, (size_t)n);
    if (r < 0) {
        if (room) {
            b->data[b->len] = '\0';
        }
        return r;
    }
    if ((size_t)n >= room) {
        (void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    }
    b->len += (size_t)n;
    return 0;
}

int buf_addf(struct buf *b, const char *fmt, ...) {
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = buf_vaddf(b, fmt, ap);
    va_end(ap);
    return r;
}

const char *buf_str(const struct buf *b) {
    return b->data ? b->data : "";
}

char *buf_take(struct buf *b) {
    char *p = b->data;

    b->data = NULL;
    b->len = 0;
    b->cap = 0;
    return p ? p : calloc(1, 1);
}

void buf_cut(struct buf *b, size_t from) {
    assert(from <= b->len);
    if (!from) {
        return;
    }
    memmove(b->data, b->data + from, b->len - from);
    b->len -= from;
    b->data[b->len] = '\0';
}

void buf_reset(struct buf *b) {
    b->len = 0;
    if (b->data) {
        b->data[0] = '\0';
    }
}

void buf_done(struct buf *b) {
    free(b->data);
    b->data = NULL;
    b->len = 0;
    b->cap = 0;
}

void buf_wipe(struct buf *b) {
    if (b->data) {
        explicit_bzero(b->data, b->cap);
    }
    buf_done(b);
}
