/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/agent_run.h - a command that a VM's guest agent has started, followed to
 * its end. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/js.h"
#include "proximo-client/pipeline/change.h"

/* Whether this answer (data) to request q is a process that the agent started. */
bool agent_run_began(const js *q, const js *data, int64_t *ret_pid);
/* Waits for its end; its output becomes the answer's and a body of the ledger, without the secrets
 * of `form` as it was sent. "command_failed"; "agent_lost": outcome unknown. */
int agent_run_follow(struct change *c, const js *q, const js *form, int64_t pid, struct err *e);
