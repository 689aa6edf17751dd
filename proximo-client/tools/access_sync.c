/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about jobs that bring users and groups of a realm into the cluster, and take them away. */
#include "proximo-client/tools/assess.h"

static const struct thing job = {
    .kind = "realm-sync-job",
    .id = "id",
    .read = "/cluster/jobs/realm-sync/{id}",
    .list = "/cluster/jobs/realm-sync",
    .match = "id",
    .drop = "id type next-run last-run",
    .made_by = "pve_realm_sync_job_create",
    .deleted_by = "pve_realm_sync_job_delete",
};

#define ID                                                                                         \
    { "id", F_STR, NULL, true, .min = 2, .max = 128 }
#define SETTINGS                                                                                   \
    {"schedule", F_STR, "e.g. daily", true, .max = 128}, {"comment", F_STR, NULL, .max = 512},     \
        {"enabled", F_BOOL}, {"enable-new", F_BOOL, "new users can log in at once"},               \
        {"remove-vanished", F_STR, "acl;entry;properties, or none", .max = 64}, {                  \
        "scope", F_ENUM, NULL, .choices = "users|groups|both"                                      \
    }

static const struct field id_fields[] = {ID, {NULL}};
static const struct field create_fields[] = {
    ID, {"realm", F_STR, NULL, .max = 32}, SETTINGS, {NULL}};
static const struct field update_fields[] = {
    ID, SETTINGS, {"delete", F_STRS, "keys to delete", .max = 8}, {NULL}};

#define FLOOR                                                                                      \
    .floor = RISK_HIGH,                                                                            \
    .floor_why = "each run makes users and may remove users, and with them what "                  \
                 "they may do",                                                                    \
    .operator_why = "who may do what follows another directory"

const struct row access_sync_rows[] = {
    {"pve_realm_sync_job_create", "Make a realm sync job",
     "Plans syncing users and groups of a realm on a schedule." PLANS, "access", EFFECT_CHANGE, 0,
     create_fields, .analysers = "realm access", .undo = "inverse",
     .privilege = "/access/realm/{realm} Realm.AllocateUser, /access/groups User.Modify",
     .send =
         &(const struct send){
             .assess = assess_realm_job,
             .does = SEND_CREATE,
             .on = &job,
             .method = "POST",
             .path = "/cluster/jobs/realm-sync/{id}",
             .say = "sync realm {realm} on schedule {schedule}",
             .limits = "users and groups that a run has made or removed stay so",
             FLOOR,
         }},
    {"pve_realm_sync_job_update", "Change a realm sync job",
     "Plans changing how users and groups of a realm are synced." PLANS, "access", EFFECT_CHANGE, 0,
     update_fields, .analysers = "realm access", .undo = "restore-object",
     .privilege = "/access/realm/{realm} Realm.AllocateUser, /access/groups User.Modify",
     .send =
         &(const struct send){
             .assess = assess_realm_job,
             .does = SEND_UPDATE,
             .on = &job,
             .method = "PUT",
             .path = "/cluster/jobs/realm-sync/{id}",
             .say = "change realm sync job {id}",
             .limits = "users and groups that a run has made or removed stay so",
             FLOOR,
         }},
    {"pve_realm_sync_job_delete", "Delete a realm sync job",
     "Plans syncing a realm no more; the users that it made stay." PLANS, "access", EFFECT_CHANGE,
     0, id_fields, .undo = "restore-object", .privilege = "/ Sys.Modify",
     .send =
         &(const struct send){
             .does = SEND_DELETE,
             .on = &job,
             .method = "DELETE",
             .path = "/cluster/jobs/realm-sync/{id}",
             .say = "delete realm sync job {id}",
             .alone = "users and groups stay as the last run left them",
         }},
    {NULL},
};
