/* SPDX-License-Identifier: Apache-2.0 */
/* What the HA manager makes of the rules. It leaves out rules that contradict each other (all
 * checks are made over the rules as they stand, then everything found is left out at once), joins
 * positive rules that share a service, lets each negative rule speak for the whole ring of its
 * members, and gives a ring the node rule of any of its members. PVE refuses to write a rule that
 * would be left out. */
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/ha_int.h"

static bool has(const struct ha_rule *r, size_t svc) {
    for (size_t i = 0; i < r->n_svc; i++) {
        if (r->svc[i] == svc) {
            return true;
        }
    }
    return false;
}

static size_t shared(const struct ha_rule *a, const struct ha_rule *b) {
    size_t n = 0;

    for (size_t i = 0; i < a->n_svc; i++) {
        n += has(b, a->svc[i]);
    }
    return n;
}

static size_t count(ha_nodes set) {
    size_t n = 0;

    for (; set; set &= set - 1) {
        n++;
    }
    return n;
}

static void bad(struct ha_rule *r, const char *why) {
    r->bad = r->bad ? r->bad : why;
}

static bool is_many_priorities(const struct ha_rule *r) {
    int first = -1;

    for (size_t i = 0; i < HA_NODES; i++) {
        if (r->nodes >> i & 1) {
            if (first >= 0 && r->prio[i] != first) {
                return true;
            }
            first = r->prio[i];
        }
    }
    return false;
}

/* ---- positive rules that share a service, transitively, are one set ---- */

/* set[i]: the lowest rule of the set that rule i belongs to. */
static size_t *join(const struct ha *h) {
    size_t *set = calloc(h->n_rule + 1, sizeof(*set));
    bool again = true;

    if (!set) {
        abort();
    }
    for (size_t i = 0; i < h->n_rule; i++) {
        set[i] = i;
    }
    while (again) {
        again = false;
        for (size_t i = 0; i < h->n_rule; i++) {
            for (size_t k = 0; k < i && h->rule[i].kind == HA_TOGETHER; k++) {
                if (h->rule[k].kind == HA_TOGETHER && set[i] != set[k] &&
                    shared(&h->rule[i], &h->rule[k])) {
                    set[i] = set[k] = set[i] < set[k] ? set[i] : set[k];
                    again = true;
                }
            }
        }
    }
    return set;
}

static bool set_has(const struct ha *h, const size_t *set, size_t which, size_t svc) {
    for (size_t i = 0; i < h->n_rule; i++) {
        if (h->rule[i].kind == HA_TOGETHER && set[i] == which && has(&h->rule[i], svc)) {
            return true;
        }
    }
    return false;
}

static size_t set_shared(const struct ha *h, const size_t *set, size_t which,
                         const struct ha_rule *r) {
    size_t n = 0;

    for (size_t i = 0; i < r->n_svc; i++) {
        n += set_has(h, set, which, r->svc[i]);
    }
    return n;
}

static void bad_set(struct ha *h, const size_t *set, size_t which, const char *why) {
    for (size_t i = 0; i < h->n_rule; i++) {
        if (h->rule[i].kind == HA_TOGETHER && set[i] == which) {
            bad(&h->rule[i], why);
        }
    }
}

/* ---- the checks ---- */

static void check_sizes(struct ha *h) {
    for (size_t i = 0; i < h->n_rule; i++) {
        struct ha_rule *r = &h->rule[i];

        if (r->kind != HA_NODE_RULE && r->n_svc < 2) {
            bad(r, "it names fewer than two resources");
        }
        if (r->kind == HA_APART && r->n_svc > h->n_node) {
            bad(r, "it keeps more resources apart than there are nodes");
        }
    }
}

static void check_node_rules(struct ha *h) {
    for (size_t i = 0; i < h->n_rule; i++) {
        for (size_t k = 0; k < h->n_rule && h->rule[i].kind == HA_NODE_RULE; k++) {
            if (k != i && h->rule[k].kind == HA_NODE_RULE && shared(&h->rule[i], &h->rule[k])) {
                bad(&h->rule[i], "a resource of it is in another node affinity rule, too");
            }
        }
    }
}

static void check_sets(struct ha *h, const size_t *set) {
    for (size_t s = 0; s < h->n_rule; s++) {
        size_t nodes = 0;

        if (h->rule[s].kind != HA_TOGETHER || set[s] != s) {
            continue;
        }
        for (size_t i = 0; i < h->n_rule; i++) {
            struct ha_rule *r = &h->rule[i];

            if (r->kind == HA_APART && set_shared(h, set, s, r) >= 2) {
                bad(r, "two of its resources are to be kept together by another rule");
                bad_set(h, set, s, "two of its resources are to be kept apart by another rule");
            }
            nodes += r->kind == HA_NODE_RULE && set_shared(h, set, s, r) > 0;
        }
        for (size_t i = 0; nodes > 1 && i < h->n_rule; i++) {
            if (h->rule[i].kind == HA_NODE_RULE && set_shared(h, set, s, &h->rule[i])) {
                bad(&h->rule[i], "resources that are kept together are in several node rules");
            }
        }
        if (nodes > 1) {
            bad_set(h, set, s, "resources that are kept together are in several node rules");
        }
    }
}

static void check_priorities(struct ha *h) {
    for (size_t i = 0; i < h->n_rule; i++) {
        bool many = false;

        for (size_t k = 0; k < h->n_rule && h->rule[i].kind != HA_NODE_RULE; k++) {
            many |= h->rule[k].kind == HA_NODE_RULE && shared(&h->rule[i], &h->rule[k]) &&
                    is_many_priorities(&h->rule[k]);
        }
        for (size_t k = 0; many && k < h->n_rule; k++) {
            if (h->rule[k].kind == HA_NODE_RULE && shared(&h->rule[i], &h->rule[k])) {
                bad(&h->rule[k], "nodes of several priorities do not go with resource affinity");
                bad(&h->rule[i], "nodes of several priorities do not go with resource affinity");
            }
        }
    }
}

/* A negative rule whose members are bound to fewer nodes than there are members. */
static void check_room(struct ha *h) {
    for (size_t i = 0; i < h->n_rule; i++) {
        struct ha_rule *r = &h->rule[i];
        ha_nodes nodes = 0;
        size_t bound = 0;

        for (size_t s = 0; s < r->n_svc && r->kind == HA_APART; s++) {
            bool is_bound = false;

            for (size_t k = 0; k < h->n_rule; k++) {
                if (h->rule[k].kind == HA_NODE_RULE && has(&h->rule[k], r->svc[s])) {
                    is_bound = true;
                    nodes |= h->rule[k].nodes;
                }
            }
            bound += is_bound;
        }
        if (count(nodes) >= bound) {
            continue;
        }
        bad(r, "its resources are bound to fewer nodes than they need to be apart");
        for (size_t k = 0; k < h->n_rule; k++) {
            if (h->rule[k].kind == HA_NODE_RULE && shared(r, &h->rule[k])) {
                bad(&h->rule[k],
                    "it binds resources that are kept apart to fewer nodes than they need");
            }
        }
    }
}

/* ---- what is left, for each service ---- */

bool ha_in_ring(const struct ha *h, size_t a, size_t b) {
    size_t next = a;

    do {
        if (next == b) {
            return true;
        }
        next = h->svc[next].together;
    } while (next != a);
    return false;
}

/* Joins two rings of services. */
static void ring(struct ha *h, size_t a, size_t b) {
    size_t next;

    if (ha_in_ring(h, a, b)) {
        return; /* joining again would cut it in two */
    }
    next = h->svc[a].together;
    h->svc[a].together = h->svc[b].together;
    h->svc[b].together = next;
}

static void apart_one(struct ha *h, size_t who, size_t from) {
    struct ha_svc *s = &h->svc[who];
    size_t *more;

    for (size_t i = 0; i < s->n_apart; i++) {
        if (s->apart[i] == from) {
            return;
        }
    }
    more = realloc(s->apart, (s->n_apart + 1) * sizeof(*more));
    if (!more) {
        abort();
    }
    s->apart = more;
    s->apart[s->n_apart++] = from;
}

/* Everybody of a's ring is kept from b. */
static void apart(struct ha *h, size_t a, size_t b) {
    size_t next = a;

    do {
        apart_one(h, next, b);
        apart_one(h, b, next);
        next = h->svc[next].together;
    } while (next != a);
}

static void place_ring(struct ha *h, size_t a, const struct ha_rule *r) {
    size_t next = a;

    do {
        h->svc[next].placed = r;
        next = h->svc[next].together;
    } while (next != a);
}

void ha_compile(struct ha *h) {
    CLEANUP(freep) size_t *set = join(h);

    check_node_rules(h);
    check_sizes(h);
    check_sets(h, set);
    check_priorities(h);
    check_room(h);
    for (size_t i = 0; i < h->n_rule; i++) {
        const struct ha_rule *r = &h->rule[i];

        for (size_t k = 1; k < r->n_svc && r->kind == HA_TOGETHER && !r->bad; k++) {
            ring(h, r->svc[0], r->svc[k]);
        }
    }
    for (size_t i = 0; i < h->n_rule; i++) {
        const struct ha_rule *r = &h->rule[i];

        for (size_t k = 0; k < r->n_svc && !r->bad && r->kind != HA_TOGETHER; k++) {
            for (size_t m = 0; m < r->n_svc && r->kind == HA_APART; m++) {
                if (m != k) {
                    apart(h, r->svc[k], r->svc[m]);
                }
            }
            if (r->kind == HA_NODE_RULE) {
                place_ring(h, r->svc[k], r);
            }
        }
    }
}
