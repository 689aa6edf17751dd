/* SPDX-License-Identifier: Apache-2.0 */
/* The rest of a capture: sections (mappings, metric servers, notification targets, ACME plugins,
 * realm sync jobs), the software-defined network as configured and as it runs, nodes' own settings.
 * What the API adds to an object when it shows it is taken off again, so that the second simulator
 * shows the same. */
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/sim/routes.h"

/* What the API computes, and the simulator does for itself. */
static const char shown_only[] =
    "digest,origin,checks,errors,next-run,last-run,state,pending,order,realm-type";
static const char shown_of_subnet[] = "zone,network,mask,cidr,id";

static js *kept(const js *o, const char *name, const char *more, bool has_type) {
    js *out = js_object();

    JS_FOREACH(o, key, v) {
        if (strcmp(key, name) != 0 && !list_has(shown_only, key) && !list_has(more, key) &&
            !(has_type && strcmp(key, "type") == 0) &&
            !(strcmp(key, "dhcp-range") == 0 && !js_len(v))) {
            js_add(out, key, js_copy(v));
        }
    }
    return out;
}

/* root/at/in, made when it is not there. */
static js *place(js *root, const char *at, const char *in) {
    if (!js_get(root, at)) {
        js_add(root, at, js_object());
    }
    if (in && !js_get(js_get(root, at), in)) {
        js_add(js_get(root, at), in, js_object());
    }
    return in ? js_get(js_get(root, at), in) : js_get(root, at);
}

static void sections(const js *reads, js *root) {
    struct section_place p;
    const char *path;

    for (size_t i = 0; (path = section_place(i, &p)); i++) {
        const js *list = js_get(reads, path);

        for (size_t k = 0; k < js_len(list); k++) {
            const js *o = js_at(list, k), *whole;
            const char *id = js_get_str(o, p.name);
            char one[400];

            if (!id || strcmp(js_str_or(o, "origin", ""), "builtin") == 0) {
                continue; /* each cluster has it */
            }
            (void)snprintf(one, sizeof(one), "%s/%.200s", path, id);
            whole = js_get(reads, one); /* of those that a list shows in brief */
            js_add(place(root, p.at, p.in), id,
                   kept(js_is_object(whole) ? whole : o, p.name, "", p.has_type));
        }
    }
}

static void sdn_list(const js *list, const char *key, js *root, bool runs, const char *in) {
    for (size_t k = 0; k < js_len(list); k++) {
        const char *id = js_get_str(js_at(list, k), key);
        js *o =
            id ? kept(js_at(list, k), key, strcmp(key, "subnet") == 0 ? shown_of_subnet : "", false)
               : NULL;

        if (o && runs) {
            js_add(place(place(root, "sdn", NULL), "running", in), id, o);
        } else if (o) {
            js_add(place(root, "sdn", in), id, o);
        }
    }
}

static void sdn(const js *reads, js *root) {
    static const char *const kinds[][2] = {{"zones", "zone"},
                                           {"vnets", "vnet"},
                                           {"controllers", "controller"},
                                           {"ipams", "ipam"},
                                           {"dns", "dns"}};

    for (int runs = 0; runs < 2; runs++) {
        const char *query = runs ? "?running=1" : "";
        const js *vnets = js_get(reads, "/cluster/sdn/vnets");
        char path[300];

        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
            (void)snprintf(path, sizeof(path), "/cluster/sdn/%s%s", kinds[i][0], query);
            sdn_list(js_get(reads, path), kinds[i][1], root, runs, kinds[i][0]);
        }
        for (size_t i = 0; i < js_len(vnets); i++) {
            (void)snprintf(path, sizeof(path), "/cluster/sdn/vnets/%.60s/subnets%s",
                           js_str_or(js_at(vnets, i), "vnet", ""), query);
            sdn_list(js_get(reads, path), "subnet", root, runs, "subnets");
        }
    }
}

static void node_settings(const js *reads, const char *name, js *node) {
    const js *hosts, *dns, *config;
    char path[160];

    (void)snprintf(path, sizeof(path), "/nodes/%.63s/hosts", name);
    hosts = js_get(reads, path);
    (void)snprintf(path, sizeof(path), "/nodes/%.63s/dns", name);
    dns = js_get(reads, path);
    (void)snprintf(path, sizeof(path), "/nodes/%.63s/config", name);
    config = js_get(reads, path);
    if (js_get_str(hosts, "data")) {
        js_add(node, "hosts", js_str(js_get_str(hosts, "data")));
    }
    if (js_get_str(dns, "dns1")) {
        js_add(node, "dns", js_str(js_get_str(dns, "dns1")));
    }
    if (js_get_str(dns, "search")) {
        js_add(node, "search", js_str(js_get_str(dns, "search")));
    }
    if (js_members(config) > 1) { /* more than its digest */
        js_add(node, "config", kept(config, "digest", "", false));
    }
}

/* Disks and what is made of them, as the API showed them: a list that is shown and not changed. */
static void node_hardware(const js *reads, const char *name, js *node) {
    static const char *const kinds[][2] = {{"list", "disks/list?include-partitions=1"},
                                           {"lvm", "disks/lvm"},
                                           {"lvmthin", "disks/lvmthin"},
                                           {"zfs", "disks/zfs"},
                                           {"directory", "disks/directory"},
                                           {"pci", "hardware/pci"},
                                           {"usb", "hardware/usb"}};
    js *hardware = js_object(), *pools = js_object();
    char path[200];

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const js *v;

        (void)snprintf(path, sizeof(path), "/nodes/%.63s/%s", name, kinds[i][1]);
        v = js_get(reads, path);
        if (js_is_array(v) ? js_len(v) > 0 : js_len(js_get(v, "children")) > 0) {
            js_add(hardware, kinds[i][0], js_copy(v));
        }
    }
    for (size_t i = 0; i < js_len(js_get(hardware, "zfs")); i++) {
        const char *pool = js_str_or(js_at(js_get(hardware, "zfs"), i), "name", "");

        (void)snprintf(path, sizeof(path), "/nodes/%.63s/disks/zfs/%.100s", name, pool);
        if (js_is_object(js_get(reads, path))) {
            js_add(pools, pool, js_copy(js_get(reads, path)));
        }
    }
    js_add(hardware, "pools", pools);
    if (js_get(hardware, "list") || js_get(hardware, "pci") || js_get(hardware, "usb")) {
        js_add(node, "hardware", hardware);
    } else {
        js_freep(&hardware);
    }
}

void capture_more(const js *reads, js *root) {
    const js *options = js_get(reads, "/cluster/options");

    sections(reads, root);
    sdn(reads, root);
    JS_FOREACH(js_get(root, "nodes"), name, node) {
        node_settings(reads, name, node);
        node_hardware(reads, name, node);
    }
    if (js_is_object(options) && js_members(options) && !js_get(root, "options")) {
        js_add(root, "options", kept(options, "digest", "", false));
    }
}
