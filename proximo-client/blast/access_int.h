/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/access_int.h - inside of the model of who may do what: the lists as arrays
 * that access_model.c makes once and access_walk.c asks. */
#pragma once
#include "proximo-client/blast/access.h"

struct role {
    struct privset privs;
    bool none; /* NoAccess */
};

struct entry {
    size_t who; /* principal, or group with `is_group` */
    bool is_group, below;
    const struct role *role;
};

struct said {
    struct privs p;
    bool any, none;
};

/* One path that carries entries: the principals' own sorted by principal, then the groups'. */
struct level {
    struct entry *v;
    size_t n, n_own;
    /* What each principal gets from here for what is below, once it was asked: the same for all of
     * ten thousand guests. NULL on paths with few entries. */
    struct said *memo;
    bool *is_known;
};

struct principal {
    const char *name;
    size_t owner; /* of a token: its user; else itself */
    bool token, separated, enabled, realm;
    int64_t expire;
    uint8_t *group; /* one bit a group; NULL: none */
};

struct access {
    char **name; /* of privileges */
    size_t n_name;
    js *priv_index, *role_index, *group_index, *principal_index, *level_index;
    struct role *role;
    size_t n_role, n_group;
    struct principal *p;
    size_t n_p;
    struct level *level;
    size_t n_level;
    js *pool_of; /* member path -> array of pool paths */
    js *keep;    /* names of tokens */
    struct privset all;
};

struct access_path {
    const struct level *level[16]; /* from "/" down; only those that say something */
    bool last;                     /* the last of them is the path's own */
    size_t n;
    struct access_path **pool;
    size_t n_pool;
};

/* access_walk.c: ends the program when there is no memory. */
void *access_need(void *p) __attribute__((returns_nonnull));

/* The place of a name, SIZE_MAX when there is none. */
static inline size_t access_index(const js *index, const char *name) {
    int64_t i;

    return js_get_int(index, name, &i) ? (size_t)i : SIZE_MAX;
}
