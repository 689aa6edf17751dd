/* SPDX-License-Identifier: Apache-2.0 */
/* From the picture to the firewall's model: the answers under their paths, put where fw_conf.c
 * looks for them. What was not read is absent from the model. */
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/fw_report.h"

/* A copy of the answer (the change is tried on it), NULL when it was not had. */
static js *answer(const struct picture *p, const char *head, const char *a, const char *b,
                  const char *c) {
    char path[300];
    const js *v;

    (void)snprintf(path, sizeof(path), "%s%s%s%s", head, a, b, c);
    v = picture_answer(p, path, NULL);
    return v ? js_copy(v) : NULL;
}

static void add(js *o, const char *key, js *value) {
    if (value) {
        js_add(o, key, value);
    }
}

/* {name: items} of a list and the reads of its items. */
static js *named(const struct picture *p, const char *list, const char *member) {
    const js *all = picture_answer(p, list, NULL);
    js *out = js_object();

    for (size_t i = 0; i < js_len(all); i++) {
        const char *name = js_str_or(js_at(all, i), member, "");

        add(out, name, answer(p, list, "/", name, ""));
    }
    return out;
}

static js *cluster(const struct picture *p) {
    js *o = js_object();

    add(o, "options", answer(p, "/cluster/firewall/options", "", "", ""));
    add(o, "rules", answer(p, "/cluster/firewall/rules", "", "", ""));
    add(o, "aliases", answer(p, "/cluster/firewall/aliases", "", "", ""));
    js_add(o, "groups", named(p, "/cluster/firewall/groups", "group"));
    js_add(o, "ipset", named(p, "/cluster/firewall/ipset", "name"));
    return o;
}

static js *nodes(const struct picture *p) {
    const js *status = picture_answer(p, "/cluster/status", NULL);
    js *out = js_object();

    for (size_t i = 0; i < picture_nodes(p); i++) {
        const char *name = picture_node(p, i, NULL);
        js *o = js_object();

        add(o, "options", answer(p, "/nodes/", name, "/firewall/options", ""));
        add(o, "rules", answer(p, "/nodes/", name, "/firewall/rules", ""));
        add(o, "network", answer(p, "/nodes/", name, "/network", ""));
        for (size_t k = 0; k < js_len(status); k++) {
            const js *s = js_at(status, k);

            if (strcmp(js_str_or(s, "type", ""), "node") == 0 &&
                strcmp(js_str_or(s, "name", ""), name) == 0) {
                js_add(o, "ip", js_str(js_str_or(s, "ip", "")));
            }
        }
        js_add(out, name, o);
    }
    return out;
}

/* ring0_addr to ring7_addr of each member. */
static js *corosync(const struct picture *p) {
    const js *list = picture_answer(p, "/cluster/config/nodes", NULL);
    js *out = js_object();

    for (size_t i = 0; i < js_len(list); i++) {
        const js *n = js_at(list, i);
        js *links = js_object();

        JS_FOREACH(n, key, value) {
            if (strncmp(key, "ring", 4) == 0 && strstr(key, "_addr") && js_is_str(value)) {
                js_add(links, key, js_ref(value));
            }
        }
        js_add(out, js_str_or(n, "node", js_str_or(n, "name", "")), links);
    }
    return out;
}

static js *guests(const struct picture *p, uint32_t only) {
    const struct guest *g;
    size_t n = picture_guests(p, &g);
    js *out = js_object();

    for (size_t i = 0; i < n; i++) {
        char path[200];
        char list[220];
        char vmid[16];
        js *o;

        if (only && g[i].vmid != only) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "/nodes/%s/%s/%u", g[i].node, g[i].kind, g[i].vmid);
        (void)snprintf(vmid, sizeof(vmid), "%u", g[i].vmid);
        o = js_object();
        js_add(o, "kind", js_str(g[i].kind));
        js_add(o, "node", js_str(g[i].node));
        add(o, "options", answer(p, path, "/firewall/options", "", ""));
        add(o, "rules", answer(p, path, "/firewall/rules", "", ""));
        add(o, "aliases", answer(p, path, "/firewall/aliases", "", ""));
        add(o, "config", answer(p, path, "/config", "", ""));
        (void)snprintf(list, sizeof(list), "%s/firewall/ipset", path);
        js_add(o, "ipset", named(p, list, "name"));
        js_add(out, vmid, o);
    }
    return out;
}

static js *vnets(const struct picture *p) {
    const js *list = picture_answer(p, "/cluster/sdn/vnets", NULL);
    js *out = js_object();

    for (size_t i = 0; i < js_len(list); i++) {
        const char *name = js_str_or(js_at(list, i), "vnet", "");
        js *o = js_object();

        add(o, "options", answer(p, "/cluster/sdn/vnets/", name, "/firewall/options", ""));
        add(o, "rules", answer(p, "/cluster/sdn/vnets/", name, "/firewall/rules", ""));
        js_add(out, name, o);
    }
    return out;
}

js *fw_model(const struct picture *p, unsigned int what, uint32_t vmid) {
    js *m = js_object();

    js_add(m, "cluster", cluster(p));
    js_add(m, "nodes", nodes(p));
    js_add(m, "corosync", corosync(p));
    js_add(m, "guests", what & PIC_FW_GUESTS ? guests(p, vmid) : js_object());
    js_add(m, "vnets", what & PIC_FW_VNETS ? vnets(p) : js_object());
    return m;
}
