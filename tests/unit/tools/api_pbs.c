/* SPDX-License-Identifier: Apache-2.0 */
/* What a backup server's API takes, as a table of our own: path, method, parameters and types as
 * the public source of proxmox-backup 3.2 has them (src/api2). No description of that API as data
 * could be had, and no server was asked: a row that agrees with this agrees with our reading of the
 * source. A path's own parameter of a datastore is called {store} here, also where the server says
 * {name}. */
#include "tests/unit/tools/api.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"

static const struct {
    const char *method, *path, *params; /* "name:type name:type?", '?' = optional */
} methods[] = {
    {"GET", "/version", ""},
    {"GET", "/admin/datastore", ""},
    {"GET", "/config/datastore/{store}", "store:string"},
    {"PUT", "/config/datastore/{store}",
     "store:string comment:string? gc-schedule:string? "
     "notification-mode:string? notify:string? notify-user:string? "
     "verify-new:boolean? tuning:string? maintenance-mode:string? "
     "delete:array? digest:string?"},
    {"POST", "/config/datastore",
     "name:string path:string comment:string? gc-schedule:string? notification-mode:string? "
     "notify:string? notify-user:string? verify-new:boolean? tuning:string?"},
    {"DELETE", "/config/datastore/{store}",
     "store:string keep-job-configs:boolean? destroy-data:boolean? "
     "digest:string?"},
    {"GET", "/config/datastore", ""},
    {"GET", "/admin/datastore/{store}/status", "store:string verbose:boolean?"},
    {"GET", "/status/datastore-usage", ""},
    {"GET", "/admin/datastore/{store}/gc", "store:string"},
    {"POST", "/admin/datastore/{store}/gc", "store:string"},
    {"GET", "/admin/datastore/{store}/namespace", "store:string parent:string? max-depth:integer?"},
    {"POST", "/admin/datastore/{store}/namespace", "store:string name:string parent:string?"},
    {"DELETE", "/admin/datastore/{store}/namespace",
     "store:string ns:string delete-groups:boolean?"},
    {"GET", "/admin/datastore/{store}/groups", "store:string ns:string?"},
    {"DELETE", "/admin/datastore/{store}/groups",
     "store:string ns:string? backup-type:string backup-id:string"},
    {"GET", "/admin/datastore/{store}/group-notes",
     "store:string ns:string? backup-type:string backup-id:string"},
    {"PUT", "/admin/datastore/{store}/group-notes",
     "store:string ns:string? backup-type:string backup-id:string "
     "notes:string"},
    {"POST", "/admin/datastore/{store}/change-owner",
     "store:string ns:string? backup-type:string backup-id:string "
     "new-owner:string"},
    {"GET", "/admin/datastore/{store}/snapshots",
     "store:string ns:string? backup-type:string? backup-id:string?"},
    {"DELETE", "/admin/datastore/{store}/snapshots",
     "store:string ns:string? backup-type:string backup-id:string "
     "backup-time:integer"},
    {"GET", "/admin/datastore/{store}/files",
     "store:string ns:string? backup-type:string backup-id:string "
     "backup-time:integer"},
    {"GET", "/admin/datastore/{store}/notes",
     "store:string ns:string? backup-type:string backup-id:string "
     "backup-time:integer"},
    {"PUT", "/admin/datastore/{store}/notes",
     "store:string ns:string? backup-type:string backup-id:string "
     "backup-time:integer notes:string"},
    {"GET", "/admin/datastore/{store}/protected",
     "store:string ns:string? backup-type:string backup-id:string "
     "backup-time:integer"},
    {"PUT", "/admin/datastore/{store}/protected",
     "store:string ns:string? backup-type:string backup-id:string "
     "backup-time:integer protected:boolean"},
    {"POST", "/admin/datastore/{store}/verify",
     "store:string ns:string? backup-type:string? backup-id:string? "
     "backup-time:integer? ignore-verified:boolean? outdated-after:integer? "
     "max-depth:integer?"},
    {"POST", "/admin/datastore/{store}/prune",
     "store:string ns:string? backup-type:string backup-id:string "
     "keep-last:integer? keep-hourly:integer? keep-daily:integer? "
     "keep-weekly:integer? keep-monthly:integer? keep-yearly:integer? "
     "dry-run:boolean? use-task:boolean?"},
    {"POST", "/admin/datastore/{store}/prune-datastore",
     "store:string ns:string? keep-last:integer? keep-hourly:integer? "
     "keep-daily:integer? keep-weekly:integer? keep-monthly:integer? "
     "keep-yearly:integer? max-depth:integer? dry-run:boolean?"},
    {"GET", "/config/prune", ""},
    {"POST", "/config/prune",
     "id:string store:string comment:string? schedule:string "
     "keep-last:integer? keep-hourly:integer? keep-daily:integer? "
     "keep-weekly:integer? keep-monthly:integer? keep-yearly:integer? "
     "ns:string? max-depth:integer? disable:boolean?"},
    {"GET", "/config/prune/{id}", "id:string"},
    {"PUT", "/config/prune/{id}",
     "id:string store:string? comment:string? schedule:string? "
     "keep-last:integer? keep-hourly:integer? keep-daily:integer? "
     "keep-weekly:integer? keep-monthly:integer? keep-yearly:integer? "
     "ns:string? max-depth:integer? disable:boolean? delete:array? "
     "digest:string?"},
    {"DELETE", "/config/prune/{id}", "id:string digest:string?"},
    {"GET", "/admin/prune", "store:string?"},
    {"POST", "/admin/prune/{id}/run", "id:string"},
    {"GET", "/config/verify", ""},
    {"POST", "/config/verify",
     "id:string store:string comment:string? ns:string? max-depth:integer? "
     "schedule:string? ignore-verified:boolean? outdated-after:integer?"},
    {"GET", "/config/verify/{id}", "id:string"},
    {"PUT", "/config/verify/{id}",
     "id:string store:string? comment:string? ns:string? max-depth:integer? "
     "schedule:string? ignore-verified:boolean? outdated-after:integer? "
     "delete:array? digest:string?"},
    {"DELETE", "/config/verify/{id}", "id:string digest:string?"},
    {"GET", "/admin/verify", "store:string?"},
    {"POST", "/admin/verify/{id}/run", "id:string"},
    {"GET", "/config/sync", ""},
    {"POST", "/config/sync",
     "id:string store:string comment:string? ns:string? owner:string? "
     "remote:string? remote-store:string remote-ns:string? "
     "remove-vanished:boolean? max-depth:integer? schedule:string? "
     "group-filter:array? transfer-last:integer? rate-in:string? "
     "burst-in:string? rate-out:string? burst-out:string?"},
    {"GET", "/config/sync/{id}", "id:string"},
    {"PUT", "/config/sync/{id}",
     "id:string store:string? comment:string? ns:string? owner:string? "
     "remote:string? remote-store:string? remote-ns:string? "
     "remove-vanished:boolean? max-depth:integer? schedule:string? "
     "group-filter:array? transfer-last:integer? rate-in:string? "
     "burst-in:string? rate-out:string? burst-out:string? delete:array? "
     "digest:string?"},
    {"DELETE", "/config/sync/{id}", "id:string digest:string?"},
    {"GET", "/admin/sync", "store:string?"},
    {"POST", "/admin/sync/{id}/run", "id:string"},
    {"GET", "/nodes/localhost/tasks",
     "start:integer? limit:integer? store:string? running:boolean? "
     "errors:boolean? userfilter:string? since:integer? until:integer? "
     "typefilter:string? statusfilter:array?"},
    {"GET", "/nodes/localhost/tasks/{upid}/status", "upid:string"},
    {"GET", "/nodes/localhost/tasks/{upid}/log",
     "upid:string start:integer? limit:integer? download:boolean? "
     "test-status:boolean?"},
    {"DELETE", "/nodes/localhost/tasks/{upid}", "upid:string"},
    {"GET", "/config/remote", ""},
    {"POST", "/config/remote",
     "name:string host:string auth-id:string password:string port:integer? fingerprint:string? "
     "comment:string?"},
    {"GET", "/config/remote/{name}", "name:string"},
    {"PUT", "/config/remote/{name}",
     "name:string host:string? auth-id:string? password:string? port:integer? "
     "fingerprint:string? comment:string? delete:array? digest:string?"},
    {"DELETE", "/config/remote/{name}", "name:string digest:string?"},
    {"GET", "/config/traffic-control", ""},
    {"POST", "/config/traffic-control",
     "name:string network:array timeframe:array? rate-in:string? burst-in:string? "
     "rate-out:string? burst-out:string? comment:string?"},
    {"GET", "/config/traffic-control/{name}", "name:string"},
    {"PUT", "/config/traffic-control/{name}",
     "name:string network:array? timeframe:array? rate-in:string? burst-in:string? "
     "rate-out:string? burst-out:string? comment:string? delete:array? digest:string?"},
    {"DELETE", "/config/traffic-control/{name}", "name:string digest:string?"},
    {"GET", "/admin/traffic-control", ""},
    {"GET", "/nodes/localhost/status", ""},
    {"GET", "/nodes/localhost/time", ""},
    {"GET", "/access/users", "include_tokens:boolean?"},
    {"GET", "/access/roles", ""},
    {"POST", "/access/users",
     "userid:string password:string? comment:string? firstname:string? lastname:string? "
     "email:string? enable:boolean? expire:integer?"},
    {"GET", "/access/users/{userid}", "userid:string"},
    {"PUT", "/access/users/{userid}",
     "userid:string password:string? comment:string? firstname:string? lastname:string? "
     "email:string? enable:boolean? expire:integer? delete:array? digest:string?"},
    {"DELETE", "/access/users/{userid}", "userid:string digest:string?"},
    {"GET", "/access/users/{userid}/token/{token-name}", "userid:string token-name:string"},
    {"POST", "/access/users/{userid}/token/{token-name}",
     "userid:string token-name:string comment:string? enable:boolean? expire:integer? "
     "digest:string?"},
    {"PUT", "/access/users/{userid}/token/{token-name}",
     "userid:string token-name:string comment:string? enable:boolean? expire:integer? "
     "digest:string?"},
    {"DELETE", "/access/users/{userid}/token/{token-name}",
     "userid:string token-name:string digest:string?"},
    {"PUT", "/access/acl",
     "path:string role:string propagate:boolean? auth-id:string? group:string? delete:boolean? "
     "digest:string?"},
    {"GET", "/access/users/{userid}/token", "userid:string"},
    {"GET", "/access/acl", "path:string? exact:boolean?"},
    {"GET", "/access/permissions", "auth-id:string? path:string?"},
};

static js *params_of(const char *p) {
    js *props = js_object();

    while (*p) {
        size_t n = strcspn(p, " "), colon = strcspn(p, ":");
        char name[40], type[24];
        js *one = js_object();
        bool optional = p[n - 1] == '?';

        (void)snprintf(name, sizeof(name), "%.*s", (int)colon, p);
        (void)snprintf(type, sizeof(type), "%.*s", (int)(n - colon - 1 - optional), p + colon + 1);
        js_add(one, "type", js_str(type));
        js_add(one, "optional", js_int(optional));
        js_add(props, name, one);
        p += n + (p[n] == ' ');
    }
    return props;
}

js *api_pbs(void) {
    js *api = js_object(), *list = js_array();

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        js *m = js_object(), *parameters = js_object();

        js_add(m, "method", js_str(methods[i].method));
        js_add(m, "path", js_str(methods[i].path));
        js_add(parameters, "properties", params_of(methods[i].params));
        js_add(m, "parameters", parameters);
        js_push(list, m);
    }
    js_add(api, "api", list);
    return api;
}
