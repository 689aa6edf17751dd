/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/witnessed.h - the file `witnessed`: of each witness the newest checkpoint
 * that it cosigned. The next signed entry replaces `checkpoint`; what was said of the one before
 * stays here. The tree is the proof: a kept checkpoint counts only where the entries have its root.
 */
#pragma once
#include <stddef.h>

#include "common/checkpoint.h"
#include "common/note.h"

struct buf;
struct err;

#define WITNESSED_FILE "witnessed"

struct kept_note {
    char *text; /* the whole note: the log's signature and the cosignatures kept with it */
    struct checkpoint c;
};

struct witnessed {
    struct kept_note *v; /* the largest first */
    size_t n;
};

/* Only notes that `log` signed get in. -EBADMSG: none is taken. */
int witnessed_parse(const char *bytes, size_t len, const struct vkey *log, struct witnessed *ret,
                    struct err *e);
/* The file below dirfd; absent: nothing was witnessed yet. */
int witnessed_read(int dirfd, const struct vkey *log, struct witnessed *ret, struct err *e);
void witnessed_done(struct witnessed *w);
/* Puts signature lines over `note` (signed by `log`) in the place of what the same keys said of no
 * larger checkpoint, and writes the whole as the file's text. -EBADMSG: not signature lines. */
int witnessed_add(const struct witnessed *w, const struct vkey *log, const char *note, size_t len,
                  const char *lines, struct buf *ret, struct err *e);
