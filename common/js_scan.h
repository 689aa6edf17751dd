/* SPDX-License-Identifier: Apache-2.0 */
/* common/js_scan.h - what is JSON, for js.c: the grammar of RFC 8259 to the letter, in valid UTF-8,
 * integers within int64, no key with a NUL, at most LIM_JSON_DEPTH deep. */
#pragma once
#include <stddef.h>

struct err;

/* Scans one whole value. What is kept of it (see js_parse_rows; `only` NULL: everything) is copied
 * to `copy` (len + 1 bytes) with a NUL behind; *ret_members is how many members its objects have.
 * -EBADMSG with the position. Allocates nothing. */
int js_scan(const char *text, size_t len, const char *const *only, char *copy, size_t *ret_kept,
            size_t *ret_members, struct err *e);
/* The length of the character at p, 0 when there is no valid one before `end`. */
size_t js_utf8_len(const unsigned char *p, const unsigned char *end);
