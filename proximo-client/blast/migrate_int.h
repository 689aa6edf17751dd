/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/migrate_int.h - inside of the analyser of moves between nodes. Each file
 * says of one guest and one target what stands in the way (move_blocks: PVE refuses or the task
 * fails), and what changes by it (move_hit). */
#pragma once
#include "proximo-client/blast/blast_int.h"
#include "proximo-client/blast/config_int.h"
#include "proximo-client/blast/ha_int.h"
#include "proximo-client/blast/refs.h"

/* What earlier moves of the same plan have taken already. */
struct room {
    const char *node, *storage; /* storage NULL: memory */
    int64_t used;
};
struct rooms {
    struct room *v;
    size_t n;
};

struct move {
    const struct picture *p;
    const struct guest *g;
    const char *target;
    struct draft *d;
    struct tally *t;
    struct rooms *rooms;
    const struct ha *ha; /* of move_rules(); NULL: more nodes than it follows */
    bool is_ct;
    bool live;       /* a running VM that stays running */
    bool with_disks; /* with-local-disks */
    bool force;
    const char *map;        /* targetstorage / target-storage, or "" */
    const js *job;          /* the replication job to that very node, or NULL */
    const js *here, *there; /* /nodes/…/status of source and target, NULL when not read */
    unsigned int blocked;
    int priority;    /* what an HA rule gives the target; -1: none names it */
    const js *moves; /* {"104": "c2"}: what else the same plan moves; NULL: nothing */
    /* Trial (d and t NULL): nothing is told, only counted. */
    unsigned int hits[RISK_HIGH + 1]; /* how much was hit, by severity */
    char *why;                        /* the first thing in the way, 200 bytes; NULL: not wanted */
};
/* Where a guest is once the plan is carried out. */
const char *move_node_of(const struct move *m, const struct guest *g);
/* One guest and its target, whatever stands in the way. m: p, g, target, d, t, rooms, ha, moves. */
void move_one(struct move *m, const js *form);
void move_hit(struct move *m, const char *effect, enum risk severity, const char *via,
              const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* It cannot go: counted, and "stranded" with the reason. */
void move_blocks(struct move *m, const char *via, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

void move_disks(struct move *m);   /* migrate_disk.c */
void move_devices(struct move *m); /* migrate_host.c: passthrough, mappings */
void move_host(struct move *m);    /* migrate_host.c: processor, memory, bridges */
void move_ha(struct move *m);      /* migrate_ha.c */
/* The HA rules that count for moves, for ha_free(). NULL: the cluster has more nodes than HA_NODES.
 */
struct ha *move_rules(const struct picture *p);

/* The storage a volume on `from` goes to, as PVE maps it; into tmp. */
const char *map_storage(const char *map, const char *from, char *tmp, size_t size);
/* Adds to what a node's storage (or memory) has to take; the sum so far. */
int64_t room_take(struct rooms *r, const char *node, const char *storage, int64_t bytes);
