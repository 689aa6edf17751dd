/* SPDX-License-Identifier: Apache-2.0 */
/* The HA manager acts. After every change it goes over its services once: what is not as it should
 * be gets a task (start, shutdown, migration) under root@pam, as the node's own manager starts
 * them, and the end of a task is a change, too. So it comes to rest. A motion that failed is tried
 * again only after something that it hangs on has changed, where the real one tries every 10
 * seconds; a node's fencing takes as long as a task. */
#include "proximo-client/sim/ha.h"

#include <event2/event.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/volnames.h"

static bool is_busy(struct sim *s, uint32_t vmid) {
    for (struct sim_task *t = s->tasks; t; t = t->next) {
        if (t->vmid == vmid && t->by_ha) {
            return true;
        }
    }
    return false;
}

static const js *failed_of(struct sim *s, const char *sid) {
    return state_get(&s->st, "ha", "failed", sid, NULL);
}

static void forget(struct sim *s, const char *part, const char *sid) {
    if (!state_get(&s->st, "ha", part, sid, NULL)) {
        return;
    }
    state_del(&s->st, "ha", part, sid, NULL);
    if (!js_members(state_get(&s->st, "ha", part, NULL))) {
        state_del(&s->st, "ha", part, NULL);
    }
}

/* ---- shown ---- */

const char *ha_state(struct sim *s, const struct service *v, bool verbose) {
    bool started = strcmp(v->want, "started") == 0, running = guest_running(s, &v->g);
    const js *move = state_get(&s->st, "ha", "moves", v->sid, NULL);

    if (js_get(failed_of(s, v->sid), "error")) {
        return verbose && strcmp(v->want, "disabled") == 0 ? "clearing error flag" : "error";
    }
    if (move) {
        return js_str_or(move, "how", "migrate");
    }
    if (!node_is_up(s, v->g.node) && strcmp(v->want, "disabled") != 0) {
        return s->fencing ? "fence" : "recovery";
    }
    if (!verbose) {
        return started ? "started" : running ? "request_stop" : "stopped";
    }
    return started ? (running ? "started" : "starting") : running ? "stopping" : v->want;
}

/* ---- tasks ---- */

static bool start_task(struct sim *s, const struct service *v, const char *does,
                       const char *(*finish)(struct sim_task *), const char *target) {
    char path[160], type[24];
    struct call c = {
        .s = s, .method = M_POST, .path = path, .auth = "root@pam", .user = "root@pam"};
    struct sim_task *t = task_new(&c, finish);

    if (!t) {
        return false;
    }
    /* the path that a person would call: a fault set on it meets the manager, too */
    (void)snprintf(path, sizeof(path), "/nodes/%.60s/%s/%u/%s%s", v->g.node,
                   v->g.lxc ? "lxc" : "qemu", v->g.vmid, target ? "" : "status/", does);
    (void)snprintf(type, sizeof(type), "%s%s", v->g.lxc ? "vz" : target ? "q" : "qm", does);
    t->vmid = v->g.vmid;
    t->by_ha = true;
    t->args = js_object();
    (void)snprintf(t->arg, sizeof(t->arg), "%s", does);
    if (target) {
        js_add(t->args, "target", js_str(target));
        js_add(t->args, "online", js_int(1));
        js_add(t->args, "with-local-disks", js_int(1));
    }
    (void)task_start(&c, t, v->g.node, type, v->g.key);
    js_freep(&c.data);
    return true;
}

/* A container is never moved while it runs, and "relocate" of a VM says the same of it. */
static void move(struct sim *s, const struct service *v, const js *m) {
    const char *target = js_str_or(m, "target", "");

    if (strcmp(target, v->g.node) == 0 || !node_is_usable(s, target)) {
        forget(s, "moves", v->sid);
        return;
    }
    if (guest_running(s, &v->g) && (v->g.lxc || strcmp(js_str_or(m, "how", ""), "relocate") == 0)) {
        (void)start_task(s, v, "shutdown", finish_stop, NULL);
    } else {
        (void)start_task(s, v, "migrate", finish_migrate, target);
    }
}

static void set_move(struct sim *s, const char *sid, const char *how, const char *target) {
    js *m = js_object();

    js_add(m, "how", js_str(how));
    js_add(m, "target", js_str(target));
    state_set(&s->st, m, "ha", "moves", sid, NULL);
}

/* ---- a node that is gone ---- */

static bool is_quorate(struct sim *s) {
    int up = 0, all = 0;

    JS_FOREACH(state_get(&s->st, "nodes", NULL), node, n) {
        (void)n;
        all++;
        up += node_is_up(s, node);
    }
    return 2 * up > all;
}

/* Volumes that replication keeps at the other node are there, too. */
static void take_replicas(struct sim *s, const struct guest *g, const char *node) {
    size_t n = strlen(g->key);

    JS_FOREACH(state_get(&s->st, "replication", NULL), id, job) {
        if (strncmp(id, g->key, n) != 0 || id[n] != '-' ||
            strcmp(js_str_or(job, "target", ""), node) != 0) {
            continue;
        }
        JS_FOREACH(js_get(g->obj, "config"), key, value) {
            char volid[256];

            if (guest_key_is_volume(g->lxc, key) &&
                volume_of_value(json_object_get_string(value), volid, sizeof(volid)) &&
                !volume_is_shared(s, volid) && state_get(&s->st, "volumes", volid, NULL)) {
                state_set(&s->st, js_str(node), "volumes", volid, "node", NULL);
            }
        }
    }
}

static void recover(struct sim *s, const struct service *v) {
    const char *to = strcmp(v->want, "disabled") == 0 ? NULL : ha_choose(s, v, PREFER_BEST);

    if (!to) {
        return; /* as soon as the rules leave a node */
    }
    forget(s, "moves", v->sid);
    take_replicas(s, &v->g, to);
    state_set(&s->st, js_int(0), "guests", v->g.key, "running", NULL);
    state_set(&s->st, js_str(to), "guests", v->g.key, "node", NULL);
}

static void fenced(evutil_socket_t fd, short what, void *arg) {
    struct sim *s = arg;

    (void)fd;
    (void)what;
    s->fencing = false;
    s->fenced = true;
    ha_round(s);
    s->fenced = false;
}

/* The node's watchdog runs out, then its lock can be taken. */
static void fence(struct sim *s) {
    struct timeval tv = {s->o.task_ms / 1000, (s->o.task_ms % 1000) * 1000};

    if (!s->fencing && event_base_once(s->base, -1, EV_TIMEOUT, fenced, s, &tv) == 0) {
        s->fencing = true;
    }
}

/* ---- one service ---- */

static bool gave_up(struct sim *s, const char *sid, const char *target) {
    return strcmp(js_str_or(s->ha_gave_up, sid, ""), target) == 0;
}

static void started(struct sim *s, const struct service *v) {
    bool has_failed =
        failed_of(s, v->sid) != NULL && !guest_running(s, &v->g) &&
        js_int_or(failed_of(s, v->sid), "tries", 0) > js_int_or(v->conf, "max_restart", 1);
    const char *to = ha_choose(s, v, has_failed ? PREFER_NEXT : PREFER_NONE);

    if (!node_is_usable(s, v->g.node) &&
        !state_get(&s->st, "ha", "fallback", v->sid, NULL)) { /* comes back after the maintenance */
        state_set(&s->st, js_str(v->g.node), "ha", "fallback", v->sid, NULL);
    }
    if (to && strcmp(to, v->g.node) != 0 && !gave_up(s, v->sid, to)) {
        set_move(s, v->sid, v->g.lxc ? "relocate" : "migrate", to);
        move(s, v, state_get(&s->st, "ha", "moves", v->sid, NULL));
        return;
    }
    if (to && strcmp(to, js_str_or(state_get(&s->st, "ha", "fallback", NULL), v->sid, "")) == 0) {
        forget(s, "fallback", v->sid); /* it is back */
    }
    if (!guest_running(s, &v->g)) {
        (void)start_task(s, v, "start", finish_start, NULL);
    }
}

static void one(struct sim *s, const struct service *v) {
    const js *m = state_get(&s->st, "ha", "moves", v->sid, NULL);

    if (is_busy(s, v->g.vmid) || backing_name(&v->g)) {
        return;
    }
    if (js_get(failed_of(s, v->sid), "error")) {
        if (strcmp(v->want, "disabled") == 0) { /* what an error is cleared by */
            forget(s, "failed", v->sid);
        }
        return;
    }
    if (!node_is_up(s, v->g.node)) {
        if (s->fenced) {
            recover(s, v);
        } else if (is_quorate(s) && strcmp(v->want, "disabled") != 0 &&
                   ha_choose(s, v, PREFER_BEST)) {
            fence(s);
        }
        return;
    }
    if (m) {
        move(s, v, m);
    } else if (strcmp(v->want, "started") == 0) {
        started(s, v);
    } else if (guest_running(s, &v->g)) {
        (void)start_task(s, v, "shutdown", finish_stop, NULL);
    }
}

static void all_services(struct sim *s) {
    CLEANUP(js_freep) js *sids = js_array();

    JS_FOREACH(state_get(&s->st, "ha", "resources", NULL), sid, conf) {
        (void)conf;
        js_push(sids, js_str(sid));
    }
    for (size_t i = 0; i < js_len(sids); i++) {
        struct service v;

        if (service_find(s, json_object_get_string(js_at(sids, i)), &v)) {
            one(s, &v);
        }
    }
}

/* What was kept of one that the manager does not look after any more. */
static void drop_stale(struct sim *s) {
    static const char *const parts[] = {"moves", "failed", "fallback"};

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        CLEANUP(js_freep)
        js *old = js_copy(js_object_or_empty(state_get(&s->st, "ha", parts[i], NULL)));

        JS_FOREACH(old, sid, entry) {
            struct service v;

            (void)entry;
            if (!service_find(s, sid, &v)) {
                forget(s, parts[i], sid);
            }
        }
    }
}

void ha_round(struct sim *s) {
    struct err e = {0};
    bool was_fenced = s->fenced;

    if (!s->base || s->in_round || ha_disarmed(s)) {
        return;
    }
    s->in_round = true;
    drop_stale(s);
    all_services(s);
    if (was_fenced) { /* what was recovered has to be started where it is now */
        s->fenced = false;
        all_services(s);
    }
    s->in_round = false;
    if (state_dirty(&s->st) && state_commit(&s->st, &e) < 0) {
        (void)fprintf(stderr, "pvesim: HA: %s\n", e.msg);
    }
}

/* ---- what became of it ---- */

static void start_failed(struct sim *s, const struct service *v) {
    const js *old = failed_of(s, v->sid);
    int64_t tries = js_int_or(old, "tries", 0) + 1;

    state_set(&s->st, js_int(tries), "ha", "failed", v->sid, "tries", NULL);
    if (tries <= js_int_or(v->conf, "max_restart", 1)) {
        return;
    }
    state_set(&s->st, js_int(1), "ha", "failed", v->sid, "nodes", v->g.node, NULL);
    if (js_members(state_get(&s->st, "ha", "failed", v->sid, "nodes", NULL)) >
            js_int_or(v->conf, "max_relocate", 1) ||
        !ha_choose(s, v, PREFER_NEXT)) {
        state_set(&s->st, js_int(1), "ha", "failed", v->sid, "error", NULL);
    }
}

void ha_ended(struct sim *s, const struct sim_task *t, const char *error) {
    struct service v;
    struct guest g;
    char sid[32];

    if (!guest_find(s, t->vmid, &g)) {
        return;
    }
    guest_sid(&g, sid, sizeof(sid));
    if (!service_find(s, sid, &v)) {
        return;
    }
    if (strcmp(t->arg, "migrate") == 0) {
        if (error) {
            if (!s->ha_gave_up) {
                s->ha_gave_up = js_object();
            }
            js_add(s->ha_gave_up, sid, js_str(js_str_or(t->args, "target", "")));
            if (failed_of(s, sid)) { /* neither here nor there */
                state_set(&s->st, js_int(1), "ha", "failed", sid, "error", NULL);
            }
        } else if (state_get(&s->st, "ha", "failed", sid, "tries", NULL)) {
            state_set(&s->st, js_int(0), "ha", "failed", sid, "tries", NULL);
        }
        forget(s, "moves", sid);
    } else if (strcmp(t->arg, "start") == 0 && error) {
        start_failed(s, &v);
    } else if (strcmp(t->arg, "start") == 0) {
        forget(s, "failed", sid);
    } else if (error) {
        forget(s, "moves", sid);
    }
}

void ha_changed(struct sim *s) {
    js_freep(&s->ha_gave_up);
}

/* ---- motions that are asked for ---- */

static js *blocking(struct sim *s, const char *sid, const char *node) {
    CLEANUP(js_freep) js *apart = ha_affine(s, sid, false);
    js *list = js_array();

    for (size_t i = 0; i < js_len(apart); i++) {
        const char *other = json_object_get_string(js_at(apart, i));
        const char *to = js_get_str(state_get(&s->st, "ha", "moves", other, NULL), "target");
        struct service o;

        if (service_find(s, other, &o) && strcmp(o.g.node, node) == 0 &&
            (!to || strcmp(to, node) == 0)) {
            js *entry = js_object();

            js_add(entry, "sid", js_str(other));
            js_add(entry, "cause", js_str("resource-affinity"));
            js_push(list, entry);
        }
    }
    return list;
}

bool ha_move(struct sim *s, const struct service *v, const char *how, const char *node,
             js **ret_with, js **ret_blocking) {
    CLEANUP(js_freep) js *with = ha_affine(s, v->sid, true);
    CLEANUP(js_freep) js *block = blocking(s, v->sid, node);
    bool is_free = js_len(block) == 0;

    ha_changed(s);
    if (is_free && node_is_usable(s, node) && strcmp(node, v->g.node) != 0) {
        set_move(s, v->sid, how, node);
    }
    for (size_t i = 0; i < js_len(with) && is_free && node_is_usable(s, node); i++) {
        struct service o;

        if (service_find(s, json_object_get_string(js_at(with, i)), &o) &&
            strcmp(o.g.node, node) != 0) {
            set_move(s, o.sid, how, node);
        }
    }
    if (ret_with) {
        *ret_with = TAKE(with);
    }
    if (ret_blocking) {
        *ret_blocking = TAKE(block);
    }
    return is_free;
}
