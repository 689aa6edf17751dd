/* SPDX-License-Identifier: Apache-2.0 */
/* The list of planned requests and the way of an answer through it. A request of no known kind
 * touches whatever stands in its neighbourhood: too much rather than too little, because what is
 * called unknown is shown to whoever approves. */
#include "proximo-client/blast/then_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/pve/pve.h"

struct then {
    struct effect *x;
    size_t n;
    char nonce[40];
    int64_t now;
};

struct then *then_new(const char *nonce, int64_t now) {
    struct then *t = calloc(1, sizeof(*t));

    if (!t) {
        abort();
    }
    (void)snprintf(t->nonce, sizeof(t->nonce), "%s", nonce);
    t->now = now;
    return t;
}

static void effect_done(struct effect *x) {
    free(x->method);
    free(x->path);
    js_freep(&x->form);
    js_freep(&x->made);
    js_freep(&x->archive);
}

void then_free(struct then *t) {
    if (!t) {
        return;
    }
    for (size_t i = 0; i < t->n; i++) {
        effect_done(&t->x[i]);
    }
    free(t->x);
    free(t);
}

size_t then_count(const struct then *t) {
    return t->n;
}

static const struct effect_kind *const tables[] = {
    then_guest_kinds,  then_made_kinds,     then_store_kinds, then_access_kinds,
    then_backup_kinds, then_snapshot_kinds, then_fw_kinds,    then_ha_kinds,
    then_sdn_kinds,    then_network_kinds,  then_job_kinds};

/* path_fits(), and of what has more names than two (a guest's snapshot, its firewall) by what is
 * below the guest. */
static bool fits(const struct effect_kind *k, const char *path, char id[static 2][AFTER_ID]) {
    const char *firewall = k->guest ? strstr(k->pattern, "/firewall/") : NULL;
    const char *below = firewall ? firewall : strstr(k->pattern, "/snapshot/*");
    char name[2][AFTER_ID];
    struct guest_read g;

    if (!k->guest || !below) {
        return path_fits(k->pattern, path, id);
    }
    if (!guest_read_of(path, &g) || strcmp(g.kind, k->guest) != 0 ||
        !path_fits(below, g.tail, name)) {
        return false;
    }
    (void)snprintf(id[0], AFTER_ID, "%s", g.node);
    (void)snprintf(id[1], AFTER_ID, "%u", g.vmid);
    return true;
}

static const struct effect_kind *kind_of(const char *method, const char *path,
                                         char id[static 2][AFTER_ID]) {
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        for (const struct effect_kind *k = tables[i]; k->method; k++) {
            if (strcmp(k->method, method) == 0 && fits(k, path, id)) {
                return k;
            }
        }
    }
    return NULL;
}

bool then_knows(const char *method, const char *path) {
    char id[2][AFTER_ID];

    return kind_of(method, path, id) != NULL;
}

static char *copied(const char *s) {
    char *c = strdup(s);

    if (!c) {
        abort();
    }
    return c;
}

void then_add(struct then *t, size_t step, const char *method, const char *path, const js *form,
              then_read *read, void *ctx) {
    struct effect *more = reallocarray(t->x, t->n + 1, sizeof(*t->x));
    struct effect *x;

    if (!more) {
        abort();
    }
    t->x = more;
    x = &more[t->n];
    *x = (struct effect){.step = step, .method = copied(method), .path = copied(path)};
    x->form = form ? js_copy(form) : js_object();
    x->nonce = t->nonce;
    x->now = t->now;
    x->kind = kind_of(method, path, x->id);
    memcpy(x->node, x->id[0], sizeof(x->node));
    if (x->kind && x->kind->guest && x->id[1][0] && ident_vmid(x->id[1], &x->vmid) < 0) {
        x->kind = NULL;
    }
    if (x->kind && x->kind->begin && !x->kind->begin(x, read, ctx)) {
        x->kind = NULL;
    }
    t->n++; /* only now: what it is made from is read as the requests before it leave it */
}

const js *then_archive(const struct then *t, size_t step) {
    for (size_t i = 0; t && i < t->n; i++) {
        if (t->x[i].step == step && t->x[i].kind && t->x[i].archive) {
            return t->x[i].archive;
        }
    }
    return NULL;
}

void then_drop(struct then *t, size_t step) {
    size_t kept = 0;

    for (size_t i = 0; i < t->n; i++) {
        if (t->x[i].step == step) {
            effect_done(&t->x[i]);
        } else {
            t->x[kept++] = t->x[i];
        }
    }
    t->n = kept;
}

bool guest_read_of(const char *path, struct guest_read *ret) {
    char vmid[16];
    const char *at = path;

    if (strncmp(path, "/nodes/", 7) != 0 || !pve_path_part(path, 1, ret->node, sizeof(ret->node)) ||
        !pve_path_part(path, 2, ret->kind, sizeof(ret->kind)) ||
        !pve_path_part(path, 3, vmid, sizeof(vmid)) ||
        (strcmp(ret->kind, "lxc") != 0 && strcmp(ret->kind, "qemu") != 0) ||
        ident_vmid(vmid, &ret->vmid) < 0) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) { /* behind the fourth segment */
        at += 1 + strcspn(at + 1, "/?");
    }
    ret->tail = at;
    return true;
}

bool effect_owns(const struct effect *x, const struct guest_read *g) {
    return g->vmid == x->vmid && strcmp(g->node, x->node) == 0 &&
           strcmp(g->kind, x->kind->guest) == 0;
}

bool is_guest_list(const char *path) {
    static const char list[] = "/cluster/resources";
    const char *tail = path + sizeof(list) - 1;

    return strncmp(path, list, sizeof(list) - 1) == 0 && (!*tail || strcmp(tail, "?type=vm") == 0);
}

enum then_is then_set(js **data, js *v) {
    json_object_put(*data);
    *data = v;
    return THEN_KNOWN;
}

bool list_edit_guest(js **list, uint32_t vmid, void (*edit)(js *row, const struct effect *x),
                     const struct effect *x) {
    js *out = js_array();
    bool found = false;

    for (size_t i = 0; i < js_len(*list); i++) {
        js *row = js_at(*list, i);

        if (!js_is_object(row) || js_int_or(row, "vmid", 0) != (int64_t)vmid) {
            js_push(out, js_ref(row));
            continue;
        }
        found = true;
        if (edit) {
            row = js_copy(row);
            edit(row, x);
            js_push(out, row);
        }
    }
    (void)then_set(list, out);
    return found;
}

/* ---- requests that no table knows ---- */

/* What of a guest stands for itself. */
static bool is_apart(const char *tail) {
    static const char *const parts[] = {"/firewall", "/agent", "/cloudinit"};

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (strncmp(tail, parts[i], strlen(parts[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* How much of a request's path is its neighbourhood: "/nodes/N/KIND/VMID", of that firewall and
 * agent alone, "/nodes/N/X", "/cluster/X", "/access/X", else the first part. */
static size_t neighbourhood(const char *path) {
    static const struct {
        const char *begins;
        size_t parts;
    } depth[] = {{"/nodes/", 3}, {"/cluster/", 2}, {"/access/", 2}};
    struct guest_read g;
    size_t parts = 1, n = 0;

    for (size_t i = 0; i < ARRAY_LEN(depth); i++) {
        if (strncmp(path, depth[i].begins, strlen(depth[i].begins)) == 0) {
            parts = depth[i].parts;
        }
    }
    parts = !guest_read_of(path, &g) ? parts : is_apart(g.tail) ? 5U : 4U;
    for (size_t i = 0; i < parts && path[n] == '/'; i++) {
        n += 1 + strcspn(path + n + 1, "/?");
    }
    return n;
}

static bool is_state_of_guests(const char *path) {
    const char *end = strrchr(path, '/');

    return is_guest_list(path) || (end && strcmp(end, "/current") == 0);
}

/* "/nodes/N/storage/S/content", "/nodes/N/storage": volumes come and go with guests. */
static bool is_of_volumes(const char *path) {
    char what[16];

    return strncmp(path, "/nodes/", 7) == 0 && pve_path_part(path, 2, what, sizeof(what)) &&
           strcmp(what, "storage") == 0;
}

/* Requests to many guests at once, or to the node that they run on. */
static bool is_to_many(const char *path) {
    static const char *const patterns[] = {"/nodes/*/startall",   "/nodes/*/stopall",
                                           "/nodes/*/suspendall", "/nodes/*/migrateall",
                                           "/nodes/*/status",     "/cluster/bulk-action/guest/*"};
    char id[2][AFTER_ID];

    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        if (path_fits(patterns[i], path, id)) {
            return true;
        }
    }
    return false;
}

static enum then_is unknown(const struct effect *x, const char *path) {
    size_t n = neighbourhood(x->path);
    struct guest_read of;
    bool guest = guest_read_of(x->path, &of);

    if (strncmp(x->path, path, n) == 0 && (!path[n] || path[n] == '/' || path[n] == '?')) {
        return THEN_UNKNOWN;
    }
    if (guest && is_apart(of.tail)) {
        return THEN_SAME;
    }
    if (is_to_many(x->path) && is_state_of_guests(path)) {
        return is_guest_list(path) ? THEN_UNWATCHED : THEN_UNKNOWN;
    }
    if (guest) {
        return is_of_volumes(path)   ? THEN_UNKNOWN
               : is_guest_list(path) ? THEN_UNWATCHED
                                     : THEN_SAME;
    }
    if (strncmp(x->path, "/cluster/ha", 11) == 0) { /* the manager starts, stops and moves */
        return is_guest_list(path) || guest_read_of(path, &of) ? THEN_UNWATCHED : THEN_SAME;
    }
    return THEN_SAME;
}

enum then_is then_answer(const struct then *t, const char *path, js **data, size_t *ret_step) {
    enum then_is is = THEN_SAME;

    *ret_step = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct effect *x = &t->x[i];
        enum then_is one = x->kind ? x->kind->on(x, path, data) : unknown(x, path);

        if (one == THEN_SAME || is == THEN_UNKNOWN) {
            continue;
        }
        *ret_step = x->step;
        is = one > is ? one : is;
    }
    return is;
}
