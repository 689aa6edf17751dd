/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/network.h - inside of the network analysers: a node's interfaces and the
 * software-defined network as a pure model, before and after a change. Interfaces are lists in the
 * API's shape (GET /nodes/N/network), zones, vnets, subnets and controllers lists of settings as
 * the API shows them without `pending` and `state`.
 *
 * A *wire* is where frames of an interface leave the node: the physical interface and the VLAN tags
 * they carry there ("eno1", "eno1.20"); of tunnels "vxlan.5000"; of a zone that leaves by routing
 * only "host.ZONE". Two things that share a wire can talk to each other. */
#pragma once
#include "proximo-client/blast/after.h"
#include "proximo-client/blast/blast_int.h"
#include "proximo-client/blast/fw.h"

struct net_side {
    const char *node;
    const js *ifs;
    const js *zones, *vnets, *subnets, *controllers; /* NULL = none known */
};

/* --- network_conf.c --- */
const js *net_iface(const struct net_side *s, const char *name); /* NULL */
/* The vnet as it is on the side's node; NULL: there is none, or its zone leaves the node out. */
const js *net_vnet(const struct net_side *s, const char *name);
/* {wire: 1}; never NULL. A new value. */
js *net_wires(const struct net_side *s, const char *name);
/* Whether the walks above and below are cut: more interfaces, or more upon one another, than are
 * followed. What is then said of them is not all. */
bool net_is_tangled(const struct net_side *s);
/* {interface: 1} of everything that `name` rests on, itself included. A new value. */
js *net_chain(const struct net_side *s, const char *name);
/* Bytes of a packet that get through `name` and everything below it. */
int64_t net_mtu(const struct net_side *s, const char *name);
/* {interface: 1} of what a reload brings up: by itself, or because something that is brought up
 * rests on it. A new value. */
js *net_up(const struct net_side *s);
/* Calls f for each interface that this one is directly made of or rests on. */
void net_parts(const js *iface, void (*f)(void *ctx, const char *name), void *ctx);
/* Comma, semicolon and blank separated VLAN ids and ranges ("2-4094 5000"). */
bool net_vids_have(const char *vids, uint32_t tag);

/* --- network_addr.c --- */
struct net_addr {
    const char *iface, *gateway; /* gateway "" = none */
    struct fw_net net;           /* the prefix */
    u128 own;
};
struct net_addrs {
    struct net_addr *v;
    size_t n;
};
void net_addrs_new(const struct net_side *s, struct net_addrs *ret);
void net_addrs_done(struct net_addrs *a);
/* How something is reached: by an own address, by a prefix of ours, or through a gateway. */
struct net_path {
    bool found, routed;
    struct net_addr by; /* what carries it */
};
struct net_path net_path_own(const struct net_addrs *a, const char *address);
struct net_path net_path_to(const struct net_addrs *a, const char *address);
struct net_path net_path_subnet(const struct net_addrs *a, const char *network);

/* --- network_diff.c --- */
/* net_running: blast.h */

/* --- network_change.c --- */
struct net_state {
    js *running, *staged; /* lists of one node */
    bool applied;
};
void net_state_done(struct net_state *s);
/* Carries one request to /nodes/NODE/network… out. false: it is none that we understand. */
bool net_change(struct net_state *s, const char *node, const struct blast_request *req);

/* --- network.c --- */
/* A list of interfaces without what says how they are, and without what is so by default. A new
 * value. */
js *net_settings(const js *list);
/* Whether two lists are set up alike. */
bool net_same(const js *a, const js *b);
/* What runs and what is staged on a node; what is not certain goes into the draft. -ENOENT: not
 * read. */
int net_state_of(const struct picture *p, const char *node, struct draft *d, struct net_state *ret);

/* --- sdn_conf.c --- */
/* {zones, vnets, subnets, controllers} as they run, or as they are configured. A new value. */
js *net_sdn_of(const struct picture *p, bool running);
/* Lends a side's lists from it. */
void net_side_sdn(struct net_side *s, const char *node, const js *sdn);

/* --- network_compare.c, network_guests.c, network_roles.c (network_reach.c) --- */
struct net_case {
    const struct picture *p;
    struct draft *d;
    struct tally tally;
    const struct blast_way *way;
    struct net_side before, after;
    bool staged; /* it takes effect with the next apply or start of the node */
    bool any;
};
/* Everything that fares otherwise on this node. */
void net_compare(struct net_case *c);
void net_compare_guests(struct net_case *c);
void net_compare_roles(struct net_case *c);
/* Says a hit; what is only staged is never more than medium. */
void net_hit(struct net_case *c, const struct affect *a, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* How two ways out of the node differ. */
enum net_turn {
    NET_SAME,
    NET_CUT,   /* no way out is left */
    NET_MOVED, /* none of before is left, others are there */
    NET_WIDER, /* others are there, too */
    NET_FEWER, /* some are gone */
};
enum net_turn net_turn(const js *before, const js *after);
/* "eno1, eno2.20", or "nothing". */
void net_words(const js *set, char *ret, size_t size);
