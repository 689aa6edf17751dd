/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster and its nodes: read only. Lists are filtered by privilege without any sign, as the
 * real ones are. */
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/routes.h"

static js *cluster_fact(struct sim *s, const char *name, const char *fallback) {
    js *v = state_get(&s->st, "cluster", name, NULL);

    return v ? js_ref(v) : js_str(fallback);
}

int route_version(struct call *c) {
    c->data = js_object();
    js_add(c->data, "version", cluster_fact(c->s, "version_text", "9.1.7"));
    js_add(c->data, "release", cluster_fact(c->s, "release", "9.1"));
    js_add(c->data, "repoid", cluster_fact(c->s, "repoid", "0000000000000000"));
    return 0;
}

int route_node_version(struct call *c) {
    js *node;

    return node_of_call(c, &node) < 0 ? -1 : route_version(c);
}

int route_cluster_index(struct call *c) {
    static const char *const names[] = {"acme",          "backup", "backup-info", "bulk-action",
                                        "ceph",          "config", "firewall",    "ha",
                                        "jobs",          "log",    "mapping",     "metrics",
                                        "notifications", "nextid", "options",     "replication",
                                        "resources",     "status", "tasks",       "sdn"};

    c->data = index_of("name", names, ARRAY_LEN(names));
    return 0;
}

/* What stands below a path, where nothing else is to be said of it. */
int route_plane_index(struct call *c) {
    static const struct {
        const char *path, *key;
        const char *names[6];
    } planes[] = {
        {"/cluster/mapping", "name", {"dir", "pci", "usb"}},
        {"/cluster/metrics", "name", {"server"}},
        {"/cluster/jobs", "subdir", {"schedule-analyze", "realm-sync"}},
        {"/cluster/notifications",
         "name",
         {"endpoints", "matchers", "targets", "matcher-fields", "matcher-field-values"}},
        {"/cluster/notifications/endpoints", "name", {"gotify", "sendmail", "smtp", "webhook"}},
    };

    for (size_t i = 0; i < ARRAY_LEN(planes); i++) {
        size_t n = 0;

        while (n < ARRAY_LEN(planes[i].names) && planes[i].names[n]) {
            n++;
        }
        if (strcmp(c->path, planes[i].path) == 0) {
            c->data = index_of(planes[i].key, planes[i].names, n);
        }
    }
    return 0;
}

int route_node_index(struct call *c) {
    static const char *const names[] = {"aplinfo",
                                        "apt",
                                        "capabilities",
                                        "ceph",
                                        "certificates",
                                        "config",
                                        "disks",
                                        "dns",
                                        "firewall",
                                        "hardware",
                                        "hosts",
                                        "journal",
                                        "lxc",
                                        "migrateall",
                                        "netstat",
                                        "network",
                                        "qemu",
                                        "query-oci-repo-tags",
                                        "query-url-metadata",
                                        "replication",
                                        "report",
                                        "rrd",
                                        "rrddata",
                                        "scan",
                                        "sdn",
                                        "services",
                                        "spiceshell",
                                        "startall",
                                        "status",
                                        "stopall",
                                        "storage",
                                        "subscription",
                                        "suspendall",
                                        "syslog",
                                        "tasks",
                                        "termproxy",
                                        "time",
                                        "version",
                                        "vncshell",
                                        "vzdump",
                                        "wakeonlan"};
    js *node;

    if (node_of_call(c, &node) < 0) {
        return -1;
    }
    c->data = index_of("name", names, ARRAY_LEN(names));
    return 0;
}

static bool online(const js *node) {
    return js_bool_or(node, "online", true);
}

static js *node_entry(struct call *c, const char *name, js *node, bool resource) {
    static const char *const stats[] = {"cpu", "disk", "maxcpu", "maxdisk", "maxmem", "mem"};
    js *o = js_object();
    char path[80];

    js_addf(o, "id", "node/%s", name);
    js_add(o, "node", js_str(name));
    js_add(o, "type", js_str("node"));
    js_add(o, "status", js_str(online(node) ? "online" : "offline"));
    if (!resource && js_get(node, "fingerprint")) {
        js_add(o, "ssl_fingerprint", js_ref(js_get(node, "fingerprint")));
    }
    (void)snprintf(path, sizeof(path), "/nodes/%s", name);
    if (!call_has(c, path, "Sys.Audit")) {
        return o;
    }
    js_add(o, "level", js_str(""));
    for (size_t i = 0; i < ARRAY_LEN(stats) && online(node); i++) {
        js_add(o, stats[i], js_get(node, stats[i]) ? js_ref(js_get(node, stats[i])) : js_int(0));
    }
    js_add(o, "uptime",
           js_int(online(node) ? sim_now(c->s) - js_int_or(node, "booted", c->s->started - 86400)
                               : 0));
    if (resource) {
        js_add(o, "cgroup-mode", js_int(js_int_or(node, "cgroup_mode", 2)));
        if (state_get(&c->s->st, "ha", "resources", NULL) &&
            js_members(state_get(&c->s->st, "ha", "resources", NULL))) {
            js_add(o, "hastate", js_str(online(node) ? "online" : "unknown"));
        }
    }
    return o;
}

int route_nodes(struct call *c) {
    js *nodes = state_get(&c->s->st, "nodes", NULL);

    c->data = js_array();
    JS_FOREACH(nodes, name, node) {
        js_push(c->data, node_entry(c, name, node, false));
    }
    return 0;
}

struct each_ctx {
    struct call *c;
    const char *pool; /* only members of it */
    js *sum;
};

static void resource_guest(void *ctx, const struct guest *g) {
    struct each_ctx *x = ctx;
    char path[40];

    (void)snprintf(path, sizeof(path), "/vms/%u", g->vmid);
    if (call_has(x->c, path, "VM.Audit")) {
        js *o = guest_resource(x->c->s, g, false);
        const char *pool = js_get_str(o, "pool");

        if (pool) {
            char at[160];

            (void)snprintf(at, sizeof(at), "/pool/%s", pool);
            if (!call_has(x->c, at, "Pool.Audit")) {
                json_object_object_del(o, "pool");
            }
        }
        js_push(x->c->data, o);
    }
}

static void pool_sum(void *ctx, const struct guest *g) {
    static const char *const add[] = {"maxcpu", "maxmem", "mem"};
    struct each_ctx *x = ctx;
    js *o;

    if (!js_get(js_get(state_get(&x->c->s->st, "pools", x->pool, NULL), "vms"), g->key) ||
        !guest_running(x->c->s, g)) {
        return;
    }
    o = guest_resource(x->c->s, g, true);
    for (size_t i = 0; i < ARRAY_LEN(add); i++) {
        js_add(x->sum, add[i], js_int(js_int_or(x->sum, add[i], 0) + js_int_or(o, add[i], 0)));
    }
    if (js_int_or(o, "uptime", 0) > js_int_or(x->sum, "uptime", 0)) {
        js_add(x->sum, "uptime", js_ref(js_get(o, "uptime")));
    }
    js_freep(&o);
}

static void resource_pools(struct call *c) {
    js *pools = state_get(&c->s->st, "pools", NULL);

    if (!pools) {
        return;
    }
    JS_FOREACH(pools, id, pool) {
        struct each_ctx x = {c, id, NULL};
        char path[160];
        js *o;

        (void)pool;
        (void)snprintf(path, sizeof(path), "/pool/%s", id);
        if (!call_has(c, path, "Pool.Audit")) {
            continue;
        }
        o = js_object();
        js_add(o, "id", js_str(path));
        js_add(o, "pool", js_str(id));
        js_add(o, "type", js_str("pool"));
        js_add(o, "cpu", js_int(0));
        js_add(o, "maxcpu", js_int(0));
        js_add(o, "maxmem", js_int(0));
        js_add(o, "mem", js_int(0));
        js_add(o, "uptime", js_int(0));
        x.sum = o;
        guest_each(c->s, pool_sum, &x);
        js_push(c->data, o);
    }
}

static void resource_storage(struct call *c) {
    js *all = state_get(&c->s->st, "storage", NULL), *nodes = state_get(&c->s->st, "nodes", NULL);

    if (!all || !nodes) {
        return;
    }
    JS_FOREACH(all, id, def) {
        char path[160];

        (void)snprintf(path, sizeof(path), "/storage/%s", id);
        if (!call_has(c, path, "Datastore.Audit|Datastore.AllocateSpace")) {
            continue;
        }
        JS_FOREACH(nodes, node, n) {
            if (online(n) && storage_on_node(def, node)) {
                js_push(c->data, storage_resource(c->s, id, node));
            }
        }
    }
}

static void resource_networks(struct call *c) {
    js *nodes = state_get(&c->s->st, "nodes", NULL);

    JS_FOREACH(nodes, node, n) {
        js *o;

        (void)n;
        if (!call_has(c, "/sdn/zones/localnetwork", "SDN.Audit|SDN.Use|SDN.Allocate")) {
            continue;
        }
        o = js_object();
        js_addf(o, "id", "network/%s/zone/localnetwork", node);
        js_add(o, "network", js_str("localnetwork"));
        js_add(o, "network-type", js_str("zone"));
        js_add(o, "node", js_str(node));
        js_add(o, "status", js_str("ok"));
        js_add(o, "type", js_str("network"));
        js_push(c->data, o);
    }
}

int route_resources(struct call *c) {
    const char *type = call_str(c, "type");
    struct each_ctx x = {c, NULL, NULL};

    c->data = js_array();
    if (!type) {
        resource_pools(c);
    }
    if (!type || strcmp(type, "vm") == 0) {
        guest_each(c->s, resource_guest, &x);
    }
    if (!type || strcmp(type, "node") == 0) {
        JS_FOREACH(state_get(&c->s->st, "nodes", NULL), name, node) {
            js_push(c->data, node_entry(c, name, node, true));
        }
    }
    if (!type || strcmp(type, "storage") == 0) {
        resource_storage(c);
    }
    if (!type || strcmp(type, "sdn") == 0) {
        resource_networks(c);
    }
    return 0;
}

int route_cluster_status(struct call *c) {
    js *nodes = state_get(&c->s->st, "nodes", NULL);
    const char *local =
        c->at ? c->at : js_str_or(state_get(&c->s->st, "cluster", NULL), "local", "");
    const char *name = js_get_str(state_get(&c->s->st, "cluster", NULL), "name");
    js *o;

    c->data = js_array();
    if (name) {
        o = js_object();
        js_add(o, "id", js_str("cluster"));
        js_add(o, "type", js_str("cluster"));
        js_add(o, "name", js_str(name));
        js_add(o, "nodes", js_int(js_members(nodes)));
        js_add(o, "quorate",
               js_int(js_int_or(state_get(&c->s->st, "cluster", NULL), "quorate", 1)));
        js_add(o, "version",
               js_int(js_int_or(state_get(&c->s->st, "cluster", NULL), "config_version", 1)));
        js_push(c->data, o);
    }
    JS_FOREACH(nodes, node, n) {
        o = js_object();
        js_addf(o, "id", "node/%s", node);
        js_add(o, "name", js_str(node));
        js_add(o, "type", js_str("node"));
        js_add(o, "ip", js_str(js_str_or(n, "ip", "")));
        js_add(o, "level", js_str(""));
        js_add(o, "local", js_int(strcmp(node, local) == 0));
        js_add(o, "nodeid", js_int(js_int_or(n, "id", 0)));
        js_add(o, "online", js_int(online(n)));
        js_push(c->data, o);
    }
    return 0;
}

int route_cluster_nextid(struct call *c) {
    const char *want = call_str(c, "vmid");
    struct guest g;
    uint32_t vmid;
    char text[16];

    if (want) {
        if (ident_vmid(want, &vmid) == 0 && guest_find(c->s, vmid, &g)) {
            return call_param_error(c, "vmid", "VM %s already exists", want);
        }
        c->data = js_str(want);
        return 0;
    }
    for (vmid = 100; guest_find(c->s, vmid, &g); vmid++) {
    }
    (void)snprintf(text, sizeof(text), "%u", vmid);
    c->data = js_str(text);
    return 0;
}

int route_config_nodes(struct call *c) {
    js *nodes = state_get(&c->s->st, "nodes", NULL);

    c->data = js_array();
    if (!state_get(&c->s->st, "cluster", "name", NULL)) {
        return 0;
    }
    JS_FOREACH(nodes, name, n) {
        js *o = js_object();

        js_add(o, "name", js_str(name));
        js_add(o, "node", js_str(name));
        js_addf(o, "nodeid", "%d", (int)js_int_or(n, "id", 0));
        js_add(o, "quorum_votes", js_str("1"));
        js_add(o, "ring0_addr", js_str(js_str_or(n, "ip", "")));
        js_push(c->data, o);
    }
    return 0;
}

static js *pair(const char *k1, int64_t v1, const char *k2, int64_t v2, const char *k3,
                int64_t v3) {
    js *o = js_object();

    js_add(o, k1, js_int(v1));
    js_add(o, k2, js_int(v2));
    js_add(o, k3, js_int(v3));
    return o;
}

static js *cpu_info(const js *n) {
    int64_t cpus = js_int_or(n, "maxcpu", 2);
    js *o = js_object();

    js_add(o, "cores", js_int(cpus));
    js_add(o, "cpus", js_int(cpus));
    js_add(o, "family", js_str("25"));
    js_add(o, "flags", js_str("fpu vme de pse tsc msr pae mce cx8 apic sep mtrr"));
    js_add(o, "hvm", js_str("1"));
    js_add(o, "mhz", js_str("2600.000"));
    js_add(o, "model", js_str("Simulated CPU"));
    js_add(o, "sockets", js_int(1));
    js_add(o, "user_hz", js_int(100));
    js_add(o, "vendor", js_str("AuthenticAMD"));
    return o;
}

int route_node_status(struct call *c) {
    js *n, *o, *v;
    int64_t total, used, disk, maxdisk;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    total = js_int_or(n, "maxmem", 0);
    used = js_int_or(n, "mem", 0);
    maxdisk = js_int_or(n, "maxdisk", 0);
    disk = js_int_or(n, "disk", 0);
    c->data = o = js_object();
    js_add(o, "cpu", js_get(n, "cpu") ? js_ref(js_get(n, "cpu")) : js_int(0));
    js_add(o, "cpuinfo", cpu_info(n));
    js_add(o, "idle", js_int(0));
    js_add(o, "wait", js_int(0));
    v = js_object();
    js_add(v, "mode", js_str("efi"));
    js_add(v, "secureboot", js_int(0));
    if (js_get(n, "boot_mode")) {
        js_freep(&v);
        v = js_object();
        js_add(v, "mode", js_ref(js_get(n, "boot_mode")));
    }
    js_add(o, "boot-info", v);
    v = js_object();
    js_add(v, "machine", js_str("x86_64"));
    js_add(v, "release", js_str("6.14.0-sim"));
    js_add(v, "sysname", js_str("Linux"));
    js_add(v, "version", js_str("#1 SMP PREEMPT_DYNAMIC"));
    js_add(o, "current-kernel", v);
    js_add(o, "kversion", js_str("Linux 6.14.0-sim #1 SMP PREEMPT_DYNAMIC"));
    v = js_object();
    js_add(v, "shared", js_int(0));
    js_add(o, "ksm", v);
    v = js_array();
    js_push(v, js_str("0.10"));
    js_push(v, js_str("0.08"));
    js_push(v, js_str("0.05"));
    js_add(o, "loadavg", v);
    v = pair("total", total, "used", used, "free", total - used);
    js_add(v, "available", js_int(total - used));
    js_add(o, "memory", v);
    v = pair("total", maxdisk, "used", disk, "free", maxdisk - disk);
    js_add(v, "avail", js_int(maxdisk - disk));
    js_add(o, "rootfs", v);
    js_add(o, "swap", pair("total", 0, "used", 0, "free", 0));
    js_addf(o, "pveversion", "pve-manager/%s/%s",
            js_str_or(state_get(&c->s->st, "cluster", NULL), "version_text", "9.1.7"),
            js_str_or(state_get(&c->s->st, "cluster", NULL), "repoid", "0000000000000000"));
    js_add(o, "uptime", js_int(sim_now(c->s) - js_int_or(n, "booted", c->s->started - 86400)));
    return 0;
}
