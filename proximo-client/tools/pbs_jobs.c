/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of a backup server: prune, verify, sync. Each is made, changed, deleted, with a real way
 * back, and run at once, without one. */
#include "proximo-client/tools/pbs.h"
#include "proximo-client/tools/pbs_assess.h"

/* What all jobs have; `what`: prune, verify, sync. */
#define JOB(what)                                                                                  \
    {                                                                                              \
        .kind = what "-job", .id = "id", .read = "/config/" what "/{id}", .list = "/config/" what, \
        .match = "id", .drop = "id", .beside = true, .made_by = "pbs_" what "_job_create",         \
        .deleted_by = "pbs_" what "_job_delete",                                                   \
    }
#define ID_FIELD                                                                                   \
    { "id", F_STR, NULL, true, .min = 3, .max = 32 }
#define PRUNE_RIGHTS  "/datastore/{store} Datastore.Modify, /datastore Datastore.Audit"
#define VERIFY_RIGHTS "/datastore/{store} Datastore.Verify, /datastore Datastore.Audit"
#define SYNC_RIGHTS                                                                                \
    "/datastore/{store} Datastore.Backup, /datastore Datastore.Prune, /remote Remote.Read, "       \
    "/datastore Datastore.Audit"
#define RUNS_BY_ITSELF "what runs by itself changes"
/* The settings that a new job takes and a job's change takes alike. */
#define PRUNE_SETTINGS                                                                             \
    PBS_NS_FIELD, {"comment", F_STR, NULL, .max = 128},                                            \
        {"max-depth", F_INT, "levels of namespaces below", .min = 0, .max = 7}, PBS_KEEP_FIELDS, { \
        "disable", F_BOOL                                                                          \
    }
#define VERIFY_SETTINGS                                                                            \
    PBS_NS_FIELD, {"comment", F_STR, NULL, .max = 128},                                            \
        {"max-depth", F_INT, "levels of namespaces below", .min = 0, .max = 7},                    \
        {"ignore-verified", F_BOOL, "not those that were verified"}, {                             \
        "outdated-after", F_INT, "days after which a verification is repeated", .min = 0,          \
                                                                                .max = 36500       \
    }
#define SYNC_SETTINGS                                                                              \
    PBS_NS_FIELD, {"comment", F_STR, NULL, .max = 128},                                            \
        {"owner", F_STR, "of what is pulled", .max = 128},                                         \
        {"remote", F_STR, "default: this server", .min = 3, .max = 32},                            \
        {"remote-ns", F_STR, "namespace there", .max = 256},                                       \
        {"remove-vanished", F_BOOL, "what is gone there goes here"},                               \
        {"max-depth", F_INT, "levels of namespaces below", .min = 0, .max = 7},                    \
        {"group-filter", F_STRS, "type:vm, group:vm/100, regex:…", .repeated = true, .max = 64},   \
        {"transfer-last", F_INT, "only the newest of each group", .min = 1, .max = 1000000}, {     \
        "rate-in", F_STR, "e.g. 50MB", .max = 32                                                   \
    }

static const struct field id_fields[] = {
    ID_FIELD,
    {NULL},
};

static const struct thing prune_job = JOB("prune");
static const struct field prune_create_fields[] = {
    ID_FIELD,
    PBS_STORE_FIELD,
    {"schedule", F_STR, "calendar event, e.g. daily", true, .max = 128},
    PRUNE_SETTINGS,
    {NULL},
};
static const struct field prune_update_fields[] = {
    ID_FIELD,
    {"store", F_STR, "datastore", .min = 3, .max = 32},
    {"delete", F_STRS, "keys to delete", .repeated = true, .max = 32},
    {"schedule", F_STR, "calendar event, e.g. daily", .max = 128},
    PRUNE_SETTINGS,
    {NULL},
};

static const struct thing verify_job = JOB("verify");
static const struct field verify_create_fields[] = {
    ID_FIELD,        PBS_STORE_FIELD, {"schedule", F_STR, "calendar event, e.g. daily", .max = 128},
    VERIFY_SETTINGS, {NULL},
};
static const struct field verify_update_fields[] = {
    ID_FIELD,
    {"store", F_STR, "datastore", .min = 3, .max = 32},
    {"delete", F_STRS, "keys to delete", .repeated = true, .max = 32},
    {"schedule", F_STR, "calendar event, e.g. daily", .max = 128},
    VERIFY_SETTINGS,
    {NULL},
};

static const struct thing sync_job = JOB("sync");
static const struct field sync_create_fields[] = {
    ID_FIELD,
    PBS_STORE_FIELD,
    {"remote-store", F_STR, "datastore there", true, .min = 3, .max = 32},
    {"schedule", F_STR, "calendar event, e.g. daily", .max = 128},
    SYNC_SETTINGS,
    {NULL},
};
static const struct field sync_update_fields[] = {
    ID_FIELD,
    {"store", F_STR, "datastore", .min = 3, .max = 32},
    {"delete", F_STRS, "keys to delete", .repeated = true, .max = 32},
    {"remote-store", F_STR, "datastore there", .min = 3, .max = 32},
    {"schedule", F_STR, "calendar event, e.g. daily", .max = 128},
    SYNC_SETTINGS,
    {NULL},
};

const struct row pbs_job_rows[] = {
    {"pbs_prune_job_create", "Make a prune job",
     "Plans a new prune job: it removes snapshots on a schedule." PLANS, "pbs", EFFECT_CHANGE, 0,
     prune_create_fields, .analysers = "pbs_job", .undo = "inverse", .privilege = PRUNE_RIGHTS,
     .send = &(const struct send){.assess = assess_pbs_job,
                                  .does = SEND_CREATE,
                                  .on = &prune_job,
                                  .method = "POST",
                                  .path = "/config/prune",
                                  .say = "make prune job {id}",
                                  .floor = RISK_LOW,
                                  .floor_why = RUNS_BY_ITSELF}},
    {"pbs_prune_job_update", "Change a prune job",
     "Plans changing a prune job: what it takes and when." PLANS, "pbs", EFFECT_CHANGE, 0,
     prune_update_fields, .analysers = "pbs_job", .undo = "restore-object",
     .privilege = PRUNE_RIGHTS,
     .send = &(const struct send){.assess = assess_pbs_job,
                                  .does = SEND_UPDATE,
                                  .on = &prune_job,
                                  .method = "PUT",
                                  .path = "/config/prune/{id}",
                                  .say = "change prune job {id}",
                                  .digest = true,
                                  .floor = RISK_LOW,
                                  .floor_why = RUNS_BY_ITSELF}},
    {"pbs_prune_job_delete", "Delete a prune job",
     "Plans deleting a prune job; backups stay." PLANS, "pbs", EFFECT_CHANGE, 0, id_fields,
     .analysers = "pbs_job", .undo = "restore-object", .privilege = PRUNE_RIGHTS,
     .send = &(const struct send){.assess = assess_pbs_job,
                                  .does = SEND_DELETE,
                                  .on = &prune_job,
                                  .method = "DELETE",
                                  .path = "/config/prune/{id}",
                                  .say = "delete prune job {id}",
                                  .digest = true,
                                  .floor = RISK_LOW,
                                  .floor_why = RUNS_BY_ITSELF}},
    {"pbs_prune_job_run", "Run a prune job", "Plans running a prune job at once." PLANS, "pbs",
     EFFECT_CHANGE, 0, id_fields, .analysers = "pbs_run", .undo = "none",
     .undo_none = "a deleted backup cannot be brought back", .privilege = PRUNE_RIGHTS,
     .send = &(const struct send){.assess = assess_pbs_run,
                                  .does = SEND_ACTION,
                                  .on = &prune_job,
                                  .method = "POST",
                                  .path = "/admin/prune/{id}/run",
                                  .say = "run prune job {id} now",
                                  .floor = RISK_HIGH,
                                  .floor_why = "snapshots are deleted for good"}},
    {"pbs_verify_job_create", "Make a verify job",
     "Plans a new verify job: it reads backups back on a schedule." PLANS, "pbs", EFFECT_CHANGE, 0,
     verify_create_fields, .analysers = "pbs_job", .undo = "inverse", .privilege = VERIFY_RIGHTS,
     .send = &(const struct send){.assess = assess_pbs_job,
                                  .does = SEND_CREATE,
                                  .on = &verify_job,
                                  .method = "POST",
                                  .path = "/config/verify",
                                  .say = "make verify job {id}",
                                  .floor = RISK_LOW,
                                  .floor_why = RUNS_BY_ITSELF}},
    {"pbs_verify_job_update", "Change a verify job",
     "Plans changing a verify job: what it takes and when." PLANS, "pbs", EFFECT_CHANGE, 0,
     verify_update_fields, .analysers = "pbs_job", .undo = "restore-object",
     .privilege = VERIFY_RIGHTS,
     .send = &(const struct send){.assess = assess_pbs_job,
                                  .does = SEND_UPDATE,
                                  .on = &verify_job,
                                  .method = "PUT",
                                  .path = "/config/verify/{id}",
                                  .say = "change verify job {id}",
                                  .digest = true,
                                  .floor = RISK_LOW,
                                  .floor_why = RUNS_BY_ITSELF}},
    {"pbs_verify_job_delete", "Delete a verify job",
     "Plans deleting a verify job; backups stay." PLANS, "pbs", EFFECT_CHANGE, 0, id_fields,
     .analysers = "pbs_job", .undo = "restore-object", .privilege = VERIFY_RIGHTS,
     .send = &(const struct send){.assess = assess_pbs_job,
                                  .does = SEND_DELETE,
                                  .on = &verify_job,
                                  .method = "DELETE",
                                  .path = "/config/verify/{id}",
                                  .say = "delete verify job {id}",
                                  .digest = true,
                                  .floor = RISK_LOW,
                                  .floor_why = RUNS_BY_ITSELF}},
    {"pbs_verify_job_run", "Run a verify job", "Plans running a verify job at once." PLANS, "pbs",
     EFFECT_CHANGE, 0, id_fields, .analysers = "pbs_run", .undo = "none",
     .undo_none = "it only notes for each snapshot whether it is whole", .privilege = VERIFY_RIGHTS,
     .send = &(const struct send){.assess = assess_pbs_run,
                                  .does = SEND_ACTION,
                                  .on = &verify_job,
                                  .method = "POST",
                                  .path = "/admin/verify/{id}/run",
                                  .say = "run verify job {id} now",
                                  .floor = RISK_LOW,
                                  .floor_why = "the disks are busy while it runs"}},
    {"pbs_sync_job_create", "Make a sync job",
     "Plans a new sync job: it pulls copies on a schedule." PLANS, "pbs", EFFECT_CHANGE, 0,
     sync_create_fields, .analysers = "pbs_job", .undo = "inverse", .privilege = SYNC_RIGHTS,
     .send = &(const struct send){.assess = assess_pbs_job,
                                  .does = SEND_CREATE,
                                  .on = &sync_job,
                                  .method = "POST",
                                  .path = "/config/sync",
                                  .say = "make sync job {id}",
                                  .floor = RISK_LOW,
                                  .floor_why = RUNS_BY_ITSELF}},
    {"pbs_sync_job_update", "Change a sync job",
     "Plans changing a sync job: what it takes and when." PLANS, "pbs", EFFECT_CHANGE, 0,
     sync_update_fields, .analysers = "pbs_job", .undo = "restore-object", .privilege = SYNC_RIGHTS,
     .send = &(const struct send){.assess = assess_pbs_job,
                                  .does = SEND_UPDATE,
                                  .on = &sync_job,
                                  .method = "PUT",
                                  .path = "/config/sync/{id}",
                                  .say = "change sync job {id}",
                                  .digest = true,
                                  .floor = RISK_LOW,
                                  .floor_why = RUNS_BY_ITSELF}},
    {"pbs_sync_job_delete", "Delete a sync job", "Plans deleting a sync job; backups stay." PLANS,
     "pbs", EFFECT_CHANGE, 0, id_fields, .analysers = "pbs_job", .undo = "restore-object",
     .privilege = SYNC_RIGHTS,
     .send = &(const struct send){.assess = assess_pbs_job,
                                  .does = SEND_DELETE,
                                  .on = &sync_job,
                                  .method = "DELETE",
                                  .path = "/config/sync/{id}",
                                  .say = "delete sync job {id}",
                                  .digest = true,
                                  .floor = RISK_LOW,
                                  .floor_why = RUNS_BY_ITSELF}},
    {"pbs_sync_job_run", "Run a sync job", "Plans running a sync job at once." PLANS, "pbs",
     EFFECT_CHANGE, 0, id_fields, .analysers = "pbs_run", .undo = "none",
     .undo_none = "which snapshots it pulls is known afterwards only, and no undo deletes backups; "
                  "pbs_snapshot_delete weighs that",
     .privilege = SYNC_RIGHTS,
     .send = &(const struct send){.assess = assess_pbs_run,
                                  .does = SEND_ACTION,
                                  .on = &sync_job,
                                  .method = "POST",
                                  .path = "/admin/sync/{id}/run",
                                  .say = "run sync job {id} now",
                                  .floor = RISK_LOW,
                                  .floor_why = "copies are added"}},
    {NULL},
};
