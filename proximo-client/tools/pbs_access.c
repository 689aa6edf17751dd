/* SPDX-License-Identifier: Apache-2.0 */
/* Users, tokens and access entries of a backup server. Who gains and who loses by a change is
 * computed; an operator decides. */
#include <errno.h>
#include <string.h>

#include "proximo-client/tools/pbs.h"
#include "proximo-client/tools/pbs_assess.h"

#define USERS "/access/users"
#define TOKEN USERS "/{userid}/token/{token-name}"
#define ACL   "/access/acl"

static const struct thing user = {
    .kind = "user",
    .id = "userid",
    .read = USERS "/{userid}",
    .list = USERS,
    .match = "userid",
    .drop = "userid tokens tfa-locked-until totp-locked",
    .beside = true,
    .made_by = "pbs_user_create",
    .deleted_by = "pbs_user_delete",
};
static const struct thing token = {
    .kind = "token",
    .id = "userid token-name",
    .read = TOKEN,
    .list = USERS "/{userid}/token",
    .match = "token-name",
    .drop = "tokenid token-name",
    .beside = true,
    .made_by = "pbs_token_create",
    .deleted_by = "pbs_token_delete",
};

#define USER_FIELD                                                                                 \
    { "userid", F_STR, "user@realm", true, .min = 3, .max = 64 }
#define TOKEN_FIELD                                                                                \
    { "token-name", F_STR, "the part after !", true, .min = 2, .max = 64 }
#define LIVES                                                                                      \
    {"enable", F_BOOL, NULL, .unset = "1"}, {                                                      \
        "expire", F_INT, "Unix seconds; 0 = never", .min = 0, .max = 4294967295, .unset = "0"      \
    }
#define SAYS                                                                                       \
    {"comment", F_STR, NULL, .max = 128}, {"firstname", F_STR, NULL, .max = 64},                   \
        {"lastname", F_STR, NULL, .max = 64}, {                                                    \
        "email", F_STR, NULL, .max = 64                                                            \
    }
static const struct field user_new[] = {
    USER_FIELD,
    SAYS,
    LIVES,
    {"password", F_STR, "of the realm pbs", .secret = true, .min = 5, .max = 64},
    {NULL}};
static const struct field user_change[] = {
    USER_FIELD,
    SAYS,
    LIVES,
    {"delete", F_STRS, "keys to delete", .repeated = true, .max = 16},
    {NULL}};
static const struct field user_one[] = {USER_FIELD, {NULL}};
static const struct field token_new[] = {
    USER_FIELD, TOKEN_FIELD, {"comment", F_STR, NULL, .max = 128}, LIVES, {NULL}};
static const struct field token_change[] = {
    USER_FIELD, TOKEN_FIELD, {"comment", F_STR, NULL, .max = 128, .unset = ""}, LIVES, {NULL}};
static const struct field token_one[] = {USER_FIELD, TOKEN_FIELD, {NULL}};
static const struct field acl_fields[] = {
    {"path", F_STR, "e.g. /datastore/tank/lab", true, .min = 1, .max = 128},
    {"auth-id", F_STR, "user@realm or user@realm!token", true, .min = 3, .max = 128},
    {"role", F_STR, "e.g. DatastoreBackup", true, .min = 3, .max = 64},
    {"propagate", F_BOOL, "also below the path (default)"},
    {"delete", F_BOOL, "take the entry away"},
    {NULL}};

static const js *entry_of(const js *acl, const js *args) {
    for (size_t i = 0; i < js_len(acl); i++) {
        const js *x = js_at(acl, i);

        if (strcmp(js_str_or(x, "path", ""), js_str_or(args, "path", "")) == 0 &&
            strcmp(js_str_or(x, "ugid", ""), js_str_or(args, "auth-id", "")) == 0 &&
            strcmp(js_str_or(x, "roleid", ""), js_str_or(args, "role", "")) == 0) {
            return x;
        }
    }
    return NULL;
}

/* An entry is (path, who, role) with a flag: it is taken away again, or gets its flag back. */
static int acl_back(struct draft *d, const struct assess *a, struct err *e) {
    bool gone = js_bool_or(a->args, "delete", false);
    js *acl = NULL, *form;
    const js *was;
    int r = draft_read(d, ACL, "whole", &acl, e);

    if (r == 0 && !js_is_array(acl)) {
        r = bad_answer("the access entries", e);
    }
    if (r < 0) {
        return r;
    }
    was = entry_of(acl, a->args);
    if (gone
            ? !was
            : was && js_bool_or(was, "propagate", true) == js_bool_or(a->args, "propagate", true)) {
        (void)err_tag(e, -EALREADY, "no_change", "the entry is already %s",
                      gone ? "not there" : "so");
        return err_hint(e, "pbs_acl_list shows them");
    }
    form = answer_pick(a->args, "path auth-id role");
    if (was) {
        js_add(form, "propagate", js_bool(js_bool_or(was, "propagate", true)));
    } else {
        js_add(form, "delete", js_bool(true));
    }
    draft_request(d, PHASE_UNDO, "PUT", ACL, form, NULL);
    draft_undo(d, "inverse",
               !was   ? "the entry is taken away again"
               : gone ? "the entry is made again"
                      : "the entry gets its flag back",
               "");
    return 0;
}

#define MODIFY "/access/users Permissions.Modify, /access Sys.Audit"
#define OPERATOR                                                                                   \
    .assess = assess_pbs_access, .floor = RISK_HIGH, .floor_why = "it changes who may do what",    \
    .operator_why = "who may do what is decided by the operator"
#define ROW(NAME, TITLE, DESC, FIELDS, UNDO, WHY, RIGHTS, ...)                                     \
    {                                                                                              \
        NAME, TITLE, DESC PLANS, "pbs", EFFECT_CHANGE, 0, FIELDS,                                  \
            .undo = UNDO, .undo_none = WHY, .analysers = "pbs_access", .privilege = RIGHTS,        \
            .send = &(const struct send) {                                                         \
            __VA_ARGS__, OPERATOR                                                                  \
        }                                                                                          \
    }

const struct row pbs_access_rows[] = {
    ROW("pbs_user_create", "Make a user", "Plans a new user of the backup server.", user_new,
        "inverse", NULL, MODIFY, .does = SEND_CREATE, .on = &user, .method = "POST", .path = USERS,
        .say = "make user {userid}"),
    ROW("pbs_user_update", "Change a user",
        "Plans other settings of a user; one that is disabled or expires can do nothing, nor its "
        "tokens.",
        user_change, "restore-object", NULL, MODIFY, .does = SEND_UPDATE, .on = &user,
        .method = "PUT", .path = USERS "/{userid}", .say = "change user {userid}", .digest = true),
    ROW("pbs_user_delete", "Delete a user",
        "Plans deleting a user: its tokens can do nothing then.", user_one, "restore-object", NULL,
        MODIFY, .does = SEND_DELETE, .on = &user, .method = "DELETE", .path = USERS "/{userid}",
        .say = "delete user {userid}", .digest = true,
        .limits = "its password and second factors are gone; its tokens and entries stay behind in "
                  "proxmox-backup 3.2 and count again"),
    ROW("pbs_token_create", "Make an API token",
        "Plans a new API token of a user; its secret goes to a file of yours, never into the "
        "answer.",
        token_new, "inverse", NULL, MODIFY, .does = SEND_CREATE, .on = &token, .method = "POST",
        .path = TOKEN, .say = "make token {token-name} of {userid}"),
    ROW("pbs_token_update", "Change an API token",
        "Plans other settings of a token; one that is disabled or expires can do nothing.",
        token_change, "restore-object", NULL, MODIFY, .does = SEND_UPDATE, .on = &token,
        .method = "PUT", .path = TOKEN, .say = "change token {token-name} of {userid}",
        .digest = true),
    ROW("pbs_token_delete", "Revoke an API token",
        "Plans revoking a token: whatever uses it stops working at once.", token_one, "none",
        "a new token has a new secret: whatever used this one must be given it", MODIFY,
        .does = SEND_DELETE, .on = &token, .method = "DELETE", .path = TOKEN,
        .say = "revoke token {token-name} of {userid}", .digest = true),
    ROW("pbs_acl_modify", "Change an access entry",
        "Plans giving a user or token a role on a path, or taking it away.", acl_fields, "inverse",
        NULL, "/access/acl Permissions.Modify, /access Sys.Audit", .does = SEND_ACTION,
        .method = "PUT", .path = ACL, .say = "role {role} of {auth-id} on {path}",
        .back = acl_back),
    {NULL},
};
