/* SPDX-License-Identifier: Apache-2.0 */
/* A guest moves to another node. Reasons against it are found by the task and stand in its log; the
 * exit status is "migration aborted" for all of them. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/ha.h"
#include "proximo-client/sim/volnames.h"

static const char *refuse(struct sim_task *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static const char *refuse(struct sim_task *t, const char *fmt, ...) {
    char why[400];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    task_log(t, "ERROR: migration aborted (duration 00:00:00): %s", why);
    return "migration aborted";
}

static bool is_device(const char *key, const char *value) {
    if (strncmp(key, "hostpci", 7) == 0 || strncmp(key, "usb", 3) == 0) {
        return !strstr(value, "mapping=") && strncmp(value, "spice", 5) != 0;
    }
    return (strncmp(key, "serial", 6) == 0 && strcmp(value, "socket") != 0) ||
           strncmp(key, "parallel", 8) == 0;
}

static const char *check_devices(struct sim_task *t, const struct guest *g) {
    char list[300] = "";

    JS_FOREACH(js_get(g->obj, "config"), key, value) {
        if (!g->lxc && is_device(key, json_object_get_string(value))) {
            (void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
                           *list ? ", " : "", key);
        }
    }
    return *list ? refuse(t, "can't migrate VM which uses local devices: %s", list) : NULL;
}

/* Where a storage's own volumes go: "a:b" entries, or one storage for all; "1": as they are. */
static void mapped(struct sim_task *t, const char *id, char *ret, size_t size) {
    const char *map = js_str_or(t->args, "targetstorage", js_str_or(t->args, "target-storage", ""));
    size_t len = strlen(id);

    (void)snprintf(ret, size, "%s", id);
    for (const char *p = map; *p;) {
        size_t n = strcspn(p, ","), k = strcspn(p, ":,");

        if (k == n && !(n == 1 && *p == '1')) {
            (void)snprintf(ret, size, "%.*s", (int)n, p);
        } else if (k < n && k == len && memcmp(p, id, len) == 0) {
            (void)snprintf(ret, size, "%.*s", (int)(n - k - 1), p + k + 1);
            return;
        }
        p += n + (p[n] == ',');
    }
}

static const char *check_volume(struct sim_task *t, const struct guest *g, const char *key,
                                const char *value, const char *target) {
    char volid[256];
    char id[128];
    char to[128];
    const js *target_def;
    js *def;

    if (!volume_of_value(value, volid, sizeof(volid))) {
        return *value == '/' && !strstr(value, "shared=1")
                   ? refuse(t, "cannot migrate local bind mount point '%s'", key)
                   : NULL;
    }
    volume_storage(volid, id, sizeof(id));
    def = storage_find(t->s, id);
    if (def && !storage_shared(def)) {
        mapped(t, id, to, sizeof(to));
        (void)snprintf(id, sizeof(id), "%s", to);
        target_def = storage_find(t->s, id);
        if (!target_def || !storage_on_node(target_def, target)) {
            return refuse(t, "storage '%s' is not available on node '%s'", id, target);
        }
    } else if (!def || !storage_on_node(def, target)) {
        return refuse(t, "storage '%s' is not available on node '%s'", id, target);
    }
    if (storage_shared(def)) {
        return NULL;
    }
    if (volume_is_elsewhere(t->s, volid, g->node)) {
        return refuse(t, "can't migrate local disk '%s': volume does not exist", volid);
    }
    if (strstr(value, "media=cdrom") && !strstr(value, "cloudinit")) {
        return refuse(t, "can't migrate local disk '%s': local cdrom image", volid);
    }
    if (volume_own(volid) != strchr(volid, ':') + 1) {
        return refuse(t, "can't migrate '%s' as it's a clone", volid);
    }
    if (!g->lxc && guest_running(t->s, g) && !js_bool_or(t->args, "with-local-disks", false)) {
        return refuse(t, "can't live migrate attached local disks without with-local-disks option");
    }
    return NULL;
}

/* To another storage it comes under a new name. */
static void take_to(struct sim_task *t, const struct guest *g, const char *key, const char *value,
                    const char *volid, const char *to, const char *target) {
    char fresh[512], text[2048];
    int64_t size = js_int_or(state_get(&t->s->st, "volumes", volid, NULL), "size", 0);

    volume_new_name(t->s, g, to, NULL, fresh, sizeof(fresh));
    volume_add(t->s, g, fresh, target, size);
    volume_rewrite(value, fresh, NULL, text, sizeof(text));
    state_set(&t->s->st, js_str(text), "guests", g->key, "config", key, NULL);
    state_del(&t->s->st, "volumes", volid, NULL);
}

/* Volumes of the node's own go along. */
static void take_volumes(struct sim_task *t, const struct guest *g, const char *target) {
    CLEANUP(js_freep) js *config = js_copy(js_get(g->obj, "config"));

    JS_FOREACH(config, key, value) {
        char volid[256], id[128], to[128];

        if (guest_key_is_volume(g->lxc, key) &&
            volume_of_value(json_object_get_string(value), volid, sizeof(volid)) &&
            !volume_is_shared(t->s, volid) && state_get(&t->s->st, "volumes", volid, NULL)) {
            task_log(t, "copying local disk image '%s'", volid);
            volume_storage(volid, id, sizeof(id));
            mapped(t, id, to, sizeof(to));
            if (strcmp(id, to) != 0) {
                take_to(t, g, key, json_object_get_string(value), volid, to, target);
                continue;
            }
            state_set(&t->s->st, js_str(target), "volumes", volid, "node", NULL);
        }
    }
}

const char *finish_migrate(struct sim_task *t) {
    const char *target = js_str_or(t->args, "target", "");
    const char *bad;
    struct guest g;

    if (!guest_find(t->s, t->vmid, &g)) {
        return "guest does not exist any more";
    }
    task_log(t, "starting migration of %s %u to node '%s'", guest_label(&g), g.vmid, target);
    bad = guest_locked(t, &g) ? refuse(t, "%s", t->exit) : check_devices(t, &g);
    JS_FOREACH(js_get(g.obj, "config"), key, value) {
        if (!bad && guest_key_is_volume(g.lxc, key)) {
            bad = check_volume(t, &g, key, json_object_get_string(value), target);
        }
    }
    if (bad) {
        return bad;
    }
    take_volumes(t, &g, target);
    state_set(&t->s->st, js_str(target), "guests", g.key, "node", NULL);
    task_log(t, "migration finished successfully (duration 00:00:01)");
    return NULL;
}

/* Of a guest that HA looks after only the wish is filed; the manager moves it. */
static const char *finish_wish(struct sim_task *t) {
    const char *target = js_str_or(t->args, "target", "");
    CLEANUP(js_freep) js *block = NULL;
    struct service v;
    struct guest g;
    char sid[32];

    if (!guest_find(t->s, t->vmid, &g)) {
        return "guest does not exist any more";
    }
    guest_sid(&g, sid, sizeof(sid));
    if (!service_find(t->s, sid, &v)) {
        return "the guest is not managed by HA any more";
    }
    task_log(t, "Requesting HA migration for %s %u to node %s", guest_label(&g), g.vmid, target);
    if (!ha_move(t->s, &v, "migrate", target, NULL, &block)) {
        task_log(t, "cannot migrate resource '%s' to node '%s':", sid, target);
        for (size_t i = 0; i < js_len(block); i++) {
            task_log(t,
                     "- resource '%s' on target node '%s' in negative affinity with resource '%s'",
                     js_str_or(js_at(block, i), "sid", ""), target, sid);
        }
        (void)snprintf(t->exit, sizeof(t->exit),
                       "command 'ha-manager migrate %s %.60s' failed: "
                       "exit code 255",
                       sid, target);
        return t->exit;
    }
    return NULL;
}

int route_migrate(struct call *c) {
    const char *target = call_str(c, "target");
    const char *state = NULL;
    struct guest g;
    struct sim_task *t;
    bool by_ha;

    if (guest_of_call(c, &g) < 0) {
        return -1;
    }
    if (!state_get(&c->s->st, "nodes", target, NULL)) {
        return call_fail(c, 500, "no such cluster node '%s'", target);
    }
    if (strcmp(g.node, target) == 0) {
        (void)call_param_error(c, "target", "target is local node.");
        return -1;
    }
    if (guest_running(c->s, &g) && !call_bool(c, "online", false) &&
        !(g.lxc && call_bool(c, "restart", false))) {
        return call_fail(c, 500,
                         g.lxc ? "can't migrate running container without --online or --restart"
                               : "can't migrate running VM without --online");
    }
    if (backing_name(&g)) {
        return call_fail(c, 500, "CT %u has a real container behind it; pvesim does not move it",
                         g.vmid);
    }
    by_ha = ha_managed(c->s, &g, &state);
    t = task_new(c, by_ha ? finish_wish : finish_migrate);
    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    t->vmid = g.vmid;
    t->args = js_copy(c->params);
    return task_start(c, t, g.node, by_ha ? "hamigrate" : g.lxc ? "vzmigrate" : "qmigrate", g.key);
}
