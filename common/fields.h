/* SPDX-License-Identifier: Apache-2.0 */
/* common/fields.h - a text of the line grammar as a structure: one table of fields says how it is
 * read and how it is written, so that the two cannot differ. Knows no text in particular. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/lines.h"

struct buf;
struct err;

enum field_kind {
    F_TEXT, /* const char *, borrowed from the lines; absent: "" */
    F_NAME, /* char[size] */
    F_LIST, /* const char *[size], borrowed, NULL at the end; a line for each; required: one at
               least */
    F_U32,
    F_U64,
    F_TIME, /* int64_t, Unix seconds */
    F_HASH, /* struct hash */
    F_VKEY, /* struct vkey */
    F_HEX,  /* uint8_t[size] */
};

struct field {
    const char *name;
    enum field_kind kind;
    bool required;
    size_t at, size; /* of the member; F_LIST: how many there may be, the NULL among them */
};

/* A member by its own name, or under another one. */
#define FIELD(type, member, kind, required) FIELD_AS(#member, type, member, kind, required)
#define FIELD_AS(name, type, member, kind, required)                                               \
    {                                                                                              \
        name, kind, required, offsetof(type, member),                                              \
            (kind) == F_LIST ? sizeof(((type *)0)->member) / sizeof(char *)                        \
                             : sizeof(((type *)0)->member)                                         \
    }

/* A text's first line and its fields, in their order. */
struct form {
    const char *head;
    const struct field *field;
    size_t n;
};

/* Fills *ret, which is zero where a line is absent; *l (for lines_done) owns what it points to. A
 * value with a NUL byte, or not of its kind, is -EBADMSG and names the field. */
int fields_read(const struct form *f, const char *text, size_t len, struct lines *l, void *ret,
                struct err *e);
/* The same from a file, which must be this user's and closed to others; its bytes are wiped. */
int fields_load(const struct form *f, int dirfd, const char *path, struct lines *l, void *ret,
                struct err *e);
/* Appends the text. What is empty, zero or NULL is left out, unless it is required. */
int fields_write(const struct form *f, const void *v, struct buf *b);
/* Writes it to a file of mode 0600, durably. -E2BIG: it does not fit LIM_LINES. */
int fields_save(const struct form *f, int dirfd, const char *path, const void *v, struct err *e);
