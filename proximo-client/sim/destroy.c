/* SPDX-License-Identifier: Apache-2.0 */
/* Destroying a guest: what refuses it, and what has to go with it - volumes, pool membership, ACL
 * path, firewall, and with `purge` its places in jobs and HA. */
#include <string.h>

#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/ha.h"
#include "proximo-client/sim/volnames.h"

/* "a,b,c" without one of its words. */
static void list_without(const char *list, const char *word, char *ret, size_t size) {
    CLEANUP(freep) char *copy = strdup(list);
    size_t at = 0;

    ret[0] = '\0';
    for (char *save = NULL, *v = strtok_r(copy, ",", &save); v && at < size;
         v = strtok_r(NULL, ",", &save)) {
        if (strcmp(v, word) != 0) {
            at += (size_t)snprintf(ret + at, size - at, "%s%s", at ? "," : "", v);
        }
    }
}

/* A job for this guest alone goes. */
static void leave_jobs(struct sim *s, const struct guest *g) {
    js *all = state_get(&s->st, "jobs", NULL);
    CLEANUP(js_freep) js *jobs = all ? js_copy(all) : NULL;

    JS_FOREACH(jobs, id, job) {
        char left[2048];

        if (!list_has(js_get_str(job, "vmid"), g->key)) {
            continue;
        }
        list_without(js_get_str(job, "vmid"), g->key, left, sizeof(left));
        if (*left) {
            state_set(&s->st, js_str(left), "jobs", id, "vmid", NULL);
        } else {
            state_del(&s->st, "jobs", id, NULL);
        }
    }
}

static void purge(struct sim *s, const struct guest *g) {
    char sid[32];

    guest_sid(g, sid, sizeof(sid));
    if (state_get(&s->st, "ha", "resources", sid, NULL)) {
        state_del(&s->st, "ha", "resources", sid, NULL);
        ha_purge(s, sid);
    }
    leave_jobs(s, g);
}

/* A base image that others are cloned from cannot go. */
static const char *base_in_use(struct sim_task *t, const struct guest *g) {
    JS_FOREACH(js_get(g->obj, "config"), key, value) {
        char volid[256];

        if (guest_key_is_volume(g->lxc, key) &&
            volume_of_value(json_object_get_string(value), volid, sizeof(volid)) &&
            volume_clone(t->s, volid)) {
            (void)snprintf(t->exit, sizeof(t->exit),
                           "base volume '%.200s' is still in use by linked cloned", volid);
            return t->exit;
        }
    }
    return NULL;
}

/* Whether the configuration or a snapshot names the volume. */
static bool is_named(const struct guest *g, const char *volid) {
    JS_FOREACH(js_get(g->obj, "config"), key, value) {
        char have[256];

        if (guest_key_is_volume(g->lxc, key) &&
            volume_of_value(json_object_get_string(value), have, sizeof(have)) &&
            strcmp(have, volid) == 0) {
            return true;
        }
    }
    return volume_in_snapshot(g, volid);
}

static void drop_replication(struct sim *s, const struct guest *g) {
    js *all = state_get(&s->st, "replication", NULL);
    CLEANUP(js_freep) js *gone = js_array();
    size_t n = strlen(g->key);

    JS_FOREACH(all, id, job) {
        (void)job;
        if (strncmp(id, g->key, n) == 0 && id[n] == '-') {
            js_push(gone, js_str(id));
        }
    }
    for (size_t i = 0; i < js_len(gone); i++) {
        state_del(&s->st, "replication", json_object_get_string(js_at(gone, i)), NULL);
    }
}

static bool is_replicated(struct sim *s, const struct guest *g) {
    size_t n = strlen(g->key);

    JS_FOREACH(state_get(&s->st, "replication", NULL), id, job) {
        (void)job;
        if (strncmp(id, g->key, n) == 0 && id[n] == '-') {
            return true;
        }
    }
    return false;
}

static const char *finish_destroy(struct sim_task *t) {
    struct sim *s = t->s;
    struct guest g;
    js *volumes, *gone;
    const char *bad;

    if (!guest_find(s, t->vmid, &g)) {
        return "guest does not exist any more";
    }
    bad = js_bool_or(t->args, "skiplock", false) ? NULL : guest_locked(t, &g);
    bad = bad ? bad : base_in_use(t, &g);
    if (bad) {
        return bad;
    }
    if (js_bool_or(t->args, "purge", false)) {
        task_log(t, "purging %s %u from related configurations..", guest_label(&g), g.vmid);
        purge(s, &g);
        drop_replication(s, &g);
    }
    volumes = state_get(&s->st, "volumes", NULL);
    gone = js_array();
    if (volumes) {
        JS_FOREACH(volumes, volid, v) {
            if (js_int_or(v, "vmid", 0) == g.vmid &&
                strcmp(js_str_or(v, "content", ""), "backup") != 0 &&
                (is_named(&g, volid) || js_bool_or(t->args, "destroy-unreferenced-disks", false))) {
                js_push(gone, js_str(volid));
            }
        }
    }
    for (size_t i = 0; i < js_len(gone); i++) {
        state_del(&s->st, "volumes", json_object_get_string(js_at(gone, i)), NULL);
    }
    js_freep(&gone);
    while (guest_pool(s, &g)) {
        state_del(&s->st, "pools", guest_pool(s, &g), "vms", g.key, NULL);
    }
    {
        char path[40];

        (void)snprintf(path, sizeof(path), "/vms/%u", g.vmid);
        if (state_get(&s->st, "acl", path, NULL)) {
            state_del(&s->st, "acl", path, NULL);
        }
        if (state_get(&s->st, "firewall", "guests", g.key, NULL)) {
            state_del(&s->st, "firewall", "guests", g.key, NULL);
        }
    }
    {
        char key[16];

        (void)snprintf(key, sizeof(key), "%s", g.key);
        state_del(&s->st, "guests", key, NULL);
    }
    return NULL;
}

int route_guest_destroy(struct call *c) {
    struct guest g;
    struct sim_task *t;
    char sid[32];
    const char *label;

    if (guest_of_call(c, &g) < 0) {
        return -1;
    }
    label = guest_label(&g);
    guest_sid(&g, sid, sizeof(sid));
    if (guest_conf(&g, "protection") && strcmp(guest_conf(&g, "protection"), "1") == 0) {
        return call_fail(c, 500, "can't remove %s %u - protection mode enabled", label, g.vmid);
    }
    if (g.lxc && guest_unlocked(c, &g) < 0) {
        return -1;
    }
    if (state_get(&c->s->st, "ha", "resources", sid, NULL) && !call_bool(c, "purge", false)) {
        return call_fail(c, 500,
                         "unable to remove %s %u - used in HA resources and purge parameter not "
                         "set.",
                         label, g.vmid);
    }
    if (is_replicated(c->s, &g) && !call_bool(c, "purge", false)) {
        return call_fail(c, 500,
                         "There is a replication job '%s-0' for guest '%s' - Please remove "
                         "that first.",
                         g.key, g.key);
    }
    if (guest_running(c->s, &g) && !call_bool(c, "force", false)) {
        return g.lxc ? call_fail(c, 500, "unable to destroy CT %u - container is running", g.vmid)
                     : call_fail(c, 500, "VM %u is running - destroy failed", g.vmid);
    }
    if (backing_name(&g)) {
        return call_fail(c, 500, "CT %u has a real container behind it; pvesim does not destroy it",
                         g.vmid);
    }
    t = task_new(c, finish_destroy);
    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    t->vmid = g.vmid;
    t->args = js_copy(c->params);
    return task_start(c, t, g.node, g.lxc ? "vzdestroy" : "qmdestroy", g.key);
}
