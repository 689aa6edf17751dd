/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/ledger/fixture.h - a directory of its own for each test, and entries of every kind. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/receipt.h"
#include "proximo-client/ledger/genesis.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/ledger/verify.h"

struct fixture {
    char top[64];
    char dir[96]; /* the ledger's */
    struct ledger *l;
    struct skey receipt, witness, operator_key; /* of node pve1, and of alice */
    struct hash prev;                           /* of pve1's receipts */
    uint64_t seq;
};

void fx_start(struct fixture *fx); /* fx_keys, a directory, fx_create */
void fx_keys(struct fixture *fx);
void fx_create(struct fixture *fx); /* at fx->dir, and opens it */
void fx_open(struct fixture *fx);
void fx_close(struct fixture *fx); /* the ledger only */
void fx_stop(struct fixture *fx);  /* and everything it made */
void fx_copy(const char *from, const char *to);
void fx_remove(const char *path);

/* Appends one entry that must be taken. */
struct ledger_pos fx_read_entry(struct fixture *fx, unsigned int flags);
struct ledger_pos fx_policy(struct fixture *fx, const struct hash *digest, unsigned int flags);
struct ledger_pos fx_plan(struct fixture *fx, const struct hash *plan, const char *approval);
void fx_plan_bytes(const struct hash *plan, const char *approval, struct buf *ret);
void fx_intent_bytes(const struct hash *plan, const char *approval, const struct hash *request,
                     struct buf *ret); /* request: of pve1, or NULL */
struct ledger_pos fx_intent(struct fixture *fx, const struct hash *plan, const char *approval,
                            const struct hash *request);
void fx_outcome_bytes(const struct hash *intent, const struct hash *plan, const char *result,
                      struct buf *ret);
struct ledger_pos fx_outcome(struct fixture *fx, const struct hash *intent, const struct hash *plan,
                             const char *result);
struct ledger_pos fx_receipt(struct fixture *fx, const struct hash *intent,
                             const struct hash *request);
struct ledger_pos fx_approval(struct fixture *fx, const struct hash *plan, struct hash *ret_note);
/* Alice's word on an operation. signed_intent: what the note names, if not what the entry does. */
struct ledger_pos fx_closing(struct fixture *fx, const struct hash *intent, const struct hash *plan,
                             bool done, const struct hash *signed_intent);
struct ledger_pos fx_append(struct fixture *fx, const struct buf *b, unsigned int flags);

/* What `k` says of the newest checkpoint, taken by the ledger. Returns its size. */
uint64_t fx_cosign(struct fixture *fx, const struct skey *k, uint64_t time);

/* A whole operation on pve1: plan, approval by alice, intent, receipt, outcome. */
struct hash fx_operation(struct fixture *fx);

/* Verifies fx->dir (or dir) with the fixture's keys; the report is the caller's. */
js *fx_verify(struct fixture *fx, const char *dir);
bool fx_is_sound(struct fixture *fx, const char *dir);
/* The code of the first defect, "" when sound; *ret_entry -1 when it names none. */
void fx_first_defect(struct fixture *fx, const char *dir, char code[static 40], int64_t *ret_entry);
/* Changes bits of one byte of a file below dir. */
void fx_flip(const char *dir, const char *name, size_t at, uint8_t mask);
