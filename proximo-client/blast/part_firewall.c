/* SPDX-License-Identifier: Apache-2.0 */
/* The firewall's objects of the cluster, the nodes, the guests and the vnets, with what its verdict
 * hangs on besides: addresses and interfaces of nodes, corosync's links. Kept under their paths. A
 * guest whose firewall is off is asked for its options only. Pure. */
#include "proximo-client/blast/picture_int.h"

#include <string.h>

#include "common/ident.h"
#include "common/own.h"

static void want(struct picture *p, unsigned int bits, const char *label, const char *whose,
                 const char *privilege, const char *path) {
    struct want_as as = {.bits = bits, .label = label, .whose = whose, .privilege = privilege};

    if (!js_get(p->by_path, path)) { /* another class may have asked for it */
        picture_want_as(p, &as, "whole", "%s", path);
    }
}

static void start(struct picture *p) {
    static const char *const cluster[] = {"options", "rules", "groups", "aliases", "ipset"};
    /* vnets came with PVE 8, their firewall with 8.3: an API without them says so by 501 */
    struct want_as vnets = {.bits = PIC_FW_VNETS,
                            .label = "the list of vnets",
                            .whose = "",
                            .privilege = "SDN.Audit on /sdn/zones",
                            .seen_on = "/sdn/zones",
                            .seen_with = "SDN.Audit|SDN.Allocate",
                            .optional = 501};

    for (size_t i = 0; i < ARRAY_LEN(cluster); i++) {
        want(p, PIC_FIREWALL, "the cluster's firewall", "", "Sys.Audit on /",
             picture_strf(p, "/cluster/firewall/%s", cluster[i]));
    }
    if (p->ask.what & PIC_FW_NODES) {
        want(p, PIC_FW_NODES, "nodes' addresses", "", "Sys.Audit on /", "/cluster/status");
        want(p, PIC_FW_NODES, "corosync's links", "", "Sys.Audit on /", "/cluster/config/nodes");
    }
    if ((p->ask.what & PIC_FW_VNETS) && !js_get(p->by_path, "/cluster/sdn/vnets")) {
        picture_want_as(p, &vnets, "whole", "/cluster/sdn/vnets");
    }
}

static void node(struct picture *p, const struct node *n) {
    const char *privilege = picture_strf(p, "Sys.Audit on /nodes/%s", n->name);
    const char *whose = picture_strf(p, "node %s", n->name);

    if (!(p->ask.what & PIC_FW_NODES) || !n->online) {
        return; /* the analyser tells of nodes that are offline */
    }
    want(p, PIC_FW_NODES, "nodes' firewall", whose, privilege,
         picture_strf(p, "/nodes/%s/firewall/options", n->name));
    want(p, PIC_FW_NODES, "nodes' firewall", whose, privilege,
         picture_strf(p, "/nodes/%s/firewall/rules", n->name));
    want(p, PIC_FW_NODES, "nodes' interfaces", whose, privilege,
         picture_strf(p, "/nodes/%s/network", n->name));
}

static void guest(struct picture *p, const struct guest *g) {
    if ((p->ask.what & PIC_FW_GUESTS) && (p->ask.vmid == 0 || p->ask.vmid == g->vmid)) {
        want(p, PIC_FW_GUESTS, "guests' firewall", g->resource,
             picture_strf(p, "VM.Audit on /vms/%u", g->vmid),
             picture_strf(p, "/nodes/%s/%s/%u/firewall/options", g->node, g->kind, g->vmid));
    }
}

/* A list whose items are read one by one: groups and IP sets. */
static void want_items(struct picture *p, const struct pic_answer *a, const char *member,
                       unsigned int bits, const char *label, const char *whose,
                       const char *privilege) {
    for (size_t i = 0; i < js_len(a->data); i++) {
        const char *name = js_str_or(js_at(a->data, i), member, "");

        if (name[0] && !strpbrk(name, "/?#% ") && strlen(name) < 100) {
            want(p, bits, label, whose, privilege, picture_strf(p, "%s/%s", a->path, name));
        }
    }
}

/* The guest's own rules matter when its firewall is on, or when it is the one the plan is about and
 * may be switched on by it. */
static void put_guest(struct picture *p, const struct pic_answer *a) {
    static const char *const more[] = {"rules", "aliases", "ipset"};
    uint32_t vmid = 0;
    const struct guest *g = ident_vmid(a->v[3], &vmid) == 0 ? picture_guest_mut(p, vmid) : NULL;
    const char *privilege;

    if (!g) {
        return;
    }
    privilege = picture_strf(p, "VM.Audit on /vms/%u", vmid);
    if (strcmp(a->v[5], "ipset") == 0) {
        want_items(p, a, "name", PIC_FW_GUESTS, "guests' firewall", g->resource, privilege);
        return;
    }
    if (strcmp(a->v[5], "options") != 0 ||
        !(js_bool_or(a->data, "enable", false) || p->ask.vmid == vmid)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        want(p, PIC_FW_GUESTS, "guests' firewall", g->resource, privilege,
             picture_strf(p, "/nodes/%s/%s/%u/firewall/%s", g->node, g->kind, vmid, more[i]));
    }
    want(p, PIC_FW_GUESTS, "guests' network cards", g->resource, privilege,
         picture_strf(p, "/nodes/%s/%s/%u/config", g->node, g->kind, vmid));
}

static void put_vnets(struct picture *p, const struct pic_answer *a) {
    for (size_t i = 0; i < js_len(a->data); i++) {
        const char *name = js_str_or(js_at(a->data, i), "vnet", "");
        const char *zone = js_str_or(js_at(a->data, i), "zone", "");
        const char *privilege;

        if (!name[0] || strpbrk(name, "/?#% ") || strlen(name) > 40) {
            continue;
        }
        privilege = picture_strf(p, "SDN.Audit on /sdn/zones/%.40s/%s", zone, name);
        want(p, PIC_FW_VNETS, "vnets' firewall", picture_strf(p, "vnet %s", name), privilege,
             picture_strf(p, "/cluster/sdn/vnets/%s/firewall/options", name));
        want(p, PIC_FW_VNETS, "vnets' firewall", picture_strf(p, "vnet %s", name), privilege,
             picture_strf(p, "/cluster/sdn/vnets/%s/firewall/rules", name));
    }
}

static bool put(struct picture *p, const struct pic_answer *a) {
    if (!(p->ask.what & PIC_FIREWALL)) {
        return false;
    }
    if (strcmp(a->path, "/cluster/firewall/groups") == 0) {
        want_items(p, a, "group", PIC_FIREWALL, "the cluster's firewall", "", "Sys.Audit on /");
    } else if (strcmp(a->path, "/cluster/firewall/ipset") == 0) {
        want_items(p, a, "name", PIC_FIREWALL, "the cluster's firewall", "", "Sys.Audit on /");
    } else if (strcmp(a->path, "/cluster/sdn/vnets") == 0 && (p->ask.what & PIC_FW_VNETS)) {
        put_vnets(p, a);
    } else if (a->n == 6 && strcmp(a->v[0], "nodes") == 0 && strcmp(a->v[4], "firewall") == 0 &&
               (p->ask.what & PIC_FW_GUESTS)) {
        put_guest(p, a);
    } else {
        return false;
    }
    return true;
}

const struct pic_part part_firewall = {
    .bits = PIC_FIREWALL,
    .start = start,
    .node = node,
    .guest = guest,
    .put = put,
};
