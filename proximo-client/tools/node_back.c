/* SPDX-License-Identifier: Apache-2.0 */
/* Which guests a bulk call reaches is computed when it is planned, by PVE's own rules, and rests on
 * preconditions: of a node's guests, templates left out, those that a list names, or without a list
 * those that HA does not manage; startall takes those with onboot alone, unless it is forced. So
 * the way back is the opposite call with the list of them, and no guest that was so before is
 * touched. */
#include "proximo-client/tools/node_back.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"

struct reach {
    struct draft *d;
    const js *args;
    const char *does; /* startall, stopall, suspendall, migrateall */
    const js *ha;     /* resources */
    struct buf vms;   /* of those that are reached */
};

static void reach_done(struct reach *x) {
    buf_done(&x->vms);
}

static bool is_listed(const js *vms, int64_t vmid) {
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld", (long long)vmid);
    for (size_t i = 0; i < js_len(vms); i++) {
        if (strcmp(value_text(js_at(vms, i)), text) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_managed(const struct reach *x, const js *g) {
    char sid[32];

    (void)snprintf(sid, sizeof(sid), "%s:%lld",
                   strcmp(js_str_or(g, "type", ""), "lxc") == 0 ? "ct" : "vm",
                   (long long)js_int_or(g, "vmid", 0));
    for (size_t i = 0; i < js_len(x->ha); i++) {
        const js *o = js_at(x->ha, i);

        if (strcmp(js_str_or(o, "sid", ""), sid) == 0) {
            return strcmp(js_str_or(o, "state", "started"), "ignored") != 0;
        }
    }
    return false;
}

/* 1, 0, or negative when it cannot be read. */
static int has_onboot(const struct reach *x, const js *g, struct err *e) {
    char path[160];
    js *config = NULL;
    int r;

    (void)snprintf(path, sizeof(path), "/nodes/%.63s/%.7s/%lld/config", js_str_or(g, "node", ""),
                   js_str_or(g, "type", ""), (long long)js_int_or(g, "vmid", 0));
    r = draft_read(x->d, path, "config", &config, e);
    return r < 0 ? r : js_bool_or(config, "onboot", false);
}

static int is_reached(const struct reach *x, const js *g, struct err *e) {
    const js *vms = js_get(x->args, "vms");
    bool runs = strcmp(js_str_or(g, "status", ""), "running") == 0;
    bool start = strcmp(x->does, "startall") == 0, moves = strcmp(x->does, "migrateall") == 0;

    if (strcmp(js_str_or(g, "node", ""), js_str_or(x->args, "node", "")) != 0 ||
        (vms && !is_listed(vms, js_int_or(g, "vmid", 0)))) {
        return 0;
    }
    if (moves) {
        return 1;
    }
    if (js_bool_or(g, "template", false) || (!vms && is_managed(x, g)) || runs == start ||
        (strcmp(x->does, "suspendall") == 0 && strcmp(js_str_or(g, "type", ""), "qemu") != 0)) {
        return 0;
    }
    return start && !js_bool_or(x->args, "force", false) ? has_onboot(x, g, e) : 1;
}

static int find_all(struct reach *x, struct err *e) {
    js *guests = NULL;
    js *ha = NULL;
    int r = draft_read(x->d, "/cluster/resources?type=vm", "guests", &guests, e);

    r = r < 0 ? r : draft_read(x->d, "/cluster/ha/resources", "whole", &ha, e);
    x->ha = ha;
    for (size_t i = 0; r >= 0 && i < js_len(guests); i++) {
        r = is_reached(x, js_at(guests, i), e);
        if (r > 0) {
            (void)buf_addf(&x->vms, "%s%lld", x->vms.len ? "," : "",
                           (long long)js_int_or(js_at(guests, i), "vmid", 0));
        }
    }
    return r < 0 ? r : 0;
}

static void take(const js *args, const char *key, js *form) {
    if (js_get(args, key)) {
        js_add(form, key, js_copy(js_get(args, key)));
    }
}

/* What cannot be read is no reason not to plan: the plan then has no way back, and says why. */
static bool is_known(struct reach *x) {
    struct err why = {0};
    char text[400];

    if (find_all(x, &why) < 0) {
        (void)snprintf(text, sizeof(text), "which guests it reaches is not known: %.300s", why.msg);
    } else if (!x->vms.len) {
        (void)snprintf(text, sizeof(text), "it reaches no guest as they are now");
    } else {
        return true;
    }
    draft_undo(x->d, "none", text, "");
    return false;
}

/* startall without force leaves out what has no onboot, listed or not. */
int node_all_back(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(reach_done)
    struct reach x = {.d = d, .args = a->args, .vms = BUF_INIT(LIM_CONF)};
    bool start = strcmp(a->row->name, "pve_node_startall") == 0;
    char path[120], text[160];
    js *form;

    (void)e;
    x.does = strrchr(a->row->send->path, '/') + 1;
    if (is_known(&x)) {
        form = js_object();
        js_add(form, "vms", js_str(buf_str(&x.vms)));
        if (!start) {
            js_add(form, "force", js_bool(true));
        }
        take(a->args, "max-workers", form);
        (void)snprintf(path, sizeof(path), "/nodes/%.63s/%s", js_str_or(a->args, "node", ""),
                       start ? "stopall" : "startall");
        draft_request(d, PHASE_UNDO, "POST", path, form, NULL);
        (void)snprintf(text, sizeof(text), "exactly the guests that it %s are %s again",
                       start ? "starts" : "stops", start ? "shut down" : "started");
        draft_undo(d, "inverse", text, a->row->send->limits);
    }
    return 0;
}

int node_migrate_back(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(reach_done)
    struct reach x = {.d = d, .args = a->args, .does = "migrateall", .vms = BUF_INIT(LIM_CONF)};
    char path[120];
    js *form;

    (void)e;
    if (is_known(&x)) {
        form = js_object();
        js_add(form, "target", js_str(js_str_or(a->args, "node", "")));
        js_add(form, "vms", js_str(buf_str(&x.vms)));
        take(a->args, "max-workers", form);
        take(a->args, "with-local-disks", form);
        (void)snprintf(path, sizeof(path), "/nodes/%.63s/migrateall",
                       js_str_or(a->args, "target", ""));
        draft_request(d, PHASE_UNDO, "POST", path, form, NULL);
        draft_undo(d, "inverse", "the guests that are on the node now are migrated back to it",
                   a->row->send->limits);
    }
    return 0;
}
