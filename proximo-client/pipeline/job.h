/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/job.h - operations that outlast their caller. A job is no thing of its
 * own: it is an intent without an outcome, named by its op_id, so it is found again from the ledger
 * alone by whatever process asks, also after a restart. */
#pragma once
#include "common/js.h"

struct change;
struct err;
struct op;
struct session;

/* What the caller gets in place of the result when an operation is handed over. */
js *job_answer(const struct change *c);

/* Where an operation stands: {op_id, state running|unfollowed|ended, outcome?, ledger_index?,
 * checkpoint?, witness?, tasks:[{upid, status, exitstatus?, log?}], output?, receipts? …}.
 * "running": a process follows it; "unfollowed": none does, and neither the cluster's tasks nor the
 * nodes tell its end yet. Waits up to wait_ms for its end. log_lines: last lines of the newest
 * task's log, 0 = none. Records an outcome that was found. */
int job_status(struct session *s, const char *op_id, int64_t wait_ms, int64_t log_lines, js **ret,
               struct err *e);

/* The task of the operation that runs now (malloc'ed UPID). "no_running_task" when there is none:
 * then nothing can be stopped. */
int job_running_task(struct session *s, const struct op *op, char **ret_upid, struct err *e);
