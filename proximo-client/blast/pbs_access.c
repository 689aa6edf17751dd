/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what on a backup server before and after a change, by the rules of proxmox-backup's
 * public source: of a path and those above it the nearest one on which the user or token has a role
 * that counts there replaces what the others say; one that does not propagate counts on its own
 * path alone; NoAccess is nothing; a token has what its user has, too; root@pam has everything; who
 * is disabled or expired has nothing, and no more has a token of such a user. What each role holds
 * is the server's own list. */
#include "proximo-client/blast/pbs.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/blast/after.h"
#include "proximo-client/blast/blast_int.h"

/* What is asked on a server of its own, whatever its entries name. */
static const char *const always[] = {"/", "/access", "/datastore", "/remote", "/system"};

/* ---- one principal on one path ---- */

static const js *user_of(const js *world, const char *auth) {
    char name[130];

    (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(auth, "!"), auth);
    return list_row(js_get(world, "users"), "userid", name);
}

static bool is_alive(const js *o, int64_t now) {
    int64_t expire = js_int_or(o, "expire", 0);

    return o && js_bool_or(o, "enable", true) && (expire == 0 || expire > now);
}

static bool is_active(const js *world, const char *auth, int64_t now) {
    const js *user = user_of(world, auth);

    return is_alive(user, now) &&
           (!strchr(auth, '!') || is_alive(list_row(js_get(user, "tokens"), "tokenid", auth), now));
}

/* Adds the privileges of the entry's role. */
static void add_role(const js *world, const js *entry, js *privs) {
    const js *role = list_row(js_get(world, "roles"), "roleid", js_str_or(entry, "roleid", ""));
    const js *list = js_get(role, "privs");

    for (size_t i = 0; i < js_len(list); i++) {
        if (js_is_str(js_at(list, i))) {
            js_add(privs, json_object_get_string(js_at(list, i)), js_int(1));
        }
    }
}

/* What is said of it on just this path; NULL: nothing that counts for `leaf`. A new value. */
static js *said_on(const js *world, const char *auth, const char *path, bool is_leaf) {
    const js *acl = js_get(world, "acl");
    js *privs = NULL;

    for (size_t i = 0; i < js_len(acl); i++) {
        const js *entry = js_at(acl, i);

        if (strcmp(js_str_or(entry, "path", ""), path) != 0 ||
            strcmp(js_str_or(entry, "ugid", ""), auth) != 0 ||
            strcmp(js_str_or(entry, "ugid_type", "user"), "user") != 0 ||
            !(is_leaf || js_bool_or(entry, "propagate", true))) {
            continue;
        }
        privs = privs ? privs : js_object();
        if (strcmp(js_str_or(entry, "roleid", ""), "NoAccess") == 0) {
            json_object_put(privs);
            return js_object();
        }
        add_role(world, entry, privs);
    }
    return privs;
}

static js *own_privs(const js *world, const char *auth, const char *path) {
    size_t n = strlen(path);
    js *got = js_object();

    for (size_t i = 1; i <= n; i++) {
        char prefix[300];
        js *here;

        if (i > 1 && i < n && path[i] != '/') {
            continue;
        }
        (void)snprintf(prefix, sizeof(prefix), "%.*s", (int)i, path);
        here = said_on(world, auth, prefix, i == n);
        if (here) {
            json_object_put(got);
            got = here;
        }
    }
    return got;
}

static js *everything(const js *world) {
    const js *roles = js_get(world, "roles");
    js *all = js_object();

    for (size_t i = 0; i < js_len(roles); i++) {
        add_role(world, js_at(roles, i), all);
    }
    return all;
}

static js *privs_of(const js *world, const char *auth, const char *path, int64_t now) {
    const char *bang = strchr(auth, '!');
    CLEANUP(js_freep) js *user = NULL;
    char name[130];
    js *own, *both;

    if (!is_active(world, auth, now)) {
        return js_object();
    }
    if (!bang) {
        return strcmp(auth, "root@pam") == 0 ? everything(world) : own_privs(world, auth, path);
    }
    (void)snprintf(name, sizeof(name), "%.*s", (int)(bang - auth), auth);
    user = privs_of(world, name, path, now);
    own = own_privs(world, auth, path);
    both = js_object();
    JS_FOREACH(own, priv, one) {
        if (js_get(user, priv)) {
            js_add(both, priv, js_ref(one));
        }
    }
    json_object_put(own);
    return both;
}

/* ---- compared ---- */

struct compare {
    const js *before, *after;
    const char *own;
    int64_t now;
    struct draft *d;
    struct tally tally;
    js *paths;
};

/* ", "-joined names that are in a and not in b; returns how many. */
static size_t only_in(const js *a, const js *b, struct buf *ret) {
    size_t n = 0;

    buf_reset(ret);
    JS_FOREACH(a, priv, one) {
        (void)one;
        if (!js_get(b, priv)) {
            (void)buf_addf(ret, "%s%s", n ? ", " : "", priv);
            n++;
        }
    }
    return n;
}

static void hit(struct compare *c, const char *auth, bool loses, size_t paths, const char *what) {
    bool is_own = c->own && strcmp(c->own, auth) == 0;
    char label[160], why[400];

    (void)snprintf(label, sizeof(label), "%s/%.140s", strchr(auth, '!') ? "token" : "user", auth);
    (void)snprintf(why, sizeof(why), "%s%.340s%s", loses ? "loses " : "gains ", what,
                   paths > 1 ? ", and more on other paths" : "");
    tally_other(&c->tally, c->d, label,
                !loses                                         ? "gains-access"
                : is_own && !is_active(c->after, auth, c->now) ? "lockout"
                                                               : "loses-access",
                is_own && loses ? RISK_HIGH : RISK_MEDIUM, "access", why);
}

static void one(struct compare *c, const char *auth) {
    CLEANUP(buf_done) struct buf names = BUF_INIT(LIM_LINE);
    char first[2][400] = {"", ""};
    size_t paths[2] = {0, 0};

    JS_FOREACH(c->paths, path, on) {
        CLEANUP(js_freep) js *was = privs_of(c->before, auth, path, c->now);
        CLEANUP(js_freep) js *is = privs_of(c->after, auth, path, c->now);

        (void)on;
        for (int k = 0; k < 2; k++) {
            if (only_in(k ? was : is, k ? is : was, &names) && paths[k]++ == 0) {
                (void)snprintf(first[k], sizeof(first[k]), "%.280s on %.100s", buf_str(&names),
                               path);
            }
        }
    }
    for (int k = 0; k < 2; k++) {
        if (paths[k]) {
            hit(c, auth, k, paths[k], first[k]);
        }
    }
}

static void add_paths(js *into, const js *world) {
    const js *acl = js_get(world, "acl");

    for (size_t i = 0; i < js_len(acl); i++) {
        js_add(into, js_str_or(js_at(acl, i), "path", "/"), js_int(1));
    }
}

static void add_names(js *into, const js *world) {
    const js *users = js_get(world, "users");

    for (size_t i = 0; i < js_len(users); i++) {
        const js *tokens = js_get(js_at(users, i), "tokens");

        js_add(into, js_str_or(js_at(users, i), "userid", "?"), js_int(1));
        for (size_t k = 0; k < js_len(tokens); k++) {
            js_add(into, js_str_or(js_at(tokens, k), "tokenid", "?"), js_int(1));
        }
    }
}

/* ---- what requests make of it ---- */

static void put_row(js *world, const char *list, const char *key, const char *id, const js *form) {
    js *row = form_over(list_row(js_get(world, list), key, id), form);
    js *rest = list_without(js_get(world, list), key, id);

    js_add(row, key, js_str(id));
    js_push(rest, row);
    js_add(world, list, rest);
}

static bool put_token(js *world, const struct blast_request *q, char id[2][AFTER_ID]) {
    js *user = js_copy(list_row(js_get(world, "users"), "userid", id[0]));
    char auth[AFTER_ID + 70];
    js *rest;

    if (!user) {
        return false;
    }
    (void)snprintf(auth, sizeof(auth), "%.130s!%.130s", id[0], id[1]);
    if (!js_get(user, "tokens")) {
        js_add(user, "tokens", js_array());
    }
    if (strcmp(q->method, "DELETE") == 0) {
        js_add(user, "tokens", list_without(js_get(user, "tokens"), "tokenid", auth));
    } else {
        put_row(user, "tokens", "tokenid", auth, q->form);
    }
    rest = list_without(js_get(world, "users"), "userid", id[0]);
    js_push(rest, user);
    js_add(world, "users", rest);
    return true;
}

static bool put_acl(js *world, const js *form) {
    const js *acl = js_get(world, "acl");
    js *rest = js_array();
    js *entry;

    for (size_t i = 0; i < js_len(acl); i++) {
        const js *e = js_at(acl, i);

        if (strcmp(js_str_or(e, "path", ""), js_str_or(form, "path", "")) != 0 ||
            strcmp(js_str_or(e, "ugid", ""), js_str_or(form, "auth-id", "")) != 0 ||
            strcmp(js_str_or(e, "roleid", ""), js_str_or(form, "role", "")) != 0) {
            js_push(rest, js_ref((js *)(uintptr_t)e));
        }
    }
    if (!js_bool_or(form, "delete", false)) {
        entry = js_object();
        js_add(entry, "path", js_str(js_str_or(form, "path", "")));
        js_add(entry, "ugid", js_str(js_str_or(form, "auth-id", "")));
        js_add(entry, "ugid_type", js_str("user"));
        js_add(entry, "roleid", js_str(js_str_or(form, "role", "")));
        js_add(entry, "propagate", js_bool(js_bool_or(form, "propagate", true)));
        js_push(rest, entry);
    }
    js_add(world, "acl", rest);
    return true;
}

static bool carry_out(js *world, const struct blast_request *q) {
    char id[2][AFTER_ID] = {"", ""};

    if (strcmp(q->path, "/access/acl") == 0) {
        return put_acl(world, q->form);
    }
    if (path_fits("/access/users/*/token/*", q->path, id)) {
        return put_token(world, q, id);
    }
    if (strcmp(q->path, "/access/users") == 0 || path_fits("/access/users/*", q->path, id)) {
        const char *user = id[0][0] ? id[0] : js_str_or(q->form, "userid", "");

        if (strcmp(q->method, "DELETE") == 0) {
            js_add(world, "users", list_without(js_get(world, "users"), "userid", user));
        } else {
            put_row(world, "users", "userid", user, q->form);
        }
        return true;
    }
    return false;
}

int blast_pbs_access(const js *world, const struct blast_request *req, size_t n, const char *own,
                     int64_t now, struct draft *d) {
    CLEANUP(js_freep) js *after = js_is_object(world) ? js_copy(world) : js_object();
    CLEANUP(js_freep) js *paths = js_object();
    CLEANUP(js_freep) js *names = js_object();
    struct compare c = {
        .before = world, .after = after, .own = own, .now = now, .d = d, .paths = paths};

    for (size_t i = 0; i < n; i++) {
        if (!carry_out(after, &req[i])) {
            draft_unread(d, "what the change does", "its kind, or what it names, is not known",
                         NULL);
            return 0;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        js_add(paths, always[i], js_int(1));
    }
    add_paths(paths, world);
    add_paths(paths, after);
    add_names(names, world);
    add_names(names, after);
    JS_FOREACH(names, auth, on) {
        (void)on;
        one(&c, auth);
    }
    if (!c.tally.n) {
        draft_risk(d, RISK_LOW, "nobody may do more or less by it");
    }
    tally_risk(&c.tally, d);
    return 0;
}
