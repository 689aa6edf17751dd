/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/node_int.h - inside of the node analysers. */
#pragma once
#include "proximo-client/blast/blast_int.h"

/* A node that will be away. */
struct away {
    const struct picture *p;
    struct draft *d;
    const char *node;
    bool is_back;    /* it comes back by itself: a reboot */
    bool has_quorum; /* what remains may still act */
    struct tally tally;
};

/* node_quorum.c: votes that remain (sets has_quorum), HA guests elsewhere that stop without. */
void away_quorum(struct away *a);
/* Monitors, OSDs and pools; guests elsewhere whose disks Ceph keeps. */
void away_ceph(struct away *a);
/* Whether HA looks after the guest: it is to run, and the manager does not ignore it. */
bool is_managed(const struct picture *p, const struct guest *g);
/* node_ha.c: what becomes of a running guest of the node that HA looks after. */
void away_managed(struct away *a, const struct guest *g);
/* Guests elsewhere with a volume on the storage. */
void away_users(struct away *a, const struct store *s, const char *why);
