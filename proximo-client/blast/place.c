/* SPDX-License-Identifier: Apache-2.0 */
/* Where the guests of a node that is emptied could go. Each is tried on each node with the same
 * questions that a planned move is asked, in the order of their numbers; what the ones before it
 * take there is taken. No search for the best of all ways: the list must be one that a person can
 * follow. */
#include "proximo-client/blast/migrate_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct try {
    struct rooms rooms; /* after it */
    unsigned int hits[RISK_HIGH + 1];
    int64_t left; /* memory at the node */
    const char *node;
};

static void rooms_copy(const struct rooms *from, struct rooms *ret) {
    *ret = (struct rooms){calloc(from->n + 1, sizeof(*ret->v)), from->n};
    if (!ret->v) {
        abort();
    }
    if (from->n > 0) {
        memcpy(ret->v, from->v, from->n * sizeof(*ret->v));
    }
}

static int64_t memory_left(const struct picture *p, const struct rooms *r, const char *node) {
    char path[120];
    const js *memory;
    int64_t left;

    (void)snprintf(path, sizeof(path), "/nodes/%.60s/status", node);
    memory = js_get(picture_answer(p, path, NULL), "memory");
    left = js_int_or(memory, "available", js_int_or(memory, "free", 0));
    for (size_t i = 0; i < r->n; i++) {
        if (!r->v[i].storage && strcmp(r->v[i].node, node) == 0) {
            left -= r->v[i].used;
        }
    }
    return left;
}

/* Fewer high consequences first, then fewer medium ones; what is low happens with every move. */
static bool is_better(const struct try *a, const struct try *b) {
    for (size_t i = RISK_HIGH; b->node && i >= RISK_MEDIUM; i--) {
        if (a->hits[i] != b->hits[i]) {
            return a->hits[i] < b->hits[i];
        }
    }
    return !b->node || a->left > b->left;
}

static bool is_target(const char *name, const char *from, const js *targets) {
    bool found = !targets;

    for (size_t i = 0; i < js_len(targets); i++) {
        const js *t = js_at(targets, i);

        found = found ||
                (js_is_str(t) && strcmp(name, json_object_get_string((js *)(uintptr_t)t)) == 0);
    }
    return found && strcmp(name, from) != 0;
}

/* The best node for one guest. rooms: taken so far, and by it. why: 200 bytes, of the last node
 * that does not do. */
static const char *place_one(const struct picture *p, const struct guest *g, const js *targets,
                             const js *form, const js *moves, struct rooms *rooms, char *why) {
    struct try best = {0};

    (void)snprintf(why, 200, "there is no other node that is up");
    for (size_t i = 0; i < picture_nodes(p); i++) {
        bool is_online = false;
        struct try t = {.node = picture_node(p, i, &is_online)};
        struct move m = {.p = p, .g = g, .target = t.node, .moves = moves, .why = why};

        if (!is_online || !is_target(t.node, g->node, targets)) {
            continue;
        }
        rooms_copy(rooms, &t.rooms);
        m.rooms = &t.rooms;
        move_one(&m, form);
        memcpy(t.hits, m.hits, sizeof(t.hits));
        t.left = memory_left(p, &t.rooms, t.node);
        if (m.blocked == 0 && is_better(&t, &best)) {
            free(best.rooms.v);
            best = t;
        } else {
            free(t.rooms.v);
        }
    }
    if (best.node) {
        free(rooms->v);
        *rooms = best.rooms;
    }
    return best.node;
}

void blast_place(const struct picture *p, const char *node, const js *targets, const js *exclude,
                 const js *form, js **ret, js **ret_stuck) {
    js *moves = js_object();
    js *stuck = js_object();
    struct rooms rooms = {0};
    const struct guest *g;
    size_t n = picture_guests(p, &g);

    for (size_t i = 0; i < n; i++) {
        char key[12];
        char why[200];
        const char *to;

        (void)snprintf(key, sizeof(key), "%u", g[i].vmid);
        if (strcmp(g[i].node, node) != 0 || js_get(exclude, key)) {
            continue;
        }
        to = place_one(p, &g[i], targets, form, moves, &rooms, why);
        js_add(to ? moves : stuck, key, js_str(to ? to : why));
    }
    free(rooms.v);
    *ret = moves;
    *ret_stuck = stuck;
}
