/* SPDX-License-Identifier: Apache-2.0 */
/* inverse: start against stop, create against delete. The present is looked at first: a guest that
 * already is where the undo would bring it needs none, and a new storage that guests use by now
 * does not go quietly. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/tools/plans.h"
#include "proximo-client/undo/kinds.h"

/* The guest as it is, on the node the recorded request names: one that moved needs a new plan. */
static int same_guest(struct draft *d, const struct undone *u, struct guest_ref *g, js **ret_status,
                      struct err *e) {
    int r = plan_guest(d, u->args, g, ret_status, e);

    if (r == 0 && strcmp(g->node, js_str_or(u->target, "node", "")) != 0) {
        (void)err_tag(e, -ESTALE, "undo_gone", "guest %u moved from node %.60s to %s", g->vmid,
                      js_str_or(u->target, "node", ""), g->node);
        r = err_hint(e, "make a new plan for where it is now");
    }
    return r;
}

static int power(struct draft *d, const struct undone *u, const js *q, struct err *e) {
    const char *path = js_str_or(q, "path", ""), *action = strrchr(path, '/') + 1;
    bool starts = strcmp(action, "start") == 0;
    struct guest_ref g;
    js *form;
    int r = same_guest(d, u, &g, NULL, e);

    if (r < 0) {
        return r;
    }
    if (g.running == starts) {
        return err_tag(e, -EALREADY, "no_change", "guest %u is already %s", g.vmid,
                       starts ? "running" : "stopped");
    }
    undone_copy_request(d, q);
    form = js_object();
    if (starts) {
        js_add(form, "forceStop", js_bool(true));
        js_add(form, "timeout", js_int(60));
    }
    draft_undo(d, "inverse", starts ? "the guest is shut down again" : "the guest is started again",
               "what ran inside is not brought back");
    r = plan_guest_request(d, PHASE_UNDO, &g, "POST", starts ? "/status/shutdown" : "/status/start",
                           form, false, e);
    return r < 0 ? r : assess_power(d, &g, action, e);
}

static int snapshot(struct draft *d, const struct undone *u, const js *q, struct err *e) {
    const char *name = strrchr(js_str_or(q, "path", ""), '/') + 1;
    js *list = NULL;
    struct guest_ref g;
    bool there = false;
    char label[24];
    int r = same_guest(d, u, &g, NULL, e);

    if (r == 0) {
        r = plan_guest_read(d, &g, "/snapshot", "snapshots", &list, e);
    }
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        there |= strcmp(js_str_or(js_at(list, i), "name", ""), name) == 0;
    }
    if (!there) {
        return err_tag(e, -EALREADY, "no_change", "snapshot %.40s is already gone", name);
    }
    undone_copy_request(d, q);
    draft_undo(d, "none", "a deleted snapshot cannot be brought back", "");
    guest_label(&g, label, sizeof(label));
    draft_affect(d, &(struct affect){.resource = label,
                                     .name = g.name,
                                     .node = g.node,
                                     .effect = "loses-undo",
                                     .severity = RISK_LOW,
                                     .running = g.running,
                                     .via = name,
                                     .why = "the state saved with this snapshot is gone"});
    return 0;
}

static int storage(struct draft *d, const struct undone *u, const js *q, struct err *e) {
    const char *path = js_str_or(q, "path", ""), *id = js_str_or(u->target, "id", "");
    js *now = NULL, *again;
    int r = draft_read(d, path, "storage", &now, e);

    if (r < 0) {
        return err_wrap(e, "the storage to be removed cannot be read");
    }
    again = js_copy(now);
    json_object_object_del(again, "digest");
    undone_copy_request(d, q);
    draft_request(d, PHASE_UNDO, "POST", "/storage", again, NULL);
    draft_undo(d, "restore-object", "the definition is made again from the recorded object", "");
    return assess_storage(d, id, NULL, NULL, true, e);
}

int undo_inverse(struct draft *d, const struct undone *u, struct err *e) {
    const js *q = undone_request(u, "undo", 0);
    const char *path = js_str_or(q, "path", ""), *method = js_str_or(q, "method", "");

    if (strstr(path, "/status/") && strcmp(method, "POST") == 0) {
        return power(d, u, q, e);
    }
    if (strstr(path, "/snapshot/") && strcmp(method, "DELETE") == 0) {
        return snapshot(d, u, q, e);
    }
    if (strncmp(path, "/storage/", 9) == 0 && strcmp(method, "DELETE") == 0) {
        return storage(d, u, q, e);
    }
    return err_tag(e, -ENOTSUP, "undo_none",
                   "this version has no inverse of what the plan recorded");
}
