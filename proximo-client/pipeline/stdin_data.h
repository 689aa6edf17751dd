/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/stdin_data.h - what a planned command reads from its standard input. It
 * stands in the plan as "stdin" (base64) of its node request, or, when secret, as a commitment. */
#pragma once
#include "common/js.h"

struct buf;
struct err;
struct ledger;

/* Whether what stands in the plan is what the request's `stdin` line says: an approver reads the
 * one, the node checks the other. Of a secret only that it is one. "bad_plan". */
int stdin_check(const js *request, struct err *e);

/* Empty when the request has none. The root half checks length and hash against the request. */
int stdin_load(struct ledger *l, const char *plan_id, const js *request, struct buf *ret,
               struct err *e);
