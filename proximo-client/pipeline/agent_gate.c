/* SPDX-License-Identifier: Apache-2.0 */
/* The client's own gate before a VM's guest agent. It reads the request itself, not the row that
 * made it: what no row of ours would send is refused here too. */
#include "proximo-client/pipeline/agent_gate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/agent_rules.h"
#include "proximo-client/app.h"
#include "proximo-client/pipeline/draft_int.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/pve/schema.h"

#define MAX_ARGS 256

static const struct call {
    const char *name; /* below /agent/ */
    bool ruled;
    enum agent_act act;
    const char *arg; /* the parameter that rules decide by */
    const char *input;
} calls[] = {
    {"exec", true, AGENT_RUN, "command", "input-data"},
    {"file-write", true, AGENT_WRITE, "file", NULL},
    {"set-user-password", true, AGENT_PASSWORD, "username", NULL},
    {"fsfreeze-freeze", .ruled = false},
    {"fsfreeze-thaw", .ruled = false},
    {"fstrim", .ruled = false},
};

bool agent_is_call(const js *request) {
    const char *path = js_str_or(request, "path", "");

    /* decoded segment by segment, as PVE does: %61gent is no way round */
    return strcmp(js_str_or(request, "via", ""), "api") == 0 &&
           (segments_match("/nodes/*/qemu/*/agent", path, NULL) ||
            segments_match("/nodes/*/qemu/*/agent/**", path, NULL));
}

static const struct call *call_of(const js *request) {
    const char *path = js_str_or(request, "path", "");

    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        char template[80];

        (void)snprintf(template, sizeof(template), "/nodes/*/qemu/*/agent/%s", calls[i].name);
        if (segments_match(template, path, NULL)) {
            return strcmp(js_str_or(request, "method", ""), "POST") == 0 ? &calls[i] : NULL;
        }
    }
    return NULL;
}

/* The words that the rules are asked about, borrowed. 0: none, or not all of them text. */
static size_t words_of(const js *v, const char *ret[static MAX_ARGS]) {
    if (js_is_str(v)) {
        ret[0] = json_object_get_string((js *)(uintptr_t)v);
        return 1;
    }
    for (size_t i = 0; i < js_len(v); i++) {
        if (i == MAX_ARGS || !js_is_str(js_at(v, i))) {
            return 0;
        }
        ret[i] = json_object_get_string(js_at(v, i));
    }
    return js_len(v);
}

static int disabled(const char *cluster, struct err *e) {
    (void)err_tag(e, -EACCES, "exec_disabled",
                  "commands through VMs' guest agents are not enabled on this client for %.60s",
                  cluster);
    return err_hint(e,
                    "set agent-exec = yes in [cluster %.60s] of proximo.ini, and write "
                    "[agent-rule NAME] sections: proximo.ini(5)",
                    cluster);
}

static int denied(const struct agent_verdict *v, uint32_t vmid, struct err *e) {
    (void)err_tag(e, -EACCES, "policy_denied",
                  "this client's own rules do not allow it in VM %u: %s", vmid, v->why);
    return err_hint(e, "[agent-rule NAME] of proximo.ini, of every file that has such rules: "
                       "proximo-client doctor shows them");
}

int agent_gate(const struct config *c, const char *cluster, const js *request,
               struct agent_verdict *ret, struct err *e) {
    const struct call *call = call_of(request);
    const char *word[MAX_ARGS];
    struct agent_ask q = {.cluster = cluster, .arg = word};
    char id[16];

    *ret = (struct agent_verdict){.allowed = true};
    if (!call || !pve_path_part(js_str_or(request, "path", ""), 3, id, sizeof(id)) ||
        ident_vmid(id, &q.vmid) < 0) {
        return err_tag(e, -EACCES, "api_refused", "this client does not ask this of a guest agent");
    }
    if (!call->ruled) {
        return 0;
    }
    q.act = call->act;
    q.n_args = words_of(js_get(js_get(request, "form"), call->arg), word);
    q.has_input = call->input && js_get(js_get(request, "form"), call->input);
    agent_decide(c, &q, ret);
    if (!ret->enabled) {
        return disabled(cluster, e);
    }
    return ret->allowed && q.n_args ? 0 : denied(ret, q.vmid, e);
}

static void tell(struct draft *d, js *request, const struct agent_verdict *v) {
    char resource[24], id[16] = "";
    char why[240];

    (void)pve_path_part(js_str_or(request, "path", ""), 3, id, sizeof(id));
    (void)snprintf(resource, sizeof(resource), "vm/%.15s", id);
    (void)snprintf(why, sizeof(why),
                   "rule %.60s of this client lets %s; enforced by the client only", v->rule,
                   v->near_root ? "anything of this kind be done there: near-root"
                                : "exactly this form of it be done");
    js_add(request, "rule", js_str(v->rule));
    draft_affect(d, &(struct affect){.resource = resource,
                                     .effect = "changed",
                                     .severity = RISK_HIGH,
                                     .running = true,
                                     .via = "rule",
                                     .why = why});
    draft_risk(d, RISK_HIGH, "%s: %s", resource, why); /* always among the reasons */
}

int agent_gate_draft(struct draft *d, struct err *e) {
    const struct config *c;
    int r = 0;

    for (size_t i = 0; r == 0 && i < js_len(d->requests); i++) {
        js *request = js_at(d->requests, i);
        struct agent_verdict v;

        if (!agent_is_call(request)) {
            continue;
        }
        r = app_config(d->s->app, &c, e);
        r = r < 0 ? r : agent_gate(c, d->s->cluster, request, &v, e);
        if (r == 0 && v.rule[0]) {
            tell(d, request, &v);
        }
    }
    return r;
}

int agent_gate_again(const struct config *c, const char *cluster, const js *request,
                     struct err *e) {
    const char *planned = js_str_or(request, "rule", "");
    struct agent_verdict v;
    int r = agent_gate(c, cluster, request, &v, e);

    if (r == 0 && strcmp(v.rule, planned) != 0) {
        (void)err_tag(e, -EACCES, "policy_denied",
                      "the rule that the plan names (%.60s) no longer is the one that allows it",
                      *planned ? planned : "none");
        return err_hint(e, "make a new plan");
    }
    return r;
}
