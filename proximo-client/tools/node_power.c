/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that switch nodes, or all guests of one. These are PVE's own bulk calls; their way back is
 * the opposite call for the guests that are reached (node_back.c). */
#include "proximo-client/tools/assess.h"
#include "proximo-client/tools/node_back.h"

#define NODE                                                                                       \
    { "node", F_NODE, NULL, true }
#define VMS                                                                                        \
    { "vms", F_STRS, "these vmids only", .max = 200 }
#define WORKERS                                                                                    \
    { "max-workers", F_INT, "at once", .min = 1, .max = 64 }

static const struct field node_fields[] = {NODE, {NULL}};
static const struct field start_fields[] = {
    NODE, VMS, WORKERS, {"force", F_BOOL, "also those without onboot"}, {NULL}};
static const struct field stop_fields[] = {
    NODE,
    VMS,
    WORKERS,
    {"timeout", F_INT, "seconds for each to shut down", .max = 7200},
    {"force-stop", F_BOOL, "pull the plug after the timeout (PVE's default)"},
    {NULL}};
static const struct field suspend_fields[] = {NODE, VMS, WORKERS, {NULL}};
static const struct field migrate_fields[] = {NODE,
                                              {"target", F_NODE, NULL, true},
                                              VMS,
                                              WORKERS,
                                              {"with-local-disks", F_BOOL, "copy local disks, too"},
                                              {NULL}};

#define POWER     "/nodes/{node} Sys.PowerMgmt"
#define EACH      "/vms VM.PowerMgmt"
#define STATUS    .method = "POST", .path = "/nodes/{node}/status"
#define BULK(way) .does = SEND_ACTION, .method = "POST", .path = "/nodes/{node}/" way
const struct row node_power_rows[] = {
    {"pve_node_reboot", "Reboot a node",
     "Plans rebooting a node: its guests stop, and what it serves is away." PLANS, "node",
     EFFECT_CHANGE, 0, node_fields, .analysers = "node", .undo = "none",
     .undo_none = "a node that has rebooted runs again by itself; guests that were not to start "
                  "are started by pve_guest_power",
     .privilege = POWER,
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             STATUS,
             .fixed = "command=reboot",
             .say = "reboot node {node}",
             .assess = assess_node_power,
         }},
    {"pve_node_shutdown", "Shut a node down",
     "Plans switching a node off: its guests stop, and somebody has to switch it on." PLANS, "node",
     EFFECT_CHANGE, 0, node_fields, .analysers = "node", .undo = "none",
     .undo_none = "a node that is off cannot be asked; pve_node_wakeonlan may reach it",
     .privilege = POWER,
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             STATUS,
             .fixed = "command=shutdown",
             .say = "shut node {node} down",
             .assess = assess_node_power,
             .operator_why = "somebody has to switch the node on again",
         }},
    {"pve_node_wakeonlan", "Wake a node",
     "Plans sending a wake-on-LAN packet to a node that is off: it starts, and its guests with "
     "onboot." PLANS,
     "node", EFFECT_CHANGE, 0, node_fields, .undo = "none",
     .undo_none = "a packet cannot be called back", .privilege = POWER,
     .send =
         &(const struct send){
             BULK("wakeonlan"),
             .say = "wake node {node}",
             .reads = "/nodes nodes",
             .alone = "what runs elsewhere goes on",
             .floor = RISK_MEDIUM,
             .floor_why = "guests that are to start with the node start",
         }},
    {"pve_node_startall", "Start all guests of a node",
     "Plans starting a node's guests in their order: those with onboot, or all." PLANS, "node",
     EFFECT_CHANGE, 0, start_fields, .analysers = "node-guests", .undo = "inverse",
     .privilege = EACH,
     .send =
         &(const struct send){
             BULK("startall"),
             .say = "start the guests of {node}",
             .back = node_all_back,
             .limits =
                 "what ran inside them is gone then; a guest that does not shut down in time is "
                 "stopped",
             .assess = assess_node_guests,
         }},
    {"pve_node_stopall", "Stop all guests of a node",
     "Plans shutting a node's guests down, in their order." PLANS, "node", EFFECT_CHANGE, 0,
     stop_fields, .analysers = "node-guests", .undo = "inverse", .privilege = EACH,
     .send =
         &(const struct send){
             BULK("stopall"),
             .say = "stop the guests of {node}",
             .back = node_all_back,
             .limits = "what ran inside them is not brought back",
             .assess = assess_node_guests,
         }},
    {"pve_node_suspendall", "Suspend all VMs of a node",
     "Plans suspending a node's VMs to disk: they are off, and go on where they were when they are "
     "started." PLANS,
     "node", EFFECT_CHANGE, 0, suspend_fields, .analysers = "node-guests", .undo = "inverse",
     .privilege = EACH,
     .send =
         &(const struct send){
             BULK("suspendall"),
             .say = "suspend the VMs of {node}",
             .back = node_all_back,
             .limits =
                 "they have stood still meanwhile, clocks and connections of theirs with them",
             .assess = assess_node_guests,
         }},
    {"pve_node_migrateall", "Migrate all guests of a node",
     "Plans migrating a node's guests to another node." PLANS, "node", EFFECT_CHANGE, 0,
     migrate_fields, .analysers = "migrate", .undo = "inverse", .privilege = EACH,
     .send =
         &(const struct send){
             BULK("migrateall"),
             .say = "migrate the guests of {node} to {target}",
             .back = node_migrate_back,
             .limits = "going back moves them once more, with the same interruption",
             .assess = assess_node_migrate,
         }},
    {NULL},
};
