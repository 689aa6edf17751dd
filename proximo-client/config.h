/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/config.h - the client's configuration (formats.md 12): where each value came from
 * is kept, because "why is this refused?" is answered with it. Reads files and environment;
 * connects to nothing. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"
#include "common/note.h"
#include "proximo-client/pipeline/draft.h"

struct agent_rule;
struct agent_switch;
struct buf;
struct err;
struct hash;

struct cluster_conf {
    char *name;
    bool pbs; /* a Proxmox Backup Server ([pbs NAME]); its name is no cluster's */
    char *url, *fingerprint, *ca, *token; /* token: path of the file, never the secret */
    int64_t timeout_ms;                   /* 0 = the client's default */
    unsigned int connections;             /* 0 = the client's default */
    char *mirror;                         /* directory of the ledger's export, or NULL */
    char *origin;                         /* the file (or "environment") that defined it */
};

struct operator_conf {
    char *name;
    struct vkey key;
    char *origin;
};

/* An external witness (C2SP tlog-witness). */
struct witness_conf {
    char *name;
    struct vkey key;
    char *url; /* submission prefix, https://… */
    char *ca;  /* file with who may vouch for its certificate, or NULL */
    char *origin;
};

/* One source's opinion on one policy key; the strictest wins. */
struct opinion {
    char *key, *value, *origin;
};

/* Policy as it takes effect. */
struct policy {
    bool exec;         /* some yes and no no */
    bool exec_opinion; /* somebody said something */
    bool read_only;
    char *ct_allow;             /* intersection as "101 105-109", "*", or "" (none) */
    enum approval_need need[4]; /* by risk; only ever raised above the defaults */
    int64_t taint_s;            /* 3600 */
    int64_t ttl_s;              /* of a plan that needs none or host: 900, may only be lowered */
    int64_t operator_ttl_s;     /* 86400, at most 7 d */
};

struct config {
    struct cluster_conf *cluster;
    size_t n_clusters;
    struct operator_conf *operator;
    size_t n_operators;
    struct witness_conf *witness;
    size_t n_witnesses;
    struct opinion *opinion;
    size_t n_opinions;
    struct policy policy;
    struct agent_rule *agent_rule; /* agent_rules.h */
    size_t n_agent_rules;
    struct agent_switch *agent_switch;
    size_t n_agent_switches;
    int64_t job_after_s;    /* work that takes longer is handed back as a job */
    char *job_after_origin; /* the file that says so; NULL: the default */
    char *config_dir;       /* ~/.config/proximo */
    char *state_dir;        /* $XDG_STATE_HOME/proximo */
};

/* The two directories alone, from the environment; the rest of *c stays as it is. */
void config_dirs(struct config *c);
/* Reads the system and user files and the environment into *ret, in place of what it holds. A file
 * that does not parse is an error ("bad_config" with file and line): half a policy is no policy. So
 * is one that somebody else could have written ("file_not_private"): it names the server that gets
 * the token, and who may approve. Absent files are no error. */
int config_read(struct config *ret, struct err *e);
void config_done(struct config *c);

const struct cluster_conf *config_cluster(const struct config *c, const char *name);
const struct operator_conf *config_operator(const struct config *c, const char *name);

/* Whether the effective policy lets ct_exec name this container. */
bool config_ct_allowed(const struct config *c, uint32_t vmid);

/* The effective policy with the operators' keys, as canonical JSON, and its digest, which stands in
 * every plan. */
int config_policy_text(const struct config *c, struct buf *ret, struct err *e);
int config_policy_digest(const struct config *c, struct hash *ret, struct err *e);
js *config_policy_json(const struct config *c);
