/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the firewall: rules and options of the cluster, nodes and guests, and the rules of
 * security groups. Names that rules use (groups, IP sets, aliases) are in firewall_names.c. */
#include "proximo-client/tools/firewall_int.h"
#include "proximo-client/tools/on_node.h"

#define CLUSTER "/cluster/firewall"
#define GROUP   CLUSTER "/groups/{group}"
#define NODE    "/nodes/{node}/firewall"
#define GUEST   "/nodes/{node}/{kind}/{vmid}/firewall"

#define SEE        "/ Sys.Audit"
#define EDIT       "/ Sys.Modify"
#define SEE_NODE   "/nodes/{node} Sys.Audit"
#define EDIT_NODE  "/nodes/{node} Sys.Modify"
#define SEE_GUEST  "/vms/{vmid} VM.Audit"
#define EDIT_GUEST "/vms/{vmid} VM.Config.Network"

#define ID_GROUP                                                                                   \
    { "group", F_STR, "security group", true, .min = 2, .max = 18 }
#define ID_NODE                                                                                    \
    { "node", F_NODE, NULL, true }
#define MOVETO                                                                                     \
    {                                                                                              \
        "moveto", F_INT, "before the rule that is now at this position", true, .min = 0,           \
                                                                               .max = 100000       \
    }

/* The four lists of rules: fields that name the list come first. */
static const struct field cluster_list[] = {FIELDS_PAGE, {NULL}};
static const struct field cluster_one[] = {FW_POS, {NULL}};
static const struct field cluster_gone[] = {FW_POS, FIELD_REVERT, {NULL}};
static const struct field cluster_new[] = {FW_RULE_FIELDS(true), FIELD_REVERT, {NULL}};
static const struct field cluster_change[] = {
    FW_POS, FW_RULE_FIELDS(false), FW_DELETE, FIELD_REVERT, {NULL}};
static const struct field cluster_move[] = {FW_POS, MOVETO, FIELD_REVERT, {NULL}};
static const struct field group_list[] = {ID_GROUP, FIELDS_PAGE, {NULL}};
static const struct field group_one[] = {ID_GROUP, FW_POS, {NULL}};
static const struct field group_gone[] = {ID_GROUP, FW_POS, FIELD_REVERT, {NULL}};
static const struct field group_new[] = {ID_GROUP, FW_RULE_FIELDS(true), FIELD_REVERT, {NULL}};
static const struct field group_change[] = {ID_GROUP,  FW_POS,       FW_RULE_FIELDS(false),
                                            FW_DELETE, FIELD_REVERT, {NULL}};
static const struct field group_move[] = {ID_GROUP, FW_POS, MOVETO, FIELD_REVERT, {NULL}};
static const struct field node_list[] = {ID_NODE, FIELDS_PAGE, {NULL}};
static const struct field node_one[] = {ID_NODE, FW_POS, {NULL}};
static const struct field node_gone[] = {ID_NODE, FW_POS, FIELD_REVERT, {NULL}};
static const struct field node_new[] = {ID_NODE, FW_RULE_FIELDS(true), FIELD_REVERT, {NULL}};
static const struct field node_change[] = {ID_NODE,   FW_POS,       FW_RULE_FIELDS(false),
                                           FW_DELETE, FIELD_REVERT, {NULL}};
static const struct field node_move[] = {ID_NODE, FW_POS, MOVETO, FIELD_REVERT, {NULL}};
static const struct field guest_list[] = {FIELDS_GUEST, FIELDS_PAGE, {NULL}};
static const struct field guest_one[] = {FIELDS_GUEST, FW_POS, {NULL}};
static const struct field guest_gone[] = {FIELDS_GUEST, FW_POS, FIELD_REVERT, {NULL}};
static const struct field guest_new[] = {FIELDS_GUEST, FW_RULE_FIELDS(true), FIELD_REVERT, {NULL}};
static const struct field guest_change[] = {FIELDS_GUEST, FW_POS,       FW_RULE_FIELDS(false),
                                            FW_DELETE,    FIELD_REVERT, {NULL}};
static const struct field guest_move[] = {FIELDS_GUEST, FW_POS, MOVETO, FIELD_REVERT, {NULL}};

static const struct thing cluster_rule = FW_RULE_THING("pve_firewall", "pos", CLUSTER "/rules");
static const struct thing group_rule = FW_RULE_THING("pve_security_group", "group pos", GROUP);
static const struct thing node_rule = FW_RULE_THING("pve_node_firewall", "node pos", NODE "/rules");
static const struct thing guest_rule =
    FW_RULE_THING("pve_guest_firewall", "vmid pos", GUEST "/rules");

/* Options. What is on by default says so. */
#define SWITCH(name, desc)                                                                         \
    { name, F_BOOL, desc }
#define POLICY(name, desc)                                                                         \
    { name, F_ENUM, desc, .choices = "ACCEPT|REJECT|DROP" }
#define LEVEL(name)                                                                                \
    { name, F_ENUM, "log level", .choices = FW_LEVELS }
#define COUNT(name, lo, hi)                                                                        \
    { name, F_INT, NULL, .min = lo, .max = hi }

static const struct field cluster_options_get[] = {{NULL}};
static const struct field cluster_options[] = {
    {"enable", F_INT, "1: the firewall is on, everywhere", .min = 0, .max = 1},
    POLICY("policy_in", "for nodes, of what no rule decides; default DROP"),
    POLICY("policy_out", "default ACCEPT"),
    {"policy_forward", F_ENUM, "default ACCEPT", .choices = "ACCEPT|DROP"},
    SWITCH("ebtables", "filter other protocols than IP, too; default on"),
    {"log_ratelimit", F_STR, "enable=1,burst=5,rate=1/second", .max = 100},
    FW_DELETE,
    FIELD_REVERT,
    {NULL},
};
static const struct field node_only[] = {ID_NODE, {NULL}};
static const struct field node_options[] = {
    ID_NODE,
    SWITCH("enable", "the node's own firewall; default on"),
    SWITCH("nftables", "the newer implementation, which asks in another order"),
    SWITCH("ndp", "IPv6 neighbour discovery; default on"),
    SWITCH("nosmurfs", "drop broadcasts as sources; default on"),
    SWITCH("tcpflags", "drop odd TCP flags"),
    SWITCH("protection_synflood", NULL),
    COUNT("protection_synflood_rate", 1, 1000000),
    COUNT("protection_synflood_burst", 1, 1000000),
    SWITCH("nf_conntrack_allow_invalid", NULL),
    COUNT("nf_conntrack_max", 32768, 100000000),
    COUNT("nf_conntrack_tcp_timeout_established", 7875, 100000000),
    COUNT("nf_conntrack_tcp_timeout_syn_recv", 30, 60),
    {"nf_conntrack_helpers", F_STR, "ftp,tftp …", .max = 200},
    SWITCH("log_nf_conntrack", NULL),
    LEVEL("log_level_in"),
    LEVEL("log_level_out"),
    LEVEL("log_level_forward"),
    LEVEL("smurf_log_level"),
    LEVEL("tcp_flags_log_level"),
    FW_DELETE,
    FIELD_REVERT,
    {NULL},
};
static const struct field guest_only[] = {FIELDS_GUEST, {NULL}};
static const struct field guest_options[] = {
    FIELDS_GUEST,
    SWITCH("enable", "filter the cards that have firewall=1"),
    POLICY("policy_in", "default DROP"),
    POLICY("policy_out", "default ACCEPT"),
    SWITCH("dhcp", "let DHCP through; default on"),
    SWITCH("ndp", "IPv6 neighbour discovery; default on"),
    SWITCH("radv", "may send router advertisements"),
    SWITCH("macfilter", "only the card's own MAC; default on"),
    SWITCH("ipfilter", "only the card's own addresses"),
    LEVEL("log_level_in"),
    LEVEL("log_level_out"),
    FW_DELETE,
    FIELD_REVERT,
    {NULL},
};
static const struct thing cluster_option = FW_OPTION_THING("", CLUSTER "/options");
static const struct thing node_option = FW_OPTION_THING("node", NODE "/options");
static const struct thing guest_option = FW_OPTION_THING("vmid", GUEST "/options");

const struct row firewall_rows[] = {
    FW_RULE_ROWS("pve_firewall", "of the cluster", CLUSTER "/rules", cluster_rule, cluster_list,
                 cluster_one, cluster_gone, cluster_new, cluster_change, cluster_move, SEE, EDIT),
    FW_OPTION_ROWS("pve_firewall", "of the cluster", CLUSTER "/options", cluster_option,
                   cluster_options_get, cluster_options, SEE, EDIT),
    FW_RULE_ROWS("pve_security_group", "of a security group", GROUP, group_rule, group_list,
                 group_one, group_gone, group_new, group_change, group_move, SEE, EDIT),
    FW_RULE_ROWS("pve_node_firewall", "of a node", NODE "/rules", node_rule, node_list, node_one,
                 node_gone, node_new, node_change, node_move, SEE_NODE, EDIT_NODE),
    FW_OPTION_ROWS("pve_node_firewall", "of a node", NODE "/options", node_option, node_only,
                   node_options, SEE_NODE, EDIT_NODE),
    FW_RULE_ROWS("pve_guest_firewall", "of a guest", GUEST "/rules", guest_rule, guest_list,
                 guest_one, guest_gone, guest_new, guest_change, guest_move, SEE_GUEST, EDIT_GUEST),
    FW_OPTION_ROWS("pve_guest_firewall", "of a guest", GUEST "/options", guest_option, guest_only,
                   guest_options, SEE_GUEST, EDIT_GUEST),
    {NULL},
};
