/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about roles and realms. */
#include <string.h>

#include "proximo-client/tools/access.h"
#include "proximo-client/tools/assess.h"

/* A role is read as {"VM.Audit": 1, …} and written as a list. */
static js *role_shape(const js *answer, const js *args) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    js *o = js_object();

    (void)args;
    JS_FOREACH(answer, priv, on) {
        if (strcmp(value_text(on), "1") == 0) {
            (void)buf_addf(&b, "%s%s", b.len ? "," : "", priv);
        }
    }
    js_add(o, "privs", js_str(buf_str(&b)));
    return o;
}

static const struct thing role = {
    .kind = "role",
    .id = "roleid",
    .read = "/access/roles/{roleid}",
    .list = "/access/roles",
    .match = "roleid",
    .shape = role_shape,
    .made_by = "pve_role_create",
    .deleted_by = "pve_role_delete",
};
static const struct thing realm = {
    .kind = "realm",
    .id = "realm",
    .read = "/access/domains/{realm}",
    .list = "/access/domains",
    .match = "realm",
    .drop = "realm",
    .made_by = "pve_realm_create",
    .deleted_by = "pve_realm_delete",
};

static const struct field page_fields[] = {FIELDS_PAGE, {NULL}};
static const struct field role_fields[] = {
    {"roleid", F_STR, NULL, true, .min = 1, .max = 100},
    {NULL},
};
static const struct field realm_fields[] = {
    {"realm", F_STR, NULL, true, .min = 2, .max = 32},
    {NULL},
};
static const struct field role_create_fields[] = {
    {"roleid", F_STR, NULL, true, .max = 100, .min = 1},
    {"privs", F_STRS, "privileges, e.g. VM.Audit", .max = 100},
    {NULL},
};
static const struct field role_update_fields[] = {
    {"roleid", F_STR, NULL, true, .max = 100, .min = 1},
    {"privs", F_STRS, "all its privileges from now on", true, .max = 100, .unset = ""},
    {NULL},
};
static const struct field realm_create_fields[] = {
    {"realm", F_STR, NULL, true, .max = 32, .min = 2},
    {"type", F_ENUM, NULL, true, .choices = "ad|ldap|openid|pam|pve"},
    {"acr-values", F_STR},
    {"autocreate", F_BOOL},
    {"base_dn", F_STR, NULL, .max = 256},
    {"bind_dn", F_STR, NULL, .max = 256},
    {"capath", F_STR},
    {"case-sensitive", F_BOOL},
    {"cert", F_STR},
    {"certkey", F_STR, "path of the key file"},
    {"client-id", F_STR, NULL, .max = 256},
    {"client-key", F_STR, NULL, .max = 256, .secret = true, .min = 1},
    {"comment", F_STR, NULL, .max = 4096},
    {"default", F_BOOL},
    {"domain", F_STR, NULL, .max = 256},
    {"filter", F_STR, NULL, .max = 2048},
    {"group_classes", F_STRS},
    {"group_dn", F_STR, NULL, .max = 256},
    {"group_filter", F_STR, NULL, .max = 2048},
    {"group_name_attr", F_STR, NULL, .max = 256},
    {"groups-autocreate", F_BOOL},
    {"groups-claim", F_STR, NULL, .max = 256},
    {"groups-overwrite", F_BOOL},
    {"issuer-url", F_STR, NULL, .max = 256},
    {"mode", F_ENUM, NULL, .choices = "ldap|ldaps|ldap+starttls"},
    {"password", F_STR, "of bind_dn", .max = 256, .secret = true, .min = 1},
    {"port", F_INT, NULL, .min = 1, .max = 65535},
    {"prompt", F_STR},
    {"query-userinfo", F_BOOL},
    {"scopes", F_STR},
    {"secure", F_BOOL},
    {"server1", F_STR, NULL, .max = 256},
    {"server2", F_STR, NULL, .max = 256},
    {"sslversion", F_ENUM, NULL, .choices = "tlsv1|tlsv1_1|tlsv1_2|tlsv1_3"},
    {"sync-defaults-options", F_STR},
    {"sync_attributes", F_STR},
    {"tfa", F_STR, NULL, .max = 128},
    {"user_attr", F_STR, NULL, .max = 256},
    {"user_classes", F_STRS},
    {"username-claim", F_STR},
    {"verify", F_BOOL},
    {NULL},
};
static const struct field realm_update_fields[] = {
    {"realm", F_STR, NULL, true, .max = 32, .min = 2},
    {"acr-values", F_STR},
    {"autocreate", F_BOOL},
    {"base_dn", F_STR, NULL, .max = 256},
    {"bind_dn", F_STR, NULL, .max = 256},
    {"capath", F_STR},
    {"case-sensitive", F_BOOL},
    {"cert", F_STR},
    {"certkey", F_STR, "path of the key file"},
    {"client-id", F_STR, NULL, .max = 256},
    {"client-key", F_STR, NULL, .max = 256, .secret = true, .min = 1},
    {"comment", F_STR, NULL, .max = 4096},
    {"default", F_BOOL},
    {"delete", F_STRS, "keys to delete", .max = 64},
    {"domain", F_STR, NULL, .max = 256},
    {"filter", F_STR, NULL, .max = 2048},
    {"group_classes", F_STRS},
    {"group_dn", F_STR, NULL, .max = 256},
    {"group_filter", F_STR, NULL, .max = 2048},
    {"group_name_attr", F_STR, NULL, .max = 256},
    {"groups-autocreate", F_BOOL},
    {"groups-claim", F_STR, NULL, .max = 256},
    {"groups-overwrite", F_BOOL},
    {"issuer-url", F_STR, NULL, .max = 256},
    {"mode", F_ENUM, NULL, .choices = "ldap|ldaps|ldap+starttls"},
    {"password", F_STR, "of bind_dn", .max = 256, .secret = true, .min = 1},
    {"port", F_INT, NULL, .min = 1, .max = 65535},
    {"prompt", F_STR},
    {"query-userinfo", F_BOOL},
    {"scopes", F_STR},
    {"secure", F_BOOL},
    {"server1", F_STR, NULL, .max = 256},
    {"server2", F_STR, NULL, .max = 256},
    {"sslversion", F_ENUM, NULL, .choices = "tlsv1|tlsv1_1|tlsv1_2|tlsv1_3"},
    {"sync-defaults-options", F_STR},
    {"sync_attributes", F_STR},
    {"tfa", F_STR, NULL, .max = 128},
    {"user_attr", F_STR, NULL, .max = 256},
    {"user_classes", F_STRS},
    {"verify", F_BOOL},
    {NULL},
};
static const struct field realm_sync_fields[] = {
    {"realm", F_STR, NULL, true, .max = 32, .min = 2},
    {"dry-run", F_BOOL},
    {"enable-new", F_BOOL},
    {"remove-vanished", F_STR, "acl;entry;properties or none", .max = 60},
    {"scope", F_ENUM, NULL, .choices = "users|groups|both"},
    {NULL},
};

const struct row access_realm_rows[] = {
    {"pve_roles_list", "List roles", "Lists roles with their privileges. Changes nothing.",
     "access", EFFECT_READ, ROW_IDEMPOTENT, page_fields, .path = "/access/roles",
     .privilege = "/ (any user)", .result = LIST_RESULT},
    {"pve_role_get", "One role", "Shows the privileges of one role. Changes nothing.", "access",
     EFFECT_READ, ROW_IDEMPOTENT, role_fields, .path = "/access/roles/{roleid}",
     .privilege = "/ (any user)", .result = "VM.Audit?:integer"},
    {"pve_realms_list", "List realms", "Lists authentication realms. Changes nothing.", "access",
     EFFECT_READ, ROW_IDEMPOTENT, page_fields, .path = "/access/domains",
     .privilege = "/ (any user)", .result = LIST_RESULT},
    {"pve_realm_get", "One realm",
     "Shows one authentication realm, never its passwords. Changes nothing.", "access", EFFECT_READ,
     ROW_IDEMPOTENT, realm_fields, .path = "/access/domains/{realm}",
     .privilege = "/access/realm Realm.Allocate|Sys.Audit", .result = "type:string digest?:string"},
    {"pve_role_create", "Make a role",
     "Plans a new role; it grants nothing before an ACL entry names it." PLANS, "access",
     EFFECT_CHANGE, 0, role_create_fields, .analysers = "access", .undo = "inverse",
     .privilege = "/access Sys.Modify",
     .send =
         &(const struct send){
             .assess = assess_access,
             .does = SEND_CREATE,
             .on = &role,
             .method = "POST",
             .path = "/access/roles",
             .say = "make role {roleid}",
             .floor = RISK_HIGH,
             .floor_why = "it changes who may do what",
             .operator_why = "who may do what is decided by the operator",
         }},
    {"pve_role_update", "Change a role",
     "Plans other privileges of a role; everybody who has it gains or loses them." PLANS, "access",
     EFFECT_CHANGE, 0, role_update_fields, .analysers = "access", .undo = "restore-object",
     .privilege = "/access Sys.Modify",
     .send =
         &(const struct send){
             .assess = assess_access,
             .does = SEND_UPDATE,
             .on = &role,
             .method = "PUT",
             .path = "/access/roles/{roleid}",
             .say = "change role {roleid}",
             .floor = RISK_HIGH,
             .floor_why = "it changes who may do what",
             .operator_why = "who may do what is decided by the operator",
         }},
    {"pve_role_delete", "Delete a role",
     "Plans deleting a role; ACL entries that name it are void." PLANS, "access", EFFECT_CHANGE, 0,
     role_fields, .analysers = "access", .undo = "restore-object",
     .privilege = "/access Sys.Modify",
     .send =
         &(const struct send){
             .assess = assess_access,
             .does = SEND_DELETE,
             .on = &role,
             .method = "DELETE",
             .path = "/access/roles/{roleid}",
             .say = "delete role {roleid}",
             .more = acl_of_role,
             .floor = RISK_HIGH,
             .floor_why = "it changes who may do what",
             .operator_why = "who may do what is decided by the operator",
         }},
    {"pve_realm_create", "Make a realm",
     "Plans a new authentication realm: who can log in depends on a server that it names." PLANS,
     "access", EFFECT_CHANGE, 0, realm_create_fields, .analysers = "realm access",
     .undo = "inverse", .privilege = "/access/realm Realm.Allocate",
     .send =
         &(const struct send){
             .assess = assess_realm,
             .does = SEND_CREATE,
             .on = &realm,
             .method = "POST",
             .path = "/access/domains",
             .say = "make realm {realm} of type {type}",
             .floor = RISK_HIGH,
             .floor_why = "it changes who may do what",
             .operator_why = "who may do what is decided by the operator",
         }},
    {"pve_realm_update", "Change a realm",
     "Plans changing an authentication realm; its users may be unable to log in." PLANS, "access",
     EFFECT_CHANGE, 0, realm_update_fields, .analysers = "realm access", .undo = "restore-object",
     .privilege = "/access/realm Realm.Allocate",
     .send =
         &(const struct send){
             .assess = assess_realm,
             .does = SEND_UPDATE,
             .on = &realm,
             .method = "PUT",
             .path = "/access/domains/{realm}",
             .say = "change realm {realm}",
             .digest = true,
             .floor = RISK_HIGH,
             .floor_why = "it changes who may do what",
             .operator_why = "who may do what is decided by the operator",
         }},
    {"pve_realm_delete", "Delete a realm",
     "Plans deleting a realm: its users cannot log in any more." PLANS, "access", EFFECT_CHANGE, 0,
     realm_fields, .analysers = "realm access", .undo = "restore-object",
     .privilege = "/access/realm Realm.Allocate",
     .send =
         &(const struct send){
             .assess = assess_realm,
             .does = SEND_DELETE,
             .on = &realm,
             .method = "DELETE",
             .path = "/access/domains/{realm}",
             .say = "delete realm {realm}",
             .floor = RISK_HIGH,
             .floor_why = "it changes who may do what",
             .operator_why = "who may do what is decided by the operator",
         }},
    {"pve_realm_sync", "Sync a realm",
     "Plans reading users and groups of an LDAP or AD realm into the cluster; with remove-vanished "
     "users and ACL entries go." PLANS,
     "access", EFFECT_CHANGE, 0, realm_sync_fields, .analysers = "realm access", .undo = "none",
     .undo_none =
         "whom it adds, changes or removes only the directory server knows: no request that takes "
         "it back can be shown and approved before",
     .privilege = "/access/realm/{realm} Realm.AllocateUser",
     .send =
         &(const struct send){
             .assess = assess_realm,
             .does = SEND_ACTION,
             .on = &realm,
             .method = "POST",
             .path = "/access/domains/{realm}/sync",
             .say = "sync users of realm {realm}",
             .floor = RISK_HIGH,
             .floor_why = "it changes who may do what",
             .operator_why = "who may do what is decided by the operator",
         }},
    {NULL},
};
