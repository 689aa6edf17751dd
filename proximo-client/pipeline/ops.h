/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/ops.h - operations as the ledger tells them: intents with their outcomes.
 */
#pragma once
#include <stdint.h>

#include "common/digest.h"
#include "common/js.h"

struct err;
struct ledger;
struct plan;
struct session;

/* What one operation was. Everything is read from the ledger and checked. */
struct op {
    uint64_t index;
    struct hash leaf;
    struct hash plan;
    char result[16]; /* outcome's result, "" when there is none yet */
    js *tasks;       /* [{ordinal, upid}] of progress and outcome entries */
    int64_t
        executed; /* execute requests that were carried out whole, as the outcome says; else 0 */
    bool undone;  /* a done operation undid it */
};
void op_done(struct op *o);

int ops_find(struct ledger *l, const char *op_id, struct op *ret, struct err *e); /* "no_such_op" */
/* Newest first: [{op_id, plan_id, change, time, result, undo_of?}]. */
int ops_list(struct session *s, size_t limit, js **ret, struct err *e);
/* Intents that no live process executes and that have no outcome: resolved from the cluster's tasks
 * and the nodes' receipts where that tells; the others stay and are listed in *ret_unresolved
 * (array of {op_id, why}). Never guesses. */
int ops_resolve(struct session *s, js **ret_unresolved, struct err *e);
