/* SPDX-License-Identifier: Apache-2.0 */
/* ACL entries of what is gone. PVE drops the entries of a guest, a pool, a user that it deletes
 * itself, but not those of a storage or a node, nor of anything that went another way; a guest that
 * is made later under the same number would inherit them. Only what a whole list proves to be gone
 * is called so. */
#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/after.h"
#include "proximo-client/blast/blast_int.h"

enum list { GUESTS, STORAGES, POOLS, NODES, REALMS, USERS, GROUPS, ROLES, LISTS };

static const struct {
    const char *what, *path; /* path: of a named read */
    const char *key;
} lists[LISTS] = {
    [GUESTS] = {"guests", NULL, NULL},
    [STORAGES] = {"storages", NULL, NULL},
    [POOLS] = {"pools", "/pools", "poolid"},
    [NODES] = {"nodes", NULL, NULL},
    [REALMS] = {"realms", "/access/domains", "realm"},
    [USERS] = {"users", "/access/users?full=1", "userid"},
    [GROUPS] = {"groups", "/access/groups", "groupid"},
    [ROLES] = {"roles", "/access/roles", "roleid"},
};

struct dangling {
    const struct picture *p;
    struct draft *d;
    struct part part[LISTS];
    unsigned int unjudged[LISTS];
    unsigned int odd; /* entries that are not understood */
};

static void look_at_lists(struct dangling *x) {
    x->part[GUESTS] = *picture_guests_part(x->p);
    x->part[STORAGES] = *picture_storage_part(x->p);
    x->part[NODES] = *picture_nodes_part(x->p);
    for (int i = 0; i < LISTS; i++) {
        if (lists[i].path) {
            (void)picture_answer(x->p, lists[i].path, &x->part[i]);
        }
    }
}

static bool is_there(const struct dangling *x, enum list where, const char *id) {
    uint32_t vmid = 0;

    switch (where) {
    case GUESTS:
        return ident_vmid(id, &vmid) < 0 || picture_guest(x->p, vmid) != NULL;
    case STORAGES:
        return picture_store(x->p, id) != NULL;
    case NODES:
        return picture_node_find(x->p, id, NULL);
    case POOLS:
    case REALMS:
    case USERS:
    case GROUPS:
    case ROLES:
    case LISTS:
    default:
        return list_row(picture_answer(x->p, lists[where].path, NULL), lists[where].key, id) !=
               NULL;
    }
}

/* Gone for certain. Not judged: counted. */
static bool is_gone(struct dangling *x, enum list where, const char *id) {
    if (is_there(x, where, id)) {
        return false;
    }
    if (x->part[where].state != PART_READ) {
        x->unjudged[where]++;
        return false;
    }
    return true;
}

static const struct {
    const char *top;
    enum list where;
} tops[] = {{"/vms/", GUESTS},
            {"/storage/", STORAGES},
            {"/pool/", POOLS},
            {"/nodes/", NODES},
            {"/access/realm/", REALMS}};

/* What of the path is gone, or NULL. Only the object itself is judged, and a pool by its whole
 * name. */
static const char *gone_path(struct dangling *x, const char *path) {
    for (size_t i = 0; i < ARRAY_LEN(tops); i++) {
        size_t n = strlen(tops[i].top);

        if (strncmp(path, tops[i].top, n) == 0 && path[n] &&
            (tops[i].where == POOLS || !strchr(path + n, '/'))) {
            return is_gone(x, tops[i].where, path + n) ? path + n : NULL;
        }
    }
    return NULL;
}

static bool has_token(const struct dangling *x, const char *name) {
    char user[160];
    const char *bang = strchr(name, '!');
    const js *row;

    (void)snprintf(user, sizeof(user), "%.*s", (int)(bang ? (size_t)(bang - name) : strlen(name)),
                   name);
    row = list_row(picture_answer(x->p, lists[USERS].path, NULL), "userid", user);
    return bang && list_row(js_get(row, "tokens"), "tokenid", bang + 1);
}

static bool gone_who(struct dangling *x, const char *type, const char *name) {
    if (strcmp(type, "token") != 0) {
        return is_gone(x, strcmp(type, "group") == 0 ? GROUPS : USERS, name);
    }
    if (has_token(x, name)) {
        return false;
    }
    x->unjudged[USERS] += x->part[USERS].state != PART_READ;
    return x->part[USERS].state == PART_READ;
}

static js *judged(struct dangling *x, const js *entry) {
    const char *type = js_str_or(entry, "type", ""), *who = js_str_or(entry, "ugid", "");
    const char *role = js_str_or(entry, "roleid", "");
    const char *path;
    bool is_nobody, is_no_role;
    js *o;

    if (!type[0] || !who[0] || !role[0] || js_str_or(entry, "path", "")[0] != '/') {
        x->odd++;
        return NULL;
    }
    path = gone_path(x, js_str_or(entry, "path", ""));
    is_nobody = gone_who(x, type, who);
    is_no_role = is_gone(x, ROLES, role);
    if (!path && !is_nobody && !is_no_role) {
        return NULL;
    }
    o = js_copy(entry);
    if (path) {
        js_addf(o, "why", "there is no %.120s any more", js_str_or(entry, "path", ""));
    } else if (is_nobody) {
        js_addf(o, "why", "there is no %.20s %.120s any more", type, who);
    } else {
        js_addf(o, "why", "there is no role %.120s any more", role);
    }
    return o;
}

js *blast_access_dangling(const struct picture *p, struct draft *d) {
    const js *acl = picture_answer(p, "/access/acl", NULL);
    struct dangling x = {.p = p, .d = d};
    js *out = js_array();

    look_at_lists(&x);
    for (size_t i = 0; i < js_len(acl); i++) {
        js *o = judged(&x, js_at(acl, i));

        if (o) {
            js_push(out, o);
        }
    }
    if (d && x.odd) {
        draft_unread(d, "some ACL entries", "they are not understood", NULL);
    }
    for (int i = 0; i < LISTS; i++) {
        char what[120];

        if (d && x.unjudged[i]) {
            (void)snprintf(what, sizeof(what), "whether the %s of %u ACL entries are still there",
                           lists[i].what, x.unjudged[i]);
            draft_unread(d, what, x.part[i].why, x.part[i].privilege);
        }
    }
    return out;
}
