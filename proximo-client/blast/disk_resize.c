/* SPDX-License-Identifier: Apache-2.0 */
/* A disk grows. Nothing shrinks it again: PVE refuses that, and so there is no way back. */
#include "proximo-client/blast/disk_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proximo-client/blast/blast.h"

static void check_replica(struct disk *k, int64_t more) {
    const js *job = replication_of(k->p, k->g->vmid);
    const char *target = js_str_or(job, "target", "");
    struct part part;
    int64_t avail;

    if (!job || !k->v->replicated || !k->from || k->from->shared) {
        return;
    }
    avail = node_space(k->p, target, k->from->id, &part);
    if (avail < 0) {
        draft_unread(k->d, "room at the replica's node",
                     part.state == PART_READ ? "it is not told" : part.why, part.privilege);
    } else if (more > avail) {
        disk_hit(k, "degraded", RISK_HIGH, "replication",
                 "its replica at %.60s does not fit any more (%" PRId64 " MiB left): replication "
                 "fails from then on",
                 target, avail >> 20);
    }
}

static void check_snapshots(struct disk *k) {
    for (size_t s = 0; s < k->g->n_snap; s++) {
        for (size_t i = 0; i < k->g->snap[s].vols.n; i++) {
            const struct volume *v = &k->g->snap[s].vols.v[i];
            char via[100];

            if (!volume_same(v, k->v)) {
                continue;
            }
            (void)snprintf(via, sizeof(via), "snapshot %.60s %s", k->g->snap[s].name, v->key);
            disk_hit(k, "none", RISK_LOW, via,
                     "the snapshot keeps the old size: rolling back takes the growth back with "
                     "all that is on it");
        }
    }
}

int blast_disk_resize(const struct picture *p, uint32_t vmid, const js *form, struct draft *d) {
    struct disk k = {.p = p, .d = d};
    const char *key = js_str_or(form, "disk", "");
    const char *size = js_str_or(form, "size", "");
    const bool adds = size[0] == '+';
    int64_t want;

    blast_unread(p, BLAST_DISK_NEEDS & ~(PIC_SPACE | PIC_THIN), vmid, d);
    if (!disk_find(&k, vmid, key)) {
        return k.g ? 0 : -ENOENT;
    }
    if (!size_parse(size + adds, &want)) {
        disk_refused(&k, "\"%.40s\" is no size (40G, +8G)", size);
        return 0;
    }
    if (k.v->firmware || k.v->cloudinit || k.v->unused || k.v->vmstate) {
        disk_refused(&k, "%s has a fixed size", key);
        return 0;
    }
    if (k.size < 0) {
        draft_unread(d, "the present size of the disk", "its entry does not say", NULL);
        return 0;
    }
    want += adds ? k.size : 0;
    if (want < k.size) {
        disk_refused(&k, "%s has %" PRId64 " MiB, and disks cannot shrink (the task fails)", key,
                     k.size >> 20);
    } else if (want == k.size) {
        disk_hit(&k, "none", RISK_NONE, key, "it has that size already: nothing changes");
    } else {
        disk_hit(&k, "changed", RISK_MEDIUM, key,
                 "grows from %" PRId64 " to %" PRId64 " MiB, for good: it cannot shrink again; %s",
                 k.size >> 20, want >> 20,
                 k.is_ct ? "its file system grows with it"
                         : "partitions and file systems in the guest do not grow by it");
        check_snapshots(&k);
        if (k.from) {
            disk_room(&k, k.from, want - k.size, store_allocates(k.from, k.is_ct));
        }
        check_replica(&k, want - k.size);
    }
    tally_risk(&k.t, d);
    return 0;
}
