/* SPDX-License-Identifier: Apache-2.0 */
/* Users, tokens and access entries of the simulated backup server are made, changed and removed. A
 * user that is deleted leaves its tokens and entries behind, as proxmox-backup 3.2 does; they are
 * kept apart until it is made again. */
#include "proximo-client/sim/pbs.h"

#include <string.h>

#include "common/own.h"
#include "proximo-client/sim/auth.h"

static js *user_of(struct call *c) {
    return state_get(&c->s->st, "users", pbs_text(c, "userid"), NULL);
}

static js *token_of(struct call *c) {
    return state_get(&c->s->st, "users", pbs_text(c, "userid"), "tokens", pbs_text(c, "token-name"),
                     NULL);
}

/* The parameters over what was; what is so by default is not written down. */
static js *merged(const struct call *c, const js *was) {
    static const char *const steers[] = {"userid", "token-name", "delete", "digest"};
    js *o = was ? js_copy(was) : js_object();

    pbs_drop_deleted(c, o);
    JS_FOREACH(c->params, key, val) {
        bool steering = false;

        for (size_t i = 0; i < ARRAY_LEN(steers); i++) {
            steering = steering || strcmp(key, steers[i]) == 0;
        }
        if (steering) {
            continue;
        }
        if (strcmp(key, "enable") == 0) {
            js_add(o, key, js_int(call_bool(c, key, true)));
        } else if (strcmp(key, "expire") == 0) {
            js_add(o, key, js_int(call_int(c, key, 0)));
        } else if (!*json_object_get_string(val)) {
            json_object_object_del(o, key);
        } else {
            js_add(o, key, js_copy(val));
        }
    }
    if (js_bool_or(o, "enable", true)) {
        js_add(o, "enable", js_int(1));
    }
    js_add(o, "expire", js_int(js_int_or(o, "expire", 0)));
    return o;
}

int route_pbs_user(struct call *c) {
    if (!user_of(c)) {
        return call_fail(c, 400, "no such user '%s'", pbs_text(c, "userid"));
    }
    c->data = pbs_user_out(pbs_text(c, "userid"), user_of(c));
    pbs_with_digest(c, "users");
    return 0;
}

int route_pbs_user_create(struct call *c) {
    const char *id = pbs_text(c, "userid");
    js *left = state_get(&c->s->st, "orphans", id, NULL);
    js *o;

    if (user_of(c)) {
        return call_fail(c, 400, "user '%s' already exists.", id);
    }
    o = merged(c, NULL);
    if (left) {
        js_add(o, "tokens", js_copy(left));
        state_del(&c->s->st, "orphans", id, NULL);
        if (!js_members(state_get(&c->s->st, "orphans", NULL))) {
            state_del(&c->s->st, "orphans", NULL);
        }
    }
    state_set(&c->s->st, o, "users", id, NULL);
    sim_tick(c->s);
    return 0;
}

int route_pbs_user_update(struct call *c) {
    if (pbs_same_digest(c, "users") < 0) {
        return -1;
    }
    if (!user_of(c)) {
        return call_fail(c, 400, "no such user '%s'", pbs_text(c, "userid"));
    }
    state_set(&c->s->st, merged(c, user_of(c)), "users", pbs_text(c, "userid"), NULL);
    sim_tick(c->s);
    return 0;
}

int route_pbs_user_delete(struct call *c) {
    const char *id = pbs_text(c, "userid");
    js *tokens;

    if (pbs_same_digest(c, "users") < 0) {
        return -1;
    }
    if (!user_of(c)) {
        return call_fail(c, 400, "user '%s' does not exist.", id);
    }
    tokens = js_get(user_of(c), "tokens");
    if (tokens) {
        state_set(&c->s->st, js_copy(tokens), "orphans", id, NULL);
    }
    state_del(&c->s->st, "users", id, NULL);
    sim_tick(c->s);
    return 0;
}

int route_pbs_token(struct call *c) {
    if (!token_of(c)) {
        return call_fail(c, 400, "no such token '%s!%s'", pbs_text(c, "userid"),
                         pbs_text(c, "token-name"));
    }
    c->data = pbs_token_out(pbs_text(c, "userid"), pbs_text(c, "token-name"), token_of(c));
    pbs_with_digest(c, "users");
    return 0;
}

int route_pbs_token_create(struct call *c) {
    const char *user = pbs_text(c, "userid"), *name = pbs_text(c, "token-name");
    char secret[37];
    js *o;

    if (!user_of(c)) {
        return call_fail(c, 400, "no such user '%s'", user);
    }
    if (token_of(c)) {
        return call_fail(c, 400, "token '%s' for user '%s' already exists.", name, user);
    }
    auth_secret(secret);
    o = merged(c, NULL);
    js_add(o, "hash", auth_hash(secret));
    state_set(&c->s->st, o, "users", user, "tokens", name, NULL);
    sim_tick(c->s);
    c->data = js_object();
    js_addf(c->data, "tokenid", "%s!%s", user, name);
    js_add(c->data, "value", js_str(secret));
    return 0;
}

int route_pbs_token_update(struct call *c) {
    if (pbs_same_digest(c, "users") < 0) {
        return -1;
    }
    if (!token_of(c)) {
        return call_fail(c, 400, "no such token '%s!%s'", pbs_text(c, "userid"),
                         pbs_text(c, "token-name"));
    }
    state_set(&c->s->st, merged(c, token_of(c)), "users", pbs_text(c, "userid"), "tokens",
              pbs_text(c, "token-name"), NULL);
    sim_tick(c->s);
    return 0;
}

int route_pbs_token_delete(struct call *c) {
    const char *user = pbs_text(c, "userid");

    if (pbs_same_digest(c, "users") < 0) {
        return -1;
    }
    if (!token_of(c)) {
        return call_fail(c, 400, "token '%s' of user '%s' does not exist.",
                         pbs_text(c, "token-name"), user);
    }
    state_del(&c->s->st, "users", user, "tokens", pbs_text(c, "token-name"), NULL);
    if (!js_members(js_get(user_of(c), "tokens"))) {
        state_del(&c->s->st, "users", user, "tokens", NULL);
    }
    sim_tick(c->s);
    return 0;
}

static bool is_there(struct call *c, const char *auth) {
    const char *bang = strchr(auth, '!');
    char user[130];

    (void)snprintf(user, sizeof(user), "%.*s", (int)strcspn(auth, "!"), auth);
    return bang ? state_get(&c->s->st, "users", user, "tokens", bang + 1, NULL) != NULL
                : state_get(&c->s->st, "users", user, NULL) != NULL;
}

int route_pbs_acl_update(struct call *c) {
    const char *path = pbs_text(c, "path"), *auth = pbs_text(c, "auth-id");
    const char *role = pbs_text(c, "role");
    char who[140];

    (void)snprintf(who, sizeof(who), "user:%.130s", auth);
    if (!pbs_is_role(role)) {
        return call_param_error(c, "role", "value '%s' is not defined in the enumeration.", role);
    }
    if (!call_bool(c, "delete", false)) {
        if (!is_there(c, auth)) {
            return call_fail(c, 400, "no such %s.", strchr(auth, '!') ? "API token" : "user");
        }
        state_set(&c->s->st, js_int(call_bool(c, "propagate", true)), "acl", path, who, role, NULL);
    } else {
        state_del(&c->s->st, "acl", path, who, role, NULL);
        if (!js_members(state_get(&c->s->st, "acl", path, who, NULL))) {
            state_del(&c->s->st, "acl", path, who, NULL);
        }
        if (!js_members(state_get(&c->s->st, "acl", path, NULL))) {
            state_del(&c->s->st, "acl", path, NULL);
        }
    }
    sim_tick(c->s);
    return 0;
}
