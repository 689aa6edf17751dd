/* SPDX-License-Identifier: Apache-2.0 */
/* What a backup server is told about others: remotes that it pulls from, and how fast which
 * networks may go. */
#include "proximo-client/tools/pbs.h"
#include "proximo-client/tools/pbs_assess.h"

#define NAME_FIELD                                                                                 \
    { "name", F_STR, NULL, true, .min = 3, .max = 32 }
#define DELETE_KEYS                                                                                \
    { "delete", F_STRS, "keys to delete", .repeated = true, .max = 16 }
#define SECTION(what, word, at, maker)                                                             \
    {                                                                                              \
        .kind = word, .id = "name", .read = at "/{name}", .list = at, .match = "name",             \
        .drop = "name", .beside = true, .made_by = maker, .deleted_by = "pbs_" what "_delete",     \
    }

/* A remote's password is never shown, so one that is deleted cannot be made again. */
static const struct thing remote =
    SECTION("remote", "remote", "/config/remote", "pbs_remote_create");
#define REMOTE_SETTINGS(need)                                                                      \
    {"host", F_STR, "name or address", need, .max = 255},                                          \
        {"auth-id", F_STR, "user@realm or user@realm!token there", need, .min = 3, .max = 128},    \
        {"password", F_STR, "or the token's secret", need, .secret = true, .max = 1024},           \
        {"port", F_INT, "default: 8007", .min = 1, .max = 65535},                                  \
        {"fingerprint", F_STR, "SHA-256 of its certificate", .max = 95}, {                         \
        "comment", F_STR, NULL, .max = 128                                                         \
    }
static const struct field remote_new[] = {NAME_FIELD, REMOTE_SETTINGS(true), {NULL}};
static const struct field remote_change[] = {
    NAME_FIELD, REMOTE_SETTINGS(false), DELETE_KEYS, {NULL}};
static const struct field one[] = {NAME_FIELD, {NULL}};

static const struct thing rule = SECTION("traffic_control", "traffic-rule",
                                         "/config/traffic-control", "pbs_traffic_control_create");
#define RULE_SETTINGS(need)                                                                        \
    {"network", F_STRS, "CIDRs of who connects", need, .repeated = true, .max = 64},               \
        {"rate-in", F_STR, "to this server, e.g. 100MB a second", .max = 32},                      \
        {"burst-in", F_STR, NULL, .max = 32}, {"rate-out", F_STR, "from it", .max = 32},           \
        {"burst-out", F_STR, NULL, .max = 32},                                                     \
        {"timeframe", F_STRS, "e.g. mon..fri 8-17:30; default: always", .repeated = true,          \
         .max = 32},                                                                               \
    {                                                                                              \
        "comment", F_STR, NULL, .max = 128                                                         \
    }
static const struct field rule_new[] = {NAME_FIELD, RULE_SETTINGS(true), {NULL}};
static const struct field rule_change[] = {NAME_FIELD, RULE_SETTINGS(false), DELETE_KEYS, {NULL}};

#define SPEED                                                                                      \
    .alone = "only how fast connections from its networks go changes; what is stored stays",       \
    .floor = RISK_LOW, .floor_why = "backups and restores over these networks take another time"
#define RULES "/system Sys.Modify, / Sys.Audit"
#define ROW(NAME, TITLE, DESC, FIELDS, UNDO, RIGHTS, ...)                                          \
    {                                                                                              \
        NAME, TITLE, DESC PLANS, "pbs", EFFECT_CHANGE, 0, FIELDS, .undo = UNDO,                    \
                                                                  .privilege = RIGHTS, __VA_ARGS__ \
    }

const struct row pbs_config_rows[] = {
    ROW("pbs_remote_create", "Add a remote",
        "Plans adding another backup server that sync jobs may pull from.", remote_new, "inverse",
        "/remote Remote.Modify, /remote Remote.Audit", .analysers = "pbs_remote",
        .send = &(const struct send){.does = SEND_CREATE,
                                     .on = &remote,
                                     .method = "POST",
                                     .path = "/config/remote",
                                     .say = "add remote {name} at {host}",
                                     .assess = assess_pbs_remote}),
    ROW("pbs_remote_update", "Change a remote",
        "Plans another address, user or certificate of a remote: its sync jobs pull from there "
        "then.",
        remote_change, "restore-object",
        "/remote/{name} Remote.Modify, /remote/{name} Remote.Audit, /datastore Datastore.Audit",
        .analysers = "pbs_remote",
        .send = &(const struct send){.does = SEND_UPDATE,
                                     .on = &remote,
                                     .method = "PUT",
                                     .path = "/config/remote/{name}",
                                     .say = "change remote {name}",
                                     .digest = true,
                                     .assess = assess_pbs_remote}),
    ROW("pbs_remote_delete", "Remove a remote",
        "Plans removing a remote; the server refuses it while a sync job pulls from there.", one,
        "none",
        "/remote/{name} Remote.Modify, /remote/{name} Remote.Audit, /datastore Datastore.Audit",
        .undo_none = "its password cannot be read from the API and it cannot be made without one",
        .analysers = "pbs_remote",
        .send = &(const struct send){.does = SEND_DELETE,
                                     .on = &remote,
                                     .method = "DELETE",
                                     .path = "/config/remote/{name}",
                                     .say = "remove remote {name}",
                                     .digest = true,
                                     .assess = assess_pbs_remote,
                                     .floor = RISK_MEDIUM,
                                     .floor_why = "its password must be given again"}),
    ROW("pbs_traffic_control_create", "Limit the speed of networks",
        "Plans a rule for how fast connections from some networks may be.", rule_new, "inverse",
        RULES,
        .send = &(const struct send){.does = SEND_CREATE,
                                     .on = &rule,
                                     .method = "POST",
                                     .path = "/config/traffic-control",
                                     .say = "limit the speed of {network}: rule {name}",
                                     SPEED}),
    ROW("pbs_traffic_control_update", "Change a speed rule",
        "Plans other speeds, networks or times of a rule.", rule_change, "restore-object", RULES,
        .send = &(const struct send){.does = SEND_UPDATE,
                                     .on = &rule,
                                     .method = "PUT",
                                     .path = "/config/traffic-control/{name}",
                                     .say = "change speed rule {name}",
                                     .digest = true,
                                     SPEED}),
    ROW("pbs_traffic_control_delete", "Remove a speed rule",
        "Plans removing a rule: connections from its networks are as fast as they can be.", one,
        "restore-object", RULES,
        .send = &(const struct send){.does = SEND_DELETE,
                                     .on = &rule,
                                     .method = "DELETE",
                                     .path = "/config/traffic-control/{name}",
                                     .say = "remove speed rule {name}",
                                     .digest = true,
                                     SPEED}),
    {NULL},
};
