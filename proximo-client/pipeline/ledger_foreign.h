/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/ledger_foreign.h - what was done with our API token and is not in the
 * ledger: the cluster's task lists against the tasks that entries name. Reads only. */
#pragma once
#include "common/js.h"

struct app;
struct err;

/* *ret: {token, since (time of the genesis), known (tasks that the ledger names), foreign:[{upid,
 * node, type, id, time}], nodes:[{node, tasks, why?}], complete, limits:[sentence]}. complete is
 * false when a node's list could not be read to its end. What the API does without a task is in no
 * list: `limits` says so. */
int ledger_foreign(struct app *a, const char *cluster, js **ret, struct err *e);
