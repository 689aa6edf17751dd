/* SPDX-License-Identifier: Apache-2.0 */
/* common/conf.h - strict INI reader. Unknown keys are the caller's table's business; everything
 * about form is refused here with a line number: indented lines, control bytes, over-long lines,
 * text outside sections, repeated sections. (The stock library splits long lines into new ones.)
 *
 *   ; or # starts a comment line.  [kind name] or [kind] opens a section.  key = value. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;

struct conf_entry {
    size_t line; /* 1-based */
    const char *key;
    const char *value; /* blanks around it removed; may be empty */
};

struct conf_section {
    size_t line;
    const char *kind; /* "node", "rule" … */
    const char *name; /* "" when the section has none */
    struct conf_entry *entry;
    size_t n;
};

struct conf {
    struct conf_section *section;
    size_t n;
    char *store;
};

/* -EBADMSG with "line N: …". *ret filled on success only. Keys within a section may repeat here;
 * use conf_check to bind them to a table. */
int conf_parse(const char *text, size_t len, struct conf *ret, struct err *e);
/* 1, or -EBADMSG: a text that ends within a line was written by half (a rule's command cut short is
 * another command). For files that decide what may run. */
int conf_whole(const char *path, const struct buf *text, struct err *e);
void conf_done(struct conf *c);

struct conf_rule {
    const char *kind; /* section kind */
    bool named;       /* must / must not have a name */
    const char *key;  /* or several, blank-separated, that are alike in the rest */
    bool repeats;     /* a key may stand more than once */
    bool required;    /* then it is one */
};
/* Every section kind and key must be in the table, single-valued keys once, required ones there.
 * A row with key NULL declares a kind without keys. -EBADMSG with the line. */
int conf_check(const struct conf *c, const struct conf_rule *rules, size_t n, struct err *e);

/* The `version` of section [kind]: 0 without such a section, else at least 1. -EBADMSG: it is no
 * number. -ENOTSUP: newer than `newest`, which is asked before the table of keys: a newer file may
 * have keys that this program does not know, and "upgrade" is what helps. */
int conf_version(const struct conf *c, const char *kind, unsigned int newest, struct err *e);

const char *conf_get(const struct conf_section *s, const char *key); /* first, or NULL */
const struct conf_section *conf_find(const struct conf *c, const char *kind, const char *name);
