/* SPDX-License-Identifier: Apache-2.0 */
/* Work of the simulated backup server: prune, verify, and the jobs that do them or pull copies.
 * What a prune takes is decided when its task ends, as the list is then. */
#include "proximo-client/sim/pbs.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"

static const char *const keeps[] = {"keep-last",   "keep-hourly",  "keep-daily",
                                    "keep-weekly", "keep-monthly", "keep-yearly"};

/* "keep-last=3,keep-daily=7" of an object; "" keeps everything. */
static void keep_text(const js *o, struct buf *ret) {
    for (size_t i = 0; i < ARRAY_LEN(keeps); i++) {
        if (js_int_or(o, keeps[i], 0) > 0) {
            (void)buf_addf(ret, "%s%s=%lld", ret->len ? "," : "", keeps[i],
                           (long long)js_int_or(o, keeps[i], 0));
        }
    }
}

static int newest_first(const void *x, const void *y) {
    const struct kept *a = x;
    const struct kept *b = y;

    return (a->ctime < b->ctime) - (a->ctime > b->ctime);
}

/* Without a manifest a backup has not been finished. */
static bool is_finished(const js *snap) {
    const js *files = js_get(snap, "files");

    for (size_t i = 0; i < js_len(files); i++) {
        if (strcmp(json_object_get_string(js_at(files, i)), "index.json.blob") == 0) {
            return true;
        }
    }
    return false;
}

/* Only the newest unfinished one, and only while no finished one is newer, is left alone. */
static void mark_unfinished(struct kept *v, size_t n, const js *snaps) {
    bool keep = true;

    for (size_t i = 0; i < n; i++) {
        if (!is_finished(js_get(snaps, v[i].volid)) && !v[i].mark) {
            v[i].mark = keep ? "keep-partial" : "remove";
        }
        keep = false;
    }
}

static int prune_group(struct sim *s, const char *store, const char *ns_key, const char *group,
                       const char *keep, struct sim_task *t) {
    CLEANUP(js_freep)
    js *snaps = js_copy(state_get(&s->st, "content", store, ns_key, group, "snapshots", NULL));
    CLEANUP(freep) struct kept *v = calloc((size_t)js_members(snaps) + 1, sizeof(*v));
    size_t n = 0;
    int gone = 0;

    if (!v) {
        return 0;
    }
    JS_FOREACH(snaps, time, snap) {
        bool stays = js_bool_or(snap, "protected", false);
        uint64_t at = 0;

        (void)ident_u64(time, &at); /* the state was checked */
        v[n++] =
            (struct kept){.volid = time, .ctime = (int64_t)at, .mark = stays ? "protected" : NULL};
    }
    qsort(v, n, sizeof(*v), newest_first);
    mark_unfinished(v, n, snaps);
    prune_mark(v, n, keep);
    for (size_t i = n; i-- > 0;) {
        const char *mark = *keep ? v[i].mark : "keep";

        task_log(t, "%s %s/%s", mark, group, v[i].volid);
        if (strcmp(mark, "remove") == 0) {
            pbs_remove_snapshot(s, store, ns_key, group, v[i].volid);
            gone++;
        }
    }
    return gone;
}

/* args: store, key, depth, keep, dry-run, group (of one group only), owner (of whom only). */
static const char *finish_prune(struct sim_task *t) {
    const char *store = js_str_or(t->args, "store", ""), *only = js_get_str(t->args, "group");
    const char *keep = js_str_or(t->args, "keep", ""), *owner = js_get_str(t->args, "owner");
    CLEANUP(js_freep) js *spaces = js_copy(pbs_content(t->s, store));

    if (!*keep) {
        task_log(t, "No prune selection - keeping all files.");
    }
    JS_FOREACH(spaces, key, groups) {
        if (!pbs_ns_below(key, js_str_or(t->args, "key", "/"), js_int_or(t->args, "depth", 7))) {
            continue;
        }
        JS_FOREACH(groups, group, g) {
            if ((only && strcmp(only, group) != 0) ||
                (owner && strcmp(owner, js_str_or(g, "owner", "")) != 0)) {
                continue;
            }
            task_log(t, "Pruning group %s:\"%s\"", key + 1, group);
            (void)prune_group(t->s, store, key, group, keep, t);
        }
    }
    return NULL;
}

static int start_prune(struct call *c, const js *rules, const char *store, const char *ns,
                       const char *group, const char *type, const char *id) {
    CLEANUP(buf_done) struct buf keep = BUF_INIT(LIM_LINE);
    struct sim_task *t = task_new(c, finish_prune);
    char key[280];

    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    keep_text(rules, &keep);
    pbs_ns_key(ns, key);
    t->args = js_object();
    js_add(t->args, "store", js_str(store));
    js_add(t->args, "key", js_str(key));
    js_add(t->args, "depth", js_int(group ? 0 : js_int_or(rules, "max-depth", 7)));
    js_add(t->args, "keep", js_str(buf_str(&keep)));
    if (group) {
        js_add(t->args, "group", js_str(group));
    }
    return task_start(c, t, js_str_or(c->s->st.root, "node", "pbs"), type, id);
}

int route_pbs_prune(struct call *c) {
    const char *store = pbs_text(c, "store"), *ns = pbs_text(c, "ns");
    char group[300], id[400], key[280];
    const js *g;
    bool limited;

    if (pbs_ns_may(c, store, ns, "Datastore.Modify", "Datastore.Prune", &limited) < 0 ||
        pbs_store_of(c, store) < 0) {
        return -1;
    }
    (void)snprintf(group, sizeof(group), "%s/%s", pbs_text(c, "backup-type"),
                   pbs_text(c, "backup-id"));
    pbs_ns_key(ns, key);
    g = state_get(&c->s->st, "content", store, key, group, NULL);
    if (limited && !pbs_owns(c, js_str_or(g, "owner", ""))) {
        return call_fail(c, 400, "backup owner check failed (%s != %s)", c->auth,
                         js_str_or(g, "owner", ""));
    }
    if (!g) {
        return call_fail(c, 400, "ENOENT: No such file or directory");
    }
    if (!call_bool(c, "use-task", false)) { /* the answer with the marks: not acted out */
        return call_fail(c, 501, "only with use-task");
    }
    (void)snprintf(id, sizeof(id), "%s:%s:%s", store, ns, group);
    return start_prune(c, c->params, store, ns, group, "prune", id);
}

int route_pbs_prune_store(struct call *c) {
    const char *store = pbs_text(c, "store"), *ns = pbs_text(c, "ns");
    char id[400], path[400];

    (void)snprintf(path, sizeof(path), "/datastore/%s%s%s", store, *ns ? "/" : "", ns);
    if (!call_has(c, path, "Datastore.Modify|Datastore.Prune")) {
        return call_fail(c, 400, "missing permissions 'Datastore.Modify|Datastore.Prune' on '%s'",
                         path);
    }
    if (pbs_store_of(c, store) < 0) {
        return -1;
    }
    (void)snprintf(id, sizeof(id), "%s:%s", store, ns);
    return start_prune(c, c->params, store, ns, NULL, "prune", id);
}

/* ---- verify ---- */

static bool wanted(const js *args, const char *key, const char *group, const char *time,
                   const js *snap) {
    const char *only = js_get_str(args, "group"), *at = js_get_str(args, "time");

    return pbs_ns_below(key, js_str_or(args, "key", "/"), js_int_or(args, "depth", 7)) &&
           (!only || strcmp(only, group) == 0) && (!at || strcmp(at, time) == 0) &&
           (!js_bool_or(args, "ignore", true) || !js_get(snap, "verification"));
}

static const char *finish_verify(struct sim_task *t) {
    const char *store = js_str_or(t->args, "store", "");
    CLEANUP(js_freep) js *spaces = js_copy(pbs_content(t->s, store));

    JS_FOREACH(spaces, key, groups) {
        JS_FOREACH(groups, group, g) {
            JS_FOREACH(js_get(g, "snapshots"), time, snap) {
                js *v;

                if (!wanted(t->args, key, group, time, snap)) {
                    continue;
                }
                v = js_object();
                js_add(v, "state", js_str("ok"));
                js_add(v, "upid", js_str(t->upid));
                task_log(t, "verify %s:%s/%s", store, group, time);
                state_set(&t->s->st, v, "content", store, key, group, "snapshots", time,
                          "verification", NULL);
            }
        }
    }
    return NULL;
}

static int start_verify(struct call *c, const js *o, const char *store, const char *ns,
                        const char *type, const char *id) {
    struct sim_task *t = task_new(c, finish_verify);
    char key[280];

    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    pbs_ns_key(ns, key);
    t->args = js_object();
    js_add(t->args, "store", js_str(store));
    js_add(t->args, "key", js_str(key));
    js_add(t->args, "depth", js_int(js_int_or(o, "max-depth", 7)));
    js_add(t->args, "ignore", js_bool(js_bool_or(o, "ignore-verified", true)));
    if (js_get_str(o, "backup-id")) {
        js_addf(t->args, "group", "%s/%s", js_str_or(o, "backup-type", ""),
                js_str_or(o, "backup-id", ""));
        js_add(t->args, "depth", js_int(0));
    }
    if (js_get_str(o, "backup-time")) {
        js_add(t->args, "time", js_str(js_str_or(o, "backup-time", "")));
    }
    return task_start(c, t, js_str_or(c->s->st.root, "node", "pbs"), type, id);
}

int route_pbs_verify(struct call *c) {
    const char *store = pbs_text(c, "store"), *ns = pbs_text(c, "ns");
    bool one = call_str(c, "backup-id") != NULL, limited;

    if (pbs_ns_may(c, store, ns, "Datastore.Verify", "Datastore.Backup", &limited) < 0 ||
        pbs_store_of(c, store) < 0) {
        return -1;
    }
    if (one != (call_str(c, "backup-type") != NULL) || (call_str(c, "backup-time") && !one)) {
        return call_fail(c, 400, "parameters do not specify a backup group or snapshot");
    }
    return start_verify(c, c->params, store, ns,
                        call_str(c, "backup-time") ? "verify_snapshot"
                        : one                      ? "verify_group"
                                                   : "verify",
                        store);
}

/* ---- jobs ---- */

/* Of the same server only: groups that the target lacks are copied, whole. */
static const char *finish_sync(struct sim_task *t) {
    const js *job = t->args;
    const char *from = js_str_or(job, "remote-store", ""), *to = js_str_or(job, "store", "");
    const js *source = pbs_content(t->s, from);
    char source_ns[280], target_ns[280];

    if (js_get_str(job, "remote")) {
        return "sync failed: no remote server is simulated";
    }
    pbs_ns_key(js_str_or(job, "remote-ns", ""), source_ns);
    pbs_ns_key(js_str_or(job, "ns", ""), target_ns);
    if (!source || !js_get(source, source_ns) || !js_get(pbs_content(t->s, to), target_ns)) {
        return "sync failed: no such datastore or namespace";
    }
    JS_FOREACH(js_get(source, source_ns), group, g) {
        JS_FOREACH(js_get(g, "snapshots"), time, snap) {
            if (!state_get(&t->s->st, "content", to, target_ns, group, "snapshots", time, NULL)) {
                task_log(t, "sync snapshot %s/%s", group, time);
                state_set(&t->s->st, js_copy(snap), "content", to, target_ns, group, "snapshots",
                          time, NULL);
            }
        }
        if (!state_get(&t->s->st, "content", to, target_ns, group, "owner", NULL)) {
            state_set(&t->s->st, js_str(js_str_or(job, "owner", "root@pam")), "content", to,
                      target_ns, group, "owner", NULL);
        }
    }
    return NULL;
}

int route_pbs_run(struct call *c) {
    bool prune = strncmp(c->path, "/admin/prune/", 13) == 0;
    bool verify = strncmp(c->path, "/admin/verify/", 14) == 0;
    const char *id = pbs_text(c, "id");
    const js *job = state_get(&c->s->st, prune ? "prune" : verify ? "verify" : "sync", id, NULL);
    const char *store = js_str_or(job, "store", ""), *ns = js_str_or(job, "ns", "");
    struct sim_task *t;
    bool limited;

    if (!job) {
        return call_fail(c, 400, "no such %s job '%s'",
                         prune    ? "prune"
                         : verify ? "verify"
                                  : "sync",
                         id);
    }
    if (pbs_ns_may(c, store, ns,
                   prune    ? "Datastore.Modify"
                   : verify ? "Datastore.Verify"
                            : "Datastore.Backup",
                   "", &limited) < 0) {
        return -1;
    }
    if (prune) {
        return start_prune(c, job, store, ns, NULL, "prunejob", id);
    }
    if (verify) {
        return start_verify(c, job, store, ns, "verificationjob", id);
    }
    t = task_new(c, finish_sync);
    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    t->args = js_copy(job);
    return task_start(c, t, js_str_or(c->s->st.root, "node", "pbs"), "syncjob", id);
}
