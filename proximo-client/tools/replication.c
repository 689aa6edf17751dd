/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about storage replication jobs. */
#include "proximo-client/tools/assess.h"

static const struct thing job = {
    .kind = "replication",
    .id = "id",
    .read = "/cluster/replication/{id}",
    .list = "/cluster/replication",
    .match = "id",
    .drop = "id guest jobnum",
    .made_by = "pve_replication_create",
    .deleted_by = "pve_replication_delete",
};

static const struct field page_fields[] = {FIELDS_PAGE, {NULL}};
static const struct field node_fields[] = {{"node", F_NODE, NULL, true}, FIELDS_PAGE, {NULL}};
static const struct field id_fields[] = {
    {"id", F_STR, "guest-number, e.g. 104-0", true, .min = 3, .max = 32},
    {NULL},
};
static const struct field create_fields[] = {
    {"id", F_STR, "guest-number, e.g. 104-0", true, .max = 32, .min = 3},
    {"target", F_NODE, NULL, true},
    {"comment", F_STR, NULL, .max = 4096},
    {"disable", F_BOOL},
    {"rate", F_INT, "MB/s", .min = 1, .max = 100000},
    {"schedule", F_STR, "calendar event, e.g. */15", .max = 128},
    {NULL},
};
static const struct field update_fields[] = {
    {"id", F_STR, "guest-number, e.g. 104-0", true, .max = 32, .min = 3},
    {"comment", F_STR, NULL, .max = 4096},
    {"delete", F_STRS, "keys to delete", .max = 64},
    {"disable", F_BOOL},
    {"rate", F_INT, "MB/s", .min = 1, .max = 100000},
    {"schedule", F_STR, "calendar event, e.g. */15", .max = 128},
    {NULL},
};
static const struct field delete_fields[] = {
    {"id", F_STR, "guest-number, e.g. 104-0", true, .max = 32, .min = 3},
    {"force", F_BOOL, "drop the entry without cleaning up"},
    {"keep", F_BOOL, "leave the replica on the target"},
    {NULL},
};
static const struct field node_id_fields[] = {
    {"node", F_NODE, NULL, true},
    {"id", F_STR, "guest-number, e.g. 104-0", true, .min = 3, .max = 32},
    {NULL},
};

const struct row replication_rows[] = {
    {"pve_replication_list", "Replication jobs",
     "Lists the replication jobs of the cluster. Changes nothing.", "replication", EFFECT_READ,
     ROW_IDEMPOTENT, page_fields, .path = "/cluster/replication", .privilege = "/vms VM.Audit",
     .result = LIST_RESULT},
    {"pve_replication_get", "One replication job", "Shows one replication job. Changes nothing.",
     "replication", EFFECT_READ, ROW_IDEMPOTENT, id_fields, .path = "/cluster/replication/{id}",
     .privilege = "/vms VM.Audit", .result = "id:string type?:string target?:string"},
    {"pve_replication_status", "Replication state of a node",
     "Lists the replication jobs of a node with last run, duration and errors. Changes nothing.",
     "replication", EFFECT_READ, ROW_IDEMPOTENT, node_fields, .path = "/nodes/{node}/replication",
     .privilege = "/vms VM.Audit", .result = LIST_RESULT},
    {"pve_replication_log", "Log of a replication job",
     "Shows the log of one job's last run. Changes nothing.", "replication", EFFECT_READ,
     ROW_IDEMPOTENT, node_id_fields, .path = "/nodes/{node}/replication/{id}/log",
     .privilege = "/vms VM.Audit", .result = LIST_RESULT},
    {"pve_replication_create", "Make a replication job",
     "Plans a new replication job: the guest's volumes are copied to another node on a "
     "schedule." PLANS,
     "replication", EFFECT_CHANGE, 0, create_fields, .analysers = "replication", .undo = "inverse",
     .privilege = "/vms/{vmid} VM.Replicate",
     .send =
         &(const struct send){
             .assess = assess_replication,
             .does = SEND_CREATE,
             .on = &job,
             .method = "POST",
             .path = "/cluster/replication",
             .say = "replicate {id} to {target}",
             .fixed = "type=local",
             .limits = "removing the job removes the replica too",
         }},
    {"pve_replication_update", "Change a replication job",
     "Plans changing a replication job: schedule, rate, disabled or not." PLANS, "replication",
     EFFECT_CHANGE, 0, update_fields, .analysers = "replication", .undo = "restore-object",
     .privilege = "/vms/{vmid} VM.Replicate",
     .send =
         &(const struct send){
             .assess = assess_replication,
             .does = SEND_UPDATE,
             .on = &job,
             .method = "PUT",
             .path = "/cluster/replication/{id}",
             .say = "change replication job {id}",
             .digest = true,
         }},
    {"pve_replication_delete", "Delete a replication job",
     "Plans deleting a replication job and, unless kept, the replica on the target." PLANS,
     "replication", EFFECT_CHANGE, 0, delete_fields, .analysers = "replication",
     .undo = "restore-object", .privilege = "/vms/{vmid} VM.Replicate",
     .send =
         &(const struct send){
             .assess = assess_replication,
             .does = SEND_DELETE,
             .on = &job,
             .method = "DELETE",
             .path = "/cluster/replication/{id}",
             .say = "delete replication job {id}",
             .limits = "the replica itself is copied anew by the next run",
         }},
    {"pve_replication_run", "Replicate now", "Plans running a replication job at once." PLANS,
     "replication", EFFECT_CHANGE, 0, node_id_fields, .undo = "none",
     .undo_none = "a newer replica replaces the older one", .privilege = "/vms/{vmid} VM.Replicate",
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "POST",
             .path = "/nodes/{node}/replication/{id}/schedule_now",
             .say = "run replication job {id} now",
             .reads = "/nodes/{node}/replication/{id}/status power",
             .alone = "the replica only becomes newer",
         }},
    {NULL},
};
