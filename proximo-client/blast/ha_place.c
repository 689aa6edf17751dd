/* SPDX-License-Identifier: Apache-2.0 */
/* Where the HA manager puts a service, and what it does until nothing moves any more. A service
 * that runs stays where it is as long as its node is among the best; one without failback as long
 * as its node is allowed at all. Of several nodes that are equally right the manager takes the one
 * with least load; which that is depends on its scheduler, so all of them are kept, and the walk
 * goes on with the one that has fewest services. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/ha_int.h"

#define HA_PASSES 64 /* far more than there are moves in a chain of rules */

static ha_nodes bit(int node) {
    return node < 0 ? 0 : (ha_nodes)1 << node;
}

static ha_nodes online(const struct ha *h, int lost) {
    ha_nodes set = 0;

    for (size_t i = 0; i < h->n_node; i++) {
        set |= h->node[i].state == HA_ONLINE && (int)i != lost ? bit((int)i) : 0;
    }
    return set;
}

/* Counted by the rules of others: it is there, or on its way. */
static bool is_up(const struct ha_svc *s) {
    return s->managed && strcmp(s->want, "started") == 0;
}

/* The nodes a service may be on, and of those the best. */
static void rank(const struct ha_svc *s, ha_nodes up, ha_nodes *ret_allowed, ha_nodes *ret_best) {
    const struct ha_rule *r = s->placed;
    int top = -2;

    *ret_allowed = *ret_best = up;
    if (!r) {
        return;
    }
    *ret_allowed = r->strict ? up & r->nodes : up;
    *ret_best = 0;
    for (int i = 0; i < HA_NODES; i++) {
        int prio = r->nodes >> i & 1 ? r->prio[i] : -1;

        if (!(*ret_allowed >> i & 1) || prio < top) {
            continue;
        }
        *ret_best = prio > top ? bit(i) : *ret_best | bit(i);
        top = prio;
    }
}

static ha_nodes apart_from(const struct ha *h, const struct ha_svc *s, const int *at, ha_nodes up) {
    ha_nodes set = 0;

    for (size_t i = 0; i < s->n_apart; i++) {
        set |= is_up(&h->svc[s->apart[i]]) ? bit(at[s->apart[i]]) & up : 0;
    }
    return set;
}

/* Of `in` the node with most of its ring; 0: none of them is there. *ret_any: on any node. */
static ha_nodes with_most(const struct ha *h, size_t who, const int *at, ha_nodes in,
                          ha_nodes *ret_any) {
    unsigned int n[HA_NODES] = {0};
    int best = -1;

    *ret_any = 0;
    for (size_t k = h->svc[who].together; k != who; k = h->svc[k].together) {
        if (is_up(&h->svc[k]) && at[k] >= 0) {
            n[at[k]]++;
            *ret_any |= bit(at[k]);
        }
    }
    for (int i = 0; i < HA_NODES; i++) {
        if (n[i] && in >> i & 1 && (best < 0 || n[i] > n[best])) {
            best = i;
        }
    }
    return bit(best);
}

ha_nodes ha_choice(const struct ha *h, size_t who, const int *at, enum ha_ask ask, int lost) {
    const struct ha_svc *s = &h->svc[who];
    ha_nodes up = online(h, lost);
    ha_nodes here = ask == HA_STAY ? bit(at[who]) : 0;
    ha_nodes allowed, best, apart, most, any;

    rank(s, up, &allowed, &best);
    apart = apart_from(h, s, at, up);
    most = with_most(h, who, at, best & ~apart, &any);
    if (!best) {
        return 0;
    }
    if (here && !s->failback && (allowed & here) && ((any & here) || !(apart & here))) {
        return here;
    }
    best &= ~apart;
    best = most ? most : best;
    if (s->fallback >= 0 && (best & bit(s->fallback))) {
        return bit(s->fallback);
    }
    return best & here ? here : best;
}

/* The node of a set with fewest services, the first by name of several. */
static int least(const struct ha *h, ha_nodes set, const int *at) {
    size_t n[HA_NODES] = {0};
    int best = -1;

    for (size_t i = 0; i < h->n_svc; i++) {
        if (is_up(&h->svc[i]) && at[i] >= 0) {
            n[at[i]]++;
        }
    }
    for (int i = 0; i < HA_NODES; i++) {
        if (set >> i & 1 && (best < 0 || n[i] < n[best])) {
            best = i;
        }
    }
    return best;
}

static bool one_pass(struct ha *h, int *at) {
    bool moved = false;

    for (size_t i = 0; i < h->n_svc; i++) {
        struct ha_svc *s = &h->svc[i];
        bool is_lost = at[i] >= 0 && h->node[at[i]].state == HA_GONE;
        ha_nodes set;

        s->stuck = false;
        /* of what is to be stopped only what has lost its node is moved; "disabled" not even then
         */
        if (!s->managed || s->error || at[i] < 0 || strcmp(s->want, "disabled") == 0 ||
            (strcmp(s->want, "stopped") == 0 && !is_lost)) {
            continue;
        }
        set = ha_choice(h, i, at, is_lost ? HA_BEST : HA_STAY, -1);
        s->stuck = set == 0;
        if (set && !(set & bit(at[i]))) {
            s->choice = set;
            at[i] = least(h, set, at);
            moved = true;
        }
    }
    return moved;
}

void ha_rest(struct ha *h, const int *start) {
    CLEANUP(freep) int *at = calloc(h->n_svc + 1, sizeof(*at));
    unsigned int passes = 0;

    if (!at) {
        abort();
    }
    for (size_t i = 0; i < h->n_svc; i++) {
        at[i] = start ? start[i] : h->svc[i].node;
        h->svc[i].choice = 0;
        h->svc[i].stuck = false;
    }
    while (h->armed && one_pass(h, at) && ++passes < HA_PASSES) {
    }
    h->restless = passes == HA_PASSES;
    for (size_t i = 0; i < h->n_svc; i++) {
        h->svc[i].ends = at[i];
    }
}

ha_nodes ha_failover(const struct ha *h, size_t who) {
    CLEANUP(freep) int *at = calloc(h->n_svc + 1, sizeof(*at));
    int lost = h->svc[who].ends;
    ha_nodes set;

    if (!at) {
        abort();
    }
    for (size_t i = 0; i < h->n_svc; i++) {
        at[i] = h->svc[i].ends == lost ? -1 : h->svc[i].ends; /* lost with it */
    }
    set = lost < 0 ? 0 : ha_choice(h, who, at, HA_BEST, lost);
    for (int i = 0; i < HA_NODES && h->svc[who].g; i++) {
        char why[8];

        if (set >> i & 1 &&
            ha_cannot_run(h->p, h->svc[who].g, h->node[i].name, false, why, sizeof(why))) {
            set &= ~bit(i);
        }
    }
    return set;
}

bool ha_cannot_run(const struct picture *p, const struct guest *g, const char *node, bool copied,
                   char *why, size_t size) {
    for (size_t i = 0; i < g->vols.n; i++) {
        const struct volume *v = &g->vols.v[i];
        const struct store *s = v->kind == VOLUME_STORAGE ? picture_store(p, v->storage) : NULL;

        if (v->unused || v->kind != VOLUME_STORAGE || (!s && copied)) {
            continue;
        }
        if (!s || !store_usable(s, node)) {
            (void)snprintf(why, size, "%s is on %.60s, which is not there", v->key, v->storage);
            return true;
        }
        if (!s->shared && !copied && !(v->replicated && replication_to(p, g->vmid, node))) {
            (void)snprintf(why, size,
                           "%s is on the local storage %.60s and is not replicated there", v->key,
                           v->storage);
            return true;
        }
    }
    return false;
}

const char *ha_names(const struct ha *h, ha_nodes set, char *ret, size_t size) {
    size_t len = 0;

    ret[0] = '\0';
    for (size_t i = 0; i < h->n_node && len < size; i++) {
        if (set >> i & 1) {
            int n = snprintf(ret + len, size - len, "%s%s", len ? ", " : "", h->node[i].name);

            len += n < 0 ? 0 : (size_t)n;
        }
    }
    return ret;
}
