/* SPDX-License-Identifier: Apache-2.0 */
/* common/approval.h - an operator's yes (formats.md 8): a signed note by an operator key.
 *
 *   proximo-approval/v1
 *   log <origin>
 *   plan <sha256>
 *   request <node> <sha256> *        the plan's node requests of the phases prepare and execute
 *   undo-request <node> <sha256> *   those of the phase undo
 *   undo-until <unix>|-
 *   not-after <unix>
 *   nonce <32 hex> */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/lines.h"

struct buf;
struct err;
struct note;
struct vkey;

struct approval {
    struct lines l; /* owns the strings */
    const char *log;
    struct hash plan;
    bool has_undo_until;
    int64_t undo_until;
    int64_t not_after;
    char nonce[33];
};

/* The note's text. */
int approval_parse(const char *text, size_t len, struct approval *ret, struct err *e);
void approval_done(struct approval *a);
/* True when a `request` (or, with undo, `undo-request`) line names exactly node and hash. */
bool approval_names(const struct approval *a, bool undo, const char *node, const struct hash *h);
/* Parses a whole note and checks key and text: 0; -ENOENT not signed by this key; -EBADMSG. Each
 * with "approval_invalid". */
int approval_open(const char *note, size_t len, const struct vkey *key, struct approval *ret,
                  struct err *e);

/* The same of a note of any text: signed by this operator's key. *ret borrows the note's bytes. */
int approval_note(const char *note, size_t len, const struct vkey *key, struct note *ret,
                  struct err *e);

struct approval_req {
    const char *node;
    struct hash h;
    bool undo;
};
/* Appends the text to be signed; the nonce is made here. undo_until < 0 writes "-". */
int approval_text(const char *log, const struct hash *plan, const struct approval_req *req,
                  size_t n, int64_t undo_until, int64_t not_after, struct buf *ret,
                  struct err *e);
