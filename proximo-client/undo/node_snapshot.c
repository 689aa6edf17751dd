/* SPDX-License-Identifier: Apache-2.0 */
/* node-snapshot: the node stops the container, puts its volumes back and starts it again. The
 * requests are those of the original plan byte for byte, because an operator's approval names their
 * hashes (formats.md 8); a stop or start that is not needed is left out, none is ever added. When
 * somebody changed the container's configuration since, the node refuses those bytes: then the same
 * steps are asked for against the configuration of now, and a person approves them anew. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/request.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/tools/plans.h"
#include "proximo-client/undo/kinds.h"

struct way {
    struct draft *d;
    const struct guest_ref *g;
    bool asked;
    bool changed;    /* the container's configuration is not the one the operation was planned on */
    struct hash now; /* its hash, when changed */
};

static int refused(const char *node, const js *answer, struct err *e) {
    (void)err_tag(e, -EACCES, "policy_denied", "node %.60s would refuse the way back: %.200s", node,
                  js_str_or(answer, "why", "its policy does not allow it"));
    return err_hint(e, "%.300s", js_str_or(answer, "remedy", ""));
}

/* The node is asked about the first request only: the others count on what it does. */
static int ask(struct way *w, const js *q, const struct node_request *n, struct err *e) {
    CLEANUP(js_freep) js *answer = NULL;
    const char *node = js_str_or(q, "node", "");
    char read[128];
    int r = node_explain(draft_session(w->d)->nodes, node, js_str_or(q, "request", ""), &answer, e);

    if (r < 0) {
        return r;
    }
    if (!js_bool_or(answer, "allowed", false)) {
        return refused(node, answer, e);
    }
    if (!js_bool_or(answer, "exists", true)) {
        (void)err_tag(e, -ENOENT, "undo_gone", "container %u is not on node %.60s any more",
                      w->g->vmid, node);
        return err_hint(e, "restore it from a backup");
    }
    w->changed = hash_parse(js_str_or(answer, "config", ""), &w->now) == 0 &&
                 !(n->has_config && hash_eq(&w->now, &n->config));
    (void)snprintf(read, sizeof(read), "node/%.60s/ct/%u", node, w->g->vmid);
    return draft_precondition(w->d, read, "node-config", answer, e);
}

/* The recorded request names the configuration of then, and the node acts on no container that has
 * another one. So the same step is asked for anew, against the configuration of now: other bytes,
 * which no approval given before names. */
static int against_now(const struct way *w, struct node_request *n, struct buf *ret,
                       struct err *e) {
    uint8_t raw[16];

    n->has_config = true;
    n->config = w->now;
    random_bytes(raw, sizeof(raw));
    hex_encode(raw, sizeof(raw), n->nonce);
    return request_text(n, ret, e);
}

static int step(struct way *w, const js *q, struct err *e) {
    CLEANUP(request_done) struct node_request n = {0};
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    const char *recorded = js_str_or(q, "request", "");
    int r = request_parse(recorded, strlen(recorded), &n, e);

    if (r < 0) {
        return err_wrap(e, "the recorded way back");
    }
    if (n.op == OP_STOP && !w->g->running) {
        return 0;
    }
    if (!w->asked) {
        r = ask(w, q, &n, e);
        w->asked = true;
    }
    if (r == 0 && w->changed) {
        r = against_now(w, &n, &text, e);
    }
    return r < 0 ? r
                 : draft_node_request(w->d, PHASE_EXECUTE, js_str_or(q, "node", ""),
                                      w->changed ? buf_str(&text) : recorded, e);
}

static void say_changed(struct way *w, const char *label) {
    draft_affect(w->d, &(struct affect){.resource = label,
                                        .name = w->g->name,
                                        .node = w->g->node,
                                        .effect = "changed",
                                        .severity = RISK_MEDIUM,
                                        .running = w->g->running,
                                        .via = "configuration",
                                        .why = "its configuration was changed since the command: "
                                               "only the volumes go back, the configuration stays "
                                               "as it is now"});
    draft_need(w->d, NEED_OPERATOR,
               "the container's configuration was changed since: the requests are new, and no "
               "approval of the operation covers them");
}

int undo_node_snapshot(struct draft *d, const struct undone *u, struct err *e) {
    struct guest_ref g;
    struct way w = {.d = d, .g = &g};
    char label[24];
    const js *q;
    int r = plan_guest(d, u->args, &g, NULL, e);

    if (r == 0 && strcmp(g.node, js_str_or(u->target, "node", "")) != 0) {
        (void)err_tag(e, -ESTALE, "undo_gone", "container %u moved to node %s since", g.vmid,
                      g.node);
        return err_hint(e, "the snapshot is on node %.60s", js_str_or(u->target, "node", ""));
    }
    for (size_t i = 0; r == 0 && (q = undone_request(u, "undo", i)); i++) {
        r = step(&w, q, e);
    }
    if (r < 0) {
        return r;
    }
    guest_label(&g, label, sizeof(label));
    if (w.changed) {
        say_changed(&w, label);
    }
    r = undo_since(d, u, &g, e);
    if (r < 0) {
        return r;
    }
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
