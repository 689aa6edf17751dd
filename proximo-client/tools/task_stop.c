/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping a task that runs. PVE kills its worker: what that had done by then stays as it is. */
#include <errno.h>
#include <string.h>

#include "common/ident.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/plans.h"

#define STOP_WAIT_MS 15000

/* Tasks that remove their half-made result when they are stopped. */
static bool cleans_up(const char *type) {
    static const char *const types[] = {"vzdump", "download", "imgcopy", "aptupdate"};

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (strcmp(types[i], type) == 0) {
            return true;
        }
    }
    return false;
}

static void affect(struct draft *d, const js *status, const char *node) {
    CLEANUP(js_freep) js *args = js_object();
    const char *id = js_str_or(status, "id", "");
    struct guest_ref g = {0};
    char label[24] = "task";
    uint32_t vmid;

    if (ident_u32(id, &vmid) == 0 && vmid >= VMID_MIN) {
        js_add(args, "vmid", js_int(vmid));
        if (resolve_guest(draft_session(d), args, &g, NULL) == 0) {
            guest_label(&g, label, sizeof(label));
        }
    }
    draft_affect(d, &(struct affect){.resource = label,
                                     .name = g.vmid ? g.name : NULL,
                                     .node = node,
                                     .effect = "interrupted",
                                     .severity = RISK_MEDIUM,
                                     .running = g.running,
                                     .via = js_get_str(status, "type"),
                                     .why = "the task that works on it is killed half-way"});
}

int plan_task_stop(struct draft *d, const js *args, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(1024);
    CLEANUP(buf_done) struct buf status_path = BUF_INIT(1024);
    CLEANUP(js_freep) js *names = js_copy(args);
    const char *upid = js_str_or(args, "upid", "");
    const char *type;
    js *status = NULL;
    char node[64];
    int r = ident_upid_node(upid, node, sizeof(node));

    if (r < 0) {
        return err_tag(e, r, "bad_argument", "not a task identifier");
    }
    js_add(names, "node", js_str(node));
    r = pve_path("/nodes/{node}/tasks/{upid}", names, &path, e);
    if (r == 0) {
        r = pve_path("/nodes/{node}/tasks/{upid}/status", names, &status_path, e);
    }
    if (r == 0) {
        r = draft_read(d, buf_str(&status_path), "task", &status, e);
    }
    if (r < 0) {
        return r;
    }
    type = js_str_or(status, "type", "");
    if (strcmp(js_str_or(status, "status", ""), "running") != 0) {
        (void)err_tag(e, -EALREADY, "no_change", "the task has ended: %.100s",
                      js_str_or(status, "exitstatus", ""));
        return err_hint(e, "pve_task_log shows what it did");
    }
    draft_change(d, "stop task %s %s on node %s", type, js_str_or(status, "id", ""), node);
    draft_target(d, "task", upid, node);
    draft_current(d, "status", js_str("running"));
    draft_current(d, "started", js_int(js_int_or(status, "starttime", 0)));
    draft_request(d, PHASE_EXECUTE, "DELETE", buf_str(&path), NULL, NULL);
    affect(d, status, node);
    draft_risk(d, cleans_up(type) ? RISK_LOW : RISK_MEDIUM,
               cleans_up(type) ? "a %s task removes what it had half made"
                               : "what a %s task had done by then stays half done",
               type);
    draft_undo(d, "none", "a stopped task does not go on; start the operation anew", "");
    return 0;
}

int check_task_stop(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                    struct err *e) {
    struct pve_task t = {0};
    int r = pve_task_wait(s->pve, js_str_or(args, "upid", ""), STOP_WAIT_MS, NULL, NULL, &t, e);

    return r < 0 ? r
                 : check_done(t.stopped, ret_ok, ret_text, "the task %s",
                              t.stopped ? t.exit : "still runs");
}
