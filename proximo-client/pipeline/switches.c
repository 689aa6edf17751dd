/* SPDX-License-Identifier: Apache-2.0 */
/* This client's own switches, beside everybody else's word: read-only, work on nodes, commands
 * through agents, the owner's freeze. They are asked before anything is carried out, and a plan
 * says already when they would refuse it, so that nobody is asked to approve what will not run. */
#include "proximo-client/pipeline/switches.h"

#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "common/request.h"
#include "proximo-client/app.h"
#include "proximo-client/pipeline/agent_gate.h"
#include "proximo-client/pipeline/freeze.h"
#include "proximo-client/pipeline/service.h"

/* What this client itself allows of work on a node, beside the node's policy. The switch is for
 * what enters a container, which a revert timer does not. ct-allow binds commands; going back does
 * not need it, as it does not need a rule for the command. */
static int check_node_request(const struct config *conf, const js *q, struct err *e) {
    CLEANUP(request_done) struct node_request n = {0};
    const char *text = js_str_or(q, "request", "");
    int r = request_parse(text, strlen(text), &n, e);

    if (!conf->policy.exec && (r < 0 || !request_is_timer(&n))) {
        (void)err_tag(e, -EACCES, "exec_disabled", "work on nodes is not enabled on this client");
        return err_hint(e, "set exec = yes and ct-allow in [policy] of proximo.ini");
    }
    if (r < 0 || n.op != OP_EXEC || config_ct_allowed(conf, n.ct)) {
        return r;
    }
    (void)err_tag(e, -EACCES, "policy_denied", "ct-allow of this client does not name container %u",
                  n.ct);
    return err_hint(e, "[policy] of proximo.ini, every source of it: proximo-client doctor shows "
                       "them");
}

int switches_check(struct app *a, const char *cluster, const js *plan, struct err *e) {
    const js *list = js_get(plan, "requests");
    const struct config *conf;
    int r = app_config(a, &conf, e);

    if (r == 0 && conf->policy.read_only) {
        (void)err_tag(e, -EACCES, "read_only", "this client is configured read-only");
        return err_hint(e, "proximo-client doctor shows which file says so");
    }
    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "via", ""), "node") == 0) {
            r = check_node_request(conf, js_at(list, i), e);
        } else if (agent_is_call(js_at(list, i))) {
            r = agent_gate_again(conf, cluster, js_at(list, i), e);
        }
    }
    return r < 0 ? r : freeze_check(a, e);
}

void switches_say(struct app *a, const char *cluster, const js *plan, js *answer) {
    struct err e = {0};

    if (switches_check(a, cluster, plan, &e) < 0) {
        js_add(answer, "refused_now", service_error(&e));
        js_addf(answer, "next", "nothing: this client would refuse it now (%s): %s", e.tag, e.msg);
    }
}
