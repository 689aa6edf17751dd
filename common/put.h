/* SPDX-License-Identifier: Apache-2.0 */
/* common/put.h - whole texts of the line grammar: several lines at once, small private files of
 * them, and values as the text they have there. */
#pragma once
#include <stdint.h>

#include "common/digest.h"
#include "common/lines.h"

struct err;
struct vkey;

/* Appends a line for each pair of key and value, up to a NULL key; a NULL value leaves its line
 * out. 0 or what lines_put says. */
int lines_puts(struct buf *b, const char *key, const char *value, ...) __attribute__((sentinel));
int lines_put_vkey(struct buf *b, const char *key, const struct vkey *v);
/* Reads and parses the file, which must be this user's and closed to others; its bytes are wiped.
 */
int lines_file(int dirfd, const char *path, const char *head, const struct line_key *keys,
               size_t n_keys, struct lines *ret, struct err *e);

/* Texts that live until the end of the enclosing block. */
#define HASH_STR(h) put_hash((h), (char[HASH_HEX_LEN + 1]){0})
#define HEX_STR(h)  put_hex((h), (char[2 * HASH_LEN + 1]){0})
#define NUM_STR(v)  put_num((uint64_t)(v), (char[21]){0})

const char *put_hash(const struct hash *h, char ret[static HASH_HEX_LEN + 1]);
const char *put_hex(const struct hash *h, char ret[static 2 * HASH_LEN + 1]); /* no "sha256:" */
const char *put_num(uint64_t v, char ret[static 21]);
