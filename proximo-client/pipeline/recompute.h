/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/recompute.h - the verdict of a recorded plan, computed again with the read
 * access of the account that approves it (approve --recheck). The planner may be an account that was
 * taken over, and the world may have moved: both show as differences. Records and sends nothing. */
#pragma once
#include <stdbool.h>

struct app;
struct buf;
struct err;
struct plan;

/* cluster may be NULL: the plan's own. with_ledger: the plan is one of this account's ledger; else it
 * came as a file, and what needs the ledger (undo plans, commands in containers) cannot be computed.
 * *ret: lines of text, "  risk      low -> high" and the like, none when nothing differs; *ret_worse:
 * it is worse than what the plan says (riskier, more is hit, less was read, the way back is another,
 * other requests would be sent now). Negative: it could not be computed at all. */
int recompute_plan(struct app *a, const char *cluster, const struct plan *p, bool with_ledger,
                   struct buf *ret, bool *ret_worse, struct err *e);
