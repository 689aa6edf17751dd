/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: copies of the configuration with a name, a time and a parent. Whether a name exists
 * and whether the storage can is found out by the task, not by the request. Of a backed container
 * only the record is kept; its file system is not touched, and the task's log says so. */
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/newcomer.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/routes.h"

static js *snapshots(const struct guest *g) {
    return js_get(g->obj, "snapshots");
}

int route_snap_list(struct call *c) {
    struct guest g;
    js *o;
    char digest[41];

    if (guest_of_call(c, &g) < 0) {
        return -1;
    }
    c->data = js_array();
    if (snapshots(&g)) {
        JS_FOREACH(snapshots(&g), name, snap) {
            const char *text = js_str_or(snap, "description", "");

            o = js_object();
            js_add(o, "name", js_str(name));
            js_addf(o, "description", g.lxc && *text ? "%s\n" : "%s", text);
            js_add(o, "snaptime", guest_value_out(g.lxc, "snaptime", js_get(snap, "snaptime")));
            if (js_get(snap, "parent")) {
                js_add(o, "parent", js_ref(js_get(snap, "parent")));
            }
            if (!g.lxc) {
                js_add(o, "vmstate", js_int(js_get(snap, "vmstate") != NULL));
            }
            if (js_get(snap, "snapstate")) {
                js_add(o, "snapstate", js_ref(js_get(snap, "snapstate")));
            }
            js_push(c->data, o);
        }
    }
    guest_digest(&g, digest);
    o = js_object();
    js_add(o, "name", js_str("current"));
    js_add(o, "description", js_str("You are here!"));
    js_add(o, "digest", js_str(digest));
    js_add(o, "running", js_int(guest_running(c->s, &g)));
    if (guest_conf(&g, "parent")) {
        js_add(o, "parent", js_str(guest_conf(&g, "parent")));
    }
    js_push(c->data, o);
    return 0;
}

int route_snap_index(struct call *c) {
    static const char *const names[] = {"rollback", "config"};

    c->data = js_array();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        js *o = js_object();

        js_add(o, "cmd", js_str(names[i]));
        js_push(c->data, o);
    }
    return 0;
}

int route_snap_config(struct call *c) {
    struct guest g;
    const char *name = call_str(c, "snapname");
    js *snap;

    if (guest_of_call(c, &g) < 0) {
        return -1;
    }
    snap = js_get(snapshots(&g), name);
    if (!snap) {
        return call_fail(c, 500, "snapshot '%s' does not exist", name);
    }
    c->data = config_out(g.lxc, snap);
    return 0;
}

int route_snap_config_set(struct call *c) {
    struct guest g;
    const char *name = call_str(c, "snapname"), *text = call_str(c, "description");

    if (guest_of_call(c, &g) < 0) {
        return -1;
    }
    if (!js_get(snapshots(&g), name)) {
        return call_fail(c, 500, "snapshot '%s' does not exist", name);
    }
    if (text) {
        state_set(&c->s->st, js_str(text), "guests", g.key, "snapshots", name, "description", NULL);
        sim_tick(c->s);
    }
    return 0;
}

/* ---- the tasks ---- */

static const char *no_such(struct sim_task *t) {
    (void)snprintf(t->exit, sizeof(t->exit), "snapshot '%s' does not exist", t->arg);
    return t->exit;
}

static const char *finish_create(struct sim_task *t) {
    struct guest g;
    js *snap;

    if (!guest_find(t->s, t->vmid, &g)) {
        return "guest does not exist any more";
    }
    if (guest_locked(t, &g)) {
        return t->exit;
    }
    if (guest_conf(&g, "template")) {
        return "you can't take a snapshot if it's a template";
    }
    if (!guest_can(t->s, &g, "snapshot", js_get(g.obj, "config"), false)) {
        return "snapshot feature is not available";
    }
    if (js_get(snapshots(&g), t->arg)) {
        (void)snprintf(t->exit, sizeof(t->exit), "snapshot name '%s' already used", t->arg);
        return t->exit;
    }
    snap = js_copy(js_get(g.obj, "config"));
    json_object_object_del(snap, "description");
    {
        CLEANUP(js_freep) js *unused = js_array();

        JS_FOREACH(snap, key, value) {
            (void)value;
            if (strncmp(key, "unused", 6) == 0) {
                js_push(unused, js_str(key));
            }
        }
        for (size_t i = 0; i < js_len(unused); i++) {
            json_object_object_del(snap, json_object_get_string(js_at(unused, i)));
        }
    }
    js_addf(snap, "snaptime", "%lld", (long long)sim_now(t->s));
    if (js_get_str(t->args, "description") && *js_get_str(t->args, "description")) {
        js_add(snap, "description", js_str(js_get_str(t->args, "description")));
    }
    if (js_bool_or(t->args, "vmstate", false) && !g.lxc && guest_running(t->s, &g)) {
        const char *disk = NULL;
        char state[160];

        JS_FOREACH(js_get(g.obj, "config"), key, value) {
            if (!disk && guest_key_is_volume(false, key)) {
                disk = json_object_get_string(value);
            }
        }
        (void)snprintf(state, sizeof(state), "%.*s:vm-%u-state-%s",
                       disk ? (int)strcspn(disk, ":") : 5, disk ? disk : "local", g.vmid, t->arg);
        js_add(snap, "vmstate", js_str(state));
        task_log(t, "saving VM state and RAM using storage '%.*s'", (int)strcspn(state, ":"),
                 state);
    }
    if (backing_name(&g)) {
        task_log(t, "recorded only: the file system of container '%s' is not snapshotted by pvesim",
                 backing_name(&g));
    }
    state_set(&t->s->st, snap, "guests", g.key, "snapshots", t->arg, NULL);
    state_set(&t->s->st, js_str(t->arg), "guests", g.key, "config", "parent", NULL);
    return NULL;
}

static const char *finish_delete(struct sim_task *t) {
    struct guest g;
    js *snap, *parent, *names;

    if (!guest_find(t->s, t->vmid, &g)) {
        return "guest does not exist any more";
    }
    if (guest_locked(t, &g)) {
        return t->exit;
    }
    snap = js_get(snapshots(&g), t->arg);
    if (!snap) {
        return no_such(t);
    }
    parent = js_ref(js_get(snap, "parent"));
    names = js_array();
    JS_FOREACH(snapshots(&g), name, other) {
        if (strcmp(js_str_or(other, "parent", ""), t->arg) == 0) {
            js_push(names, js_str(name));
        }
    }
    for (size_t i = 0; i < js_len(names); i++) { /* children move up to the grandparent */
        const char *child = json_object_get_string(js_at(names, i));

        if (parent) {
            state_set(&t->s->st, js_ref(parent), "guests", g.key, "snapshots", child, "parent",
                      NULL);
        } else {
            state_del(&t->s->st, "guests", g.key, "snapshots", child, "parent", NULL);
        }
    }
    if (guest_conf(&g, "parent") && strcmp(guest_conf(&g, "parent"), t->arg) == 0) {
        if (parent) {
            state_set(&t->s->st, js_ref(parent), "guests", g.key, "config", "parent", NULL);
        } else {
            state_del(&t->s->st, "guests", g.key, "config", "parent", NULL);
        }
    }
    state_del(&t->s->st, "guests", g.key, "snapshots", t->arg, NULL);
    js_freep(&names);
    js_freep(&parent);
    return NULL;
}

/* ZFS takes only the newest snapshot back. */
static const char *zfs_refuses(struct sim_task *t, const struct guest *g) {
    js *snap = js_get(snapshots(g), t->arg);
    const char *parent = guest_conf(g, "parent");

    if (!parent || strcmp(parent, t->arg) == 0) {
        return NULL;
    }
    JS_FOREACH(snap, key, value) {
        const char *v = json_object_get_string(value);
        char id[128];

        if (!guest_key_is_volume(g->lxc, key) || !strchr(v, ':')) {
            continue;
        }
        (void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(v, ":"), v);
        if (strcmp(js_str_or(storage_find(t->s, id), "type", ""), "zfspool") == 0) {
            (void)snprintf(t->exit, sizeof(t->exit),
                           "can't rollback, '%s' is not most recent snapshot on '%.*s'", t->arg,
                           (int)strcspn(v, ","), v);
            return t->exit;
        }
    }
    return NULL;
}

static pid_t begin_rollback(struct sim_task *t) {
    static const char *const hard[] = {"-k", NULL};
    struct guest g;

    if (!guest_find(t->s, t->vmid, &g) || !js_get(snapshots(&g), t->arg) ||
        !guest_running(t->s, &g)) {
        return 0;
    }
    return backing_spawn(&g, "lxc-stop", hard);
}

static bool has_volume(bool lxc, const js *config, const char *value) {
    size_t n = strcspn(value, ",");

    JS_FOREACH(config, key, v) {
        const char *have = json_object_get_string(v);

        if (guest_key_is_volume(lxc, key) && strncmp(have, value, n) == 0 &&
            (have[n] == ',' || have[n] == '\0')) {
            return true;
        }
    }
    return false;
}

/* Unused volumes stay, but those that are used again (a configuration is never written with one
 * that is both), and those that only the present uses become unused. */
static void keep_unused(const struct guest *g, js *config) {
    js *now = js_get(g->obj, "config");

    JS_FOREACH(now, key, value) {
        if (strncmp(key, "unused", 6) == 0 &&
            !has_volume(g->lxc, config, json_object_get_string(value))) {
            js_add(config, key, js_ref(value));
        }
    }
    JS_FOREACH(now, disk, vol) {
        const char *v = json_object_get_string(vol);
        char slot[16];

        if (guest_key_is_volume(g->lxc, disk) && strncmp(disk, "unused", 6) != 0 && *v != '/' &&
            strchr(v, ':') && !strstr(v, "media=cdrom") && !has_volume(g->lxc, config, v)) {
            guest_unused_slot(config, slot, sizeof(slot));
            js_add(config, slot, js_str_n(v, strcspn(v, ",")));
        }
    }
}

static const char *finish_rollback(struct sim_task *t) {
    struct guest g;
    js *snap, *config;
    const char *bad;

    if (!guest_find(t->s, t->vmid, &g)) {
        return "guest does not exist any more";
    }
    if (guest_locked(t, &g)) {
        return t->exit;
    }
    snap = js_get(snapshots(&g), t->arg);
    if (!snap) {
        return no_such(t);
    }
    bad = zfs_refuses(t, &g);
    if (bad) {
        return bad;
    }
    if (backing_name(&g)) {
        task_log(t, "recorded only: the file system of container '%s' is not rolled back by pvesim",
                 backing_name(&g));
    }
    config = js_copy(snap);
    json_object_object_del(config, "snaptime");
    json_object_object_del(config, "description");
    json_object_object_del(config, "vmstate");
    json_object_object_del(config, "runningmachine");
    json_object_object_del(config, "runningcpu");
    if (guest_conf(&g, "description")) { /* belongs to the guest, not to the snapshot */
        js_add(config, "description", js_str(guest_conf(&g, "description")));
    }
    js_add(config, "parent", js_str(t->arg));
    keep_unused(&g, config);
    if (!g.lxc && js_get(config, "vmgenid")) { /* the guest is told that it went back */
        config_new_genid(t->s, config);
    }
    state_set(&t->s->st, config, "guests", g.key, "config", NULL);
    if (js_get(g.obj, "pending")) {
        state_del(&t->s->st, "guests", g.key, "pending", NULL);
    }
    state_set(&t->s->st, js_int(!g.lxc && js_get(snap, "vmstate")), "guests", g.key, "running",
              NULL);
    if (js_bool_or(t->args, "start", false) && !backing_name(&g)) {
        state_set(&t->s->st, js_int(1), "guests", g.key, "running", NULL);
        state_set(&t->s->st, js_int(sim_now(t->s)), "guests", g.key, "started", NULL);
    }
    return NULL;
}

static int snap_task(struct call *c, const char *verb, const char *(*finish)(struct sim_task *),
                     pid_t (*begin)(struct sim_task *)) {
    struct guest g;
    struct sim_task *t;
    const char *name = call_str(c, "snapname");
    char type[32];

    if (guest_of_call(c, &g) < 0) {
        return -1;
    }
    if (strcmp(name, "current") == 0 && c->method == M_POST && !begin) {
        return call_fail(c, 500, "unable to use snapshot name 'current' (reserved name)");
    }
    if (guest_conf(&g, "lock")) {
        return call_fail(c, 500, "%s is locked (%s)", guest_label(&g), guest_conf(&g, "lock"));
    }
    t = task_new(c, finish);
    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    t->vmid = g.vmid;
    t->args = js_copy(c->params);
    t->begin = backing_name(&g) ? begin : NULL;
    (void)snprintf(t->arg, sizeof(t->arg), "%s", name);
    (void)snprintf(type, sizeof(type), "%s%s", g.lxc ? "vz" : "qm", verb);
    return task_start(c, t, g.node, type, g.key);
}

int route_snap_create(struct call *c) {
    return snap_task(c, "snapshot", finish_create, NULL);
}

int route_snap_delete(struct call *c) {
    return snap_task(c, "delsnapshot", finish_delete, NULL);
}

int route_snap_rollback(struct call *c) {
    return snap_task(c, "rollback", finish_rollback, begin_rollback);
}
