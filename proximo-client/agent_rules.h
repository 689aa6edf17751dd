/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/agent_rules.h - what this client lets be done in a VM through its guest agent: a
 * switch for each cluster and rules with the argument vectors of a node's policy. Deny by default.
 * Nothing but this client enforces it: whoever holds the token can do without. Each file is an
 * opinion and the strictest wins: the switch needs a yes and no no, and of every file that has
 * rules for a cluster one must match. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"

struct conf_section;
struct config;
struct err;

enum agent_act {
    AGENT_RUN,      /* arg: the argument vector */
    AGENT_WRITE,    /* arg[0]: the file */
    AGENT_PASSWORD, /* arg[0]: the user */
};

/* [agent-rule NAME]: exactly one of run, write and password. */
struct agent_rule {
    char *name, *cluster, *origin;
    char *vm; /* "201 205-209" */
    enum agent_act act;
    char *what; /* as it stands there; NULL: ANY */
    bool stdin_ok;
};

/* One file's word on agent-exec of a cluster. */
struct agent_switch {
    char *cluster, *origin;
    bool yes;
};

struct agent_ask {
    const char *cluster;
    uint32_t vmid;
    enum agent_act act;
    const char *const *arg;
    size_t n_args;
    bool has_input;
};

struct agent_verdict {
    bool enabled, allowed;
    bool near_root;  /* only rules with ANY let it through */
    char rule[64];   /* the narrowest that does */
    const char *why; /* static; when not allowed */
};

void agent_decide(const struct config *c, const struct agent_ask *q, struct agent_verdict *ret);

/* Reading: a [agent-rule], or agent-exec of a [cluster] (0 when it does not say). "bad_config". */
int agent_rule_read(struct config *c, const struct conf_section *s, const char *origin,
                    struct err *e);
int agent_switch_read(struct config *c, const struct conf_section *s, const char *origin,
                      struct err *e);
/* Once all is read: every rule is of a cluster that is configured. */
int agent_rules_check(const struct config *c, struct err *e);
void agent_rules_done(struct config *c);
/* For the policy's digest and for doctor; NULL when nobody says anything. */
js *agent_rules_json(const struct config *c);
