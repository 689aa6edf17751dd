/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that start and stop a node's services. */
#include "proximo-client/tools/assess.h"

static const struct field service_fields[] = {
    {"node", F_NODE, NULL, true},
    {"service", F_STR, "as pve_node_services_list names it", true, .max = 64},
    {NULL}};

#define SERVICE(word) .path = "/nodes/{node}/services/{service}/" word
#define ON_NODE       "/nodes/{node} Sys.Modify"
#define STATE         .reads = "/nodes/{node}/services/{service}/state whole"

const struct row node_service_rows[] = {
    {"pve_node_service_start", "Start a service", "Plans starting a service of a node." PLANS,
     "node", EFFECT_CHANGE, 0, service_fields, .analysers = "node-service", .undo = "inverse",
     .privilege = ON_NODE,
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "POST",
             SERVICE("start"),
             .say = "start {service} on {node}",
             .inverse = "pve_node_service_stop",
             STATE,
             .assess = assess_node_service,
         }},
    {"pve_node_service_stop", "Stop a service",
     "Plans stopping a service of a node: what it does for guests and cluster stops." PLANS, "node",
     EFFECT_CHANGE, 0, service_fields, .analysers = "node-service", .undo = "inverse",
     .privilege = ON_NODE,
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "POST",
             SERVICE("stop"),
             .say = "stop {service} on {node}",
             .inverse = "pve_node_service_start",
             STATE,
             .assess = assess_node_service,
         }},
    {"pve_node_service_restart", "Restart a service",
     "Plans restarting a service of a node: it is away for a moment." PLANS, "node", EFFECT_CHANGE,
     0, service_fields, .analysers = "node-service", .undo = "none",
     .undo_none = "a service that was restarted runs as before", .privilege = ON_NODE,
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "POST",
             SERVICE("restart"),
             .say = "restart {service} on {node}",
             STATE,
             .assess = assess_node_service,
         }},
    {"pve_node_service_reload", "Reload a service",
     "Plans having a service of a node read its configuration again." PLANS, "node", EFFECT_CHANGE,
     0, service_fields, .analysers = "node-service", .undo = "none",
     .undo_none = "a configuration that was read is not unread", .privilege = ON_NODE,
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "POST",
             SERVICE("reload"),
             .say = "reload {service} on {node}",
             STATE,
             .assess = assess_node_service,
         }},
    {NULL},
};
