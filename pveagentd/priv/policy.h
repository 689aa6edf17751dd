/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/policy.h - the node's own say (formats.md 7). Default: nothing. A policy that does
 * not parse means no rules at all. Denials are a union; of several rules that match, the strictest
 * limits hold. Knows no files of containers and no journal. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"
#include "common/note.h"
#include "common/request.h"

struct client;
struct err;
struct priv;

#define POLICY_APPROVERS 8

struct ct_range {
    uint32_t lo, hi;
};

struct rule {
    const char *name;
    bool deny;
    bool from_local;
    const char *client;  /* NULL (denials only): any */
    struct ct_range *ct; /* n_ct 0 (denials only): any */
    size_t n_ct;
    unsigned int ops;  /* bit per enum request_op */
    unsigned int sets; /* of `do = revert`: bit per enum request_set */
    const char *run;   /* borrowed, checked; NULL: ANY, or a denial of every command */
    uint32_t user;
    const char *env; /* blank-separated names, "" none */
    const char *cwd;
    bool stdin_ok;
    uint32_t timeout_s, output_max;
    bool undo_required;
    const char *approve; /* operator's name; NULL or "none": nobody */
};

struct policy {
    struct conf shared, local; /* own the strings */
    struct rule *rule;
    size_t n_rules;
    struct hash digest;
    uint32_t max_running, max_running_ct;
    uint32_t max_per_minute; /* starts of one client; UINT32_MAX: any number */
    bool any_clock; /* [node] clock = any: root says that an unsynchronised clock will do */
};

struct verdict {
    bool allowed;
    char code[32]; /* policy_denied policy_limit policy_undo_required; "" when allowed */
    char rule[64];
    char why[240];
    char remedy[240];
    uint32_t timeout_s, output_max;
    const char *undo_rule; /* of those that match, the first that wants a snapshot; the policy's */
    bool near_root;
    const char *approver[POLICY_APPROVERS]; /* borrowed from the policy */
    struct vkey approver_key[POLICY_APPROVERS];
    size_t n_approvers;
};

/* From both texts; either may be NULL. */
int policy_merge(const char *shared, size_t shared_len, const char *local, size_t local_len,
                 struct policy *ret, struct err *e);
/* Reads both files (owner root, not writable by others). "policy_unreadable" with the line. */
int policy_load(const struct priv *p, struct policy *ret, struct err *e);
void policy_done(struct policy *p);

void policy_decide(const struct policy *p, const struct client *c, const struct node_request *q,
                   struct verdict *ret);
/* True when the client's recorded rights, cut by [client NAME], hold the right. */
bool policy_right(const struct policy *p, const struct client *c, const char *right);
