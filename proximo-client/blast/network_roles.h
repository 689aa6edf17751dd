/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/network_roles.h - inside of what a node's own addresses are for: how far it
 * is by them before and after (network_roles.c), and what is reached so (network_reach.c). */
#pragma once
#include "proximo-client/blast/network.h"

struct roles {
    struct net_case *c;
    struct net_addrs before, after;
    char node[80]; /* "node/c1" */
};

/* How far it is from what it was. */
enum fare { FARE_SAME, FARE_CHANGED, FARE_LESS, FARE_CUT };
struct outcome {
    enum fare fare;
    const char *via;
    char why[200];
};

/* An own address; one that is reached; all own ones in a network. */
struct outcome net_fare_own(const struct roles *r, const char *address);
struct outcome net_fare_to(const struct roles *r, const char *address);
struct outcome net_fare_subnet(const struct roles *r, const char *network);
struct outcome net_worse(struct outcome a, struct outcome b);
/* One effect for each grade; FARE_SAME is not worth a word. */
void net_say_role(struct roles *r, const struct outcome *o, const char *what,
                  const char *cut_effect, enum risk cut_risk);

/* --- network_reach.c --- */
/* Ceph, migration and replication, storages, tunnels. */
void net_compare_reach(struct roles *r);
