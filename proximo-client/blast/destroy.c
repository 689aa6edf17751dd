/* SPDX-License-Identifier: Apache-2.0 */
/* A guest is destroyed: what PVE refuses, which volumes go with their data (those of its own name,
 * in the configuration and in snapshots), which stay, who else uses them, and what there is to
 * restore it from. Its places in jobs, HA, pools and grants are in destroy_refs.c. */
#include "proximo-client/blast/destroy_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/archive_config.h"

void ending_hit(struct ending *e, const char *effect, enum risk severity, const char *via,
                const char *why) {
    tally_guest(&e->t, e->d, e->g, effect, severity, via, why);
}

/* In the words of PVE's own checks; each is found before anything is touched. */
static void check_refusals(struct ending *e) {
    const bool is_ct = strcmp(e->g->kind, "lxc") == 0;
    const js *job = replication_any(e->p, e->g->vmid);

    if (js_bool_or(e->g->cfg, "protection", false)) {
        draft_risk(e->d, RISK_HIGH, "will be refused: %s is protected", e->g->resource);
    }
    if (e->g->running && !(is_ct && e->force)) {
        draft_risk(e->d, RISK_HIGH, "will be refused: %s runs%s", e->g->resource,
                   is_ct ? " (force would stop it first)" : "");
    }
    if (picture_ha_of(e->p, e->g) && !e->purge) {
        draft_risk(e->d, RISK_HIGH, "will be refused: %s is an HA resource, and purge is not set",
                   e->g->resource);
    }
    if (job && !e->purge) {
        draft_risk(e->d, RISK_HIGH,
                   "will be refused: replication job %s names %s, and purge is not set",
                   js_str_or(job, "id", "?"), e->g->resource);
    }
}

struct users {
    struct ending *e;
    const struct volume *v;
    unsigned int clones;
};

static void on_ref(void *ctx, const struct ref *r) {
    struct users *u = ctx;
    struct ending *e = u->e;
    char why[200];

    if (r->g == e->g || r->snap) {
        return;
    }
    u->clones += r->is_clone;
    (void)snprintf(why, sizeof(why), "its %s is %s %s of %s", r->v->key,
                   r->is_clone ? "a linked clone of" : "the same volume as", u->v->key,
                   e->g->resource);
    tally_guest(&e->t, e->d, r->g, "loses-data", RISK_HIGH, r->v->key, why);
}

/* PVE takes a volume only if it is the guest's own by name. */
static bool is_own(const struct ending *e, const struct volume *v) {
    return v->kind == VOLUME_STORAGE && volume_owner(v->name) == e->g->vmid;
}

/* What a backup says of the volume's fate, and the one that is made first. */
static const char *backed_up(const struct ending *e, const struct volume *v) {
    if (v->cloudinit || v->vmstate) {
        return "";
    }
    if (backup_takes(e->g->kind, v->key, js_str_or(e->g->cfg, v->key, ""))) {
        return e->backup ? "; the backup that is made first holds it" : "";
    }
    if (v->unused) {
        return e->backup ? "; no backup holds unused disks" : "";
    }
    return "; its configuration leaves it out of every backup";
}

static void check_volume(struct ending *e, const struct volume *v) {
    const struct store *s = picture_store(e->p, v->storage);
    struct users u = {.e = e, .v = v};
    char why[320];

    if (v->kind == VOLUME_EMPTY || v->reference || (v->cdrom && !v->cloudinit)) {
        return; /* nothing of the guest's own */
    }
    if (!is_own(e, v)) {
        (void)snprintf(why, sizeof(why), "%s (%.120s) is not the guest's own and stays", v->key,
                       v->name);
        ending_hit(e, "none", RISK_LOW, v->key, why);
        return;
    }
    if (!store_usable(s, e->g->node)) {
        (void)snprintf(why, sizeof(why),
                       "%s (%.120s) cannot be reached at %.60s and stays behind as an orphan",
                       v->key, v->name, e->g->node);
        ending_hit(e, "none", RISK_LOW, v->key, why);
        return;
    }
    (void)snprintf(why, sizeof(why), "%s (%.60s:%.120s) is deleted with its data%s", v->key,
                   v->storage, v->name, backed_up(e, v));
    ending_hit(e, "loses-data", v->cloudinit ? RISK_LOW : RISK_HIGH, v->key, why);
    refs_each(e->p, v->storage, v->name, on_ref, &u);
    if (u.clones > 0) {
        draft_risk(e->d, RISK_HIGH,
                   "will be refused: %s is the base of %u linked clone%s (the task fails)", v->key,
                   u.clones, u.clones == 1 ? "" : "s");
    }
}

static void check_volumes(struct ending *e) {
    for (size_t i = 0; i < e->g->vols.n; i++) {
        check_volume(e, &e->g->vols.v[i]);
    }
    for (size_t s = 0; s < e->g->n_snap; s++) {
        const struct guest_snap *snap = &e->g->snap[s];
        char via[100];

        for (size_t i = 0; i < snap->vols.n; i++) {
            const struct volume *v = &snap->vols.v[i];

            if (!is_own(e, v) || v->cdrom || volumes_have(&e->g->vols, v)) {
                continue;
            }
            (void)snprintf(via, sizeof(via), "snapshot %.60s %s", snap->name, v->key);
            ending_hit(e, "loses-data", RISK_HIGH, via,
                       "a volume that only the snapshot names goes");
        }
    }
}

/* The guest itself, and what there is to get it back from. */
static void check_guest(struct ending *e) {
    size_t n;
    const struct archive *a = archives_of(&e->archives, e->g->vmid, &n);
    char why[400];
    char age[60];
    int at = snprintf(why, sizeof(why), "it is destroyed%s", e->g->template ? "; a template" : "");

    if (e->g->n_snap > 0) {
        at += snprintf(why + at, sizeof(why) - (size_t)at, "; %zu snapshot%s with it", e->g->n_snap,
                       e->g->n_snap == 1 ? "" : "s");
    }
    if (e->backup) {
        at += snprintf(why + at, sizeof(why) - (size_t)at,
                       "; a backup of it to %.60s is made and verified first", e->backup);
    }
    if (a) {
        age_text(e->now - a->ctime, age, sizeof(age));
        (void)snprintf(why + at, sizeof(why) - (size_t)at,
                       "; the newest of %zu backup%s%s (%.60s) is %s old", n, n == 1 ? "" : "s",
                       e->backup ? " before it" : "", a->storage, age);
    } else if (!e->backup) {
        (void)snprintf(why + at, sizeof(why) - (size_t)at, "; no backup of it is seen");
        if (e->archives.unseen) {
            draft_unread(e->d, "backups of the guest", e->archives.unseen->why,
                         e->archives.unseen->privilege);
        }
    }
    tally_affect(&e->t, e->d,
                 &(struct affect){.resource = e->g->resource,
                                  .name = e->g->name,
                                  .node = e->g->node,
                                  .effect = "destroyed",
                                  .severity = RISK_HIGH,
                                  .running = e->g->running,
                                  .only_copy = !a && !e->backup,
                                  .why = why});
}

static void ending_done(struct ending *e) {
    archives_done(&e->archives);
}

int blast_destroy(const struct picture *p, uint32_t vmid, const js *form, int64_t now,
                  struct draft *d) {
    CLEANUP(ending_done)
    struct ending e = {.p = p,
                       .g = picture_guest(p, vmid),
                       .d = d,
                       .now = now,
                       .purge = js_bool_or(form, "purge", false),
                       .unreferenced = js_bool_or(form, "destroy-unreferenced-disks", false),
                       .force = js_bool_or(form, "force", false),
                       .backup = js_get_str(form, "backup")};

    blast_unread(p, BLAST_DESTROY_NEEDS & ~PIC_BACKUPS, 0, d);
    if (!e.g) {
        draft_unread(d, "the guest", "it is not among those the token may see",
                     "VM.Audit on the guest");
        return -ENOENT;
    }
    archives_find(p, &e.archives);
    check_guest(&e);
    check_refusals(&e);
    check_volumes(&e);
    ending_refs(&e);
    served_by(p, e.g, &e.t, d);
    tally_risk(&e.t, d);
    return 0;
}
