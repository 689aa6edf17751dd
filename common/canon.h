/* SPDX-License-Identifier: Apache-2.0 */
/* common/canon.h - canonical JSON (formats.md 2): keys sorted by bytes, no white space, shortest
 * escapes, integers only, depth <= LIM_CANON_DEPTH. For anything that is hashed. */
#pragma once
#include "common/js.h"

struct hash;

/* Appends the canonical bytes. -EINVAL: a double, a NUL in a key, invalid UTF-8 or too deep. */
int canon_write(const js *v, struct buf *ret, struct err *e);
int canon_hash(const js *v, struct hash *ret, struct err *e);
/* An object without those of its own members that skip() names: what canon_write and canon_hash
 * would give of such a copy. On an error of the first `ret` holds a part. */
int canon_write_without(const js *object, bool (*skip)(const char *key), struct buf *ret,
                        struct err *e);
int canon_hash_without(const js *object, bool (*skip)(const char *key), struct hash *ret,
                       struct err *e);
/* 0 when text[0..len) is already canonical (parses, and printing gives the same bytes). */
int canon_check(const char *text, size_t len, struct err *e);
