/* SPDX-License-Identifier: Apache-2.0 */
/* Users, groups, ACL, realms and pools as the API answers them to somebody who sees everything. The
 * built-in roles are PVE's own and differ by its version: the files do not hold them. */
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pve/pvetree_int.h"

static js *joined(const js *set) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);

    JS_FOREACH(set, key, value) {
        (void)value;
        (void)buf_addf(&b, "%s%s", b.len ? "," : "", key);
    }
    return js_str_n(buf_str(&b), b.len);
}

static js *groups_of(const js *groups, const char *user) {
    CLEANUP(js_freep) js *set = js_object();

    JS_FOREACH(groups, id, group) {
        if (js_get(js_get(group, "users"), user)) {
            js_add(set, id, js_int(1));
        }
    }
    return joined(set);
}

static js *token_list(const js *tokens) {
    js *list = js_array();

    JS_FOREACH(tokens, id, token) {
        js *o = js_copy(token);

        js_add(o, "tokenid", js_str(id));
        js_push(list, o);
    }
    return list;
}

static js *user_list(struct ask *a, bool full) {
    const js *cfg = pvetree_file(a, "user.cfg");
    const js *realms = pvetree_file(a, "domains.cfg");
    js *list = js_array();

    JS_FOREACH(js_get(cfg, "users"), id, user) {
        const char *realm = strrchr(id, '@');
        js *o = js_copy(user);

        json_object_object_del(o, "tokens");
        js_add(o, "userid", js_str(id));
        realm = realm ? realm + 1 : "";
        js_add(o, "realm-type", js_str(js_str_or(js_get(realms, realm), "type", realm)));
        if (full) {
            js *tokens = js_get(user, "tokens");

            js_add(o, "groups", groups_of(js_get(cfg, "groups"), id));
            if (tokens) {
                js_add(o, "tokens", token_list(tokens));
            }
        }
        js_push(list, o);
    }
    return list;
}

static js *group_list(struct ask *a) {
    js *list = js_array();

    JS_FOREACH(js_get(pvetree_file(a, "user.cfg"), "groups"), id, group) {
        js *o = js_object();

        js_add(o, "groupid", js_str(id));
        js_add(o, "users", joined(js_get(group, "users")));
        if (js_get(group, "comment")) {
            js_add(o, "comment", js_ref(js_get(group, "comment")));
        }
        js_push(list, o);
    }
    return list;
}

static js *acl_list(struct ask *a) {
    js *list = js_array();

    JS_FOREACH(js_get(pvetree_file(a, "user.cfg"), "acl"), path, entries) {
        JS_FOREACH(entries, who, roles) {
            const char *colon = strchr(who, ':');

            JS_FOREACH(roles, role, propagate) {
                js *o = js_object();

                js_add(o, "path", js_str(path));
                js_add(o, "type", js_str_n(who, (size_t)(colon - who)));
                js_add(o, "ugid", js_str(colon + 1));
                js_add(o, "roleid", js_str(role));
                js_add(o, "propagate", js_ref(propagate));
                js_push(list, o);
            }
        }
    }
    return list;
}

static const char realm_ints[] =
    "autocreate case-sensitive check-connection default groups-autocreate groups-overwrite port "
    "query-userinfo secure verify";

/* pam and pve are there whether a file names them or not. */
static js *realm_list(struct ask *a) {
    static const char *const always[][3] = {
        {"pam", "pam", "Linux PAM standard authentication"},
        {"pve", "pve", "Proxmox VE authentication server"},
    };
    const js *cfg = pvetree_file(a, "domains.cfg");
    js *list = pvetree_list(cfg, "realm", realm_ints);

    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        if (!js_get(cfg, always[i][0])) {
            js *o = js_object();

            js_add(o, "realm", js_str(always[i][0]));
            js_add(o, "type", js_str(always[i][1]));
            js_add(o, "comment", js_str(always[i][2]));
            js_push(list, o);
        }
    }
    return list;
}

static js *member(const char *type, const char *id) {
    js *o = js_object();

    js_addf(o, "id", "%s/%s", type, id);
    js_add(o, "type", js_str(type));
    return o;
}

/* A storage is a member once for every node that has it: the list names it once, without a node. */
static js *members_of(const struct pvetree *t, const js *pool) {
    js *list = js_array();

    JS_FOREACH(js_get(pool, "vms"), vmid, on) {
        const char *path = js_get_str(t->guests, vmid);

        (void)on;
        if (path) { /* an entry may outlive its guest; the API shows living ones */
            uint32_t n = 0;
            js *o = member(strstr(path, "/lxc/") ? "lxc" : "qemu", vmid);

            js_addf(o, "node", "%.*s", (int)strcspn(path + 6, "/"), path + 6);
            (void)ident_vmid(vmid, &n);
            js_add(o, "vmid", js_int(n));
            js_push(list, o);
        }
    }
    JS_FOREACH(js_get(pool, "storage"), id, one) {
        js *o = member("storage", id);

        (void)one;
        js_add(o, "storage", js_str(id));
        js_push(list, o);
    }
    return list;
}

static js *pool_list(struct ask *a, const char *only) {
    js *list = js_array();

    JS_FOREACH(js_get(pvetree_file(a, "user.cfg"), "pools"), id, pool) {
        js *o;

        if (only && strcmp(only, id) != 0) {
            continue;
        }
        o = js_object();
        js_add(o, "poolid", js_str(id));
        if (js_get(pool, "comment")) {
            js_add(o, "comment", js_ref(js_get(pool, "comment")));
        }
        if (only) {
            js_add(o, "members", members_of(a->t, pool));
        }
        js_push(list, o);
    }
    return list;
}

js *pvetree_answer_access(struct ask *a) {
    if (ASK_IS(a, "access", "users")) {
        return user_list(a, a->query && strcmp(a->query, "full=1") == 0);
    }
    if (ASK_IS(a, "pools")) {
        return pool_list(a, a->query && strncmp(a->query, "poolid=", 7) == 0 ? a->query + 7 : NULL);
    }
    return ASK_IS(a, "access", "groups")    ? group_list(a)
           : ASK_IS(a, "access", "acl")     ? acl_list(a)
           : ASK_IS(a, "access", "domains") ? realm_list(a)
                                            : NULL;
}
