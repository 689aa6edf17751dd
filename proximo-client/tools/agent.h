/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/agent.h - plans that act in a VM through its guest agent. */
#pragma once
#include "proximo-client/tools/plans.h"
#include "proximo-client/tools/send.h"

#define AGENT_FILE_SENT 61440 /* PVE takes no more in one request; in base64 it must fit too */
#define AGENT_FILE_MAX  (AGENT_FILE_SENT / 4 * 3)

#define FIELD_UNDO                                                                                 \
    {                                                                                              \
        "undo", F_ENUM, "snapshot: one of the VM before it; default none",                         \
            .choices = "snapshot|none"                                                             \
    }

int plan_agent_exec(struct draft *d, const js *args, struct err *e);
int plan_agent_file_write(struct draft *d, const js *args, struct err *e);
int check_agent_file_write(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                           struct err *e);
assess_fn assess_agent;
/* agent_read.c: content as text, or in base64 when it is none. */
int read_agent_file(struct session *s, const js *args, js **ret, struct err *e);
