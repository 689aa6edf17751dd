/* SPDX-License-Identifier: Apache-2.0 */
/* common/lines.h - the strict line grammar of ledger entry headers, node requests, receipts and
 * notes' texts (formats.md 1). No JSON. One parser, one writer.
 *
 * First line names format and version; then `key value` lines in a fixed order, each key once
 * unless the table marks it repeatable; LF only; values printable ASCII without a blank at either
 * end, other bytes (and '%') percent-encoded by the writer; anything unknown, missing, repeated or
 * out of order is an error; at most LIM_LINES bytes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;

struct line_key {
    const char *name;
    bool repeats;  /* 0 or more times, unless `required` */
    bool required; /* a repeatable required key must be there at least once */
};

struct line {
    size_t key;        /* index into the table */
    const char *value; /* decoded, NUL-terminated, borrowed from `lines`; may hold bytes >= 0x80 */
    size_t len;        /* of the decoded value (it may hold NUL bytes only if the writer put %00) */
};

struct lines {
    struct line *v;
    size_t n;
    char *store;
};

/* Parses text[0..len): the first line must equal `head` (e.g. "proximo-request/v1"); every line ends
 * with LF. *ret is filled on success only. -EBADMSG with the line number in the message. */
int lines_parse(const char *text, size_t len, const char *head, const struct line_key *keys,
                size_t n_keys, struct lines *ret, struct err *e);
void lines_done(struct lines *l); /* for CLEANUP(lines_done) */

/* First value of the key with that name, NULL when absent. */
const char *lines_get(const struct lines *l, const struct line_key *keys, const char *name);
/* The i-th (from 0) value of the key; NULL past the end. */
const char *lines_nth(const struct lines *l, const struct line_key *keys, const char *name,
                      size_t i);
size_t lines_count(const struct lines *l, const struct line_key *keys, const char *name);

/* Writer: appends "key value\n", percent-encoding what the grammar does not let through. */
int lines_put(struct buf *b, const char *key, const char *value);
int lines_put_n(struct buf *b, const char *key, const char *value, size_t len);
int lines_putf(struct buf *b, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
