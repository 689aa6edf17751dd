/* SPDX-License-Identifier: Apache-2.0 */
/* Users, groups, tokens, roles, access entries, pools. The lists from which privileges are computed
 * are those of access_after(); a single object that is new is what its form says. */
#include "proximo-client/blast/then_int.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/access.h"
#include "proximo-client/pve/pve.h"

/* Answers of which access_after() knows what becomes of them, and which requests touch them. */
static const struct part {
    const char *path, *name;
    const char
        *touched; /* beginnings of requests' paths, blanks between; after a '-' only DELETE */
} parts[] = {
    {"/access/users?full=1", "users", "/access/users"},
    {"/access/users", "users", "/access/users"},
    {"/access/groups", "groups", "/access/groups /access/users"},
    {"/access/roles", "roles", "/access/roles"},
    {"/access/domains", "domains", "/access/domains"},
    {"/access/acl", "acl", "/access/acl -/access/users -/access/groups -/access/roles -/pools"},
    {"/pools", "pools", "/pools"},
};

static bool is_touched(const char *touched, const struct effect *x) {
    bool is_delete = strcmp(x->method, "DELETE") == 0;

    while (*touched) {
        bool only_delete = *touched == '-';
        const char *begin = touched + only_delete;
        size_t n = strcspn(begin, " ");

        if (strncmp(begin, x->path, n) == 0 && (!only_delete || is_delete)) {
            return true;
        }
        touched = begin + n + (begin[n] == ' ');
    }
    return false;
}

static enum then_is of_part(const struct part *part, const struct effect *x, js **data) {
    CLEANUP(js_freep) js *world = js_object();
    CLEANUP(js_freep) js *after = NULL;

    if (!is_touched(part->touched, x)) {
        return THEN_SAME;
    }
    if (!js_is_array(*data)) {
        return THEN_UNKNOWN;
    }
    js_add(world, part->name, js_ref(*data));
    after = access_after(world, x->method, x->path, x->form);
    if (!after || !js_is_array(js_get(after, part->name))) {
        return THEN_UNKNOWN;
    }
    if (js_eq(*data, js_get(after, part->name))) {
        return THEN_SAME;
    }
    (void)then_set(data, js_ref(js_get(after, part->name)));
    /* rows of the other lists carry members that decide nothing (comments): not computed */
    return strcmp(part->name, "acl") == 0 ? THEN_KNOWN : THEN_UNWATCHED;
}

/* The path of what a request makes or changes, undecoded. */
static bool own_path(const struct effect *x, char *ret, size_t size) {
    static const struct {
        const char *path, *key;
    } names[] = {{"/access/users", "userid"},
                 {"/access/groups", "groupid"},
                 {"/access/roles", "roleid"},
                 {"/access/domains", "realm"}};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(x->method, "POST") == 0 && strcmp(x->path, names[i].path) == 0) {
            (void)snprintf(ret, size, "%s/%.199s", names[i].path,
                           js_str_or(x->form, names[i].key, ""));
            return true;
        }
    }
    (void)snprintf(ret, size, "%.299s", x->path);
    return strcmp(x->path, "/access/acl") != 0;
}

/* Both may be percent-encoded, or not: "a@pve", "a%40pve". */
static bool same_path(const char *a, const char *b, size_t *ret_n) {
    size_t i = 0, k = 0;

    while (a[i]) {
        if (a[i] == '@' && strncmp(b + k, "%40", 3) == 0) {
            k += 3;
            i++;
        } else if (b[k] == '@' && strncmp(a + i, "%40", 3) == 0) {
            k++;
            i += 3;
        } else if (a[i++] != b[k++]) {
            return false;
        }
    }
    *ret_n = k;
    return true;
}

static js *privs_of(const struct effect *x) {
    CLEANUP(js_freep) js *words = form_words(x->form, "privs");
    js *o = js_object();

    for (size_t i = 0; i < js_len(words); i++) {
        js_add(o, json_object_get_string(js_at(words, i)), js_int(1));
    }
    return o;
}

/* A new one's own reads; tail is what the read has behind the object's path. */
static enum then_is of_new(const struct effect *x, const char *tail, js **data) {
    if (strcmp(tail, "/token") == 0 && strcmp(x->path, "/access/users") == 0) {
        return then_set(data, js_array());
    }
    if (*tail) {
        return THEN_UNKNOWN;
    }
    if (strcmp(x->path, "/access/roles") == 0) {
        return then_set(data, privs_of(x));
    }
    (void)then_set(data, form_over(NULL, x->form));
    return THEN_UNWATCHED;
}

static bool is_token(const struct effect *x) {
    return strstr(x->path, "/token/") != NULL;
}

/* The list of a user's tokens. */
static enum then_is of_tokens(const struct effect *x, const char *path, js **data) {
    char list[AFTER_ID + 40];
    size_t n;
    js *row;

    (void)snprintf(list, sizeof(list), "%.*s", (int)(strstr(x->path, "/token/") - x->path) + 6,
                   x->path);
    if (!same_path(list, path, &n) || path[n]) {
        return THEN_SAME;
    }
    if (strcmp(x->method, "POST") == 0 && js_is_array(*data)) {
        (void)then_set(data, js_copy(*data));
        row = form_over(NULL, x->form);
        js_add(row, "tokenid", js_str(x->id[1]));
        js_push(*data, row);
        return THEN_UNWATCHED;
    }
    if (strcmp(x->method, "DELETE") == 0) {
        return then_set(data, list_without(*data, "tokenid", x->id[1]));
    }
    return THEN_UNKNOWN;
}

static enum then_is of_object(const struct effect *x, const char *path, js **data) {
    char own[AFTER_ID + 120];
    size_t n = 0;

    if (!own_path(x, own, sizeof(own)) || !same_path(own, path, &n) ||
        (path[n] && path[n] != '/' && path[n] != '?')) {
        return THEN_SAME;
    }
    if (strcmp(x->method, "DELETE") == 0) {
        return then_set(data, NULL);
    }
    if (strcmp(x->method, "POST") == 0) {
        return of_new(x, path + n, data);
    }
    if (path[n] == '/') {
        return THEN_SAME; /* a user's tokens stay, whatever is set of the user */
    }
    if (*data && !js_bool_or(x->form, "append", false) && strncmp(own, "/access/roles", 13) != 0) {
        (void)then_set(data, form_over(*data, x->form));
        return THEN_UNWATCHED;
    }
    return THEN_UNKNOWN;
}

static enum then_is grants(const struct effect *x, const char *path, js **data) {
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (strcmp(parts[i].path, path) == 0) {
            return of_part(&parts[i], x, data);
        }
    }
    if (strncmp(path, "/access/permissions", 19) == 0) {
        return THEN_UNWATCHED; /* what we may see now is what the other answers were filtered by */
    }
    if (is_token(x)) {
        enum then_is is = of_tokens(x, path, data);

        return is != THEN_SAME ? is : of_object(x, path, data);
    }
    return of_object(x, path, data);
}

/* ---- pools ---- */

static const char *pool_of(const struct effect *x) {
    return x->id[0][0] ? x->id[0] : js_str_or(x->form, "poolid", "");
}

static js *new_pool(const struct effect *x) {
    js *list = js_array(), *row = form_over(NULL, x->form);

    js_add(row, "members", js_array());
    js_push(list, row);
    return list;
}

/* "/pools?poolid=ID": a list of one. */
static enum then_is one_pool(const struct effect *x, js **data) {
    if (strcmp(x->method, "DELETE") == 0) {
        return then_set(data, NULL);
    }
    if (strcmp(x->method, "POST") == 0) {
        return then_set(data, new_pool(x));
    }
    if (js_get(x->form, "vms") || js_get(x->form, "storage")) {
        CLEANUP(js_freep) js *world = js_object();
        CLEANUP(js_freep) js *after = NULL;

        if (!js_is_array(*data)) {
            return THEN_UNKNOWN;
        }
        js_add(world, "pools", js_ref(*data));
        after = access_after(world, x->method, x->path, x->form);
        if (!after) {
            return THEN_UNKNOWN;
        }
        (void)then_set(data, js_ref(js_get(after, "pools")));
        return THEN_UNWATCHED; /* members come without their node and name */
    }
    if (js_len(*data) == 1) {
        CLEANUP(js_freep) js *list = js_array();

        js_push(list, form_over(js_at(*data, 0), x->form));
        return then_set(data, TAKE(list));
    }
    return THEN_UNKNOWN;
}

static enum then_is pools(const struct effect *x, const char *path, js **data) {
    char one[AFTER_ID + 20], deep[AFTER_ID + 20];

    (void)snprintf(one, sizeof(one), "/pools?poolid=%s", pool_of(x));
    (void)snprintf(deep, sizeof(deep), "/pools/%s", pool_of(x));
    if (strcmp(path, one) == 0) {
        return one_pool(x, data);
    }
    if (strncmp(path, deep, strlen(deep)) == 0 &&
        (!path[strlen(deep)] || path[strlen(deep)] == '?')) {
        return THEN_UNKNOWN;
    }
    if (strncmp(path, "/pools?", 7) == 0) { /* a guest leaves the pool it was in */
        return js_get(x->form, "vms") ? THEN_UNWATCHED : THEN_SAME;
    }
    if (is_guest_list(path)) {
        return js_get(x->form, "vms") ? THEN_UNWATCHED : THEN_SAME;
    }
    return grants(x, path, data);
}

const struct effect_kind then_access_kinds[] = {
    {"PUT", "/access/acl", NULL, grants, NULL},
    {"POST", "/access/users", NULL, grants, NULL},
    {"PUT", "/access/users/*", NULL, grants, NULL},
    {"DELETE", "/access/users/*", NULL, grants, NULL},
    {"POST", "/access/users/*/token/*", NULL, grants, NULL},
    {"PUT", "/access/users/*/token/*", NULL, grants, NULL},
    {"DELETE", "/access/users/*/token/*", NULL, grants, NULL},
    {"POST", "/access/groups", NULL, grants, NULL},
    {"PUT", "/access/groups/*", NULL, grants, NULL},
    {"DELETE", "/access/groups/*", NULL, grants, NULL},
    {"POST", "/access/roles", NULL, grants, NULL},
    {"PUT", "/access/roles/*", NULL, grants, NULL},
    {"DELETE", "/access/roles/*", NULL, grants, NULL},
    {"POST", "/pools", NULL, pools, NULL},
    {"PUT", "/pools", NULL, pools, NULL},
    {"DELETE", "/pools", NULL, pools, NULL},
    {"PUT", "/pools/*", NULL, pools, NULL},
    {"DELETE", "/pools/*", NULL, pools, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
