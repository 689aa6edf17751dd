/* SPDX-License-Identifier: Apache-2.0 */
/* common/buf.h - a growing byte buffer that is born with a ceiling.
 * Always NUL-terminated after the data, so .data can be printed when it holds text. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

struct buf {
    char *data;   /* NULL until the first byte; use buf_str() for a never-NULL string */
    size_t len;   /* bytes, without the terminator */
    size_t cap;
    size_t max;   /* ceiling for len */
};

#define BUF_INIT(max_bytes) {NULL, 0, 0, (max_bytes)}

/* All return 0, -E2BIG past the ceiling (nothing is added then) or -ENOMEM. */
int buf_add(struct buf *b, const void *data, size_t len);
int buf_adds(struct buf *b, const char *s);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vaddf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
int buf_reserve(struct buf *b, size_t more); /* room for `more` bytes after len */

const char *buf_str(const struct buf *b); /* "" when empty; borrowed */
char *buf_take(struct buf *b);            /* gives the string away (never NULL unless no memory), buffer is empty after */
void buf_cut(struct buf *b, size_t from); /* drops the first `from` bytes */
void buf_reset(struct buf *b);            /* len 0, memory kept */
void buf_done(struct buf *b);             /* frees; for CLEANUP(buf_done) */
void buf_wipe(struct buf *b);             /* overwrites, then frees; for secrets */
