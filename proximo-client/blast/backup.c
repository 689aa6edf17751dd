/* SPDX-License-Identifier: Apache-2.0 */
/* Backup jobs and single backups: which guests fall out of every schedule, whether the storage can
 * take what is written, who is stopped for it, and which archives the run's own prune takes (PVE
 * prunes after each guest's backup, by the job's rules or else by the storage's). */
#include "proximo-client/blast/backup_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/after.h"

bool job_includes(const struct picture *p, const js *job, const struct guest *g) {
    const char *node = js_str_or(job, "node", "");
    char vmid[12];

    (void)snprintf(vmid, sizeof(vmid), "%u", g->vmid);
    if (node[0] && strcmp(node, g->node) != 0) {
        return false;
    }
    if (js_bool_or(job, "all", false)) {
        return !words_have(js_str_or(job, "exclude", ""), vmid);
    }
    if (js_get_str(job, "pool")) {
        return pool_has(p, js_get_str(job, "pool"), g->vmid);
    }
    if (js_get(job, "vmid")) {
        char tmp[24];

        return words_have(value_print(js_get(job, "vmid"), tmp), vmid);
    }
    return false;
}

static bool job_runs(const js *job) {
    return job && js_bool_or(job, "enabled", true);
}

static void hit(struct backups *b, const struct guest *g, const char *effect, enum risk severity,
                const char *via, const char *why) {
    tally_guest(&b->t, b->d, g, effect, severity, via, why);
}

/* Why a job cannot write what it has of the guest; "": nothing seen stands in its way. */
static void in_the_way(const struct picture *p, const js *job, const struct guest *g, char *ret,
                       size_t size) {
    const char *id = js_str_or(job, "storage", "");
    const struct store *s = id[0] ? picture_store(p, id) : NULL;

    ret[0] = 0;
    if (!id[0]) {
        return;
    }
    if (!s) {
        (void)snprintf(ret, size, "there is no storage %.60s", id);
    } else if (!store_usable(s, g->node)) {
        (void)snprintf(ret, size, "%.60s is not available at %.60s", id, g->node);
    } else if (!words_have(js_str_or(s->def, "content", "backup"), "backup")) {
        (void)snprintf(ret, size, "%.60s does not take backups", id);
    }
}

/* The backup as it will run (b->after) for one of its guests. */
static void check_target(struct backups *b, const struct guest *g) {
    char why[200];

    in_the_way(b->p, b->after, g, why, sizeof(why));
    if (why[0]) {
        hit(b, g, "loses-backup", RISK_HIGH, b->label, why);
    }
}

static void check_mode(struct backups *b, const struct guest *g) {
    const char *mode = js_str_or(b->after, "mode", "snapshot");

    if (!g->running) {
        return;
    }
    if (strcmp(mode, "stop") == 0) {
        hit(b, g, "interrupted", RISK_MEDIUM, b->label,
            "mode stop: it is shut down for each backup and started again");
    } else if (strcmp(mode, "suspend") == 0) {
        hit(b, g, "interrupted", RISK_MEDIUM, b->label,
            "mode suspend: it stands still during each backup");
    }
}

/* What decides over archives: the job's rules, else the storage's; NULL when nothing is pruned. */
static const js *rules_of(const struct picture *p, const js *job) {
    const struct store *s = picture_store(p, js_str_or(job, "storage", ""));
    const js *rules = js_get(job, "prune-backups");

    if (!job_runs(job) || !js_bool_or(job, "remove", true)) {
        return NULL;
    }
    return rules ? rules : s ? js_get(s->def, "prune-backups") : NULL;
}

/* Clock of the host that names archives, against UTC, as its newest archive shows it. */
static int64_t zone_of(const struct archive *v, size_t n) {
    int64_t newest = 0;
    int64_t zone = 0;

    for (size_t i = 0; i < n; i++) {
        if (v[i].is_grouped && !v[i].is_utc && v[i].ctime > newest) {
            newest = v[i].ctime;
            zone = (v[i].local - v[i].ctime) / 900 * 900;
        }
    }
    return zone > -54000 && zone < 54000 ? zone : 0;
}

/* The archives that the next run will find, and the one that it makes. */
static size_t next_run(struct backups *b, const js *job, struct archive **ret) {
    const char *id = js_str_or(job, "storage", "");
    const struct store *s = picture_store(b->p, id);
    const bool is_server = s && strcmp(s->type, "pbs") == 0;
    const struct guest *g;
    size_t guests = picture_guests(b->p, &g);
    struct archive *v = calloc(b->archives.n + guests + 1, sizeof(*v));
    size_t n = 0;
    int64_t zone;

    if (!v) {
        abort();
    }
    for (size_t i = 0; i < b->archives.n; i++) {
        const struct archive *a = &b->archives.v[i];
        const struct guest *of =
            a->vmid > 0 && a->vmid <= UINT32_MAX ? picture_guest(b->p, (uint32_t)a->vmid) : NULL;

        if (of && strcmp(a->storage, id) == 0 && strcmp(a->type, of->kind) == 0 &&
            (!s || s->shared || strcmp(a->node, of->node) == 0) && job_includes(b->p, job, of)) {
            v[n++] = *a;
        }
    }
    zone = zone_of(v, n);
    for (size_t i = 0; i < guests; i++) {
        if (job_includes(b->p, job, &g[i])) {
            v[n] = (struct archive){.volid = "",
                                    .storage = id,
                                    .node = g[i].node,
                                    .vmid = g[i].vmid,
                                    .ctime = b->now,
                                    .local = b->now + zone,
                                    .is_grouped = true,
                                    .is_utc = is_server,
                                    .at = n};
            (void)snprintf(v[n].type, sizeof(v[n].type), "%s", g[i].kind);
            n++;
        }
    }
    *ret = v;
    return n;
}

static int by_volid(const void *x, const void *y) {
    return strcmp(((const struct archive *)x)->volid, ((const struct archive *)y)->volid);
}

/* Takes the mark from what the run would have removed anyway. */
static void spare_known(struct backups *b, struct archive *v, size_t n) {
    CLEANUP(freep) struct archive *old = NULL;
    const js *rules = rules_of(b->p, b->before);
    struct keep k;
    size_t n_old;

    if (!rules || keep_parse(rules, &k) < 0 ||
        !js_eq(js_get(b->before, "storage"), js_get(b->after, "storage"))) {
        return;
    }
    n_old = next_run(b, b->before, &old);
    retention_mark(old, n_old, &k);
    if (n_old > 1) {
        qsort(old, n_old, sizeof(*old), by_volid);
    }
    for (size_t i = 0; i < n; i++) {
        const struct archive *was =
            v[i].volid[0] && n_old ? bsearch(&v[i], old, n_old, sizeof(*old), by_volid) : NULL;

        if (was && was->mark == MARK_REMOVE && v[i].mark == MARK_REMOVE) {
            v[i].mark = MARK_KEEP;
            v[i].unsure = false;
        }
    }
}

static void check_prune(struct backups *b) {
    const js *rules = rules_of(b->p, b->after);
    CLEANUP(freep) struct archive *v = NULL;
    struct pruning r = {.p = b->p,
                        .d = b->d,
                        .storage = js_str_or(b->after, "storage", ""),
                        .via = b->label,
                        .now = b->now};
    struct keep k;
    size_t n;

    if (!rules) {
        return;
    }
    if (keep_parse(rules, &k) < 0) {
        draft_risk(b->d, RISK_HIGH, "will be refused: the rules (prune-backups) are not valid");
        return;
    }
    n = next_run(b, b->after, &v);
    retention_mark(v, n, &k);
    spare_known(b, v, n);
    pruning_tell(&r, v, n);
    tally_risk(&r.t, b->d);
}

bool job_saves(const struct picture *p, const js *job, const struct guest *g, char *ret_why,
               size_t size) {
    const struct store *stores;

    ret_why[0] = 0;
    if (picture_stores(p, &stores)) { /* else nothing is known of any, and that is told as unread */
        in_the_way(p, job, g, ret_why, size);
    }
    return !ret_why[0];
}

/* Another enabled job that has the guest, b->id left aside. One that cannot write where the guest
 * is saves nobody: *ret_why then says so of the last such. */
static const char *other_job(const struct backups *b, const struct guest *g, char *ret_why,
                             size_t size) {
    const js *jobs = picture_backup_jobs(b->p);

    for (size_t i = 0; i < js_len(jobs); i++) {
        const js *j = js_at(jobs, i);
        char why[140];

        if (!job_runs(j) || strcmp(js_str_or(j, "id", ""), b->id) == 0 ||
            !job_includes(b->p, j, g)) {
            continue;
        }
        if (job_saves(b->p, j, g, why, sizeof(why))) {
            return js_str_or(j, "id", "?");
        }
        (void)snprintf(ret_why, size, "; job %.60s has it and cannot save it: %s",
                       js_str_or(j, "id", "?"), why);
    }
    return NULL;
}

static void check_schedule(struct backups *b, const struct guest *g, bool was, bool is) {
    char but[260] = "", why[400];
    const char *other = was && !is ? other_job(b, g, but, sizeof(but)) : NULL;

    if (was && !is && other) {
        (void)snprintf(why, sizeof(why), "leaves this job; job %.80s still has it", other);
        hit(b, g, "changed", RISK_LOW, b->label, why);
    } else if (was && !is) {
        (void)snprintf(why, sizeof(why),
                       "falls out of every backup schedule: no enabled job %s it "
                       "any more%s",
                       but[0] ? "that can save it has" : "has", but);
        hit(b, g, "loses-backup", RISK_HIGH, b->label, why);
    } else if (is && !was) {
        hit(b, g, "changed", RISK_LOW, b->label, "is backed up by this job from now on");
    }
}

static bool changed(const struct backups *b, const char *key) {
    return !b->before || !js_eq(js_get(b->before, key), js_get(b->after, key));
}

static void check_guests(struct backups *b) {
    const struct guest *g;
    size_t n = picture_guests(b->p, &g);

    for (size_t i = 0; i < n; i++) {
        const bool was = job_runs(b->before) && job_includes(b->p, b->before, &g[i]);
        const bool is = job_runs(b->after) && job_includes(b->p, b->after, &g[i]);

        if (!b->is_once) {
            check_schedule(b, &g[i], was, is);
        }
        if (is && (!was || changed(b, "storage"))) {
            check_target(b, &g[i]);
        }
        if (is && (!was || changed(b, "mode"))) {
            check_mode(b, &g[i]);
        }
    }
}

static void backups_done(struct backups *b) {
    archives_done(&b->archives);
}

static void check_pools(struct backups *b) {
    const char *pool = js_get_str(b->after, "pool");
    struct part part;

    if (pool && !pool_members(b->p, pool, &part) && part.state != PART_READ) {
        draft_unread(b->d, "members of the pool", part.why, part.privilege);
    }
}

static void run(struct backups *b) {
    archives_find(b->p, &b->archives);
    check_pools(b);
    check_guests(b);
    if (b->after) {
        check_prune(b);
        if (rules_of(b->p, b->after) && b->archives.unseen) {
            draft_unread(b->d, "archives that the run may prune", b->archives.unseen->why,
                         b->archives.unseen->privilege);
        }
    }
    tally_risk(&b->t, b->d);
}

/* The job as it will stand. */
static js *job_apply(const js *before, const js *set, const js *del) {
    js *after = before ? js_copy(before) : js_object();

    JS_FOREACH(set, key, value) {
        if (strcmp(key, "delete") != 0 && strcmp(key, "digest") != 0) {
            js_add(after, key, js_ref(value));
        }
    }
    if (before) {
        JS_FOREACH(before, old, was) {
            (void)was;
            if (del_has(del, old)) {
                json_object_object_del(after, old);
            }
        }
    }
    backup_job_choose(after, set);
    return after;
}

int blast_backup_job(const struct picture *p, const char *id, const js *set, const js *del,
                     bool gone, int64_t now, struct draft *d) {
    CLEANUP(js_freep) js *after = NULL;
    CLEANUP(backups_done) struct backups b = {.p = p, .d = d, .id = id ? id : "", .now = now};

    blast_unread(p, BLAST_BACKUP_NEEDS & ~PIC_BACKUPS, 0, d);
    (void)snprintf(b.label, sizeof(b.label), "job %.80s", b.id[0] ? b.id : "(new)");
    b.before = id ? list_row(picture_backup_jobs(p), "id", id) : NULL;
    if (id && !b.before) {
        draft_unread(d, "the backup job", "it is not in the list", "Sys.Audit on /");
        return -ENOENT;
    }
    if (!gone) {
        after = job_apply(b.before, set, del);
        b.after = after;
    }
    run(&b);
    return 0;
}

int blast_backup_now(const struct picture *p, const char *node, const js *form, int64_t now,
                     struct draft *d) {
    CLEANUP(js_freep) js *after = job_apply(NULL, form, NULL);
    CLEANUP(backups_done)
    struct backups b = {
        .p = p, .d = d, .id = "", .now = now, .label = "this backup", .is_once = true};

    blast_unread(p, BLAST_BACKUP_NEEDS & ~(PIC_BACKUPS | PIC_BACKUP), 0, d);
    js_add(after, "node", js_str(node)); /* vzdump takes only what is on the node it runs at */
    b.after = after;
    run(&b);
    return 0;
}
