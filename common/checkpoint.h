/* SPDX-License-Identifier: Apache-2.0 */
/* common/checkpoint.h - C2SP tlog-checkpoint texts (facts/tlog.md 3.4). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"

struct buf;
struct err;
struct note;
struct vkey;

#define ORIGIN_MAX 128

struct checkpoint {
    char origin[ORIGIN_MAX + 1];
    uint64_t size;
    struct hash root;
};

/* Parses a note's text (origin, size, root, extension lines allowed but not empty ones). -EBADMSG. */
int checkpoint_parse(const char *text, size_t len, struct checkpoint *ret, struct err *e);
/* Appends the three lines. */
int checkpoint_text(const struct checkpoint *c, struct buf *ret);
/* Parses a note and its checkpoint, and requires a good signature of `log` whose name is the
 * origin. -EBADMSG (bad), -ENOENT (no signature of that key). */
int checkpoint_open(const char *bytes, size_t len, const struct vkey *log, struct note *ret_note,
                    struct checkpoint *ret, struct err *e);
/* 0 when the text may be an origin: not empty, no blank, no '+', printable ASCII. */
int origin_check(const char *origin);
