/* SPDX-License-Identifier: Apache-2.0 */
/* What a node runs and what it is made of: services, package sources and lists. */
#include <string.h>

#include "common/own.h"
#include "proximo-client/sim/routes.h"

static const struct {
    const char *name, *desc;
} services[] = {
    {"chrony", "chrony, an NTP client/server"},
    {"corosync", "Corosync Cluster Engine"},
    {"cron", "Regular background program processing daemon"},
    {"ksmtuned", "Kernel Samepage Merging (KSM) Tuning Daemon"},
    {"postfix", "Postfix Mail Transport Agent"},
    {"proxmox-firewall", "Proxmox nftables firewall"},
    {"pve-cluster", "The Proxmox VE cluster filesystem"},
    {"pve-firewall", "Proxmox VE firewall"},
    {"pve-ha-crm", "PVE Cluster HA Resource Manager Daemon"},
    {"pve-ha-lrm", "PVE Local HA Resource Manager Daemon"},
    {"pvedaemon", "PVE API Daemon"},
    {"pveproxy", "PVE API Proxy Server"},
    {"pvescheduler", "Proxmox VE scheduler"},
    {"pvestatd", "PVE Status Daemon"},
    {"qmeventd", "PVE Qemu Event Daemon"},
    {"spiceproxy", "PVE SPICE Proxy Server"},
    {"sshd", "OpenBSD Secure Shell server"},
    {"syslog", "System Logging Service"},
    {"systemd-journald", "Journal Service"},
};

/* Services run unless somebody stopped them. */
static js *service_out(struct call *c, size_t i) {
    bool runs =
        !state_get(&c->s->st, "nodes", call_str(c, "node"), "stopped", services[i].name, NULL);
    js *o = js_object();

    js_add(o, "service", js_str(services[i].name));
    js_add(o, "name", js_str(services[i].name));
    js_add(o, "desc", js_str(services[i].desc));
    js_add(o, "state", js_str(runs ? "running" : "dead"));
    js_add(o, "active-state", js_str(runs ? "active" : "inactive"));
    js_add(o, "unit-state", js_str("enabled"));
    return o;
}

int route_services(struct call *c) {
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    c->data = js_array();
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        js_push(c->data, service_out(c, i));
    }
    return 0;
}

static int service_of_call(struct call *c, size_t *ret) {
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        if (strcmp(services[i].name, call_str(c, "service")) == 0) {
            *ret = i;
            return 0;
        }
    }
    return call_param_error(c, "service", "value '%.60s' does not have a value in the enumeration",
                            call_str(c, "service"));
}

int route_service_state(struct call *c) {
    size_t i = 0;

    if (service_of_call(c, &i) < 0) {
        return -1;
    }
    c->data = service_out(c, i);
    return 0;
}

static const char *service_done(struct sim_task *t) {
    struct state *st = &t->s->st;

    if (strcmp(js_str_or(t->args, "does", ""), "stop") == 0) {
        state_set(st, js_int(1), "nodes", t->node, "stopped", t->arg, NULL);
    } else if (state_get(st, "nodes", t->node, "stopped", t->arg, NULL)) {
        state_del(st, "nodes", t->node, "stopped", t->arg, NULL);
        if (!js_members(state_get(st, "nodes", t->node, "stopped", NULL))) {
            state_del(st, "nodes", t->node, "stopped", NULL);
        }
    }
    return NULL;
}

int route_service_do(struct call *c) {
    const char *does = strrchr(c->path, '/') + 1;
    struct sim_task *t;
    char type[40];
    size_t i = 0;

    if (service_of_call(c, &i) < 0) {
        return -1;
    }
    t = task_new(c, service_done);
    (void)snprintf(t->arg, sizeof(t->arg), "%s", services[i].name);
    t->args = js_object();
    js_add(t->args, "does", js_str(does));
    (void)snprintf(type, sizeof(type), "srv%s", does);
    return task_start(c, t, call_str(c, "node"), type, services[i].name);
}

/* ---- packages ---- */

#define SOURCES   "/etc/apt/sources.list.d/proxmox.sources"
#define N_SOURCES 2

static bool source_on(struct call *c, size_t i) {
    char index[8];
    const js *v;

    (void)snprintf(index, sizeof(index), "%zu", i);
    v = state_get(&c->s->st, "nodes", call_str(c, "node"), "sources", index, NULL);
    return v ? json_object_get_int((js *)(uintptr_t)v) != 0 : i == 1;
}

static js *one_source(struct call *c, size_t i) {
    static const char *const comps[N_SOURCES] = {"pve-enterprise", "pve-no-subscription"};
    js *o = js_object();
    static const char *const lists[][2] = {{"Types", "deb"},
                                           {"URIs", "http://download.example.invalid/debian/pve"},
                                           {"Suites", "trixie"}};

    for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
        js *l = js_array();

        js_push(l, js_str(lists[k][1]));
        js_add(o, lists[k][0], l);
    }
    {
        js *l = js_array();

        js_push(l, js_str(comps[i]));
        js_add(o, "Components", l);
    }
    js_add(o, "Enabled", js_int(source_on(c, i)));
    js_add(o, "FileType", js_str("sources"));
    return o;
}

static void sources_digest(struct call *c, char ret[static 65]) {
    (void)snprintf(ret, 65, "%062d%d%d", 0, source_on(c, 0), source_on(c, 1));
}

int route_apt_repositories(struct call *c) {
    js *n, *file = js_object(), *list = js_array(), *files = js_array();
    char digest[65];

    c->data = js_object();
    if (node_of_call(c, &n) < 0) {
        js_freep(&file);
        js_freep(&list);
        js_freep(&files);
        return -1;
    }
    for (size_t i = 0; i < N_SOURCES; i++) {
        js_push(list, one_source(c, i));
    }
    js_add(file, "path", js_str(SOURCES));
    js_add(file, "file-type", js_str("sources"));
    js_add(file, "repositories", list);
    js_push(files, file);
    js_add(c->data, "files", files);
    js_add(c->data, "errors", js_array());
    js_add(c->data, "infos", js_array());
    js_add(c->data, "standard-repos", js_array());
    sources_digest(c, digest);
    js_add(c->data, "digest", js_str(digest));
    return 0;
}

int route_apt_repository_set(struct call *c) {
    int64_t index = call_int(c, "index", -1);
    char digest[65], name[8];
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    sources_digest(c, digest);
    if (call_digest(c, 500, digest) < 0) {
        return -1;
    }
    if (strcmp(call_str(c, "path"), SOURCES) != 0) {
        return call_fail(c, 500, "invalid path: %s", call_str(c, "path"));
    }
    if (index < 0 || index >= N_SOURCES) {
        return call_fail(c, 500, "invalid index: %lld", (long long)index);
    }
    (void)snprintf(name, sizeof(name), "%d", (int)index);
    if (call_bool(c, "enabled", source_on(c, (size_t)index)) == (index == 1)) { /* as installed */
        if (state_get(&c->s->st, "nodes", call_str(c, "node"), "sources", name, NULL)) {
            state_del(&c->s->st, "nodes", call_str(c, "node"), "sources", name, NULL);
            if (!js_members(state_get(&c->s->st, "nodes", call_str(c, "node"), "sources", NULL))) {
                state_del(&c->s->st, "nodes", call_str(c, "node"), "sources", NULL);
            }
        }
    } else {
        state_set(&c->s->st, js_int(index == 0), "nodes", call_str(c, "node"), "sources", name,
                  NULL);
    }
    sim_tick(c->s);
    return 0;
}

static const char *nothing(struct sim_task *t) {
    task_log(t, "starting apt-get update");
    return NULL;
}

int route_apt_update(struct call *c) {
    js *n;

    return node_of_call(c, &n) < 0
               ? -1
               : task_start(c, task_new(c, nothing), call_str(c, "node"), "aptupdate", "");
}

int route_apt_updates(struct call *c) {
    js *n;

    c->data = js_array();
    return node_of_call(c, &n);
}
