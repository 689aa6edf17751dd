/* SPDX-License-Identifier: Apache-2.0 */
/* node-snapshot: the node stops the container, puts its volumes back and starts it again. The
 * requests are those of the original plan byte for byte, because an operator's approval names their
 * hashes (formats.md 8); a stop or start that is not needed is left out, none is ever added. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/request.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/tools/plans.h"
#include "proximo-client/undo/kinds.h"

static int op_of(const js *q, enum request_op *ret, struct err *e) {
    CLEANUP(request_done) struct node_request n = {0};
    const char *text = js_str_or(q, "request", "");
    int r = request_parse(text, strlen(text), &n, e);

    if (r == 0) {
        *ret = n.op;
    }
    return r < 0 ? err_wrap(e, "the recorded way back") : 0;
}

/* The node is asked about the first request only: the others count on what it does. */
static int ask(struct draft *d, const struct guest_ref *g, const js *q, struct err *e) {
    CLEANUP(js_freep) js *answer = NULL;
    const char *node = js_str_or(q, "node", "");
    char read[128];
    int r = node_explain(draft_session(d)->nodes, node, js_str_or(q, "request", ""), &answer, e);

    if (r < 0) {
        return r;
    }
    if (!js_bool_or(answer, "allowed", false)) {
        (void)err_tag(e, -EACCES, "policy_denied", "node %.60s would refuse the way back: %.200s",
                      node, js_str_or(answer, "why", "its policy does not allow it"));
        return err_hint(e, "%.300s", js_str_or(answer, "remedy", ""));
    }
    (void)snprintf(read, sizeof(read), "node/%.60s/ct/%u", node, g->vmid);
    return draft_precondition(d, read, "node-config", answer, e);
}

static int steps(struct draft *d, const struct undone *u, const struct guest_ref *g,
                 struct err *e) {
    bool asked = false;
    const js *q;
    int r = 0;

    for (size_t i = 0; r == 0 && (q = undone_request(u, "undo", i)); i++) {
        enum request_op op = OP_COUNT;

        r = op_of(q, &op, e);
        if (r < 0 || (op == OP_STOP && !g->running)) {
            continue;
        }
        if (!asked) {
            r = ask(d, g, q, e);
            asked = true;
        }
        if (r == 0) {
            r = draft_node_request(d, PHASE_EXECUTE, js_str_or(q, "node", ""),
                                   js_str_or(q, "request", ""), e);
        }
    }
    return r;
}

int undo_node_snapshot(struct draft *d, const struct undone *u, struct err *e) {
    struct guest_ref g;
    char label[24];
    int r = plan_guest(d, u->args, &g, NULL, e);

    if (r == 0 && strcmp(g.node, js_str_or(u->target, "node", "")) != 0) {
        (void)err_tag(e, -ESTALE, "undo_gone", "container %u moved to node %s since", g.vmid,
                      g.node);
        return err_hint(e, "the snapshot is on node %.60s", js_str_or(u->target, "node", ""));
    }
    if (r == 0) {
        r = steps(d, u, &g, e);
    }
    if (r < 0) {
        return r;
    }
    guest_label(&g, label, sizeof(label));
    draft_affect(d, &(struct affect){.resource = label,
                                     .name = g.name,
                                     .node = g.node,
                                     .effect = "reverted",
                                     .severity = RISK_MEDIUM,
                                     .running = g.running,
                                     .why = "everything written since the snapshot is lost"});
    if (g.running) {
        draft_affect(d, &(struct affect){.resource = label,
                                         .name = g.name,
                                         .node = g.node,
                                         .effect = "interrupted",
                                         .severity = RISK_MEDIUM,
                                         .running = true,
                                         .why = "it is stopped and started for the rollback"});
    }
    draft_undo(d, "none",
               "the node keeps what it set aside for root, but not for an undo from here", "");
    return 0;
}
