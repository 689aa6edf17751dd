/* SPDX-License-Identifier: Apache-2.0 */
/* Roles, access control entries, the permissions they come to, realms, and pools. */
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/access.h"
#include "proximo-client/sim/routes.h"

static void role_entry(void *ctx, const char *role, uint64_t privs, bool builtin) {
    struct call *c = ctx;
    js *o = js_object();

    js_add(o, "roleid", js_str(role));
    js_add(o, "privs", acl_priv_list(privs));
    js_add(o, "special", js_int(builtin));
    js_push(c->data, o);
}

int route_roles(struct call *c) {
    c->data = js_array();
    acl_each_role(&c->s->st, role_entry, c);
    return 0;
}

int route_role_get(struct call *c) {
    struct privs p;

    if (!acl_role(&c->s->st, call_str(c, "roleid"), &p.have)) {
        return call_fail(c, 500, "role '%s' does not exist", call_str(c, "roleid"));
    }
    p.prop = p.have;
    c->data = acl_object(p);
    return 0;
}

/* privs=A,B into roles.<id>. */
static int set_privs(struct call *c, bool append) {
    const char *id = call_str(c, "roleid");
    char list[2048];

    if (!append) {
        state_set(&c->s->st, js_object(), "roles", id, NULL);
    }
    (void)snprintf(list, sizeof(list), "%s", call_str(c, "privs") ? call_str(c, "privs") : "");
    for (char *save = NULL, *priv = strtok_r(list, ",; ", &save); priv;
         priv = strtok_r(NULL, ",; ", &save)) {
        if (!acl_is_priv(priv)) {
            return call_param_error(c, "privs", "invalid format - invalid privilege '%.60s'\n",
                                    priv);
        }
        state_set(&c->s->st, js_int(1), "roles", id, priv, NULL);
    }
    sim_tick(c->s);
    return 0;
}

int route_role_create(struct call *c) {
    uint64_t bits;

    if (acl_role(&c->s->st, call_str(c, "roleid"), &bits)) {
        return call_fail(c, 500, "create role failed: role '%s' already exists",
                         call_str(c, "roleid"));
    }
    return set_privs(c, false);
}

int route_role_update(struct call *c) {
    uint64_t bits;

    if (!acl_role(&c->s->st, call_str(c, "roleid"), &bits)) {
        return call_fail(c, 500, "role '%s' does not exist", call_str(c, "roleid"));
    }
    if (acl_role_builtin(call_str(c, "roleid"))) {
        return call_fail(c, 500, "auto-generated role '%s' cannot be modified",
                         call_str(c, "roleid"));
    }
    return set_privs(c, call_bool(c, "append", false));
}

int route_role_delete(struct call *c) {
    uint64_t bits;

    if (!acl_role(&c->s->st, call_str(c, "roleid"), &bits)) {
        return call_fail(c, 500, "role '%s' does not exist", call_str(c, "roleid"));
    }
    if (acl_role_builtin(call_str(c, "roleid"))) {
        return call_fail(c, 500, "auto-generated role '%s' cannot be deleted",
                         call_str(c, "roleid"));
    }
    state_del(&c->s->st, "roles", call_str(c, "roleid"), NULL);
    sim_tick(c->s);
    return 0;
}

/* ---- entries ---- */

int route_acl(struct call *c) {
    js *acl = state_get(&c->s->st, "acl", NULL);
    bool audit = call_has(c, "/access", "Sys.Audit|Permissions.Modify");

    c->data = js_array();
    if (!acl) {
        return 0;
    }
    JS_FOREACH(acl, path, entries) {
        if (!audit && !call_has(c, path, "Permissions.Modify")) {
            continue;
        }
        JS_FOREACH(entries, who, roles) {
            JS_FOREACH(roles, role, propagate) {
                js *o = js_object();
                const char *colon = strchr(who, ':');

                js_add(o, "path", js_str(path));
                js_add(o, "type", js_str_n(who, (size_t)(colon - who)));
                js_add(o, "ugid", js_str(colon + 1));
                js_add(o, "roleid", js_str(role));
                js_add(o, "propagate", js_ref(propagate));
                js_push(c->data, o);
            }
        }
    }
    return 0;
}

static bool may_modify(struct call *c, const char *path) {
    const char *extra = strncmp(path, "/vms", 4) == 0       ? "VM.Allocate"
                        : strncmp(path, "/storage", 8) == 0 ? "Datastore.Allocate"
                        : strncmp(path, "/pool", 5) == 0    ? "Pool.Allocate"
                                                            : NULL;
    char list[80];

    (void)snprintf(list, sizeof(list), "Permissions.Modify%s%s", extra ? "|" : "",
                   extra ? extra : "");
    return call_may(c, path, list);
}

static int exists(struct call *c, const char *kind, const char *id) {
    char user[160];
    const char *bang = strchr(id, '!');

    if (strcmp(kind, "group") == 0) {
        return state_get(&c->s->st, "groups", id, NULL)
                   ? 0
                   : call_fail(c, 500, "ACL update failed: group '%.100s' does not exist", id);
    }
    if (strcmp(kind, "user") == 0) {
        return state_get(&c->s->st, "users", id, NULL)
                   ? 0
                   : call_fail(c, 500, "ACL update failed: user '%.100s' does not exist", id);
    }
    (void)snprintf(user, sizeof(user), "%.*s", bang ? (int)(bang - id) : 0, id);
    return bang && state_get(&c->s->st, "users", user, "tokens", bang + 1, NULL)
               ? 0
               : call_fail(c, 500, "ACL update failed: token '%.100s' does not exist", id);
}

/* One principal, all roles of the call. */
static int entry(struct call *c, const char *kind, const char *id, bool del) {
    const char *path = call_str(c, "path");
    char who[300], list[1024];
    uint64_t bits;

    (void)snprintf(who, sizeof(who), "%s:%s", kind, id);
    (void)snprintf(list, sizeof(list), "%s", call_str(c, "roles"));
    if (!del && exists(c, kind, id) < 0) {
        return -1;
    }
    for (char *save = NULL, *role = strtok_r(list, ",; ", &save); role;
         role = strtok_r(NULL, ",; ", &save)) {
        if (!acl_role(&c->s->st, role, &bits)) {
            return call_fail(c, 500, "ACL update failed: role '%.60s' does not exist", role);
        }
        if (!del) {
            state_set(&c->s->st, js_int(call_bool(c, "propagate", true)), "acl", path, who, role,
                      NULL);
            continue;
        }
        if (!state_get(&c->s->st, "acl", path, who, role, NULL)) {
            continue;
        }
        state_del(&c->s->st, "acl", path, who, role, NULL);
        if (!js_members(state_get(&c->s->st, "acl", path, who, NULL))) {
            state_del(&c->s->st, "acl", path, who, NULL);
        }
        if (!js_members(state_get(&c->s->st, "acl", path, NULL))) {
            state_del(&c->s->st, "acl", path, NULL);
        }
    }
    return 0;
}

int route_acl_update(struct call *c) {
    static const char *const kinds[][2] = {
        {"groups", "group"}, {"users", "user"}, {"tokens", "token"}};
    const char *path = call_str(c, "path");
    bool any = false;

    if (!acl_path_valid(path)) {
        return call_param_error(c, "path", "invalid ACL path '%.100s'", path);
    }
    if (!may_modify(c, path)) {
        return -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        char list[2048];

        (void)snprintf(list, sizeof(list), "%s",
                       call_str(c, kinds[i][0]) ? call_str(c, kinds[i][0]) : "");
        for (char *save = NULL, *id = strtok_r(list, ",; ", &save); id;
             id = strtok_r(NULL, ",; ", &save)) {
            any = true;
            if (entry(c, kinds[i][1], id, call_bool(c, "delete", false)) < 0) {
                return -1;
            }
        }
    }
    if (!any) {
        return call_param_error(c, "users", "either 'users', 'groups' or 'tokens' is required.");
    }
    sim_tick(c->s);
    return 0;
}

int route_permissions(struct call *c) {
    const char *who = call_str(c, "userid") ? call_str(c, "userid") : c->auth;
    const char *path = call_str(c, "path");
    bool own = strcmp(who, c->auth) == 0 || strcmp(who, c->user) == 0;

    if (!ident_is_userid(who) && !ident_is_tokenid(who)) {
        return call_param_error(c, "userid", "value does not look like a valid user or token ID");
    }
    if (!own && !call_may(c, "/access", "Sys.Audit")) {
        return -1;
    }
    c->data = js_object();
    if (path) {
        if (!acl_path_valid(path)) {
            return call_param_error(c, "path", "invalid ACL path '%.100s'", path);
        }
        js_add(c->data, path, acl_object(acl_privs(&c->s->st, who, path)));
        return 0;
    }
    {
        CLEANUP(js_freep) js *paths = acl_paths(&c->s->st);

        JS_FOREACH(paths, p, on) {
            struct privs got = acl_privs(&c->s->st, who, p);

            (void)on;
            if (got.have) {
                js_add(c->data, p, acl_object(got));
            }
        }
    }
    return 0;
}

int route_domains(struct call *c) {
    js *all = state_get(&c->s->st, "domains", NULL);

    c->data = js_array();
    JS_FOREACH(all, id, d) {
        js *o = js_object();

        js_add(o, "realm", js_str(id));
        js_add(o, "type", js_str(js_str_or(d, "type", id)));
        if (js_get(d, "comment")) {
            js_add(o, "comment", js_ref(js_get(d, "comment")));
        }
        if (js_bool_or(d, "default", false)) {
            js_add(o, "default", js_int(1));
        }
        js_push(c->data, o);
    }
    return 0;
}

int route_domain_get(struct call *c) {
    js *d = state_get(&c->s->st, "domains", call_str(c, "realm"), NULL);
    char digest[41];

    if (!d) {
        return call_fail(c, 500, "domain '%s' does not exist", call_str(c, "realm"));
    }
    c->data = js_copy(d);
    if (strcmp(js_str_or(d, "type", ""), "pam") == 0) {
        js_add(c->data, "plugin", js_str("PVE::Auth::PAM"));
    }
    realms_digest(c->s, digest);
    js_add(c->data, "digest", js_str(digest));
    return 0;
}

/* ---- pools ---- */

static js *pool_members(struct call *c, const js *pool) {
    js *list = js_array(), *vms = js_get(pool, "vms"), *storage = js_get(pool, "storage");
    const char *type = call_str(c, "type");

    if (vms) {
        JS_FOREACH(vms, key, on) {
            struct guest g;
            uint32_t vmid;

            (void)on;
            if (ident_vmid(key, &vmid) == 0 && guest_find(c->s, vmid, &g) &&
                (!type || strcmp(type, g.lxc ? "lxc" : "qemu") == 0)) {
                js_push(list, guest_resource(c->s, &g, true));
            }
        }
    }
    if (storage && (!type || strcmp(type, "storage") == 0)) {
        JS_FOREACH(storage, id, on) {
            js *def = storage_find(c->s, id), *nodes = state_get(&c->s->st, "nodes", NULL);
            bool done = false;

            (void)on;
            JS_FOREACH(nodes, node, n) {
                (void)n;
                if (def && !done && storage_on_node(def, node)) {
                    js_push(list, storage_resource(c->s, id, node));
                    done = js_bool_or(def, "shared", false);
                }
            }
        }
    }
    return list;
}

int route_pools(struct call *c) {
    js *all = state_get(&c->s->st, "pools", NULL);
    const char *only = call_str(c, "poolid");

    c->data = js_array();
    if (only && !state_get(&c->s->st, "pools", only, NULL)) {
        return call_fail(c, 500, "pool '%s' does not exist", only);
    }
    if (!all) {
        return 0;
    }
    JS_FOREACH(all, id, pool) {
        char path[160];
        js *o;

        (void)snprintf(path, sizeof(path), "/pool/%s", id);
        if ((only && strcmp(only, id) != 0) || !call_has(c, path, "Pool.Audit")) {
            continue;
        }
        o = js_object();
        js_add(o, "poolid", js_str(id));
        if (js_get(pool, "comment")) {
            js_add(o, "comment", js_ref(js_get(pool, "comment")));
        }
        if (only) {
            js_add(o, "members", pool_members(c, pool));
        }
        js_push(c->data, o);
    }
    return 0;
}

int route_pool_get(struct call *c) {
    js *pool = state_get(&c->s->st, "pools", call_str(c, "poolid"), NULL);

    if (!pool) {
        return call_fail(c, 500, "pool '%s' does not exist", call_str(c, "poolid"));
    }
    c->data = js_object();
    js_add(c->data, "members", pool_members(c, pool));
    js_add(c->data, "poolid", js_str(call_str(c, "poolid")));
    if (js_get(pool, "comment")) {
        js_add(c->data, "comment", js_ref(js_get(pool, "comment")));
    }
    return 0;
}

int route_pool_create(struct call *c) {
    const char *id = call_str(c, "poolid");
    js *pool;

    if (state_get(&c->s->st, "pools", id, NULL)) {
        return call_fail(c, 500, "create pool failed: pool '%s' already exists", id);
    }
    pool = js_object();
    if (call_str(c, "comment")) {
        js_add(pool, "comment", js_str(call_str(c, "comment")));
    }
    js_add(pool, "vms", js_object());
    js_add(pool, "storage", js_object());
    state_set(&c->s->st, pool, "pools", id, NULL);
    sim_tick(c->s);
    return 0;
}

static int pool_member(struct call *c, const char *id, const char *kind, const char *name,
                       bool del) {
    js *pools = state_get(&c->s->st, "pools", NULL);

    if (del) {
        if (!state_get(&c->s->st, "pools", id, kind, name, NULL)) {
            return call_fail(c, 500, "update pool failed: %s '%.60s' is not a pool member",
                             strcmp(kind, "vms") == 0 ? "VM" : "Storage", name);
        }
        state_del(&c->s->st, "pools", id, kind, name, NULL);
        return 0;
    }
    if (strcmp(kind, "vms") == 0) {
        if (!state_get(&c->s->st, "guests", name, NULL)) {
            return call_fail(c, 500, "update pool failed: VM %.20s does not exist", name);
        }
        JS_FOREACH(pools, other, pool) {
            if (strcmp(other, id) != 0 && js_get(js_get(pool, "vms"), name)) {
                if (!call_bool(c, "allow-move", false)) {
                    return call_fail(c, 500,
                                     "update pool failed: VM %s belongs already to pool '%s' and "
                                     "'allow-move' is not set",
                                     name, other);
                }
                state_del(&c->s->st, "pools", other, "vms", name, NULL);
            }
        }
    } else if (!storage_find(c->s, name)) {
        return call_fail(c, 500, "update pool failed: Storage '%.100s' does not exist", name);
    }
    state_set(&c->s->st, js_int(1), "pools", id, kind, name, NULL);
    return 0;
}

int route_pool_update(struct call *c) {
    static const char *const kinds[] = {"vms", "storage"};
    const char *id = call_str(c, "poolid");

    if (!state_get(&c->s->st, "pools", id, NULL)) {
        return call_fail(c, 500, "update pool failed: pool '%s' does not exist", id);
    }
    if (call_str(c, "comment")) {
        state_set(&c->s->st, js_str(call_str(c, "comment")), "pools", id, "comment", NULL);
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        char list[4096];

        (void)snprintf(list, sizeof(list), "%s",
                       call_str(c, kinds[i]) ? call_str(c, kinds[i]) : "");
        for (char *save = NULL, *name = strtok_r(list, ",; ", &save); name;
             name = strtok_r(NULL, ",; ", &save)) {
            if (pool_member(c, id, kinds[i], name, call_bool(c, "delete", false)) < 0) {
                return -1;
            }
        }
    }
    sim_tick(c->s);
    return 0;
}

int route_pool_delete(struct call *c) {
    const char *id = call_str(c, "poolid");
    js *pool = state_get(&c->s->st, "pools", id, NULL);
    char first[160] = "";

    if (!pool) {
        return call_fail(c, 500, "delete pool failed: pool '%s' does not exist", id);
    }
    JS_FOREACH(pool, kind, members) {
        if (js_is_object(members) && !*first) {
            JS_FOREACH(members, name, on) {
                (void)on;
                if (!*first) {
                    (void)snprintf(first, sizeof(first), "%s %s",
                                   strcmp(kind, "vms") == 0 ? "VM" : "storage", name);
                }
            }
        }
    }
    if (*first) {
        return call_fail(c, 500, "delete pool failed: pool '%s' is not empty (contains %s)", id,
                         first);
    }
    state_del(&c->s->st, "pools", id, NULL);
    sim_tick(c->s);
    return 0;
}
