/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of what firewall rules can name: security groups, IP sets and aliases, of the cluster and of
 * guests; and what there is to name, macros included. */
#include "proximo-client/tools/firewall_int.h"
#include "proximo-client/tools/on_node.h"

#define CLUSTER    "/cluster/firewall"
#define NODE       "/nodes/{node}/firewall"
#define GUEST      "/nodes/{node}/{kind}/{vmid}/firewall"
#define SEE        "/ Sys.Audit"
#define EDIT       "/ Sys.Modify"
#define SEE_GUEST  "/vms/{vmid} VM.Audit"
#define EDIT_GUEST "/vms/{vmid} VM.Config.Network"

#define NAME                                                                                       \
    { "name", F_STR, NULL, true, .min = 2, .max = 64 }
#define GROUP                                                                                      \
    { "group", F_STR, NULL, true, .min = 2, .max = 18 }
#define RENAME                                                                                     \
    { "rename", F_STR, "its present name", true, .min = 2, .max = 64 }
#define CIDR                                                                                       \
    { "cidr", F_STR, "address or network", true, .max = 64 }
#define NOMATCH                                                                                    \
    { "nomatch", F_BOOL, "an exception: not in the set" }
#define NOMATCH_SENT                                                                               \
    { "nomatch", F_BOOL, "an exception: not in the set", true, .unset = "0" }

static const struct field page[] = {FIELDS_PAGE, {NULL}};
static const struct field groups_new[] = {GROUP, FW_COMMENT, {NULL}};
static const struct field groups_one[] = {GROUP, FIELD_REVERT, {NULL}};
static const struct field groups_rename[] = {GROUP, RENAME, FIELD_REVERT, {NULL}};
static const struct field named[] = {NAME, FIELD_REVERT, {NULL}};
static const struct field named_page[] = {NAME, FIELDS_PAGE, {NULL}};
static const struct field named_new[] = {NAME, FW_COMMENT, {NULL}};
static const struct field named_rename[] = {NAME, RENAME, FIELD_REVERT, {NULL}};
static const struct field entry[] = {NAME, CIDR, FIELD_REVERT, {NULL}};
static const struct field entry_new[] = {NAME, CIDR, NOMATCH, FW_COMMENT, FIELD_REVERT, {NULL}};
static const struct field entry_change[] = {NAME,         CIDR,  NOMATCH_SENT, FW_COMMENT_SENT,
                                            FIELD_REVERT, {NULL}};
static const struct field alias_new[] = {NAME, CIDR, FW_COMMENT, FIELD_REVERT, {NULL}};
static const struct field alias_change[] = {NAME, CIDR, FW_COMMENT_SENT, FIELD_REVERT, {NULL}};
static const struct field guest_page[] = {FIELDS_GUEST, FIELDS_PAGE, {NULL}};
static const struct field guest_named[] = {FIELDS_GUEST, NAME, FIELD_REVERT, {NULL}};
static const struct field guest_named_page[] = {FIELDS_GUEST, NAME, FIELDS_PAGE, {NULL}};
static const struct field guest_named_new[] = {FIELDS_GUEST, NAME, FW_COMMENT, {NULL}};
static const struct field guest_named_rename[] = {FIELDS_GUEST, NAME, RENAME, FIELD_REVERT, {NULL}};
static const struct field guest_entry[] = {FIELDS_GUEST, NAME, CIDR, FIELD_REVERT, {NULL}};
static const struct field guest_entry_new[] = {FIELDS_GUEST, NAME,         CIDR,  NOMATCH,
                                               FW_COMMENT,   FIELD_REVERT, {NULL}};
static const struct field guest_entry_change[] = {
    FIELDS_GUEST, NAME, CIDR, NOMATCH_SENT, FW_COMMENT_SENT, FIELD_REVERT, {NULL}};
static const struct field guest_alias_new[] = {FIELDS_GUEST, NAME,         CIDR,
                                               FW_COMMENT,   FIELD_REVERT, {NULL}};
static const struct field guest_alias_change[] = {FIELDS_GUEST,    NAME,         CIDR,
                                                  FW_COMMENT_SENT, FIELD_REVERT, {NULL}};
static const struct field node_log[] = {{"node", F_NODE, NULL, true}, FIELDS_PAGE, {NULL}};

static const struct thing group = {
    .kind = "security group",
    .id = "group",
    .list = CLUSTER "/groups",
    .match = "group",
    .drop = "group",
    .made_by = "pve_security_group_create",
    .deleted_by = "pve_security_group_delete",
};
#define SET_THING(P, ID, AT)                                                                       \
    {                                                                                              \
        .kind = "IP set", .id = ID, .list = AT "/ipset", .match = "name", .drop = "name",          \
        .made_by = P "_create", .deleted_by = P "_delete"                                          \
    }
#define ENTRY_THING(P, ID, AT)                                                                     \
    {                                                                                              \
        .kind = "entry of an IP set", .id = ID, .read = AT "/ipset/{name}/{cidr}",                 \
        .list = AT "/ipset/{name}", .match = "cidr", .drop = "cidr errors",                        \
        .made_by = P "_entry_add", .deleted_by = P "_entry_remove"                                 \
    }
/* One alias by itself comes without a digest: it is found in the list. */
#define ALIAS_THING(P, ID, AT)                                                                     \
    {                                                                                              \
        .kind = "alias", .id = ID, .list = AT "/aliases", .match = "name",                         \
        .drop = "name ipversion", .made_by = P "_create", .deleted_by = P "_delete"                \
    }
static const struct thing set = SET_THING("pve_ipset", "name", CLUSTER);
static const struct thing set_entry = ENTRY_THING("pve_ipset", "name cidr", CLUSTER);
static const struct thing alias = ALIAS_THING("pve_alias", "name", CLUSTER);
static const struct thing guest_set = SET_THING("pve_guest_ipset", "vmid name", GUEST);
static const struct thing guest_set_entry = ENTRY_THING("pve_guest_ipset", "vmid name cidr", GUEST);
static const struct thing guest_alias = ALIAS_THING("pve_guest_alias", "vmid name", GUEST);

#define READ(name, title, desc, fields, at, priv)                                                  \
    {                                                                                              \
        name, title, desc " Changes nothing.", "firewall", EFFECT_READ, ROW_IDEMPOTENT, fields,    \
            .path = at, .privilege = priv, .result = LIST_RESULT                                   \
    }
/* NEW: no rule can name it yet. */
#define MAKE(name, title, desc, fields, thing_, at, words, priv, why)                              \
    {                                                                                              \
        name, title, desc PLANS, "firewall", EFFECT_CHANGE, 0, fields,                             \
            .undo = "inverse", .privilege = priv, .send = &(const struct send) {                   \
            .does = SEND_CREATE, .on = &thing_, .method = "POST", .path = at, .say = words,        \
            .alone = why                                                                           \
        }                                                                                          \
    }
#define CHANGE(does_, name, title, desc, fields, thing_, method_, at, words, priv, undo_, ...)     \
    {                                                                                              \
        name, title, desc PLANS, "firewall", EFFECT_CHANGE, 0, fields,                             \
            .analysers = "firewall", .undo = undo_, .privilege = priv,                             \
            .send = &(const struct send) {                                                         \
            .does = does_, .on = &thing_, .method = method_, .path = at, .say = words,             \
            .assess = assess_firewall, .more = revert_firewall, __VA_ARGS__                        \
        }                                                                                          \
    }

#define SET_ROWS(P, WHERE, AT, SEE_, EDIT_, LF, ONEP, ONE, NEW, REN, ENTRY, ENEW, ECHANGE, T, TE)  \
    READ(P "_list", "IP sets " WHERE, "Lists the IP sets " WHERE ".", LF, AT "/ipset", SEE_),      \
        READ(P "_entries", "Entries of an IP set " WHERE, "Lists what is in an IP set " WHERE ".", \
             ONEP, AT "/ipset/{name}", SEE_),                                                      \
        MAKE(P "_create", "Make an IP set " WHERE, "Plans a new, empty IP set " WHERE ".", NEW, T, \
             AT "/ipset", "make IP set {name} " WHERE, EDIT_,                                      \
             "a new set is empty, and PVE refuses rules that name a set before it exists"),        \
        CHANGE(SEND_ACTION, P "_rename", "Rename an IP set " WHERE,                                \
               "Plans another name of an IP set " WHERE                                            \
               "; rules that use the old name stop taking effect.",                                \
               REN, T##_renamed, "POST", AT "/ipset",                                              \
               "rename IP set {rename} " WHERE " to {name}", EDIT_, "inverse", .digest = true,     \
               .back = firewall_rename_back),                                                      \
        CHANGE(SEND_DELETE, P "_delete", "Delete an IP set " WHERE,                                \
               "Plans deleting an empty IP set " WHERE "; rules that use it stop taking effect.",  \
               ONE, T, "DELETE", AT "/ipset/{name}", "delete IP set {name} " WHERE, EDIT_,         \
               "restore-object", .digest = false),                                                 \
        CHANGE(SEND_CREATE, P "_entry_add", "Add to an IP set " WHERE,                             \
               "Plans a network more in an IP set " WHERE                                          \
               "; every rule that uses the set covers it then.",                                   \
               ENEW, TE, "POST", AT "/ipset/{name}", "add {cidr} to IP set {name} " WHERE, EDIT_,  \
               "inverse", .digest = false),                                                        \
        CHANGE(SEND_UPDATE, P "_entry_update", "Change an entry of an IP set " WHERE,              \
               "Plans whether an entry of an IP set " WHERE " is in it or an exception.", ECHANGE, \
               TE, "PUT", AT "/ipset/{name}/{cidr}", "change {cidr} in IP set {name} " WHERE,      \
               EDIT_, "restore-object", .digest = true),                                           \
        CHANGE(SEND_DELETE, P "_entry_remove", "Take out of an IP set " WHERE,                     \
               "Plans a network less in an IP set " WHERE                                          \
               "; the management and blacklist sets decide about our own access.",                 \
               ENTRY, TE, "DELETE", AT "/ipset/{name}/{cidr}",                                     \
               "take {cidr} out of IP set {name} " WHERE, EDIT_, "restore-object", .digest = true)

#define ALIAS_ROWS(P, WHERE, AT, SEE_, EDIT_, LF, ONE, NEW, CHANGED, T)                            \
    READ(P "_list", "Aliases " WHERE, "Lists the firewall's aliases " WHERE ".", LF,               \
         AT "/aliases", SEE_),                                                                     \
        CHANGE(SEND_CREATE, P "_create", "Make an alias " WHERE,                                   \
               "Plans a new name for an address " WHERE                                            \
               "; a guest's alias covers the cluster's of the same name.",                         \
               NEW, T, "POST", AT "/aliases", "make alias {name} " WHERE ": {cidr}", EDIT_,        \
               "inverse", .digest = false),                                                        \
        CHANGE(SEND_UPDATE, P "_update", "Change an alias " WHERE,                                 \
               "Plans another address of an alias " WHERE                                          \
               "; every rule that uses it covers the new one.",                                    \
               CHANGED, T, "PUT", AT "/aliases/{name}", "change alias {name} " WHERE, EDIT_,       \
               "restore-object", .digest = true),                                                  \
        CHANGE(SEND_DELETE, P "_delete", "Delete an alias " WHERE,                                 \
               "Plans deleting an alias " WHERE "; rules that use it stop taking effect.", ONE, T, \
               "DELETE", AT "/aliases/{name}", "delete alias {name} " WHERE, EDIT_,                \
               "restore-object", .digest = true)

/* A new name: the object is observed under its present one, which the field `rename` holds. */
static const struct thing group_renamed = {
    .kind = "security group", .id = "group", .list = CLUSTER "/groups", .match = "group=rename"};
static const struct thing set_renamed = {
    .kind = "IP set", .id = "name", .list = CLUSTER "/ipset", .match = "name=rename"};
static const struct thing guest_set_renamed = {
    .kind = "IP set", .id = "vmid name", .list = GUEST "/ipset", .match = "name=rename"};

const struct row firewall_name_rows[] = {
    READ("pve_firewall_macros_list", "Firewall macros",
         "Lists the macros that firewall rules can use.", page, CLUSTER "/macros", ""),
    READ("pve_firewall_refs_list", "What rules of the cluster can name",
         "Lists aliases and IP sets that rules of the cluster and of nodes can name.", page,
         CLUSTER "/refs", SEE),
    READ("pve_guest_firewall_refs_list", "What rules of a guest can name",
         "Lists aliases and IP sets that a guest's rules can name.", guest_page, GUEST "/refs",
         SEE_GUEST),
    {"pve_node_firewall_log", "Firewall log of a node",
     "Shows a node's firewall log. Changes nothing.", "firewall", EFFECT_READ, ROW_IDEMPOTENT,
     node_log, .path = NODE "/log", .query = "limit start", .privilege = "/nodes/{node} Sys.Syslog",
     .result = LIST_RESULT},
    {"pve_guest_firewall_log", "Firewall log of a guest",
     "Shows a guest's firewall log. Changes nothing.", "firewall", EFFECT_READ, ROW_IDEMPOTENT,
     guest_page, .path = GUEST "/log", .query = "limit start",
     .privilege = "/vms/{vmid} VM.Console", .result = LIST_RESULT},
    READ("pve_security_groups_list", "Security groups",
         "Lists the security groups: named lists of rules.", page, CLUSTER "/groups", ""),
    MAKE("pve_security_group_create", "Make a security group", "Plans a new, empty security group.",
         groups_new, group, CLUSTER "/groups", "make security group {group}", EDIT,
         "a new group has no rules"),
    CHANGE(SEND_ACTION, "pve_security_group_rename", "Rename a security group",
           "Plans another name of a security group; PVE changes the rules that use it.",
           groups_rename, group_renamed, "POST", CLUSTER "/groups",
           "rename security group {rename} to {group}", EDIT, "inverse", .digest = true,
           .back = firewall_rename_back),
    CHANGE(SEND_DELETE, "pve_security_group_delete", "Delete a security group",
           "Plans deleting an empty security group; rules that use it stop taking effect.",
           groups_one, group, "DELETE", CLUSTER "/groups/{group}", "delete security group {group}",
           EDIT, "restore-object", .digest = false),
    SET_ROWS("pve_ipset", "of the cluster", CLUSTER, SEE, EDIT, page, named_page, named, named_new,
             named_rename, entry, entry_new, entry_change, set, set_entry),
    ALIAS_ROWS("pve_alias", "of the cluster", CLUSTER, SEE, EDIT, page, named, alias_new,
               alias_change, alias),
    SET_ROWS("pve_guest_ipset", "of a guest", GUEST, SEE_GUEST, EDIT_GUEST, guest_page,
             guest_named_page, guest_named, guest_named_new, guest_named_rename, guest_entry,
             guest_entry_new, guest_entry_change, guest_set, guest_set_entry),
    ALIAS_ROWS("pve_guest_alias", "of a guest", GUEST, SEE_GUEST, EDIT_GUEST, guest_page,
               guest_named, guest_alias_new, guest_alias_change, guest_alias),
    {NULL},
};
