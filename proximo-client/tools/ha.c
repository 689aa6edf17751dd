/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about high availability: what the manager keeps running, and where it may. */
#include "proximo-client/tools/assess.h"
#include "proximo-client/tools/ha_int.h"

static const struct thing resource = {
    .kind = "ha-resource",
    .id = "sid",
    .read = "/cluster/ha/resources/{sid}",
    .list = "/cluster/ha/resources",
    .match = "sid",
    .drop = "sid type",
    .made_by = "pve_ha_resource_add",
    .deleted_by = "pve_ha_resource_remove",
};
static const struct thing rule = {
    .kind = "ha-rule",
    .id = "rule",
    .read = "/cluster/ha/rules/{rule}",
    .list = "/cluster/ha/rules",
    .match = "rule",
    .drop = "rule order",
    .made_by = "pve_ha_rule_create",
    .deleted_by = "pve_ha_rule_delete",
};
static const struct thing group = {
    .kind = "ha-group",
    .id = "group",
    .read = "/cluster/ha/groups/{group}",
    .list = "/cluster/ha/groups",
    .match = "group",
    .drop = "group type",
    .made_by = "pve_ha_group_create",
    .deleted_by = "pve_ha_group_delete",
};

#define MOVES_AGAIN                                                                                \
    "it moves once more, with what is kept together with it; the manager is asked, and its rules " \
    "may send it elsewhere"

static const struct field page_fields[] = {FIELDS_PAGE, {NULL}};
static const struct field none_fields[] = {{NULL}};
static const struct field sid_fields[] = {
    {"sid", F_STR, "vm:104 or ct:301", true, .min = 4, .max = 40},
    {NULL},
};
static const struct field rule_name_fields[] = {
    {"rule", F_STR, NULL, true, .min = 2, .max = 100},
    {NULL},
};
static const struct field group_name_fields[] = {
    {"group", F_STR, NULL, true, .min = 2, .max = 100},
    {NULL},
};
static const struct field disarm_fields[] = {
    {"resource-mode", F_ENUM, "what becomes of the resources meanwhile", true,
     .choices = "freeze|ignore"},
    {NULL},
};
static const struct field resource_add_fields[] = {
    {"sid", F_STR, "vm:104 or ct:301", true, .max = 40, .min = 4},
    {"comment", F_STR, NULL, .max = 4096},
    {"failback", F_BOOL},
    {"group", F_STR, "PVE 8 only", .max = 100, .min = 2},
    {"max_relocate", F_INT, NULL, .min = 0, .max = 100},
    {"max_restart", F_INT, NULL, .min = 0, .max = 100},
    {"state", F_ENUM, NULL, .choices = "started|stopped|enabled|disabled|ignored"},
    {NULL},
};
static const struct field resource_update_fields[] = {
    {"sid", F_STR, "vm:104 or ct:301", true, .max = 40, .min = 4},
    {"comment", F_STR, NULL, .max = 4096},
    {"delete", F_STRS, "keys to delete", .max = 64},
    {"failback", F_BOOL},
    {"group", F_STR, "PVE 8 only", .max = 100, .min = 2},
    {"max_relocate", F_INT, NULL, .min = 0, .max = 100},
    {"max_restart", F_INT, NULL, .min = 0, .max = 100},
    {"state", F_ENUM, NULL, .choices = "started|stopped|enabled|disabled|ignored"},
    {NULL},
};
static const struct field move_fields[] = {
    {"sid", F_STR, "vm:104 or ct:301", true, .max = 40, .min = 4},
    {"node", F_NODE, NULL, true},
    {NULL},
};
static const struct field rule_create_fields[] = {
    {"rule", F_STR, NULL, true, .max = 100, .min = 2},
    {"resources", F_STRS, "vm:104, ct:301", true, .max = 200},
    {"type", F_ENUM, NULL, true, .choices = "node-affinity|resource-affinity"},
    {"affinity", F_ENUM, NULL, .choices = "positive|negative"},
    {"comment", F_STR, NULL, .max = 4096},
    {"disable", F_BOOL},
    {"nodes", F_STRS, "node or node:priority", .max = 32},
    {"strict", F_BOOL},
    {NULL},
};
static const struct field rule_update_fields[] = {
    {"rule", F_STR, NULL, true, .max = 100, .min = 2},
    {"type", F_ENUM, NULL, true, .choices = "node-affinity|resource-affinity"},
    {"affinity", F_ENUM, NULL, .choices = "positive|negative"},
    {"comment", F_STR, NULL, .max = 4096},
    {"delete", F_STRS, "keys to delete", .max = 64},
    {"disable", F_BOOL},
    {"nodes", F_STRS, "node or node:priority", .max = 32},
    {"resources", F_STRS, "vm:104, ct:301", .max = 200},
    {"strict", F_BOOL},
    {NULL},
};
static const struct field group_create_fields[] = {
    {"group", F_STR, NULL, true, .max = 100, .min = 2},
    {"nodes", F_STRS, "node or node:priority", true, .max = 32},
    {"comment", F_STR, NULL, .max = 4096},
    {"nofailback", F_BOOL},
    {"restricted", F_BOOL},
    {NULL},
};
static const struct field group_update_fields[] = {
    {"group", F_STR, NULL, true, .max = 100, .min = 2},
    {"comment", F_STR, NULL, .max = 4096},
    {"delete", F_STRS, "keys to delete", .max = 64},
    {"nodes", F_STRS, "node or node:priority", .max = 32},
    {"nofailback", F_BOOL},
    {"restricted", F_BOOL},
    {NULL},
};

const struct row ha_rows[] = {
    {"pve_ha_resources_list", "HA resources",
     "Lists what the HA manager keeps running and the state asked for. Changes nothing.", "ha",
     EFFECT_READ, ROW_IDEMPOTENT, page_fields, .path = "/cluster/ha/resources",
     .privilege = "/ Sys.Audit", .result = LIST_RESULT},
    {"pve_ha_resource_get", "One HA resource", "Shows one HA resource. Changes nothing.", "ha",
     EFFECT_READ, ROW_IDEMPOTENT, sid_fields, .path = "/cluster/ha/resources/{sid}",
     .privilege = "/ Sys.Audit", .result = "sid:string state?:string"},
    {"pve_ha_rules_list", "HA rules", "Lists node and resource affinity rules. Changes nothing.",
     "ha", EFFECT_READ, ROW_IDEMPOTENT, page_fields, .path = "/cluster/ha/rules",
     .privilege = "/ Sys.Audit", .result = LIST_RESULT},
    {"pve_ha_rule_get", "One HA rule", "Shows one affinity rule. Changes nothing.", "ha",
     EFFECT_READ, ROW_IDEMPOTENT, rule_name_fields, .path = "/cluster/ha/rules/{rule}",
     .privilege = "/ Sys.Audit", .result = "rule:string type?:string"},
    {"pve_ha_groups_list", "HA groups",
     "Lists HA groups; PVE 9 has rules instead and says so. Changes nothing.", "ha", EFFECT_READ,
     ROW_IDEMPOTENT, page_fields, .path = "/cluster/ha/groups", .privilege = "/ Sys.Audit",
     .result = LIST_RESULT},
    {"pve_ha_status", "HA state now",
     "Shows what the HA manager sees: quorum, master, each resource. Changes nothing.", "ha",
     EFFECT_READ, ROW_IDEMPOTENT, page_fields, .path = "/cluster/ha/status/current",
     .privilege = "/ Sys.Audit", .result = LIST_RESULT},
    {"pve_ha_manager_status", "HA manager internals",
     "Shows the HA manager's own state: master, node and service states. Changes nothing.", "ha",
     EFFECT_READ, ROW_IDEMPOTENT, none_fields, .path = "/cluster/ha/status/manager_status",
     .privilege = "/ Sys.Audit", .result = "manager_status?:object quorum?:object"},
    {"pve_ha_resource_add", "Put a guest under HA",
     "Plans handing a guest to the HA manager: it starts, stops and moves it from then on." PLANS,
     "ha", EFFECT_CHANGE, 0, resource_add_fields, .analysers = "ha", .undo = "inverse",
     .privilege = "/ Sys.Console",
     .send =
         &(const struct send){
             .assess = assess_ha,
             .does = SEND_CREATE,
             .on = &resource,
             .method = "POST",
             .path = "/cluster/ha/resources",
             .say = "put {sid} under HA, state {state}",
             .floor = RISK_MEDIUM,
             .floor_why = "the HA manager acts on the guest by itself",
         }},
    {"pve_ha_resource_update", "Change an HA resource",
     "Plans changing what the HA manager does with a guest; another state starts or stops "
     "it." PLANS,
     "ha", EFFECT_CHANGE, 0, resource_update_fields, .analysers = "ha", .undo = "restore-object",
     .privilege = "/ Sys.Console",
     .send =
         &(const struct send){
             .assess = assess_ha,
             .does = SEND_UPDATE,
             .on = &resource,
             .method = "PUT",
             .path = "/cluster/ha/resources/{sid}",
             .say = "change HA resource {sid}",
             .digest = true,
             .floor = RISK_MEDIUM,
             .floor_why = "the HA manager acts on the guest by itself",
         }},
    {"pve_ha_resource_remove", "Take a guest out of HA",
     "Plans taking a guest out of HA: nobody restarts it any more." PLANS, "ha", EFFECT_CHANGE, 0,
     sid_fields, .analysers = "ha", .undo = "restore-object", .privilege = "/ Sys.Console",
     .send =
         &(const struct send){
             .assess = assess_ha,
             .does = SEND_DELETE,
             .on = &resource,
             .method = "DELETE",
             .path = "/cluster/ha/resources/{sid}",
             .say = "take {sid} out of HA",
             .limits = "affinity rules that name it are not changed",
             .fixed = "purge=0",
         }},
    {"pve_ha_resource_migrate", "Migrate an HA guest",
     "Plans asking the HA manager to migrate a guest online." PLANS, "ha", EFFECT_CHANGE, 0,
     move_fields, .analysers = "ha", .undo = "inverse", .privilege = "/ Sys.Console",
     .send =
         &(const struct send){
             .assess = assess_ha,
             .does = SEND_ACTION,
             .on = &resource,
             .method = "POST",
             .path = "/cluster/ha/resources/{sid}/migrate",
             .say = "migrate HA resource {sid} to {node}",
             .back = ha_move_back,
             .limits = MOVES_AGAIN,
             .floor = RISK_MEDIUM,
             .floor_why = "the guest moves",
         }},
    {"pve_ha_resource_relocate", "Relocate an HA guest",
     "Plans asking the HA manager to stop a guest and start it on another node: it is "
     "interrupted." PLANS,
     "ha", EFFECT_CHANGE, 0, move_fields, .analysers = "ha", .undo = "inverse",
     .privilege = "/ Sys.Console",
     .send =
         &(const struct send){
             .assess = assess_ha,
             .does = SEND_ACTION,
             .on = &resource,
             .method = "POST",
             .path = "/cluster/ha/resources/{sid}/relocate",
             .say = "relocate HA resource {sid} to {node}",
             .back = ha_move_back,
             .limits = MOVES_AGAIN ", and it is stopped and started on the way",
             .floor = RISK_HIGH,
             .floor_why = "the guest is stopped on the way",
         }},
    {"pve_ha_rule_create", "Make an HA rule",
     "Plans a new affinity rule: guests may move at once to satisfy it." PLANS, "ha", EFFECT_CHANGE,
     0, rule_create_fields, .analysers = "ha", .undo = "inverse", .privilege = "/ Sys.Console",
     .send =
         &(const struct send){
             .assess = assess_ha,
             .does = SEND_CREATE,
             .on = &rule,
             .method = "POST",
             .path = "/cluster/ha/rules",
             .say = "make HA rule {rule}",
             .floor = RISK_MEDIUM,
             .floor_why = "guests may be moved to satisfy it",
         }},
    {"pve_ha_rule_update", "Change an HA rule",
     "Plans changing an affinity rule: guests may move at once to satisfy it." PLANS, "ha",
     EFFECT_CHANGE, 0, rule_update_fields, .analysers = "ha", .undo = "restore-object",
     .privilege = "/ Sys.Console",
     .send =
         &(const struct send){
             .assess = assess_ha,
             .does = SEND_UPDATE,
             .on = &rule,
             .method = "PUT",
             .path = "/cluster/ha/rules/{rule}",
             .say = "change HA rule {rule}",
             .digest = true,
             .floor = RISK_MEDIUM,
             .floor_why = "guests may be moved to satisfy it",
         }},
    {"pve_ha_rule_delete", "Delete an HA rule",
     "Plans deleting an affinity rule: guests may run anywhere they can." PLANS, "ha",
     EFFECT_CHANGE, 0, rule_name_fields, .analysers = "ha", .undo = "restore-object",
     .privilege = "/ Sys.Console",
     .send =
         &(const struct send){
             .assess = assess_ha,
             .does = SEND_DELETE,
             .on = &rule,
             .method = "DELETE",
             .path = "/cluster/ha/rules/{rule}",
             .say = "delete HA rule {rule}",
             .floor = RISK_MEDIUM,
             .floor_why = "guests may be moved after it",
         }},
    {"pve_ha_group_create", "Make an HA group (PVE 8)",
     "Plans a new HA group; PVE 9 has rules instead." PLANS, "ha", EFFECT_CHANGE, 0,
     group_create_fields, .analysers = "ha", .undo = "inverse", .privilege = "/ Sys.Console",
     .send =
         &(const struct send){
             .assess = assess_ha,
             .does = SEND_CREATE,
             .on = &group,
             .method = "POST",
             .path = "/cluster/ha/groups",
             .say = "make HA group {group}",
             .floor = RISK_MEDIUM,
             .floor_why = "guests in it are bound to its nodes",
         }},
    {"pve_ha_group_update", "Change an HA group (PVE 8)",
     "Plans changing an HA group: its guests may move at once." PLANS, "ha", EFFECT_CHANGE, 0,
     group_update_fields, .analysers = "ha", .undo = "restore-object", .privilege = "/ Sys.Console",
     .send =
         &(const struct send){
             .assess = assess_ha,
             .does = SEND_UPDATE,
             .on = &group,
             .method = "PUT",
             .path = "/cluster/ha/groups/{group}",
             .say = "change HA group {group}",
             .digest = true,
             .floor = RISK_MEDIUM,
             .floor_why = "guests in it are bound to its nodes",
         }},
    {"pve_ha_group_delete", "Delete an HA group (PVE 8)",
     "Plans deleting an HA group: its guests may run anywhere." PLANS, "ha", EFFECT_CHANGE, 0,
     group_name_fields, .analysers = "ha", .undo = "restore-object", .privilege = "/ Sys.Console",
     .send =
         &(const struct send){
             .assess = assess_ha,
             .does = SEND_DELETE,
             .on = &group,
             .method = "DELETE",
             .path = "/cluster/ha/groups/{group}",
             .say = "delete HA group {group}",
             .floor = RISK_MEDIUM,
             .floor_why = "guests in it are bound to its nodes",
         }},
    {"pve_ha_disarm", "Disarm HA",
     "Plans switching the whole HA stack off for maintenance: no guest is recovered "
     "meanwhile." PLANS,
     "ha", EFFECT_CHANGE, 0, disarm_fields, .analysers = "ha", .undo = "inverse",
     .privilege = "/ Sys.Console",
     .send =
         &(const struct send){
             .assess = assess_ha,
             .does = SEND_ACTION,
             .method = "POST",
             .path = "/cluster/ha/status/disarm-ha",
             .say = "disarm HA, resources {resource-mode}",
             .inverse = "pve_ha_arm",
             .reads = "/cluster/ha/resources whole",
             .floor = RISK_HIGH,
             .floor_why = "no guest is recovered while HA is off",
         }},
    {"pve_ha_arm", "Arm HA again",
     "Plans switching the HA stack on again: the manager acts on its resources at once." PLANS,
     "ha", EFFECT_CHANGE, 0, none_fields, .analysers = "ha", .undo = "inverse",
     .privilege = "/ Sys.Console",
     .send =
         &(const struct send){
             .assess = assess_ha,
             .does = SEND_ACTION,
             .method = "POST",
             .path = "/cluster/ha/status/arm-ha",
             .say = "arm HA",
             .back = ha_arm_back,
             .limits = "what the manager did with guests meanwhile stays",
             .reads = "/cluster/ha/resources whole",
             .floor = RISK_MEDIUM,
             .floor_why = "the HA manager acts on its resources again",
         }},
    {NULL},
};
