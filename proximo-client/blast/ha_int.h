/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/ha_int.h - the HA manager as a model: resources, rules and nodes as they are
 * or as they would be, what the manager makes of the rules, and where it puts what. Pure. Numbers
 * of nodes and services are places in the arrays below. */
#pragma once
#include "proximo-client/blast/after.h"
#include "proximo-client/blast/blast_int.h"

/* Nodes are bits of one word. A cluster of more is not assessed (said as unread). */
#define HA_NODES 64
typedef uint64_t ha_nodes;

enum ha_state { HA_ONLINE, HA_MAINTENANCE, HA_GONE };

struct ha_node {
    const char *name;
    enum ha_state state;
};

enum ha_kind { HA_NODE_RULE, HA_TOGETHER, HA_APART };

struct ha_rule {
    const char *id;
    enum ha_kind kind;
    size_t *svc;
    size_t n_svc;
    ha_nodes nodes;
    int prio[HA_NODES]; /* of nodes */
    bool strict, is_group;
    const char *bad; /* why the manager leaves it out, or NULL */
};

struct ha_svc {
    const char *sid;
    char resource[40];     /* "vm/104" */
    const struct guest *g; /* NULL: not in the picture */
    bool is_ct;
    bool managed;     /* HA has it, and it is not "ignored" */
    const js *def;    /* NULL: only a rule names it */
    const char *want; /* started, stopped, disabled; "" unless managed */
    bool error;       /* the manager has given it up */
    bool failback;
    int node;                     /* where it is; -1 not known */
    int fallback;                 /* where it was before maintenance; -1 */
    const struct ha_rule *placed; /* its node rule, NULL */
    size_t together;              /* the next one of its ring; itself when it is alone */
    size_t *apart;
    size_t n_apart;
    /* After ha_rest(): */
    int ends;        /* the node it ends on */
    ha_nodes choice; /* where its last move could have gone */
    bool stuck;      /* no node may have it */
};

struct ha {
    const struct picture *p;
    js *names; /* of services: their strings live here */
    struct ha_node node[HA_NODES];
    size_t n_node;
    struct ha_svc *svc; /* sorted by sid */
    size_t n_svc;
    struct ha_rule *rule;
    size_t n_rule;
    bool armed;
    bool restless; /* ha_rest() found no end */
};

/* world: {resources, rules, groups, manager} as the API answers them; what is absent is empty.
 * Borrowed while the model lives. -E2BIG: too many nodes. */
int ha_new(const struct picture *p, const js *world, struct ha **ret);
void ha_free(struct ha *h);
static inline void ha_freep(struct ha **h) {
    ha_free(*h);
    *h = NULL;
}
/* Whether b is a, or is kept together with it. */
bool ha_in_ring(const struct ha *h, size_t a, size_t b);
size_t ha_find(const struct ha *h, const char *sid);    /* SIZE_MAX */
int ha_node_find(const struct ha *h, const char *name); /* -1 */
const struct ha_rule *ha_rule_find(const struct ha *h, const char *id);

/* ha_rules.c: which rules the manager leaves out, and what the others mean for each service. */
void ha_compile(struct ha *h);

/* ha_place.c */
enum ha_ask {
    HA_STAY, /* it runs: better where it is */
    HA_BEST, /* it has lost its node */
};
/* Where the manager would put it, all others being at `at` (a node or -1 each): the nodes that are
 * equally right; 0 = none. `lost`: a node that is not online in this question, or -1. */
ha_nodes ha_choice(const struct ha *h, size_t who, const int *at, enum ha_ask ask, int lost);
/* Lets the manager work until nothing moves any more. start: where each service is (NULL: where it
 * is now). */
void ha_rest(struct ha *h, const int *start);
/* Nodes that could recover it if the node it ends on were lost. */
ha_nodes ha_failover(const struct ha *h, size_t who);

/* Why a guest could not be started on a node, into why; false: it could, as far as its volumes
 * tell. copied: disks of its own go along, so only storages that are missing there count. */
bool ha_cannot_run(const struct picture *p, const struct guest *g, const char *node, bool copied,
                   char *why, size_t size);
/* "c2, c3" */
const char *ha_names(const struct ha *h, ha_nodes set, char *ret, size_t size);
