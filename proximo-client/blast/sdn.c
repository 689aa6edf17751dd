/* SPDX-License-Identifier: Apache-2.0 */
/* A change of the software-defined network: on each node the vnets, their wires and their subnets
 * before and after. Pending changes are compared with what was pending before; an apply with what
 * runs, and it takes the interfaces that are staged on each node along. */
#include "proximo-client/blast/sdn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/config_int.h"
#include "proximo-client/blast/network.h"

struct sdn_state {
    js *running, *config; /* {zones, vnets, subnets, controllers} */
    bool applied;
};

static void state_done(struct sdn_state *s) {
    js_freep(&s->running);
    js_freep(&s->config);
}

/* ---- what requests make of it ---- */

static void put_item(js *sdn, const char *list, const char *key, const char *id, const js *form,
                     bool gone) {
    const js *all = js_get(sdn, list);
    js *rest = list_without(all, key, id);
    js *o;

    if (!gone) {
        o = form_over(list_row(all, key, id), form);
        js_add(o, key, js_str(id));
        js_push(rest, o);
    }
    js_add(sdn, list, rest);
}

/* "10.0.0.0/24" of a vnet in zone z becomes "z-10.0.0.0-24"; what is an id already stays. */
static void put_subnet(js *sdn, const char *vnet, const char *name, const js *form, bool gone) {
    size_t n = strcspn(name, "/");
    js *o;
    char id[160];

    if (name[n]) {
        (void)snprintf(id, sizeof(id), "%.40s-%.*s-%.10s",
                       js_str_or(list_row(js_get(sdn, "vnets"), "vnet", vnet), "zone", ""),
                       (int)(n < 60 ? n : 60), name, name + n + 1);
    } else {
        (void)snprintf(id, sizeof(id), "%.159s", name);
    }
    put_item(sdn, "subnets", "subnet", id, form, gone);
    o = gone ? NULL : list_row(js_get(sdn, "subnets"), "subnet", id);
    if (o) {
        js_add(o, "vnet", js_str(vnet));
    }
}

/* Segments after /cluster/sdn: "vnets", "v1", "subnets", "z-10.0.0.0-24". */
static size_t cut(const char *path, char seg[4][80]) {
    size_t n = 0;

    for (const char *s = path; *s == '/' && n < 4;) {
        size_t len = strcspn(++s, "/");

        (void)snprintf(seg[n++], 80, "%.*s", (int)len, s);
        s += len;
    }
    return n;
}

static bool change_item(struct sdn_state *s, const struct blast_request *req, const char *rest) {
    static const char *const kinds[][2] = {
        {"zones", "zone"}, {"vnets", "vnet"}, {"controllers", "controller"}};
    char seg[4][80] = {"", "", "", ""};
    size_t n = cut(rest, seg);
    bool gone = strcmp(req->method, "DELETE") == 0;

    if (strcmp(seg[0], "ipams") == 0 || strcmp(seg[0], "dns") == 0) {
        return true; /* frames do not depend on them */
    }
    if (n >= 3 && strcmp(seg[0], "vnets") == 0 && strcmp(seg[2], "subnets") == 0) {
        put_subnet(s->config, seg[1], n == 4 ? seg[3] : js_str_or(req->form, "subnet", ""),
                   req->form, gone);
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds) && n <= 2; i++) {
        if (strcmp(seg[0], kinds[i][0]) == 0) {
            put_item(s->config, kinds[i][0], kinds[i][1],
                     n == 2 ? seg[1] : js_str_or(req->form, kinds[i][1], ""), req->form, gone);
            return true;
        }
    }
    return false;
}

/* Interfaces that are staged on a node beside it. What is staged after the apply waits for another.
 */
static bool staged_on(const struct blast_request *req, bool applied) {
    char id[2][AFTER_ID];

    return path_fits("/nodes/*/network/*", req->path, id) ||
           (path_fits("/nodes/*/network", req->path, id) && strcmp(req->method, "POST") == 0) ||
           (applied && path_fits("/nodes/*/network", req->path, id));
}

static bool change(struct sdn_state *s, const struct blast_request *req) {
    static const char head[] = "/cluster/sdn";
    const char *rest = req->path + sizeof(head) - 1;

    if (strncmp(req->path, head, sizeof(head) - 1) != 0) {
        return staged_on(req, s->applied);
    }
    if (!*rest && strcmp(req->method, "PUT") == 0) {
        js_freep(&s->running);
        s->running = js_copy(s->config);
        s->applied = true;
        return true;
    }
    if (strcmp(rest, "/rollback") == 0) {
        js_freep(&s->config);
        s->config = js_copy(s->running);
        return true;
    }
    return change_item(s, req, rest);
}

/* ---- what only routes and tunnels notice ---- */

/* The zone's own settings that its frames do not show, and its controller's. */
static bool set_up_anew(const struct net_case *c, const char *zone) {
    static const char *const keys[] = {
        "peers",  "vxlan-port",    "controller", "vrf-vxlan", "exitnodes",
        "fabric", "vlan-protocol", "rt-import",  "mac",       "exitnodes-primary"};
    const js *was = list_row(c->before.zones, "zone", zone);
    const js *now = list_row(c->after.zones, "zone", zone);
    const char *id = js_str_or(now, "controller", "");
    char a[24];
    char b[24];

    for (size_t i = 0; was && now && i < ARRAY_LEN(keys); i++) {
        const char *x = value_print(js_get(was, keys[i]), a);
        const char *y = value_print(js_get(now, keys[i]), b);

        if (strcmp(x ? x : "", y ? y : "") != 0) {
            return true;
        }
    }
    return id[0] && !js_eq(list_row(c->before.controllers, "controller", id),
                           list_row(c->after.controllers, "controller", id));
}

/* What a subnet gives the guests of its vnet, and does not any more. */
static const char *loses(const js *was, const js *now) {
    const char *gateway = js_str_or(was, "gateway", "");

    return gateway[0] && strcmp(js_str_or(now, "gateway", ""), gateway) != 0 ? "its gateway goes"
           : js_bool_or(was, "snat", false) && !js_bool_or(now, "snat", false)
               ? "guests do not leave by the node's address any more"
           : js_len(js_get(was, "dhcp-range")) && !js_len(js_get(now, "dhcp-range"))
               ? "it gives out no addresses any more"
               : NULL;
}

static void hit(struct net_case *c, const struct guest *g, const char *key, const char *effect,
                const char *what, const char *why) {
    net_hit(c,
            &(struct affect){.resource = g->resource,
                             .name = g->name,
                             .node = g->node,
                             .effect = effect,
                             .severity = RISK_MEDIUM,
                             .running = g->running,
                             .via = key,
                             .why = ""},
            "%s: %s", what, why);
}

static void one_card(struct net_case *c, const struct guest *g, const char *key,
                     const char *value) {
    char name[64];
    const js *vnet;

    if (!key_is(key, "net") || !config_option(value, "bridge", name, sizeof(name)) ||
        !(vnet = net_vnet(&c->before, name)) || !net_vnet(&c->after, name)) {
        return; /* a vnet that goes is told already */
    }
    if (set_up_anew(c, js_str_or(vnet, "zone", ""))) {
        hit(c, g, key, "interrupted", name, "its zone is set up in another way");
    }
    for (size_t i = 0; i < js_len(c->before.subnets); i++) {
        const js *was = js_at(c->before.subnets, i);
        const char *id = js_str_or(was, "subnet", "");
        const char *why = strcmp(js_str_or(was, "vnet", ""), name) == 0
                              ? loses(was, list_row(c->after.subnets, "subnet", id))
                              : NULL;

        if (why) {
            hit(c, g, key, "degraded", id, why);
        }
    }
}

static void compare_routes(struct net_case *c) {
    const struct guest *g;
    size_t n = picture_guests(c->p, &g);

    for (size_t i = 0; i < n; i++) {
        JS_FOREACH(strcmp(g[i].node, c->before.node) == 0 ? g[i].cfg : NULL, key, value) {
            if (js_is_str(value)) {
                one_card(c, &g[i], key, json_object_get_string(value));
            }
        }
    }
}

/* ---- node by node ---- */

struct plan {
    const struct blast_request *req;
    size_t n; /* up to the one that applies */
    bool applied;
};

static void one_node(struct net_case *c, const char *node, const js *before, const js *after,
                     const struct plan *plan) {
    bool applied = plan->applied;
    CLEANUP(net_state_done) struct net_state s = {NULL, NULL, false};
    char text[120];

    if (net_state_of(c->p, node, c->d, &s) < 0) {
        return; /* told */
    }
    for (size_t i = 0; applied && i < plan->n; i++) {
        (void)net_change(&s, node, &plan->req[i]); /* of other nodes, or of the SDN itself: no */
    }
    c->before.ifs = s.running;
    c->after.ifs = applied ? s.staged : s.running;
    net_side_sdn(&c->before, node, before);
    net_side_sdn(&c->after, node, after);
    if (applied && !net_same(s.running, s.staged)) {
        (void)snprintf(text, sizeof(text), "node/%.60s", node);
        net_hit(c,
                &(struct affect){.resource = text,
                                 .node = node,
                                 .effect = "changed",
                                 .severity = RISK_MEDIUM,
                                 .via = "interfaces",
                                 .why = ""},
                "the interfaces that are staged there are applied with it");
    }
    net_compare(c);
    compare_routes(c);
    c->before.ifs = c->after.ifs = NULL;
}

static void all_nodes(struct net_case *c, const js *before, const js *after,
                      const struct plan *plan) {
    for (size_t i = 0; i < picture_nodes(c->p); i++) {
        bool online = true;
        const char *node = picture_node(c->p, i, &online);
        char text[120];

        (void)snprintf(text, sizeof(text), "the network of node %.60s", node);
        if (!online) {
            draft_unread(c->d, text, "the node is offline and takes it over when it starts", NULL);
            continue;
        }
        one_node(c, node, before, after, plan);
    }
}

/* ---- an address manager goes ---- */

/* The zone of a vnet, as it runs or as it is configured, that asks this address manager. */
static const js *zone_of_manager(const js *sdn, const char *vnet, const char *ipam) {
    const js *v = list_row(js_get(sdn, "vnets"), "vnet", vnet);
    const js *z = v ? list_row(js_get(sdn, "zones"), "zone", js_str_or(v, "zone", "")) : NULL;

    return z && strcmp(js_str_or(z, "ipam", ""), ipam) == 0 ? z : NULL;
}

static void zones_stop(struct net_case *c, const js *running, const js *config, const char *ipam) {
    char text[120];

    for (int k = 0; k < 2; k++) {
        const js *zones = js_get(k ? config : running, "zones");

        for (size_t i = 0; i < js_len(zones); i++) {
            const char *zone = js_str_or(js_at(zones, i), "zone", "");
            const js *other = k ? list_row(js_get(running, "zones"), "zone", zone) : NULL;

            if (strcmp(js_str_or(js_at(zones, i), "ipam", ""), ipam) != 0 ||
                strcmp(js_str_or(other, "ipam", ""), ipam) == 0) {
                continue; /* does not name it, or is told already */
            }
            (void)snprintf(text, sizeof(text), "zone/%.60s", zone);
            net_hit(c,
                    &(struct affect){.resource = text,
                                     .effect = "degraded",
                                     .severity = RISK_MEDIUM,
                                     .via = "ipam",
                                     .why = ""},
                    "it names %.60s: its subnets cannot be changed, and no address is given out",
                    ipam);
        }
    }
}

/* Address managers take effect at once, whatever of the zones is pending. */
static void manager_goes(struct net_case *c, const js *running, const js *config,
                         const char *ipam) {
    const struct guest *g;
    size_t n = picture_guests(c->p, &g);
    char why[160], name[64];

    (void)snprintf(why, sizeof(why), "its zone asks %.60s, which gives it no address any more",
                   ipam);
    c->staged = false;
    zones_stop(c, running, config, ipam);
    for (size_t i = 0; i < n; i++) {
        JS_FOREACH(g[i].cfg, key, value) {
            const char *card = js_is_str(value) ? json_object_get_string(value) : "";

            if (key_is(key, "net") && config_option(card, "bridge", name, sizeof(name)) &&
                (zone_of_manager(running, name, ipam) || zone_of_manager(config, name, ipam))) {
                hit(c, &g[i], key, "degraded", name, why);
            }
        }
    }
}

/* Of an address manager or a DNS server: no frame on any node depends on it. */
static bool of_manager(const struct blast_request *req) {
    char id[2][AFTER_ID];

    return path_fits("/cluster/sdn/ipams/*", req->path, id) ||
           path_fits("/cluster/sdn/ipams", req->path, id) ||
           path_fits("/cluster/sdn/dns/*", req->path, id) ||
           path_fits("/cluster/sdn/dns", req->path, id);
}

static void addresses_stop(struct net_case *c, const js *running, const js *config,
                           const struct blast_request *req, size_t n) {
    char id[2][AFTER_ID];

    for (size_t i = 0; i < n; i++) {
        if (strcmp(req[i].method, "DELETE") == 0 &&
            path_fits("/cluster/sdn/ipams/*", req[i].path, id)) {
            manager_goes(c, running, config, id[0]);
        }
    }
}

int blast_sdn(const struct picture *p, const struct blast_request *req, size_t n,
              const struct blast_way *way, struct draft *d) {
    CLEANUP(js_freep) js *running = net_sdn_of(p, true);
    CLEANUP(js_freep) js *config = net_sdn_of(p, false);
    CLEANUP(state_done) struct sdn_state s = {js_copy(running), js_copy(config), false};
    struct net_case c = {.p = p, .d = d, .way = way};
    struct plan plan = {.req = req};
    bool frames = false;
    const char *why = "no guest and no node fares otherwise by this change";

    blast_unread(p, BLAST_SDN_NEEDS, 0, d);
    for (size_t i = 0; i < n; i++) {
        if (!change(&s, &req[i])) {
            draft_unread(d, "what the change does", "it is not understood", NULL);
            return -ENOENT;
        }
        frames = frames || !of_manager(&req[i]);
        plan.n = s.applied && !plan.applied ? i : plan.n;
        plan.applied = s.applied;
    }
    c.staged = !s.applied;
    if (frames) {
        all_nodes(&c, s.applied ? running : config, s.applied ? s.running : s.config, &plan);
    }
    addresses_stop(&c, running, config, req, n);
    if (!c.any) {
        draft_affect(d, &(struct affect){
                            .resource = "sdn", .effect = "none", .severity = RISK_LOW, .why = why});
        draft_risk(d, RISK_LOW, "%s", why);
    }
    tally_risk(&c.tally, d);
    return 0;
}
