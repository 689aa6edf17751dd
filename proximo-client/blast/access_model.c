/* SPDX-License-Identifier: Apache-2.0 */
/* The model of who may do what, out of the lists that the API answers with: everything is in arrays
 * that are sorted once, so that a thousand users on ten thousand paths are counted in well under a
 * second. What is made of it says access_walk.c. */
#include "proximo-client/blast/access_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

#define MEMO_FROM 8 /* entries */

static void set_bit(struct privset *s, size_t bit) {
    s->w[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static size_t priv_bit(struct access *a, const char *name) {
    size_t bit = access_index(a->priv_index, name);

    if (bit != SIZE_MAX || a->n_name == ACCESS_PRIVS) {
        return bit;
    }
    a->name = access_need(reallocarray(a->name, a->n_name + 1, sizeof(*a->name)));
    a->name[a->n_name] = access_need(strdup(name));
    js_add(a->priv_index, name, js_int((int64_t)a->n_name));
    return a->n_name++;
}

static void read_role(struct access *a, const js *row) {
    struct role *r = &a->role[a->n_role];
    const char *id = js_str_or(row, "roleid", "");

    for (const char *s = js_str_or(row, "privs", ""); *s;) {
        size_t n = strcspn(s, ",; ");
        char name[64];

        if (n > 0 && n < sizeof(name)) {
            size_t bit;

            (void)snprintf(name, sizeof(name), "%.*s", (int)n, s);
            bit = priv_bit(a, name);
            if (bit != SIZE_MAX) {
                set_bit(&r->privs, bit);
                set_bit(&a->all, bit);
            }
        }
        s += n + (s[n] != 0);
    }
    r->none = strcmp(id, "NoAccess") == 0;
    js_add(a->role_index, id, js_int((int64_t)a->n_role));
    a->n_role++;
}

static struct principal *add_principal(struct access *a, const char *name) {
    struct principal *p = &a->p[a->n_p];

    p->name = name;
    p->owner = a->n_p;
    js_add(a->principal_index, name, js_int((int64_t)a->n_p));
    a->n_p++;
    return p;
}

static bool realm_exists(const js *domains, const char *userid) {
    const char *at = strrchr(userid, '@');

    for (size_t i = 0; i < js_len(domains) && at; i++) {
        if (strcmp(js_str_or(js_at(domains, i), "realm", ""), at + 1) == 0) {
            return true;
        }
    }
    return !domains; /* not told: not judged */
}

static void read_users(struct access *a, const js *users, const js *domains) {
    for (size_t i = 0; i < js_len(users); i++) {
        const js *row = js_at(users, i);
        struct principal *p = add_principal(a, js_str_or(row, "userid", ""));

        p->enabled = js_bool_or(row, "enable", true);
        p->expire = js_int_or(row, "expire", 0);
        p->realm = realm_exists(domains, p->name);
    }
    for (size_t i = 0; i < js_len(users); i++) {
        const js *tokens = js_get(js_at(users, i), "tokens");

        for (size_t k = 0; k < js_len(tokens); k++) {
            const js *row = js_at(tokens, k);
            char name[200];
            js *text;
            struct principal *p;

            (void)snprintf(name, sizeof(name), "%.100s!%.90s", a->p[i].name,
                           js_str_or(row, "tokenid", ""));
            text = js_str(name);
            js_push(a->keep, text);
            p = add_principal(a, json_object_get_string(text));
            p->token = true;
            p->owner = i;
            p->enabled = true;
            p->realm = true;
            p->separated = js_bool_or(row, "privsep", true);
            p->expire = js_int_or(row, "expire", 0);
        }
    }
}

static size_t count_tokens(const js *users) {
    size_t n = 0;

    for (size_t i = 0; i < js_len(users); i++) {
        n += js_len(js_get(js_at(users, i), "tokens"));
    }
    return n;
}

static void join_group(struct access *a, size_t group, const char *names) {
    for (const char *s = names; *s;) {
        size_t n = strcspn(s, ",; ");
        char name[200];
        size_t who;

        (void)snprintf(name, sizeof(name), "%.*s", (int)(n < 199 ? n : 199), s);
        who = access_index(a->principal_index, name);
        if (n > 0 && who != SIZE_MAX && !a->p[who].token) {
            if (!a->p[who].group) {
                a->p[who].group = access_need(calloc(a->n_group / 8 + 1, 1));
            }
            a->p[who].group[group / 8] |= (uint8_t)(1U << (group % 8));
        }
        s += n + (s[n] != 0);
    }
}

static void read_groups(struct access *a, const js *groups) {
    a->n_group = js_len(groups);
    for (size_t i = 0; i < a->n_group; i++) {
        const js *row = js_at(groups, i);

        js_add(a->group_index, js_str_or(row, "groupid", ""), js_int((int64_t)i));
        join_group(a, i, js_str_or(row, "users", ""));
    }
}

static struct level *level_of(struct access *a, const char *path) {
    size_t i = access_index(a->level_index, path);

    if (i == SIZE_MAX) {
        i = a->n_level++;
        js_add(a->level_index, path, js_int((int64_t)i));
    }
    return &a->level[i];
}

static int by_who(const void *x, const void *y) {
    const struct entry *a = x, *b = y;

    if (a->is_group != b->is_group) {
        return a->is_group ? 1 : -1;
    }
    return a->who < b->who ? -1 : a->who > b->who;
}

static void read_acl(struct access *a, const js *acl) {
    a->level = access_need(calloc(js_len(acl) + 1, sizeof(*a->level)));
    for (size_t i = 0; i < js_len(acl); i++) {
        const js *row = js_at(acl, i);
        const char *path = js_str_or(row, "path", "");
        bool is_group = strcmp(js_str_or(row, "type", ""), "group") == 0;
        const char *name = js_str_or(row, "ugid", "");
        size_t role = access_index(a->role_index, js_str_or(row, "roleid", ""));
        size_t who = access_index(is_group ? a->group_index : a->principal_index,
                                  name + (is_group && *name == '@'));
        struct level *l = *path ? level_of(a, path) : NULL;

        /* a role or principal that is gone has no say */
        if (l && role != SIZE_MAX && who != SIZE_MAX) {
            l->v = access_need(reallocarray(l->v, l->n + 1, sizeof(*l->v)));
            l->v[l->n++] = (struct entry){.who = who,
                                          .is_group = is_group,
                                          .below = js_bool_or(row, "propagate", true),
                                          .role = &a->role[role]};
        }
    }
    for (size_t i = 0; i < a->n_level; i++) {
        struct level *l = &a->level[i];

        if (l->n > 1) {
            qsort(l->v, l->n, sizeof(*l->v), by_who);
        }
        while (l->n_own < l->n && !l->v[l->n_own].is_group) {
            l->n_own++;
        }
        if (l->n > MEMO_FROM) {
            l->memo = access_need(calloc(a->n_p, sizeof(*l->memo)));
            l->is_known = access_need(calloc(a->n_p, sizeof(*l->is_known)));
        }
    }
}

static void read_pools(struct access *a, const js *pools) {
    for (size_t i = 0; i < js_len(pools); i++) {
        const js *members = js_get(js_at(pools, i), "members");

        for (size_t k = 0; k < js_len(members); k++) {
            const js *m = js_at(members, k);
            const char *storage = js_get_str(m, "storage");
            char path[160];
            js *list;

            if (storage) {
                (void)snprintf(path, sizeof(path), "/storage/%.120s", storage);
            } else {
                (void)snprintf(path, sizeof(path), "/vms/%lld", (long long)js_int_or(m, "vmid", 0));
            }
            list = js_get(a->pool_of, path);
            if (!list) {
                list = js_array();
                js_add(a->pool_of, path, list);
            }
            js_push(list, js_str(js_str_or(js_at(pools, i), "poolid", "")));
        }
    }
}

struct access *access_new(const js *world, const struct access *like) {
    struct access *a = access_need(calloc(1, sizeof(*a)));
    const js *users = js_get(world, "users");
    const js *roles = js_get(world, "roles");

    a->priv_index = js_object();
    a->role_index = js_object();
    a->group_index = js_object();
    a->principal_index = js_object();
    a->level_index = js_object();
    a->pool_of = js_object();
    a->keep = js_array();
    a->role = access_need(calloc(js_len(roles) + 1, sizeof(*a->role)));
    a->p = access_need(calloc(js_len(users) + count_tokens(users) + 1, sizeof(*a->p)));
    for (size_t i = 0; like && i < like->n_name; i++) {
        set_bit(&a->all, priv_bit(a, like->name[i]));
    }
    for (size_t i = 0; i < js_len(roles); i++) {
        read_role(a, js_at(roles, i));
    }
    read_users(a, users, js_get(world, "domains"));
    read_groups(a, js_get(world, "groups"));
    read_acl(a, js_get(world, "acl"));
    read_pools(a, js_get(world, "pools"));
    return a;
}

void access_free(struct access *a) {
    if (!a) {
        return;
    }
    for (size_t i = 0; i < a->n_name; i++) {
        free(a->name[i]);
    }
    for (size_t i = 0; i < a->n_p; i++) {
        free(a->p[i].group);
    }
    for (size_t i = 0; i < a->n_level; i++) {
        free(a->level[i].v);
        free(a->level[i].memo);
        free(a->level[i].is_known);
    }
    free(a->name);
    free(a->role);
    free(a->p);
    free(a->level);
    js_freep(&a->priv_index);
    js_freep(&a->role_index);
    js_freep(&a->group_index);
    js_freep(&a->principal_index);
    js_freep(&a->level_index);
    js_freep(&a->pool_of);
    js_freep(&a->keep);
    free(a);
}

size_t access_principals(const struct access *a) {
    return a->n_p;
}
const char *access_name(const struct access *a, size_t who) {
    return a->p[who].name;
}
bool access_is_token(const struct access *a, size_t who) {
    return a->p[who].token;
}
size_t access_find(const struct access *a, const char *name) {
    return access_index(a->principal_index, name);
}

bool access_is_usable(const struct access *a, size_t who, int64_t now) {
    const struct principal *p = &a->p[who];
    const struct principal *owner = &a->p[p->owner];

    /* a token needs no realm: nobody logs in */
    return p->realm && p->enabled && (p->expire == 0 || p->expire > now) && owner->enabled &&
           (owner->expire == 0 || owner->expire > now);
}
