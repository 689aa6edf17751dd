/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/service_int.h - between the service's own files. */
#pragma once
#include "proximo-client/pipeline/service.h"
#include "proximo-client/pipeline/session.h"

struct row;

/* One meta tool. args are validated. */
typedef int meta_fn(struct app *a, const struct call *c, js **ret, struct err *e);
meta_fn *service_meta_find(const char *name);

/* Which target a row needs: APP_IS_PVE, APP_IS_PBS, or 0 (either). */
unsigned int service_target(const struct row *row);
/* A session for a call: cluster from args, progress and cancel wired. */
int service_session(struct app *a, const struct call *c, const js *args, unsigned int need,
                    struct session *s, struct err *e);
/* Runs a read row, records it, taints. */
int service_read(struct app *a, const struct call *c, const struct row *row, const js *args,
                 js **ret, struct err *e);

/* Marks that text which a guest controls is about to be handed out. */
int service_taint(const struct session *s, struct err *e);
/* The same when the result says that it holds such text (guest_text). What was done cannot be taken
 * back: where no mark can be set, the result goes out without that text, and says so. */
void service_taint_after(const struct session *s, js *result);
/* An error that repeats such text: without the mark the error is another one. Returns its code. */
int service_taint_error(const struct session *s, int r, struct err *e);
/* Carries a fresh plan (consumed: its answer) out at once when what it needs is there; else *ret is
 * the plan with what is missing. */
int service_apply_or_plan(struct session *s, const struct call *c, js *plan, js **ret,
                          struct err *e);

/* Writes a `read` entry for something that is no row. */
int service_record_read(const struct session *s, const char *what, const char *outcome);

meta_fn meta_ops, meta_plan_show, meta_ledger_verify, meta_ledger_show, meta_ledger_proof;
meta_fn meta_ledger_query;
meta_fn meta_doctor, meta_nodes, meta_job, meta_job_cancel;
