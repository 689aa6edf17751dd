/* SPDX-License-Identifier: Apache-2.0 */
/* revert-timer: while the node still watches, undoing is its own revert, now; it holds the copies
 * and asks for no way through what the change has cut. Afterwards the plan's other way back is the
 * way. Whether it still watches, and whether it has reverted, only the node can say. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/form.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/receipt.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/tools/on_node.h"
#include "proximo-client/undo/kinds.h"
#include "proximo-client/undo/undo.h"

#define RECEIPTS_LOOKED_AT 4096

const js *undo_timer_request(const js *plan) {
    const js *list = js_get(plan, "requests");

    for (size_t i = 0; i < js_len(list); i++) {
        CLEANUP(request_done) struct node_request q = {0};
        const js *one = js_at(list, i);
        const char *text = js_get_str(one, "request");

        if (text && strcmp(js_str_or(one, "phase", ""), "prepare") == 0 &&
            request_parse(text, strlen(text), &q, NULL) == 0 && q.op == OP_ARM) {
            return one;
        }
    }
    return NULL;
}

int undo_timer_end(struct draft *d, const js *armed, bool keep, struct err *e) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    CLEANUP(js_freep) js *answer = NULL;
    const char *arg[2] = {js_str_or(armed, "digest", ""), NULL};
    const struct node_info *n = NULL;
    struct session *s = draft_session(d);
    struct node_request q;
    int r = on_node_find(s, js_str_or(armed, "node", ""), &n, e);

    if (r < 0) {
        return r;
    }
    on_node_base(s, n, 0, keep ? OP_CONFIRM : OP_CANCEL, &q);
    q.arg = arg;
    q.n_args = 1;
    r = on_node_ask(s, &q, &text, &answer, e);
    if (r == 0 && !js_bool_or(answer, "allowed", false)) {
        (void)err_tag(e, -EACCES, "policy_denied", "node %.60s would refuse it: %.200s", n->name,
                      js_str_or(answer, "why", "its policy does not allow it"));
        return err_hint(e, "the timer reverts at its deadline");
    }
    return r < 0 ? r : draft_node_request(d, PHASE_EXECUTE, n->name, buf_str(&text), e);
}

int undo_timer_state(struct session *s, const js *armed, int64_t *ret_deadline, struct err *e) {
    CLEANUP(js_freep) js *status = NULL;
    const char *digest = js_str_or(armed, "digest", "");
    int r = node_status(s->nodes, js_str_or(armed, "node", ""), &status, e);
    const js *list = js_get(status, "timers");

    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        const char *line = json_object_get_string(js_at(list, i));
        size_t n = strlen(digest);
        const char *rest;
        uint64_t at;

        if (strncmp(line, digest, n) == 0 && line[n] == ' ' &&
            form_ordinal(line + n + 1, &at, &rest) == 0) {
            *ret_deadline = (int64_t)at;
            return 1;
        }
    }
    return r;
}

/* 1: the node's receipt says so; 0: there is none. */
static int has_reverted(struct session *s, const js *armed, struct err *e) {
    const char *node = js_str_or(armed, "node", "");
    const struct node_info *info = nodes_find(s->nodes, node);
    struct hash h;
    uint64_t after = 0;
    size_t n = 1;
    int r = info && hash_parse(js_str_or(armed, "digest", ""), &h) == 0 ? 0 : -ENOENT;

    while (r == 0 && n && after < RECEIPTS_LOOKED_AT) {
        CLEANUP(js_freep) js *list = NULL;

        r = node_receipts(s->nodes, node, after, &list, e);
        n = r < 0 ? 0 : js_len(list);
        for (size_t i = 0; i < n; i++) {
            struct receipt rc;

            if (node_receipt_open(info, json_object_get_string(js_at(list, i)), &rc, NULL) == 0) {
                after = rc.seq;
                if (rc.how == HOW_REVERTED && hash_eq(&rc.request, &h)) {
                    return 1;
                }
            } else {
                after++;
            }
        }
    }
    return r;
}

int undo_revert_timer(struct draft *d, const struct undone *u, struct err *e) {
    const js *armed = undo_timer_request(u->plan);
    const char *node = js_str_or(armed, "node", "");
    struct session *s = draft_session(d);
    int64_t deadline = 0;
    char label[80];
    int r = armed ? undo_timer_state(s, armed, &deadline, e)
                  : err_set(e, -EINVAL, "the plan holds no timer");

    if (r == 0) {
        r = has_reverted(s, armed, e);
        if (r > 0) {
            return err_tag(e, -EALREADY, "already_undone", "node %s has reverted it by itself",
                           node);
        }
        return r; /* it was confirmed: the plan's other way back */
    }
    if (r < 0) {
        return err_hint(e, "if nobody confirms, node %.60s reverts it by itself", node);
    }
    r = undo_timer_end(d, armed, false, e);
    draft_change(d, "undo, node %.60s reverts now: %.300s", node, js_str_or(u->plan, "change", ""));
    (void)snprintf(label, sizeof(label), "node/%.60s", node);
    draft_affect(d, &(struct affect){.resource = label,
                                     .node = node,
                                     .effect = "reverted",
                                     .severity = RISK_LOW,
                                     .why = "the files are as they were before the change again"});
    draft_undo(d, "none", "the operation can be planned again", "");
    return r < 0 ? r : 1;
}
