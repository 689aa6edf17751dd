/* SPDX-License-Identifier: Apache-2.0 */
/* The client's own rules over commands, files and passwords in VMs. Invariant: another file,
 * another switch or another rule of a file that already has one for the cluster never turns the
 * strictest answer of the others into a yes. */
#include "proximo-client/agent_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/argv_rule.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/config.h"
#include "proximo-client/policy_rules.h"

/* How far the rules of a file came; all of them is a match. */
enum reached { R_NOTHING, R_CLUSTER, R_VM, R_ACT, R_WHAT, R_ALL };

static const char *const reached_why[R_ALL] = {
    [R_NOTHING] = "there are no rules for this cluster",
    [R_CLUSTER] = "no rule covers this VM",
    [R_VM] = "no rule for this VM allows this kind of access",
    [R_ACT] = "no rule for this VM allows this argument, file or user",
    [R_WHAT] = "the rule that allows this command does not allow standard input",
};

static bool takes(const struct agent_rule *r, const struct agent_ask *q) {
    if (!r->what) {
        return true;
    }
    switch (r->act) {
    case AGENT_RUN:
        return argv_rule_matches(r->what, q->arg, q->n_args);
    case AGENT_WRITE:
        return q->n_args == 1 && argv_word_matches(r->what, q->arg[0]);
    case AGENT_PASSWORD:
    default:
        return q->n_args == 1 && word_in(r->what, ' ', q->arg[0], strlen(q->arg[0]));
    }
}

static enum reached match(const struct agent_rule *r, const struct agent_ask *q) {
    if (strcmp(r->cluster, q->cluster) != 0) {
        return R_NOTHING;
    }
    if (!vmid_list_has(r->vm, q->vmid)) {
        return R_CLUSTER;
    }
    if (r->act != q->act) {
        return R_VM;
    }
    if (!takes(r, q)) {
        return R_ACT;
    }
    return q->has_input && !r->stdin_ok ? R_WHAT : R_ALL;
}

static bool is_on(const struct config *c, const char *cluster) {
    bool yes = false;

    for (size_t i = 0; i < c->n_agent_switches; i++) {
        if (strcmp(c->agent_switch[i].cluster, cluster) == 0) {
            if (!c->agent_switch[i].yes) {
                return false;
            }
            yes = true;
        }
    }
    return yes;
}

/* What the rules of one file say; *ret is the one that matches, a narrow one before ANY. */
static enum reached ask_file(const struct config *c, const struct agent_ask *q, const char *origin,
                             const struct agent_rule **ret) {
    enum reached far = R_NOTHING;

    *ret = NULL;
    for (size_t i = 0; i < c->n_agent_rules; i++) {
        const struct agent_rule *r = &c->agent_rule[i];
        enum reached came = strcmp(r->origin, origin) == 0 ? match(r, q) : R_NOTHING;

        if (came == R_ALL && (!*ret || (!(*ret)->what && r->what))) {
            *ret = r;
        }
        far = came > far ? came : far;
    }
    return far;
}

static bool is_first_of_file(const struct config *c, size_t i) {
    for (size_t k = 0; k < i; k++) {
        if (strcmp(c->agent_rule[k].origin, c->agent_rule[i].origin) == 0) {
            return false;
        }
    }
    return true;
}

void agent_decide(const struct config *c, const struct agent_ask *q, struct agent_verdict *ret) {
    const struct agent_rule *best = NULL;
    enum reached least = R_ALL;

    *ret = (struct agent_verdict){.enabled = is_on(c, q->cluster), .why = reached_why[R_NOTHING]};
    for (size_t i = 0; i < c->n_agent_rules; i++) {
        const struct agent_rule *r;
        enum reached came;

        if (!is_first_of_file(c, i)) {
            continue;
        }
        came = ask_file(c, q, c->agent_rule[i].origin, &r);
        if (came == R_NOTHING) { /* it says nothing about this cluster */
            continue;
        }
        least = came < least ? came : least;
        best = r && (!best || (!best->what && r->what)) ? r : best;
    }
    if (least < R_ALL) {
        ret->why = reached_why[least];
    } else if (best) {
        ret->allowed = ret->enabled;
        ret->near_root = !best->what;
        (void)snprintf(ret->rule, sizeof(ret->rule), "%s", best->name);
    }
}

static char *dup_of(const char *s) {
    char *p = strdup(s);

    if (!p) {
        abort();
    }
    return p;
}

static int bad(struct err *e, const struct conf_section *s, const char *origin, const char *what) {
    return err_tag(e, -EINVAL, "bad_config", "%s: line %zu: [agent-rule %.60s]: %s", origin,
                   s->line, s->name, what);
}

static const struct kind {
    const char *key, *want;
    enum agent_act act;
} kinds[] = {
    {"run",
     "run must begin with an absolute path; slots are {int a-b} {name} {unit} {path /below} "
     "{one-of a|b}, one a word",
     AGENT_RUN},
    {"write", "write is one absolute path, or {path /below}, or ANY", AGENT_WRITE},
    {"password", "password is names of users, or ANY", AGENT_PASSWORD},
};

static bool fits(enum agent_act act, const char *what, size_t line) {
    if (act == AGENT_RUN) {
        return argv_rule_check(what, line, NULL) == 0;
    }
    if (act == AGENT_WRITE) {
        return (what[0] == '/' || strncmp(what, "{path ", 6) == 0) && argv_word_check(what);
    }
    return what[0] != '\0';
}

int agent_rule_read(struct config *c, const struct conf_section *s, const char *origin,
                    struct err *e) {
    const char *given = conf_get(s, "stdin");
    struct agent_rule *list;
    const struct kind *kind = NULL;
    const char *what = NULL;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const char *v = conf_get(s, kinds[i].key);

        if (v && kind) {
            return bad(e, s, origin, "one of run, write and password, not more");
        }
        if (v) {
            kind = &kinds[i];
            what = v;
        }
    }
    if (!kind) {
        return bad(e, s, origin, "it lacks run, write or password");
    }
    if (strcmp(what, "ANY") != 0 && !fits(kind->act, what, s->line)) {
        return bad(e, s, origin, kind->want);
    }
    if (given &&
        (kind->act != AGENT_RUN || (strcmp(given, "yes") != 0 && strcmp(given, "no") != 0))) {
        return bad(e, s, origin, "stdin is yes or no, and goes with run");
    }
    if (!conf_get(s, "vm")[strspn(conf_get(s, "vm"), " ,\t*")] ||
        vmid_list_check(conf_get(s, "vm")) < 0) {
        return bad(e, s, origin, "vm is numbers and ranges, like 101 105-109");
    }
    list = reallocarray(c->agent_rule, c->n_agent_rules + 1, sizeof(*list));
    if (!list) {
        abort();
    }
    c->agent_rule = list;
    list[c->n_agent_rules++] =
        (struct agent_rule){.name = dup_of(s->name),
                            .cluster = dup_of(conf_get(s, "cluster")),
                            .origin = dup_of(origin),
                            .vm = dup_of(conf_get(s, "vm")),
                            .act = kind->act,
                            .what = strcmp(what, "ANY") == 0 ? NULL : dup_of(what),
                            .stdin_ok = given && given[0] == 'y'};
    return 0;
}

int agent_switch_read(struct config *c, const struct conf_section *s, const char *origin,
                      struct err *e) {
    const char *v = conf_get(s, "agent-exec");
    struct agent_switch *list;

    if (!v) {
        return 0;
    }
    if (strcmp(v, "yes") != 0 && strcmp(v, "no") != 0) {
        return err_tag(e, -EINVAL, "bad_config", "%s: [cluster %s] agent-exec must be yes or no",
                       origin, s->name);
    }
    list = reallocarray(c->agent_switch, c->n_agent_switches + 1, sizeof(*list));
    if (!list) {
        abort();
    }
    c->agent_switch = list;
    list[c->n_agent_switches++] = (struct agent_switch){
        .cluster = dup_of(s->name), .origin = dup_of(origin), .yes = v[0] == 'y'};
    return 0;
}

int agent_rules_check(const struct config *c, struct err *e) {
    for (size_t i = 0; i < c->n_agent_rules; i++) {
        const struct agent_rule *r = &c->agent_rule[i];
        const struct cluster_conf *cl = config_cluster(c, r->cluster);

        if (!cl || cl->pbs) {
            return err_tag(e, -EINVAL, "bad_config", "%s: [agent-rule %.60s]: no [cluster %.60s]",
                           r->origin, r->name, r->cluster);
        }
    }
    return 0;
}

void agent_rules_done(struct config *c) {
    for (size_t i = 0; i < c->n_agent_rules; i++) {
        struct agent_rule *r = &c->agent_rule[i];

        free(r->name);
        free(r->cluster);
        free(r->origin);
        free(r->vm);
        free(r->what);
    }
    for (size_t i = 0; i < c->n_agent_switches; i++) {
        free(c->agent_switch[i].cluster);
        free(c->agent_switch[i].origin);
    }
    free(c->agent_rule);
    free(c->agent_switch);
}

js *agent_rules_json(const struct config *c) {
    js *o, *list;

    if (!c->n_agent_rules && !c->n_agent_switches) {
        return NULL;
    }
    o = js_object();
    list = js_array();
    for (size_t i = 0; i < c->n_agent_switches; i++) {
        js *one = js_object();

        js_add(one, "cluster", js_str(c->agent_switch[i].cluster));
        js_add(one, "agent_exec", js_bool(c->agent_switch[i].yes));
        js_add(one, "origin", js_str(c->agent_switch[i].origin));
        js_push(list, one);
    }
    js_add(o, "switches", list);
    list = js_array();
    for (size_t i = 0; i < c->n_agent_rules; i++) {
        const struct agent_rule *r = &c->agent_rule[i];
        js *one = js_object();

        js_add(one, "name", js_str(r->name));
        js_add(one, "cluster", js_str(r->cluster));
        js_add(one, "vm", js_str(r->vm));
        js_add_key(one, kinds[r->act].key, js_str(r->what ? r->what : "ANY"), false);
        js_add(one, "stdin", js_bool(r->stdin_ok));
        js_add(one, "origin", js_str(r->origin));
        js_push(list, one);
    }
    js_add(o, "rules", list);
    return o;
}
