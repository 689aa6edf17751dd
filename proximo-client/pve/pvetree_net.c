/* SPDX-License-Identifier: Apache-2.0 */
/* A node's interfaces, SDN and corosync as the API answers them. Whether an interface is up is not
 * in the files. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "common/pvefile.h"
#include "proximo-client/pve/pvetree_int.h"

/* What the API calls an interface, from its options and its name. */
static const char *type_of(const char *name, const js *options) {
    static const struct {
        const char *key, *type;
    } by_option[] = {
        {"ovs_bridge", "OVSPort"},   {"bond-slaves", "bond"},    {"slaves", "bond"},
        {"bridge_ports", "bridge"},  {"bridge-ports", "bridge"}, {"vlan-raw-device", "vlan"},
        {"vlan_raw_device", "vlan"},
    };
    const char *ovs = js_str_or(options, "ovs_type", NULL);

    if (ovs) {
        return ovs;
    }
    for (size_t i = 0; i < ARRAY_LEN(by_option); i++) {
        if (js_get(options, by_option[i].key)) {
            return by_option[i].type;
        }
    }
    return strcmp(name, "lo") == 0         ? "loopback"
           : strchr(name, ':')             ? "alias"
           : strchr(name, '.')             ? "vlan"
           : strncmp(name, "vmbr", 4) == 0 ? "bridge"
           : strncmp(name, "bond", 4) == 0 ? "bond"
                                           : "eth";
}

/* address may carry the prefix, or netmask does (as a number, or dotted as it was once). */
static void add_address(js *o, const js *options, const char *six) {
    const char *address = js_str_or(options, "address", "");
    const char *mask = js_str_or(options, "netmask", "");
    size_t n = strcspn(address, "/\n");
    struct in_addr dotted;
    char key[16], prefix[8] = "";

    if (!*address) {
        return;
    }
    if (address[n] == '/') {
        (void)snprintf(prefix, sizeof(prefix), "%.*s", (int)strcspn(address + n + 1, "\n"),
                       address + n + 1);
    } else if (strchr(mask, '.') && inet_pton(AF_INET, mask, &dotted) == 1) {
        (void)snprintf(prefix, sizeof(prefix), "%d", __builtin_popcount(dotted.s_addr));
    } else {
        (void)snprintf(prefix, sizeof(prefix), "%.7s", mask);
    }
    (void)snprintf(key, sizeof(key), "address%s", six);
    js_add(o, key, js_str_n(address, n));
    (void)snprintf(key, sizeof(key), "netmask%s", six);
    if (prefix[0]) {
        js_add(o, key, js_str(prefix));
        (void)snprintf(key, sizeof(key), "cidr%s", six);
        js_addf(o, key, "%.*s/%s", (int)n, address, prefix);
    }
}

static js *interface_of(const char *name, const js *def) {
    const js *options = js_get(def, "options");
    const js *options6 = js_get(def, "options6");
    js *o = js_object();

    js_add(o, "iface", js_str(name));
    js_add(o, "type", js_str(type_of(name, options)));
    js_add(o, "families", js_copy(js_get(def, "families")));
    js_add(o, "method", js_str(js_str_or(def, "method", "manual")));
    js_add(o, "method6", js_str(js_str_or(def, "method6", "manual")));
    if (js_bool_or(def, "auto", false)) {
        js_add(o, "autostart", js_int(1));
    }
    add_address(o, options, "");
    add_address(o, options6, "6");
    if (js_get(options6, "gateway")) {
        js_add(o, "gateway6", js_ref(js_get(options6, "gateway")));
    }
    JS_FOREACH(options, key, value) {
        const char *as = pvefile_net_key(key);

        if (strcmp(key, "address") == 0 || strcmp(key, "netmask") == 0) {
            continue;
        }
        if (strcmp(as, "bridge_ports") == 0 && strcmp(json_object_get_string(value), "none") == 0) {
            js_add(o, as, js_str(""));
        } else if (strcmp(as, "bridge_vlan_aware") == 0) {
            js_add(o, as, js_int(1));
        } else {
            js_add(o, as, js_ref(value));
        }
    }
    return o;
}

static js *interface_list(struct ask *a, const char *file, const char *node) {
    js *list = js_array();

    JS_FOREACH(pvetree_file(a, "etc/network/%s@%s", file, node), name, def) {
        if (strcmp(name, "lo") != 0) {
            js_push(list, interface_of(name, def));
        }
    }
    return list;
}

/* Files of one node only are in its own inventory: of the others nothing is known. */
static js *interfaces(struct ask *a) {
    char path[128];

    (void)snprintf(path, sizeof(path), "etc/network/interfaces@%.64s", a->v[1]);
    if (!js_get(a->t->files, path) && !js_get(a->t->unread, path)) {
        return NULL;
    }
    return interface_list(a, a->n == 4 ? "interfaces.new" : "interfaces", a->v[1]);
}

static js *corosync_nodes(struct ask *a) {
    const js *list = js_get(js_get(pvetree_file(a, "corosync.conf"), "nodelist"), "node");
    js *out = js_array();

    for (size_t i = 0; js_is_object(list) ? i < 1 : i < js_len(list); i++) {
        const js *node = js_is_object(list) ? list : js_at(list, i);
        js *o = js_is_object(node) ? js_copy(node) : js_object(); /* "node: x" is no section */

        js_add(o, "node", js_str(js_str_or(node, "name", "")));
        js_push(out, o);
    }
    return out;
}

/* Interfaces are keyed by their link's number. */
static js *totem(struct ask *a) {
    const js *section = js_get(pvetree_file(a, "corosync.conf"), "totem");
    js *o = js_is_object(section) ? js_copy(section) : js_object();
    CLEANUP(js_freep) js *list = NULL;
    js *by_link = js_object();

    list = js_ref(js_get(o, "interface"));
    for (size_t i = 0; js_is_object(list) ? i < 1 : i < js_len(list); i++) {
        js *link = js_is_object(list) ? list : js_at(list, i);

        js_add(by_link, js_str_or(link, "linknumber", "0"), js_ref(link));
    }
    js_add(o, "interface", by_link);
    return o;
}

static const char zone_ints[] =
    "advertise-subnets bridge-disable-mac-learning disable-arp-nd-suppression dp-id "
    "exitnodes-local-routing mtu tag vrf-vxlan vxlan-port";

/* "start-address=A,end-address=B" as the API takes it apart. */
static js *range_of(const char *text) {
    js *o = js_object();

    while (*text) {
        size_t n = strcspn(text, ","), k = strcspn(text, "=,");
        CLEANUP(js_freep) js *name = js_str_n(text, k);

        if (k < n) {
            js_add(o, json_object_get_string(name), js_str_n(text + k + 1, n - k - 1));
        }
        text += n + (text[n] != '\0');
    }
    return o;
}

static js *ranges_of(const js *subnet) {
    const js *texts = js_get(subnet, "dhcp-range");
    js *list = js_array();

    for (size_t i = 0; i < js_len(texts); i++) {
        js_push(list, range_of(json_object_get_string(js_at(texts, i))));
    }
    return list;
}

/* "lab-10.77.0.0-24": zone, network, mask. */
static js *subnet_list(struct ask *a, const char *vnet) {
    js *all = pvetree_list(pvetree_file(a, "sdn/subnets.cfg"), "subnet", "snat");
    js *list = js_array();

    for (size_t i = 0; i < js_len(all); i++) {
        js *o = js_at(all, i);
        const char *id = js_str_or(o, "subnet", "");
        const char *first = strchr(id, '-');
        const char *last = strrchr(id, '-');

        if (strcmp(js_str_or(o, "vnet", ""), vnet) != 0) {
            continue;
        }
        js_add(o, "id", js_str(id));
        if (first && last > first) {
            js_add(o, "zone", js_str_n(id, (size_t)(first - id)));
            js_add(o, "network", js_str_n(first + 1, (size_t)(last - first) - 1));
            js_add(o, "mask", js_str(last + 1));
            js_addf(o, "cidr", "%s/%s", json_object_get_string(js_get(o, "network")), last + 1);
        } else {
            (void)snprintf(a->doubt, sizeof(a->doubt), "sdn/subnets.cfg: '%.60s' is no subnet", id);
        }
        js_add(o, "dhcp-range", ranges_of(o));
        js_push(list, js_ref(o));
    }
    js_freep(&all);
    return list;
}

js *pvetree_answer_network(struct ask *a) {
    if (ASK_IS(a, "nodes", "*", "network") && !a->query) {
        return interfaces(a);
    }
    if (ASK_IS(a, "cluster", "sdn", "vnets", "*", "subnets")) {
        return subnet_list(a, a->v[3]);
    }
    return ASK_IS(a, "cluster", "config", "nodes")   ? corosync_nodes(a)
           : ASK_IS(a, "cluster", "config", "totem") ? totem(a)
           : ASK_IS(a, "cluster", "sdn", "zones")
               ? pvetree_list(pvetree_file(a, "sdn/zones.cfg"), "zone", zone_ints)
           : ASK_IS(a, "cluster", "sdn", "vnets")
               ? pvetree_list(pvetree_file(a, "sdn/vnets.cfg"), "vnet",
                              "isolate-ports tag vlanaware")
           : ASK_IS(a, "cluster", "sdn", "controllers")
               ? pvetree_list(pvetree_file(a, "sdn/controllers.cfg"), "controller",
                              "asn bgp-multipath-as-path-relax ebgp ebgp-multihop")
           : ASK_IS(a, "cluster", "sdn", "ipams")
               ? pvetree_list(pvetree_file(a, "sdn/ipams.cfg"), "ipam", "section")
           : ASK_IS(a, "cluster", "sdn", "dns")
               ? pvetree_list(pvetree_file(a, "sdn/dns.cfg"), "dns",
                              "reversemaskv6 reversev6mask ttl")
               : NULL;
}
