/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a node's interfaces. What is made, changed or deleted is staged; applying lets it run. */
#include "proximo-client/tools/network_int.h"
#include "proximo-client/tools/on_node.h"

#define LIST "/nodes/{node}/network"
#define ONE  LIST "/{iface}"
#define EDIT "/nodes/{node} Sys.Modify"

#define STAGED "it takes effect with the next apply, SDN apply or start of the node"
#define CUTS   "applying can cut the node off"

const struct thing network_iface = {
    .kind = "interface",
    .id = "node iface",
    .read = ONE,
    .list = LIST,
    .match = "iface",
    .shape = network_iface_shape,
    .made_by = "pve_network_iface_create",
    .deleted_by = "pve_network_iface_delete",
};
static const struct thing node_network = {
    .kind = "network",
    .id = "node",
    .read = LIST,
    .shape = network_node_shape,
};

#define NODE                                                                                       \
    { "node", F_NODE, NULL, true }
#define IFACE                                                                                      \
    { "iface", F_STR, "eno1, bond0, vmbr0, vlan5, eno1.5", true, .min = 2, .max = 20 }
#define PORTS(name, desc)                                                                          \
    { name, F_STRS, desc, .max = 64 }
/* `need`: when it is made. */
#define SETTINGS(need)                                                                             \
    {"type",                                                                                       \
     F_ENUM,                                                                                       \
     "its kind",                                                                                   \
     need,                                                                                         \
     .choices = "bridge|bond|eth|alias|vlan|OVSBridge|OVSBond|OVSPort|OVSIntPort",                 \
     .kept = true},                                                                                \
        {"autostart", F_BOOL, "bring it up; without it a reload takes it down"},                   \
        {"cidr", F_STR, "address/prefix", .max = 18, .kept = true},                                \
        {"cidr6", F_STR, "IPv6 address/prefix", .max = 43, .kept = true},                          \
        {"gateway", F_STR, "default gateway, one a node", .max = 15},                              \
        {"gateway6", F_STR, NULL, .max = 39}, {"mtu", F_INT, "bytes", .min = 1280, .max = 65520},  \
        PORTS("bridge_ports", "of a bridge; [] for none"),                                         \
        {"bridge_vlan_aware", F_BOOL, "true; delete it to switch it off"},                         \
        {"bridge_vids", F_STR, "VLANs let through: 2-4094", .max = 500, .kept = true},             \
        PORTS("slaves", "of a bond"),                                                              \
        {"bond_mode", F_ENUM, NULL,                                                                \
         .choices = "balance-rr|active-backup|balance-xor|broadcast|802.3ad|balance-tlb|"          \
                    "balance-alb|balance-slb|lacp-balance-slb|lacp-balance-tcp"},                  \
        {"bond-primary", F_STR, NULL, .min = 2, .max = 20},                                        \
        {"bond_xmit_hash_policy", F_ENUM, NULL, .choices = "layer2|layer2+3|layer3+4"},            \
        {"vlan-id", F_INT, NULL, .min = 1, .max = 4094},                                           \
        {"vlan-raw-device", F_STR, "what a VLAN rests on", .min = 2, .max = 20},                   \
        {"ovs_bridge", F_STR, NULL, .min = 2, .max = 20}, PORTS("ovs_ports", "of an OVSBridge"),   \
        PORTS("ovs_bonds", "of an OVSBond"), {"ovs_tag", F_INT, "VLAN", .min = 1, .max = 4094},    \
        {"ovs_options", F_STR, NULL, .max = 1024}, {                                               \
        "comments", F_STR, NULL, .max = 4096                                                       \
    }

/* A node's staged changes stand beside the list, as the difference of two files. */
static int read_staged(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *changes = NULL;
    int r = check_node(s, js_str_or(args, "node", ""), e);

    r = r < 0 ? r : read_path(s, LIST "#changes", args, &changes, e);
    if (r < 0) {
        return r;
    }
    *ret = js_object();
    js_add(*ret, "staged", js_bool(changes != NULL));
    if (js_is_str(changes)) {
        js_add(*ret, "changes", js_ref(changes));
    }
    return 0;
}

static const struct field list_fields[] = {
    NODE,
    {"type", F_ENUM, NULL,
     .choices = "bridge|bond|eth|alias|vlan|OVSBridge|OVSBond|OVSPort|OVSIntPort|vnet|any_bridge|"
                "any_local_bridge|include_sdn"},
    FIELDS_PAGE,
    {NULL}};
static const struct field one_fields[] = {NODE, IFACE, {NULL}};
static const struct field node_fields[] = {NODE, {NULL}};
static const struct field apply_fields[] = {NODE, FIELD_REVERT, {NULL}};
static const struct field create_fields[] = {NODE, IFACE, SETTINGS(true), {NULL}};
static const struct field update_fields[] = {
    NODE, IFACE, SETTINGS(false), {"delete", F_STRS, "settings to take away", .max = 32}, {NULL}};

const struct row network_rows[] = {
    {"pve_network_list", "Interfaces of a node",
     "Lists a node's interfaces as they are staged; bridges that the token may not use are "
     "missing. "
     "Changes nothing.",
     "network", EFFECT_READ, ROW_IDEMPOTENT, list_fields, .path = LIST, .query = "type",
     .privilege = "/sdn/zones/localnetwork SDN.Audit", .result = LIST_RESULT},
    {"pve_network_iface_get", "One interface",
     "Shows one interface of a node as it is staged. Changes nothing.", "network", EFFECT_READ,
     ROW_IDEMPOTENT, one_fields, .path = ONE, .privilege = "/nodes/{node} Sys.Audit",
     .result = "type:string"},
    {"pve_network_staged", "Staged interfaces of a node",
     "Shows what is staged on a node and not applied, as the difference of two files. Changes "
     "nothing.",
     "network", EFFECT_READ, ROW_IDEMPOTENT, node_fields, .read = read_staged,
     .privilege = "/nodes/{node} Sys.Audit", .result = "staged:boolean changes?:string"},
    {"pve_network_iface_create", "Stage a new interface",
     "Plans a new interface of a node: only staged until it is applied." PLANS, "network",
     EFFECT_CHANGE, 0, create_fields, .analysers = "network", .undo = "inverse", .privilege = EDIT,
     .send =
         &(const struct send){
             .does = SEND_CREATE,
             .on = &network_iface,
             .method = "POST",
             .path = LIST,
             .say = "stage a new {type} {iface} on {node}",
             .assess = assess_network,
             .floor = RISK_MEDIUM,
             .floor_why = STAGED,
         }},
    {"pve_network_iface_update", "Stage a change of an interface",
     "Plans other settings of a node's interface: only staged until they are applied; the address "
     "is "
     "kept unless it is given or deleted." PLANS,
     "network", EFFECT_CHANGE, 0, update_fields, .analysers = "network", .undo = "restore-object",
     .privilege = EDIT,
     .send =
         &(const struct send){
             .does = SEND_UPDATE,
             .on = &network_iface,
             .method = "PUT",
             .path = ONE,
             .say = "stage a change of {iface} on {node}",
             .assess = assess_network,
             .floor = RISK_MEDIUM,
             .floor_why = STAGED,
         }},
    {"pve_network_iface_delete", "Stage an interface's end",
     "Plans deleting a node's interface: only staged until it is applied." PLANS, "network",
     EFFECT_CHANGE, 0, one_fields, .analysers = "network", .undo = "restore-object",
     .privilege = EDIT,
     .send =
         &(const struct send){
             .does = SEND_DELETE,
             .on = &network_iface,
             .method = "DELETE",
             .path = ONE,
             .say = "stage the end of {iface} on {node}",
             .limits = "it stands behind the others of its kind in the file then",
             .assess = assess_network,
             .floor = RISK_MEDIUM,
             .floor_why = STAGED,
         }},
    {"pve_network_apply", "Apply a node's staged interfaces",
     "Plans reloading a node's interfaces with all that is staged: it can cut off guests, "
     "storages, "
     "the cluster and ourselves. A node's daemon reverts it unless proximo_confirm follows." PLANS,
     "network", EFFECT_CHANGE, 0, apply_fields, .analysers = "network", .undo = "inverse",
     .privilege = EDIT,
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .on = &node_network,
             .method = "PUT",
             .path = LIST,
             .say = "apply the staged interfaces of {node}",
             .back = network_apply_back,
             .assess = assess_network,
             .operator_why = CUTS,
             .timed = true,
             .more = revert_network,
         }},
    {"pve_network_revert", "Forget a node's staged interfaces",
     "Plans dropping all staged changes of a node's interfaces, whoever made them." PLANS,
     "network", EFFECT_CHANGE, 0, node_fields, .analysers = "network", .undo = "inverse",
     .privilege = EDIT,
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .on = &node_network,
             .method = "DELETE",
             .path = LIST,
             .say = "forget the staged interfaces of {node}",
             .back = network_revert_back,
             .assess = assess_network,
             .floor = RISK_MEDIUM,
             .floor_why = "what others have staged is dropped, too",
         }},
    {NULL},
};
