/* SPDX-License-Identifier: Apache-2.0 */
/* Analysers for rows about nodes and about what stands for a node's devices. */
#include <errno.h>
#include <string.h>

#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/tools/look.h"

/* "pci-mapping" */
int assess_mapping(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct picture_ask ask = {.what = BLAST_MAPPING_NEEDS};
    char type[8];
    int r = assess_look(d, &ask, 0, &p, e);

    (void)snprintf(type, sizeof(type), "%.*s", (int)strcspn(a->row->send->on->kind, "-"),
                   a->row->send->on->kind);
    return r < 0
               ? r
               : assess_verdict(blast_mapping(p, type, js_str_or(a->args, "id", ""),
                                              js_get(a->before, "map"), js_get(a->after, "map"), d),
                                e);
}

int assess_node_service(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct picture_ask ask = {.what = BLAST_NODE_SERVICE_NEEDS};
    int r = assess_look(d, &ask, 0, &p, e);

    return r < 0 ? r
                 : assess_verdict(blast_node_service(p, js_str_or(a->args, "node", ""),
                                                     js_str_or(a->args, "service", ""),
                                                     strrchr(a->path, '/') + 1, d),
                                  e);
}

int assess_node_power(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    const char *node = js_str_or(a->args, "node", "");
    struct picture_ask ask = {.what = BLAST_NODE_NEEDS, .nodes = node};
    bool reboot = strcmp(js_str_or(a->form, "command", ""), "reboot") == 0;
    int r = assess_look(d, &ask, 0, &p, e);

    return r < 0 ? r : assess_verdict(blast_node_power(p, node, reboot, d), e);
}

/* A request after the other, each from what is there now. */
int assess_ceph(struct draft *d, const struct assess *a, struct err *e) {
    struct blast_request req[4];
    size_t n = assess_requests(a, req, ARRAY_LEN(req));
    const char *node = js_get_str(a->args, "node");
    char paths[120];
    int r = n ? 0 : err_set(e, -EINVAL, "not a change of Ceph that can be assessed");

    /* of the node that is asked, or of all */
    (void)snprintf(paths, sizeof(paths), "/storage /nodes/%.63s%s", node ? node : "",
                   node ? "/ceph/" : "");
    for (size_t i = 0; r == 0 && i < n; i++) {
        CLEANUP(look_done) struct look l = {.paths = paths};
        struct picture_ask ask = {.what = blast_ceph_needs(&req[i]), .nodes = node};

        r = look_open(&l, d, &ask, e);
        r = r < 0 ? r : look_close(&l, blast_ceph(l.p, node ? node : "", &req[i], d), e);
    }
    return r;
}

/* The node of the request: an undo may be sent to another one than the operation. */
static void node_of(const struct assess *a, char ret[static 64]) {
    if (!pve_path_part(a->path, 1, ret, 64)) {
        ret[0] = '\0';
    }
}

int assess_node_guests(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct picture_ask ask = {.what = BLAST_NODE_GUESTS_NEEDS};
    char node[64];
    int r = assess_look(d, &ask, 0, &p, e);

    node_of(a, node);

    return r < 0 ? r
                 : assess_verdict(blast_node_guests(p, node, strrchr(a->path, '/') + 1, a->form, d),
                                  e);
}

static bool is_listed(const char *vms, const char *vmid) {
    char word[24];

    while (next_key(&vms, word, sizeof(word))) {
        if (strcmp(word, vmid) == 0) {
            return true;
        }
    }
    return false;
}

/* {"104": "c2", …}: every guest of the node, or those of the list. */
static js *moves_of(const struct picture *p, const char *node, const js *form) {
    const char *vms = js_get_str(form, "vms");
    js *moves = js_object();
    const struct guest *g;
    size_t n = picture_guests(p, &g);

    for (size_t i = 0; i < n; i++) {
        char vmid[16];

        (void)snprintf(vmid, sizeof(vmid), "%u", g[i].vmid);
        if ((!vms || is_listed(vms, vmid)) && strcmp(g[i].node, node) == 0) {
            js_add(moves, vmid, js_str(js_str_or(form, "target", "")));
        }
    }
    return moves;
}

int assess_node_migrate(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    CLEANUP(js_freep) js *moves = NULL;
    CLEANUP(js_freep) js *form = js_object();
    char nodes[160], node[64];
    struct picture_ask ask = {.what = BLAST_MIGRATE_NEEDS, .nodes = nodes};
    int r;

    node_of(a, node);
    (void)snprintf(nodes, sizeof(nodes), "%.70s,%.70s", node, js_str_or(a->form, "target", ""));
    r = assess_look(d, &ask, 0, &p, e);
    if (r < 0) {
        return r;
    }
    moves = moves_of(p, node, a->form);
    /* as PVE asks each move: running VMs online, running containers by a restart */
    js_add(form, "online", js_int(1));
    js_add(form, "restart", js_int(1));
    if (js_bool_or(a->form, "with-local-disks", false)) {
        js_add(form, "with-local-disks", js_int(1));
    }
    return assess_verdict(blast_migrate_many(p, moves, form, d), e);
}

/* "/nodes/c1/disks/zfs/tank": "zfs". */
static void disk_kind(const char *path, char *ret, size_t size) {
    const char *p = strstr(path, "/disks/");

    p = p ? p + 7 : "";
    (void)snprintf(ret, size, "%.*s", (int)strcspn(p, "/"), p);
}

int assess_node_disk(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    const char *node = js_str_or(a->args, "node", "");
    bool gone = strcmp(a->method, "DELETE") == 0;
    struct picture_ask ask = {.what = gone ? BLAST_NODE_POOL_NEEDS : BLAST_NODE_DISK_NEEDS,
                              .nodes = node};
    const char *devices =
        js_str_or(a->form, "devices", js_str_or(a->form, "device", js_str_or(a->form, "disk", "")));
    char kind[20];
    int r = assess_look(d, &ask, 0, &p, e);

    if (r < 0) {
        return r;
    }
    disk_kind(a->path, kind, sizeof(kind));
    r = gone ? blast_node_pool(p, node, kind, js_str_or(a->args, "name", ""),
                               js_str_or(a->form, "volume-group", ""), d)
             : blast_node_disk(p, node, devices, d);
    return assess_verdict(r, e);
}
