/* SPDX-License-Identifier: Apache-2.0 */
/* What a call to a VM's guest agent does. The text of a command is not judged: whoever may run one
 * program may run it badly. What every plan must say is who keeps it narrow: nobody but this
 * client, for PVE knows one privilege for all commands. */
#include "proximo-client/blast/blast_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"

static const struct call {
    const char *name, *effect;
    enum risk severity;
    const char *why;
} calls[] = {
    {"exec", "changed", RISK_HIGH,
     "the command runs with the agent's rights, usually those of root (on Windows of the system)"},
    {"exec", "exposed", RISK_HIGH,
     "enforced by the client only: the token's own privilege allows any command there, and no node "
     "daemon has a say"},
    {"file-write", "changed", RISK_HIGH,
     "the file is replaced with the agent's rights, usually those of root; what reads or runs it "
     "follows it"},
    {"file-write", "exposed", RISK_HIGH,
     "enforced by the client only: the token's own privilege allows any file there"},
    {"set-user-password", "changed", RISK_HIGH,
     "who knows the new password can log in, who knows the old one cannot; sessions and keys stay"},
    {"set-user-password", "exposed", RISK_HIGH,
     "enforced by the client only: the token's own privilege allows any user there"},
    {"fsfreeze-freeze", "interrupted", RISK_HIGH,
     "every program that writes stands still until it is thawed, and the agent takes no commands"},
    {"fsfreeze-thaw", "started", RISK_LOW, "programs that waited for the file systems go on"},
    {"fstrim", "changed", RISK_LOW,
     "unused blocks are given back to the storage; what was deleted there cannot be recovered"},
};

int blast_agent(uint32_t vmid, const char *name, const char *node, const char *call,
                struct draft *d) {
    struct tally t = {0};
    char resource[24];
    bool known = false;

    (void)snprintf(resource, sizeof(resource), "vm/%u", vmid);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        if (strcmp(calls[i].name, call) != 0) {
            continue;
        }
        known = true;
        tally_affect(&t, d,
                     &(struct affect){.resource = resource,
                                      .name = name,
                                      .node = node,
                                      .effect = calls[i].effect,
                                      .severity = calls[i].severity,
                                      .running = true,
                                      .via = "guest agent",
                                      .why = calls[i].why});
        if (strcmp(calls[i].effect, "exposed") == 0) { /* always among the reasons */
            draft_risk(d, calls[i].severity, "%s: %s", resource, calls[i].why);
        }
    }
    if (!known) {
        draft_unread(d, call, "this version does not know what this call of the agent does", NULL);
        return -ENOENT;
    }
    tally_risk(&t, d);
    return 0;
}
