/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/approval_make.h - what an operator signs, and recording it. */
#pragma once
#include <stdint.h>

#include "common/js.h"

struct app;
struct buf;
struct err;
struct plan;

/* The text to be signed for a plan: every digest is recomputed from the plan's own bytes.
 * undo_s: how long the planned undo stays approved, 0 = not. */
int approval_for_plan(const struct plan *p, int64_t undo_s, struct buf *ret, struct err *e);

/* Loads a plan of this client's ledger / from an exported file's bytes. */
int approval_load(struct app *a, const char *cluster, const char *plan_id, struct plan *ret,
                  struct err *e);

/* Checks the note against configured operators and the plan, and appends the `approval` entry.
 * *ret: {plan_id, operator, ledger_index, checkpoint, witness}. */
int approval_record(struct app *a, const char *cluster, const char *plan_id, const char *note,
                    js **ret, struct err *e);
