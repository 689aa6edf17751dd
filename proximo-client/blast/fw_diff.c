/* SPDX-License-Identifier: Apache-2.0 */
/* What a change does to packets, without trying four billion addresses: every number that a rule, a
 * set or a built-in accept mentions cuts the line of addresses (and of ports); between two cuts all
 * packets have one fate, so one of them is asked, before and after. */
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/fw.h"
#include "proximo-client/blast/picture_int.h"

/* More questions than this take seconds; then the verdict says that it is not complete. */
#define ASK_MAX 6000000u

#define EPHEMERAL 50000u /* the source port of an ordinary client */

struct cuts {
    u128 *at;
    size_t n;
};

/* One protocol with one run of ports, or one ICMP type and code. */
struct flow {
    int proto;
    struct fw_span port;
    uint32_t code;
};

struct local {
    u128 addr;
    const char *iface;
};

struct source_port {
    uint32_t port;
    bool udp_only; /* a built-in rule names it */
};

struct comparing {
    const struct fw_conf *conf[2];
    const struct fw_place *at[2];
    fw_diff_fn *f;
    void *ctx;
    struct cuts src[2], dst[2]; /* [0] IPv4, [1] IPv6 */
    struct cuts port[256];
    struct flow *flow;
    size_t n_flow;
    struct source_port *sport;
    size_t n_sport;
    bool mentioned[256];
    size_t asked;
};

static void cut(struct cuts *c, u128 at) {
    *(u128 *)picture_grow(&c->at, &c->n, sizeof(*c->at)) = at;
}

static void cut_nets(struct cuts c[static 2], const struct fw_net *net, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct cuts *one = &c[net[i].v == 6];

        if (net[i].v == 0) {
            continue;
        }
        cut(one, net[i].lo);
        if (net[i].hi != fw_addr_max(net[i].v)) {
            cut(one, net[i].hi + 1);
        }
    }
}

static void cut_set(struct cuts c[static 2], const struct fw_set *s) {
    if (s) {
        cut_nets(c, s->raw, s->n_raw);
    }
}

static int by_address(const void *a, const void *b) {
    u128 x = *(const u128 *)a;
    u128 y = *(const u128 *)b;

    return x < y ? -1 : x > y;
}

static void cuts_sort(struct cuts *c) {
    size_t n = 0;

    if (c->n > 0) {
        qsort(c->at, c->n, sizeof(*c->at), by_address);
    }
    for (size_t i = 0; i < c->n; i++) {
        if (n == 0 || c->at[n - 1] != c->at[i]) {
            c->at[n++] = c->at[i];
        }
    }
    c->n = n;
}

static void add_flow(struct comparing *c, int proto, struct fw_span port, uint32_t code) {
    *(struct flow *)picture_grow(&c->flow, &c->n_flow, sizeof(*c->flow)) =
        (struct flow){proto, port, code};
}

static void add_sport(struct comparing *c, uint32_t port, bool udp_only) {
    for (size_t i = 0; i < c->n_sport; i++) {
        if (c->sport[i].port == port) {
            c->sport[i].udp_only = c->sport[i].udp_only && udp_only;
            return;
        }
    }
    *(struct source_port *)picture_grow(&c->sport, &c->n_sport, sizeof(*c->sport)) =
        (struct source_port){port, udp_only};
}

static void cut_match(struct comparing *c, const struct fw_match *m) {
    cut_nets(c->src, m->src, m->n_src);
    cut_nets(c->dst, m->dst, m->n_dst);
    cut_set(c->src, m->src_set);
    cut_set(c->dst, m->dst_set);
    for (size_t i = 0; i < m->n_dport; i++) {
        cut(&c->port[m->proto], m->dport[i].lo);
        cut(&c->port[m->proto], (u128)m->dport[i].hi + 1);
    }
    for (size_t i = 0; i < m->n_sport; i++) {
        /* one of the ports, one above and one below them: between two cuts all fare alike */
        add_sport(c, m->sport[i].lo, false);
        add_sport(c, m->sport[i].hi < 65535 ? m->sport[i].hi + 1 : 1, false);
        add_sport(c, 1, false);
    }
    if (m->proto >= 0) {
        c->mentioned[m->proto] = true;
    }
    if (m->has_icmp) {
        add_flow(c, m->proto, (struct fw_span){m->icmp_type.lo, m->icmp_type.lo}, m->icmp_code.lo);
    }
}

static void cut_chain(struct comparing *c, const struct fw_chain *chain) {
    for (size_t i = 0; chain && i < chain->n; i++) {
        if (chain->rule[i].group) {
            cut_chain(c, chain->rule[i].group);
        } else {
            cut_match(c, &chain->rule[i].m);
        }
    }
}

static void cut_place(struct comparing *c, int side) {
    const struct fw_conf *conf = c->conf[side];
    const struct fw_place *at = c->at[side];
    const struct fw_host *h = at->guest ? at->guest->host : at->host;

    cut_set(c->src, conf->blacklist);
    if (h) {
        /* a rule may name the management set, and it is what the node adds to it that counts */
        cut_set(c->src, &h->management);
        cut_set(c->dst, &h->management);
    }
    if (at->vnet) {
        cut_chain(c, &at->vnet->rules);
    } else if (at->guest) {
        cut_chain(c, &at->guest->rules);
        if (at->nic) {
            cut_set(c->src, at->nic->ipfilter);
        }
    } else if (h) {
        cut_chain(c, &h->rules);
        cut_chain(c, &conf->rules);
        cut_nets(c->dst, &h->localnet, 1);
        for (size_t i = 0; i < h->n_peer; i++) {
            cut_nets(at->dir == FW_IN ? c->src : c->dst, &h->peer[i].other, 1);
        }
    }
}

/* ---- ports ---- */

static void port_flows(struct comparing *c, int proto) {
    /* What built-in rules name: DHCP, the noise that the nftables firewall sorts out, and corosync,
     * which is 5404 and 5405 to one implementation and 5405 to 5412 to the other. */
    static const uint32_t builtin[] = {1,   67,  68,  69,   135,  136,  137,  140,  445,  446,
                                       546, 547, 548, 1024, 1900, 1901, 5404, 5405, 5406, 5413};
    struct cuts *cuts = &c->port[proto];
    struct fw_span known;
    int of;

    for (size_t i = 0; i < ARRAY_LEN(builtin); i++) {
        cut(cuts, builtin[i]);
    }
    for (size_t i = 0; fw_port_known(i, &of, &known), of >= 0; i++) {
        if (of == proto) {
            cut(cuts, known.lo);
            cut(cuts, (u128)known.hi + 1);
        }
    }
    cuts_sort(cuts);
    for (size_t i = 0; i < cuts->n && cuts->at[i] <= 65535; i++) {
        uint32_t hi =
            i + 1 < cuts->n && cuts->at[i + 1] <= 65535 ? (uint32_t)cuts->at[i + 1] - 1 : 65535;

        if (cuts->at[i] > 0) {
            add_flow(c, proto, (struct fw_span){(uint32_t)cuts->at[i], hi}, 0);
        }
    }
}

static void flows(struct comparing *c) {
    /* types that the built-in rules know, and one that nobody does */
    static const uint32_t v4[][2] = {{8, 0}, {0, 0}, {3, 0}, {3, 4}, {11, 0}, {200, 0}};
    static const uint32_t v6[] = {128, 129, 1, 2, 3, 4, 133, 134, 135, 136, 137, 200};

    port_flows(c, PROTO_TCP);
    port_flows(c, PROTO_UDP);
    for (size_t i = 0; i < ARRAY_LEN(v4); i++) {
        add_flow(c, PROTO_ICMP, (struct fw_span){v4[i][0], v4[i][0]}, v4[i][1]);
    }
    for (size_t i = 0; i < ARRAY_LEN(v6); i++) {
        add_flow(c, PROTO_ICMPV6, (struct fw_span){v6[i], v6[i]}, 0);
    }
    for (int p = 0; p < 256; p++) {
        if (!c->mentioned[p] || p == PROTO_TCP || p == PROTO_UDP || p == PROTO_ICMP ||
            p == PROTO_ICMPV6) {
            continue;
        }
        if (fw_proto_has_ports(p)) {
            port_flows(c, p);
        } else {
            add_flow(c, p, (struct fw_span){0, 0}, 0);
        }
    }
    for (int p = 253; p > 0; p--) {
        if (!c->mentioned[p]) {
            add_flow(c, p, (struct fw_span){0, 0}, 0); /* stands for all that no rule names */
            break;
        }
    }
}

/* ---- the two ends ---- */

/* No sources or destinations: multicast and the unset address. */
static u128 last_unicast(unsigned int v) {
    return v == 4 ? (u128)0xdfffffffu : ((u128)0xff << 120) - 1;
}

static struct local *locals_of_cuts(const struct cuts *cuts, unsigned int v, size_t *ret_n) {
    struct local *list = NULL;

    *ret_n = 0;
    for (size_t i = 0; i < cuts->n; i++) {
        if (cuts->at[i] <= last_unicast(v)) {
            *(struct local *)picture_grow(&list, ret_n, sizeof(*list)) =
                (struct local){cuts->at[i], ""};
        }
    }
    return list;
}

static void add_local(struct local **list, size_t *n, u128 addr, const char *iface) {
    for (size_t i = 0; i < *n; i++) {
        if ((*list)[i].addr == addr && strcmp((*list)[i].iface, iface) == 0) {
            return;
        }
    }
    *(struct local *)picture_grow(list, n, sizeof(**list)) = (struct local){addr, iface};
}

/* The own end: a node's addresses with their interfaces, a guest's as far as they are known. An
 * address that is not known may be any, so then the rules' own cuts stand for it. */
static struct local *locals(const struct comparing *c, unsigned int v, const struct cuts *cuts,
                            size_t *ret_n) {
    struct local *list = NULL;

    *ret_n = 0;
    for (int side = 0; side < 2; side++) {
        const struct fw_place *at = c->at[side];

        for (size_t i = 0; at->host && !at->guest && at->dir != FW_FORWARD && i < at->host->n_addr;
             i++) {
            const struct fw_addr_on *a = &at->host->addr[i];

            if (a->net.v == v) {
                add_local(&list, ret_n, a->net.lo, a->iface);
            } else if (v == 6 && a->management) {
                /* every interface has a link-local address */
                add_local(&list, ret_n, ((u128)0xfe80 << 112) + 1, a->iface);
            }
        }
        for (size_t i = 0; at->nic && i < at->nic->n_addr; i++) {
            if (at->nic->addr[i].v == v) {
                add_local(&list, ret_n, at->nic->addr[i].lo, "");
            }
        }
    }
    return *ret_n > 0 ? list : locals_of_cuts(cuts, v, ret_n);
}

/* ---- asking ---- */

static bool is_icmp(int proto) {
    return proto == PROTO_ICMP || proto == PROTO_ICMPV6;
}

/* One run along the remote addresses with the same two verdicts, told when it ends. */
static void run_end(const struct comparing *c, struct fw_diff *run) {
    if (run->remote.v && run->before != run->after) {
        c->f(c->ctx, run);
    }
    run->remote.v = 0;
}

static void ask_remote(struct comparing *c, unsigned int v, const struct cuts *cuts,
                       const struct local *l, const struct flow *f, uint32_t sport) {
    enum fw_dir dir = c->at[1]->dir;
    struct fw_diff run = {.dir = dir, .proto = f->proto, .port = f->port};
    bool icmp = is_icmp(f->proto);

    run.local = (struct fw_net){.lo = l->addr, .hi = l->addr, .v = v};
    run.odd_sport = sport == EPHEMERAL ? 0 : sport;
    for (size_t i = 0; i < cuts->n && cuts->at[i] <= last_unicast(v); i++) {
        u128 hi = i + 1 < cuts->n && cuts->at[i + 1] <= last_unicast(v) ? cuts->at[i + 1] - 1
                                                                        : last_unicast(v);
        struct fw_packet p = {.v = v,
                              .src = dir == FW_OUT ? l->addr : cuts->at[i],
                              .dst = dir == FW_OUT ? cuts->at[i] : l->addr,
                              .proto = f->proto,
                              .sport = sport,
                              .dport = icmp ? 0 : f->port.lo,
                              .icmp_type = icmp ? f->port.lo : 0,
                              .icmp_code = f->code,
                              .iface = l->iface};
        struct fw_why why[2];
        enum fw_verdict before = fw_judge(c->conf[0], c->at[0], &p, &why[0]);
        enum fw_verdict after = fw_judge(c->conf[1], c->at[1], &p, &why[1]);

        c->asked++;
        if (run.remote.v && run.before == before && run.after == after) {
            run.remote.hi = hi;
            continue;
        }
        run_end(c, &run);
        run.remote = (struct fw_net){.lo = cuts->at[i], .hi = hi, .v = v};
        run.before = before;
        run.after = after;
        run.why_before = why[0];
        run.why_after = why[1];
        run.witness = p;
    }
    run_end(c, &run);
}

static bool ask_version(struct comparing *c, unsigned int v) {
    bool out = c->at[1]->dir == FW_OUT;
    const struct cuts *remote = out ? &c->dst[v == 6] : &c->src[v == 6];
    const struct cuts *own = out ? &c->src[v == 6] : &c->dst[v == 6];
    size_t n = 0;
    CLEANUP(freep) struct local *list = locals(c, v, own, &n);

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < c->n_flow; k++) {
            int proto = c->flow[k].proto;
            bool ports = fw_proto_has_ports(proto);

            if ((proto == PROTO_ICMP && v == 6) || (proto == PROTO_ICMPV6 && v == 4)) {
                continue;
            }
            for (size_t s = 0; s < (ports ? c->n_sport : 1); s++) {
                if (c->asked > ASK_MAX) {
                    return false;
                }
                if (c->sport[s].udp_only && proto != PROTO_UDP) {
                    continue;
                }
                ask_remote(c, v, remote, &list[i], &c->flow[k],
                           ports ? c->sport[s].port : EPHEMERAL);
            }
        }
    }
    return true;
}

static void comparing_done(struct comparing *c) {
    for (size_t i = 0; i < 2; i++) {
        free(c->src[i].at);
        free(c->dst[i].at);
    }
    for (size_t i = 0; i < ARRAY_LEN(c->port); i++) {
        free(c->port[i].at);
    }
    free(c->flow);
    free(c->sport);
    free(c);
}

bool fw_compare(const struct fw_conf *before, const struct fw_place *at_before,
                const struct fw_conf *after, const struct fw_place *at_after, fw_diff_fn *f,
                void *ctx) {
    struct comparing *c = calloc(1, sizeof(*c));
    /* DHCP's own source ports, and those of the noise that the nftables firewall sorts out */
    static const uint32_t builtin[] = {53, 67, 68, 137, 546, 547};
    bool whole = true;

    if (!c) {
        abort();
    }
    c->conf[0] = before;
    c->conf[1] = after;
    c->at[0] = at_before;
    c->at[1] = at_after;
    c->f = f;
    c->ctx = ctx;
    add_sport(c, EPHEMERAL, false);
    for (size_t i = 0; i < ARRAY_LEN(builtin); i++) {
        add_sport(c, builtin[i], true);
    }
    for (size_t i = 0; i < 2; i++) {
        cut(&c->src[i], 1);
        cut(&c->dst[i], 1);
    }
    cut_place(c, 0);
    cut_place(c, 1);
    flows(c);
    for (size_t i = 0; i < 2; i++) {
        cuts_sort(&c->src[i]);
        cuts_sort(&c->dst[i]);
    }
    for (unsigned int v = 4; v <= 6 && whole; v += 2) {
        whole = ask_version(c, v);
    }
    comparing_done(c);
    return whole;
}
