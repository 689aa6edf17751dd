/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/ops.h - operations as the ledger tells them: intents with their outcomes.
 */
#pragma once
#include <stdint.h>

#include "common/digest.h"
#include "common/js.h"
#include "common/note.h"
#include "proximo-client/ledger/closing.h"

struct err;
struct ledger;
struct plan;
struct session;

/* What one operation was. Everything is read from the ledger and checked. */
struct op {
    uint64_t index;
    int64_t time; /* of the intent, Unix seconds */
    struct hash leaf;
    struct hash plan;
    char result[16]; /* outcome's result, "" when there is none yet */
    js *tasks;       /* [{ordinal, upid}] of progress and outcome entries */
    js *archives;    /* [{volid, size, ctime, config, mark}]: backups that were verified first */
    int64_t
        executed;   /* execute requests that were carried out whole, as the outcome says; else 0 */
    bool undone;    /* a done operation undid it */
    bool undo_half; /* one that was to undo it stopped after part of its requests, or nobody knows
                       how far it came */
    bool has_left;  /* the outcome names how the operation left what it made (left.h) */
    struct hash left;
    bool has_output; /* the outcome names what a command wrote, a body of the ledger */
    struct hash output;
    /* An operator's word on how it ended, as the ledger has it; "": none. */
    char closed_by[NOTE_NAME_MAX + 1];
    bool closed_as_done;
    char closed_why[CLOSING_REASON_MAX + 1];
};
void op_done(struct op *o);

int ops_find(struct ledger *l, const char *op_id, struct op *ret, struct err *e); /* "no_such_op" */
/* Newest first: [{op_id, plan_id, change, time, result, closed? {by, reason}, undo_of?,
 * revert_timer? (runs, ended, reverted, not known), reverts_at?}]. */
int ops_list(struct session *s, size_t limit, js **ret, struct err *e);
/* Intents that no live process executes and that have no outcome: resolved from the cluster's tasks
 * and the nodes' receipts where that tells; the others stay and are listed in *ret_unresolved
 * (array of {op_id, why}). Never guesses. */
int ops_resolve(struct session *s, js **ret_unresolved, struct err *e);
/* The same for one operation: 1 it has its outcome, 0 nothing tells it (*why: a sentence) or
 * another process is at it. */
int ops_resolve_one(struct session *s, const char *op_id, const char **why, struct err *e);
/* Writes the outcome that an operator's recorded word decides; the operation's lock is held. */
int ops_close(struct session *s, const struct op *o, const struct plan *p, struct err *e);
