/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/firewall_int.h - rows of the firewall's plane: what the scopes (cluster,
 * security groups, nodes, guests) have in common, as initializers. */
#pragma once
#include "proximo-client/tools/send.h"

/* firewall_plan.c */
assess_fn assess_firewall;
/* The way back of a move and of a new name. */
int firewall_move_back(struct draft *d, const struct assess *a, struct err *e);
int firewall_rename_back(struct draft *d, const struct assess *a, struct err *e);

/* revert.c: of what locks us out, the timer, or, without one, an operator's decision; of what
 * becomes unreachable otherwise the timer that is asked for. */
int revert_firewall(struct draft *d, const struct assess *a, struct err *e);

#define FW_LEVELS "emerg|alert|crit|err|warning|notice|info|debug|nolog"
#define FW_POS                                                                                     \
    { "pos", F_INT, "position, 0 is asked first", true, .min = 0, .max = 100000 }
#define FW_DELETE                                                                                  \
    { "delete", F_STRS, "settings to take away", .max = 32 }
#define FW_COMMENT                                                                                 \
    { "comment", F_STR, NULL, .max = 1000 }
/* Both are sent, because the API takes away what an update leaves out. */
#define FW_COMMENT_SENT                                                                            \
    { "comment", F_STR, "empty: none", true, .max = 1000, .unset = "" }

/* What a rule may hold; `type` and `action` with `need` when it is made. */
#define FW_RULE_FIELDS(need)                                                                       \
    {"type", F_ENUM, "direction, or a security group", need, .choices = "in|out|forward|group"},   \
        {"action", F_STR, "ACCEPT, DROP, REJECT, or the group's name", need, .max = 20},           \
        {"enable", F_INT, "1: on; a new rule is off unless this says so", .min = 0, .max = 1},     \
        {"macro", F_STR, "a macro's name (SSH, HTTPS …)", .max = 128},                             \
        {"proto", F_STR, "protocol", .max = 64},                                                   \
        {"dport", F_STR, "destination ports: 80,443,8000:8010", .max = 200},                       \
        {"sport", F_STR, "source ports", .max = 200}, {"icmp-type", F_STR, "for ICMP", .max = 64}, \
        {"source", F_STR, "address, network, range, list, alias or +ipset", .max = 512},           \
        {"dest", F_STR, "the same for the destination", .max = 512},                               \
        {"iface", F_STR, "network interface (of guests: net0 …)", .min = 2, .max = 20},            \
        {"log", F_ENUM, "log level", .choices = FW_LEVELS}, FW_COMMENT

/* Six rows of a list of rules. P: the names' beginning; WHERE: "of the cluster"; LIST: path. */
#define FW_RULE_ROWS(P, WHERE, LIST, THING, LF, ONE, GONE, NEW, CHANGE, MOVE, SEE, EDIT)           \
    {P "_rules_list",                                                                              \
     "Firewall rules " WHERE,                                                                      \
     "Lists the firewall rules " WHERE " in the order they are asked. Changes nothing.",           \
     "firewall",                                                                                   \
     EFFECT_READ,                                                                                  \
     ROW_IDEMPOTENT,                                                                               \
     LF,                                                                                           \
     .path = LIST,                                                                                 \
     .privilege = SEE,                                                                             \
     .result = LIST_RESULT},                                                                       \
        {P "_rule_get",                                                                            \
         "One firewall rule " WHERE,                                                               \
         "Shows one firewall rule " WHERE ". Changes nothing.",                                    \
         "firewall",                                                                               \
         EFFECT_READ,                                                                              \
         ROW_IDEMPOTENT,                                                                           \
         ONE,                                                                                      \
         .path = LIST "/{pos}",                                                                    \
         .privilege = SEE,                                                                         \
         .result = "type:string action:string"},                                                   \
        {P "_rule_add",                                                                            \
         "Add a firewall rule " WHERE,                                                             \
         "Plans a new firewall rule " WHERE                                                        \
         " at the top, where it is asked first; it may open or close access, also ours." PLANS,    \
         "firewall",                                                                               \
         EFFECT_CHANGE,                                                                            \
         0,                                                                                        \
         NEW,                                                                                      \
         .analysers = "firewall",                                                                  \
         .undo = "inverse",                                                                        \
         .privilege = EDIT,                                                                        \
         .send = &(const struct send){.does = SEND_CREATE,                                         \
                                      .on = &THING,                                                \
                                      .method = "POST",                                            \
                                      .path = LIST,                                                \
                                      .say = "add a firewall rule " WHERE ": {type} {action}",     \
                                      .assess = assess_firewall,                                   \
                                      .more = revert_firewall}},                                   \
        {P "_rule_update",                                                                         \
         "Change a firewall rule " WHERE,                                                          \
         "Plans other settings of a firewall rule " WHERE                                          \
         "; it may open or close access, also ours." PLANS,                                        \
         "firewall",                                                                               \
         EFFECT_CHANGE,                                                                            \
         0,                                                                                        \
         CHANGE,                                                                                   \
         .analysers = "firewall",                                                                  \
         .undo = "restore-object",                                                                 \
         .privilege = EDIT,                                                                        \
         .send = &(const struct send){.does = SEND_UPDATE,                                         \
                                      .on = &THING,                                                \
                                      .method = "PUT",                                             \
                                      .path = LIST "/{pos}",                                       \
                                      .say = "change firewall rule {pos} " WHERE,                  \
                                      .digest = true,                                              \
                                      .assess = assess_firewall,                                   \
                                      .more = revert_firewall}},                                   \
        {P "_rule_move",                                                                           \
         "Move a firewall rule " WHERE,                                                            \
         "Plans another position of a firewall rule " WHERE                                        \
         "; the first rule that fits decides, so order is access." PLANS,                          \
         "firewall",                                                                               \
         EFFECT_CHANGE,                                                                            \
         0,                                                                                        \
         MOVE,                                                                                     \
         .analysers = "firewall",                                                                  \
         .undo = "inverse",                                                                        \
         .privilege = EDIT,                                                                        \
         .send = &(const struct send){.does = SEND_ACTION,                                         \
                                      .on = &THING,                                                \
                                      .method = "PUT",                                             \
                                      .path = LIST "/{pos}",                                       \
                                      .say = "move firewall rule {pos} " WHERE " before {moveto}", \
                                      .digest = true,                                              \
                                      .assess = assess_firewall,                                   \
                                      .more = revert_firewall,                                     \
                                      .back = firewall_move_back}},                                \
    {                                                                                              \
        P "_rule_remove", "Remove a firewall rule " WHERE,                                         \
            "Plans removing a firewall rule " WHERE                                                \
            "; it may open or close access, also ours." PLANS,                                     \
            "firewall", EFFECT_CHANGE, 0, GONE, .analysers = "firewall", .undo = "restore-object", \
                                                .privilege = EDIT, .send = &(const struct send) {  \
            .does = SEND_DELETE, .on = &THING, .method = "DELETE", .path = LIST "/{pos}",          \
            .say = "remove firewall rule {pos} " WHERE, .digest = true, .assess = assess_firewall, \
            .more = revert_firewall                                                                \
        }                                                                                          \
    }

/* The thing that those rows are about. */
#define FW_RULE_THING(P, ID, LIST)                                                                 \
    {                                                                                              \
        .kind = "firewall rule", .id = ID, .read = LIST "/{pos}", .list = LIST, .match = "pos",    \
        .drop = "pos ipversion errors", .made_by = P "_rule_add", .deleted_by = P "_rule_remove",  \
        .ordered = true                                                                            \
    }

#define FW_OPTION_ROWS(P, WHERE, PATH, THING, LF, CHANGE, SEE, EDIT)                               \
    {P "_options_get",                                                                             \
     "Firewall options " WHERE,                                                                    \
     "Shows the firewall's options " WHERE "; what is absent has its default. Changes nothing.",   \
     "firewall",                                                                                   \
     EFFECT_READ,                                                                                  \
     ROW_IDEMPOTENT,                                                                               \
     LF,                                                                                           \
     .path = PATH,                                                                                 \
     .privilege = SEE,                                                                             \
     .result = "digest:string"},                                                                   \
    {                                                                                              \
        P "_options_set", "Change firewall options " WHERE,                                        \
            "Plans firewall options " WHERE                                                        \
            ": switching it on or off and its policies decide who gets in, us included." PLANS,    \
            "firewall", EFFECT_CHANGE, 0, CHANGE, .analysers = "firewall",                         \
                                                  .undo = "restore-object", .privilege = EDIT,     \
                                                  .send = &(const struct send) {                   \
            .does = SEND_UPDATE, .on = &THING, .method = "PUT", .path = PATH,                      \
            .say = "change the firewall's options " WHERE, .digest = true,                         \
            .assess = assess_firewall, .more = revert_firewall                                     \
        }                                                                                          \
    }
#define FW_OPTION_THING(ID, PATH)                                                                  \
    { .kind = "firewall options", .id = ID, .read = PATH }
