/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what. From "/" down to the path each level that says anything that counts there
 * replaces what the levels above said: a token's own entries, a user's own before those of its
 * groups. A role that does not propagate counts on its own path only. NoAccess empties. What pools
 * grant is added on their members' own paths and goes no further. A separated token has what both
 * it and its user have. */
#include "proximo-client/blast/access_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

void *access_need(void *p) {
    if (!p) {
        abort();
    }
    return p;
}

bool privset_is_empty(const struct privset *s) {
    uint64_t any = 0;

    for (size_t i = 0; i < ARRAY_LEN(s->w); i++) {
        any |= s->w[i];
    }
    return any == 0;
}

struct privset privset_minus(const struct privset *of, const struct privset *without) {
    struct privset s;

    for (size_t i = 0; i < ARRAY_LEN(s.w); i++) {
        s.w[i] = of->w[i] & ~without->w[i];
    }
    return s;
}

static void privset_add(struct privset *s, const struct privset *more) {
    for (size_t i = 0; i < ARRAY_LEN(s->w); i++) {
        s->w[i] |= more->w[i];
    }
}

static void privset_keep(struct privset *s, const struct privset *only) {
    for (size_t i = 0; i < ARRAY_LEN(s->w); i++) {
        s->w[i] &= only->w[i];
    }
}

bool privset_has(const struct access *a, const struct privset *s, const char *priv) {
    size_t bit = access_index(a->priv_index, priv);

    return bit != SIZE_MAX && (s->w[bit / 64] >> (bit % 64) & 1);
}

static struct access_path *take_apart(const struct access *a, const char *path) {
    struct access_path *p = access_need(calloc(1, sizeof(*p)));
    char prefix[512];
    size_t len = strlen(path);

    for (size_t i = 1; len < sizeof(prefix) && i <= len; i++) {
        size_t level;

        if (i > 1 && i < len && path[i] != '/') {
            continue;
        }
        memcpy(prefix, path, i);
        prefix[i] = '\0';
        level = access_index(a->level_index, prefix);
        if (level != SIZE_MAX && p->n < ARRAY_LEN(p->level)) {
            p->level[p->n++] = &a->level[level];
            p->last = i == len;
        }
    }
    return p;
}

struct access_path *access_path_new(const struct access *a, const char *path) {
    struct access_path *p = take_apart(a, path);
    const js *pools = js_get(a->pool_of, path);

    p->n_pool = js_len(pools);
    p->pool = access_need(calloc(p->n_pool + 1, sizeof(struct access_path *)));
    for (size_t i = 0; i < p->n_pool; i++) {
        char at[256];

        (void)snprintf(at, sizeof(at), "/pool/%.240s", json_object_get_string(js_at(pools, i)));
        p->pool[i] = take_apart(a, at);
    }
    return p;
}

void access_path_free(struct access_path *p) {
    if (p) {
        for (size_t i = 0; i < p->n_pool; i++) {
            access_path_free(p->pool[i]);
        }
        free(p->pool);
        free(p);
    }
}

static void say(struct said *s, const struct entry *e, bool own) {
    if (!own && !e->below) {
        return;
    }
    s->any = true;
    s->none |= e->role->none;
    privset_add(&s->p.have, &e->role->privs);
    if (e->below) {
        privset_add(&s->p.below, &e->role->privs);
    }
}

static struct said count_level(const struct access *a, size_t who, const struct level *l,
                               bool own) {
    const struct principal *p = &a->p[who];
    struct said s = {0};
    size_t low = 0, high = l->n_own;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (l->v[mid].who < who) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    for (; low < l->n_own && l->v[low].who == who; low++) {
        say(&s, &l->v[low], own);
    }
    /* its own entries silence those of its groups; all groups together are one voice */
    if (!s.any && p->group) {
        for (size_t i = l->n_own; i < l->n; i++) {
            if (p->group[l->v[i].who / 8] >> (l->v[i].who % 8) & 1) {
                say(&s, &l->v[i], own);
            }
        }
    }
    return s;
}

static struct said ask_level(const struct access *a, size_t who, const struct level *l, bool own) {
    if (own || !l->memo) {
        return count_level(a, who, l, own);
    }
    if (!l->is_known[who]) {
        l->memo[who] = count_level(a, who, l, false);
        l->is_known[who] = true;
    }
    return l->memo[who];
}

static struct said walk(const struct access *a, size_t who, const struct access_path *path) {
    struct said got = {0};

    for (size_t i = 0; i < path->n; i++) {
        struct said here = ask_level(a, who, path->level[i], path->last && i + 1 == path->n);

        if (here.any) {
            got = here;
        }
    }
    return got;
}

static struct privs own_privs(const struct access *a, size_t who, const struct access_path *path) {
    struct said got = walk(a, who, path);
    struct said pool = {0};

    for (size_t i = 0; i < path->n_pool; i++) {
        struct said one = walk(a, who, path->pool[i]);

        pool.none |= one.none;
        privset_add(&pool.p.have, &one.p.have);
    }
    if (got.none || pool.none) {
        return (struct privs){0};
    }
    privset_add(&got.p.have, &pool.p.have);
    return got.p;
}

struct privs access_privs(const struct access *a, size_t who, const struct access_path *path) {
    const struct principal *p = &a->p[who];
    struct privs user, token;

    if (!p->token) {
        return strcmp(p->name, "root@pam") == 0 ? (struct privs){a->all, a->all}
                                                : own_privs(a, who, path);
    }
    user = access_privs(a, p->owner, path);
    if (!p->separated) {
        return user;
    }
    token = own_privs(a, who, path);
    privset_keep(&token.have, &user.have);
    privset_keep(&token.below, &user.below);
    return token;
}

js *access_paths(const struct access *a) {
    js *set = js_object();

    JS_FOREACH(a->level_index, path, i) {
        (void)i;
        js_add(set, path, js_bool(true));
    }
    JS_FOREACH(a->pool_of, member, pools) {
        (void)pools;
        js_add(set, member, js_bool(true));
    }
    return set;
}

js *access_object(const struct access *a, const struct privs *p) {
    js *o = js_object();

    for (size_t i = 0; i < a->n_name; i++) {
        if (p->have.w[i / 64] >> (i % 64) & 1) {
            js_add(o, a->name[i], js_int((int64_t)(p->below.w[i / 64] >> (i % 64) & 1)));
        }
    }
    return o;
}
