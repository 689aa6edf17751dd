/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about notifications: where they can go (endpoints) and which go where (matchers). Passwords,
 * tokens and secrets are written, never read: PVE does not show them. */
#include "proximo-client/tools/send.h"

#define NOTIFY  "/cluster/notifications"
#define WRITE   "/mapping/notifications Mapping.Modify, / Sys.AccessNetwork|Sys.Modify"
#define MATCHES "/mapping/notifications Mapping.Modify"

#define ENDPOINT(word)                                                                             \
    {                                                                                              \
        .kind = word "-target", .id = "name", .read = NOTIFY "/endpoints/" word "/{name}",         \
        .list = NOTIFY "/endpoints/" word, .match = "name", .drop = "name origin secret",          \
        .made_by = "pve_notification_" word "_create",                                             \
        .deleted_by = "pve_notification_" word "_delete",                                          \
    }

static const struct thing sendmail = ENDPOINT("sendmail"), smtp = ENDPOINT("smtp"),
                          gotify = ENDPOINT("gotify"), webhook = ENDPOINT("webhook");
static const struct thing matcher = {
    .kind = "matcher",
    .id = "name",
    .read = NOTIFY "/matchers/{name}",
    .list = NOTIFY "/matchers",
    .match = "name",
    .drop = "name origin",
    .made_by = "pve_notification_matcher_create",
    .deleted_by = "pve_notification_matcher_delete",
};

#define NAME                                                                                       \
    { "name", F_STR, NULL, true, .min = 2, .max = 128 }
#define KEYS                                                                                       \
    { "delete", F_STRS, "keys to delete", .repeated = true, .max = 16 }
#define COMMON                                                                                     \
    {"comment", F_STR, NULL, .max = 4096}, {                                                       \
        "disable", F_BOOL                                                                          \
    }
#define MAIL                                                                                       \
    {"mailto", F_STRS, "addresses", .repeated = true, .max = 64},                                  \
        {"mailto-user", F_STRS, "users of PVE", .repeated = true, .max = 64}, {                    \
        "author", F_STR, NULL, .max = 255                                                          \
    }
#define FROM(need)                                                                                 \
    { "from-address", F_STR, NULL, need, .max = 255 }
#define SERVER(need)                                                                               \
    { "server", F_STR, "name, address or URL", need, .max = 1024 }
#define LOGIN                                                                                      \
    {"mode", F_ENUM, "encryption", .choices = "insecure|starttls|tls"},                            \
        {"port", F_INT, NULL, .min = 1, .max = 65535}, {"username", F_STR, NULL, .max = 255}, {    \
        "password", F_STR, NULL, .secret = true, .max = 1024                                       \
    }
#define HOOK(need)                                                                                 \
    {"url", F_STR, NULL, need, .max = 4096},                                                       \
        {"method", F_ENUM, NULL, need, .choices = "post|put|get"},                                 \
        {"header", F_STRS, "name=N,value=BASE64", .repeated = true, .max = 64},                    \
        {"body", F_STR, "base64", .max = 65536}, {                                                 \
        "secret", F_STR, "name=N,value=BASE64, one", .secret = true, .max = 4096                   \
    }

static const struct field name_fields[] = {NAME, {NULL}};
static const struct field sendmail_create_fields[] = {NAME, MAIL, FROM(false), COMMON, {NULL}};
static const struct field sendmail_update_fields[] = {NAME,   MAIL, FROM(false),
                                                      COMMON, KEYS, {NULL}};
static const struct field smtp_create_fields[] = {NAME,  SERVER(true), FROM(true), MAIL,
                                                  LOGIN, COMMON,       {NULL}};
static const struct field smtp_update_fields[] = {NAME,  SERVER(false), FROM(false), MAIL,
                                                  LOGIN, COMMON,        KEYS,        {NULL}};
static const struct field gotify_create_fields[] = {
    NAME, SERVER(true), {"token", F_STR, NULL, true, .secret = true, .max = 1024}, COMMON, {NULL}};
static const struct field gotify_update_fields[] = {
    NAME, SERVER(false), {"token", F_STR, NULL, .secret = true, .max = 1024}, COMMON, KEYS, {NULL}};
static const struct field webhook_create_fields[] = {NAME, HOOK(true), COMMON, {NULL}};
static const struct field webhook_update_fields[] = {NAME, HOOK(false), COMMON, KEYS, {NULL}};
#define MATCHER                                                                                    \
    {"mode", F_ENUM, "do all conditions have to hold?", .choices = "all|any"},                     \
        {"match-field", F_STRS, "exact:NAME=VALUE or regex:NAME=PATTERN", .repeated = true,        \
         .max = 64},                                                                               \
        {"match-severity", F_STRS, "info notice warning error unknown", .repeated = true,          \
         .max = 16},                                                                               \
        {"match-calendar", F_STRS, "e.g. mon..fri 8-17", .repeated = true, .max = 16},             \
        {"invert-match", F_BOOL},                                                                  \
        {"target", F_STRS, "names of endpoints", .repeated = true, .max = 64}, COMMON
static const struct field matcher_create_fields[] = {NAME, MATCHER, {NULL}};
static const struct field matcher_update_fields[] = {NAME, MATCHER, KEYS, {NULL}};

#define CREATE_ROW(on_it, word, what, privs, sub)                                                  \
    {                                                                                              \
        "pve_notification_" word "_create", "Make a " what, "Plans a new " what "." PLANS,         \
            "notify", EFFECT_CHANGE, 0, on_it##_create_fields,                                     \
            .undo = "inverse", .privilege = (privs), .send = &(const struct send) {                \
            .does = SEND_CREATE, .on = &(on_it), .method = "POST", .path = NOTIFY sub,             \
            .say = "make " what " {name}", .alone = "nothing depends on it before it is named"     \
        }                                                                                          \
    }
#define UPDATE_ROW(on_it, word, what, privs, sub)                                                  \
    {                                                                                              \
        "pve_notification_" word "_update", "Change a " what,                                      \
            "Plans changing a " what ": notifications may go elsewhere, or nowhere." PLANS,        \
            "notify", EFFECT_CHANGE, 0, on_it##_update_fields,                                     \
            .undo = "restore-object", .privilege = (privs), .send = &(const struct send) {         \
            .does = SEND_UPDATE, .on = &(on_it), .method = "PUT", .path = NOTIFY sub "/{name}",    \
            .say = "change " what " {name}", .digest = true, .alone = "it only tells people",      \
            .floor = RISK_MEDIUM,                                                                  \
            .floor_why = "news of failed backups and of fencing may reach nobody"                  \
        }                                                                                          \
    }
#define DELETE_ROW(on_it, word, what, sub, kind_of_undo, why_none)                                 \
    {                                                                                              \
        "pve_notification_" word "_delete", "Delete a " what,                                      \
            "Plans deleting a " what "; one that comes with PVE is reset instead." PLANS,          \
            "notify", EFFECT_CHANGE, 0, name_fields,                                               \
            .undo = (kind_of_undo), .undo_none = (why_none), .privilege = MATCHES,                 \
            .send = &(const struct send) {                                                         \
            .does = SEND_DELETE, .on = &(on_it), .method = "DELETE", .path = NOTIFY sub "/{name}", \
            .say = "delete " what " {name}",                                                       \
            .alone = "it only tells people; PVE refuses while a matcher names it",                 \
            .floor = RISK_MEDIUM,                                                                  \
            .floor_why = "news of failed backups and of fencing may reach nobody"                  \
        }                                                                                          \
    }

const struct row notify_rows[] = {
    CREATE_ROW(sendmail, "sendmail", "mail target", WRITE, "/endpoints/sendmail"),
    UPDATE_ROW(sendmail, "sendmail", "mail target", WRITE, "/endpoints/sendmail"),
    DELETE_ROW(sendmail, "sendmail", "mail target", "/endpoints/sendmail", "restore-object", NULL),
    CREATE_ROW(smtp, "smtp", "mail server target", WRITE, "/endpoints/smtp"),
    UPDATE_ROW(smtp, "smtp", "mail server target", WRITE, "/endpoints/smtp"),
    DELETE_ROW(smtp, "smtp", "mail server target", "/endpoints/smtp", "restore-object", NULL),
    CREATE_ROW(gotify, "gotify", "Gotify target", WRITE, "/endpoints/gotify"),
    UPDATE_ROW(gotify, "gotify", "Gotify target", WRITE, "/endpoints/gotify"),
    DELETE_ROW(gotify, "gotify", "Gotify target", "/endpoints/gotify", "none",
               "its token cannot be read from the API and it cannot be made without one"),
    CREATE_ROW(webhook, "webhook", "webhook target", WRITE, "/endpoints/webhook"),
    UPDATE_ROW(webhook, "webhook", "webhook target", WRITE, "/endpoints/webhook"),
    DELETE_ROW(webhook, "webhook", "webhook target", "/endpoints/webhook", "restore-object", NULL),
    CREATE_ROW(matcher, "matcher", "notification matcher", MATCHES, "/matchers"),
    UPDATE_ROW(matcher, "matcher", "notification matcher", MATCHES, "/matchers"),
    DELETE_ROW(matcher, "matcher", "notification matcher", "/matchers", "restore-object", NULL),
    {"pve_notification_target_test", "Send a test notification",
     "Plans sending a test notification to a target." PLANS, "notify", EFFECT_CHANGE, 0,
     name_fields, .undo = "none", .undo_none = "what was sent cannot be called back",
     .privilege = "/mapping/notifications Mapping.Use|Mapping.Modify",
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "POST",
             .path = NOTIFY "/targets/{name}/test",
             .say = "send a test notification to {name}",
             .reads = NOTIFY "/targets whole",
             .alone = "one message is sent",
         }},
    {NULL},
};
