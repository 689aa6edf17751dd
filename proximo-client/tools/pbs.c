/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a backup server: datastores and what is in them, jobs, tasks, who may what. A list that
 * the server filters by privilege says so. */
#include "proximo-client/tools/pbs.h"

#include <errno.h>
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/task.h"

#define ADMIN "/admin/datastore/{store}"

static const struct field no_fields[] = {FIELDS_PAGE, {NULL}};
static const struct field store_fields[] = {PBS_STORE_FIELD, {NULL}};
static const struct field status_fields[] = {
    PBS_STORE_FIELD,
    {"verbose", F_BOOL, "with counts of groups and snapshots and the last garbage collection"},
    {NULL},
};
static const struct field ns_fields[] = {PBS_STORE_FIELD, PBS_NS_FIELD, FIELDS_PAGE, {NULL}};
static const struct field snapshots_fields[] = {
    PBS_STORE_FIELD,
    PBS_NS_FIELD,
    {"backup-type", F_ENUM, NULL, .choices = "vm|ct|host"},
    {"backup-id", F_STR, "e.g. a vmid", .max = 256},
    FIELDS_PAGE,
    {NULL},
};
static const struct field group_fields[] = {
    PBS_GROUP_FIELDS,
    {NULL},
};
static const struct field snapshot_fields[] = {
    PBS_GROUP_FIELDS,
    PBS_TIME_FIELD,
    {NULL},
};
static const struct field files_fields[] = {
    PBS_GROUP_FIELDS,
    PBS_TIME_FIELD,
    FIELDS_PAGE,
    {NULL},
};
static const struct field namespaces_fields[] = {
    PBS_STORE_FIELD,
    {"parent", F_STR, "only what is below it", .max = 256},
    {"max-depth", F_INT, "levels below it", .min = 0, .max = 7},
    FIELDS_PAGE,
    {NULL},
};
static const struct field jobs_fields[] = {
    {"kind", F_ENUM, NULL, true, .choices = "prune|verify|sync"},
    {"store", F_STR, "of this datastore only", .min = 3, .max = 32},
    FIELDS_PAGE,
    {NULL},
};
static const struct field job_fields[] = {
    {"kind", F_ENUM, NULL, true, .choices = "prune|verify|sync"},
    {"id", F_STR, NULL, true, .min = 3, .max = 32},
    {NULL},
};
static const struct field tasks_fields[] = {
    {"store", F_STR, "of this datastore only", .min = 3, .max = 32},
    {"running", F_BOOL, "only what runs now"},
    {"errors", F_BOOL, "only what failed"},
    {"since", F_INT, "Unix seconds", .min = 0, .max = 253402300799},
    {"until", F_INT, "Unix seconds", .min = 0, .max = 253402300799},
    {"typefilter", F_STR, "part of the type, e.g. prune", .max = 64},
    {"userfilter", F_STR, "part of the user's name", .max = 64},
    FIELDS_PAGE,
    {NULL},
};
static const struct field upid_fields[] = {{"upid", F_UPID, NULL, true}, {NULL}};
static const struct field log_fields[] = {
    {"upid", F_UPID, NULL, true},
    {"limit", F_INT, "last lines", .min = 1, .max = 5000},
    {NULL},
};
static const struct field wait_fields[] = {
    {"upid", F_UPID, NULL, true},
    {"timeout", F_INT, "seconds", .min = 1, .max = 600},
    {NULL},
};
static const struct field name_fields[] = {
    {"name", F_STR, NULL, true, .min = 3, .max = 32},
    {NULL},
};
static const struct field acl_fields[] = {
    {"path", F_STR, "e.g. /datastore/tank; default: every one", .max = 128},
    {"exact", F_BOOL, "not what is below the path"},
    FIELDS_PAGE,
    {NULL},
};
static const struct field users_fields[] = {
    {"include_tokens", F_BOOL, "with the API tokens of each"},
    FIELDS_PAGE,
    {NULL},
};
static const struct field tokens_fields[] = {
    {"userid", F_STR, "user@realm", true, .max = 64},
    FIELDS_PAGE,
    {NULL},
};
static const struct field permissions_fields[] = {
    {"auth-id", F_STR, "user@realm or user@realm!token; default: our own", .max = 128},
    {"path", F_STR, NULL, .max = 128},
    {NULL},
};

static js *snapshot_item(const js *item) {
    js *o = answer_pick(item, "backup-type backup-id backup-time size protected owner comment");
    const js *files = js_get(item, "files");

    js_add(o, "files", js_int((int64_t)js_len(files)));
    js_add(o, "encrypted", js_bool(js_get(item, "fingerprint") != NULL));
    js_add(o, "verified", js_str(js_str_or(js_get(item, "verification"), "state", "no")));
    return o;
}

static int list_of(struct session *s, const char *template, const char *query, const js *args,
                   js *(*trim)(const js *item), js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *list = NULL;
    CLEANUP(js_freep) js *q = answer_pick(args, query);
    int r = pve_path(template, args, &path, e);

    if (r == 0) {
        r = pve_query(q, &path, e);
    }
    if (r == 0) {
        r = pve_get(s->pve, buf_str(&path), &list, e);
    }
    if (r == 0 && !js_is_array(list)) {
        r = bad_answer(template, e);
    }
    if (r == 0) {
        *ret = answer_list(list, args, trim);
    }
    return r;
}

/* A token without Datastore.Audit sees the groups that it owns, and is not told that there are
 * others. */
static void own_only(struct session *s, const js *args, js *answer) {
    CLEANUP(buf_done) struct buf acl = BUF_INIT(LIM_LINE);
    const char *ns = js_str_or(args, "ns", "");

    (void)buf_addf(&acl, "/datastore/%s%s%s", js_str_or(args, "store", ""), *ns ? "/" : "", ns);
    answer_partial(s, answer, buf_str(&acl), "Datastore.Audit");
}

static int snapshots_read(struct session *s, const js *args, js **ret, struct err *e) {
    int r = list_of(s, ADMIN "/snapshots", PBS_GROUP_QUERY, args, snapshot_item, ret, e);

    if (r == 0) {
        own_only(s, args, *ret);
    }
    return r;
}

static int groups_read(struct session *s, const js *args, js **ret, struct err *e) {
    int r = list_of(s, ADMIN "/groups", "ns", args, NULL, ret, e);

    if (r == 0) {
        own_only(s, args, *ret);
    }
    return r;
}

static int datastores_read(struct session *s, const js *args, js **ret, struct err *e) {
    int r = list_of(s, "/admin/datastore", "", args, NULL, ret, e);

    if (r == 0) {
        answer_partial(s, *ret, "/datastore", "Datastore.Audit|Datastore.Backup");
    }
    return r;
}

/* The server pages by itself; its total is only "and at least one more". */
static int tasks_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *body = NULL;
    CLEANUP(js_freep) js *window = js_object();
    CLEANUP(js_freep)
    js *query = answer_pick(args, "store running errors since until typefilter userfilter limit "
                                  "start");
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    int64_t start = js_int_or(args, "start", 0), shown, total;
    int r = buf_adds(&path, PBS_NODE "/tasks");

    if (!js_get(query, "limit")) {
        js_add(query, "limit", js_int(50));
    }
    r = r < 0 ? r : pve_query(query, &path, e);
    r = r < 0 ? r : pve_get_body(s->pve, buf_str(&path), &body, e);
    r = r < 0 ? r : need_rows("the tasks", js_get(body, "data"), e);
    if (r < 0) {
        return r;
    }
    *ret = answer_list(js_get(body, "data"), window, NULL);
    shown = start + js_int_or(*ret, "returned", 0);
    total = js_int_or(body, "total", shown);
    js_add(*ret, "total", js_int(total));
    js_add(*ret, "truncated", js_bool(total > shown));
    json_object_object_del(*ret, "next_start");
    if (total > shown) {
        js_add(*ret, "next_start", js_int(shown));
        js_add(*ret, "note", js_str("total counts one more than what was looked at"));
    }
    answer_partial(s, *ret, "/system/tasks", "Sys.Audit");
    return 0;
}

static int jobs_read(struct session *s, const js *args, js **ret, struct err *e) {
    int r = list_of(s, "/admin/{kind}", "store", args, NULL, ret, e);

    if (r == 0) {
        answer_partial(s, *ret, "/datastore", "Datastore.Audit");
    }
    return r;
}

static int job_read(struct session *s, const js *args, js **ret, struct err *e) {
    return read_path(s, "/config/{kind}/{id}", args, ret, e);
}

static int tokens_read(struct session *s, const js *args, js **ret, struct err *e) {
    return list_of(s, "/access/users/{userid}/token", "", args, NULL, ret, e);
}

#define READ        "pbs", EFFECT_READ, ROW_IDEMPOTENT
#define STORE_AUDIT "/datastore/{store} Datastore.Audit"
/* Of the owner of a group Datastore.Backup is enough. */
#define NS_AUDIT "/datastore/{store}/{ns} Datastore.Audit|Datastore.Backup"

const struct row pbs_rows[] = {
    {"pbs_datastores_list", "Datastores",
     "Lists the datastores of a backup server. Changes nothing.", READ, no_fields,
     .read = datastores_read, .privilege = "/datastore Datastore.Audit", .result = LIST_RESULT},
    {"pbs_datastore_get", "One datastore",
     "Shows the configuration of a datastore: path, garbage collection's schedule, maintenance. "
     "Changes nothing.",
     READ, store_fields, .path = "/config/datastore/{store}", .privilege = STORE_AUDIT,
     .result = "name:string path?:string"},
    {"pbs_datastore_status", "Room in a datastore",
     "Shows size, use and what is left of a datastore in bytes. Changes nothing.", READ,
     status_fields, .path = ADMIN "/status", .query = "verbose",
     .privilege = "/datastore/{store} Datastore.Audit|Datastore.Backup",
     .result = "total?:integer used?:integer avail?:integer"},
    {"pbs_datastores_usage", "Use of all datastores",
     "Lists size, use and the estimated day on which each datastore is full. Changes nothing.",
     READ, no_fields, .path = "/status/datastore-usage",
     .privilege = "/datastore Datastore.Audit|Datastore.Backup", .result = LIST_RESULT},
    {"pbs_gc_status", "Garbage collection",
     "Shows the last garbage collection of a datastore and its schedule. Changes nothing.", READ,
     store_fields, .path = ADMIN "/gc", .privilege = STORE_AUDIT,
     .result = "store?:string schedule?:string"},
    {"pbs_namespaces_list", "Namespaces", "Lists the namespaces of a datastore. Changes nothing.",
     READ, namespaces_fields, .path = ADMIN "/namespace", .query = "parent max-depth",
     .privilege = "/datastore/{store} Datastore.Audit|Datastore.Modify|Datastore.Backup",
     .result = LIST_RESULT},
    {"pbs_groups_list", "Backup groups",
     "Lists the groups of one namespace with owner, count and last backup. Changes nothing.", "pbs",
     EFFECT_READ, ROW_IDEMPOTENT | ROW_GUEST_TEXT, ns_fields, .read = groups_read,
     .privilege = NS_AUDIT, .result = LIST_RESULT},
    {"pbs_group_notes", "Notes of a group", "Shows the notes of a backup group. Changes nothing.",
     "pbs", EFFECT_READ, ROW_IDEMPOTENT | ROW_GUEST_TEXT, group_fields,
     .path = ADMIN "/group-notes", .query = PBS_GROUP_QUERY, .privilege = NS_AUDIT,
     .result = "value?:string"},
    {"pbs_snapshots_list", "Snapshots",
     "Lists the backup snapshots of one namespace with size, verification and protection. Changes "
     "nothing.",
     "pbs", EFFECT_READ, ROW_IDEMPOTENT | ROW_GUEST_TEXT, snapshots_fields, .read = snapshots_read,
     .privilege = NS_AUDIT, .result = LIST_RESULT},
    {"pbs_snapshot_files", "Files of a snapshot",
     "Lists the archives in one snapshot. Changes nothing.", READ, files_fields,
     .path = ADMIN "/files", .query = PBS_GROUP_QUERY " backup-time",
     .privilege = "/datastore/{store}/{ns} Datastore.Audit|Datastore.Read|Datastore.Backup",
     .result = LIST_RESULT},
    {"pbs_snapshot_notes", "Notes of a snapshot",
     "Shows the notes of one snapshot. Changes nothing.", "pbs", EFFECT_READ,
     ROW_IDEMPOTENT | ROW_GUEST_TEXT, snapshot_fields, .path = ADMIN "/notes",
     .query = PBS_GROUP_QUERY " backup-time", .privilege = NS_AUDIT, .result = "value?:string"},
    {"pbs_snapshot_protected", "Protection of a snapshot",
     "Shows whether a snapshot is protected from removal. Changes nothing.", READ, snapshot_fields,
     .path = ADMIN "/protected", .query = PBS_GROUP_QUERY " backup-time", .privilege = NS_AUDIT,
     .result = "value?:boolean"},
    {"pbs_jobs_list", "Prune, verify and sync jobs",
     "Lists the jobs of one kind with schedule, next run and how the last one ended. Changes "
     "nothing.",
     READ, jobs_fields, .read = jobs_read, .privilege = "/datastore Datastore.Audit",
     .result = LIST_RESULT},
    {"pbs_job_get", "One job", "Shows one prune, verify or sync job. Changes nothing.", READ,
     job_fields, .read = job_read, .privilege = "/datastore Datastore.Audit",
     .result = "id:string store:string"},
    {"pbs_tasks_list", "Tasks of a backup server",
     "Lists tasks, newest first, with how they ended. Changes nothing.", READ, tasks_fields,
     .read = tasks_read, .privilege = "/system/tasks Sys.Audit", .result = LIST_RESULT},
    {"pbs_task_status", "One task", "Shows how a task stands or ended. Changes nothing.", READ,
     upid_fields, .read = task_status_read, .privilege = "/system/tasks Sys.Audit",
     .result = TASK_RESULT},
    {"pbs_task_log", "Log of a task", "Shows the last lines of a task's log. Changes nothing.",
     "pbs", EFFECT_READ, ROW_IDEMPOTENT | ROW_GUEST_TEXT, log_fields, .read = task_log_read,
     .privilege = "/system/tasks Sys.Audit",
     .result = "upid:string returned:integer truncated:boolean lines:array"},
    {"pbs_task_wait", "Wait for a task", "Waits until a task ends. Changes nothing.", READ,
     wait_fields, .read = task_wait_read, .privilege = "/system/tasks Sys.Audit",
     .result = TASK_RESULT " next?:string"},
    {"pbs_remotes_list", "Remotes",
     "Lists the other backup servers that sync jobs pull from, without passwords. Changes nothing.",
     READ, no_fields, .path = "/config/remote", .privilege = "/remote Remote.Audit",
     .result = LIST_RESULT},
    {"pbs_remote_get", "One remote", "Shows one remote, without its password. Changes nothing.",
     READ, name_fields, .path = "/config/remote/{name}", .privilege = "/remote/{name} Remote.Audit",
     .result = "name?:string host?:string"},
    {"pbs_traffic_control_list", "Traffic control",
     "Lists the bandwidth rules and what flows now. Changes nothing.", READ, no_fields,
     .path = "/admin/traffic-control", .privilege = "/ Sys.Audit", .result = LIST_RESULT},
    {"pbs_node_status", "Backup server's state",
     "Shows load, memory, root disk and version of a backup server. Changes nothing.", READ,
     (const struct field[]){{NULL}}, .path = PBS_NODE "/status",
     .privilege = "/system/status Sys.Audit", .result = "uptime?:integer"},
    {"pbs_users_list", "Users of a backup server",
     "Lists users, with their tokens if asked. Changes "
     "nothing.",
     READ, users_fields, .path = "/access/users", .query = "include_tokens",
     .privilege = "/access/users Sys.Audit", .result = LIST_RESULT},
    {"pbs_tokens_list", "Tokens of a user",
     "Lists the API tokens of one user; secrets are not known to the server. Changes nothing.",
     READ, tokens_fields, .read = tokens_read, .privilege = "/access/users Sys.Audit",
     .result = LIST_RESULT},
    {"pbs_acl_list", "Access list of a backup server",
     "Lists who has which role where. Changes nothing.", READ, acl_fields, .path = "/access/acl",
     .query = "path exact", .privilege = "/access/acl Sys.Audit", .result = LIST_RESULT},
    {"pbs_permissions", "Effective privileges",
     "Shows the privileges that a user or token has in effect. Changes nothing.", READ,
     permissions_fields, .path = "/access/permissions", .query = "auth-id path",
     .privilege = "/access Sys.Audit", .result = ""},
    {NULL},
};
