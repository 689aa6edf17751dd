/* SPDX-License-Identifier: Apache-2.0 */
/* common/pvefile_int.h - what the parsers of pvefile_*.c share: lines out of bytes. */
#pragma once
#include "common/pvefile.h"

struct pve_text {
    const char *text;
    size_t len, at;
    unsigned int line; /* of the last line handed out, from 1 */
    js *notes;
};

/* The next line without its end, blanks at its end cut off; lines of nothing but blanks are
 * skipped. Borrowed from text, not NUL-terminated. A line with a NUL byte is named and skipped. */
bool pve_line(struct pve_text *t, const char **ret, size_t *ret_len);
void pve_note(const struct pve_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A piece of a line as text; names it when it was no UTF-8. */
js *pve_value(const struct pve_text *t, const char *s, size_t len);
/* The same with %XX decoded. */
js *pve_decoded(const struct pve_text *t, const char *s, size_t len);
/* Adds under a key that is not NUL-terminated. Consumes value. The last of equal keys stays. */
void pve_add(js *object, const char *key, size_t key_len, js *value);
/* The member `name` of parent, made when it is not there. */
js *pve_member(js *parent, const char *name);

static inline bool pve_is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}
/* Length of the word at s, and of the blanks at s. */
size_t pve_word(const char *s, size_t len);
size_t pve_blanks(const char *s, size_t len);
bool pve_is(const char *s, size_t len, const char *word); /* case does not matter */
