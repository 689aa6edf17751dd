/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/agent_gate.h - requests that act in a VM through its guest agent. The API
 * would take them from anybody who holds the token, so this client's own switch and rules are asked
 * (agent_rules.h): when a plan is made, and again before it is carried out. */
#pragma once
#include <stdbool.h>

#include "common/js.h"

struct agent_verdict;
struct config;
struct draft;
struct err;

/* Whether a request of a plan goes to a VM's agent, whatever it asks of it. */
bool agent_is_call(const js *request);
/* Of such a request: 0, and *ret names the rule; rule "" for what needs none (freezing and trimming
 * file systems, suspending). "exec_disabled", "policy_denied", or "api_refused" for what this
 * client never asks of an agent. */
int agent_gate(const struct config *c, const char *cluster, const js *request,
               struct agent_verdict *ret, struct err *e);
/* Over all requests of a draft: the rule goes into the plan, with its request and as a reason of
 * its risk. */
int agent_gate_draft(struct draft *d, struct err *e);
/* Before a plan is carried out: also that the rule is still the one that the plan names. */
int agent_gate_again(const struct config *c, const char *cluster, const js *request, struct err *e);
