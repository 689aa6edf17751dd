/* SPDX-License-Identifier: Apache-2.0 */
/* A backup is restored: over a guest (whose present disks and snapshots go), or as a new one -
 * which then answers on the network as the guest that was backed up, if that one is still there.
 * What is in the archive is known from its own configuration; without it nothing is claimed about
 * disks. */
#include "proximo-client/blast/archive_config.h"
#include "proximo-client/blast/backup_int.h"
#include "proximo-client/blast/config_int.h"
#include "proximo-client/blast/identity.h"
#include "proximo-client/blast/refs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"

struct restore {
    const struct picture *p;
    struct draft *d;
    const char *node, *volid, *kind;
    uint32_t vmid;
    const struct guest *over; /* NULL: a new guest */
    const js *form;
    js *cfg; /* the archive's own configuration; NULL when it could not be read */
    struct archive archive;
    bool found;
    int64_t now;
    struct tally t;
};

static void hit_at(struct restore *r, const struct guest *g, const char *effect, enum risk severity,
                   const char *via, const char *why) {
    char resource[24];

    (void)snprintf(resource, sizeof(resource), "%s/%u", strcmp(r->kind, "lxc") == 0 ? "ct" : "vm",
                   r->vmid);
    tally_affect(&r->t, r->d,
                 &(struct affect){.resource = g ? g->resource : resource,
                                  .name = g ? g->name : NULL,
                                  .node = g ? g->node : r->node,
                                  .effect = effect,
                                  .severity = severity,
                                  .running = g && g->running,
                                  .via = via,
                                  .why = why});
}

static void hit(struct restore *r, const char *effect, enum risk severity, const char *via,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));
static void hit(struct restore *r, const char *effect, enum risk severity, const char *via,
                const char *fmt, ...) {
    char why[320];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    hit_at(r, r->over, effect, severity, via, why);
}

static void find_archive(struct restore *r) {
    CLEANUP(archives_done) struct archives a = {0};

    archives_find(r->p, &a);
    for (size_t i = 0; i < a.n; i++) {
        if (strcmp(a.v[i].volid, r->volid) == 0) {
            r->archive = a.v[i];
            r->found = true;
        }
    }
    if (!r->found && !a.unseen) {
        draft_risk(r->d, RISK_HIGH, "will be refused: there is no backup %.160s", r->volid);
    } else if (!r->found) {
        draft_unread(r->d, "the backup", a.unseen->why, a.unseen->privilege);
    } else if (strcmp(r->archive.type, "unknown") != 0 && strcmp(r->archive.type, r->kind) != 0) {
        draft_risk(r->d, RISK_HIGH, "will be refused: the backup is of another kind (%s)",
                   r->archive.type);
    }
}

static void read_config(struct restore *r) {
    char path[400];
    struct part part;
    const js *text;

    (void)snprintf(path, sizeof(path), "/nodes/%.60s/vzdump/extractconfig?volume=%.280s", r->node,
                   r->volid);
    text = picture_answer(r->p, path, &part);
    if (js_is_str(text)) {
        r->cfg = archive_config(json_object_get_string((js *)(uintptr_t)text));
    } else {
        draft_unread(r->d, "the configuration inside the backup",
                     part.state == PART_READ ? "the node does not tell it" : part.why,
                     part.privilege);
    }
}

static void check_refusals(struct restore *r) {
    const struct guest *g = r->over;

    if (!js_bool_or(r->form, "force", false)) {
        draft_risk(r->d, RISK_HIGH, "will be refused: %s exists, and force is not set",
                   g->resource);
    }
    if (strcmp(g->kind, r->kind) != 0) {
        draft_risk(r->d, RISK_HIGH, "will be refused: %s is of another kind", g->resource);
    }
    if (strcmp(g->node, r->node) != 0) {
        draft_risk(r->d, RISK_HIGH, "will be refused: %s is at %s", g->resource, g->node);
    }
    if (g->running) {
        draft_risk(r->d, RISK_HIGH, "will be refused: %s runs", g->resource);
    }
    if (js_bool_or(g->cfg, "protection", false)) {
        draft_risk(r->d, RISK_HIGH, "will be refused: %s is protected", g->resource);
    }
}

static void on_clone(void *ctx, const struct ref *f) {
    *(unsigned int *)ctx += f->is_clone;
}

/* Of a VM only disks that the archive has, too, are replaced; others stay as unused disks. */
static void check_disks(struct restore *r) {
    const struct guest *g = r->over;

    for (size_t i = 0; i < g->vols.n; i++) {
        const struct volume *v = &g->vols.v[i];
        unsigned int clones = 0;

        if (v->kind != VOLUME_STORAGE || v->reference || v->cdrom ||
            volume_owner(v->name) != g->vmid) {
            continue;
        }
        if (r->cfg && strcmp(r->kind, "qemu") == 0 && !js_get(r->cfg, v->key)) {
            hit(r, "degraded", RISK_MEDIUM, v->key,
                "the backup has no such disk: it is detached and stays as an unused disk");
            continue;
        }
        hit(r, "loses-data", RISK_HIGH, v->key, "%s (%.120s) is deleted and made anew from %s",
            v->key, v->name, "the backup");
        refs_each(r->p, v->storage, v->name, on_clone, &clones);
        if (clones > 0) {
            draft_risk(r->d, RISK_HIGH, "will be refused: %s is the base of %u linked clone%s",
                       v->key, clones, clones == 1 ? "" : "s");
        }
    }
}

static void check_over(struct restore *r) {
    const struct guest *g = r->over;
    const js *job = replication_of(r->p, g->vmid);
    char age[60];

    age_text(r->found ? r->now - r->archive.ctime : -1, age, sizeof(age));
    hit(r, "reverted", RISK_HIGH, NULL, "goes back to its state of %s ago; what came since is lost",
        age);
    check_refusals(r);
    check_disks(r);
    for (size_t i = 0; i < g->n_snap; i++) {
        char via[80];

        (void)snprintf(via, sizeof(via), "snapshot %.60s", g->snap[i].name);
        hit(r, "loses-undo", RISK_HIGH, via, "snapshots do not survive a restore");
    }
    if (job) {
        hit(r, "changed", RISK_LOW, "replication", "replication job %s has to send all of it again",
            js_str_or(job, "id", "?"));
    }
}

/* ---- identity: what a second guest must not have as well ---- */

static void check_identity(struct restore *r) {
    const struct guest *g;
    size_t n = picture_guests(r->p, &g);

    for (size_t i = 0; i < n; i++) {
        struct identity same;
        char what[60];
        char why[240];

        if (g[i].vmid == r->vmid ||
            !identity_shared(r->cfg, g[i].cfg, js_bool_or(r->form, "unique", false), &same)) {
            continue;
        }
        identity_text(&same, what, sizeof(what));
        (void)snprintf(why, sizeof(why),
                       "the restored guest has the same %s: two of them in one network disturb "
                       "each other",
                       what);
        hit_at(r, &g[i], "degraded", same.mac || same.ip ? RISK_HIGH : RISK_MEDIUM, "identity",
               why);
    }
}

/* Without the archive's configuration: the guest that it is of is the likely double. */
static void guess_identity(struct restore *r) {
    const struct guest *g =
        r->archive.vmid > 0 ? picture_guest(r->p, (uint32_t)r->archive.vmid) : NULL;

    if (g && g->vmid != r->vmid && !js_bool_or(r->form, "unique", false)) {
        hit_at(r, g, "degraded", RISK_HIGH, "identity",
               "the backup is of this guest: the restored one has the same MAC addresses, unless "
               "they were changed since or unique is set");
    }
}

/* ---- storages ---- */

static void check_storages(struct restore *r) {
    const bool is_ct = strcmp(r->kind, "lxc") == 0;
    const char *given = js_get_str(r->form, "storage");
    const char *content = is_ct ? "rootdir" : "images";
    int64_t sum = 0;

    if (!given && is_ct && !js_get(r->form, "rootfs")) {
        given = "local"; /* PVE's default: where the volumes were does not count */
    }
    JS_FOREACH(r->cfg, key, value) {
        const char *text = js_is_str(value) ? json_object_get_string(value) : "";
        const char *colon = strchr(text, ':');
        char id[80];
        const struct store *s;
        int64_t size = value_size(text);

        if (!key_holds_disk(r->kind, key) || !colon || text[0] == '/' ||
            strstr(text, "media=cdrom") || key_is(key, "unused")) {
            continue;
        }
        (void)snprintf(id, sizeof(id), "%.*s", (int)(colon - text), text);
        s = picture_store(r->p, given ? given : id);
        if (!store_usable(s, r->node)) {
            draft_risk(r->d, RISK_HIGH, "will be refused: storage %.60s for %s is not at %s",
                       given ? given : id, key, r->node);
        } else if (!words_have(js_str_or(s->def, "content", content), content)) {
            draft_risk(r->d, RISK_HIGH, "will be refused: storage %.60s does not take %s", s->id,
                       content);
        }
        sum += size > 0 ? size : 0;
    }
    if (given && r->cfg && store_usable(picture_store(r->p, given), r->node)) {
        struct part part;
        int64_t avail = node_space(r->p, r->node, given, &part);

        if (avail < 0) {
            draft_unread(r->d, "room on the storage",
                         part.state == PART_READ ? "it is not told" : part.why, part.privilege);
        } else if (sum > avail) {
            draft_risk(r->d, RISK_HIGH,
                       "may not fit: %" PRId64 " MiB of disks go to %.60s, %" PRId64
                       " MiB are left",
                       sum >> 20, given, avail >> 20);
        }
    }
}

static void check_new(struct restore *r) {
    hit(r, "changed", RISK_LOW, NULL, "a new guest is made from the backup");
    if (js_bool_or(r->form, "start", false)) {
        hit(r, "started", RISK_MEDIUM, "start", "it starts when the restore is done");
    }
}

static void restore_done(struct restore *r) {
    js_freep(&r->cfg);
}

int blast_restore(const struct picture *p, const char *kind, const char *node, const js *form,
                  int64_t now, struct draft *d) {
    const int64_t vmid = js_int_or(form, "vmid", 0);
    CLEANUP(restore_done)
    struct restore r = {.p = p,
                        .d = d,
                        .node = node,
                        .kind = kind,
                        .form = form,
                        .now = now,
                        .vmid = vmid > 0 && vmid <= UINT32_MAX ? (uint32_t)vmid : 0,
                        .volid = js_str_or(form, "archive", js_str_or(form, "ostemplate", ""))};

    blast_unread(p, BLAST_RESTORE_NEEDS & ~(PIC_BACKUPS | PIC_CONTENT | PIC_SPACE | PIC_ARCHIVE), 0,
                 d);
    r.over = picture_guest(p, r.vmid);
    find_archive(&r);
    read_config(&r);
    r.over ? check_over(&r) : check_new(&r);
    if (r.cfg) {
        check_identity(&r);
        check_storages(&r);
        if (strcmp(kind, "lxc") == 0 &&
            !js_bool_or(form, "unprivileged", js_bool_or(r.cfg, "unprivileged", false))) {
            hit(&r, "exposed", RISK_HIGH, "unprivileged",
                "privileged: root inside is root on the node");
        }
    } else {
        guess_identity(&r);
    }
    tally_risk(&r.t, d);
    return 0;
}
