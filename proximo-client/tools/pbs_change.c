/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of what is in a datastore: prune, deletion, notes, protection, ownership, garbage
 * collection, verification. A backup that is deleted is gone; nothing here says otherwise. */
#include <string.h>

#include "proximo-client/tools/pbs.h"
#include "proximo-client/tools/pbs_assess.h"
#include "proximo-client/tools/pbs_back.h"

#define ADMIN "/admin/datastore/{store}"
#define GONE  "a deleted backup cannot be brought back"
#define NS_PRUNE                                                                                   \
    "/datastore/{store}/{ns} Datastore.Modify|Datastore.Prune (of own groups), "                   \
    "/datastore/{store} Datastore.Audit"
#define NS_MODIFY "/datastore/{store}/{ns} Datastore.Modify|Datastore.Backup (of own groups)"

/* An answer that is one text, or a member of a list's item, as an object of settings. */
static js *notes_shape(const js *answer, const js *args) {
    js *o = js_object();

    (void)args;
    js_add(o, "notes", js_is_str(answer) ? js_copy(answer) : js_str(""));
    return o;
}

static js *protected_shape(const js *answer, const js *args) {
    js *o = js_object();

    (void)args;
    js_add(o, "protected", js_bool(js_bool_or(answer, "protected", false)));
    return o;
}

static js *owner_shape(const js *answer, const js *args) {
    js *o = js_object();

    (void)args;
    js_add(o, "new-owner", js_str(js_str_or(answer, "owner", "")));
    return o;
}

#define GROUP_ID    "store ns backup-type backup-id"
#define SNAPSHOT_ID GROUP_ID " backup-time"
/* One of a list, which is all that a server tells of it. */
#define SNAPSHOT_LISTED                                                                            \
    .kind = "snapshot", .id = SNAPSHOT_ID, .list = ADMIN "/snapshots", .query = PBS_GROUP_QUERY,   \
    .match = "backup-type backup-id backup-time"
#define GROUP_LISTED                                                                               \
    .kind = "backup-group", .id = GROUP_ID, .list = ADMIN "/groups", .query = "ns",                \
    .match = "backup-type backup-id", .list_reduce = "groups"
static const struct thing snapshot = {
    SNAPSHOT_LISTED,
};
static const struct thing protection = {
    SNAPSHOT_LISTED,
    .shape = protected_shape,
};
static const struct thing snapshot_notes = {
    .kind = "snapshot",
    .id = SNAPSHOT_ID,
    .read = ADMIN "/notes",
    .query = SNAPSHOT_ID,
    .shape = notes_shape,
};
static const struct thing group = {
    GROUP_LISTED,
};
static const struct thing group_owner = {
    GROUP_LISTED,
    .shape = owner_shape,
};
static const struct thing group_notes = {
    .kind = "backup-group",
    .id = GROUP_ID,
    .read = ADMIN "/group-notes",
    .query = PBS_GROUP_QUERY,
    .shape = notes_shape,
};
static const struct thing namespace = {
    .kind = "namespace",
    .id = "store name parent ns",
    .list = ADMIN "/namespace",
    .match = "ns",
    .drop = "ns comment",
    .made_by = "pbs_namespace_create",
    .deleted_by = "pbs_namespace_delete",
    .listed = pbs_ns_listed,
    .made = pbs_ns_made,
};
static const struct thing datastore = {
    .kind = "datastore",
    .id = "store",
    .read = "/config/datastore/{store}",
    .list = "/config/datastore",
    .match = "name=store",
    .drop = "name path",
    .beside = true,
    .made_by = "pbs_datastore_create",
    .deleted_by = "pbs_datastore_delete",
};

static const struct field store_fields[] = {PBS_STORE_FIELD, {NULL}};
static const struct field prune_fields[] = {
    PBS_STORE_FIELD,
    PBS_NS_FIELD,
    {"max-depth", F_INT, "levels of namespaces below; default: all", .min = 0, .max = 7},
    PBS_KEEP_FIELDS,
    {NULL},
};
static const struct field prune_group_fields[] = {
    PBS_GROUP_FIELDS,
    PBS_KEEP_FIELDS,
    {NULL},
};
static const struct field group_fields[] = {
    PBS_GROUP_FIELDS,
    {NULL},
};
static const struct field group_notes_fields[] = {
    PBS_GROUP_FIELDS,
    {"notes", F_STR, "the new text; empty: none", true, .max = 4096},
    {NULL},
};
static const struct field owner_fields[] = {
    PBS_GROUP_FIELDS,
    {"new-owner", F_STR, "user@realm or user@realm!token", true, .min = 3, .max = 128},
    {NULL},
};
static const struct field snapshot_fields[] = {
    PBS_GROUP_FIELDS,
    PBS_TIME_FIELD,
    {NULL},
};
static const struct field notes_fields[] = {
    PBS_GROUP_FIELDS,
    PBS_TIME_FIELD,
    {"notes", F_STR, "the new text; empty: none", true, .max = 4096},
    {NULL},
};
static const struct field protect_fields[] = {
    PBS_GROUP_FIELDS,
    PBS_TIME_FIELD,
    {"protected", F_BOOL, NULL, true},
    {NULL},
};
static const struct field verify_fields[] = {
    PBS_STORE_FIELD,
    PBS_NS_FIELD,
    {"max-depth", F_INT, "levels of namespaces below; default: all", .min = 0, .max = 7},
    {"ignore-verified", F_BOOL, "not those that were verified; default: yes"},
    {"outdated-after", F_INT, "days after which a verification is repeated", .min = 0,
     .max = 36500},
    {NULL},
};
static const struct field ns_create_fields[] = {
    PBS_STORE_FIELD,
    {"name", F_STR, "of the new one", true, .min = 1, .max = 32},
    {"parent", F_STR, "namespace that it goes into; default: the root", .max = 256},
    {NULL},
};
static const struct field ns_delete_fields[] = {
    PBS_STORE_FIELD,
    {"ns", F_STR, "namespace, with all below it", true, .min = 1, .max = 256},
    {"delete-groups", F_BOOL, "with every backup in them; else only empty ones go"},
    {NULL},
};
static const struct field datastore_fields[] = {
    PBS_STORE_FIELD,
    {"comment", F_STR, NULL, .max = 128},
    {"delete", F_STRS, "keys to delete", .repeated = true, .max = 16},
    {"gc-schedule", F_STR, "calendar event, e.g. sat 03:00", .max = 128},
    {"maintenance-mode", F_STR, "type=read-only or type=offline", .max = 256},
    {"notification-mode", F_ENUM, NULL, .choices = "legacy-sendmail|notification-system"},
    {"notify", F_STR, "gc=error,verify=always …", .max = 128},
    {"notify-user", F_STR, NULL, .max = 64},
    {"tuning", F_STR, "chunk-order=inode …", .max = 128},
    {"verify-new", F_BOOL, "verify each backup when it is done"},
    {NULL},
};
static const struct field datastore_create_fields[] = {
    {"store", F_STR, "its name", true, .min = 3, .max = 32, .param = "name"},
    {"path", F_STR, "directory on the server, empty or new", true, .min = 2, .max = 255},
    {"comment", F_STR, NULL, .max = 128},
    {"gc-schedule", F_STR, "calendar event, e.g. sat 03:00", .max = 128},
    {"notification-mode", F_ENUM, NULL, .choices = "legacy-sendmail|notification-system"},
    {"notify", F_STR, "gc=error,verify=always …", .max = 128},
    {"notify-user", F_STR, NULL, .max = 64},
    {"tuning", F_STR, "chunk-order=inode …", .max = 128},
    {"verify-new", F_BOOL, "verify each backup when it is done"},
    {NULL},
};
static const struct field datastore_delete_fields[] = {
    PBS_STORE_FIELD,
    {"keep-job-configs", F_BOOL, "jobs and access entries of it stay"},
    {"destroy-data", F_BOOL, "its backups are deleted from the disk"},
    {NULL},
};
static const struct field upid_fields[] = {{"upid", F_UPID, NULL, true}, {NULL}};

#define SENDS(...)                                                                                 \
    .send = &(const struct send) {                                                                 \
        __VA_ARGS__                                                                                \
    }

const struct row pbs_change_rows[] = {
    {"pbs_prune", "Prune a datastore",
     "Plans removing the snapshots of a datastore or namespace that a retention does not keep, for "
     "good." PLANS,
     "pbs", EFFECT_CHANGE, 0, prune_fields, .analysers = "pbs_prune", .undo = "none",
     .undo_none = GONE, .privilege = NS_PRUNE,
     SENDS(.does = SEND_ACTION, .method = "POST", .path = ADMIN "/prune-datastore",
           .say = "prune datastore {store}", .assess = assess_pbs_prune, .floor = RISK_HIGH,
           .floor_why = "snapshots are deleted for good")},
    {"pbs_prune_group", "Prune one group",
     "Plans removing the snapshots of one group that a retention does not keep, for good." PLANS,
     "pbs", EFFECT_CHANGE, 0, prune_group_fields, .analysers = "pbs_prune", .undo = "none",
     .undo_none = GONE, .privilege = NS_PRUNE,
     SENDS(.does = SEND_ACTION, .on = &group, .method = "POST", .path = ADMIN "/prune",
           .fixed = "use-task=1", .say = "prune {backup-type}/{backup-id} on {store}",
           .assess = assess_pbs_prune, .floor = RISK_HIGH,
           .floor_why = "snapshots are deleted for good")},
    {"pbs_snapshot_delete", "Delete a snapshot",
     "Plans deleting one backup snapshot, for good." PLANS, "pbs", EFFECT_CHANGE, 0,
     snapshot_fields, .analysers = "pbs_delete", .undo = "none", .undo_none = GONE,
     .privilege = NS_PRUNE,
     SENDS(.does = SEND_DELETE, .on = &snapshot, .method = "DELETE", .path = ADMIN "/snapshots",
           .say = "delete snapshot {backup-type}/{backup-id}/{backup-time} on {store}",
           .assess = assess_pbs_delete, .floor = RISK_HIGH,
           .floor_why = "a backup is deleted for good")},
    {"pbs_group_delete", "Delete a group",
     "Plans deleting a group with all its snapshots, for good; protected ones stay." PLANS, "pbs",
     EFFECT_CHANGE, 0, group_fields, .analysers = "pbs_delete", .undo = "none", .undo_none = GONE,
     .privilege = NS_PRUNE,
     SENDS(.does = SEND_DELETE, .on = &group, .method = "DELETE", .path = ADMIN "/groups",
           .say = "delete group {backup-type}/{backup-id} on {store}", .assess = assess_pbs_delete,
           .floor = RISK_HIGH, .floor_why = "every backup of the group is deleted for good")},
    {"pbs_namespace_create", "Make a namespace", "Plans a new, empty namespace." PLANS, "pbs",
     EFFECT_CHANGE, 0, ns_create_fields, .undo = "inverse",
     .privilege = "/datastore/{store}/{parent} Datastore.Modify",
     SENDS(.does = SEND_CREATE, .on = &namespace, .method = "POST", .path = ADMIN "/namespace",
           .say = "make namespace {name} on {store}", .alone = "it is empty", .floor = RISK_LOW,
           .floor_why = "a namespace is added",
           .limits = "it is deleted only while no backup is in it")},
    {"pbs_namespace_delete", "Delete a namespace",
     "Plans deleting a namespace and all below it, with delete-groups every backup in them." PLANS,
     "pbs", EFFECT_CHANGE, 0, ns_delete_fields, .analysers = "pbs_delete", .undo = "restore-object",
     .privilege = "/datastore/{store} Datastore.Modify, /datastore/{store} Datastore.Audit",
     SENDS(.does = SEND_DELETE, .on = &namespace, .method = "DELETE", .path = ADMIN "/namespace",
           .say = "delete namespace {ns} on {store}", .assess = assess_pbs_delete,
           .back = pbs_ns_delete_back, .floor = RISK_MEDIUM,
           .floor_why = "a namespace and those below it go")},
    {"pbs_group_notes_set", "Notes of a group", "Plans new notes of a backup group." PLANS, "pbs",
     EFFECT_CHANGE, 0, group_notes_fields, .undo = "restore-object", .privilege = NS_MODIFY,
     SENDS(.does = SEND_UPDATE, .on = &group_notes, .method = "PUT", .path = ADMIN "/group-notes",
           .say = "notes of {backup-type}/{backup-id} on {store}", .alone = "a text for people",
           .floor = RISK_LOW, .floor_why = "the former text is replaced")},
    {"pbs_group_change_owner", "Owner of a group",
     "Plans another owner of a backup group: who may restore, prune and go on backing up." PLANS,
     "pbs", EFFECT_CHANGE, 0, owner_fields, .undo = "restore-object",
     .privilege = "/datastore/{store}/{ns} Datastore.Modify, /datastore/{store}/{ns} "
                  "Datastore.Audit",
     SENDS(.does = SEND_UPDATE, .on = &group_owner, .method = "POST", .path = ADMIN "/change-owner",
           .say = "owner of {backup-type}/{backup-id} on {store}",
           .alone = "the two owners are in the plan", .floor = RISK_MEDIUM,
           .floor_why = "backup jobs of the former owner fail for this group from now on, and the "
                        "new one may read and prune it")},
    {"pbs_snapshot_notes_set", "Notes of a snapshot", "Plans new notes of one snapshot." PLANS,
     "pbs", EFFECT_CHANGE, 0, notes_fields, .undo = "restore-object", .privilege = NS_MODIFY,
     SENDS(.does = SEND_UPDATE, .on = &snapshot_notes, .method = "PUT", .path = ADMIN "/notes",
           .say = "notes of {backup-type}/{backup-id}/{backup-time} on {store}",
           .alone = "a text for people", .floor = RISK_LOW,
           .floor_why = "the former text is replaced")},
    {"pbs_snapshot_protect", "Protect a snapshot",
     "Plans protecting a snapshot from removal, or no longer protecting it." PLANS, "pbs",
     EFFECT_CHANGE, 0, protect_fields, .undo = "restore-object", .privilege = NS_MODIFY,
     SENDS(.does = SEND_UPDATE, .on = &protection, .method = "PUT", .path = ADMIN "/protected",
           .say = "protection of {backup-type}/{backup-id}/{backup-time} on {store}",
           .alone = "the snapshot itself stays as it is", .floor = RISK_MEDIUM,
           .floor_why =
               "without protection the next prune may take it; with it the snapshot counts "
               "for no retention")},
    {"pbs_gc_start", "Collect garbage",
     "Plans a garbage collection: data that no snapshot refers to any more is removed." PLANS,
     "pbs", EFFECT_CHANGE, 0, store_fields, .undo = "none",
     .undo_none = "what no snapshot refers to is removed for good",
     .privilege = "/datastore/{store} Datastore.Modify",
     SENDS(.does = SEND_ACTION, .method = "POST", .path = ADMIN "/gc",
           .say = "collect garbage on {store}", .reads = ADMIN "/gc whole",
           .alone = "no snapshot needs what goes", .floor = RISK_LOW,
           .floor_why = "the disks are busy while it runs, and room comes back only now")},
    {"pbs_verify_start", "Verify backups",
     "Plans reading back the backups of a datastore or namespace and comparing checksums." PLANS,
     "pbs", EFFECT_CHANGE, 0, verify_fields, .undo = "none",
     .undo_none = "it only notes for each snapshot whether it is whole",
     .privilege = "/datastore/{store}/{ns} Datastore.Verify|Datastore.Backup (own groups)",
     SENDS(.does = SEND_ACTION, .method = "POST", .path = ADMIN "/verify",
           .say = "verify backups on {store}", .alone = "no backup changes", .floor = RISK_LOW,
           .floor_why = "the disks are busy while it runs")},
    {"pbs_datastore_create", "Make a datastore",
     "Plans a new datastore in a directory of the server; making its 65,536 subdirectories takes a "
     "while." PLANS,
     "pbs", EFFECT_CHANGE, 0, datastore_create_fields, .undo = "inverse",
     .privilege = "/datastore Datastore.Allocate, /datastore Datastore.Audit",
     SENDS(.does = SEND_CREATE, .on = &datastore, .method = "POST", .path = "/config/datastore",
           .say = "make datastore {store} in {path}", .alone = "it is new and holds nothing",
           .floor = RISK_HIGH,
           .floor_why = "the server makes directories at that path as root, and its disk fills with "
                        "backups",
           .operator_why = "a directory of the server becomes a datastore",
           .limits = "its definition is taken away; the directory stays on the disk with what is in "
                     "it, and the server makes no datastore of it again")},
    {"pbs_datastore_update", "Change a datastore",
     "Plans changing a datastore's settings; maintenance-mode stops backups to it." PLANS, "pbs",
     EFFECT_CHANGE, 0, datastore_fields, .undo = "restore-object",
     .privilege = "/datastore/{store} Datastore.Modify, /datastore/{store} Datastore.Audit",
     SENDS(.does = SEND_UPDATE, .on = &datastore, .method = "PUT",
           .path = "/config/datastore/{store}", .say = "change datastore {store}", .digest = true,
           .alone = "what is in it stays", .floor = RISK_MEDIUM,
           .floor_why = "in maintenance mode backups to it fail, and without gc-schedule no room "
                        "comes back")},
    {"pbs_datastore_delete", "Delete a datastore",
     "Plans removing a datastore, its jobs and access entries; with destroy-data every "
     "backup." PLANS,
     "pbs", EFFECT_CHANGE, 0, datastore_delete_fields, .analysers = "pbs_delete", .undo = "none",
     .undo_none = "the server takes no datastore with content back over its API",
     .privilege = "/datastore/{store} Datastore.Allocate, /datastore/{store} Datastore.Audit",
     SENDS(.does = SEND_DELETE, .on = &datastore, .method = "DELETE",
           .path = "/config/datastore/{store}", .say = "delete datastore {store}", .digest = true,
           .assess = assess_pbs_delete, .floor = RISK_HIGH,
           .floor_why = "no backup in it can be reached any more",
           .operator_why = "a whole datastore goes")},
    {"pbs_task_stop", "Stop a task", "Plans stopping a task; what it did until then stays." PLANS,
     "pbs", EFFECT_CHANGE, 0, upid_fields, .undo = "none",
     .undo_none = "a stopped task does not go on; start the operation anew",
     .privilege = "/system/tasks Sys.Modify (for tasks of others)",
     SENDS(.does = SEND_ACTION, .method = "DELETE", .path = PBS_NODE "/tasks/{upid}",
           .say = "stop task {upid}", .reads = PBS_NODE "/tasks/{upid}/status task",
           .alone = "a backup that it makes is left unfinished", .floor = RISK_MEDIUM,
           .floor_why = "what the task did until then stays")},
    {NULL},
};
