/* SPDX-License-Identifier: Apache-2.0 */
/* Rollback to a snapshot: what is lost since it was taken, which later snapshots stand in between,
 * whether the guest stops, what of the configuration goes back, and whether the storage can do it
 * at all (ZFS takes back to the newest snapshot only). */
#include "proximo-client/blast/blast_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct back {
    const struct picture *p;
    const struct guest *g;
    const struct guest_snap *to;
    struct draft *d;
    struct tally t;
    unsigned int newer;
};

static void hit(struct back *b, const char *effect, enum risk severity, const char *via,
                const char *why) {
    tally_guest(&b->t, b->d, b->g, effect, severity, via, why);
}

static void check_loss(struct back *b, int64_t now) {
    char age[60];
    char why[240];

    age_text(b->to->snaptime > 0 ? now - b->to->snaptime : -1, age, sizeof(age));
    (void)snprintf(why, sizeof(why),
                   "goes back to snapshot %s; everything written in the last %s is lost",
                   b->to->name, age);
    hit(b, "reverted", RISK_HIGH, b->to->name, why);
}

/* Newer snapshots, and whether each lies between the present state and the target. */
static void check_between(struct back *b) {
    const char *at = b->g->parent;
    bool on_path = false;

    for (size_t guard = 0; at[0] && guard <= b->g->n_snap && !on_path; guard++) {
        const struct guest_snap *s = guest_snap_find(b->g, at);

        on_path = strcmp(at, b->to->name) == 0;
        at = s ? s->parent : "";
    }
    if (!on_path && b->g->config.state == PART_READ) {
        draft_risk(b->d, RISK_HIGH,
                   "the present state does not descend from %s: it is on another branch",
                   b->to->name);
    }
    for (size_t i = 0; i < b->g->n_snap; i++) {
        const struct guest_snap *s = &b->g->snap[i];
        char via[64];

        if (s == b->to || s->snaptime <= b->to->snaptime) {
            continue;
        }
        b->newer++;
        (void)snprintf(via, sizeof(via), "snapshot %s", s->name);
        hit(b, "loses-undo", RISK_MEDIUM, via,
            "a later snapshot: on some storages it must go first, on others it stays on a side "
            "branch");
    }
}

static void check_volumes(struct back *b) {
    for (size_t i = 0; i < b->g->vols.n; i++) {
        const struct volume *v = &b->g->vols.v[i];
        const struct store *s = v->kind == VOLUME_STORAGE ? picture_store(b->p, v->storage) : NULL;

        if (v->kind == VOLUME_BIND || v->kind == VOLUME_DEVICE) {
            hit(b, "none", RISK_LOW, v->key, "is a path of the host: it is not taken back");
            continue;
        }
        if (v->kind != VOLUME_STORAGE || v->cdrom || v->unused || v->reference) {
            continue;
        }
        if (b->to->config.state == PART_READ && !volumes_have(&b->to->vols, v)) {
            hit(b, "degraded", RISK_HIGH, v->key,
                "was added after the snapshot: it leaves the configuration");
        }
        if (!s) {
            draft_unread(b->d, v->storage, "its definition was not read, so its type is unknown",
                         "Datastore.Audit on /storage");
        } else if (strcmp(s->type, "zfspool") == 0 && b->newer > 0) {
            draft_risk(b->d, RISK_HIGH,
                       "will be refused: %s is ZFS, which goes back to the newest "
                       "snapshot only, and %u are newer",
                       s->id, b->newer);
        }
    }
}

static void check_config(struct back *b) {
    static const char *const apart[] = {"digest",
                                        "parent",
                                        "snaptime",
                                        "vmstate",
                                        "snapstate",
                                        "lock",
                                        "description",
                                        "meta",
                                        "runningmachine",
                                        "runningcpu",
                                        "running-nets-host-mtu",
                                        "vmgenid"}; /* it gets a new one */
    char keys[200] = "";
    unsigned int n = 0;

    if (!b->g->cfg || !b->to->cfg) {
        return;
    }
    for (int pass = 0; pass < 2; pass++) {
        const js *one = pass ? b->to->cfg : b->g->cfg;
        const js *two = pass ? b->g->cfg : b->to->cfg;

        JS_FOREACH(one, key, value) {
            size_t at = strlen(keys);
            /* compared in the first pass; unused volumes stay as they are, whatever the snapshot
             * says of them (PVE: __snapshot_apply_config) */
            bool skip = (pass && js_get(two, key)) || strncmp(key, "unused", 6) == 0;

            for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
                skip = skip || strcmp(key, apart[i]) == 0;
            }
            if (skip || js_eq(value, js_get(two, key))) {
                continue;
            }
            n++;
            (void)snprintf(keys + at, sizeof(keys) - at, "%s%.40s", at ? ", " : "", key);
        }
    }
    if (n > 0) {
        char why[300];

        (void)snprintf(why, sizeof(why), "its configuration goes back, too: %s", keys);
        hit(b, "changed", RISK_MEDIUM, "config", why);
    }
}

static void check_running(struct back *b) {
    if (b->g->running && b->to->vmstate) {
        hit(b, "interrupted", RISK_HIGH, b->to->name,
            "it is stopped and goes on from the memory saved with the snapshot");
    } else if (b->g->running) {
        hit(b, "halted", RISK_HIGH, b->to->name, "it is stopped by the rollback and stays stopped");
    } else if (b->to->vmstate) {
        hit(b, "started", RISK_MEDIUM, b->to->name,
            "the snapshot holds memory: the guest runs after the rollback");
    }
}

int blast_rollback(const struct picture *p, uint32_t vmid, const char *snapname, int64_t now,
                   struct draft *d) {
    struct back b = {.p = p, .g = picture_guest(p, vmid), .d = d};

    blast_unread(p, BLAST_ROLLBACK_NEEDS, vmid, d);
    if (!b.g) {
        draft_unread(d, "the guest", "it is not among those the token may see",
                     "VM.Audit on the guest");
        return -ENOENT;
    }
    b.to = guest_snap_find(b.g, snapname);
    if (!b.to) {
        draft_risk(d, RISK_HIGH, "will fail: %s has no snapshot %s", b.g->resource, snapname);
        return -ENOENT;
    }
    check_loss(&b, now);
    check_between(&b);
    check_volumes(&b);
    check_config(&b);
    check_running(&b);
    if (js_bool_or(b.g->cfg, "template", false)) {
        draft_risk(d, RISK_HIGH, "it is a template");
    }
    tally_risk(&b.t, d);
    return 0;
}
