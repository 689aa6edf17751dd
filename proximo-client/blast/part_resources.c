/* SPDX-License-Identifier: Apache-2.0 */
/* The lists that every picture starts from: what the token may see, guests, nodes. Pure. */
#include "proximo-client/blast/picture_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ident.h"

static const char guests_path[] = "/cluster/resources?type=vm";
static const char nodes_path[] = "/cluster/resources?type=node";
static const char perms_path[] = "/access/permissions";

static int guest_order(const void *a, const void *b) {
    uint32_t x = ((const struct guest *)a)->vmid;
    uint32_t y = ((const struct guest *)b)->vmid;

    return x < y ? -1 : x > y;
}

static void put_guest(struct picture *p, const js *row) {
    const char *kind = js_str_or(row, "type", "");
    const char *node = js_str_or(row, "node", "");
    int64_t vmid = js_int_or(row, "vmid", 0);
    struct guest *g;

    if ((strcmp(kind, "lxc") != 0 && strcmp(kind, "qemu") != 0) || vmid < VMID_MIN ||
        vmid > VMID_MAX || !ident_is_node(node)) {
        /* a row we do not understand may be a guest: the list is not whole */
        p->guests_part =
            (struct part){PART_PARTIAL, "the list holds a row of an unknown kind", NULL};
        return;
    }
    g = picture_grow(&p->guest, &p->n_guest, sizeof(*g));
    g->kind = picture_str(p, kind);
    g->vmid = (uint32_t)vmid;
    g->node = picture_str(p, node);
    g->name = picture_str(p, js_str_or(row, "name", ""));
    (void)snprintf(g->resource, sizeof(g->resource), "%s/%u",
                   strcmp(kind, "lxc") == 0 ? "ct" : "vm", g->vmid);
    g->running = strcmp(js_str_or(row, "status", ""), "running") == 0;
    g->template = js_bool_or(row, "template", false);
    g->parent = "";
    g->config = (struct part){PART_NOT_ASKED, "not asked for", NULL};
    g->snapshots = g->config;
}

static void put_guests(struct picture *p, const js *list) {
    part_list(p, &p->guests_part, "/vms", "VM.Audit", "VM.Audit on /vms");
    for (size_t i = 0; i < js_len(list); i++) {
        put_guest(p, js_at(list, i));
    }
    if (p->n_guest > 1) {
        qsort(p->guest, p->n_guest, sizeof(*p->guest), guest_order);
    }
    for (size_t i = 0; i < p->n_guest; i++) {
        parts_guest(p, &p->guest[i]);
    }
}

static void put_nodes(struct picture *p, const js *list) {
    part_read(p, &p->nodes_part);
    for (size_t i = 0; i < js_len(list); i++) {
        const char *name = js_str_or(js_at(list, i), "node", "");

        if (ident_is_node(name)) {
            struct node *n = picture_grow(&p->node, &p->n_node, sizeof(*n));

            n->name = picture_str(p, name);
            n->online = strcmp(js_str_or(js_at(list, i), "status", ""), "online") == 0;
        }
    }
    for (size_t i = 0; i < p->n_node; i++) {
        parts_node(p, &p->node[i]);
    }
}

/* A row has some twenty more, nearly all of them counters. */
static const char *const of_guest[] = {"vmid", "type", "node", "status", "name", "template", NULL};

static void start(struct picture *p) {
    picture_want(p, "whole", "%s", perms_path);
    picture_want(p, "guests", "%s", guests_path);
    picture_want_only(p, of_guest);
    picture_want(p, "nodes", "%s", nodes_path);
}

static bool put(struct picture *p, const struct pic_answer *a) {
    if (strcmp(a->path, perms_path) == 0) {
        p->perms = a->data;
        a->result < 0 ? part_fail(p, &p->perms_part, a, NULL) : part_read(p, &p->perms_part);
    } else if (strcmp(a->path, guests_path) == 0) {
        a->result < 0 ? part_fail(p, &p->guests_part, a, "VM.Audit on /vms")
                      : put_guests(p, a->data);
    } else if (strcmp(a->path, nodes_path) == 0) {
        a->result < 0 ? part_fail(p, &p->nodes_part, a, "Sys.Audit on /nodes")
                      : put_nodes(p, a->data);
    } else {
        return false;
    }
    return true;
}

const struct pic_part part_resources = {.start = start, .put = put};
