/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what the simulated backup server serves, the shape of its state, and the built-in
 * one: two datastores, a namespace, guests with daily and weekly backups, jobs of each kind. */
#include "proximo-client/sim/pbs.h"

#include <errno.h>
#include <string.h>

#include "common/own.h"

#define DS    "/admin/datastore/{store}"
#define NODE  "/nodes/{node}"
#define GROUP "backup-type!=enum(ct,vm,host) backup-id!=string ns=string"
#define SNAP  GROUP " backup-time!=int"
#define KEEP                                                                                       \
    " keep-last=int keep-hourly=int keep-daily=int keep-weekly=int keep-monthly=int "              \
    "keep-yearly=int"
#define CHANGE " delete=list digest=string"
#define PRUNE_JOB                                                                                  \
    "store=string comment=string schedule=string ns=string max-depth=int disable=bool" KEEP
#define VERIFY_JOB                                                                                 \
    "store=string comment=string schedule=string ns=string max-depth=int ignore-verified=bool "    \
    "outdated-after=int"
#define SYNC_JOB                                                                                   \
    "store=string comment=string schedule=string ns=string owner=string remote=string "            \
    "remote-store=string remote-ns=string remove-vanished=bool max-depth=int group-filter=list "   \
    "transfer-last=int rate-in=string burst-in=string rate-out=string burst-out=string"
#define USER       "comment=string firstname=string lastname=string email=string enable=bool expire=int"
#define AUTH_TOKEN "/access/users/{userid}/token/{token-name}"
#define TOKEN_FORM                                                                                 \
    "userid=string token-name=string comment=string enable=bool expire=int digest=string"
#define SPEED_RULE                                                                                 \
    "network=list timeframe=list rate-in=string burst-in=string rate-out=string "                  \
    "burst-out=string comment=string"
#define JOB_ROUTES(kind, params)                                                                   \
    {M_GET, "/config/" kind, NULL, "", route_pbs_job_list},                                        \
        {M_GET, "/config/" kind "/{id}", NULL, "id=string", route_pbs_job_get},                    \
        {M_POST, "/config/" kind, NULL, "id!=string " params, route_pbs_job_create},               \
        {M_PUT, "/config/" kind "/{id}", NULL, "id=string " params CHANGE, route_pbs_job_update},  \
        {M_DELETE, "/config/" kind "/{id}", NULL, "id=string digest=string",                       \
         route_pbs_job_delete},                                                                    \
        {M_GET, "/admin/" kind, NULL, "store=string", route_pbs_job_status}, {                     \
        M_POST, "/admin/" kind "/{id}/run", NULL, "id=string", route_pbs_run                       \
    }

const struct route pbs_routes[] = {
    {M_GET, "/version", "", "", route_pbs_version},
    {M_GET, "/admin/datastore", NULL, "", route_pbs_datastores},
    {M_GET, "/status/datastore-usage", NULL, "", route_pbs_usage},
    {M_GET, "/config/datastore", NULL, "", route_pbs_datastore_configs},
    {M_GET, "/config/datastore/{store}", "/datastore/{store} Datastore.Audit", "store=string",
     route_pbs_datastore_config},
    {M_POST, "/config/datastore", "/datastore Datastore.Allocate",
     "name!=string path!=string comment=string gc-schedule=string notification-mode=string "
     "notify=string notify-user=string verify-new=bool tuning=string",
     route_pbs_datastore_create},
    {M_PUT, "/config/datastore/{store}", "/datastore/{store} Datastore.Modify",
     "store=string comment=string gc-schedule=string notification-mode=string notify=string "
     "notify-user=string verify-new=bool tuning=string maintenance-mode=string" CHANGE,
     route_pbs_datastore_update},
    {M_DELETE, "/config/datastore/{store}", "/datastore/{store} Datastore.Allocate",
     "store=string keep-job-configs=bool destroy-data=bool digest=string",
     route_pbs_datastore_delete},
    {M_GET, DS "/status", NULL, "store=string verbose=bool", route_pbs_status},
    {M_GET, DS "/gc", "/datastore/{store} Datastore.Audit", "store=string", route_pbs_gc_status},
    {M_POST, DS "/gc", "/datastore/{store} Datastore.Modify", "store=string", route_pbs_gc},
    {M_GET, DS "/namespace", NULL, "store=string parent=string max-depth=int",
     route_pbs_namespaces},
    {M_POST, DS "/namespace", NULL, "store=string name!=word parent=string",
     route_pbs_namespace_create},
    {M_DELETE, DS "/namespace", NULL, "store=string ns!=string delete-groups=bool",
     route_pbs_namespace_delete},
    {M_GET, DS "/groups", NULL, "store=string ns=string", route_pbs_groups},
    {M_DELETE, DS "/groups", NULL, "store=string " GROUP, route_pbs_group_delete},
    {M_GET, DS "/group-notes", NULL, "store=string " GROUP, route_pbs_group_notes},
    {M_PUT, DS "/group-notes", NULL, "store=string notes!=string " GROUP,
     route_pbs_group_notes_set},
    {M_POST, DS "/change-owner", NULL, "store=string new-owner!=string " GROUP, route_pbs_owner},
    {M_GET, DS "/snapshots", NULL,
     "store=string ns=string backup-type=enum(ct,vm,host) backup-id=string", route_pbs_snapshots},
    {M_DELETE, DS "/snapshots", NULL, "store=string " SNAP, route_pbs_snapshot_delete},
    {M_GET, DS "/files", NULL, "store=string " SNAP, route_pbs_files},
    {M_GET, DS "/notes", NULL, "store=string " SNAP, route_pbs_notes},
    {M_PUT, DS "/notes", NULL, "store=string notes!=string " SNAP, route_pbs_notes_set},
    {M_GET, DS "/protected", NULL, "store=string " SNAP, route_pbs_protected},
    {M_PUT, DS "/protected", NULL, "store=string protected!=bool " SNAP, route_pbs_protected_set},
    {M_POST, DS "/prune", NULL, "store=string dry-run=bool use-task=bool " GROUP KEEP,
     route_pbs_prune},
    {M_POST, DS "/prune-datastore", NULL, "store=string ns=string max-depth=int dry-run=bool" KEEP,
     route_pbs_prune_store},
    {M_POST, DS "/verify", NULL,
     "store=string ns=string backup-type=enum(ct,vm,host) backup-id=string backup-time=int "
     "ignore-verified=bool outdated-after=int max-depth=int",
     route_pbs_verify},
    JOB_ROUTES("prune", PRUNE_JOB),
    JOB_ROUTES("verify", VERIFY_JOB),
    JOB_ROUTES("sync", SYNC_JOB),
    {M_GET, "/config/remote", NULL, "", route_pbs_section_list},
    {M_POST, "/config/remote", "/remote Remote.Modify",
     "name!=string host!=string auth-id!=string password!=string port=int fingerprint=string "
     "comment=string",
     route_pbs_section_create},
    {M_GET, "/config/remote/{name}", "/remote/{name} Remote.Audit", "name=string",
     route_pbs_section_get},
    {M_PUT, "/config/remote/{name}", "/remote/{name} Remote.Modify",
     "name=string host=string auth-id=string password=string port=int fingerprint=string "
     "comment=string" CHANGE,
     route_pbs_section_update},
    {M_DELETE, "/config/remote/{name}", "/remote/{name} Remote.Modify", "name=string digest=string",
     route_pbs_section_delete},
    {M_GET, "/config/traffic-control", "/ Sys.Audit", "", route_pbs_section_list},
    {M_POST, "/config/traffic-control", "/ Sys.Modify", "name!=string " SPEED_RULE,
     route_pbs_section_create},
    {M_GET, "/config/traffic-control/{name}", "/ Sys.Audit", "name=string", route_pbs_section_get},
    {M_PUT, "/config/traffic-control/{name}", "/ Sys.Modify", "name=string " SPEED_RULE CHANGE,
     route_pbs_section_update},
    {M_DELETE, "/config/traffic-control/{name}", "/ Sys.Modify", "name=string digest=string",
     route_pbs_section_delete},
    {M_GET, "/admin/traffic-control", "/ Sys.Audit", "", route_pbs_traffic},
    {M_GET, "/access/roles", "", "", route_pbs_roles},
    {M_GET, "/access/users", NULL, "include_tokens=bool", route_pbs_users},
    {M_POST, "/access/users", "/access/users Permissions.Modify",
     "userid!=string password=string " USER, route_pbs_user_create},
    {M_GET, "/access/users/{userid}", "/access/users Sys.Audit", "userid=string", route_pbs_user},
    {M_PUT, "/access/users/{userid}", "/access/users Permissions.Modify",
     "userid=string password=string " USER CHANGE, route_pbs_user_update},
    {M_DELETE, "/access/users/{userid}", "/access/users Permissions.Modify",
     "userid=string digest=string", route_pbs_user_delete},
    {M_GET, "/access/users/{userid}/token", NULL, "userid=string", route_pbs_tokens},
    {M_GET, AUTH_TOKEN, "/access/users Sys.Audit", "userid=string token-name=string",
     route_pbs_token},
    {M_POST, AUTH_TOKEN, "/access/users Permissions.Modify", TOKEN_FORM, route_pbs_token_create},
    {M_PUT, AUTH_TOKEN, "/access/users Permissions.Modify", TOKEN_FORM, route_pbs_token_update},
    {M_DELETE, AUTH_TOKEN, "/access/users Permissions.Modify",
     "userid=string token-name=string digest=string", route_pbs_token_delete},
    {M_PUT, "/access/acl", "/access/acl Permissions.Modify",
     "path!=string role!=string auth-id=string propagate=bool delete=bool digest=string",
     route_pbs_acl_update},
    {M_GET, "/access/acl", "/access/acl Sys.Audit", "path=string exact=bool", route_pbs_acl},
    {M_GET, "/access/permissions", NULL, "auth-id=string path=string", route_pbs_permissions},
    {M_GET, NODE "/status", "/system/status Sys.Audit", "node=string", route_pbs_node_status},
    {M_GET, NODE "/time", "", "node=string", route_pbs_time},
    {M_GET, NODE "/tasks", NULL,
     "node=string start=int limit=int store=string running=bool errors=bool userfilter=string "
     "since=int until=int typefilter=string",
     route_node_tasks},
    {M_GET, NODE "/tasks/{upid}/status", NULL, "node=string upid=upid", route_task_status},
    {M_GET, NODE "/tasks/{upid}/log", NULL, "node=string upid=upid start=int limit=int",
     route_task_log},
    {M_DELETE, NODE "/tasks/{upid}", NULL, "node=string upid=upid", route_task_stop},
};
const size_t pbs_n_routes = ARRAY_LEN(pbs_routes);

static int all_objects(const js *o, const char *what, struct err *e) {
    JS_FOREACH(o, key, value) {
        if (!js_is_object(value)) {
            return err_set(e, -EBADMSG, "%.60s: '%.60s' is not an object", what, key);
        }
    }
    return 0;
}

/* Groups have a type and an id, snapshots are named by their time. */
static int check_groups(const js *groups, struct err *e) {
    int r = all_objects(groups, "content", e);

    JS_FOREACH(groups, group, g) {
        const js *snaps = js_get(g, "snapshots");

        if (r == 0 && (!strchr(group, '/') || !js_is_object(snaps))) {
            r = err_set(e, -EBADMSG, "group '%.60s' is none", group);
        }
        if (r < 0) {
            return r;
        }
        r = all_objects(snaps, group, e);
        JS_FOREACH(snaps, time, snap) {
            (void)snap;
            if (r == 0 && (!*time || time[strspn(time, "0123456789")] || strlen(time) > 12)) {
                r = err_set(e, -EBADMSG, "group %.60s: '%.20s' is no time", group, time);
            }
        }
    }
    return r;
}

int pbs_check(js *root, struct err *e) {
    static const char *const parts[] = {"users",   "acl",    "datastores", "content",
                                        "prune",   "verify", "sync",       "remotes",
                                        "traffic", "gc",     "garbage",    "tasks"};
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++) {
        js *part = js_get(root, parts[i]);

        if (!part) {
            js_add(root, parts[i], js_object());
        } else if (!js_is_object(part)) {
            return err_set(e, -EBADMSG, "'%s' is not an object", parts[i]);
        } else if (strcmp(parts[i], "garbage") != 0) {
            r = all_objects(part, parts[i], e);
        }
    }
    if (r < 0) {
        return r;
    }
    JS_FOREACH(js_get(root, "content"), store, spaces) {
        (void)store;
        r = all_objects(spaces, "content", e);
        JS_FOREACH(spaces, key, groups) {
            r = r < 0         ? r
                : *key == '/' ? check_groups(groups, e)
                              : err_set(e, -EBADMSG, "namespace '%.60s'", key);
        }
        if (r < 0) {
            return r;
        }
    }
    JS_FOREACH(js_get(root, "datastores"), name, d) {
        (void)d;
        if (!js_get(js_get(root, "content"), name)) {
            js *fresh = js_object();

            js_add(fresh, "/", js_object());
            js_add(js_get(root, "content"), name, fresh);
        }
    }
    return 0;
}

/* ---- the built-in server ---- */

static void add_group(js *space, const char *group, const char *owner, int64_t newest, int days,
                      int64_t size) {
    js *g = js_object(), *snaps = js_object();

    for (int i = days; i-- > 0;) {
        js *snap = js_object(), *files = js_array();
        char time[24];

        js_push(files, js_str(group[0] == 'c' ? "root.pxar.didx" : "drive-scsi0.img.fidx"));
        js_push(files, js_str("index.json.blob"));
        js_add(snap, "files", files);
        js_add(snap, "size", js_int(size));
        (void)snprintf(time, sizeof(time), "%lld", (long long)(newest - i * INT64_C(86400)));
        js_add(snaps, time, snap);
    }
    js_add(g, "owner", js_str(owner));
    js_add(g, "snapshots", snaps);
    js_add(space, group, g);
}

static js *of_text(const char *text) {
    js *o = NULL;

    (void)js_parse(text, strlen(text), &o, NULL);
    return o;
}

js *pbs_demo(int64_t now) {
    js *root = of_text(
        "{\"version\":1,\"product\":\"pbs\",\"node\":\"pbs1\",\"faults\":[],"
        "\"users\":{\"root@pam\":{\"enable\":1,\"expire\":0},"
        "\"pve@pbs\":{\"enable\":1,\"expire\":0,\"comment\":\"backups of the cluster\"}},"
        "\"acl\":{\"/datastore/tank\":{\"user:pve@pbs\":{\"DatastorePowerUser\":1}}},"
        "\"datastores\":{\"tank\":{\"path\":\"/mnt/tank\",\"comment\":\"the main one\","
        "\"gc-schedule\":\"sat 03:00\"},\"vault\":{\"path\":\"/mnt/vault\"}},"
        "\"prune\":{\"tank-daily\":{\"store\":\"tank\",\"schedule\":\"daily\",\"keep-daily\":7,"
        "\"keep-weekly\":4}},"
        "\"verify\":{\"tank-verify\":{\"store\":\"tank\",\"schedule\":\"sun 05:00\","
        "\"ignore-verified\":true,\"outdated-after\":30}},"
        "\"sync\":{\"to-vault\":{\"store\":\"vault\",\"remote-store\":\"tank\","
        "\"schedule\":\"04:30\",\"owner\":\"root@pam\"}},"
        "\"remotes\":{\"offsite\":{\"host\":\"192.0.2.77\",\"auth-id\":\"sync@pbs\","
        "\"fingerprint\":\"\"}},"
        "\"traffic\":{\"office\":{\"network\":[\"192.0.2.0/24\"],\"rate-in\":\"100MB\"}}}");
    js *content = js_object(), *tank = js_object(), *vault = js_object(), *top = js_object();
    js *lab = js_object(), *copies = js_object();
    int64_t day = now - now % 86400 - 86400 + 7200; /* yesterday at two */

    add_group(top, "vm/104", "pve@pbs", day, 12, INT64_C(20000000000));
    add_group(top, "ct/301", "pve@pbs", day, 3, INT64_C(2000000000));
    add_group(top, "vm/210", "pve@pbs", day - INT64_C(86400) * 40, 1, INT64_C(8000000000));
    add_group(top, "host/files", "root@pam", day, 2, INT64_C(900000000));
    add_group(lab, "vm/104", "root@pam", day, 2, INT64_C(100000000));
    add_group(copies, "vm/104", "root@pam", day, 5, INT64_C(20000000000));
    js_add(tank, "/", top);
    js_add(tank, "/lab", lab);
    js_add(tank, "/empty", js_object());
    js_add(vault, "/", copies);
    js_add(content, "tank", tank);
    js_add(content, "vault", vault);
    js_add(root, "content", content);
    return root;
}
