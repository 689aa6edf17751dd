/* SPDX-License-Identifier: Apache-2.0 */
/* Guests as the state holds them, and the three shapes in which the API shows one: list entry,
 * current status, cluster resource. Figures come from the guest's "rt" member when there is one
 * (an imported cluster) and are made up from its size otherwise. */
#include <string.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/volnames.h"

bool guest_find(struct sim *s, uint32_t vmid, struct guest *ret) {
    *ret = (struct guest){.vmid = vmid};
    (void)snprintf(ret->key, sizeof(ret->key), "%u", vmid);
    ret->obj = state_get(&s->st, "guests", ret->key, NULL);
    if (!ret->obj) {
        return false;
    }
    ret->lxc = strcmp(js_str_or(ret->obj, "type", ""), "lxc") == 0;
    ret->node = js_str_or(ret->obj, "node", "");
    return true;
}

int guest_of_call(struct call *c, struct guest *ret) {
    const char *node = call_str(c, "node");
    bool lxc = strcmp(call_str(c, "kind"), "lxc") == 0;
    uint32_t vmid;

    if (ident_vmid(call_str(c, "vmid"), &vmid) < 0 || !guest_find(c->s, vmid, ret) ||
        ret->lxc != lxc || strcmp(ret->node, node) != 0) {
        return call_fail(c, 500, "Configuration file 'nodes/%s/%s/%s.conf' does not exist", node,
                         lxc ? "lxc" : "qemu-server", call_str(c, "vmid"));
    }
    return 0;
}

const char *guest_label(const struct guest *g) {
    return g->lxc ? "CT" : "VM";
}

void guest_sid(const struct guest *g, char *ret, size_t size) {
    (void)snprintf(ret, size, "%s:%u", g->lxc ? "ct" : "vm", g->vmid);
}

const char *guest_conf(const struct guest *g, const char *key) {
    js *v = js_get(js_get(g->obj, "config"), key);

    return v ? json_object_get_string(v) : NULL;
}

const char *guest_name(const struct guest *g, char *store, size_t size) {
    const char *name = guest_conf(g, g->lxc ? "hostname" : "name");

    if (name) {
        return name;
    }
    (void)snprintf(store, size, "%s%u", guest_label(g), g->vmid);
    return store;
}

bool guest_running(struct sim *s, const struct guest *g) {
    (void)s;
    if (backing_name(g)) {
        return backing_running(g, NULL);
    }
    return js_bool_or(g->obj, "running", false);
}

void guest_digest(const struct guest *g, char ret[static 41]) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);

    (void)guest_file_write(g->obj, &b);
    sha1_hex(buf_str(&b), b.len, ret);
}

const char *guest_pool(struct sim *s, const struct guest *g) {
    js *pools = state_get(&s->st, "pools", NULL);

    if (pools) {
        JS_FOREACH(pools, id, pool) {
            if (js_get(js_get(pool, "vms"), g->key)) {
                return id;
            }
        }
    }
    return NULL;
}

void guest_each(struct sim *s, void (*fn)(void *ctx, const struct guest *g), void *ctx) {
    js *all = state_get(&s->st, "guests", NULL);

    if (!all) {
        return;
    }
    JS_FOREACH(all, key, obj) {
        struct guest g;
        uint32_t vmid;

        (void)obj;
        if (ident_vmid(key, &vmid) == 0 && guest_find(s, vmid, &g)) {
            fn(ctx, &g);
        }
    }
}

static int64_t conf_int(const struct guest *g, const char *key, int64_t fallback) {
    const char *v = guest_conf(g, key);
    uint64_t n;

    return v && ident_u64(v, &n) == 0 && n < INT64_MAX ? (int64_t)n : fallback;
}

static int64_t cpus(struct sim *s, const struct guest *g) {
    if (g->lxc) {
        return conf_int(g, "cores",
                        js_int_or(state_get(&s->st, "nodes", g->node, NULL), "maxcpu", 2));
    }
    return conf_int(g, "sockets", 1) * conf_int(g, "cores", 1);
}

/* The disk whose size the API shows: rootfs, or the first disk of the boot order. */
static int64_t disk_size(const struct guest *g) {
    const char *boot = guest_conf(g, "boot"), *value = NULL;
    char order[512], size[32];

    if (g->lxc) {
        value = guest_conf(g, "rootfs");
    } else if (boot && option_get(boot, "order", order, sizeof(order)) == 0) {
        for (char *save = NULL, *dev = strtok_r(order, ";", &save); dev && !value;
             dev = strtok_r(NULL, ";", &save)) {
            const char *v = guest_conf(g, dev);

            value = v && guest_key_is_volume(false, dev) && !strstr(v, "media=cdrom") ? v : NULL;
        }
    } else if (guest_conf(g, "bootdisk")) {
        value = guest_conf(g, guest_conf(g, "bootdisk"));
    }
    if (!value || option_get(value, "size", size, sizeof(size)) < 0) {
        return 0;
    }
    return size_bytes(size);
}

static js *rt(const struct guest *g, const char *key) {
    return js_ref(js_get(js_get(g->obj, "rt"), key));
}

static int64_t uptime(struct sim *s, const struct guest *g, bool running) {
    int64_t started = js_int_or(g->obj, "started", s->started);

    return running ? (sim_now(s) > started ? sim_now(s) - started : 1) : 0;
}

/* What all three shapes share. */
static void figures(struct sim *s, const struct guest *g, js *o, bool running) {
    static const char *const zero[] = {"cpu", "disk", "netin", "netout"};
    int64_t maxmem = conf_int(g, "memory", 512) << 20;
    js *v;

    for (size_t i = 0; i < ARRAY_LEN(zero); i++) {
        v = running ? rt(g, zero[i]) : NULL;
        js_add(o, zero[i], v ? v : js_int(0));
    }
    v = running ? rt(g, "mem") : NULL;
    js_add(o, "mem", v ? v : js_int(running ? maxmem / 3 : 0));
    v = running ? rt(g, "maxdisk") : NULL;
    js_add(o, "maxdisk", v ? v : js_int(disk_size(g)));
    js_add(o, "maxmem", js_int(maxmem));
    js_add(o, "uptime", js_int(uptime(s, g, running)));
    js_add(o, "status", js_str(running ? "running" : "stopped"));
    js_add(o, "vmid", js_int(g->vmid));
    if (guest_conf(g, "tags")) {
        js_add(o, "tags", js_str(guest_conf(g, "tags")));
    }
}

static void pressure(const struct guest *g, js *o) {
    static const char *const names[] = {"pressurecpufull",    "pressurecpusome",
                                        "pressureiofull",     "pressureiosome",
                                        "pressurememoryfull", "pressurememorysome"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        js_add(o, names[i], g->lxc ? NULL : js_int(0));
    }
}

static void nics(const struct guest *g, js *o) {
    js *all = js_object(), *config = js_get(g->obj, "config");

    JS_FOREACH(config, key, value) {
        (void)value;
        if (strncmp(key, "net", 3) == 0 && key[3] >= '0' && key[3] <= '9') {
            char name[48];
            js *n = js_object();

            (void)snprintf(name, sizeof(name), "tap%ui%.8s", g->vmid, key + 3);
            js_add(n, "netin", js_ref(js_get(o, "netin")));
            js_add(n, "netout", js_ref(js_get(o, "netout")));
            js_add(all, name, n);
        }
    }
    js_add(o, "nics", all);
}

static void current_only(struct sim *s, const struct guest *g, js *o, bool running) {
    const char *state = NULL;
    js *ha = js_object();
    bool managed = ha_managed(s, g, &state);

    js_add(ha, "managed", js_int(managed));
    if (managed) {
        js_add(ha, "state", js_str(state));
    }
    js_add(o, "ha", ha);
    if (!g->lxc) {
        js_add(o, "qmpstatus",
               js_str(!running                              ? "stopped"
                      : js_bool_or(g->obj, "paused", false) ? "paused"
                                                            : "running"));
        if (guest_conf(g, "agent") && guest_conf(g, "agent")[0] != '0') {
            js_add(o, "agent", js_int(1));
        }
        if (running) {
            nics(g, o);
        }
    }
}

js *guest_status(struct sim *s, const struct guest *g, bool current) {
    bool running = guest_running(s, g);
    js *o = js_object();
    char store[32];
    pid_t pid = 0;

    figures(s, g, o, running);
    js_add(o, "name", js_str(guest_name(g, store, sizeof(store))));
    js_add(o, "cpus", js_int(cpus(s, g)));
    if (g->lxc) {
        js_add(o, "type", js_str("lxc"));
        js_add(o, "maxswap", js_int(conf_int(g, "swap", 512) << 20));
        js_add(o, "swap", js_int(0));
        js_add(o, "diskread", js_int(0));
        js_add(o, "diskwrite", js_int(0));
    } else {
        js_add(o, "memhost", js_ref(js_get(o, "mem")));
    }
    if (running) {
        if (!backing_name(g) || !backing_running(g, &pid)) {
            pid = (pid_t)js_int_or(g->obj, "pid", 1000 + g->vmid);
        }
        js_add(o, "pid", js_int(pid));
        pressure(g, o);
    }
    if (guest_conf(g, "template")) {
        js_add(o, "template", js_int(1));
    }
    if (guest_conf(g, "lock")) {
        js_add(o, "lock", js_str(guest_conf(g, "lock")));
    }
    if (current) {
        current_only(s, g, o, running);
    }
    return o;
}

js *guest_resource(struct sim *s, const struct guest *g, bool in_pool) {
    bool running = guest_running(s, g);
    js *o = js_object();
    char store[32];
    const char *pool = guest_pool(s, g), *state = NULL;

    figures(s, g, o, running);
    js_addf(o, "id", "%s/%u", g->lxc ? "lxc" : "qemu", g->vmid);
    js_add(o, "type", js_str(g->lxc ? "lxc" : "qemu"));
    js_add(o, "node", js_str(g->node));
    js_add(o, "name", js_str(guest_name(g, store, sizeof(store))));
    js_add(o, "maxcpu", js_int(cpus(s, g)));
    js_add(o, "memhost", g->lxc ? js_int(0) : js_ref(js_get(o, "mem")));
    js_add(o, "diskread", js_int(0));
    js_add(o, "diskwrite", js_int(0));
    js_add(o, "template", js_int(guest_conf(g, "template") ? 1 : 0));
    if (in_pool) {
        json_object_object_del(o, "tags");
        return o;
    }
    if (pool) {
        js_add(o, "pool", js_str(pool));
    }
    if (guest_conf(g, "lock")) {
        js_add(o, "lock", js_str(guest_conf(g, "lock")));
    }
    if (ha_managed(s, g, &state) || state) {
        js_add(o, "hastate", js_str(state));
    }
    return o;
}

int guest_unlocked(struct call *c, const struct guest *g) {
    const char *lock = guest_conf(g, "lock");

    return lock && !call_bool(c, "skiplock", false)
               ? call_fail(c, 500, "%s is locked (%s)", guest_label(g), lock)
               : 0;
}

const char *guest_locked(struct sim_task *t, const struct guest *g) {
    const char *lock = guest_conf(g, "lock");

    if (!lock) {
        return NULL;
    }
    (void)snprintf(t->exit, sizeof(t->exit), "%s is locked (%.40s)", guest_label(g), lock);
    return t->exit;
}

void guest_apply_pending(struct sim *s, const struct guest *g) {
    js *pending = js_get(g->obj, "pending");
    js *copy;
    const char *drop;

    if (!pending) {
        return;
    }
    copy = js_copy(pending);
    drop = js_get_str(copy, "delete");
    if (drop) {
        char list[2048];

        (void)snprintf(list, sizeof(list), "%s", drop);
        for (char *save = NULL, *key = strtok_r(list, ", ;", &save); key;
             key = strtok_r(NULL, ", ;", &save)) {
            state_del(&s->st, "guests", g->key, "config", key, NULL);
        }
    }
    JS_FOREACH(copy, key, value) {
        if (strcmp(key, "delete") != 0) {
            state_set(&s->st, js_ref(value), "guests", g->key, "config", key, NULL);
        }
    }
    state_del(&s->st, "guests", g->key, "pending", NULL);
    js_freep(&copy);
}

void guest_unused_slot(const js *config, char *ret, size_t size) {
    for (unsigned int i = 0; i < 256; i++) {
        (void)snprintf(ret, size, "unused%u", i);
        if (!js_get(config, ret)) {
            return;
        }
    }
}

const char *guest_volumes_bad(struct sim *s, const struct guest *g, char *store, size_t size) {
    js *config = js_get(g->obj, "config");

    JS_FOREACH(config, key, value) {
        const char *v = json_object_get_string(value);
        char id[128], volid[512];
        js *def;

        if (!guest_key_is_volume(g->lxc, key) || strncmp(key, "unused", 6) == 0 || *v == '/' ||
            strncmp(v, "none", 4) == 0 || !strchr(v, ':')) {
            continue;
        }
        (void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(v, ":"), v);
        def = storage_find(s, id);
        if (!def) {
            (void)snprintf(store, size, "storage '%s' does not exist", id);
            return store;
        }
        if (js_bool_or(def, "disable", false)) {
            (void)snprintf(store, size, "storage '%s' is disabled", id);
            return store;
        }
        if (!storage_on_node(def, g->node)) {
            (void)snprintf(store, size, "storage '%s' is not available on node '%s'", id, g->node);
            return store;
        }
        if (volume_of_value(v, volid, sizeof(volid)) && volume_is_elsewhere(s, volid, g->node)) {
            (void)snprintf(store, size, "volume '%s' does not exist", volid);
            return store; /* HA took it from a node that is gone */
        }
    }
    return NULL;
}
