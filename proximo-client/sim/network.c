/* SPDX-License-Identifier: Apache-2.0 */
/* A node's interfaces: what is made, changed or deleted is staged; a reload makes it run, a revert
 * forgets it. As on a real node every answer shows what is staged, and `changes` how that differs
 * from what runs. */
#include "proximo-client/sim/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"

static js *list_of(struct sim *s, const char *node, const char *which) {
    return state_get(&s->st, "nodes", node, which, NULL);
}

/* What the API shows: staged, or what runs. A new value. */
static js *shown(struct sim *s, const char *node) {
    const js *list = list_of(s, node, "network_new");

    list = list ? list : list_of(s, node, "network");
    return list ? js_copy(list) : js_array();
}

static js *find(const js *list, const char *iface) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "iface", ""), iface) == 0) {
            return js_at(list, i);
        }
    }
    return NULL;
}

/* ---- reading ---- */

static bool wanted(const char *type, const js *o) {
    const char *is = js_str_or(o, "type", "");
    bool bridge = strcmp(is, "bridge") == 0 || strcmp(is, "OVSBridge") == 0;

    return !type || strcmp(type, "include_sdn") == 0 || strcmp(type, is) == 0 ||
           (bridge && (strcmp(type, "any_bridge") == 0 || strcmp(type, "any_local_bridge") == 0));
}

/* Bridges are shown to those only who may use or see them. */
static bool may_see(struct call *c, const js *o) {
    char path[80];
    const char *type = js_str_or(o, "type", "");

    if (strcmp(type, "bridge") != 0 && strcmp(type, "OVSBridge") != 0) {
        return true;
    }
    (void)snprintf(path, sizeof(path), "/sdn/zones/localnetwork/%.40s", js_str_or(o, "iface", ""));
    return call_has(c, path, "SDN.Audit|SDN.Use");
}

static int add_changes(struct call *c, const char *node) {
    CLEANUP(buf_done) struct buf before = BUF_INIT(LIM_CONF);
    CLEANUP(buf_done) struct buf after = BUF_INIT(LIM_CONF);
    CLEANUP(buf_done) struct buf diff = BUF_INIT(2 * LIM_CONF);
    const js *known = list_of(c->s, node, "network_changes"); /* of an import, as it was read */
    const js *staged = list_of(c->s, node, "network_new");
    /* the same for the same changes: a difference that tells the time of day is always another one
     */
    int64_t booted = js_int_or(state_get(&c->s->st, "nodes", node, NULL), "booted", 0);

    if (staged && (network_text(list_of(c->s, node, "network"), &before) < 0 ||
                   network_text(staged, &after) < 0 ||
                   network_diff(booted, buf_str(&before), buf_str(&after), &diff) < 0)) {
        return call_fail(c, 500, "the interfaces are too many to compare");
    }
    if (diff.len || known) {
        c->extra = js_object();
        js_add(c->extra, "changes",
               staged ? js_str(buf_str(&diff)) : js_ref((js *)(uintptr_t)known));
    }
    return 0;
}

int route_node_network(struct call *c) {
    CLEANUP(js_freep) js *list = NULL;
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    list = shown(c->s, call_str(c, "node"));
    c->data = js_array();
    for (size_t i = 0; i < js_len(list); i++) {
        js *o = js_at(list, i);

        if (wanted(call_str(c, "type"), o) && may_see(c, o)) {
            js_push(c->data, js_ref(o));
        }
    }
    return add_changes(c, call_str(c, "node"));
}

/* A copy of the path's node's interfaces, and in it the path's one; or the 400 that says that it is
 * not there. */
static int iface_of_call(struct call *c, js **ret_list, js **ret) {
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    *ret_list = shown(c->s, call_str(c, "node"));
    *ret = find(*ret_list, call_str(c, "iface"));
    return *ret ? 0 : call_param_error(c, "iface", "interface does not exist");
}

int route_node_iface(struct call *c) {
    CLEANUP(js_freep) js *list = NULL;
    js *o = NULL;

    if (iface_of_call(c, &list, &o) < 0) {
        return -1;
    }
    c->data = js_copy(o);
    json_object_object_del(c->data, "iface");
    return 0;
}

/* ---- what an interface must be ---- */

static const char *const port_keys[] = {"bridge_ports", "slaves", "ovs_ports", "ovs_bonds"};

/* Calls f for each port of an interface until it returns true. */
static bool each_port(const js *o, bool (*f)(void *ctx, const char *port), void *ctx) {
    for (size_t k = 0; k < ARRAY_LEN(port_keys); k++) {
        for (const char *s = js_str_or(o, port_keys[k], ""); *s;) {
            size_t n = strcspn(s, ",; ");
            char port[64];

            (void)snprintf(port, sizeof(port), "%.*s", (int)n, s);
            if (n && f(ctx, port)) {
                return true;
            }
            s += n + (s[n] != '\0');
        }
    }
    return false;
}

struct look {
    const js *list, *o;
    char port[64], other[64];
};

static bool is_port(void *ctx, const char *port) {
    return strcmp(ctx, port) == 0;
}

/* Whether another interface has that port already. */
static bool taken(void *ctx, const char *port) {
    struct look *l = ctx;

    for (size_t i = 0; i < js_len(l->list); i++) {
        const js *o = js_at(l->list, i);

        (void)snprintf(l->port, sizeof(l->port), "%s", port);
        if (strcmp(js_str_or(o, "iface", ""), js_str_or(l->o, "iface", "")) != 0 &&
            each_port(o, is_port, l->port)) {
            (void)snprintf(l->other, sizeof(l->other), "%s", js_str_or(o, "iface", ""));
            return true;
        }
    }
    return false;
}

/* A port "eno1.5" needs no definition of its own, the interface below it does. */
static bool missing(void *ctx, const char *port) {
    struct look *l = ctx;
    const char *dot = strrchr(port, '.');

    (void)snprintf(l->port, sizeof(l->port), "%s", port);
    if (!find(l->list, port) && dot) {
        (void)snprintf(l->port, sizeof(l->port), "%.*s", (int)(dot - port), port);
    }
    return find(l->list, l->port) == NULL;
}

static bool has_address(void *ctx, const char *port) {
    struct look *l = ctx;
    const js *o = find(l->list, port);

    (void)snprintf(l->port, sizeof(l->port), "%s", port);
    return js_get(o, "address") || js_get(o, "address6");
}

static bool too_small(void *ctx, const char *port) {
    struct look *l = ctx;

    (void)snprintf(l->port, sizeof(l->port), "%s", port);
    return js_int_or(find(l->list, port), "mtu", 1500) < js_int_or(l->o, "mtu", 0);
}

/* What PVE finds when it writes the whole file. */
static int check_one(struct call *c, const js *list, const js *o) {
    struct look l = {.list = list, .o = o};
    const char *name = js_str_or(o, "iface", ""), *type = js_str_or(o, "type", "");
    const char *raw = js_str_or(o, "vlan-raw-device", "");

    if (each_port(o, missing, &l)) {
        return strcmp(type, "bond") == 0
                   ? call_fail(c, 500, "bond '%s' - unable to find slave '%s'", name, l.port)
                   : call_fail(c, 500, "bridge '%s' - unable to find bridge port '%s'", name,
                               l.port);
    }
    if (strcmp(type, "bridge") == 0 && each_port(o, has_address, &l)) {
        return call_fail(c, 500, "iface %s - ip address can't be set on interface if bridged in %s",
                         l.port, name);
    }
    if (strcmp(type, "vlan") == 0 && !find(list, raw)) {
        return call_fail(c, 500, "vlan '%s' - unable to find parent '%s'", name, raw);
    }
    if (strcmp(type, "bridge") == 0 && each_port(o, too_small, &l)) {
        return call_fail(c, 500, "interface '%s' - mtu of '%s' is too small", name, l.port);
    }
    return 0;
}

static int check_all(struct call *c, const js *list) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (check_one(c, list, js_at(list, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* What PVE finds before it writes. */
static int check_params(struct call *c, const js *list, const js *o) {
    static const char *const ways[][2] = {{"gateway", "Default gateway"},
                                          {"gateway6", "Default ipv6 gateway"}};
    struct look l = {.list = list, .o = o};

    for (size_t k = 0; k < ARRAY_LEN(ways); k++) {
        for (size_t i = 0; call_str(c, ways[k][0]) && i < js_len(list); i++) {
            const char *name = js_str_or(js_at(list, i), "iface", "");

            if (js_get(js_at(list, i), ways[k][0]) && strcmp(name, call_str(c, "iface")) != 0) {
                return call_param_error(c, ways[k][0], "%s already exists on interface '%s'.",
                                        ways[k][1], name);
            }
        }
    }
    for (size_t k = 0; k < ARRAY_LEN(port_keys); k++) {
        if (call_str(c, port_keys[k]) && each_port(o, taken, &l)) {
            return call_param_error(c, port_keys[k], "%s is already used on interface '%s'.",
                                    l.port, l.other);
        }
    }
    if (strncmp(js_str_or(o, "type", ""), "OVS", 3) == 0) {
        return call_fail(c, 500,
                         "Open VSwitch is not installed (need package 'openvswitch-switch')");
    }
    return 0;
}

/* ---- how PVE reads back what it wrote ---- */

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Lists of ports come back sorted and separated by blanks. */
static void sort_ports(js *o, const char *key) {
    char text[1024];
    const char *port[128] = {NULL};
    char *save = NULL;
    CLEANUP(buf_done) struct buf b = BUF_INIT(2048);
    size_t n = 0;

    (void)snprintf(text, sizeof(text), "%s", js_str_or(o, key, ""));
    for (char *p = strtok_r(text, ",; ", &save); p && n < ARRAY_LEN(port);
         p = strtok_r(NULL, ",; ", &save)) {
        port[n++] = p;
    }
    qsort(port, n, sizeof(*port), by_text);
    for (size_t i = 0; i < n; i++) {
        (void)buf_addf(&b, "%s%s", i ? " " : "", port[i]);
    }
    js_add(o, key, js_str(buf_str(&b)));
}

static void split_cidr(js *o, const char *cidr, const char *address, const char *netmask) {
    const char *text = js_str_or(o, cidr, "");
    const char *slash = strchr(text, '/');

    if (slash) {
        js_add(o, address, js_str_n(text, (size_t)(slash - text)));
        js_add(o, netmask, js_str(slash + 1));
    } else {
        json_object_object_del(o, cidr);
        json_object_object_del(o, address);
        json_object_object_del(o, netmask);
    }
}

static void add_default(js *o, const char *key, const char *value) {
    if (!js_get(o, key)) {
        js_add(o, key, js_str(value));
    }
}

static void by_type(js *o) {
    const char *type = js_str_or(o, "type", ""), *iface = js_str_or(o, "iface", "");
    const char *dot = strrchr(iface, '.');

    if (strcmp(type, "bridge") == 0) {
        sort_ports(o, "bridge_ports");
        add_default(o, "bridge_stp", "off");
        add_default(o, "bridge_fd", "0");
        if (js_get(o, "bridge_vlan_aware")) { /* a 0 counts, too: only its absence is "off" */
            js_add(o, "bridge_vlan_aware", js_int(1));
            add_default(o, "bridge_vids", "2-4094");
        } else {
            json_object_object_del(o, "bridge_vids");
        }
    } else if (strcmp(type, "bond") == 0) {
        sort_ports(o, "slaves");
        add_default(o, "bond_miimon", "100");
        add_default(o, "bond_mode", "balance-rr");
    } else if (strcmp(type, "vlan") == 0 && dot) {
        js_add(o, "vlan-raw-device", js_str_n(iface, (size_t)(dot - iface)));
        js_add(o, "vlan-id", js_str(dot + 1));
    } else if (strcmp(type, "vlan") == 0 && strncmp(iface, "vlan", 4) == 0) {
        js_add(o, "vlan-id", js_str(iface + 4));
    }
}

static void settle(js *o, bool has_4, bool has_6) {
    js *families = js_array();
    const char *comments = js_str_or(o, "comments", "");
    size_t n = strlen(comments);

    if (!has_4) { /* the address stands in the file only below "static" */
        json_object_object_del(o, "cidr");
    }
    if (!has_6) {
        json_object_object_del(o, "cidr6");
    }
    split_cidr(o, "cidr", "address", "netmask");
    split_cidr(o, "cidr6", "address6", "netmask6");
    if (has_4 || !has_6) {
        js_push(families, js_str("inet"));
    }
    if (has_6) {
        js_push(families, js_str("inet6"));
    }
    js_add(o, "families", families);
    js_add(o, "method", js_str(has_4 ? "static" : "manual"));
    js_add(o, "method6", js_str(has_6 ? "static" : "manual"));
    if (!js_bool_or(o, "autostart", false)) {
        json_object_object_del(o, "autostart");
    } else {
        js_add(o, "autostart", js_int(1));
    }
    if (n && comments[n - 1] != '\n') {
        js_addf(o, "comments", "%s\n", comments);
    } else if (!n) {
        json_object_object_del(o, "comments");
    }
    by_type(o);
}

/* ---- staging ---- */

static int rank(const js *o) {
    const char *type = js_str_or(o, "type", "");

    return strcmp(type, "bond") == 0     ? 4
           : strcmp(type, "bridge") == 0 ? 5
           : strcmp(type, "vlan") == 0   ? 6
           : strcmp(type, "eth") == 0    ? 2
                                         : 3;
}

/* The file has them by kind, and within a kind in the order they were there. */
static js *in_order(const js *list) {
    js *out = js_array();

    for (int want = 2; want <= 6; want++) {
        for (size_t i = 0; i < js_len(list); i++) {
            js *o = js_at(list, i);

            if (rank(o) == want) {
                js_add(o, "priority", js_int((int64_t)js_len(out) + 3));
                js_push(out, js_ref(o));
            }
        }
    }
    return out;
}

/* Whether the two files would be the same: then nothing is staged. */
static bool same_text(const js *a, const js *b) {
    CLEANUP(buf_done) struct buf x = BUF_INIT(LIM_CONF);
    CLEANUP(buf_done) struct buf y = BUF_INIT(LIM_CONF);

    return network_text(a, &x) == 0 && network_text(b, &y) == 0 &&
           strcmp(buf_str(&x), buf_str(&y)) == 0;
}

static int stage(struct call *c, const js *list) {
    const char *node = call_str(c, "node");
    CLEANUP(js_freep) js *ordered = NULL;

    if (check_all(c, list) < 0) {
        return -1;
    }
    ordered = in_order(list);
    if (!same_text(ordered, list_of(c->s, node, "network"))) {
        state_set(&c->s->st, TAKE(ordered), "nodes", node, "network_new", NULL);
    } else if (list_of(c->s, node, "network_new")) {
        state_del(&c->s->st, "nodes", node, "network_new", NULL);
    }
    sim_tick(c->s);
    return 0;
}

int route_iface_create(struct call *c) {
    CLEANUP(js_freep) js *list = NULL;
    js *n, *o;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    list = shown(c->s, call_str(c, "node"));
    if (find(list, call_str(c, "iface"))) {
        return call_param_error(c, "iface", "interface already exists");
    }
    o = js_object();
    call_over(c, o, "node", NULL);
    js_push(list, o);
    if (check_params(c, list, o) < 0) {
        return -1;
    }
    settle(o, call_str(c, "cidr") != NULL, call_str(c, "cidr6") != NULL);
    return stage(c, list);
}

int route_iface_update(struct call *c) {
    CLEANUP(js_freep) js *list = NULL;
    js *o = NULL;

    if (iface_of_call(c, &list, &o) < 0) {
        return -1;
    }
    call_over(c, o, "node", NULL);
    if (check_params(c, list, o) < 0) {
        return -1;
    }
    /* an address that a change does not repeat is gone with it */
    settle(o, call_str(c, "cidr") != NULL, call_str(c, "cidr6") != NULL);
    return stage(c, list);
}

int route_iface_delete(struct call *c) {
    CLEANUP(js_freep) js *list = NULL;
    CLEANUP(js_freep) js *rest = js_array();
    js *o = NULL;

    if (iface_of_call(c, &list, &o) < 0) {
        return -1;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        if (js_at(list, i) != o) {
            js_push(rest, js_ref(js_at(list, i)));
        }
    }
    return stage(c, rest);
}

/* ---- applying and forgetting ---- */

void network_apply(struct sim *s, const char *node) {
    const js *staged = list_of(s, node, "network_new");
    js *list = staged ? js_copy(staged) : NULL;

    for (size_t i = 0; i < js_len(list); i++) {
        js_add(js_at(list, i), "active", js_int(1));
    }
    if (list) {
        state_set(&s->st, list, "nodes", node, "network", NULL);
        state_del(&s->st, "nodes", node, "network_new", NULL);
    }
    if (list_of(s, node, "network_changes")) {
        state_del(&s->st, "nodes", node, "network_changes", NULL);
    }
}

static const char *reload(struct sim_task *t) {
    network_apply(t->s, t->node);
    return NULL;
}

int route_network_apply(struct call *c) {
    struct sim_task *t;
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    t = task_new(c, reload);
    return t ? task_start(c, t, call_str(c, "node"), "srvreload", "networking")
             : call_fail(c, 500, "out of memory");
}

int route_network_revert(struct call *c) {
    static const char *const staged[] = {"network_new", "network_changes"};
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(staged); i++) {
        if (js_get(n, staged[i])) {
            state_del(&c->s->st, "nodes", call_str(c, "node"), staged[i], NULL);
        }
    }
    sim_tick(c->s);
    return 0;
}
