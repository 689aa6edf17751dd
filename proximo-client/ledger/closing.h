/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/closing.h - an operator's word on how an operation ended that neither the
 * cluster nor a node tells (docs/formats.md, Closing): a signed note by an operator's key.
 *
 *   proximo-closing/v1
 *   log <origin>
 *   intent <leaf hash of the operation's intent>
 *   plan <sha256>
 *   as done|not-done
 *   reason <text>
 *   time <unix> */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/lines.h"

#define CLOSING_REASON_MAX 400 /* bytes; it stands in the outcome's summary too */

struct buf;
struct entry;
struct err;
struct vkey;

struct closing {
    struct lines l; /* owns the strings of one that was parsed */
    const char *log, *reason;
    struct hash intent, plan;
    bool done;
    int64_t time;
};

/* The note's text. -EBADMSG. */
int closing_parse(const char *text, size_t len, struct closing *ret, struct err *e);
void closing_done(struct closing *c); /* for CLEANUP */
/* Parses a whole note and checks key and text: 0; -ENOENT not signed by this key; -EBADMSG. Each
 * with "approval_invalid". */
int closing_open(const char *note, size_t len, const struct vkey *key, struct closing *ret,
                 struct err *e);
/* Appends the text to be signed. -EINVAL: it could not be read back (an empty or long reason). */
int closing_text(const struct closing *c, struct buf *ret, struct err *e);

/* A `closing` entry: its note, signed by the key that the entry names, which may be NULL; of the
 * intent and plan that it names. "approval_invalid". */
int closing_of_entry(const struct entry *en, struct vkey *ret_key, struct closing *ret,
                     struct err *e);
/* Appends the bytes of one; the note was checked. */
int closing_entry(const struct closing *c, const struct vkey *key, const char *note,
                  const char *actor, struct buf *ret, struct err *e);
