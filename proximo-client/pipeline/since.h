/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/since.h - what the ledger says was done after an operation. */
#pragma once
#include "common/js.h"

struct err;
struct op;
struct session;

/* *ret: {time (of the intent), tasks:[UPIDs that the ledger names since, its own included],
 * operations:[{op_id, time, change, guests:[vmid], undo_of?}], oldest first, more (some could not
 * be looked at, or there were too many)}. Operations that never started are left out. */
int since_operations(struct session *s, const struct op *o, js **ret, struct err *e);
