/* SPDX-License-Identifier: Apache-2.0 */
/* A volume goes, for good. PVE refuses that only for base volumes with linked clones and for
 * protected backups; that a guest uses the volume refuses nothing. On a storage of each node's own
 * a name may exist on several nodes: the guest's, a replica, a stale copy. */
#include "proximo-client/blast/backup_int.h"
#include "proximo-client/blast/refs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"

struct removal {
    const struct picture *p;
    struct draft *d;
    const char *volid, *node, *name;
    char storage[128];
    const struct store *store;
    const js *row; /* of the content list; NULL when it is not there */
    const char *content;
    int64_t now;
    struct archives archives;
    struct tally t;
    unsigned int refs, clones;
    uint32_t copy_told; /* the guest whose copy was spoken of last: once for each */
};

static void hit(struct removal *r, const struct guest *g, const char *effect, enum risk severity,
                bool only, const char *via, const char *why) {
    tally_affect(&r->t, r->d,
                 &(struct affect){.resource = g->resource,
                                  .name = g->name,
                                  .node = g->node,
                                  .effect = effect,
                                  .severity = severity,
                                  .running = g->running,
                                  .only_copy = only,
                                  .via = via,
                                  .why = why});
}

/* On a storage of each node's own, a volume at another node than the guest's is not the guest's. */
static bool is_elsewhere(const struct removal *r, const struct guest *g) {
    return !r->store->shared && strcmp(g->node, r->node) != 0;
}

static void hit_copy(struct removal *r, const struct guest *g, const struct volume *v) {
    const js *job = replication_to(r->p, g->vmid, r->node);
    char why[200];

    if (r->copy_told == g->vmid) {
        return; /* however many snapshots name it */
    }
    r->copy_told = g->vmid;
    (void)snprintf(
        why, sizeof(why),
        job ? "the replica at %.60s of its %s: until the next run, which sends all of it "
              "again, it cannot be recovered there"
            : "a copy at %.60s of its %s, which the guest at its own node does not use",
        r->node, v->key);
    hit(r, g, job ? "degraded" : "none", job ? RISK_HIGH : RISK_LOW, false, v->key, why);
}

static const char *backup_words(struct removal *r, const struct guest *g, bool *ret_any, char *tmp,
                                size_t size) {
    size_t n;
    const struct archive *a = archives_of(&r->archives, g->vmid, &n);
    char age[60];

    *ret_any = a != NULL;
    if (!a) {
        if (r->archives.unseen) {
            draft_unread(r->d, "backups of the guest", r->archives.unseen->why,
                         r->archives.unseen->privilege);
        }
        return "; no backup of it is seen";
    }
    age_text(r->now - a->ctime, age, sizeof(age));
    (void)snprintf(tmp, size, "; the newest of %zu backup%s (on %.60s) is %s old", n,
                   n == 1 ? "" : "s", a->storage, age);
    return tmp;
}

static void hit_disk(struct removal *r, const struct guest *g, const struct volume *v,
                     enum role role) {
    bool has_backup;
    char tmp[200];
    const char *backup = backup_words(r, g, &has_backup, tmp, sizeof(tmp));
    const js *job = replication_of(r->p, g->vmid);
    const bool is_replicated = job && v->replicated && !r->store->shared;
    const bool is_vital = role == ROLE_BOOT || role == ROLE_MAYBE_BOOT || role == ROLE_FIRMWARE;
    char why[480];

    (void)snprintf(why, sizeof(why), "%s %s is deleted with its data%s%s%s%s",
                   is_vital              ? "its boot disk or firmware"
                   : role == ROLE_UNUSED ? "its detached disk"
                   : role == ROLE_STATE  ? "its saved memory"
                                         : "its volume",
                   v->key, backup, is_replicated ? "; a replica is on " : "",
                   is_replicated ? js_str_or(job, "target", "?") : "",
                   g->running ? "; runs now: fails or loses everything since" : "");
    hit(r, g, is_vital && !g->template ? "wont-boot" : "loses-data", RISK_HIGH,
        !has_backup && !is_replicated, v->key, why);
}

static void hit_current(struct removal *r, const struct guest *g, const struct volume *v) {
    const enum role role = volume_role(g, v);
    char why[240];

    if (is_elsewhere(r, g)) {
        hit_copy(r, g, v);
    } else if (role == ROLE_CLOUDINIT) {
        hit(r, g, "changed", RISK_LOW, false, v->key,
            "its cloud-init drive is made anew from the configuration at the next start");
    } else if (role == ROLE_MEDIA || role == ROLE_REFERENCE) {
        (void)snprintf(why, sizeof(why), "cannot start until %s, which names this file, is changed",
                       v->key);
        hit(r, g, "degraded", RISK_MEDIUM, false, v->key, why);
    } else {
        hit_disk(r, g, v, role);
    }
}

static void on_ref(void *ctx, const struct ref *f) {
    struct removal *r = ctx;
    char via[100];
    char why[240];

    if (f->is_clone) {
        if (f->snap) {
            return; /* the clone's present configuration speaks for it */
        }
        r->clones++;
        (void)snprintf(why, sizeof(why), "its %s is a linked clone: without the base it is lost",
                       f->v->key);
        hit(r, f->g, "wont-boot", RISK_HIGH, true, f->v->key, why);
        return;
    }
    r->refs++;
    if (!f->snap) {
        hit_current(r, f->g, f->v);
        return;
    }
    if (is_elsewhere(r, f->g)) {
        hit_copy(r, f->g, f->v);
        return;
    }
    (void)snprintf(via, sizeof(via), "snapshot %.60s %s", f->snap->name, f->v->key);
    (void)snprintf(why, sizeof(why), "snapshot %.60s cannot be rolled back to: its %s is deleted",
                   f->snap->name, f->v->key);
    hit(r, f->g, "loses-undo", RISK_HIGH, false, via, why);
}

/* Clones that no configuration knows (an orphan's disk) still stand on their base. */
static void check_children(struct removal *r) {
    const struct content *c;
    size_t lists = picture_contents(r->p, &c);
    const char *base = strrchr(r->name, '/');

    base = base ? base + 1 : r->name;
    for (size_t i = 0; i < lists; i++) {
        if (strcmp(c[i].storage, r->storage) != 0 || strcmp(c[i].node, r->node) != 0) {
            continue;
        }
        for (size_t k = 0; k < js_len(c[i].list); k++) {
            const js *row = js_at(c[i].list, k);
            const char *parent = js_str_or(row, "parent", "");
            const char *last = strrchr(parent, '/');
            size_t len;

            last = last ? last + 1 : parent;
            len = strcspn(last, "@"); /* "base-213-disk-0@__base__" */
            if (len > 0 && len == strlen(base) && memcmp(last, base, len) == 0) {
                draft_risk(r->d, RISK_HIGH, "%.120s stands on it (linked clone or later snapshot)",
                           js_str_or(row, "volid", "?"));
                r->clones++;
            }
        }
    }
}

static void check_orphan(struct removal *r) {
    uint32_t vmid = (uint32_t)js_int_or(r->row, "vmid", volume_owner(r->name));
    const struct guest *g = vmid ? picture_guest(r->p, vmid) : NULL;
    char why[200];

    if (g && is_elsewhere(r, g)) {
        (void)snprintf(why, sizeof(why),
                       "by its name a volume of the guest, which is at %.60s and does not use it",
                       g->node);
        hit(r, g, "loses-data", RISK_MEDIUM, false, r->volid, why);
        return;
    }
    if (g) {
        hit(r, g, "loses-data", RISK_MEDIUM, false, r->volid,
            "by its name a volume of the guest, though no configuration or snapshot names it");
        return;
    }
    (void)snprintf(why, sizeof(why), "a volume of guest %u, which is not (or not to be seen) here",
                   vmid);
    tally_affect(&r->t, r->d,
                 &(struct affect){.resource = r->volid,
                                  .node = r->node,
                                  .effect = "loses-data",
                                  .severity = RISK_MEDIUM,
                                  .why = vmid ? why : "a volume that nothing refers to"});
}

static void check_backup(struct removal *r) {
    int64_t vmid = js_int_or(r->row, "vmid", 0);
    const struct guest *g = vmid > 0 ? picture_guest(r->p, (uint32_t)vmid) : NULL;
    size_t n;
    const struct archive *a = archives_of(&r->archives, vmid, &n);
    const struct archive *newest = NULL;
    char label[40];
    char age[60];
    char why[240];
    size_t others = 0;

    for (size_t i = 0; i < n; i++) {
        if (strcmp(a[i].volid, r->volid) != 0) {
            newest = newest ? newest : &a[i];
            others++;
        }
    }
    owner_label(r->p, vmid, label, sizeof(label));
    if (newest) {
        age_text(r->now - newest->ctime, age, sizeof(age));
        (void)snprintf(why, sizeof(why), "one backup goes; %zu left, the newest %s old on %.60s",
                       others, age, newest->storage);
    } else {
        (void)snprintf(why, sizeof(why), "its last backup goes%s",
                       g ? "" : "; the guest is gone, it is all there is of it");
        if (r->archives.unseen) {
            draft_unread(r->d, "backups on other storages", r->archives.unseen->why,
                         r->archives.unseen->privilege);
        }
    }
    if (js_bool_or(r->row, "protected", false)) {
        draft_risk(r->d, RISK_HIGH, "will be refused: the backup is protected");
    }
    tally_affect(&r->t, r->d,
                 &(struct affect){.resource = label,
                                  .name = g ? g->name : NULL,
                                  .node = r->node,
                                  .effect = "loses-backup",
                                  .severity = newest && g ? RISK_MEDIUM : RISK_HIGH,
                                  .running = g && g->running,
                                  .only_copy = !newest,
                                  .via = r->volid,
                                  .why = why});
}

/* What the name says when the content list does not (PVE names directories by what they hold). */
static const char *content_of(const struct removal *r) {
    static const char *const types[] = {"iso", "vztmpl", "snippets", "backup", "import"};

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        size_t n = strlen(types[i]);

        if (strncmp(r->name, types[i], n) == 0 && r->name[n] == '/') {
            return types[i];
        }
    }
    return "images";
}

static void find_row(struct removal *r) {
    const struct content *c;
    size_t lists = picture_contents(r->p, &c);

    for (size_t i = 0; i < lists; i++) {
        if (strcmp(c[i].storage, r->storage) != 0 || strcmp(c[i].node, r->node) != 0) {
            continue;
        }
        for (size_t k = 0; k < js_len(c[i].list); k++) {
            if (strcmp(js_str_or(js_at(c[i].list, k), "volid", ""), r->volid) == 0) {
                r->row = js_at(c[i].list, k);
                return;
            }
        }
        if (c[i].part.state == PART_READ) {
            draft_risk(r->d, RISK_LOW, "%.120s is not on the storage at %s: nothing to delete",
                       r->volid, r->node);
        }
        return;
    }
}

static void removal_done(struct removal *r) {
    archives_done(&r->archives);
}

int blast_volume_delete(const struct picture *p, const char *volid, const char *node, int64_t now,
                        struct draft *d) {
    const char *colon = strchr(volid, ':');
    CLEANUP(removal_done)
    struct removal r = {.p = p, .d = d, .volid = volid, .node = node, .now = now};

    blast_unread(p, BLAST_VOLUME_NEEDS & ~(PIC_BACKUPS | PIC_CONTENT), 0, d);
    (void)snprintf(r.storage, sizeof(r.storage), "%.*s", colon ? (int)(colon - volid) : 0, volid);
    r.name = colon ? colon + 1 : volid;
    r.store = picture_store(p, r.storage);
    if (!r.store) {
        draft_unread(d, "the storage's definition", "it is not in the list",
                     "Datastore.Audit on /storage");
        return -ENOENT;
    }
    blast_unread_at(p, r.storage, node, d);
    archives_find(p, &r.archives);
    find_row(&r);
    r.content = js_str_or(r.row, "content", content_of(&r));
    if (strcmp(r.content, "backup") == 0) {
        check_backup(&r);
    } else {
        refs_each(p, r.storage, r.name, on_ref, &r);
        check_children(&r);
        if (r.refs == 0 && r.clones == 0 && r.row &&
            (strcmp(r.content, "images") == 0 || strcmp(r.content, "rootdir") == 0)) {
            check_orphan(&r);
        }
        if (r.clones > 0) {
            draft_risk(d, RISK_HIGH, "will be refused while a linked clone stands on it (%u seen)",
                       r.clones);
        }
    }
    tally_risk(&r.t, d);
    return 0;
}
