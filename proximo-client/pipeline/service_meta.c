/* SPDX-License-Identifier: Apache-2.0 */
/* The smaller core tools. */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pipeline/ops.h"
#include "proximo-client/pipeline/plan.h"
#include "proximo-client/pipeline/service_int.h"
#include "proximo-client/pipeline/switches.h"

int meta_ops(struct app *a, const struct call *c, js **ret, struct err *e) {
    CLEANUP(js_freep) js *unresolved = NULL;
    js *list = NULL;
    struct session s;
    int r = service_session(a, c, c->args, APP_PVE | APP_LEDGER | APP_NODES, &s, e);

    if (r == 0) {
        r = ops_resolve(&s, &unresolved, e);
    }
    if (r == 0) {
        r = ops_list(&s, (size_t)js_int_or(c->args, "limit", 20), &list, e);
    }
    if (r < 0) {
        return r;
    }
    *ret = js_object();
    js_add(*ret, "returned", js_int((int64_t)js_len(list)));
    js_add(*ret, "operations", list);
    js_add(*ret, "unresolved", TAKE(unresolved));
    return 0;
}

int meta_plan_show(struct app *a, const struct call *c, js **ret, struct err *e) {
    CLEANUP(plan_done) struct plan p = {0};
    struct ledger_plan st;
    struct session s;
    int r = service_session(a, c, c->args, APP_LEDGER_READ, &s, e);

    if (r == 0) {
        r = plan_load(s.ledger, js_str_or(c->args, "plan_id", ""), &p, e);
    }
    if (r == 0) {
        r = ledger_plan_state(s.ledger, &p.digest, &st, e);
    }
    if (r < 0) {
        return r;
    }
    *ret = plan_answer(&p);
    if (st.intent != UINT64_MAX) {
        char op[IDENT_ID_LEN + 1];

        ident_op_id(&st.intent_leaf, op);
        js_add(*ret, "status", js_str("spent"));
        js_add(*ret, "op_id", js_str(op));
    } else if (st.approval != UINT64_MAX) {
        js_add(*ret, "status", js_str("approved"));
    }
    if (st.intent == UINT64_MAX) {
        switches_say(a, s.cluster, p.v, *ret);
    }
    return 0;
}

static js *one_node(struct session *s, const struct node_info *info) {
    CLEANUP(js_freep) js *status = NULL;
    struct err e = {0};
    js *o = js_object();

    js_add(o, "node", js_str(info->name));
    js_add(o, "address", js_str(info->address));
    js_add(o, "trusted", js_bool(info->trusted));
    if (info->from[0]) {
        js_add(o, "learnt_from", js_str(info->from));
    }
    if (node_is_stranger(info)) { /* nothing is sent to it */
        js_add(o, "reachable", js_bool(false));
        js_add(o, "error", js_str("not trusted yet: proximo-client node trust NAME"));
        return o;
    }
    if (node_status(s->nodes, info->name, &status, &e) < 0) {
        js_add(o, "reachable", js_bool(false));
        js_add(o, "error", js_str(e.msg));
        return o;
    }
    js_add(o, "reachable", js_bool(true));
    js_add(o, "status", TAKE(status));
    return o;
}

int meta_nodes(struct app *a, const struct call *c, js **ret, struct err *e) {
    struct session s;
    js *list;
    int r = service_session(a, c, c->args, APP_NODES, &s, e);

    if (r < 0) {
        return r;
    }
    list = js_array();
    for (size_t i = 0; i < nodes_count(s.nodes); i++) {
        js_push(list, one_node(&s, nodes_at(s.nodes, i)));
    }
    *ret = js_object();
    js_add(*ret, "enrolled", js_int((int64_t)js_len(list)));
    js_add(*ret, "nodes", list);
    return 0;
}
