/* SPDX-License-Identifier: Apache-2.0 */
/* A node reboots, shuts down or wakes, and what becomes of its guests: those with onboot start with
 * it; HA leaves its own where they are for a reboot and starts them elsewhere after a shutdown (the
 * policy "conditional"; the manager does that). Also all guests of a node at once. */
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/ha.h"
#include "proximo-client/sim/routes.h"

static void set_running(struct sim *s, const struct guest *g, bool runs) {
    state_set(&s->st, js_int(runs), "guests", g->key, "running", NULL);
    if (runs) {
        state_set(&s->st, js_int(sim_now(s)), "guests", g->key, "started", NULL);
    }
}

static bool starts_with_node(const struct guest *g) {
    return guest_conf(g, "onboot") && strcmp(guest_conf(g, "onboot"), "1") == 0;
}

struct going {
    struct sim *s;
    const char *node;
    bool is_back;
};

/* A real container behind a guest is left alone: it has no node to go with. */
static void goes(void *ctx, const struct guest *g) {
    struct going *w = ctx;
    const char *state = "";

    if (strcmp(g->node, w->node) != 0 || backing_name(g)) {
        return;
    }
    if (!guest_running(w->s, g)) { /* what was off before the boot is started by it, too */
        if (w->is_back && starts_with_node(g) && !ha_managed(w->s, g, &state) &&
            !guest_conf(g, "template")) {
            set_running(w->s, g, true);
        }
        return;
    }
    if (w->is_back && ha_managed(w->s, g, &state) && strcmp(state, "started") == 0) {
        return; /* frozen while the node restarts */
    }
    set_running(w->s, g, w->is_back && starts_with_node(g));
}

int route_node_power(struct call *c) {
    struct going w = {.s = c->s, .node = call_str(c, "node")};
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    w.is_back = strcmp(call_str(c, "command"), "reboot") == 0;
    guest_each(c->s, goes, &w);
    if (w.is_back) {
        state_set(&c->s->st, js_int(sim_now(c->s)), "nodes", w.node, "booted", NULL);
    } else {
        state_set(&c->s->st, js_int(0), "nodes", w.node, "online", NULL);
    }
    ha_changed(c->s);
    sim_tick(c->s);
    return 0;
}

/* What HA looks after it starts itself. */
static void wakes(void *ctx, const struct guest *g) {
    struct going *w = ctx;
    const char *state = "";

    if (strcmp(g->node, w->node) == 0 && !backing_name(g) && starts_with_node(g) &&
        !ha_managed(w->s, g, &state)) {
        set_running(w->s, g, true);
    }
}

static void wake(struct sim *s, const char *node) {
    struct going w = {.s = s, .node = node};

    state_set(&s->st, js_int(1), "nodes", node, "online", NULL);
    state_set(&s->st, js_int(sim_now(s)), "nodes", node, "booted", NULL);
    guest_each(s, wakes, &w);
}

int route_node_wake(struct call *c) {
    const char *mac;
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    mac = js_str_or(js_get(n, "config"), "wakeonlan", "02:00:00:00:00:01");
    if (!js_bool_or(n, "online", true)) {
        wake(c->s, call_str(c, "node"));
    }
    c->data = js_str(mac);
    ha_changed(c->s);
    sim_tick(c->s);
    return 0;
}

/* Beside the API, as the real one has no call for it: a power cut, the power back, and the
 * maintenance that `ha-manager crm-command` asks for on a node. */
int route_sim_node(struct call *c) {
    const char *node = call_str(c, "node"), *state = call_str(c, "state");
    struct going w = {.s = c->s, .node = node};
    js *n = state_get(&c->s->st, "nodes", node, NULL);

    if (!auth_is_admin(c)) {
        return call_fail(c, 403, "Permission check failed (/, Sys.Modify)");
    }
    if (!n) {
        return call_fail(c, 500, "no such cluster node '%s'", node);
    }
    if (strcmp(state, "down") == 0) {
        guest_each(c->s, goes, &w);
        state_set(&c->s->st, js_int(0), "nodes", node, "online", NULL);
    } else if (!js_bool_or(n, "online", true)) {
        wake(c->s, node);
    }
    if (strcmp(state, "maintenance") == 0) {
        state_set(&c->s->st, js_int(1), "nodes", node, "maintenance", NULL);
    } else if (js_get(n, "maintenance")) {
        state_del(&c->s->st, "nodes", node, "maintenance", NULL);
    }
    ha_changed(c->s);
    sim_tick(c->s);
    return 0;
}

/* ---- all guests of a node ---- */

struct bulk {
    struct sim_task *t;
    const char *does, *vms;
    bool force;
};

static void one_of_all(void *ctx, const struct guest *g) {
    struct bulk *b = ctx;
    struct sim *s = b->t->s;
    const char *state = NULL;
    bool start = strcmp(b->does, "startall") == 0, suspend = strcmp(b->does, "suspendall") == 0;

    if (strcmp(g->node, b->t->node) != 0 || backing_name(g) ||
        (*b->vms && !list_has(b->vms, g->key)) || guest_running(s, g) == start ||
        js_bool_or(g->obj, "template", false) || (suspend && g->lxc) ||
        (!*b->vms && ha_managed(s, g, &state))) {
        return;
    }
    if (start && !b->force && !starts_with_node(g)) {
        return;
    }
    if (!suspend && ha_managed(s, g, &state)) {
        ha_request(s, g, start ? "started" : "stopped");
    } else {
        set_running(s, g, start); /* from a saved state, too, which is not kept here */
    }
    task_log(b->t, "%s %s", b->does, g->key);
}

/* Each by a migration of its own; one that is refused stands in the log, and the rest goes on. */
static void one_moves(void *ctx, const struct guest *g) {
    struct bulk *b = ctx;
    struct sim_task *t = b->t;
    const char *state = NULL, *bad;
    char sid[32];
    struct service v;

    if (strcmp(g->node, t->node) != 0 || backing_name(g) ||
        (*b->vms && !list_has(b->vms, g->key))) {
        return;
    }
    guest_sid(g, sid, sizeof(sid));
    if (ha_managed(t->s, g, &state) && service_find(t->s, sid, &v)) {
        (void)ha_move(t->s, &v, "migrate", js_str_or(t->args, "target", ""), NULL, NULL);
        return;
    }
    t->vmid = g->vmid;
    bad = finish_migrate(t);
    t->vmid = 0;
    if (bad) {
        task_log(t, "%s: %s", g->key, bad);
    }
}

static const char *all_done(struct sim_task *t) {
    struct bulk b = {.t = t,
                     .does = js_str_or(t->args, "does", ""),
                     .vms = js_str_or(t->args, "vms", ""),
                     .force = js_bool_or(t->args, "force", false)};

    guest_each(t->s, strcmp(b.does, "migrateall") == 0 ? one_moves : one_of_all, &b);
    ha_changed(t->s);
    return NULL;
}

int route_node_all(struct call *c) {
    const char *does = strrchr(c->path, '/') + 1;
    struct sim_task *t;
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    if (strcmp(does, "migrateall") == 0 &&
        strcmp(call_str(c, "target"), call_str(c, "node")) == 0) {
        return call_param_error(c, "target", "target is local node.");
    }
    t = task_new(c, all_done);
    t->args = js_object();
    js_add(t->args, "target", js_str(call_str(c, "target") ? call_str(c, "target") : ""));
    js_add(t->args, "with-local-disks", js_int(call_bool(c, "with-local-disks", false)));
    js_add(t->args, "does", js_str(does));
    js_add(t->args, "vms", js_str(call_str(c, "vms") ? call_str(c, "vms") : ""));
    js_add(t->args, "force", js_int(call_bool(c, "force", false)));
    return task_start(c, t, call_str(c, "node"), does, "");
}
