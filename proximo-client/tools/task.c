/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about tasks. A task has succeeded when its exit status is OK and in no other case; warnings
 * are their own outcome, and a task that still runs is never called done. */
#include <errno.h>
#include <string.h>

#include "common/ident.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/plans.h"
#include "proximo-client/tools/rows.h"
#include "proximo-client/tools/task.h"

#define LOG_LINES 100

static const struct field list_fields[] = {
    {"node", F_NODE, "default: recent tasks of all nodes"},
    {"vmid", F_VMID, NULL},
    {"errors", F_BOOL, "only failed ones (with node)"},
    {"since", F_INT, "Unix seconds (with node)", .min = 0, .max = INT32_MAX},
    {"until", F_INT, "Unix seconds (with node)", .min = 0, .max = INT32_MAX},
    {"typefilter", F_STR, "e.g. vzdump (with node)", .max = 64},
    {"limit", F_INT, "most items, default 50", .min = 1, .max = 1000},
    {"start", F_INT, "items to skip", .min = 0, .max = 10000000},
    {NULL},
};
static const struct field upid_fields[] = {{"upid", F_UPID, NULL, true}, {NULL}};
static const struct field log_fields[] = {
    {"upid", F_UPID, NULL, true},
    {"limit", F_INT, "last lines, default 100", .min = 1, .max = 5000},
    {NULL},
};
static const struct field wait_fields[] = {
    {"upid", F_UPID, NULL, true},
    {"timeout", F_INT, "seconds, default 45", .min = 1, .max = 45},
    {NULL},
};

static js *task_item(const js *item) {
    js *o = answer_pick(item, "upid node type id user tokenid starttime endtime status");

    if (!js_get(o, "endtime")) {
        js_add(o, "running", js_bool(true));
    }
    return o;
}

static int cluster_tasks(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *list = NULL;
    CLEANUP(js_freep) js *kept = js_array();
    CLEANUP(js_freep) js *page = answer_pick(args, "limit start");
    int64_t vmid = js_int_or(args, "vmid", 0);
    int r = pve_get(s->pve, "/cluster/tasks", &list, e);

    r = r < 0 ? r : need_rows("the tasks", list, e);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        if (!vmid || js_int_or(js_at(list, i), "id", 0) == vmid) {
            js_push(kept, js_ref(js_at(list, i)));
        }
    }
    if (!js_get(page, "limit")) {
        js_add(page, "limit", js_int(50));
    }
    *ret = answer_list(kept, page, task_item);
    js_add(*ret, "note",
           js_str("the cluster's list holds recent tasks only; name a node for its "
                  "whole history"));
    answer_partial(s, *ret, "/nodes", "Sys.Audit");
    return 0;
}

/* The node pages by itself and says how many there are. */
static int node_tasks(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *body = NULL;
    CLEANUP(js_freep)
    js *query = answer_pick(args, "vmid errors since until typefilter limit start");
    CLEANUP(js_freep) js *window = js_object();
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    int64_t start = js_int_or(args, "start", 0), total, shown;
    char acl[80];
    int r = pve_path("/nodes/{node}/tasks", args, &path, e);

    if (!js_get(query, "limit")) {
        js_add(query, "limit", js_int(50));
    }
    js_add(query, "source", js_str("all"));
    if (r == 0) {
        r = pve_query(query, &path, e);
    }
    if (r == 0) {
        r = pve_get_body(s->pve, buf_str(&path), &body, e);
    }
    r = r < 0 ? r : need_rows("the tasks", js_get(body, "data"), e);
    if (r < 0) {
        return r;
    }
    *ret = answer_list(js_get(body, "data"), window, task_item);
    shown = js_int_or(*ret, "returned", 0);
    total = js_int_or(body, "total", start + (int64_t)js_len(js_get(body, "data")));
    js_add(*ret, "total", js_int(total));
    js_add(*ret, "truncated", js_bool(start + shown < total));
    json_object_object_del(*ret, "next_start");
    if (start + shown < total) {
        js_add(*ret, "next_start", js_int(start + shown));
    }
    (void)snprintf(acl, sizeof(acl), "/nodes/%s", js_str_or(args, "node", ""));
    answer_partial(s, *ret, acl, "Sys.Audit");
    return 0;
}

static int list_read(struct session *s, const js *args, js **ret, struct err *e) {
    static const char *const node_only[] = {"errors", "since", "until", "typefilter"};
    const char *node = js_get_str(args, "node");
    int r;

    if (node) {
        r = check_node(s, node, e);
        return r < 0 ? r : node_tasks(s, args, ret, e);
    }
    for (size_t i = 0; i < ARRAY_LEN(node_only); i++) {
        if (js_get(args, node_only[i])) {
            return err_tag(e, -EINVAL, "bad_argument", "%s needs node", node_only[i]);
        }
    }
    return cluster_tasks(s, args, ret, e);
}

static js *task_answer(const char *upid, const struct pve_task *t) {
    js *o = js_object();

    js_add(o, "upid", js_str(upid));
    js_add(o, "node", js_str(t->node));
    js_add(o, "type", js_str(t->type));
    js_add(o, "id", js_str(t->id));
    js_add(o, "status", js_str(t->stopped ? "stopped" : "running"));
    js_add(o, "succeeded", js_bool(t->stopped && t->ok));
    if (t->stopped) {
        js_add(o, "warnings", js_bool(t->warnings));
        js_add(o, "exitstatus", js_str(t->exit));
    }
    return o;
}

int task_status_read(struct session *s, const js *args, js **ret, struct err *e) {
    const char *upid = js_str_or(args, "upid", "");
    struct pve_task t = {0};
    int r = pve_task_status(s->pve, upid, &t, e);

    if (r == 0) {
        *ret = task_answer(upid, &t);
    }
    return r;
}

/* The last lines, newest kept when they are too much. */
int task_log_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *lines = NULL;
    int64_t limit = js_int_or(args, "limit", LOG_LINES);
    size_t budget = js_get(args, "limit") ? ANSWER_BYTES_MAX : ANSWER_BYTES, used = 0, first;
    js *kept;
    int r = pve_task_log(s->pve, js_str_or(args, "upid", ""), (unsigned int)limit, &lines, e);

    if (r < 0) {
        return r;
    }
    for (first = js_len(lines); first > 0; first--) {
        used += (size_t)json_object_get_string_len(js_at(lines, first - 1)) + 8;
        if (used > budget) {
            break;
        }
    }
    kept = js_array();
    for (size_t i = first; i < js_len(lines); i++) {
        js_push(kept, js_ref(js_at(lines, i)));
    }
    *ret = js_object();
    js_add(*ret, "upid", js_str(js_str_or(args, "upid", "")));
    js_add(*ret, "returned", js_int((int64_t)js_len(kept)));
    /* as many as asked for: there may be earlier ones */
    js_add(*ret, "truncated", js_bool(first > 0 || (int64_t)js_len(lines) >= limit));
    js_add(*ret, "lines", kept);
    return 0;
}

static void wait_tick(void *ctx, const struct pve_task *t, int64_t waited_ms) {
    session_progress(ctx, (double)waited_ms / 1000, 0, "task %s %s runs", t->type, t->id);
}

int task_wait_read(struct session *s, const js *args, js **ret, struct err *e) {
    const char *upid = js_str_or(args, "upid", "");
    int64_t timeout_s = js_int_or(args, "timeout", 45);
    struct pve_task t = {0};
    int r = pve_task_wait(s->pve, upid, timeout_s * 1000, wait_tick, s, &t, e);

    if (r < 0) {
        return r;
    }
    *ret = task_answer(upid, &t);
    if (!t.stopped) {
        js_add(*ret, "next", js_str("it still runs: wait for it again"));
    }
    return 0;
}

const struct row task_rows[] = {
    {"pve_tasks_list", "List tasks",
     "Lists recent tasks of the cluster, or a node's whole task history. Changes nothing.", "task",
     EFFECT_READ, ROW_DIRECT | ROW_IDEMPOTENT, list_fields, .read = list_read,
     .privilege = "/nodes Sys.Audit", .result = LIST_RESULT " partial?:object"},
    {"pve_task_status", "Task status",
     "Shows whether a task runs, succeeded, warned or failed. Changes nothing.", "task",
     EFFECT_READ, ROW_DIRECT | ROW_IDEMPOTENT, upid_fields, .read = task_status_read,
     .privilege = "", .result = TASK_RESULT},
    {"pve_task_log", "Task log",
     "Shows the last lines of a task's log; may hold text a guest wrote. Changes nothing.", "task",
     EFFECT_READ, ROW_DIRECT | ROW_IDEMPOTENT | ROW_GUEST_TEXT, log_fields, .read = task_log_read,
     .privilege = "/nodes/{node} Sys.Audit (for tasks of others)",
     .result = "upid:string returned:integer truncated:boolean lines:array"},
    {"pve_task_wait", "Wait for a task",
     "Waits up to 45 s for a task to end and says how it ended. Changes nothing.", "task",
     EFFECT_READ, ROW_DIRECT | ROW_IDEMPOTENT, wait_fields, .read = task_wait_read, .privilege = "",
     .result = TASK_RESULT},
    {"pve_task_stop", "Stop a task",
     "Kills a running task; what it had done by then stays, so a guest may be left half made. "
     "Returns a plan.",
     "task", EFFECT_CHANGE, 0, upid_fields, .plan = plan_task_stop, .check = check_task_stop,
     .analysers = "task", .undo = "none",
     .undo_none = "a stopped task does not go on; start the operation anew",
     .privilege = "/nodes/{node} Sys.Modify (for tasks of others)", .result = PLAN_RESULT},
    {NULL},
};
