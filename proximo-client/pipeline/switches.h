/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/switches.h - what this client itself lets be carried out (proximo.ini,
 * [policy], [agent …]; freeze). */
#pragma once
#include "common/js.h"

struct app;
struct err;

/* 0, or "read_only", "exec_disabled", "policy_denied", "api_refused", "frozen". */
int switches_check(struct app *a, const char *cluster, const js *plan, struct err *e);
/* Where they would refuse the plan as things are: `refused_now` of its answer, and its `next`. */
void switches_say(struct app *a, const char *cluster, const js *plan, js *answer);
