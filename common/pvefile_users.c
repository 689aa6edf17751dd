/* SPDX-License-Identifier: Apache-2.0 */
/* user.cfg: users, tokens, groups, pools, roles and access lists as colon-separated records. The
 * order counts as it does for PVE: a token needs its user above it, an entry its token. */
#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "common/pvefile_int.h"

#define COLUMNS   12
#define WORD_MOST 299U

struct record {
    struct pve_text *t;
    js *root;
    const char *c[COLUMNS];
    size_t n[COLUMNS];
};

/* Cleaned, a word may be three times as long; cut anywhere it would not be UTF-8 any more. */
static void one_word(struct record *r, const char *s, size_t len,
                     void (*f)(struct record *r, const char *word, void *ctx), void *ctx) {
    CLEANUP(js_freep) js *clean = js_str_n(s, len);

    if ((size_t)json_object_get_string_len(clean) > WORD_MOST) {
        pve_note(r->t, "a name is longer than %u bytes", WORD_MOST);
    } else {
        f(r, json_object_get_string(clean), ctx);
    }
}

/* Calls f for every word of a list with commas, semicolons or blanks. */
static void each(struct record *r, size_t column,
                 void (*f)(struct record *r, const char *word, void *ctx), void *ctx) {
    const char *s = r->c[column];
    size_t n = r->n[column];

    while (n) {
        size_t len = 0;

        while (len < n && s[len] != ',' && s[len] != ';' && !pve_is_blank(s[len])) {
            len++;
        }
        if (len) {
            one_word(r, s, len, f, ctx);
        }
        len += len < n;
        s += len;
        n -= len;
    }
}

static void add_word(struct record *r, const char *word, void *ctx) {
    (void)r;
    js_add(ctx, word, js_int(1));
}

static js *set_of(struct record *r, size_t column) {
    js *o = js_object();

    each(r, column, add_word, o);
    return o;
}

static int64_t number(const struct record *r, size_t column) {
    char text[24];
    uint64_t n = 0;

    (void)snprintf(text, sizeof(text), "%.*s", (int)(r->n[column] < 23 ? r->n[column] : 23),
                   r->c[column]);
    if (ident_u64(text, &n) < 0 || n > INT64_MAX) {
        if (r->n[column]) {
            pve_note(r->t, "'%.20s' is no number", text);
        }
        return 0;
    }
    return (int64_t)n;
}

static void text_column(struct record *r, js *o, const char *key, size_t column) {
    if (r->n[column]) {
        js_add(o, key, pve_decoded(r->t, r->c[column], r->n[column]));
    }
}

/* The id in column 1; NULL and a note when it is none. */
static const char *id_of(struct record *r, bool (*is_id)(const char *s), char store[static 300]) {
    if (r->n[1] < 300) {
        (void)snprintf(store, 300, "%.*s", (int)r->n[1], r->c[1]);
        if (is_id(store)) {
            return store;
        }
    }
    pve_note(r->t, "'%.*s' is no name for this", (int)(r->n[1] < 60 ? r->n[1] : 60), r->c[1]);
    return NULL;
}

static void user_record(struct record *r) {
    static const char *const names[] = {"firstname", "lastname", "email", "comment", "keys"};
    char store[300];
    const char *id = id_of(r, ident_is_userid, store);
    js *u;

    if (!id) {
        return;
    }
    u = pve_member(pve_member(r->root, "users"), id);
    js_add(u, "enable", js_int(number(r, 2)));
    js_add(u, "expire", js_int(number(r, 3)));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        text_column(r, u, names[i], 4 + i);
    }
}

static void token_record(struct record *r) {
    char store[300];
    const char *id = id_of(r, ident_is_tokenid, store);
    char *bang = id ? strchr(store, '!') : NULL;
    js *user, *o;

    if (!bang) {
        return;
    }
    *bang = '\0';
    user = js_get(js_get(r->root, "users"), store);
    if (!user) {
        pve_note(r->t, "the token's user %.60s does not exist", store);
        return;
    }
    o = js_object();
    js_add(o, "expire", js_int(number(r, 2)));
    js_add(o, "privsep", js_int(number(r, 3) != 0));
    text_column(r, o, "comment", 4);
    js_add(pve_member(user, "tokens"), bang + 1, o);
}

static void group_record(struct record *r) {
    char store[300];
    const char *id = id_of(r, ident_is_client, store);

    if (id) {
        js *o = pve_member(pve_member(r->root, "groups"), id);

        js_add(o, "users", set_of(r, 2));
        text_column(r, o, "comment", 3);
    }
}

/* A guest belongs to the first pool that names it. */
static void keep_guest(struct record *r, const char *word, void *ctx) {
    uint32_t vmid = 0;

    if (ident_vmid(word, &vmid) < 0) {
        pve_note(r->t, "'%.40s' is no guest", word);
        return;
    }
    JS_FOREACH(js_get(r->root, "pools"), id, pool) {
        if (js_get(js_get(pool, "vms"), word)) {
            pve_note(r->t, "guest %.20s belongs to pool %.60s already", word, id);
            return;
        }
    }
    js_add(ctx, word, js_int(1));
}

static void pool_record(struct record *r) {
    char store[300];
    const char *id = id_of(r, ident_is_pool, store);

    if (id) {
        js *o = pve_member(pve_member(r->root, "pools"), id);
        js *guests = js_object();

        text_column(r, o, "comment", 2);
        each(r, 3, keep_guest, guests);
        js_add(o, "vms", guests);
        js_add(o, "storage", set_of(r, 4));
    }
}

static void role_record(struct record *r) {
    char store[300];
    const char *id = id_of(r, ident_is_client, store);

    if (id) {
        js_add(pve_member(r->root, "roles"), id, set_of(r, 2));
    }
}

/* A token that is gone takes its entries with it; entries of users and groups that are gone stay, and
 * count again for who is made anew under that name. */
static bool is_gone(const js *root, const char *who) {
    const char *bang = strchr(who, '!');
    char user[300];

    if (*who == '@' || !bang) {
        return false;
    }
    (void)snprintf(user, sizeof(user), "%.*s", (int)(bang - who), who);
    return !js_get(js_get(js_get(js_get(root, "users"), user), "tokens"), bang + 1);
}

struct grant {
    js *path, *entry;
    int64_t propagate;
};

static void add_role(struct record *r, const char *role, void *ctx) {
    struct grant *g = ctx;

    (void)r;
    js_add(g->entry, role, js_int(g->propagate != 0));
}

static void add_principal(struct record *r, const char *who, void *ctx) {
    struct grant *g = ctx;
    char key[320];

    if (is_gone(r->root, who)) {
        return;
    }
    (void)snprintf(key, sizeof(key), "%s:%s",
                   *who == '@'        ? "group"
                   : strchr(who, '!') ? "token"
                                      : "user",
                   who + (*who == '@'));
    g->entry = pve_member(g->path, key);
    each(r, 4, add_role, g);
}

static void acl_record(struct record *r) {
    struct grant g = {.propagate = number(r, 1)};
    CLEANUP(js_freep) js *path = NULL;

    if (!r->n[2] || r->n[2] > 255 || *r->c[2] != '/') {
        pve_note(r->t, "is no access list of a path");
        return;
    }
    path = pve_value(r->t, r->c[2], r->n[2]);
    g.path = pve_member(pve_member(r->root, "acl"), json_object_get_string(path));
    each(r, 3, add_principal, &g);
}

static const struct {
    const char *name;
    void (*read)(struct record *r);
} records[] = {
    {"user", user_record}, {"token", token_record}, {"group", group_record},
    {"pool", pool_record}, {"role", role_record},   {"acl", acl_record},
};

static void read_record(struct record *r, const char *s, size_t n) {
    for (size_t i = 0; i < COLUMNS; i++) {
        const char *colon = n ? memchr(s, ':', n) : NULL;

        r->c[i] = s;
        r->n[i] = colon ? (size_t)(colon - s) : n;
        s += r->n[i] + (colon != NULL);
        n -= r->n[i] + (colon != NULL);
    }
    for (size_t i = 0; i < ARRAY_LEN(records); i++) {
        if (pve_is(r->c[0], r->n[0], records[i].name)) {
            records[i].read(r);
            return;
        }
    }
    pve_note(r->t, "is no record of a kind we know");
}

js *pvefile_users(const char *text, size_t len, js *notes) {
    static const char *const parts[] = {"users", "groups", "pools", "roles", "acl"};
    struct pve_text t = {.text = text, .len = len, .notes = notes};
    struct record r = {.t = &t, .root = js_object()};
    const char *line;
    size_t n;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        (void)pve_member(r.root, parts[i]);
    }
    if (len) { /* there is always a root; a file need not name him */
        js *root = pve_member(pve_member(r.root, "users"), "root@pam");

        js_add(root, "enable", js_int(1));
        js_add(root, "expire", js_int(0));
    }
    while (pve_line(&t, &line, &n)) {
        if (*line != '#') {
            read_record(&r, line, n);
        }
    }
    return r.root;
}
