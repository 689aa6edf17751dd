/* SPDX-License-Identifier: Apache-2.0 */
/* Revert timers in plans: who arms one, and what the plan says about it. The arming is a planned
 * request of the phase prepare, so nothing that can lock its maker out is sent before a node has
 * said that it holds copies. What no daemon would do is said, and is then an operator's decision.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/firewall_int.h"
#include "proximo-client/tools/network_int.h"
#include "proximo-client/tools/on_node.h"

/* 1: the node would arm it, and the request is in the draft. 0: it would not. */
static int arm_on(struct draft *d, const struct node_info *n, unsigned int sets, uint32_t vmid,
                  uint32_t seconds, char ret_why[static 300], struct err *e) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    CLEANUP(js_freep) js *answer = NULL;
    struct session *s = draft_session(d);
    const char *arg[SET_COUNT + 1] = {NULL};
    struct node_request q;
    struct err why = {0};
    int r;

    on_node_base(s, n, vmid, OP_ARM, &q);
    for (unsigned int i = 0; i < SET_COUNT; i++) {
        if (sets & (1u << i)) {
            arg[q.n_args++] = request_set_name((enum request_set)i);
        }
    }
    q.arg = arg;
    q.timeout_s = seconds;
    r = on_node_ask(s, &q, &text, &answer, &why);
    if (r < 0 || !js_bool_or(answer, "allowed", false)) {
        (void)snprintf(ret_why, 300, "node %.60s: %.200s", n->name,
                       r < 0 ? why.msg : js_str_or(answer, "why", "its policy does not allow it"));
        return 0;
    }
    on_node_need(d, answer);
    r = draft_node_request(d, PHASE_PREPARE, n->name, buf_str(&text), e);
    return r < 0 ? r : 1;
}

/* Puts the arming of a revert timer over these sets (bits) before the change and says so in the
 * draft's undo, which must have been said. node: whose daemon; NULL: any, the files are the
 * cluster's. 1: it is there; 0: no daemon would, and why. */
static int plan_revert(struct draft *d, const js *args, unsigned int sets, const char *node,
                       uint32_t vmid, char ret_why[static 300], struct err *e) {
    struct nodes *all = draft_session(d)->nodes;
    uint32_t seconds = (uint32_t)js_int_or(args, "revert", REVERT_DEFAULT_S);
    size_t n = all ? nodes_count(all) : 0;
    int r = 0;

    (void)snprintf(ret_why, 300, "no node daemon is enrolled%s%.60s", node ? " on " : "",
                   node ? node : "");
    if (draft_steps(d)) {
        /* the first change that a node sees is the one it takes back; a second would be foreign */
        (void)snprintf(ret_why, 300, "a timer watches over one change, not over several steps");
        return 0;
    }
    for (size_t i = 0; r == 0 && i < n; i++) {
        const struct node_info *info = nodes_at(all, i);

        if (!node || strcmp(info->name, node) == 0) {
            r = info->trusted ? arm_on(d, info, sets, vmid, seconds, ret_why, e) : 0;
            if (!info->trusted) {
                (void)snprintf(ret_why, 300, "node %.60s is not trusted", info->name);
            }
        }
    }
    if (r > 0) {
        draft_undo_timer(d, seconds, sets & (1u << SET_NETWORK));
    }
    return r;
}

/* An explicit wish is not passed over in silence. */
static int not_had(struct draft *d, const js *args, const char *why, struct err *e) {
    char text[400];

    if (js_get(args, "revert")) {
        (void)err_tag(e, -ENOTSUP, "no_timer", "no revert timer can be had: %.250s", why);
        return err_hint(e, "on the node: [rule] with do = revert; or leave revert out, then an "
                           "operator decides");
    }
    (void)snprintf(text, sizeof(text), "it can lock you out, and no timer reverts it: %.250s", why);
    draft_need(d, NEED_OPERATOR, text);
    return 0;
}

/* What locks us out has a timer, or an operator decides; what others can no longer reach (a guest's
 * services) has one where it is asked for. */
int revert_firewall(struct draft *d, const struct assess *a, struct err *e) {
    const char *path = a->path;
    const char *node = js_get_str(a->args, "node");
    unsigned int sets = 1u << SET_FW_CLUSTER;
    uint32_t vmid = 0;
    char why[300];
    int r;

    if (!draft_has_effect(d, "lockout") &&
        !(js_get(a->args, "revert") && draft_has_effect(d, "unreachable"))) {
        if (!js_get(a->args, "revert")) {
            return 0;
        }
        (void)err_tag(e, -EINVAL, "bad_argument", "nothing becomes unreachable by this change");
        return err_hint(e, "leave revert out: the plan has a way back of its own");
    }
    if (a->guest) {
        sets = 1u << SET_FW_GUEST;
        vmid = a->guest->vmid;
        node = NULL;
    } else if (strncmp(path, "/nodes/", 7) == 0) {
        sets = 1u << SET_FW_NODE;
    } else {
        node = NULL;
    }
    r = plan_revert(d, a->args, sets, node, vmid, why, e);
    return r == 0 ? not_had(d, a->args, why, e) : r < 0 ? r : 0;
}

int revert_network(struct draft *d, const struct assess *a, struct err *e) {
    char why[300];
    int r = plan_revert(d, a->args, 1u << SET_NETWORK, js_str_or(a->args, "node", ""), 0, why, e);

    return r == 0 ? not_had(d, a->args, why, e) : r < 0 ? r : 0;
}
