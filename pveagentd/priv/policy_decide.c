/* SPDX-License-Identifier: Apache-2.0 */
/* May this client do this? (root, request child). Invariant: adding a [deny] or a rule that matches
 * never permits more than before: denials are looked at first and limits only shrink. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/argv_rule.h"
#include "common/buf.h"
#include "common/own.h"
#include "pveagentd/priv/policy.h"
#include "pveagentd/priv/priv.h"

static bool in_ranges(const struct rule *r, uint32_t ct) {
    for (size_t i = 0; i < r->n_ct; i++) {
        if (ct >= r->ct[i].lo && ct <= r->ct[i].hi) {
            return true;
        }
    }
    return !r->n_ct; /* only a denial has none: it covers all */
}

static bool env_ok(const struct rule *r, const struct node_request *q) {
    for (size_t i = 0; i < q->n_env; i++) {
        if (!word_in(r->env, ' ', q->env[i], strcspn(q->env[i], "="))) {
            return false;
        }
    }
    return true;
}

/* How far a rule came; all of them is a match. */
enum reached { R_CLIENT, R_CT, R_OP, R_SET, R_RUN, R_USER, R_CWD, R_ENV, R_STDIN, R_ALL };

static const char *const reached_why[R_ALL] = {
    [R_CLIENT] = "no rule names this client",
    [R_CT] = "no rule of this client covers this container",
    [R_OP] = "no rule for this container allows this operation",
    [R_SET] = "no rule of this client allows a revert timer over these files",
    [R_RUN] = "no rule allows this argument vector",
    [R_USER] = "the rule that allows this command does so for another user",
    [R_CWD] = "the rule that allows this command does so in another directory",
    [R_ENV] = "the rule that allows this command does not allow these variables",
    [R_STDIN] = "the rule that allows this command does not allow standard input",
};

static enum reached match(const struct rule *r, const struct client *c,
                          const struct node_request *q) {
    if (r->client && strcmp(r->client, c->name) != 0) {
        return R_CLIENT;
    }
    /* a timer over what belongs to no guest: a rule's guests do not matter, a denial's still do */
    if ((q->ct || r->deny) && !in_ranges(r, q->ct)) {
        return R_CT;
    }
    if (!(r->ops & (1u << q->op))) {
        return R_OP;
    }
    if (q->op == OP_ARM && !r->deny && (q->sets & ~r->sets)) {
        return R_SET;
    }
    if (q->op != OP_EXEC) {
        return R_ALL;
    }
    if (r->run && !argv_rule_matches(r->run, q->arg, q->n_args)) {
        return R_RUN;
    }
    if (r->deny) {
        return R_ALL;
    }
    if (q->uid != r->user) {
        return R_USER;
    }
    if (strcmp(q->cwd ? q->cwd : "/", r->cwd) != 0) {
        return R_CWD;
    }
    if (!env_ok(r, q)) {
        return R_ENV;
    }
    return q->has_stdin && !r->stdin_ok ? R_STDIN : R_ALL;
}

__attribute__((format(printf, 5, 6))) static void refuse(struct verdict *v, const char *code,
                                                         const char *rule, const char *why,
                                                         const char *remedy, ...) {
    va_list ap;

    v->allowed = false;
    (void)snprintf(v->code, sizeof(v->code), "%s", code);
    (void)snprintf(v->rule, sizeof(v->rule), "%s", rule);
    (void)snprintf(v->why, sizeof(v->why), "%s", why);
    va_start(ap, remedy);
    (void)vsnprintf(v->remedy, sizeof(v->remedy), remedy, ap);
    va_end(ap);
}

static void add_approver(const struct policy *p, struct verdict *v, const struct rule *r) {
    const struct conf *c = r->from_local ? &p->local : &p->shared;
    const struct conf_section *s;

    if (!r->approve || strcmp(r->approve, "none") == 0) {
        return;
    }
    for (size_t i = 0; i < v->n_approvers; i++) {
        if (strcmp(v->approver[i], r->approve) == 0) {
            return;
        }
    }
    s = conf_find(c, "operator", r->approve);
    if (!s || v->n_approvers == POLICY_APPROVERS ||
        vkey_parse(conf_get(s, "key"), &v->approver_key[v->n_approvers], NULL) < 0) {
        refuse(v, "policy_denied", r->name, "this rule's approvers cannot be used",
               "as root on the node: pveagentctl check");
        return;
    }
    v->approver[v->n_approvers++] = s->name;
}

static void tighten(const struct policy *p, struct verdict *v, const struct rule *r) {
    if (!v->rule[0]) {
        v->timeout_s = r->timeout_s;
        v->output_max = r->output_max;
        (void)snprintf(v->rule, sizeof(v->rule), "%s", r->name);
    }
    v->timeout_s = r->timeout_s < v->timeout_s ? r->timeout_s : v->timeout_s;
    v->output_max = r->output_max < v->output_max ? r->output_max : v->output_max;
    v->undo_rule = r->undo_required && !v->undo_rule ? r->name : v->undo_rule;
    v->near_root = v->near_root || (!r->run && r->user == 0 && (r->ops & (1u << OP_EXEC)));
    add_approver(p, v, r);
}

static void check_limits(struct verdict *v, const struct node_request *q) {
    char rule[sizeof(v->rule)];
    char why[80];

    memcpy(rule, v->rule, sizeof(rule));
    if (v->undo_rule && !q->undo) {
        refuse(v, "policy_undo_required", v->undo_rule, "this rule wants a snapshot first",
               "plan it with an undo snapshot");
    } else if (q->timeout_s > v->timeout_s || q->output_max > v->output_max) {
        (void)snprintf(why, sizeof(why), "at most %u s and %u bytes of output are allowed",
                       v->timeout_s, v->output_max);
        refuse(v, "policy_limit", rule, why, "ask for less, or raise them in [rule %.40s]", rule);
    }
}

void policy_decide(const struct policy *p, const struct client *c, const struct node_request *q,
                   struct verdict *ret) {
    struct verdict v = {0};
    enum reached best = R_CLIENT;
    const char *nearest = "";

    for (size_t i = 0; i < p->n_rules; i++) {
        const struct rule *r = &p->rule[i];

        if (r->deny && match(r, c, q) == R_ALL) {
            refuse(&v, "policy_denied", r->name, "a [deny] section covers it",
                   "[deny %.40s] in the %s policy", r->name, r->from_local ? "local" : "shared");
            *ret = v;
            return;
        }
    }
    v.allowed = true;
    for (size_t i = 0; i < p->n_rules && v.allowed; i++) {
        const struct rule *r = &p->rule[i];
        enum reached at = r->deny ? R_CLIENT : match(r, c, q);

        if (at == R_ALL) {
            tighten(p, &v, r);
        } else if (at > best) {
            best = at;
            nearest = r->name;
        }
    }
    if (q->op == OP_CONFIRM || q->op == OP_CANCEL) {
        v.n_approvers = 0; /* arming was approved; ending it within seconds is its maker's */
    }
    if (v.allowed && !v.rule[0]) {
        refuse(&v, "policy_denied", nearest, reached_why[best],
               "as root on the node: pveagentctl edit, then add or change a [rule]");
    } else if (v.allowed && q->op == OP_EXEC) {
        check_limits(&v, q);
    }
    *ret = v;
}

static bool narrowed(const struct conf *c, const char *client, const char *right) {
    const struct conf_section *s = conf_find(c, "client", client);

    return s && !word_in(conf_get(s, "rights"), ' ', right, strlen(right));
}

bool policy_right(const struct policy *p, const struct client *c, const char *right) {
    return client_may(c, right) && !narrowed(&p->shared, c->name, right) &&
           !narrowed(&p->local, c->name, right);
}
