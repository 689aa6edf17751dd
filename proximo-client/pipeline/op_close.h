/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/op_close.h - an operation whose end neither the cluster's tasks nor a
 * node tells is closed by an operator, who has looked: what they decide and why is signed with
 * their key and stays in the ledger for ever beside the outcome. Nothing is sent. */
#pragma once
#include <stdbool.h>

#include "common/js.h"

struct app;
struct buf;
struct err;

struct op_close {
    struct app *app;
    const char *cluster; /* NULL: the only one */
    const char *op_id;
    void (*progress)(void *ctx, double done, double total, const char *message);
    void *ctx;
};

/* What can be known of it now: {op_id, plan_id, change, time?, why (nothing tells its end),
 * requests:[…], tasks:[…], same (how many of the plan's reads are as when it was made),
 * live:[{read, state changed|same|unread, now? (secrets replaced), why?}]}: what has changed, what
 * could not be read, and what the plan's requests change. "no_such_op"; "op_running" while a
 * process is at it; "outcome_recorded" when it has ended, also when that came out only now. */
int op_close_look(const struct op_close *c, js **ret, struct err *e);
/* The text to be signed. "bad_argument": no reason, or over CLOSING_REASON_MAX bytes.
 * "receipt_needed": a command on a node counts as done by its node's receipt only. */
int op_close_text(const struct op_close *c, bool done, const char *reason, struct buf *ret,
                  struct err *e);
/* Checks the note against the configured operators and the operation, which must still be open, and
 * records it and the outcome. *ret: {op_id, change, outcome, closed_by, reason,
 * ledger_index (of the decision), checkpoint, witness}. "approval_invalid". */
int op_close_record(const struct op_close *c, const char *note, js **ret, struct err *e);
