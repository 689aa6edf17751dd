/* SPDX-License-Identifier: Apache-2.0 */
/* A request to the access plane, carried out on a copy of the world as PVE carries it out: what
 * goes with a user that is deleted, what "append" and "delete" mean, which entries a role takes
 * with it. A kind of request that is not in the table is not guessed at. */
#include "proximo-client/blast/access.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/blast/after.h"

struct request {
    js *w;          /* the new world */
    const char *id; /* what the path names, or "" */
    const char *sub;
    const js *form;
};

/* The list without the rows that drop() names. */
static void filter(js *w, const char *part, bool (*drop)(const js *row, const struct request *r),
                   const struct request *r) {
    const js *list = js_get(w, part);
    js *out = js_array();

    for (size_t i = 0; i < js_len(list); i++) {
        if (!drop(js_at(list, i), r)) {
            js_push(out, js_ref(js_at(list, i)));
        }
    }
    js_add(w, part, out);
}

static void append(js *w, const char *part, js *row) {
    if (!js_is_array(js_get(w, part))) {
        js_add(w, part, js_array());
    }
    js_push(js_get(w, part), row);
}

static bool list_has(const js *list, const char *word) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(json_object_get_string(js_at(list, i)), word) == 0) {
            return true;
        }
    }
    return false;
}

/* Puts a word into a comma list that is a member of row, or takes it out. */
static void list_set(js *row, const char *key, const char *word, bool in) {
    CLEANUP(js_freep) js *have = form_words(row, key);
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PVE_ANSWER);

    for (size_t i = 0; i < js_len(have); i++) {
        const char *one = json_object_get_string(js_at(have, i));

        if (strcmp(one, word) != 0) {
            (void)buf_addf(&b, "%s%s", b.len ? "," : "", one);
        }
    }
    if (in) {
        (void)buf_addf(&b, "%s%s", b.len ? "," : "", word);
    }
    js_add(row, key, js_str(buf_str(&b)));
}

/* ---- access lists ---- */

static void put_entry(struct request *r, const char *type, const char *who, const char *role) {
    const char *path = js_str_or(r->form, "path", "/");
    js *acl = js_get(r->w, "acl");
    js *out = js_array();
    js *row;

    for (size_t i = 0; i < js_len(acl); i++) {
        const js *e = js_at(acl, i);

        if (strcmp(js_str_or(e, "path", ""), path) != 0 ||
            strcmp(js_str_or(e, "type", ""), type) != 0 ||
            strcmp(js_str_or(e, "ugid", ""), who) != 0 ||
            strcmp(js_str_or(e, "roleid", ""), role) != 0) {
            js_push(out, js_ref(js_at(acl, i)));
        }
    }
    if (!js_bool_or(r->form, "delete", false)) {
        row = js_object();
        js_add(row, "path", js_str(path));
        js_add(row, "type", js_str(type));
        js_add(row, "ugid", js_str(who));
        js_add(row, "roleid", js_str(role));
        js_add(row, "propagate", js_int(js_bool_or(r->form, "propagate", true)));
        js_push(out, row);
    }
    js_add(r->w, "acl", out);
}

static bool acl_put(struct request *r) {
    static const char *const kinds[][2] = {
        {"users", "user"}, {"groups", "group"}, {"tokens", "token"}};
    CLEANUP(js_freep) js *roles = form_words(r->form, "roles");

    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        CLEANUP(js_freep) js *who = form_words(r->form, kinds[k][0]);

        for (size_t i = 0; i < js_len(who); i++) {
            for (size_t j = 0; j < js_len(roles); j++) {
                put_entry(r, kinds[k][1], json_object_get_string(js_at(who, i)),
                          json_object_get_string(js_at(roles, j)));
            }
        }
    }
    return true;
}

/* ---- users, groups ---- */

static void set_groups(struct request *r, const char *userid) {
    CLEANUP(js_freep) js *wanted = form_words(r->form, "groups");
    const js *groups = js_get(r->w, "groups");

    if (!js_get(r->form, "groups")) {
        return;
    }
    for (size_t i = 0; i < js_len(groups); i++) {
        js *g = js_at(groups, i);
        bool in = list_has(wanted, js_str_or(g, "groupid", ""));

        if (in || !js_bool_or(r->form, "append", false)) {
            list_set(g, "users", userid, in);
        }
    }
}

static void set_numbers(js *row, const js *form) {
    static const char *const keys[] = {"enable", "expire", "privsep"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (js_get(form, keys[i])) {
            js_add(row, keys[i], js_copy(js_get(form, keys[i])));
        }
    }
}

static bool user_post(struct request *r) {
    const char *userid = js_str_or(r->form, "userid", "");
    js *row = js_object();

    js_add(row, "userid", js_str(userid));
    set_numbers(row, r->form);
    append(r->w, "users", row);
    set_groups(r, userid);
    return true;
}

static bool user_put(struct request *r) {
    js *row = list_row(js_get(r->w, "users"), "userid", r->id);

    if (row) {
        set_numbers(row, r->form);
        set_groups(r, r->id);
    }
    return row != NULL;
}

static bool is_user(const js *row, const struct request *r) {
    return strcmp(js_str_or(row, "userid", ""), r->id) == 0;
}

static bool is_of_user(const js *e, const struct request *r) {
    const char *type = js_str_or(e, "type", "");
    const char *who = js_str_or(e, "ugid", "");
    size_t n = strlen(r->id);

    return (strcmp(type, "user") == 0 && strcmp(who, r->id) == 0) ||
           (strcmp(type, "token") == 0 && strncmp(who, r->id, n) == 0 && who[n] == '!');
}

static bool user_delete(struct request *r) {
    const js *groups = js_get(r->w, "groups");

    filter(r->w, "users", is_user, r);
    filter(r->w, "acl", is_of_user, r);
    for (size_t i = 0; i < js_len(groups); i++) {
        list_set(js_at(groups, i), "users", r->id, false);
    }
    return true;
}

static bool group_post(struct request *r) {
    js *row = js_object();

    js_add(row, "groupid", js_str(js_str_or(r->form, "groupid", "")));
    js_add(row, "users", js_str(""));
    append(r->w, "groups", row);
    return true;
}

static bool is_group(const js *row, const struct request *r) {
    return strcmp(js_str_or(row, "groupid", ""), r->id) == 0;
}

static bool is_of_group(const js *e, const struct request *r) {
    return strcmp(js_str_or(e, "type", ""), "group") == 0 &&
           strcmp(js_str_or(e, "ugid", ""), r->id) == 0;
}

static bool group_delete(struct request *r) {
    filter(r->w, "groups", is_group, r);
    filter(r->w, "acl", is_of_group, r);
    return true;
}

/* ---- tokens ---- */

static bool token_post(struct request *r) {
    js *user = list_row(js_get(r->w, "users"), "userid", r->id);
    js *row;

    if (!user) {
        return false;
    }
    row = js_object();
    js_add(row, "tokenid", js_str(r->sub));
    set_numbers(row, r->form);
    append(user, "tokens", row);
    return true;
}

static bool token_put(struct request *r) {
    js *row = list_row(js_get(list_row(js_get(r->w, "users"), "userid", r->id), "tokens"),
                       "tokenid", r->sub);

    if (row) {
        set_numbers(row, r->form);
    }
    return row != NULL;
}

static bool is_token(const js *row, const struct request *r) {
    return strcmp(js_str_or(row, "tokenid", ""), r->sub) == 0;
}

static bool is_of_token(const js *e, const struct request *r) {
    size_t n = strlen(r->id);
    const char *who = js_str_or(e, "ugid", "");

    return strcmp(js_str_or(e, "type", ""), "token") == 0 && strncmp(who, r->id, n) == 0 &&
           who[n] == '!' && strcmp(who + n + 1, r->sub) == 0;
}

static bool token_delete(struct request *r) {
    js *user = list_row(js_get(r->w, "users"), "userid", r->id);

    if (user) {
        filter(user, "tokens", is_token, r);
        filter(r->w, "acl", is_of_token, r);
    }
    return user != NULL;
}

/* ---- roles, realms ---- */

static bool role_post(struct request *r) {
    CLEANUP(js_freep) js *privs = form_words(r->form, "privs");
    js *row = js_object();

    js_add(row, "roleid", js_str(js_str_or(r->form, "roleid", "")));
    js_add(row, "privs", words_joined(privs));
    append(r->w, "roles", row);
    return true;
}

static bool role_put(struct request *r) {
    CLEANUP(js_freep) js *privs = form_words(r->form, "privs");
    js *row = list_row(js_get(r->w, "roles"), "roleid", r->id);

    if (row && !js_bool_or(r->form, "append", false)) {
        js_add(row, "privs", words_joined(privs));
    }
    for (size_t i = 0; row && i < js_len(privs); i++) {
        list_set(row, "privs", json_object_get_string(js_at(privs, i)), true);
    }
    return row != NULL;
}

static bool is_role(const js *row, const struct request *r) {
    return strcmp(js_str_or(row, "roleid", ""), r->id) == 0;
}

/* Its entries stay in the file and are ignored when it is read next. */
static bool role_delete(struct request *r) {
    filter(r->w, "roles", is_role, r);
    filter(r->w, "acl", is_role, r);
    return true;
}

static bool realm_post(struct request *r) {
    js *row = js_object();

    js_add(row, "realm", js_str(js_str_or(r->form, "realm", "")));
    append(r->w, "domains", row);
    return true;
}

static bool is_realm(const js *row, const struct request *r) {
    return strcmp(js_str_or(row, "realm", ""), r->id) == 0;
}

static bool realm_delete(struct request *r) {
    filter(r->w, "domains", is_realm, r);
    return true;
}

/* ---- pools ---- */

static const char *pool_id(const struct request *r) {
    return r->id[0] ? r->id : js_str_or(r->form, "poolid", "");
}

static bool pool_post(struct request *r) {
    js *row = js_object();

    js_add(row, "poolid", js_str(pool_id(r)));
    js_add(row, "members", js_array());
    append(r->w, "pools", row);
    return true;
}

static void drop_member(js *pool, const char *key, const char *id) {
    const js *members = js_get(pool, "members");
    js *out = js_array();

    for (size_t i = 0; i < js_len(members); i++) {
        const js *m = js_at(members, i);
        const js *v = js_get(m, key);

        if (!v || strcmp(json_object_get_string((js *)(uintptr_t)v), id) != 0) {
            js_push(out, js_ref(js_at(members, i)));
        }
    }
    js_add(pool, "members", out);
}

/* key: "vmid" or "storage". A guest is in one pool only; a storage may be in several. */
static void set_member(struct request *r, js *pool, const char *key, const char *id) {
    const js *pools = js_get(r->w, "pools");
    bool is_guest = strcmp(key, "vmid") == 0;
    int64_t vmid = 0;
    js *m;

    for (size_t i = 0; i < js_len(pools); i++) {
        if (is_guest || js_at(pools, i) == pool) {
            drop_member(js_at(pools, i), key, id);
        }
    }
    if (js_bool_or(r->form, "delete", false)) {
        return;
    }
    m = js_object();
    js_add(m, key, js_str(id));
    if (is_guest && js_get_int(m, key, &vmid)) {
        js_add(m, key, js_int(vmid));
    }
    append(pool, "members", m);
}

static bool pool_put(struct request *r) {
    CLEANUP(js_freep) js *vms = form_words(r->form, "vms");
    CLEANUP(js_freep) js *storage = form_words(r->form, "storage");
    js *pool = list_row(js_get(r->w, "pools"), "poolid", pool_id(r));

    for (size_t i = 0; pool && i < js_len(vms); i++) {
        set_member(r, pool, "vmid", json_object_get_string(js_at(vms, i)));
    }
    for (size_t i = 0; pool && i < js_len(storage); i++) {
        set_member(r, pool, "storage", json_object_get_string(js_at(storage, i)));
    }
    return pool != NULL;
}

static bool is_pool(const js *row, const struct request *r) {
    return strcmp(js_str_or(row, "poolid", ""), pool_id(r)) == 0;
}

static bool is_of_pool(const js *e, const struct request *r) {
    const char *path = js_str_or(e, "path", "");

    return strncmp(path, "/pool/", 6) == 0 && strcmp(path + 6, pool_id(r)) == 0;
}

static bool pool_delete(struct request *r) {
    filter(r->w, "pools", is_pool, r);
    filter(r->w, "acl", is_of_pool, r);
    return true;
}

static bool nothing(struct request *r) {
    (void)r;
    return true; /* a comment, a password, a realm's server: nobody's privileges change */
}

static const struct {
    const char *method, *path; /* '*' is the id, a second one what is below it */
    bool (*run)(struct request *r);
} requests[] = {
    {"PUT", "/access/acl", acl_put},
    {"POST", "/access/users", user_post},
    {"PUT", "/access/users/*", user_put},
    {"DELETE", "/access/users/*", user_delete},
    {"POST", "/access/users/*/token/*", token_post},
    {"PUT", "/access/users/*/token/*", token_put},
    {"DELETE", "/access/users/*/token/*", token_delete},
    {"POST", "/access/groups", group_post},
    {"PUT", "/access/groups/*", nothing},
    {"DELETE", "/access/groups/*", group_delete},
    {"POST", "/access/roles", role_post},
    {"PUT", "/access/roles/*", role_put},
    {"DELETE", "/access/roles/*", role_delete},
    {"POST", "/access/domains", realm_post},
    {"PUT", "/access/domains/*", nothing},
    {"DELETE", "/access/domains/*", realm_delete},
    {"PUT", "/access/password", nothing},
    {"POST", "/pools", pool_post},
    {"PUT", "/pools", pool_put},
    {"PUT", "/pools/*", pool_put},
    {"DELETE", "/pools", pool_delete},
    {"DELETE", "/pools/*", pool_delete},
};

/* Lists of objects, whose own lists are of objects, or nothing: a cluster may answer anything. */
static bool is_of_rows(const js *list) {
    static const char *const below[] = {"tokens", "members"};

    for (size_t i = 0; i < js_len(list); i++) {
        const js *row = js_at(list, i);

        if (!js_is_object(row)) {
            return false;
        }
        for (size_t k = 0; k < ARRAY_LEN(below); k++) {
            const js *rows = js_get(row, below[k]);

            for (size_t n = 0; n < js_len(rows); n++) {
                if (!js_is_object(js_at(rows, n))) {
                    return false;
                }
            }
        }
    }
    return true;
}

static bool is_world(const js *world) {
    JS_FOREACH(world, part, list) {
        (void)part;
        if (!is_of_rows(list)) {
            return false;
        }
    }
    return js_is_object(world);
}

js *access_after(const js *world, const char *method, const char *path, const js *form) {
    if (!is_world(world)) {
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        char id[2][AFTER_ID];
        CLEANUP(js_freep) js *w = NULL;
        struct request r = {.form = form};

        if (strcmp(requests[i].method, method) != 0 || !path_fits(requests[i].path, path, id)) {
            continue;
        }
        w = js_copy(world);
        r.w = w;
        r.id = id[0];
        r.sub = id[1];
        return requests[i].run(&r) ? TAKE(w) : NULL;
    }
    return NULL;
}
