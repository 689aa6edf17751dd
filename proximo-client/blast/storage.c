/* SPDX-License-Identifier: Apache-2.0 */
/* Storage delete, disable, restriction to nodes. PVE refuses none of these while guests use the
 * storage, and the data stay on disk; what is lost is every way to them. "wont-boot": the guest
 * cannot start until the storage is back. "degraded": it starts again once that entry is taken out
 * of its configuration. Jobs, replicas and what nobody refers to are in storage_refs.c. */
#include "proximo-client/blast/storage_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

static const char *const quiet_keys[] = {
    "content",       "nodes",  "disable", "prune-backups",         "bwlimit",
    "preallocation", "shared", "digest",  "max-protected-backups", "delete"};

bool is_lost_at(const struct loss *l, const char *node) {
    if (l->store->disabled || !store_on_node(l->store->def, node)) {
        return false; /* it was not there before */
    }
    return l->all || (l->nodes[0] && !words_have(l->nodes, node));
}

static const char *verb(struct loss *l) {
    return l->all ? "" : " (not available on its node any more)";
}

/* The guest's worst loss, and all keys that are hit. */
struct hit {
    const struct volume *worst;
    enum role role;
    bool vital;
    char keys[160];
    unsigned int n;
    unsigned int kept; /* disks of the guest elsewhere */
};

static bool on_it(struct loss *l, const struct volume *v) {
    return v->kind == VOLUME_STORAGE && strcmp(v->storage, l->store->id) == 0;
}

static void hit_find(struct loss *l, const struct guest *g, struct hit *h) {
    *h = (struct hit){0};
    for (size_t i = 0; i < g->vols.n; i++) {
        const struct volume *v = &g->vols.v[i];
        enum role role = volume_role(g, v);
        size_t at = strlen(h->keys);

        if (role == ROLE_UNUSED) {
            continue;
        }
        if (!on_it(l, v)) {
            h->kept += (role == ROLE_BOOT || role == ROLE_DATA || role == ROLE_MAYBE_BOOT) &&
                       v->kind == VOLUME_STORAGE;
            continue;
        }
        (void)snprintf(h->keys + at, sizeof(h->keys) - at, "%s%s", at ? ", " : "", v->key);
        h->n++;
        /* the boot disk is the plainest reason of all vital ones */
        if (!h->worst || (role_is_vital(role) && !h->vital) || role == ROLE_BOOT) {
            h->worst = v;
            h->role = role;
            h->vital = h->vital || role_is_vital(role);
        }
    }
}

static const char *role_words(enum role r) {
    switch (r) {
    case ROLE_BOOT:
        return "boot disk";
    case ROLE_MAYBE_BOOT:
        return "possibly the boot disk";
    case ROLE_FIRMWARE:
        return "firmware state";
    case ROLE_CLOUDINIT:
        return "cloud-init drive";
    case ROLE_MEDIA:
        return "medium in drive";
    case ROLE_REFERENCE:
        return "file of";
    case ROLE_STATE:
        return "saved memory";
    case ROLE_UNUSED:
    case ROLE_DATA:
    default:
        return "data volume";
    }
}

static void why_hit(struct loss *l, const struct guest *g, const struct hit *h, bool only,
                    const char *backup, char *ret, size_t size) {
    const js *job = replication_of(l->p, g->vmid);
    int n = snprintf(ret, size, "%s %s on %s%s", only ? "only copy of" : role_words(h->role),
                     h->worst->key, l->store->id, verb(l));
    size_t at = n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;

    if (h->n > 1) {
        n = snprintf(ret + at, size - at, "; there too: %s", h->keys);
        at += n < 0 ? 0 : (size_t)n < size - at ? (size_t)n : size - at - 1;
    }
    if (job) {
        n = snprintf(ret + at, size - at,
                     l->all ? "; its replica on %s lies on the same storage id"
                            : "; a replica is on %s",
                     js_str_or(job, "target", "?"));
        at += n < 0 ? 0 : (size_t)n < size - at ? (size_t)n : size - at - 1;
    }
    if (backup) {
        n = snprintf(ret + at, size - at, "; a backup lies on %.60s", backup);
        at += n < 0 ? 0 : (size_t)n < size - at ? (size_t)n : size - at - 1;
    }
    if (h->worst->base) {
        n = snprintf(ret + at, size - at, "; linked clone of template %u", h->worst->base);
        at += n < 0 ? 0 : (size_t)n < size - at ? (size_t)n : size - at - 1;
    }
    if (g->running) {
        (void)snprintf(ret + at, size - at, "; runs now: may fail or lose writes");
    }
}

static void affect_current(struct loss *l, const struct guest *g) {
    struct hit h;
    const char *backup;
    char why[480];
    bool only;
    enum risk severity;

    hit_find(l, g, &h);
    if (!h.worst) {
        return;
    }
    backup = other_backup(l, g);
    only = h.kept == 0 && (h.role == ROLE_BOOT || h.role == ROLE_MAYBE_BOOT) && !backup &&
           !replication_of(l->p, g->vmid);
    why_hit(l, g, &h, only, backup, why, sizeof(why));
    severity = h.vital || g->running ? RISK_HIGH : RISK_MEDIUM;
    tally_affect(&l->tally, l->d,
                 &(struct affect){.resource = g->resource,
                                  .name = g->name,
                                  .node = g->node,
                                  .effect = !l->all                   ? "stranded"
                                            : h.vital && !g->template ? "wont-boot"
                                                                      : "degraded",
                                  .severity = severity,
                                  .running = g->running,
                                  .only_copy = only,
                                  .via = h.worst->key,
                                  .why = why});
}

static void affect_unused(struct loss *l, const struct guest *g) {
    for (size_t i = 0; i < g->vols.n; i++) {
        const struct volume *v = &g->vols.v[i];
        char why[200];

        if (!v->unused || !on_it(l, v)) {
            continue;
        }
        (void)snprintf(why, sizeof(why), "detached disk %.100s on %.60s", v->name, l->store->id);
        tally_affect(&l->tally, l->d,
                     &(struct affect){.resource = g->resource,
                                      .name = g->name,
                                      .node = g->node,
                                      .effect = "unreachable",
                                      .severity = RISK_MEDIUM,
                                      .running = g->running,
                                      .via = v->key,
                                      .why = why});
    }
}

static bool is_current(const struct guest *g, const struct volume *v) {
    for (size_t i = 0; i < g->vols.n; i++) {
        const struct volume *c = &g->vols.v[i];

        if (!c->unused && c->kind == VOLUME_STORAGE && strcmp(c->storage, v->storage) == 0 &&
            strcmp(c->name, v->name) == 0) {
            return true;
        }
    }
    return false;
}

/* A snapshot's volume that the present state does not have (a disk since taken out, saved memory):
 * the guest itself may be well without the storage and still cannot be rolled back. */
static void affect_snapshots(struct loss *l, const struct guest *g) {
    for (size_t i = 0; i < g->n_snap; i++) {
        const struct guest_snap *s = &g->snap[i];

        for (size_t k = 0; k < s->vols.n; k++) {
            const struct volume *v = &s->vols.v[k];
            char via[80];
            char why[200];

            if (!on_it(l, v) || is_current(g, v) || v->unused) {
                continue;
            }
            (void)snprintf(via, sizeof(via), "snapshot %s %s", s->name, v->key);
            (void)snprintf(why, sizeof(why),
                           "snapshot %s cannot be rolled back to: its %s is on %.60s", s->name,
                           v->key, l->store->id);
            tally_affect(&l->tally, l->d,
                         &(struct affect){.resource = g->resource,
                                          .name = g->name,
                                          .node = g->node,
                                          .effect = "loses-undo",
                                          .severity = RISK_MEDIUM,
                                          .running = g->running,
                                          .via = via,
                                          .why = why});
        }
    }
}

static void affect_binds(struct loss *l, const struct guest *g) {
    char mounted[128];

    (void)snprintf(mounted, sizeof(mounted), "/mnt/pve/%s", l->store->id);
    for (size_t i = 0; i < g->vols.n; i++) {
        const struct volume *v = &g->vols.v[i];
        char why[320];

        if ((v->kind != VOLUME_BIND && v->kind != VOLUME_DEVICE) ||
            !(path_is_below(v->name, l->store->path) || path_is_below(v->name, mounted))) {
            continue;
        }
        (void)snprintf(why, sizeof(why),
                       "%s is %.160s, which is below the storage's directory: gone once it is "
                       "not mounted any more",
                       v->key, v->name);
        tally_affect(&l->tally, l->d,
                     &(struct affect){.resource = g->resource,
                                      .name = g->name,
                                      .node = g->node,
                                      .effect = "degraded",
                                      .severity = RISK_MEDIUM,
                                      .running = g->running,
                                      .via = v->key,
                                      .why = why});
    }
}

static bool uses(struct loss *l, const struct guest *g) {
    for (size_t i = 0; i < g->vols.n; i++) {
        if (on_it(l, &g->vols.v[i]) && !g->vols.v[i].unused) {
            return true;
        }
    }
    return false;
}

static void affect_ha(struct loss *l, const struct guest *g) {
    char nodes[160] = "";
    char why[320];

    if (l->all || !uses(l, g) || !picture_ha_managed(l->p, g)) {
        return;
    }
    for (size_t i = 0; i < picture_nodes(l->p); i++) {
        const char *node = picture_node(l->p, i, NULL);
        size_t at = strlen(nodes);

        if (strcmp(node, g->node) != 0 && is_lost_at(l, node) && !ha_forbids(l->p, g, node)) {
            (void)snprintf(nodes + at, sizeof(nodes) - at, "%s%s", at ? ", " : "", node);
        }
    }
    if (!nodes[0]) {
        return;
    }
    (void)snprintf(why, sizeof(why),
                   "HA could move it to %s, where %.60s is not available any more", nodes,
                   l->store->id);
    tally_affect(&l->tally, l->d,
                 &(struct affect){.resource = g->resource,
                                  .name = g->name,
                                  .node = g->node,
                                  .effect = "stranded",
                                  .severity = RISK_HIGH,
                                  .running = g->running,
                                  .via = "HA",
                                  .why = why});
}

static void check_keys(struct loss *l, const js *set, const js *del) {
    if (js_is_object(set)) {
        JS_FOREACH(set, key, value) {
            bool quiet = false;

            (void)value;
            for (size_t i = 0; i < sizeof(quiet_keys) / sizeof(quiet_keys[0]); i++) {
                quiet = quiet || strcmp(key, quiet_keys[i]) == 0;
            }
            if (!quiet) {
                draft_risk(l->d, RISK_HIGH, "%.40s decides where %s looks for its data", key,
                           l->store->id);
            }
        }
    }
    if (del_has(del, "nodes") || del_has(del, "disable")) {
        draft_risk(l->d, RISK_LOW, "%s becomes available in more places", l->store->id);
    }
}

static void loss_done(struct loss *l) {
    archives_done(&l->archives);
}

int blast_storage(const struct picture *p, const char *storage, const js *set, const js *del,
                  bool gone, struct draft *d) {
    CLEANUP(loss_done)
    struct loss l = {.p = p, .d = d, .store = picture_store(p, storage), .nodes = ""};
    const struct guest *g;
    size_t n = picture_guests(p, &g);

    blast_unread(p, BLAST_STORAGE_NEEDS, 0, d);
    if (!l.store) {
        draft_unread(d, "the storage's definition", "it is not in the list",
                     "Datastore.Audit on /storage");
        return -ENOENT;
    }
    l.all = gone || js_bool_or(set, "disable", false);
    if (!l.all && js_get_str(set, "nodes")) {
        l.nodes = js_get_str(set, "nodes");
    }
    check_keys(&l, set, del);
    if (!gone) {
        storage_settings(&l, set, del);
    }
    draft_risk(d, l.all || l.nodes[0] ? RISK_MEDIUM : RISK_LOW, "the definition of %s %s", storage,
               gone ? "goes, for the whole cluster" : "changes, for the whole cluster");
    if (!l.all && !l.nodes[0]) {
        tally_risk(&l.tally, d);
        return 0;
    }
    if (gone) {
        storage_base(&l);
    }
    copies_find(&l);
    for (size_t i = 0; i < n; i++) {
        if (is_lost_at(&l, g[i].node)) {
            affect_current(&l, &g[i]);
            affect_unused(&l, &g[i]);
            affect_snapshots(&l, &g[i]);
            affect_binds(&l, &g[i]);
        } else {
            affect_ha(&l, &g[i]);
        }
    }
    storage_refs(&l);
    storage_deps(&l);
    if (l.blind) {
        draft_unread(d, "backups on other storages", l.blind->why, l.blind->privilege);
    }
    tally_risk(&l.tally, d);
    return 0;
}
