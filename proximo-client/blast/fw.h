/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/fw.h - Proxmox VE's firewall as a pure function: which packet is let through
 * by which rule, before and after a change. Inside of the firewall analyser; others see blast.h.
 *
 * The input is a model in the shapes of the REST answers:
 *   {"cluster": {"options": {}, "rules": [], "groups": {"web": [rules]}, "aliases": [{name, cidr}],
 *                "ipset": {"name": [{cidr, nomatch}]}},
 *    "nodes":   {"c1": {"options": {}, "rules": [], "network": [interfaces], "ip": "10.0.0.1"}},
 *    "guests":  {"104": {"kind": "qemu", "node": "c1", "options": {}, "rules": [], "aliases": [],
 *                        "ipset": {}, "config": {"net0": "…"}}},
 *    "vnets":   {"v1": {"options": {}, "rules": []}},
 *    "corosync": {"c1": {"ring0_addr": "10.0.0.1"}}}
 * Rules of evaluation: the public source of pve-firewall 6.0 (iptables) and of proxmox-firewall 1.2
 * (nftables, where a node's option `nftables` is set). Only new connections are judged; what is
 * established passes both. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"

__extension__ typedef unsigned __int128 u128; /* an address of either version */

/* A closed interval of addresses of version v (4 or 6); a v4 address is its 32 bits. */
struct fw_net {
    u128 lo, hi;
    unsigned int v;
    bool nomatch;
    uint32_t order; /* of an IP set's entry: where it stands */
};
u128 fw_addr_max(unsigned int v);
/* "a", "a/len" (host bits are ignored, as iptables does) or "a-b". */
bool fw_net_parse(const char *s, struct fw_net *ret);
#define FW_NET_TEXT 100
/* A prefix where it is one, else "a-b". */
void fw_net_print(const struct fw_net *n, char ret[static FW_NET_TEXT]);
static inline bool fw_net_has(const struct fw_net *n, unsigned int v, u128 a) {
    return n->v == v && a >= n->lo && a <= n->hi;
}

struct fw_span {
    uint32_t lo, hi;
};

/* ---- names (fw_names.c) ---- */
enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMPV6 = 58 };
int fw_proto(const char *name); /* a number or a name; -1 = not known */
bool fw_proto_has_ports(int proto);
int fw_port(const char *name); /* a service's name; -1 = not known */
/* "SSH", "PVE API" …; NULL. of_node: what nodes serve has its name, too. */
const char *fw_port_name(int proto, uint32_t port, bool of_node);
/* The i-th port range that has such a name; *ret_proto -1 past the last. */
void fw_port_known(size_t i, int *ret_proto, struct fw_span *ret);
/* A type's name or, where `numbers`, its number. *ret_code is a range; false: not known. */
bool fw_icmp(unsigned int v, const char *name, bool numbers, struct fw_span *ret_type,
             struct fw_span *ret_code);
struct fw_macro_line {
    const char *macro;
    unsigned int v; /* 4, 6; 0 = both */
    const char *proto, *dport, *sport;
};
/* The macro's lines for version v (0: as PVE checks a rule that has none); 0 = no such macro. Names
 * are compared without regard to case. */
size_t fw_macro(const char *name, unsigned int v, struct fw_macro_line ret[static 8]);

/* ---- compiled rules (fw_rules.c) ---- */
enum fw_dir { FW_IN, FW_OUT, FW_FORWARD };
enum fw_verdict { FW_ACCEPT, FW_DROP, FW_REJECT };
const char *fw_verdict_name(enum fw_verdict v);

/* An IP set as disjoint sorted intervals: by hash:net's rule (the longest prefix decides) and by
 * nftables' (in the set and in none of its exceptions). */
struct fw_set {
    const char *name;
    bool is_management; /* every node adds its local network to it */
    struct fw_net *raw; /* as configured */
    size_t n_raw;
    struct fw_net *in[2]; /* [0] iptables, [1] nftables */
    size_t n_in[2];
};
struct fw_arena;
void fw_set_finish(struct fw_arena *a, struct fw_set *s); /* raw -> in */
bool fw_set_has(const struct fw_set *s, bool nft, unsigned int v, u128 a);

struct fw_match {
    unsigned int v;                 /* 4, 6; 0 = both */
    int proto;                      /* -1 = any */
    const struct fw_net *src, *dst; /* none = any, unless there is a set */
    size_t n_src, n_dst;
    const struct fw_set *src_set, *dst_set;
    const struct fw_span *dport, *sport;
    size_t n_dport, n_sport;
    bool has_icmp;
    struct fw_span icmp_type, icmp_code;
    const char *iface; /* or "" */
};
struct fw_chain;
struct fw_rule {
    enum fw_dir dir;
    enum fw_verdict verdict;
    const struct fw_chain *group; /* then dir and verdict say nothing */
    struct fw_match m;
    uint32_t pos;
};
struct fw_chain {
    const char *name; /* "cluster rule", "rule of group web" … */
    struct fw_rule *rule;
    size_t n;
    unsigned int broken;    /* enabled rules that PVE leaves out because they do not add up */
    const char *broken_why; /* of the first */
    uint32_t broken_pos;
    unsigned int unknown; /* enabled rules that cannot be judged from what was read */
    const char *unknown_why;
};

/* Memory that goes with its configuration; never fails (no memory ends the program). */
struct fw_arena {
    void **p;
    size_t n;
};
void *fw_alloc(struct fw_arena *a, size_t n, size_t size);
void fw_arena_done(struct fw_arena *a);

/* Where names of a rule are looked up: the guest's own first, then the cluster's. */
struct fw_scope {
    const js *aliases;
    struct fw_set *set;
    size_t n_set;
};
struct fw_set *fw_scope_set(const struct fw_scope *s, const char *name);
void fw_scope_init(struct fw_arena *a, const js *aliases, const js *ipset,
                   const struct fw_scope *outer, struct fw_scope *ret);
enum fw_env { FW_ENV_CLUSTER, FW_ENV_HOST, FW_ENV_GUEST, FW_ENV_GROUP, FW_ENV_VNET };
/* groups: compiled chains, for rules of type group. own may be NULL. */
void fw_chain_compile(struct fw_arena *a, const js *rules, enum fw_env env,
                      const struct fw_scope *dc, const struct fw_scope *own,
                      const struct fw_chain *groups, size_t n_groups, struct fw_chain *ret);

/* ---- the whole configuration (fw_conf.c) ---- */
struct fw_addr_on {
    struct fw_net net; /* the address itself (lo = hi) */
    const char *iface;
    bool corosync, management;
};
struct fw_peer { /* a corosync link between two nodes */
    struct fw_net own, other;
};
struct fw_host {
    const char *name;
    const js *options;
    bool enabled, nft, known; /* known: it is in the model with its rules */
    struct fw_chain rules;
    struct fw_addr_on *addr;
    size_t n_addr;
    struct fw_net localnet; /* v = 0: not known */
    struct fw_set management;
    struct fw_peer *peer;
    size_t n_peer;
};
struct fw_nic {
    char name[12]; /* "net0" */
    struct fw_net addr[2];
    size_t n_addr;
    const struct fw_set *ipfilter; /* NULL = none */
};
struct fw_guest {
    uint32_t vmid;
    const char *kind;
    const js *options;
    bool enabled;
    const struct fw_host *host;
    struct fw_scope scope;
    struct fw_chain rules;
    struct fw_nic *nic; /* those with firewall=1 */
    size_t n_nic;
};
struct fw_vnet {
    const char *name;
    const js *options;
    bool enabled;
    struct fw_chain rules;
};
struct fw_conf {
    struct fw_arena arena;
    const js *options;
    bool enabled;
    struct fw_scope dc;
    const struct fw_set *blacklist; /* or NULL */
    struct fw_chain rules;
    struct fw_chain *group;
    size_t n_group;
    struct fw_host *host;
    size_t n_host;
    struct fw_guest *guest; /* sorted as in the model */
    size_t n_guest;
    struct fw_vnet *vnet;
    size_t n_vnet;
};
/* The model must live as long as the configuration. */
int fw_conf_new(const js *model, struct fw_conf **ret);
void fw_conf_free(struct fw_conf *c);
static inline void fw_conf_freep(struct fw_conf **c) {
    fw_conf_free(*c);
    *c = NULL;
}
const struct fw_host *fw_conf_host(const struct fw_conf *c, const char *name);
const struct fw_guest *fw_conf_guest(const struct fw_conf *c, uint32_t vmid);
const struct fw_vnet *fw_conf_vnet(const struct fw_conf *c, const char *name);

/* ---- one packet (fw_eval.c) ---- */
struct fw_packet {
    unsigned int v;
    u128 src, dst;
    int proto;
    uint32_t sport, dport;
    uint32_t icmp_type, icmp_code;
    const char *iface; /* the host's: where it comes in or goes out; "" elsewhere */
};
/* Where it is judged. host for FORWARD and for a node; guest and nic for a guest; vnet. */
struct fw_place {
    const struct fw_host *host;
    const struct fw_guest *guest;
    const struct fw_nic *nic;
    const struct fw_vnet *vnet;
    enum fw_dir dir;
};
struct fw_why {
    const char *what; /* "cluster rule", "policy_in" … */
    int32_t pos;      /* -1 = none */
};
enum fw_verdict fw_judge(const struct fw_conf *c, const struct fw_place *at,
                         const struct fw_packet *p, struct fw_why *ret_why);
bool fw_match_packet(const struct fw_match *m, const struct fw_host *h, bool nft,
                     const struct fw_packet *p);

/* ---- a change (fw_apply.c) ---- */
/* Does to the model what PVE does to the configuration. path is the API's, form its parameters (may
 * be NULL). -EINVAL: PVE would refuse it, *ret_why says why; -ENOENT: not a firewall path. */
int fw_apply(js *model, const char *method, const char *path, const js *form, const char **ret_why);

/* ---- what changes (fw_diff.c) ---- */
/* Neighbouring packets with one fate each: the addresses in `remote` and the ports in `port`. */
struct fw_diff {
    enum fw_dir dir;
    struct fw_net remote; /* whom it is with: the source of IN, the destination of OUT */
    struct fw_net local;  /* the other end, a single address */
    int proto;
    struct fw_span port; /* or ICMP types */
    uint32_t odd_sport;  /* not 0: from this source port, an ordinary one may fare otherwise */
    enum fw_verdict before, after;
    struct fw_why why_before, why_after;
    struct fw_packet witness;
};
typedef void fw_diff_fn(void *ctx, const struct fw_diff *d);
/* Every packet class at one place, judged by both configurations. Either place may be absent (host
 * and guest and vnet NULL): everything passes there. false: too many classes, not all were tried.
 */
bool fw_compare(const struct fw_conf *before, const struct fw_place *at_before,
                const struct fw_conf *after, const struct fw_place *at_after, fw_diff_fn *f,
                void *ctx);
