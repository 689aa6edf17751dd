/* SPDX-License-Identifier: Apache-2.0 */
/* Analysers of rows about guests and their disks. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/tools/look.h"

/* Jobs, HA and grants that name the guest; what lies on storages under its number. */
static const char destroy_paths[] =
    "/storage /cluster/ha/ /cluster/replication /cluster/backup /access/acl";

int assess_destroy(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(look_done) struct look l = {.guest = {a->guest->vmid}, .paths = destroy_paths};
    const struct picture_ask ask = {.what = BLAST_DESTROY_NEEDS, .owner = a->guest->vmid};
    CLEANUP(js_freep) js *form = js_copy(a->form);
    int r = look_open(&l, d, &ask, e);

    if (js_get_str(a->args, "backup")) {
        js_add(form, "backup", js_copy(js_get(a->args, "backup")));
    }
    return r < 0 ? r : look_close(&l, blast_destroy(l.p, a->guest->vmid, form, clock_unix(), d), e);
}

int assess_migrate(struct draft *d, const struct assess *a, struct err *e) {
    const char *target = js_str_or(a->form, "target", ""); /* of an undo, not the row's */
    char nodes[160];
    char paths[240];
    CLEANUP(look_done) struct look l = {.guest = {a->guest->vmid}, .paths = paths};
    /* linked clones of a template are other guests' */
    const struct picture_ask ask = {.what = BLAST_MIGRATE_NEEDS,
                                    .vmid = a->guest->template ? 0 : a->guest->vmid,
                                    .nodes = nodes};
    int r;

    (void)snprintf(nodes, sizeof(nodes), "%.63s,%.63s", a->guest->node, target);
    (void)snprintf(paths, sizeof(paths),
                   "/storage /cluster/ha/ /cluster/replication /cluster/mapping/ /cluster/sdn/ "
                   "/cluster/resources?type=node /nodes/%.63s/network",
                   target);
    r = look_open(&l, d, &ask, e);
    return r < 0 ? r : look_close(&l, blast_migrate(l.p, a->guest->vmid, target, a->form, d), e);
}

/* The guest's node, and of replicated guests the nodes that hold a replica, into ret. What cannot
 * be read here the picture cannot read either, and says so. */
static void disk_nodes(struct draft *d, const struct guest_ref *g, char *ret, size_t size) {
    js *jobs = NULL;

    (void)snprintf(ret, size, "%.63s", g->node);
    if (draft_read(d, "/cluster/replication", "whole", &jobs, NULL) < 0) {
        return;
    }
    for (size_t i = 0; i < js_len(jobs); i++) {
        const char *target = js_str_or(js_at(jobs, i), "target", "");
        size_t at = strlen(ret);

        if (js_int_or(js_at(jobs, i), "guest", 0) == (int64_t)g->vmid && ident_is_node(target) &&
            at + strlen(target) + 2 < size) {
            (void)snprintf(ret + at, size - at, ",%s", target);
        }
    }
}

static int assess_disk(struct draft *d, const struct assess *a,
                       int (*blast)(const struct picture *p, uint32_t vmid, const js *form,
                                    struct draft *d),
                       struct err *e) {
    int64_t taker = js_int_or(a->form, "target-vmid", 0);
    char nodes[2048];
    CLEANUP(look_done)
    struct look l = {.guest = {a->guest->vmid, taker > 0 ? (uint32_t)taker : 0},
                     .paths = "/storage /cluster/ha/ /cluster/replication"};
    const struct picture_ask ask = {
        .what = BLAST_DISK_NEEDS, .vmid = taker > 0 ? 0 : a->guest->vmid, .nodes = nodes};
    int r;

    disk_nodes(d, a->guest, nodes, sizeof(nodes));
    r = look_open(&l, d, &ask, e);
    return r < 0 ? r : look_close(&l, blast(l.p, a->guest->vmid, a->form, d), e);
}

int assess_disk_move(struct draft *d, const struct assess *a, struct err *e) {
    return assess_disk(d, a, blast_disk_move, e);
}

int assess_disk_resize(struct draft *d, const struct assess *a, struct err *e) {
    return assess_disk(d, a, blast_disk_resize, e);
}

static int unlinked_volume(struct draft *d, const struct assess *a, const char *value,
                           struct err *e) {
    char volid[400];
    char storage[120];
    CLEANUP(look_done)
    struct look l = {.guest = {a->guest->vmid}, .paths = "/storage"};
    const struct picture_ask ask = {.what = BLAST_VOLUME_NEEDS, .storage = storage};
    int r;

    (void)snprintf(volid, sizeof(volid), "%.*s", (int)strcspn(value, ","), value);
    (void)snprintf(storage, sizeof(storage), "%.*s", (int)strcspn(volid, ":"), volid);
    if (!strchr(volid, ':')) {
        return 0; /* an empty drive, a device of the node: nothing is destroyed */
    }
    r = look_open(&l, d, &ask, e);
    return r < 0 ? r
                 : look_close(&l, blast_volume_delete(l.p, volid, a->guest->node, clock_unix(), d),
                              e);
}

/* PVE leaves the volume of a disk as unused; with force, and when it is unused already, it goes. */
int assess_disk_unlink(struct draft *d, const struct assess *a, struct err *e) {
    const js *list = js_get(a->args, "idlist");
    int r;

    if (!a->plans) { /* they are attached again */
        return assess_config(d, a->guest, a->form, NULL, e);
    }
    r = assess_config(d, a->guest, NULL, list, e);
    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        const char *key = json_object_get_string(js_at(list, i));
        const char *value = js_get_str(a->before, key);

        if (value && (js_bool_or(a->args, "force", false) || strncmp(key, "unused", 6) == 0)) {
            r = unlinked_volume(d, a, value, e);
        }
    }
    return r;
}

/* What a new guest's verdict rests on beside its own request. */
static void newcomer_paths(const char *node, char *ret, size_t size) {
    (void)snprintf(ret, size,
                   "/storage /cluster/backup /access/acl /cluster/sdn/ /nodes/%.63s/network", node);
}

int assess_create(struct draft *d, const struct assess *a, struct err *e) {
    const char *node = js_str_or(a->args, "node", "");
    const char *kind = strrchr(a->path, '/') + 1;
    char paths[240];
    CLEANUP(look_done) struct look l = {.paths = paths};
    const struct picture_ask ask = {.what = blast_create_needs(a->form), .nodes = node};
    int r;

    newcomer_paths(node, paths, sizeof(paths));
    r = look_open(&l, d, &ask, e);
    return r < 0 ? r : look_close(&l, blast_create(l.p, kind, node, a->form, d), e);
}

int assess_clone(struct draft *d, const struct assess *a, struct err *e) {
    const char *node = js_str_or(a->form, "target", a->guest->node);
    char paths[240];
    CLEANUP(look_done) struct look l = {.guest = {a->guest->vmid}, .paths = paths};
    const struct picture_ask ask = {
        .what = BLAST_CLONE_NEEDS, .vmid = a->guest->vmid, .nodes = node};
    int r;

    newcomer_paths(node, paths, sizeof(paths));
    r = look_open(&l, d, &ask, e);
    return r < 0 ? r : look_close(&l, blast_clone(l.p, a->guest->vmid, a->form, d), e);
}

int assess_template(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(look_done)
    struct look l = {.guest = {a->guest->vmid},
                     .paths = "/storage /cluster/ha/ /cluster/replication"};
    const struct picture_ask ask = {.what = BLAST_TEMPLATE_NEEDS, .vmid = a->guest->vmid};
    int r = look_open(&l, d, &ask, e);

    return r < 0 ? r : look_close(&l, blast_template(l.p, a->guest->vmid, a->form, d), e);
}
