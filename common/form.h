/* SPDX-License-Identifier: Apache-2.0 */
/* common/form.h - the forms a value of the line grammar can have that more than one text uses.
 * All are full matches; nothing is written on failure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct hash;
struct lines;
struct line_key;

#define FORM_NODE_MAX 63

int form_time(const char *s, int64_t *ret);         /* Unix seconds, 0 … INT64_MAX */
int form_time_or_dash(const char *s, int64_t *ret); /* "-" gives -1 */
bool form_is_code(const char *s);                   /* an error code: [a-z][a-z0-9_]{0,30} */
int form_node_hash(const char *s, char node[static FORM_NODE_MAX + 1], struct hash *h);
int form_ordinal(const char *s, uint64_t *ret, const char **rest); /* "<n> rest", rest not empty */
/* Splits at the first blank: the first word is copied (size bytes), *rest points behind the blank.
 */
int form_word(const char *s, char *word, size_t size, const char **rest);

/* Refuses values that hold a NUL byte (percent-encoded): what follows one would be hidden from
 * every reader of a C string. -EBADMSG. */
int form_no_nul(const struct lines *l, const struct line_key *keys, struct err *e);
