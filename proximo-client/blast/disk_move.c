/* SPDX-License-Identifier: Apache-2.0 */
/* A disk goes to another storage, or to another guest: what refuses it, snapshots that stay behind,
 * and what the guest loses by its new place (other nodes, replication). */
#include "proximo-client/blast/disk_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/blast.h"

static const char *format_of(const struct volume *v) {
    const char *dot = strrchr(v->name, '.');

    return dot && (strcmp(dot, ".qcow2") == 0 || strcmp(dot, ".vmdk") == 0) ? dot + 1 : "raw";
}

/* Snapshots that hold the volume; each is told. */
static unsigned int check_snapshots(struct disk *k) {
    unsigned int n = 0;

    for (size_t s = 0; s < k->g->n_snap; s++) {
        const struct guest_snap *snap = &k->g->snap[s];

        for (size_t i = 0; i < snap->vols.n; i++) {
            char via[100];

            if (!volume_same(&snap->vols.v[i], k->v)) {
                continue;
            }
            n++;
            (void)snprintf(via, sizeof(via), "snapshot %.60s %s", snap->name, snap->vols.v[i].key);
            disk_hit(k, "loses-undo", RISK_MEDIUM, via,
                     "the snapshot stays behind: it goes on naming the old volume on %.60s, and "
                     "rolling back brings that one back",
                     k->v->storage);
        }
    }
    return n;
}

/* Where the guest could run before and cannot any more. */
static void check_nodes(struct disk *k, const struct store *to) {
    const bool is_managed = picture_ha_managed(k->p, k->g);
    char nodes[160] = "";

    if (k->from->shared && !to->shared) {
        disk_hit(k, "stranded", is_managed ? RISK_HIGH : RISK_MEDIUM, k->v->key,
                 is_managed ? "from shared to local storage: HA cannot start it anywhere else"
                            : "from shared to local storage: it is tied to %s",
                 k->g->node);
        return;
    }
    for (size_t i = 0; to->shared && i < picture_nodes(k->p); i++) {
        const char *node = picture_node(k->p, i, NULL);
        size_t at = strlen(nodes);

        if ((k->from->shared && store_usable(k->from, node)) && !store_usable(to, node)) {
            (void)snprintf(nodes + at, sizeof(nodes) - at, "%s%s", at ? ", " : "", node);
        }
    }
    if (nodes[0]) {
        disk_hit(k, "stranded", is_managed ? RISK_HIGH : RISK_MEDIUM, k->v->key,
                 "%.60s is not available at %s: it cannot run there any more", to->id, nodes);
    }
}

static void check_replication(struct disk *k, const struct store *to) {
    const js *job = replication_of(k->p, k->g->vmid);
    char text[8];
    const bool is_excluded =
        config_option(k->value, "replicate", text, sizeof(text)) && strcmp(text, "0") == 0;

    if (!job || to->shared || is_excluded) {
        return;
    }
    if (strcmp(to->type, "zfspool") != 0) {
        disk_hit(k, "degraded", RISK_HIGH, "replication",
                 "replication job %s fails from then on: %.40s storage cannot be replicated",
                 js_str_or(job, "id", "?"), to->type);
    } else if (!store_usable(to, js_str_or(job, "target", ""))) {
        disk_hit(k, "degraded", RISK_HIGH, "replication",
                 "replication job %s fails from then on: %.60s is not available at %.60s",
                 js_str_or(job, "id", "?"), to->id, js_str_or(job, "target", "?"));
    } else {
        disk_hit(k, "changed", RISK_LOW, "replication",
                 "replication job %s has to send all of the disk once", js_str_or(job, "id", "?"));
    }
}

static void move_to_storage(struct disk *k, const char *storage, const js *form) {
    const struct store *to = picture_store(k->p, storage);
    const char *content = k->is_ct ? "rootdir" : "images";
    const char *format = js_get_str(form, "format");
    const bool deletes = js_bool_or(form, "delete", false);
    unsigned int snaps;

    if (!store_usable(to, k->g->node)) {
        disk_refused(k, "storage %.60s is not available at %s", storage, k->g->node);
        return;
    }
    if (!words_have(js_str_or(to->def, "content", content), content)) {
        disk_refused(k, "storage %.60s does not take %s", storage, content);
    }
    if (to == k->from && (k->is_ct || !format || strcmp(format, format_of(k->v)) == 0)) {
        disk_refused(k, "%s is on %.60s already, in the same format", k->v->key, storage);
        return;
    }
    if (k->is_ct && k->g->running) {
        disk_refused(k, "volumes of a running container cannot be moved");
    }
    if (k->g->running && strncmp(k->v->key, "tpmstate", 8) == 0) {
        disk_refused(k, "TPM state of a running VM cannot be moved");
    }
    snaps = check_snapshots(k);
    if (snaps > 0 && deletes) {
        disk_refused(k, "a disk with snapshots cannot be moved and its source deleted");
    }
    disk_room(k, to, k->size, store_allocates(to, k->is_ct));
    if (k->v->base) {
        disk_hit(k, "changed", RISK_LOW, k->v->key,
                 "a linked clone of %u becomes a full copy: it takes its whole size", k->v->base);
    }
    if (k->from) {
        check_nodes(k, to);
    }
    check_replication(k, to);
    disk_hit(k, "changed", RISK_LOW, k->v->key, "moves from %.60s to %.60s; the old volume %s",
             k->v->storage, storage,
             deletes ? "is deleted when the copy is done" : "stays as an unused disk");
}

static void check_taker(struct disk *k, const struct guest *to, const char *key) {
    if (strcmp(to->kind, k->g->kind) != 0) {
        disk_refused(k, "%s is of another kind", to->resource);
    }
    if (strcmp(to->node, k->g->node) != 0) {
        disk_refused(k, "%s is at %s, not at %s", to->resource, to->node, k->g->node);
    }
    if (js_get(to->cfg, key)) {
        disk_refused(k, "%s has a %.40s already", to->resource, key);
    }
    if (to->template) {
        disk_refused(k, "%s is a template", to->resource);
    }
    tally_guest(&k->t, k->d, to, "changed", RISK_MEDIUM, key,
                "it gets the disk, with all that is on it");
}

static void move_to_guest(struct disk *k, uint32_t vmid, const js *form) {
    const struct guest *to = picture_guest(k->p, vmid);
    const char *key = js_str_or(form, k->is_ct ? "target-volume" : "target-disk", k->v->key);

    if (k->is_ct && strcmp(k->v->key, "rootfs") == 0) {
        disk_refused(k, "a container's rootfs cannot be given away");
    }
    if (k->is_ct && k->g->running) {
        disk_refused(k, "volumes of a running container cannot be moved");
    }
    if (k->g->template) {
        disk_refused(k, "%s is a template", k->g->resource);
    }
    if (check_snapshots(k) > 0) {
        disk_refused(k, "a disk that a snapshot names cannot be given away");
    }
    if (!to) {
        draft_unread(k->d, "the guest that takes the disk",
                     "it is not among those the token may see", "VM.Audit on the guest");
    } else if (to == k->g) {
        disk_refused(k, "%s has it already", to->resource);
    } else {
        check_taker(k, to, key);
    }
    disk_hit(k, role_is_vital(volume_role(k->g, k->v)) ? "wont-boot" : "degraded", RISK_HIGH,
             k->v->key, "it loses the disk to guest %u", vmid);
}

int blast_disk_move(const struct picture *p, uint32_t vmid, const js *form, struct draft *d) {
    struct disk k = {.p = p, .d = d};
    const char *key = js_str_or(form, "disk", js_str_or(form, "volume", ""));
    const char *storage = js_get_str(form, "storage");
    int64_t to = js_int_or(form, "target-vmid", 0);

    blast_unread(p, BLAST_DISK_NEEDS & ~(PIC_SPACE | PIC_THIN), vmid, d);
    if (!disk_find(&k, vmid, key)) {
        return k.g ? 0 : -ENOENT;
    }
    if (storage) {
        move_to_storage(&k, storage, form);
    } else if (to >= VMID_MIN && to <= VMID_MAX) {
        move_to_guest(&k, (uint32_t)to, form);
    } else {
        disk_refused(&k, "neither a storage nor a guest is named");
    }
    tally_risk(&k.t, d);
    return 0;
}
