/* SPDX-License-Identifier: Apache-2.0 */
/* The storage analyser's third part: what stands on a storage without naming a volume of it. Other
 * storages (volume groups on its LUNs, directories below its mount), guests that save their memory
 * there, backup jobs that buffer there. */
#include "proximo-client/blast/config_int.h"
#include "proximo-client/blast/storage_int.h"

#include <stdio.h>
#include <string.h>

bool path_is_below(const char *path, const char *top) {
    size_t n = strlen(top);

    while (n > 1 && top[n - 1] == '/') {
        n--;
    }
    return n > 1 && strncmp(path, top, n) == 0 && (path[n] == '/' || path[n] == 0);
}

static void hit(struct loss *l, const char *resource, const char *effect, enum risk severity,
                const char *via, const char *why) {
    tally_other(&l->tally, l->d, resource, effect, severity, via, why);
}

/* "base iscsi1:0.0.0.scsi-…" of a volume group. */
static bool stands_on_lun(const struct loss *l, const struct store *s) {
    const char *base = js_str_or(s->def, "base", "");
    size_t n = strlen(l->store->id);

    return strncmp(base, l->store->id, n) == 0 && base[n] == ':';
}

static bool is_mounted_by_pve(const struct store *s) {
    static const char *const types[] = {"nfs", "cifs", "cephfs"};
    const char *type = js_str_or(s->def, "type", "");

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(type, types[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Only what PVE mounts itself is missing below its mount point once it no longer does (at the next
 * start of the node: it unmounts nothing when a storage is disabled or deleted). A directory is
 * there whether a storage names it or not. */
static bool stands_on_path(const struct loss *l, const struct store *s) {
    char mounted[128];

    if (!is_mounted_by_pve(l->store)) {
        return false;
    }
    (void)snprintf(mounted, sizeof(mounted), "/mnt/pve/%s", l->store->id);
    return s->path[0] && strcmp(s->path, l->store->path) != 0 &&
           (path_is_below(s->path, l->store->path) || path_is_below(s->path, mounted));
}

void storage_base(struct loss *l) {
    const struct store *s;
    size_t n = picture_stores(l->p, &s);

    for (size_t i = 0; i < n; i++) {
        if (stands_on_lun(l, &s[i])) {
            draft_risk(l->d, RISK_HIGH, "PVE will refuse it: storage %.60s has it as its base",
                       s[i].id);
        }
    }
}

static void check_stores(struct loss *l) {
    const struct store *s;
    size_t n = picture_stores(l->p, &s);

    for (size_t i = 0; i < n; i++) {
        const bool lun = stands_on_lun(l, &s[i]);
        char resource[120];
        const struct guest *g;
        size_t guests = picture_guests(l->p, &g);

        if (&s[i] == l->store || s[i].disabled || !(lun || stands_on_path(l, &s[i]))) {
            continue;
        }
        (void)snprintf(resource, sizeof(resource), "storage/%.100s", s[i].id);
        hit(l, resource, "unreachable", RISK_HIGH, lun ? "base" : "path",
            lun ? "its volume group lies on a LUN of this storage"
                : "its directory is below this storage's: gone once that is not mounted any more");
        for (size_t k = 0; k < guests; k++) {
            for (size_t v = 0; v < g[k].vols.n; v++) {
                const struct volume *vol = &g[k].vols.v[v];

                if (vol->kind == VOLUME_STORAGE && !vol->unused &&
                    strcmp(vol->storage, s[i].id) == 0 && is_lost_at(l, g[k].node)) {
                    tally_guest(&l->tally, l->d, &g[k], "unreachable", RISK_HIGH, vol->key,
                                "its volume is on a storage that stands on this one");
                    break;
                }
            }
        }
    }
}

static void check_guests(struct loss *l) {
    const struct guest *g;
    size_t n = picture_guests(l->p, &g);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(js_str_or(g[i].cfg, "vmstatestorage", ""), l->store->id) == 0 &&
            is_lost_at(l, g[i].node)) {
            tally_guest(&l->tally, l->d, &g[i], "degraded", RISK_LOW, "vmstatestorage",
                        "snapshots with memory and hibernation fail: they save there");
        }
    }
}

static void check_jobs(struct loss *l) {
    const js *jobs = picture_backup_jobs(l->p);

    for (size_t i = 0; i < js_len(jobs); i++) {
        const js *job = js_at(jobs, i);
        const js *fleecing = js_get(job, "fleecing");
        char storage[80];
        char resource[100];

        if (js_is_object(fleecing)) {
            (void)snprintf(storage, sizeof(storage), "%s", js_str_or(fleecing, "storage", ""));
        } else if (!config_option(js_str_or(job, "fleecing", ""), "storage", storage,
                                  sizeof(storage))) {
            continue;
        }
        if (strcmp(storage, l->store->id) == 0 && js_bool_or(job, "enabled", true)) {
            (void)snprintf(resource, sizeof(resource), "job/%.80s", js_str_or(job, "id", "?"));
            hit(l, resource, "loses-backup", RISK_HIGH, "fleecing",
                "the backup job buffers on this storage: its backups of VMs fail");
        }
    }
}

void storage_deps(struct loss *l) {
    check_stores(l);
    check_guests(l);
    check_jobs(l);
}
