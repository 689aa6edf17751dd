/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of a backup server before its backups are judged: the namespaces in question with
 * their snapshots, its sync jobs, its time zone. What could not be read makes the plan incomplete.
 */
#include "proximo-client/tools/pbs_assess.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/pbs.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/tools/pbs.h"

/* Days are counted in the server's zone; only of UTC is it known here where they begin. */
static bool is_utc(struct session *s) {
    CLEANUP(js_freep) js *time = NULL;
    const char *zone;

    if (pve_get(s->pve, PBS_NODE "/time", &time, NULL) < 0) {
        return false;
    }
    zone = js_str_or(time, "timezone", "");
    return strcmp(zone, "UTC") == 0 || strcmp(zone, "Etc/UTC") == 0;
}

/* A token without Datastore.Audit is shown its own groups, and no sign that there are others. */
static void sees_all(struct draft *d, const char *store, const char *ns) {
    CLEANUP(buf_done) struct buf acl = BUF_INIT(LIM_LINE), need = BUF_INIT(LIM_LINE);
    const char *at = "";
    js *perms = NULL;
    struct err e = {0};

    (void)buf_addf(&acl, "/datastore/%s%s%s", store, *ns ? "/" : "", ns);
    if (draft_read(d, "/access/permissions", "whole", &perms, &e) == 0 &&
        perms_cover(perms, buf_str(&acl), "Datastore.Audit", &at)) {
        return;
    }
    (void)buf_addf(&need, "Datastore.Audit on %s", buf_str(&acl));
    draft_unread(d, "groups of other owners", "the token is shown its own groups only",
                 buf_str(&need));
}

static void add_space(struct draft *d, js *spaces, const char *store, const char *ns,
                      const js *group, struct err *e) {
    CLEANUP(js_freep) js *args = js_object();
    CLEANUP(js_freep) js *query = group ? answer_pick(group, "backup-type backup-id") : js_object();
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    js *list = NULL, *o;
    int r;

    js_add(args, "store", js_str(store));
    if (*ns) {
        js_add(query, "ns", js_str(ns));
    }
    r = pve_path("/admin/datastore/{store}/snapshots", args, &path, e);
    r = r < 0 ? r : pve_query(query, &path, e);
    r = r < 0 ? r : draft_read(d, buf_str(&path), "whole", &list, e);
    if (r < 0 || !js_is_array(list)) {
        draft_unread(d, *ns ? ns : "the root namespace", r < 0 ? e->msg : "its list is none", NULL);
        return;
    }
    o = js_object();
    js_add(o, "ns", js_str(ns));
    js_add(o, "snapshots", js_ref(list));
    js_push(spaces, o);
}

/* The namespace, and at most `depth` levels below it (negative: all). */
static void add_spaces(struct draft *d, js *spaces, const char *store, const char *ns,
                       int64_t depth) {
    CLEANUP(js_freep) js *args = js_object();
    CLEANUP(js_freep) js *query = js_object();
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    struct err e = {0};
    js *list = NULL;
    int r;

    js_add(args, "store", js_str(store));
    if (*ns) {
        js_add(query, "parent", js_str(ns));
    }
    if (depth >= 0) {
        js_add(query, "max-depth", js_int(depth));
    }
    r = pve_path("/admin/datastore/{store}/namespace", args, &path, &e);
    r = r < 0 ? r : pve_query(query, &path, &e);
    r = r < 0 ? r : draft_read(d, buf_str(&path), "whole", &list, &e);
    if (r < 0) {
        draft_unread(d, "the namespaces", e.msg, NULL);
        add_space(d, spaces, store, ns, NULL, &e);
    }
    for (size_t i = 0; i < js_len(list); i++) {
        add_space(d, spaces, store, js_str_or(js_at(list, i), "ns", ""), NULL, &e);
    }
}

static js *view_of(struct draft *d, const char *store) {
    js *view = js_object(), *sync = NULL;
    struct err e = {0};

    js_add(view, "store", js_str(store));
    js_add(view, "utc", js_bool(is_utc(draft_session(d))));
    js_add(view, "spaces", js_array());
    if (draft_read(d, "/config/sync", "whole", &sync, &e) < 0) {
        draft_unread(d, "the sync jobs", e.msg, "Datastore.Audit on /datastore");
    } else {
        js_add(view, "sync", js_ref(sync));
    }
    return view;
}

static void group_of(const js *args, char *ret, size_t size) {
    (void)snprintf(ret, size, "%.8s/%.256s", js_str_or(args, "backup-type", ""),
                   js_str_or(args, "backup-id", ""));
}

int assess_pbs_prune(struct draft *d, const struct assess *a, struct err *e) {
    const char *store = js_str_or(a->args, "store", ""), *ns = js_str_or(a->args, "ns", "");
    bool one = js_get(a->args, "backup-id") != NULL;
    CLEANUP(js_freep) js *view = view_of(d, store);
    char group[300];

    sees_all(d, store, ns);
    if (one) {
        add_space(d, js_get(view, "spaces"), store, ns, a->args, e);
    } else {
        add_spaces(d, js_get(view, "spaces"), store, ns, js_int_or(a->args, "max-depth", -1));
    }
    group_of(a->args, group, sizeof(group));
    return blast_pbs_prune(view, a->form, one ? group : NULL, clock_unix(), d);
}

int assess_pbs_delete(struct draft *d, const struct assess *a, struct err *e) {
    const char *store = js_str_or(a->args, "store", ""), *ns = js_str_or(a->args, "ns", "");
    CLEANUP(js_freep) js *view = view_of(d, store);
    struct pbs_which which = {.time = js_int_or(a->args, "backup-time", 0)};
    char group[300];

    sees_all(d, store, ns);
    group_of(a->args, group, sizeof(group));
    if (js_get(a->args, "backup-id")) {
        which.group = group;
        add_space(d, js_get(view, "spaces"), store, ns, a->args, e);
        (void)blast_pbs_delete(view, &which, clock_unix(), d);
        return 0;
    }
    add_spaces(d, js_get(view, "spaces"), store, ns, -1);
    if (strstr(a->path, "/namespace") && !js_bool_or(a->args, "delete-groups", false)) {
        for (size_t i = 0; i < js_len(js_get(view, "spaces")); i++) {
            const js *space = js_at(js_get(view, "spaces"), i);

            if (js_len(js_get(space, "snapshots"))) {
                draft_risk(d, RISK_HIGH,
                           "will end in an error: namespace %.60s holds groups, and only empty "
                           "ones are removed",
                           js_str_or(space, "ns", ""));
            }
        }
        return 0;
    }
    if (strncmp(a->path, "/config/datastore/", 18) == 0 &&
        !js_bool_or(a->args, "destroy-data", false)) {
        draft_risk(d, RISK_HIGH, "its backups stay on the disk and cannot be reached");
    }
    return blast_pbs_delete(view, &which, clock_unix(), d);
}

int assess_pbs_job(struct draft *d, const struct assess *a, struct err *e) {
    const js *now = a->after ? a->after : a->before;
    const char *store = js_str_or(now, "store", js_str_or(a->args, "store", ""));
    const char *kind = strstr(a->path, "/prune")    ? "prune"
                       : strstr(a->path, "/verify") ? "verify"
                                                    : "sync";
    CLEANUP(js_freep) js *view = NULL;

    (void)e;
    if (strcmp(kind, "prune") != 0 || !a->after) {
        view = js_object();
    } else {
        view = view_of(d, store);
        sees_all(d, store, js_str_or(now, "ns", ""));
        add_spaces(d, js_get(view, "spaces"), store, js_str_or(now, "ns", ""),
                   js_int_or(now, "max-depth", -1));
    }
    return blast_pbs_job(view, kind, a->before, a->after, clock_unix(), d);
}

int assess_pbs_run(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(js_freep) js *view = NULL;
    const char *store, *ns;
    const js *job = a->before;

    (void)e;
    if (strncmp(a->path, "/admin/prune/", 13) != 0) {
        if (js_bool_or(job, "remove-vanished", false)) {
            draft_risk(d, RISK_HIGH,
                       "remove-vanished: what is gone at the source goes here, and "
                       "what that is was not looked at");
            draft_unread(d, "the source of the sync", "it is another datastore or server", NULL);
        }
        draft_risk(d, RISK_LOW, "disks and network are busy while it runs");
        return 0;
    }
    store = js_str_or(job, "store", "");
    ns = js_str_or(job, "ns", "");
    view = view_of(d, store);
    sees_all(d, store, ns);
    add_spaces(d, js_get(view, "spaces"), store, ns, js_int_or(job, "max-depth", -1));
    return blast_pbs_prune(view, job, NULL, clock_unix(), d);
}

/* A token that may not see every sync job is shown some, and no sign that there are others. */
static const js *sync_jobs(struct draft *d) {
    js *perms = NULL, *jobs = NULL;
    const char *at = "";
    struct err e = {0};

    if (draft_read(d, "/config/sync", "whole", &jobs, &e) < 0) {
        draft_unread(d, "the sync jobs", e.msg, "Datastore.Audit on /datastore");
    } else if (draft_read(d, "/access/permissions", "whole", &perms, &e) < 0 ||
               !perms_cover(perms, "/datastore", "Datastore.Audit", &at)) {
        draft_unread(d, "sync jobs of other datastores", "the token is shown those it may see only",
                     "Datastore.Audit on /datastore");
    }
    return jobs;
}

int assess_pbs_remote(struct draft *d, const struct assess *a, struct err *e) {
    (void)e;
    return blast_pbs_remote(sync_jobs(d), js_str_or(a->args, "name", ""), a->before, a->after, d);
}

/* Without Sys.Audit on /access a token is shown itself and its own entries, and no sign of others.
 */
static int access_list(struct draft *d, js *world, const char *path, const char *as,
                       const js *perms) {
    const char *at = "";
    struct err e = {0};
    js *list = NULL;

    if (draft_read(d, path, "whole", &list, &e) < 0 || !js_is_array(list)) {
        draft_unread(d, path, e.msg, "Sys.Audit on /access");
        js_add(world, as, js_array());
        return -1;
    }
    js_add(world, as, js_ref(list));
    if (strcmp(as, "roles") != 0 && !perms_cover(perms, "/access", "Sys.Audit", &at)) {
        draft_unread(d, path, "the token is shown its own only", "Sys.Audit on /access");
    }
    return 0;
}

int assess_pbs_access(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(js_freep) js *world = js_object();
    struct blast_request req[4];
    size_t n = assess_requests(a, req, ARRAY_LEN(req));
    js *perms = NULL;

    if (n == 0) {
        return err_set(e, -EINVAL, "not a change of access that can be assessed");
    }
    (void)draft_get(d, "/access/permissions", &perms, NULL);
    (void)access_list(d, world, "/access/roles", "roles", perms);
    (void)access_list(d, world, "/access/users?include_tokens=1", "users", perms);
    (void)access_list(d, world, "/access/acl", "acl", perms);
    return blast_pbs_access(world, req, n, pve_token_id(draft_session(d)->pve), clock_unix(), d);
}
