/* SPDX-License-Identifier: Apache-2.0 */
/* Where the guests of a node that is emptied could go. Each is tried on each node with the same
 * questions that a planned move is asked, in the order of their numbers; what the ones before it
 * take there is taken. No search for the best of all ways: the list must be one that a person can
 * follow. What the HA manager moves as one is tried as one: asked to move one of them, it takes the
 * others along. */
#include "proximo-client/blast/migrate_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

struct try {
    struct rooms rooms; /* after it */
    unsigned int hits[RISK_HIGH + 1];
    int priority; /* by HA's rules */
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

/* Fewer high consequences first, then fewer medium ones (what is low happens with every move), then
 * what HA prefers although nothing would bring it back there. */
static bool is_better(const struct try *a, const struct try *b) {
    for (size_t i = RISK_HIGH; b->node && i >= RISK_MEDIUM; i--) {
        if (a->hits[i] != b->hits[i]) {
            return a->hits[i] < b->hits[i];
        }
    }
    if (b->node && a->priority != b->priority) {
        return a->priority > b->priority;
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

struct placing {
    const struct picture *p;
    const char *from;
    const js *targets, *exclude, *form;
    const struct ha *ha;
    struct rooms rooms;
    struct blast_places *ret;
};

/* Guests of the node that HA moves as one, the first by number at their head. */
struct unit {
    const struct guest **g;
    size_t n;
};

static const char *key_of(const struct guest *g, char ret[static 12]) {
    (void)snprintf(ret, 12, "%u", g->vmid);
    return ret;
}

static void unit_add(struct unit *u, const struct guest *g) {
    const struct guest **more = realloc(u->g, (u->n + 1) * sizeof(const struct guest *));

    if (!more) {
        abort();
    }
    u->g = more;
    u->g[u->n++] = g;
}

static void unit_done(struct unit *u) {
    free(u->g);
}

static int by_number(const void *a, const void *b) {
    const struct guest *const *x = a, *const *y = b;

    return (*x)->vmid < (*y)->vmid ? -1 : (*x)->vmid > (*y)->vmid;
}

static void unit_of(const struct placing *c, const struct guest *g, struct unit *ret) {
    char sid[24];
    size_t who;

    unit_add(ret, g);
    guest_sid(g, sid);
    who = c->ha && picture_ha_managed(c->p, g) ? ha_find(c->ha, sid) : SIZE_MAX;
    for (size_t k = who; k != SIZE_MAX && (k = c->ha->svc[k].together) != who;) {
        const struct ha_svc *s = &c->ha->svc[k];

        if (s->managed && s->g && strcmp(s->g->node, c->from) == 0) {
            unit_add(ret, s->g);
        }
    }
    qsort(ret->g, ret->n, sizeof(const struct guest *), by_number);
}

/* All of them on one node; false: why (200 bytes) says what stands in the way of one. */
static bool try_unit(const struct placing *c, const struct unit *u, struct try *t, char *why) {
    for (size_t i = 0; i < u->n; i++) {
        char key[12];

        js_add(c->ret->moves, key_of(u->g[i], key), js_str(t->node));
    }
    for (size_t i = 0; i < u->n; i++) {
        char one[200] = "";
        struct move m = {.p = c->p,
                         .g = u->g[i],
                         .target = t->node,
                         .rooms = &t->rooms,
                         .ha = c->ha,
                         .moves = c->ret->moves,
                         .why = one};

        move_one(&m, c->form);
        if (m.blocked > 0 && u->n > 1) {
            (void)snprintf(why, 200, "HA keeps it with others, and %s cannot go to %.30s: %.80s",
                           u->g[i]->resource, t->node, one);
        } else if (m.blocked > 0) {
            (void)snprintf(why, 200, "%s", one);
        }
        if (m.blocked > 0) {
            return false;
        }
        for (size_t k = 0; k <= RISK_HIGH; k++) {
            t->hits[k] += m.hits[k];
        }
        t->priority = m.priority;
    }
    t->left = memory_left(c->p, &t->rooms, t->node);
    return true;
}

/* The best node for them. why: 200 bytes, of the last node that does not do. */
static const char *place_unit(struct placing *c, const struct unit *u, char *why) {
    struct try best = {0};

    (void)snprintf(why, 200, "there is no other node that is up");
    for (size_t i = 0; i < picture_nodes(c->p); i++) {
        bool is_online = false;
        struct try t = {.node = picture_node(c->p, i, &is_online)};

        if (!is_online || !is_target(t.node, c->from, c->targets)) {
            continue;
        }
        rooms_copy(&c->rooms, &t.rooms);
        if (try_unit(c, u, &t, why) && is_better(&t, &best)) {
            free(best.rooms.v);
            best = t;
        } else {
            free(t.rooms.v);
        }
    }
    if (best.node) {
        free(c->rooms.v);
        c->rooms = best.rooms;
    }
    return best.node;
}

/* Whoever is left out would be taken along all the same. */
static bool has_excluded(const struct placing *c, const struct unit *u, char *why) {
    char key[12];

    for (size_t i = 0; i < u->n; i++) {
        if (js_get(c->exclude, key_of(u->g[i], key))) {
            (void)snprintf(why, 200,
                           "HA keeps it with %s, which is excluded and would be moved, too",
                           u->g[i]->resource);
            return true;
        }
    }
    return false;
}

static void place(struct placing *c, const struct guest *g) {
    CLEANUP(unit_done) struct unit u = {0};
    char key[12], head[12], why[200];
    const char *to;

    unit_of(c, g, &u);
    to = has_excluded(c, &u, why) ? NULL : place_unit(c, &u, why);
    for (size_t i = 0; i < u.n; i++) {
        (void)key_of(u.g[i], key);
        json_object_object_del(c->ret->moves, key); /* of the trials */
        if (!to && !js_get(c->exclude, key)) {
            js_add(c->ret->stuck, key, js_str(why));
        } else if (to) {
            js_add(c->ret->moves, key, js_str(to));
        }
        if (to && i > 0) {
            js_add(c->ret->with, key, js_str(key_of(u.g[0], head)));
        }
    }
}

void blast_place(const struct picture *p, const char *node, const js *targets, const js *exclude,
                 const js *form, struct blast_places *ret) {
    CLEANUP(ha_freep) struct ha *ha = move_rules(p);
    struct placing c = {p, node, targets, exclude, form, ha, {0}, ret};
    const struct guest *g;
    size_t n = picture_guests(p, &g);

    *ret = (struct blast_places){js_object(), js_object(), js_object()};
    for (size_t i = 0; i < n; i++) {
        char key[12];

        (void)key_of(&g[i], key);
        if (strcmp(g[i].node, node) == 0 && !js_get(exclude, key) && !js_get(ret->moves, key) &&
            !js_get(ret->stuck, key)) {
            place(&c, &g[i]);
        }
    }
    free(c.rooms.v);
}

void blast_places_done(struct blast_places *l) {
    js_freep(&l->moves);
    js_freep(&l->with);
    js_freep(&l->stuck);
}
