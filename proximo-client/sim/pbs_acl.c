/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what on the simulated backup server: fixed roles; the nearest path that says anything
 * about the user or token replaces what its parents said; a token never has more than its user. */
#include <string.h>

#include "common/own.h"
#include "proximo-client/sim/pbs.h"

static const struct {
    const char *name, *privs;
} roles[] = {
    {"Admin", "Sys.Audit Sys.Modify Sys.PowerManagement Datastore.Audit Datastore.Allocate "
              "Datastore.Modify Datastore.Read Datastore.Verify Datastore.Backup Datastore.Prune "
              "Permissions.Modify Remote.Audit Remote.Modify Remote.Read Sys.Console Tape.Audit "
              "Tape.Modify Tape.Write Tape.Read Realm.Allocate"},
    {"Audit", "Sys.Audit Datastore.Audit"},
    {"NoAccess", ""},
    {"DatastoreAdmin", "Datastore.Audit Datastore.Modify Datastore.Read Datastore.Verify "
                       "Datastore.Backup Datastore.Prune"},
    {"DatastoreReader", "Datastore.Audit Datastore.Verify Datastore.Read"},
    {"DatastoreBackup", "Datastore.Backup"},
    {"DatastorePowerUser", "Datastore.Prune Datastore.Backup"},
    {"DatastoreAudit", "Datastore.Audit"},
    {"RemoteAudit", "Remote.Audit"},
    {"RemoteAdmin", "Remote.Audit Remote.Modify Remote.Read"},
    {"RemoteSyncOperator", "Remote.Audit Remote.Read"},
};

static const char *role_privs(const char *role) {
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (strcmp(roles[i].name, role) == 0) {
            return roles[i].privs;
        }
    }
    return "";
}

/* {privilege: propagates} of one principal on a path. */
static js *own_privs(const struct state *s, const char *auth, const char *path) {
    js *got = js_object();
    char prefix[400], who[200];
    size_t n = strlen(path);

    (void)snprintf(who, sizeof(who), "user:%s", auth);
    for (size_t i = 1; n < sizeof(prefix) && i <= n; i++) {
        js *set, *here;
        bool counts = false;

        if (i > 1 && i < n && path[i] != '/') {
            continue;
        }
        (void)snprintf(prefix, sizeof(prefix), "%.*s", (int)i, path);
        set = state_get(s, "acl", prefix, who, NULL);
        here = js_object();
        JS_FOREACH(set ? set : here, role, flag) {
            bool propagate = json_object_get_int(flag) != 0;
            const char *p = role_privs(role);

            counts = counts || propagate || i == n;
            while ((propagate || i == n) && *p) {
                size_t m = strcspn(p, " ");
                char name[40];

                (void)snprintf(name, sizeof(name), "%.*s", (int)m, p);
                js_add(here, name, js_bool(propagate));
                p += m + (p[m] == ' ');
            }
        }
        if (counts) { /* one that does not reach the path says nothing about it */
            json_object_put(got);
            got = js_ref(here);
        }
        json_object_put(here);
    }
    return got;
}

static js *privs_of(const struct state *s, const char *auth, const char *path) {
    const char *bang = strchr(auth, '!');
    CLEANUP(js_freep) js *user = NULL;
    CLEANUP(js_freep) js *token = NULL;
    char name[128];
    js *both;

    if (!bang && strcmp(auth, "root@pam") == 0) {
        const char *p = roles[0].privs;

        for (both = js_object(); *p; p += strcspn(p, " "), p += *p == ' ') {
            (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(p, " "), p);
            js_add(both, name, js_bool(true));
        }
        return both;
    }
    if (!bang) {
        return own_privs(s, auth, path);
    }
    (void)snprintf(name, sizeof(name), "%.*s", (int)(bang - auth), auth);
    user = privs_of(s, name, path);
    token = own_privs(s, auth, path);
    both = js_object();
    JS_FOREACH(token, priv, propagate) {
        if (js_get(user, priv)) {
            js_add(both, priv,
                   js_bool(json_object_get_boolean(propagate) && js_bool_or(user, priv, false)));
        }
    }
    return both;
}

bool pbs_acl_any(const struct state *s, const char *auth, const char *path, const char *names) {
    CLEANUP(js_freep) js *have = privs_of(s, auth, path);

    JS_FOREACH(have, priv, propagate) {
        const char *at = strstr(names, priv);
        size_t n = strlen(priv);

        (void)propagate;
        if (at && (at[n] == '\0' || at[n] == '|') && (at == names || at[-1] == '|')) {
            return true;
        }
    }
    return false;
}

int pbs_ns_may(struct call *c, const char *store, const char *ns, const char *full,
               const char *partial, bool *limited) {
    char path[400];

    (void)snprintf(path, sizeof(path), "/datastore/%s%s%s", store, *ns ? "/" : "", ns);
    *limited = false;
    if (pbs_acl_any(&c->s->st, c->auth, path, full)) {
        return 0;
    }
    *limited = true;
    if (*partial && pbs_acl_any(&c->s->st, c->auth, path, partial)) {
        return 0;
    }
    return call_fail(c, 403, "permission check failed - missing %s%s%s on %s", full,
                     *partial ? "|" : "", partial, path);
}

bool pbs_owns(const struct call *c, const char *owner) {
    size_t n = strlen(c->auth);

    return strcmp(owner, c->auth) == 0 || (strncmp(owner, c->auth, n) == 0 && owner[n] == '!');
}

int route_pbs_permissions(struct call *c) {
    static const char *const top[] = {"/", "/access", "/datastore", "/remote", "/system", "/tape"};
    const char *who = call_str(c, "auth-id") ? call_str(c, "auth-id") : c->auth;
    const char *path = call_str(c, "path");
    CLEANUP(js_freep) js *paths = js_object();

    if (strcmp(who, c->auth) != 0 && !call_has(c, "/access", "Sys.Audit")) {
        return call_fail(c, 403, "not allowed to list permissions of %.100s", who);
    }
    for (size_t i = 0; !path && i < ARRAY_LEN(top); i++) {
        js_add(paths, top[i], js_bool(true));
    }
    if (!path) {
        JS_FOREACH(state_get(&c->s->st, "acl", NULL), at, set) {
            (void)set;
            js_add(paths, at, js_bool(true));
        }
    } else {
        js_add(paths, path, js_bool(true));
    }
    c->data = js_object();
    JS_FOREACH(paths, at, on) {
        js *p = privs_of(&c->s->st, who, at);

        (void)on;
        if (js_members(p)) {
            js_add(c->data, at, p);
        } else {
            json_object_put(p);
        }
    }
    return 0;
}

int route_pbs_acl(struct call *c) {
    const char *only = call_str(c, "path");

    c->data = js_array();
    JS_FOREACH(state_get(&c->s->st, "acl", NULL), path, set) {
        size_t n = only ? strlen(only) : 0;

        if (only && strcmp(path, only) != 0 &&
            (call_bool(c, "exact", false) || strncmp(path, only, n) != 0 || path[n] != '/')) {
            continue;
        }
        JS_FOREACH(set, who, list) {
            JS_FOREACH(list, role, flag) {
                js *o = js_object();

                js_add(o, "path", js_str(path));
                js_add(o, "propagate", js_bool(json_object_get_int(flag) != 0));
                js_add(o, "roleid", js_str(role));
                js_add(o, "ugid", js_str(who + strcspn(who, ":") + 1));
                js_add(o, "ugid_type", js_str("user"));
                js_push(c->data, o);
            }
        }
    }
    return 0;
}

js *pbs_token_out(const char *user, const char *name, const js *t) {
    js *o = js_object();

    js_addf(o, "tokenid", "%s!%s", user, name);
    js_add(o, "token-name", js_str(name));
    js_add(o, "enable", js_bool(js_bool_or(t, "enable", true)));
    js_add(o, "expire", js_int(js_int_or(t, "expire", 0)));
    if (js_get(t, "comment")) {
        js_add(o, "comment", js_copy(js_get(t, "comment")));
    }
    return o;
}

static js *tokens_out(const char *user, const js *u) {
    js *list = js_array();

    if (js_get(u, "tokens")) {
        JS_FOREACH(js_get(u, "tokens"), name, t) {
            js_push(list, pbs_token_out(user, name, t));
        }
    }
    return list;
}

js *pbs_user_out(const char *id, const js *u) {
    static const char *const words[] = {"comment", "firstname", "lastname", "email"};
    js *o = js_object();

    js_add(o, "userid", js_str(id));
    js_add(o, "enable", js_bool(js_bool_or(u, "enable", true)));
    js_add(o, "expire", js_int(js_int_or(u, "expire", 0)));
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (js_get(u, words[i])) {
            js_add(o, words[i], js_copy(js_get(u, words[i])));
        }
    }
    return o;
}

int route_pbs_users(struct call *c) {
    bool all = call_has(c, "/access/users", "Sys.Audit");

    c->data = js_array();
    JS_FOREACH(state_get(&c->s->st, "users", NULL), id, u) {
        js *o;

        if (!all && strcmp(id, c->user) != 0) {
            continue;
        }
        o = pbs_user_out(id, u);
        if (call_bool(c, "include_tokens", false)) {
            js_add(o, "tokens", tokens_out(id, u));
        }
        js_push(c->data, o);
    }
    pbs_with_digest(c, "users");
    return 0;
}

int route_pbs_roles(struct call *c) {
    c->data = js_array();
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        js *o = js_object(), *privs = js_array();

        for (const char *p = roles[i].privs; *p;) {
            size_t n = strcspn(p, " ");

            js_push(privs, js_str_n(p, n));
            p += n + (p[n] == ' ');
        }
        js_add(o, "roleid", js_str(roles[i].name));
        js_add(o, "privs", privs);
        js_push(c->data, o);
    }
    return 0;
}

bool pbs_is_role(const char *role) {
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (strcmp(roles[i].name, role) == 0) {
            return true;
        }
    }
    return false;
}

int route_pbs_tokens(struct call *c) {
    const js *u = state_get(&c->s->st, "users", pbs_text(c, "userid"), NULL);

    if (strcmp(pbs_text(c, "userid"), c->user) != 0 && !call_may(c, "/access/users", "Sys.Audit")) {
        return -1;
    }
    if (!u) {
        return call_fail(c, 400, "no such user '%s'", pbs_text(c, "userid"));
    }
    c->data = tokens_out(pbs_text(c, "userid"), u);
    return 0;
}
