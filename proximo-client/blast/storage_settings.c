/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of a storage that leave it where it is: types of content taken away (PVE checks them
 * when a VM starts), whether all nodes see the same data, where and how it is reached, and how many
 * backups it keeps. */
#include "proximo-client/blast/storage_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

/* ---- content ---- */

/* What PVE takes a volume for; NULL: for nothing that a type of content decides. */
static const char *type_of(const struct guest *g, const struct volume *v) {
    if (v->kind != VOLUME_STORAGE || v->unused || v->vmstate) {
        return NULL;
    }
    if (v->reference) {
        return "snippets";
    }
    if (strcmp(g->kind, "lxc") == 0) {
        return "rootdir";
    }
    return v->cdrom && !v->cloudinit ? "iso" : "images";
}

static void content_guest(struct loss *l, const struct guest *g, const char *type) {
    bool is_start = strcmp(type, "iso") == 0 || strcmp(type, "images") == 0;
    const struct volume *hit = NULL;
    char why[240];

    for (size_t i = 0; i < g->vols.n && !hit; i++) {
        const char *of = type_of(g, &g->vols.v[i]);

        if (of && strcmp(of, type) == 0 && strcmp(g->vols.v[i].storage, l->store->id) == 0) {
            hit = &g->vols.v[i];
        }
    }
    if (!hit) {
        return;
    }
    (void)snprintf(why, sizeof(why), "%s is on %.60s, which does not take %s any more: %s",
                   hit->key, l->store->id, type,
                   is_start && !g->template ? "PVE refuses to start the guest"
                                            : "moving, cloning and restoring it there is refused");
    tally_guest(&l->tally, l->d, g, is_start && !g->template ? "wont-boot" : "degraded",
                is_start && !g->template ? RISK_HIGH : RISK_MEDIUM, type, why);
}

static void content_jobs(struct loss *l) {
    const js *jobs = picture_backup_jobs(l->p);

    for (size_t i = 0; i < js_len(jobs); i++) {
        const js *job = js_at(jobs, i);
        char resource[100];

        if (strcmp(js_str_or(job, "storage", ""), l->store->id) != 0) {
            continue;
        }
        (void)snprintf(resource, sizeof(resource), "job/%.80s", js_str_or(job, "id", "?"));
        tally_affect(
            &l->tally, l->d,
            &(struct affect){.resource = resource,
                             .effect = "loses-backup",
                             .severity = js_bool_or(job, "enabled", true) ? RISK_HIGH : RISK_LOW,
                             .via = "backup",
                             .why = "it writes to a storage that takes no backups any "
                                    "more: it fails; what lies there is not shown"});
    }
}

static void content(struct loss *l, const js *set, const js *del) {
    static const char *const types[] = {"images", "rootdir", "iso", "snippets"};
    const char *now = js_get_str(set, "content");
    const char *old = js_get_str(l->store->def, "content");
    const struct guest *g;
    size_t n = picture_guests(l->p, &g);

    if (!now && del_has(del, "content") && old) {
        draft_unread(l->d, "the content that this type of storage takes by default",
                     "it is not in the definition", NULL);
        now = "";
    }
    for (size_t t = 0; now && old && t < ARRAY_LEN(types); t++) {
        for (size_t i = 0; i < n && words_have(old, types[t]) && !words_have(now, types[t]); i++) {
            content_guest(l, &g[i], types[t]);
        }
    }
    if (now && old && words_have(old, "backup") && !words_have(now, "backup")) {
        content_jobs(l);
    }
}

/* ---- shared, where, how ---- */

static const struct volume *volume_on(const struct guest *g, const char *storage) {
    for (size_t i = 0; i < g->vols.n; i++) {
        const struct volume *v = &g->vols.v[i];

        if (v->kind == VOLUME_STORAGE && !v->unused && strcmp(v->storage, storage) == 0) {
            return v;
        }
    }
    return NULL;
}

static void each_user(struct loss *l, const char *effect, enum risk severity, const char *via,
                      const char *why, bool only_ha) {
    const struct guest *g;
    size_t n = picture_guests(l->p, &g);

    for (size_t i = 0; i < n; i++) {
        if (volume_on(&g[i], l->store->id) && (!only_ha || picture_ha_managed(l->p, &g[i]))) {
            tally_guest(&l->tally, l->d, &g[i], effect, severity, via, why);
        }
    }
}

static void shared(struct loss *l, const js *set, const js *del) {
    bool was = js_bool_or(l->store->def, "shared", false);
    bool is =
        js_get(set, "shared") ? js_bool_or(set, "shared", false) : was && !del_has(del, "shared");

    if (is && !was && !l->store->shared) {
        each_user(l, "degraded", RISK_HIGH, "shared",
                  "PVE takes the data for the same on every node: a move copies nothing, and where "
                  "they are not the same the guest does not start",
                  false);
    } else if (was && !is) {
        each_user(l, "degraded", RISK_MEDIUM, "shared",
                  "PVE takes the data for each node's own: HA cannot recover the guest elsewhere",
                  true);
    }
}

/* Another value of these shows other data. */
static bool is_place(const char *key) {
    static const char *const places[] = {"server",    "subdir",  "pool",          "namespace",
                                         "data-pool", "fs-name", "monhost",       "content-dirs",
                                         "domain",    "port",    "is_mountpoint", "mountpoint"};

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (strcmp(places[i], key) == 0) {
            return true;
        }
    }
    return false;
}

/* With a wrong value of these it is not reached at all. */
static bool is_key(const char *key) {
    static const char *const keys[] = {"fingerprint", "username", "password", "options",
                                       "smbversion",  "krbd",     "fuse"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (strcmp(keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_other(const struct loss *l, const js *set, const char *key) {
    char tmp[2][24];
    const char *old = value_print(js_get(l->store->def, key), tmp[0]);
    const char *new = value_print(js_get(set, key), tmp[1]);

    return !old || !new || strcmp(old, new) != 0;
}

static void place(struct loss *l, const char *key) {
    char why[240];

    if (is_place(key)) {
        (void)snprintf(
            why, sizeof(why),
            "its volumes are looked for by another %.40s: there only if the same data is", key);
        each_user(l, "unreachable", RISK_HIGH, key, why, false);
    } else if (is_key(key)) {
        (void)snprintf(why, sizeof(why),
                       "with a wrong %.40s the storage of its volumes goes offline", key);
        each_user(l, "unreachable", RISK_MEDIUM, key, why, false);
    }
}

void storage_settings(struct loss *l, const js *set, const js *del) {
    content(l, set, del);
    shared(l, set, del);
    JS_FOREACH(set, key, value) {
        (void)value;
        if (is_other(l, set, key)) {
            place(l, key);
        }
    }
    JS_FOREACH(l->store->def, old, was) {
        (void)was;
        if (del_has(del, old)) {
            place(l, old);
        }
    }
}

/* ---- how many backups it keeps ---- */

struct keeping {
    struct pruning r;
    struct keep old, new;
    bool had;
};

/* Marks what goes by the new rules and did not go by the old ones. */
static void keep_list(struct keeping *k, const struct content *c) {
    CLEANUP(freep) struct archive *v = calloc(js_len(c->list) + 1, sizeof(*v));
    CLEANUP(js_freep) js *went = js_object();
    size_t n = 0;

    if (!v) {
        abort();
    }
    for (size_t i = 0; i < js_len(c->list); i++) {
        if (archive_of(js_at(c->list, i), c->storage, c->node, &v[n])) {
            v[n].at = i;
            n++;
        }
    }
    if (k->had) {
        retention_mark(v, n, &k->old);
        for (size_t i = 0; i < n; i++) {
            if (v[i].mark == MARK_REMOVE) {
                js_add(went, v[i].volid, js_bool(true));
            }
            v[i].mark = v[i].mark == MARK_KEEP || v[i].mark == MARK_REMOVE ? MARK_NONE : v[i].mark;
            v[i].unsure = false;
        }
    }
    retention_mark(v, n, &k->new);
    for (size_t i = 0; i < n; i++) {
        v[i].mark = js_get(went, v[i].volid) ? MARK_NONE : v[i].mark;
    }
    pruning_tell(&k->r, v, n);
}

int blast_storage_keep(const struct picture *p, const char *storage, const js *set, const js *del,
                       int64_t now, struct draft *d) {
    const struct store *s = picture_store(p, storage);
    const js *rules = js_get(set, "prune-backups");
    struct keeping k = {
        .r = {.p = p, .d = d, .storage = storage, .via = "prune-backups", .now = now}};
    const struct content *c;
    size_t n = picture_contents(p, &c);

    if (!s || (!rules && !del_has(del, "prune-backups"))) {
        return 0;
    }
    if (!rules) {
        draft_risk(d, RISK_LOW, "no rule says any more which backups on %.60s go: all are kept",
                   storage);
        return 0;
    }
    if (keep_parse(rules, &k.new) < 0) {
        draft_risk(d, RISK_HIGH, "PVE will refuse it: the rules of prune-backups are not valid");
        return 0;
    }
    k.had =
        js_get(s->def, "prune-backups") && keep_parse(js_get(s->def, "prune-backups"), &k.old) == 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(c[i].storage, storage) == 0 && c[i].part.state == PART_READ) {
            keep_list(&k, &c[i]);
            if (s->shared) {
                break; /* every node shows the same */
            }
        }
    }
    if (k.r.pruned) {
        draft_risk(
            d, RISK_HIGH,
            "%u backups that are kept today go with the next backup of their guest whose job "
            "has no rules of its own, or with the next prune",
            k.r.pruned);
    }
    tally_risk(&k.r.t, d);
    return 0;
}
