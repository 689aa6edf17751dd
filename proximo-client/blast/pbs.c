/* SPDX-License-Identifier: Apache-2.0 */
/* Backups that go, group by group: how many, which is the newest that stays, whether a verified one
 * stays, and what sync jobs do with the loss. The marks are those of retention.c; a group here is a
 * namespace, a type and an id, so each is marked by itself. */
#include "proximo-client/blast/pbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/blast/retention.h"
#include "proximo-client/pipeline/draft.h"

#define SHOWN                                                                                      \
    200 /* groups that are told one by one; those that lose their last backup always are */

struct snap {
    const char *ns, *type, *id; /* borrowed from the view */
    int64_t time;
    bool finished, is_protected, verified, failed;
    bool gone, unsure;
};

struct tally {
    size_t groups, gone, last, untold, kept_protected;
    bool unsure;
};

static bool is_finished(const js *row) {
    const js *files = js_get(row, "files");

    for (size_t i = 0; i < js_len(files); i++) {
        if (strcmp(js_str_or(js_at(files, i), "filename", ""), "index.json.blob") == 0) {
            return true;
        }
    }
    return false;
}

static int by_group(const void *x, const void *y) {
    const struct snap *a = x;
    const struct snap *b = y;
    int r = strcmp(a->ns, b->ns);

    r = r ? r : strcmp(a->type, b->type);
    r = r ? r : strcmp(a->id, b->id);
    return r ? r : (a->time < b->time) - (a->time > b->time);
}

static bool same_group(const struct snap *a, const struct snap *b) {
    return strcmp(a->ns, b->ns) == 0 && strcmp(a->type, b->type) == 0 && strcmp(a->id, b->id) == 0;
}

static bool is_group(const struct snap *s, const char *group) {
    size_t n = strlen(s->type);

    return !group || (strncmp(group, s->type, n) == 0 && group[n] == '/' &&
                      strcmp(group + n + 1, s->id) == 0);
}

/* All snapshots of the view that are of the group, by group, newest first; freed by the caller. */
static struct snap *collect(const js *view, const char *group, size_t *ret_n) {
    const js *spaces = js_get(view, "spaces");
    struct snap *v;
    size_t all = 1, n = 0;

    for (size_t i = 0; i < js_len(spaces); i++) {
        all += js_len(js_get(js_at(spaces, i), "snapshots"));
    }
    v = calloc(all, sizeof(*v));
    if (!v) {
        abort();
    }
    for (size_t i = 0; i < js_len(spaces); i++) {
        const js *list = js_get(js_at(spaces, i), "snapshots");

        for (size_t k = 0; k < js_len(list); k++) {
            const js *row = js_at(list, k);
            const char *state = js_str_or(js_get(row, "verification"), "state", "");

            v[n] = (struct snap){.ns = js_str_or(js_at(spaces, i), "ns", ""),
                                 .type = js_str_or(row, "backup-type", "?"),
                                 .id = js_str_or(row, "backup-id", "?"),
                                 .time = js_int_or(row, "backup-time", 0),
                                 .finished = is_finished(row),
                                 .is_protected = js_bool_or(row, "protected", false),
                                 .verified = strcmp(state, "ok") == 0,
                                 .failed = strcmp(state, "failed") == 0};
            n += is_group(&v[n], group);
        }
    }
    if (n > 1) {
        qsort(v, n, sizeof(*v), by_group);
    }
    *ret_n = n;
    return v;
}

static size_t group_end(const struct snap *v, size_t n, size_t i) {
    size_t end = i;

    while (end < n && same_group(&v[i], &v[end])) {
        end++;
    }
    return end;
}

/* One group, newest first. An unfinished backup has its mark before any rule: kept only when it is
 * the newest of all. */
static void mark_group(struct snap *v, size_t n, const struct keep *k, bool utc) {
    CLEANUP(freep) struct archive *a = calloc(n, sizeof(*a));

    if (!a) {
        abort();
    }
    for (size_t i = 0; i < n; i++) {
        a[i] = (struct archive){.local = v[i].time,
                                .ctime = v[i].time,
                                .is_grouped = true,
                                .is_utc = !utc,
                                .at = i,
                                .mark = v[i].is_protected ? MARK_PROTECTED
                                        : v[i].finished   ? MARK_NONE
                                                          : MARK_RENAMED};
    }
    retention_mark(a, n, k);
    for (size_t i = 0; i < n; i++) {
        struct snap *s = &v[a[i].at];

        s->gone = a[i].mark == MARK_REMOVE ||
                  (a[i].mark == MARK_RENAMED && a[i].at > 0 && !keep_is_everything(k));
        s->unsure = a[i].unsure;
    }
}

static void day_of(int64_t t, char ret[static 32]) {
    struct tm tm = {0};
    time_t when = (time_t)t;

    (void)gmtime_r(&when, &tm);
    (void)strftime(ret, 32, "%Y-%m-%d %H:%M UTC", &tm);
}

static void label(const js *view, const struct snap *s, char *ret, size_t size) {
    (void)snprintf(ret, size, "backup/%.40s:%.100s%s%.8s/%.100s", js_str_or(view, "store", "?"),
                   s->ns, *s->ns ? "/" : "", s->type, s->id);
}

static void tell_group(const js *view, const struct snap *v, size_t n, const char *via,
                       struct tally *t, struct draft *d) {
    CLEANUP(buf_done) struct buf why = BUF_INIT(LIM_LINE);
    const struct snap *newest = NULL, *newest_gone = NULL;
    size_t gone = 0;
    bool had_verified = false, keeps_verified = false;
    char name[300], day[32];

    for (size_t i = 0; i < n; i++) {
        gone += v[i].gone;
        t->kept_protected += v[i].is_protected && !v[i].gone;
        t->unsure |= v[i].unsure;
        newest_gone = !newest_gone && v[i].gone ? &v[i] : newest_gone;
        newest = !newest && !v[i].gone && v[i].finished ? &v[i] : newest;
        had_verified |= v[i].verified && v[i].gone;
        keeps_verified |= v[i].verified && !v[i].gone;
    }
    if (!newest_gone) {
        return;
    }
    t->groups++;
    t->gone += gone;
    t->last += !newest;
    if (newest && t->groups > SHOWN) {
        t->untold++;
        return;
    }
    day_of(newest_gone->time, day);
    (void)buf_addf(&why, "%zu of %zu snapshots go, the newest of %s; ", gone, n, day);
    if (newest) {
        day_of(newest->time, day);
        (void)buf_addf(&why, "the newest that stays is of %s%s", day,
                       newest->failed ? ", and its verification failed" : "");
    } else {
        (void)buf_adds(&why, "no finished backup of it stays in this namespace");
    }
    if (had_verified && !keeps_verified) {
        (void)buf_adds(&why, "; none that stays was verified");
    }
    label(view, newest_gone, name, sizeof(name));
    draft_affect(d, &(struct affect){.resource = name,
                                     .effect = "loses-backup",
                                     .severity = RISK_HIGH,
                                     .only_copy = !newest,
                                     .via = via,
                                     .why = buf_str(&why)});
}

/* Jobs that copy from here and delete what is gone here, and jobs that would bring it back. */
static void tell_sync(const js *view, struct draft *d) {
    const char *store = js_str_or(view, "store", "");
    const js *jobs = js_get(view, "sync");

    for (size_t i = 0; i < js_len(jobs); i++) {
        const js *job = js_at(jobs, i);
        const char *id = js_str_or(job, "id", "?"), *to = js_str_or(job, "store", "?");

        if (!js_get_str(job, "remote") && strcmp(js_str_or(job, "remote-store", ""), store) == 0) {
            bool too = js_bool_or(job, "remove-vanished", false);

            draft_risk(d, too ? RISK_HIGH : RISK_LOW,
                       too ? "sync job %.40s removes what vanished here from %.40s, too"
                           : "sync job %.40s leaves the copies on %.40s as they are",
                       id, to);
        } else if (strcmp(to, store) == 0) {
            draft_risk(d, RISK_LOW, "sync job %.40s pulls into %.40s and may bring some back", id,
                       to);
        }
    }
}

static void tell_all(const js *view, const struct snap *v, size_t n, const char *via,
                     struct tally *t, struct draft *d) {
    for (size_t i = 0, end; i < n; i = end) {
        end = group_end(v, n, i);
        tell_group(view, v + i, end - i, via, t, d);
    }
    if (t->untold) {
        draft_risk(d, RISK_HIGH, "%zu more groups lose older snapshots and keep newer ones",
                   t->untold);
    }
    if (t->gone) {
        draft_risk(d, RISK_HIGH, "%zu snapshots of %zu groups go for good", t->gone, t->groups);
        tell_sync(view, d);
    }
    if (t->last) {
        draft_risk(d, RISK_HIGH, "%zu groups lose their last backup here", t->last);
    }
    if (t->unsure) {
        draft_unread(d, "the backup server's time zone",
                     "some snapshots lie at the edge of a day or week there", NULL);
    }
}

static int rules_of(const js *form, struct keep *ret) {
    CLEANUP(js_freep) js *rules = js_object();

    JS_FOREACH(form, key, val) {
        if (strncmp(key, "keep-", 5) == 0 && strcmp(key, "keep-job-configs") != 0) {
            js_add(rules, key, js_copy(val));
        }
    }
    return keep_parse(rules, ret);
}

static void mark_all(struct snap *v, size_t n, const struct keep *k, bool utc) {
    for (size_t i = 0, end; i < n; i = end) {
        end = group_end(v, n, i);
        mark_group(v + i, end - i, k, utc);
    }
}

int blast_pbs_prune(const js *view, const js *rules, const char *group, int64_t now,
                    struct draft *d) {
    CLEANUP(freep) struct snap *v = NULL;
    struct tally t = {0};
    struct keep k;
    size_t n;

    (void)now;
    if (rules_of(rules, &k) < 0) {
        draft_risk(d, RISK_HIGH, "will be refused: what to keep is not valid");
        return 0;
    }
    if (keep_is_everything(&k)) {
        draft_risk(d, RISK_NONE, "without a keep- rule everything is kept: nothing goes");
        return 0;
    }
    v = collect(view, group, &n);
    mark_all(v, n, &k, js_bool_or(view, "utc", false));
    tell_all(view, v, n, "prune", &t, d);
    if (!t.gone) {
        draft_risk(d, RISK_NONE, "no snapshot is outside the rules: nothing goes");
    }
    return 0;
}

int blast_pbs_delete(const js *view, const struct pbs_which *which, int64_t now, struct draft *d) {
    CLEANUP(freep) struct snap *v = NULL;
    struct tally t = {0};
    size_t n, meant = 0;

    (void)now;
    v = collect(view, which->group, &n);
    for (size_t i = 0; i < n; i++) {
        bool is_meant = !which->time || v[i].time == which->time;

        meant += is_meant;
        v[i].gone = is_meant && !v[i].is_protected;
        if (is_meant && v[i].is_protected && which->time) {
            draft_risk(d, RISK_HIGH, "will be refused: the snapshot is protected");
            return 0;
        }
    }
    if (!meant && which->group) {
        draft_risk(d, RISK_HIGH, "will be refused: there is no such snapshot or group");
        return -ENOENT;
    }
    tell_all(view, v, n, "deletion", &t, d);
    if (t.kept_protected && !which->time) {
        draft_risk(d, RISK_HIGH,
                   "protected snapshots stay: the server removes the others and then answers with "
                   "an error");
    }
    return 0;
}

/* How a rule set differs from another, in snapshots that its next run takes. */
static void tell_prune_job(const js *view, const js *before, const js *after, struct draft *d) {
    CLEANUP(freep) struct snap *was = NULL;
    CLEANUP(freep) struct snap *will = NULL;
    bool on = after && !js_bool_or(after, "disable", false);
    bool on_before = before && !js_bool_or(before, "disable", false);
    struct tally t = {0};
    struct keep k = {0}, k_before = {0};
    size_t n;

    if (!on) {
        draft_risk(d, on_before ? RISK_MEDIUM : RISK_LOW,
                   on_before ? "nothing prunes by this job any more: the datastore fills up"
                             : "the job is disabled and takes nothing");
        return;
    }
    if (rules_of(after, &k) < 0) {
        draft_risk(d, RISK_HIGH, "will be refused: what to keep is not valid");
        return;
    }
    if (keep_is_everything(&k)) {
        draft_risk(d, RISK_LOW, "the job has no keep- rule and takes nothing");
        return;
    }
    will = collect(view, NULL, &n);
    mark_all(will, n, &k, js_bool_or(view, "utc", false));
    if (on_before && rules_of(before, &k_before) == 0 && !keep_is_everything(&k_before) &&
        strcmp(js_str_or(before, "store", ""), js_str_or(after, "store", "")) == 0) {
        was = collect(view, NULL, &n);
        mark_all(was, n, &k_before, js_bool_or(view, "utc", false));
    }
    for (size_t i = 0; was && i < n; i++) {
        will[i].gone &= !was[i].gone; /* it goes anyway */
    }
    tell_all(view, will, n, "prune job", &t, d);
    if (!t.gone) {
        draft_risk(d, RISK_LOW, "of what is there now the next run takes nothing more than before");
    }
}

int blast_pbs_job(const js *view, const char *kind, const js *before, const js *after, int64_t now,
                  struct draft *d) {
    bool scheduled = js_get_str(after, "schedule") != NULL;

    (void)now;
    if (js_get_str(before, "schedule") && !scheduled) {
        draft_risk(d, RISK_MEDIUM, "it does not run by itself any more");
    }
    if (strcmp(kind, "prune") == 0) {
        tell_prune_job(view, before, after, d);
    } else if (strcmp(kind, "sync") == 0 && !after) {
        draft_risk(d, RISK_MEDIUM, "no new copies are pulled from %.40s; those here stay",
                   js_str_or(before, "remote-store", "?"));
    } else if (strcmp(kind, "sync") == 0 && js_bool_or(after, "remove-vanished", false)) {
        draft_risk(
            d, RISK_HIGH,
            "remove-vanished: what is gone at the source goes here at the next run, and what "
            "that is was not looked at");
    } else if (strcmp(kind, "verify") == 0 && !after) {
        draft_risk(d, RISK_MEDIUM, "damage in the backups is not found by this job any more");
    } else {
        draft_risk(d, RISK_LOW, "only when and how it runs changes");
    }
    return 0;
}
