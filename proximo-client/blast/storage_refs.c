/* SPDX-License-Identifier: Apache-2.0 */
/* The storage analyser's second half: what refers to a storage without standing in a guest's
 * configuration. Backup jobs that write there, backups that lie there, replication in and out of
 * it, and volumes that belong to a guest by name while no configuration knows them. */
#include "proximo-client/blast/storage_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

void copies_find(struct loss *l) {
    const struct content *c;
    size_t n = picture_archives(l->p, &c);

    for (size_t i = 0; i < n; i++) {
        l->unseen = !l->unseen && c[i].part.state != PART_READ ? &c[i].part : l->unseen;
    }
    archives_find(l->p, &l->archives);
}

const char *other_backup(struct loss *l, const struct guest *g) {
    size_t n;
    const struct archive *a = archives_of(&l->archives, g->vmid, &n);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(a[i].storage, l->store->id) != 0) {
            return a[i].storage;
        }
    }
    if (l->unseen) {
        l->blind = l->unseen; /* none seen, and not all was to be seen */
    }
    return NULL;
}

static bool loses_any_node(struct loss *l) {
    for (size_t i = 0; i < picture_nodes(l->p); i++) {
        if (is_lost_at(l, picture_node(l->p, i, NULL))) {
            return true;
        }
    }
    return l->all;
}

static void affect_job(struct loss *l, const js *job) {
    bool is_enabled = js_bool_or(job, "enabled", true);
    enum risk severity = is_enabled ? (l->all ? RISK_HIGH : RISK_MEDIUM) : RISK_LOW;
    const char *pool = js_get_str(job, "pool");
    char resource[100];
    char whom[120];
    char why[320];

    if (js_bool_or(job, "all", false)) {
        (void)snprintf(whom, sizeof(whom), "all guests%s%.80s",
                       js_get_str(job, "exclude") ? " but " : "", js_str_or(job, "exclude", ""));
    } else if (pool) {
        (void)snprintf(whom, sizeof(whom), "the guests of pool %.80s", pool);
    } else {
        (void)snprintf(whom, sizeof(whom), "guests %.100s", js_str_or(job, "vmid", "?"));
    }
    (void)snprintf(resource, sizeof(resource), "job/%.80s", js_str_or(job, "id", "?"));
    (void)snprintf(why, sizeof(why), "%sbackup job writes to %.60s: no new backups of %s%s",
                   is_enabled ? "" : "disabled ", l->store->id, whom,
                   l->all ? "" : " while they run on a node without it");
    tally_affect(&l->tally, l->d,
                 &(struct affect){.resource = resource,
                                  .effect = "loses-backup",
                                  .severity = severity,
                                  .via = js_str_or(job, "schedule", NULL),
                                  .why = why});
}

static void affect_replication(struct loss *l, const js *job) {
    const struct guest *g = picture_guest(l->p, (uint32_t)js_int_or(job, "guest", 0));
    const char *target = js_str_or(job, "target", "");
    char resource[80];
    char why[240];

    if (!g || js_bool_or(job, "disable", false) ||
        !(is_lost_at(l, target) || is_lost_at(l, g->node))) {
        return;
    }
    for (size_t i = 0; i < g->vols.n; i++) {
        const struct volume *v = &g->vols.v[i];

        if (v->kind != VOLUME_STORAGE || strcmp(v->storage, l->store->id) != 0 || !v->replicated ||
            v->cdrom) {
            continue;
        }
        (void)snprintf(resource, sizeof(resource), "replication/%.60s", js_str_or(job, "id", "?"));
        (void)snprintf(why, sizeof(why),
                       "replication of %s from %.60s to %.60s ends: both ends lie on %.40s",
                       g->resource, g->node, target, l->store->id);
        tally_affect(&l->tally, l->d,
                     &(struct affect){.resource = resource,
                                      .name = g->name,
                                      .node = target,
                                      .effect = "degraded",
                                      .severity = RISK_MEDIUM,
                                      .running = g->running,
                                      .via = v->key,
                                      .why = why});
        return;
    }
}

/* Names of all volumes on the storage that some configuration or snapshot knows, sorted. */
struct known {
    const char **v;
    size_t n, cap;
};

static void known_done(struct known *k) {
    free(k->v);
}

static void known_add(struct loss *l, struct known *k, const struct volumes *vols) {
    for (size_t i = 0; i < vols->n; i++) {
        const struct volume *v = &vols->v[i];

        if (v->kind != VOLUME_STORAGE || strcmp(v->storage, l->store->id) != 0) {
            continue;
        }
        if (k->n == k->cap) {
            const char **more = reallocarray(k->v, k->cap ? k->cap * 2 : 64, sizeof(*more));

            if (!more) {
                abort();
            }
            k->v = more;
            k->cap = k->cap ? k->cap * 2 : 64;
        }
        k->v[k->n++] = v->name;
    }
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void known_find(struct loss *l, struct known *k) {
    const struct guest *g;
    size_t n = picture_guests(l->p, &g);

    for (size_t i = 0; i < n; i++) {
        known_add(l, k, &g[i].vols);
        for (size_t s = 0; s < g[i].n_snap; s++) {
            known_add(l, k, &g[i].snap[s].vols);
        }
    }
    if (k->n > 1) {
        qsort(k->v, k->n, sizeof(*k->v), by_text);
    }
}

static void affect_orphan(struct loss *l, const struct known *k, const char *node, const js *row) {
    const char *volid = js_str_or(row, "volid", "");
    const char *colon = strchr(volid, ':');
    const char *name = colon ? colon + 1 : volid;
    const struct guest *owner = picture_guest(l->p, (uint32_t)js_int_or(row, "vmid", 0));
    char resource[280];
    char why[320];

    if (k->n > 0 && bsearch(&name, k->v, k->n, sizeof(*k->v), by_text)) {
        return;
    }
    /* the owner's configuration or snapshots were not read: reported as unread, not as orphan */
    if (owner && (owner->config.state != PART_READ || owner->snapshots.state != PART_READ)) {
        return;
    }
    (void)snprintf(resource, sizeof(resource), "volume/%.250s", volid);
    (void)snprintf(why, sizeof(why), "volume of %s%s that no configuration names",
                   owner ? owner->resource : "a guest that is not there",
                   owner ? "" : " (any more)");
    tally_affect(&l->tally, l->d,
                 &(struct affect){.resource = resource,
                                  .name = owner ? owner->name : NULL,
                                  .node = node,
                                  .effect = "unreachable",
                                  .severity = RISK_MEDIUM,
                                  .via = owner ? owner->resource : NULL,
                                  .why = why});
}

/* Backups of one guest on the storage. */
struct saved {
    int64_t vmid;
    unsigned int n;
    int64_t newest;
};

static struct saved *saved_of(struct saved **v, size_t *n, int64_t vmid) {
    for (size_t i = 0; i < *n; i++) {
        if ((*v)[i].vmid == vmid) {
            return &(*v)[i];
        }
    }
    if ((*n & (*n - 1)) == 0) {
        struct saved *more = reallocarray(*v, *n ? *n * 2 : 1, sizeof(*more));

        if (!more) {
            abort();
        }
        *v = more;
    }
    (*v)[*n] = (struct saved){.vmid = vmid};
    return &(*v)[(*n)++];
}

static void affect_backups(struct loss *l, const struct saved *s, const char *node) {
    const struct guest *g = picture_guest(l->p, (uint32_t)s->vmid);
    char resource[40];
    char why[200];

    owner_label(l->p, s->vmid, resource, sizeof(resource));
    (void)snprintf(why, sizeof(why), "%u backup%s on %.60s cannot be restored while it is gone",
                   s->n, s->n == 1 ? "" : "s", l->store->id);
    tally_affect(&l->tally, l->d,
                 &(struct affect){.resource = resource,
                                  .name = g ? g->name : NULL,
                                  .node = node,
                                  .effect = "loses-backup",
                                  .severity = RISK_HIGH,
                                  .running = g && g->running,
                                  .via = "backups",
                                  .why = why});
}

static void content_refs(struct loss *l) {
    CLEANUP(known_done) struct known k = {0};
    CLEANUP(freep) struct saved *saved = NULL;
    const struct content *c;
    size_t n = picture_contents(l->p, &c);
    size_t n_saved = 0;
    const char *seen_on = NULL;

    known_find(l, &k);
    for (size_t i = 0; i < n; i++) {
        /* a shared storage shows the same volumes on every node */
        if (!is_lost_at(l, c[i].node) || !c[i].list || (l->store->shared && seen_on)) {
            continue;
        }
        seen_on = c[i].node;
        for (size_t r = 0; r < js_len(c[i].list); r++) {
            const js *row = js_at(c[i].list, r);
            const char *type = js_str_or(row, "content", "");

            if (strcmp(type, "backup") == 0) {
                saved_of(&saved, &n_saved, js_int_or(row, "vmid", 0))->n++;
            } else if (strcmp(type, "images") == 0 || strcmp(type, "rootdir") == 0) {
                affect_orphan(l, &k, c[i].node, row);
            }
        }
    }
    for (size_t i = 0; i < n_saved; i++) {
        affect_backups(l, &saved[i], l->store->shared ? NULL : seen_on);
    }
}

void storage_refs(struct loss *l) {
    const js *jobs = picture_backup_jobs(l->p);
    const js *replication = picture_replication_jobs(l->p);

    for (size_t i = 0; i < js_len(jobs); i++) {
        if (strcmp(js_str_or(js_at(jobs, i), "storage", ""), l->store->id) == 0 &&
            loses_any_node(l)) {
            affect_job(l, js_at(jobs, i));
        }
    }
    for (size_t i = 0; i < js_len(replication); i++) {
        affect_replication(l, js_at(replication, i));
    }
    content_refs(l);
}
