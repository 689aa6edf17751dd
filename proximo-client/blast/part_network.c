/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces of nodes with what is staged of them, what their addresses are for, and the
 * software-defined network as it runs and as it is configured. Kept under their paths. Pure. */
#include "proximo-client/blast/picture_int.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"

static void want(struct picture *p, const struct want_as *as, const char *reduce,
                 const char *path) {
    if (!picture_wants(p, path)) { /* another class may have asked for it */
        picture_want_as(p, as, reduce, "%s", path);
    }
}

static void start(struct picture *p) {
    static const struct {
        const char *path;
        struct want_as as;
    } lists[] = {
        {"/cluster/status", {PIC_NETWORK, "nodes' addresses", "", "Sys.Audit on /", NULL, NULL, 0}},
        {"/cluster/config/nodes",
         {PIC_NETWORK, "corosync's links", "", "Sys.Audit on /", NULL, NULL, 0}},
        {"/cluster/options",
         {PIC_NETWORK, "the datacenter's options", "", "Sys.Audit on /", NULL, NULL, 0}},
        /* an API without SDN says so by 501 */
        {"/cluster/sdn/zones?pending=1",
         {PIC_SDN, "network zones", "", "SDN.Audit on /sdn/zones", "/sdn/zones",
          "SDN.Audit|SDN.Allocate", 501}},
        {"/cluster/sdn/vnets?pending=1",
         {PIC_SDN, "virtual networks", "", "SDN.Audit on /sdn/zones", "/sdn/zones",
          "SDN.Audit|SDN.Allocate", 501}},
        {"/cluster/sdn/controllers?pending=1",
         {PIC_SDN, "SDN controllers", "", "SDN.Audit on /sdn/controllers", "/sdn/controllers",
          "SDN.Audit|SDN.Allocate", 501}},
    };

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (p->ask.what & lists[i].as.bits) {
            want(p, &lists[i].as, strcmp(lists[i].path, "/cluster/status") == 0 ? NULL : "whole",
                 lists[i].path);
        }
    }
}

static void node(struct picture *p, const struct node *n) {
    /* bridges are left out without a sign for who may not use them */
    const struct want_as list = {.bits = PIC_NETWORK,
                                 .label = "interfaces",
                                 .whose = picture_strf(p, "node %s", n->name),
                                 .privilege = "SDN.Audit on /sdn/zones/localnetwork",
                                 .seen_on = "/sdn/zones/localnetwork",
                                 .seen_with = "SDN.Audit|SDN.Use"};
    struct want_as more = {.bits = PIC_NETWORK,
                           .label = "staged interfaces",
                           .whose = list.whose,
                           .privilege = picture_strf(p, "Sys.Audit on /nodes/%s", n->name)};

    if (!(p->ask.what & PIC_NETWORK) || (p->ask_nodes && !words_have(p->ask_nodes, n->name))) {
        return;
    }
    want(p, &list, "whole", picture_strf(p, "/nodes/%s/network", n->name));
    want(p, &more, "whole", picture_strf(p, "/nodes/%s/network#changes", n->name));
    more.label = "Ceph's networks";
    more.optional = 501;
    more.absent = "not installed";
    want(p, &more, "whole", picture_strf(p, "/nodes/%s/ceph/cfg/raw", n->name));
}

/* Subnets matter to a change of the whole network only. */
static bool put(struct picture *p, const struct pic_answer *a) {
    if (!(p->ask.what & PIC_SDN) || strcmp(a->path, "/cluster/sdn/vnets?pending=1") != 0) {
        return false;
    }
    for (size_t i = 0; !p->ask_nodes && i < js_len(a->data); i++) {
        const char *name = js_str_or(js_at(a->data, i), "vnet", "");
        const struct want_as as = {
            .bits = PIC_SDN,
            .label = "subnets",
            .whose = picture_strf(p, "vnet %.40s", name),
            .privilege = picture_strf(p, "SDN.Audit on /sdn/zones/%.40s/%.40s",
                                      js_str_or(js_at(a->data, i), "zone", ""), name)};

        if (name[0] && !strpbrk(name, "/?#% ") && strlen(name) <= 40) {
            want(p, &as, "whole", picture_strf(p, "/cluster/sdn/vnets/%s/subnets?pending=1", name));
        }
    }
    return true;
}

const struct pic_part part_network = {
    .bits = PIC_NETWORK | PIC_SDN,
    .start = start,
    .node = node,
    .put = put,
};
