/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/planner.h - from a row and arguments to a recorded plan. */
#pragma once
#include "common/js.h"

struct draft;
struct err;
struct op;
struct session;

/* validate, observe, plan, record. *ret: plan_answer(). A refusal at plan time (policy_denied,
 * no_change …) is recorded as a refusal entry when it concerns a node's policy. */
int planner_plan(struct session *s, const char *tool, const js *args, js **ret, struct err *e);

/* The same without recording: the draft, owned by the caller. */
int planner_draft(struct session *s, const char *tool, const js *args, struct draft **ret,
                  struct err *e);
/* *ret_op (may be NULL) gets the operation; op_done. */
int planner_undo_draft(struct session *s, const char *op_id, struct draft **ret, struct op *ret_op,
                       struct err *e);

/* A plan that keeps what an operation did whose revert timer runs (its confirmation); recorded.
 * "no_timer" when it has none, "timer_missing" when that has ended. */
int planner_confirm(struct session *s, const char *op_id, js **ret, char ret_id[static 29],
                    struct err *e);

/* A fresh plan that undoes the operation; recorded. *ret_id gets its plan id (28 + NUL). */
int planner_undo(struct session *s, const char *op_id, js **ret, char ret_id[static 29],
                 struct err *e);
