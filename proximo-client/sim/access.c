/* SPDX-License-Identifier: Apache-2.0 */
/* Users, groups, tokens, and who may touch them. */
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/access.h"
#include "proximo-client/sim/auth.h"
#include "proximo-client/sim/routes.h"

int route_access_index(struct call *c) {
    static const char *const names[] = {"users",  "groups", "roles",  "acl",     "domains",
                                        "openid", "tfa",    "ticket", "password"};

    c->data = index_of("subdir", names, ARRAY_LEN(names));
    return 0;
}

/* User.Modify (or Sys.Audit) over one of the user's groups, or over all groups. */
bool access_over_user(struct call *c, const char *userid, const char *privs) {
    js *groups = state_get(&c->s->st, "groups", NULL);

    if (call_has(c, "/access/groups", privs)) {
        return true;
    }
    if (groups) {
        JS_FOREACH(groups, id, g) {
            char path[160];

            (void)snprintf(path, sizeof(path), "/access/groups/%s", id);
            if (js_get(js_get(g, "users"), userid) && call_has(c, path, privs)) {
                return true;
            }
        }
    }
    return false;
}

static int need_over_user(struct call *c, const char *userid, const char *privs) {
    return access_over_user(c, userid, privs)
               ? 0
               : call_fail(c, 403, "Permission check failed (/access/groups, %s)", privs);
}

static int user_of_call(struct call *c, js **ret) {
    const char *userid = call_str(c, "userid");

    *ret = state_get(&c->s->st, "users", userid, NULL);
    return *ret ? 0 : call_fail(c, 500, "no such user ('%s')", userid);
}

static js *groups_of(struct sim *s, const char *userid) {
    js *groups = state_get(&s->st, "groups", NULL), *list = js_array();

    if (groups) {
        JS_FOREACH(groups, id, g) {
            if (js_get(js_get(g, "users"), userid)) {
                js_push(list, js_str(id));
            }
        }
    }
    return list;
}

static js *token_out(const js *info) {
    js *o = js_object();

    js_add(o, "expire", js_int(js_int_or(info, "expire", 0)));
    js_add(o, "privsep", js_int(js_int_or(info, "privsep", 1)));
    if (js_get(info, "comment")) {
        js_add(o, "comment", js_ref(js_get(info, "comment")));
    }
    return o;
}

static js *user_out(const js *user) {
    static const char *const copy[] = {"comment", "email", "firstname", "lastname", "keys"};
    js *o = js_object();

    js_add(o, "enable", js_int(js_int_or(user, "enable", 1)));
    js_add(o, "expire", js_int(js_int_or(user, "expire", 0)));
    for (size_t i = 0; i < ARRAY_LEN(copy); i++) {
        if (js_get(user, copy[i])) {
            js_add(o, copy[i], js_ref(js_get(user, copy[i])));
        }
    }
    return o;
}

static js *tokens_list(const js *user) {
    js *tokens = js_get(user, "tokens"), *list = js_array();

    if (tokens) {
        JS_FOREACH(tokens, id, info) {
            js *o = token_out(info);

            js_add(o, "tokenid", js_str(id));
            js_push(list, o);
        }
    }
    return list;
}

int route_users(struct call *c) {
    js *users = state_get(&c->s->st, "users", NULL);

    c->data = js_array();
    JS_FOREACH(users, id, user) {
        const char *realm = strrchr(id, '@');
        js *o;

        if (strcmp(id, c->user) != 0 && !access_over_user(c, id, "User.Modify|Sys.Audit")) {
            continue;
        }
        if (js_get(c->params, "enabled") &&
            call_bool(c, "enabled", true) != js_bool_or(user, "enable", true)) {
            continue;
        }
        o = user_out(user);
        js_add(o, "userid", js_str(id));
        js_add(o, "realm-type",
               js_str(js_str_or(state_get(&c->s->st, "domains", realm ? realm + 1 : "", NULL),
                                "type", realm ? realm + 1 : "")));
        if (call_bool(c, "full", false)) {
            CLEANUP(js_freep) js *groups = groups_of(c->s, id);
            char list[1024] = "";

            for (size_t i = 0; i < js_len(groups); i++) {
                (void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
                               i ? "," : "", json_object_get_string(js_at(groups, i)));
            }
            js_add(o, "groups", js_str(list));
            js_add(o, "tokens", tokens_list(user));
        }
        js_push(c->data, o);
    }
    return 0;
}

int route_user_get(struct call *c) {
    js *user, *tokens;

    if (need_over_user(c, call_str(c, "userid"), "User.Modify|Sys.Audit") < 0 ||
        user_of_call(c, &user) < 0) {
        return -1;
    }
    c->data = user_out(user);
    js_add(c->data, "groups", groups_of(c->s, call_str(c, "userid")));
    tokens = js_get(user, "tokens");
    if (tokens && js_members(tokens)) {
        js *all = js_object();

        JS_FOREACH(tokens, id, info) {
            js_add(all, id, token_out(info));
        }
        js_add(c->data, "tokens", all);
    } else {
        js_add(c->data, "tokens", NULL);
    }
    return 0;
}

static int set_groups(struct call *c, const char *userid, bool append) {
    js *groups = state_get(&c->s->st, "groups", NULL);
    char list[1024];

    if (!call_str(c, "groups")) {
        return 0;
    }
    if (!append && groups) {
        CLEANUP(js_freep) js *have = groups_of(c->s, userid);

        for (size_t i = 0; i < js_len(have); i++) {
            state_del(&c->s->st, "groups", json_object_get_string(js_at(have, i)), "users", userid,
                      NULL);
        }
    }
    (void)snprintf(list, sizeof(list), "%s", call_str(c, "groups"));
    for (char *save = NULL, *id = strtok_r(list, ",; ", &save); id;
         id = strtok_r(NULL, ",; ", &save)) {
        if (!state_get(&c->s->st, "groups", id, NULL)) {
            return call_fail(c, 500, "no such group '%.100s'", id);
        }
        state_set(&c->s->st, js_int(1), "groups", id, "users", userid, NULL);
    }
    return 0;
}

static void set_fields(struct call *c, const char *userid) {
    static const char *const text[] = {"comment", "email", "firstname", "lastname", "keys"};

    for (size_t i = 0; i < ARRAY_LEN(text); i++) {
        if (call_str(c, text[i])) {
            state_set(&c->s->st, js_str(call_str(c, text[i])), "users", userid, text[i], NULL);
            if (strcmp(text[i], "comment") == 0 &&
                !state_get(&c->s->st, "users", userid, "email", NULL)) {
                /* the file's empty columns come back as an empty string */
                state_set(&c->s->st, js_str(""), "users", userid, "email", NULL);
            }
        }
    }
    if (js_get(c->params, "enable")) {
        state_set(&c->s->st, js_int(call_bool(c, "enable", true)), "users", userid, "enable", NULL);
    }
    if (js_get(c->params, "expire")) {
        state_set(&c->s->st, js_int(call_int(c, "expire", 0)), "users", userid, "expire", NULL);
    }
}

int route_user_create(struct call *c) {
    const char *userid = call_str(c, "userid");
    const char *realm = strrchr(userid, '@');
    char path[160];
    js *user;

    if (!ident_is_userid(userid)) {
        return call_fail(c, 500, "value '%.80s' does not look like a valid user name", userid);
    }
    (void)snprintf(path, sizeof(path), "/access/realm/%s", realm + 1);
    if (!call_may(c, path, "Realm.AllocateUser") || need_over_user(c, "", "User.Modify") < 0) {
        return -1;
    }
    if (!state_get(&c->s->st, "domains", realm + 1, NULL)) {
        return call_fail(c, 500, "create user failed: realm '%s' does not exist", realm + 1);
    }
    if (state_get(&c->s->st, "users", userid, NULL)) {
        return call_fail(c, 500, "create user failed: user '%s' already exists", userid);
    }
    user = js_object();
    js_add(user, "enable", js_int(1));
    js_add(user, "expire", js_int(0));
    state_set(&c->s->st, user, "users", userid, NULL);
    set_fields(c, userid);
    sim_tick(c->s);
    return set_groups(c, userid, true);
}

int route_user_update(struct call *c) {
    const char *userid = call_str(c, "userid");
    js *user;

    if (need_over_user(c, userid, "User.Modify") < 0 || user_of_call(c, &user) < 0) {
        return -1;
    }
    set_fields(c, userid);
    sim_tick(c->s);
    return set_groups(c, userid, call_bool(c, "append", false));
}

/* Every ACL entry of one principal goes with it. */
static void drop_acl(struct sim *s, const char *who) {
    js *acl = state_get(&s->st, "acl", NULL), *paths = js_array();

    if (acl) {
        JS_FOREACH(acl, path, entries) {
            if (js_get(entries, who)) {
                js_push(paths, js_str(path));
            }
        }
    }
    for (size_t i = 0; i < js_len(paths); i++) {
        const char *path = json_object_get_string(js_at(paths, i));

        state_del(&s->st, "acl", path, who, NULL);
        if (js_members(state_get(&s->st, "acl", path, NULL)) == 0) {
            state_del(&s->st, "acl", path, NULL);
        }
    }
    js_freep(&paths);
}

int route_user_delete(struct call *c) {
    const char *userid = call_str(c, "userid");
    js *user, *tokens, *groups;
    char who[300];

    if (need_over_user(c, userid, "User.Modify") < 0 || user_of_call(c, &user) < 0) {
        return -1;
    }
    if (strcmp(userid, "root@pam") == 0) {
        return call_fail(c, 500, "delete user failed: can't delete user 'root@pam'");
    }
    tokens = js_get(user, "tokens");
    if (tokens) {
        JS_FOREACH(tokens, id, info) {
            (void)info;
            (void)snprintf(who, sizeof(who), "token:%s!%s", userid, id);
            drop_acl(c->s, who);
        }
    }
    (void)snprintf(who, sizeof(who), "user:%s", userid);
    drop_acl(c->s, who);
    groups = groups_of(c->s, userid);
    for (size_t i = 0; i < js_len(groups); i++) {
        state_del(&c->s->st, "groups", json_object_get_string(js_at(groups, i)), "users", userid,
                  NULL);
    }
    js_freep(&groups);
    state_del(&c->s->st, "users", userid, NULL);
    sim_tick(c->s);
    return 0;
}

/* ---- tokens ---- */

/* A token is not its user: even its own user's tokens it may only touch with User.Modify. */
static int need_own(struct call *c) {
    return access_over_user(c, call_str(c, "userid"), "User.Modify")
               ? 0
               : call_fail(c, 403, "Permission check failed");
}

int route_tokens(struct call *c) {
    js *user;

    if (need_own(c) < 0 || user_of_call(c, &user) < 0) {
        return -1;
    }
    c->data = tokens_list(user);
    return 0;
}

static int token_of_call(struct call *c, js **ret) {
    js *user;

    if (need_own(c) < 0 || user_of_call(c, &user) < 0) {
        return -1;
    }
    *ret = js_get(js_get(user, "tokens"), call_str(c, "tokenid"));
    return *ret ? 0
                : call_fail(c, 500, "no such token '%s' for user '%s'", call_str(c, "tokenid"),
                            call_str(c, "userid"));
}

int route_token_get(struct call *c) {
    js *info;

    if (token_of_call(c, &info) < 0) {
        return -1;
    }
    c->data = token_out(info);
    return 0;
}

int route_token_create(struct call *c) {
    const char *userid = call_str(c, "userid"), *tokenid = call_str(c, "tokenid");
    js *user, *info, *shown;
    char secret[37], full[260];

    if (need_own(c) < 0 || user_of_call(c, &user) < 0) {
        return -1;
    }
    (void)snprintf(full, sizeof(full), "%s!%s", userid, tokenid);
    if (!ident_is_tokenid(full)) {
        return call_param_error(c, "tokenid", "value does not match the regex pattern");
    }
    if (js_get(js_get(user, "tokens"), tokenid)) {
        return call_param_error(c, "tokenid", "Token already exists.");
    }
    auth_secret(secret);
    info = js_object();
    js_add(info, "expire", js_int(call_int(c, "expire", 0)));
    js_add(info, "privsep", js_int(call_bool(c, "privsep", true)));
    if (call_str(c, "comment")) {
        js_add(info, "comment", js_str(call_str(c, "comment")));
    }
    js_add(info, "hash", auth_hash(secret));
    shown = js_object();
    js_add(shown, "privsep", js_str(call_bool(c, "privsep", true) ? "1" : "0"));
    if (call_str(c, "comment")) {
        js_add(shown, "comment", js_str(call_str(c, "comment")));
    }
    if (js_get(c->params, "expire")) {
        js_add(shown, "expire", js_int(call_int(c, "expire", 0)));
    }
    state_set(&c->s->st, info, "users", userid, "tokens", tokenid, NULL);
    sim_tick(c->s);
    c->data = js_object();
    js_add(c->data, "full-tokenid", js_str(full));
    js_add(c->data, "info", shown);
    js_add(c->data, "value", js_str(secret));
    return 0;
}

int route_token_update(struct call *c) {
    const char *userid = call_str(c, "userid"), *tokenid = call_str(c, "tokenid");
    js *info;

    if (token_of_call(c, &info) < 0) {
        return -1;
    }
    if (js_get(c->params, "privsep")) {
        state_set(&c->s->st, js_int(call_bool(c, "privsep", true)), "users", userid, "tokens",
                  tokenid, "privsep", NULL);
    }
    if (js_get(c->params, "expire")) {
        state_set(&c->s->st, js_int(call_int(c, "expire", 0)), "users", userid, "tokens", tokenid,
                  "expire", NULL);
    }
    if (call_str(c, "comment")) {
        state_set(&c->s->st, js_str(call_str(c, "comment")), "users", userid, "tokens", tokenid,
                  "comment", NULL);
    }
    sim_tick(c->s);
    c->data = token_out(state_get(&c->s->st, "users", userid, "tokens", tokenid, NULL));
    return 0;
}

int route_token_delete(struct call *c) {
    js *info;
    char who[300];

    if (token_of_call(c, &info) < 0) {
        return -1;
    }
    (void)snprintf(who, sizeof(who), "token:%s!%s", call_str(c, "userid"), call_str(c, "tokenid"));
    drop_acl(c->s, who);
    state_del(&c->s->st, "users", call_str(c, "userid"), "tokens", call_str(c, "tokenid"), NULL);
    sim_tick(c->s);
    return 0;
}

/* ---- groups ---- */

int route_groups(struct call *c) {
    js *groups = state_get(&c->s->st, "groups", NULL);

    c->data = js_array();
    if (!groups) {
        return 0;
    }
    JS_FOREACH(groups, id, g) {
        char path[160], list[2048] = "";
        js *o, *users = js_get(g, "users");

        (void)snprintf(path, sizeof(path), "/access/groups/%s", id);
        if (!call_has(c, path, "User.Modify|Sys.Audit|Group.Allocate")) {
            continue;
        }
        if (users) {
            JS_FOREACH(users, user, on) {
                (void)on;
                (void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
                               *list ? "," : "", user);
            }
        }
        o = js_object();
        js_add(o, "groupid", js_str(id));
        js_add(o, "users", js_str(list));
        if (js_get(g, "comment")) {
            js_add(o, "comment", js_ref(js_get(g, "comment")));
        }
        js_push(c->data, o);
    }
    return 0;
}

static int group_of_call(struct call *c, js **ret) {
    *ret = state_get(&c->s->st, "groups", call_str(c, "groupid"), NULL);
    return *ret ? 0 : call_fail(c, 500, "group '%s' does not exist", call_str(c, "groupid"));
}

int route_group_get(struct call *c) {
    js *g, *list;

    if (group_of_call(c, &g) < 0) {
        return -1;
    }
    list = js_array();
    if (js_get(g, "users")) {
        JS_FOREACH(js_get(g, "users"), user, on) {
            (void)on;
            js_push(list, js_str(user));
        }
    }
    c->data = js_object();
    js_add(c->data, "members", list);
    if (js_get(g, "comment")) {
        js_add(c->data, "comment", js_ref(js_get(g, "comment")));
    }
    return 0;
}

int route_group_create(struct call *c) {
    const char *id = call_str(c, "groupid");
    js *g;

    if (state_get(&c->s->st, "groups", id, NULL)) {
        return call_fail(c, 500, "create group failed: group '%s' already exists", id);
    }
    g = js_object();
    js_add(g, "users", js_object());
    if (call_str(c, "comment")) {
        js_add(g, "comment", js_str(call_str(c, "comment")));
    }
    state_set(&c->s->st, g, "groups", id, NULL);
    sim_tick(c->s);
    return 0;
}

int route_group_update(struct call *c) {
    js *g;

    if (group_of_call(c, &g) < 0) {
        return -1;
    }
    if (call_str(c, "comment")) {
        state_set(&c->s->st, js_str(call_str(c, "comment")), "groups", call_str(c, "groupid"),
                  "comment", NULL);
        sim_tick(c->s);
    }
    return 0;
}

int route_group_delete(struct call *c) {
    js *g;
    char who[160];

    if (group_of_call(c, &g) < 0) {
        return -1;
    }
    (void)snprintf(who, sizeof(who), "group:%s", call_str(c, "groupid"));
    drop_acl(c->s, who);
    state_del(&c->s->st, "groups", call_str(c, "groupid"), NULL);
    sim_tick(c->s);
    return 0;
}
