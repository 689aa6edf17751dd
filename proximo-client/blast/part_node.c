/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes mean to the cluster: its options, votes and quorum device (PIC_CLUSTER), Ceph's
 * monitors, OSDs and pools (PIC_CEPH, PIC_CEPH_MORE), disks and what lies on them (PIC_DISKS). The
 * last two are asked of the nodes in ask.nodes only. Kept under their paths. Pure. */
#include "proximo-client/blast/picture_int.h"

#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"

static void start(struct picture *p) {
    static const struct {
        const char *path, *label;
    } lists[] = {
        {"/cluster/options", "cluster options"},
        {"/cluster/config/nodes", "votes of nodes"},
        {"/cluster/config/qdevice", "the quorum device"},
    };

    for (size_t i = 0; (p->ask.what & PIC_CLUSTER) && i < ARRAY_LEN(lists); i++) {
        const struct want_as as = {.bits = PIC_CLUSTER,
                                   .label = lists[i].label,
                                   .whose = "",
                                   .privilege = "Sys.Audit on /"};

        if (!picture_wants(p, lists[i].path)) {
            picture_want_as(p, &as, "whole", "%s", lists[i].path);
        }
    }
}

static void node(struct picture *p, const struct node *n) {
    static const struct {
        unsigned int bits;
        const char *tail, *label;
    } reads[] = {
        {PIC_CEPH, "ceph/mon", "Ceph monitors"},
        {PIC_CEPH, "ceph/osd", "OSDs"},
        {PIC_CEPH, "ceph/pool", "Ceph pools"},
        {PIC_CEPH_MORE, "ceph/mgr", "Ceph managers"},
        {PIC_CEPH_MORE, "ceph/mds", "metadata servers"},
        {PIC_CEPH_MORE, "ceph/fs", "file systems of Ceph"},
        {PIC_DISKS, "disks/list?include-partitions=1", "disks"},
        {PIC_DISKS, "disks/lvm", "volume groups"},
        {PIC_DISKS, "disks/zfs", "ZFS pools"},
        {PIC_DISKS, "disks/directory", "directories on disks"},
    };

    if (p->ask_nodes && !words_have(p->ask_nodes, n->name)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(reads); i++) {
        const struct want_as as = {.bits = reads[i].bits,
                                   .label = reads[i].label,
                                   .whose = picture_strf(p, "node %s", n->name),
                                   .privilege = "Sys.Audit on /",
                                   /* of a node without Ceph ("binary not installed: …") or the
                                      tools of ZFS, as seen on 9.1 */
                                   .absent = "not installed"};

        if (p->ask.what & reads[i].bits) {
            picture_want_as(p, &as, reads[i].bits & PIC_DISKS ? NULL : "ceph", "/nodes/%s/%s",
                            n->name, reads[i].tail);
        }
    }
}

/* A list of pools leads to what each is made of. */
static bool put(struct picture *p, const struct pic_answer *a) {
    if (a->n != 4 || strcmp(a->v[0], "nodes") != 0 || strcmp(a->v[2], "disks") != 0 ||
        strcmp(a->v[3], "zfs") != 0) {
        return false;
    }
    for (size_t i = 0; i < js_len(a->data); i++) {
        const char *name = js_str_or(js_at(a->data, i), "name", "");
        const struct want_as as = {.bits = PIC_DISKS,
                                   .label = "devices of the pool",
                                   .whose = picture_strf(p, "%s at %s", name, a->v[1]),
                                   .privilege = "Sys.Audit on /"};

        if (ident_is_storage(name)) {
            picture_want_as(p, &as, NULL, "/nodes/%s/disks/zfs/%s", a->v[1], name);
        }
    }
    return true;
}

const struct pic_part part_node = {
    .bits = PIC_CLUSTER | PIC_CEPH | PIC_CEPH_MORE | PIC_DISKS,
    .start = start,
    .node = node,
    .put = put,
};
