/* SPDX-License-Identifier: Apache-2.0 */
/* Replication jobs: what is copied where, what PVE refuses, which volumes are left out, and what a
 * job that goes or rests takes away: a way out for HA, a short way for a move, the copy itself.
 * Only ZFS can be replicated; what is shared need not be. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/after.h"
#include "proximo-client/blast/refs.h"

struct job {
    const struct picture *p;
    struct draft *d;
    struct tally *tally;
    const struct guest *g;
    const char *id, *target;
    const js *jobs; /* all others of this moment */
    bool is_ha;     /* HA would recover the guest */
    unsigned int copied, left_out;
    char keys[160];    /* of what is copied */
    char missing[160]; /* of what is left out */
    const char *refused;
    char refused_key[80];
    const struct store *away; /* a storage of a copied volume that the target does not have */
};

static void hit(const struct job *j, const char *effect, enum risk severity, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void hit(const struct job *j, const char *effect, enum risk severity, const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    tally_guestv(j->tally, j->d, j->g, effect, severity, "replication", fmt, ap);
    va_end(ap);
}

static void refuse(const struct job *j, const char *why) {
    draft_risk(j->d, RISK_HIGH, "PVE will refuse it: %s", why);
}

static void add_key(char *list, size_t size, const char *key) {
    size_t len = strlen(list);

    if (!strstr(list, key)) {
        (void)snprintf(list + len, size - len, "%s%s", len ? ", " : "", key);
    }
}

/* One entry of the configuration or of a snapshot's. */
static void weigh(struct job *j, const struct volume *v) {
    bool is_ct = strcmp(j->g->kind, "lxc") == 0;
    const struct store *s = v->kind == VOLUME_STORAGE ? picture_store(j->p, v->storage) : NULL;
    const char *no = NULL;

    if (v->reference || v->kind == VOLUME_EMPTY || (v->cdrom && !is_ct)) {
        return;
    }
    if (!v->replicated) {
        if (!s || (!s->shared && volume_owner(v->name) == j->g->vmid)) {
            j->left_out++;
            add_key(j->missing, sizeof(j->missing), v->key);
        }
        return;
    }
    if (v->kind != VOLUME_STORAGE) {
        no = "it is a path of the host";
    } else if (!s) {
        no = "its storage is not defined";
    } else if (s->shared || volume_owner(v->name) != j->g->vmid) {
        return;
    } else if (strcmp(s->type, "zfspool") != 0) {
        no = "its storage cannot replicate, only ZFS can";
    }
    if (no && !j->refused) {
        j->refused = no;
        (void)snprintf(j->refused_key, sizeof(j->refused_key), "%s", v->key);
    }
    if (no) {
        return;
    }
    j->copied++;
    add_key(j->keys, sizeof(j->keys), v->key);
    j->away = store_usable(s, j->target) ? j->away : s;
}

static void weigh_all(struct job *j) {
    for (size_t i = 0; i < j->g->vols.n; i++) {
        weigh(j, &j->g->vols.v[i]);
    }
    for (size_t s = 0; s < j->g->n_snap; s++) {
        for (size_t i = 0; i < j->g->snap[s].vols.n; i++) {
            weigh(j, &j->g->snap[s].vols.v[i]);
        }
    }
}

/* Another job of the guest to a node that is online. */
static const char *other_target(const struct job *j) {
    for (size_t i = 0; i < js_len(j->jobs); i++) {
        const js *o = js_at(j->jobs, i);
        const char *target = js_str_or(o, "target", "");
        bool online;

        if (js_int_or(o, "guest", 0) == (int64_t)j->g->vmid && !js_bool_or(o, "disable", false) &&
            strcmp(js_str_or(o, "id", ""), j->id) != 0 && strcmp(target, j->g->node) != 0 &&
            picture_node_find(j->p, target, &online) && online) {
            return target;
        }
    }
    return NULL;
}

/* ---- what each request means ---- */

static void refuse_create(const struct job *j) {
    bool online;

    if (!picture_node_find(j->p, j->target, &online) &&
        picture_nodes_part(j->p)->state == PART_READ) {
        refuse(j, "there is no such target node");
    }
    if (strcmp(j->target, j->g->node) == 0) {
        refuse(j, "the guest is on the target already");
    }
    for (size_t i = 0; i < js_len(j->jobs); i++) {
        const js *o = js_at(j->jobs, i);

        if (js_int_or(o, "guest", 0) == (int64_t)j->g->vmid &&
            strcmp(js_str_or(o, "id", ""), j->id) != 0 &&
            strcmp(js_str_or(o, "target", ""), j->target) == 0) {
            refuse(j, "a job of the guest to this node exists");
        }
    }
    if (j->refused) {
        draft_risk(j->d, RISK_HIGH, "PVE will refuse it: %s cannot be replicated: %s",
                   j->refused_key, j->refused);
    } else if (j->copied == 0) {
        refuse(j, "the guest has no volume that can be replicated");
    }
}

/* What stands in the way of each run. */
static void tell_runs(const struct job *j) {
    bool online = false;

    if (j->away) {
        hit(j, "degraded", RISK_MEDIUM, "every run fails: storage %.60s is not available on %s",
            j->away->id, j->target);
    }
    if (picture_node_find(j->p, j->target, &online) && !online) {
        hit(j, "degraded", RISK_MEDIUM, "%s is offline: no run succeeds before it is back",
            j->target);
    }
    if (j->left_out) {
        hit(j, "degraded", j->is_ha ? RISK_MEDIUM : RISK_LOW,
            "left out of it: %s; the copy on %s alone does not start%s", j->missing, j->target,
            j->is_ha ? ", and HA recovers the guest with it" : "");
    }
}

static void create(struct job *j, const js *job) {
    weigh_all(j);
    refuse_create(j);
    if (!js_bool_or(job, "disable", false) && j->copied && !j->refused) {
        hit(j, "changed", RISK_LOW, "copied to %s, first whole, then by what changed (%s): %s",
            j->target, js_str_or(job, "schedule", "*/15"), j->keys);
        tell_runs(j);
    }
}

/* The job rests or goes: what the copy was good for. */
static void tell_loss(const struct job *j, const char *how) {
    const char *other = other_target(j);

    if (j->is_ha && j->copied) {
        hit(j, "degraded", RISK_HIGH, "HA cannot recover it on %s with %s any more%s%s", j->target,
            how, other ? "; a copy is on " : ", and there is no other copy", other ? other : "");
    }
    if (j->copied) {
        hit(j, "changed", RISK_LOW, "a move to %s has to copy %s whole", j->target, j->keys);
    }
}

static void drop(struct job *j, const js *form) {
    bool keep = js_bool_or(form, "keep", false);
    bool force = js_bool_or(form, "force", false);
    bool online = false;

    weigh_all(j);
    if (keep && force) {
        refuse(j, "keep and force exclude each other");
        return;
    }
    if (force) {
        hit(j, "changed", RISK_MEDIUM,
            "only the entry goes: snapshots of replication here and the copy on %s stay, for "
            "somebody to remove by hand",
            j->target);
    } else if (keep) {
        hit(j, "changed", RISK_LOW, "its volumes on %s stay there and become nobody's", j->target);
    } else {
        hit(j, "loses-backup", RISK_MEDIUM, "the copy on %s is removed by the job's last run",
            j->target);
        if (picture_node_find(j->p, j->target, &online) && !online) {
            hit(j, "changed", RISK_LOW, "%s is offline: the job stays, marked for removal",
                j->target);
        }
    }
    tell_loss(j, "fresh data");
}

static void differ(const struct job *j, const js *b, const js *a, const char *key, const char *what,
                   const char *standard) {
    char tmp[2][24];
    const char *old = value_print(js_get(b, key), tmp[0]);
    const char *new = value_print(js_get(a, key), tmp[1]);

    old = old ? old : standard;
    new = new ? new : standard;
    if (strcmp(old, new) != 0) {
        hit(j, "changed", RISK_LOW, "%s: %s instead of %s", what, new, old);
    }
}

static void update(struct job *j, const js *b, const js *a) {
    bool was_off = js_bool_or(b, "disable", false), is_off = js_bool_or(a, "disable", false);

    weigh_all(j);
    differ(j, b, a, "schedule", "schedule", "*/15");
    differ(j, b, a, "rate", "limit in MB/s", "none");
    if (!was_off && is_off) {
        hit(j, "degraded", RISK_MEDIUM, "the copy on %s is not renewed: it gets older from now on",
            j->target);
        tell_loss(j, "fresh data");
    } else if (was_off && !is_off) {
        hit(j, "changed", RISK_LOW, "the next run sends to %s what has changed since the last",
            j->target);
        if (j->refused) {
            hit(j, "degraded", RISK_MEDIUM, "every run fails: %s cannot be replicated: %s",
                j->refused_key, j->refused);
        }
        tell_runs(j);
    }
}

/* ---- the request ---- */

static uint32_t guest_of(const char *id) {
    char vmid[16];
    uint32_t n = 0;

    (void)snprintf(vmid, sizeof(vmid), "%.*s", (int)strcspn(id, "-"), id);
    return ident_vmid(vmid, &n) < 0 ? 0 : n;
}

uint32_t blast_replication_guest(const struct blast_request *q) {
    char id[2][AFTER_ID];

    return path_fits("/cluster/replication/*", q->path, id)
               ? guest_of(id[0])
               : guest_of(js_str_or(q->form, "id", ""));
}

static int one(const struct picture *p, js **jobs, const struct blast_request *q,
               struct tally *tally, struct draft *d) {
    char id[AFTER_ID] = "";
    CLEANUP(js_freep)
    js *then = sections_after(*jobs, "id", "/cluster/replication", q->method, q->path, q->form, id);
    const js *b = list_row(*jobs, "id", id), *a = list_row(then, "id", id);
    struct job j = {.p = p, .d = d, .tally = tally, .id = id, .jobs = *jobs};

    j.g = picture_guest(p, guest_of(id));
    if (!then || !j.g) {
        draft_unread(d, then ? "the guest that is replicated" : "the replication job",
                     "it is not in the list", "VM.Audit on /vms");
        return -ENOENT;
    }
    j.target = js_str_or(a ? a : b, "target", "");
    j.is_ha = picture_ha_recovers(p, j.g);
    if (!b) {
        create(&j, a);
    } else if (a) {
        update(&j, b, a);
    } else {
        drop(&j, q->form);
    }
    /* the lists' own member, by which jobs of one guest are found */
    if (a && !b) {
        js_add((js *)(uintptr_t)a, "guest", js_int((int64_t)j.g->vmid));
    }
    js_freep(jobs);
    *jobs = TAKE(then);
    return 0;
}

int blast_replication(const struct picture *p, const struct blast_request *req, size_t n,
                      struct draft *d) {
    const js *all = picture_replication_jobs(p);
    CLEANUP(js_freep) js *jobs = all ? js_ref((js *)(uintptr_t)all) : js_array();
    struct tally tally = {0};
    int r = 0;

    blast_unread(p, BLAST_REPLICATION_NEEDS, n ? blast_replication_guest(req) : 0, d);
    for (size_t i = 0; i < n && r == 0; i++) {
        r = one(p, &jobs, &req[i], &tally, d);
    }
    tally_risk(&tally, d);
    return r;
}
