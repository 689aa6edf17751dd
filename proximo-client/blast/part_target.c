/* SPDX-License-Identifier: Apache-2.0 */
/* What a node has for a guest that comes to it: memory, processor and its flags, room on its
 * storages, bridges, mapped devices. Of the nodes in ask.nodes only: nobody reads all of a big
 * cluster to move one guest. Kept under their paths. Pure. */
#include "proximo-client/blast/picture_int.h"

#include <stdio.h>
#include <string.h>

static void start(struct picture *p) {
    static const struct {
        const char *path;
        struct want_as as;
    } lists[] = {
        {"/cluster/mapping/pci",
         {PIC_MAPPINGS, "mapped devices", "pci", "Mapping.Audit on /mapping", "/mapping/pci",
          "Mapping.Audit|Mapping.Use|Mapping.Modify", 501}},
        {"/cluster/mapping/usb",
         {PIC_MAPPINGS, "mapped devices", "usb", "Mapping.Audit on /mapping", "/mapping/usb",
          "Mapping.Audit|Mapping.Use|Mapping.Modify", 501}},
        {"/cluster/mapping/dir", /* since 8.4 */
         {PIC_MAPPINGS, "mapped devices", "dir", "Mapping.Audit on /mapping", "/mapping/dir",
          "Mapping.Audit|Mapping.Use|Mapping.Modify", 501}},
        {"/cluster/sdn/vnets",
         {PIC_BRIDGES, "virtual networks", "", "SDN.Audit on /sdn", "/sdn", "SDN.Audit|SDN.Use",
          501}},
        {"/cluster/sdn/zones",
         {PIC_BRIDGES, "network zones", "", "SDN.Audit on /sdn", "/sdn", "SDN.Audit|SDN.Allocate",
          501}},
    };

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if ((p->ask.what & lists[i].as.bits) && !picture_wants(p, lists[i].path)) {
            picture_want_as(p, &lists[i].as, "whole", "%s", lists[i].path);
        }
    }
}

static void node(struct picture *p, const struct node *n) {
    const struct want_as status = {.bits = PIC_STATUS,
                                   .label = "state",
                                   .whose = picture_strf(p, "node %s", n->name),
                                   .privilege = picture_strf(p, "Sys.Audit on /nodes/%s", n->name)};
    struct want_as room = status;
    struct want_as bridges = status;

    if (p->ask_nodes && !words_have(p->ask_nodes, n->name)) {
        return;
    }
    room.bits = PIC_SPACE;
    room.label = "storages";
    room.seen_on = "/storage";
    room.seen_with = "Datastore.Audit|Datastore.AllocateSpace";
    room.privilege = "Datastore.Audit on /storage";
    bridges.bits = PIC_BRIDGES;
    bridges.label = "interfaces";
    if (p->ask.what & PIC_STATUS) {
        picture_want_as(p, &status, NULL, "/nodes/%s/status", n->name);
    }
    if (p->ask.what & PIC_SPACE) {
        picture_want_as(p, &room, NULL, "/nodes/%s/storage", n->name);
    }
    if (p->ask.what & PIC_THIN) {
        struct want_as thin = status;

        thin.bits = PIC_THIN;
        thin.label = "thin pools";
        thin.privilege = "Sys.Audit on /";
        thin.optional = 501;
        picture_want_as(p, &thin, NULL, "/nodes/%s/disks/lvmthin", n->name);
    }
    if ((p->ask.what & PIC_BRIDGES) &&
        !picture_wants(p, picture_strf(p, "/nodes/%s/network", n->name))) {
        picture_want_as(p, &bridges, "whole", "/nodes/%s/network", n->name);
    }
}

const struct pic_part part_target = {
    .bits = PIC_STATUS | PIC_SPACE | PIC_BRIDGES | PIC_MAPPINGS | PIC_THIN,
    .start = start,
    .node = node,
};
