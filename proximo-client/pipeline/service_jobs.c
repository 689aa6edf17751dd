/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs as tools: where an operation stands, and stopping it. Stopping a task is a change like any
 * other: it is planned, recorded and approved before anything is sent. */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/nodes/act.h"
#include "proximo-client/pipeline/job.h"
#include "proximo-client/pipeline/ops.h"
#include "proximo-client/pipeline/plan.h"
#include "proximo-client/pipeline/planner.h"
#include "proximo-client/pipeline/service_int.h"

#define JOB_NEEDS (APP_PVE | APP_LEDGER | APP_NODES)

int meta_job(struct app *a, const struct call *c, js **ret, struct err *e) {
    struct session s;
    int r = service_session(a, c, c->args, JOB_NEEDS, &s, e);

    if (r == 0) {
        r = job_status(&s, js_str_or(c->args, "op_id", ""), js_int_or(c->args, "wait", 0) * 1000,
                       js_int_or(c->args, "log", 0), ret, e);
    }
    if (r == 0) {
        service_taint_after(&s, *ret);
    }
    return r;
}

/* Commands on nodes are stopped by their node: it kills what is still its own and says so in the
 * receipt. 1: some were told, 0: the operation has none. */
static int cancel_commands(struct session *s, const struct op *op, const char *op_id, js **ret,
                           struct err *e) {
    CLEANUP(plan_done) struct plan p = {0};
    bool told = false;
    int r = plan_load_digest(s->ledger, &op->plan, UINT64_MAX, &p, e);

    for (size_t i = 0; r == 0; i++) {
        const js *q = plan_request(&p, "execute", i, NULL);
        struct hash h;

        if (!q) {
            break;
        }
        if (js_get_str(q, "request") && hash_parse(js_str_or(q, "digest", ""), &h) == 0) {
            r = node_cancel(s->nodes, js_str_or(q, "node", ""), &h, e);
            told = true;
        }
    }
    if (r < 0 || !told) {
        return r;
    }
    *ret = js_object();
    js_add(*ret, "op_id", js_str(op_id));
    js_add(*ret, "status", js_str("told"));
    js_addf(*ret, "next", "proximo_job with op_id %s tells how it ended", op_id);
    return 1;
}

int meta_job_cancel(struct app *a, const struct call *c, js **ret, struct err *e) {
    CLEANUP(js_freep) js *args = js_object();
    CLEANUP(js_freep) js *plan = NULL;
    CLEANUP(op_done) struct op op = {0};
    CLEANUP(freep) char *upid = NULL;
    const char *op_id = js_str_or(c->args, "op_id", "");
    struct session s;
    int r = service_session(a, c, c->args, JOB_NEEDS, &s, e);

    r = r < 0 ? r : ops_find(s.ledger, op_id, &op, e);
    r = r < 0 ? r : cancel_commands(&s, &op, op_id, ret, e);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    r = job_running_task(&s, &op, &upid, e);
    if (r < 0) {
        return r;
    }
    js_add(args, "upid", js_str(upid));
    r = planner_plan(&s, "pve_task_stop", args, &plan, e);
    return r < 0 ? r : service_apply_or_plan(&s, c, TAKE(plan), ret, e);
}
