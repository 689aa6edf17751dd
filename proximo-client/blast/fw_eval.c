/* SPDX-License-Identifier: Apache-2.0 */
/* The fate of one new connection at a node, at a guest's NIC or in a vnet: the order in which PVE's
 * two implementations ask, the accepts they have built in, the rules, the policy. */
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/fw.h"

const char *fw_verdict_name(enum fw_verdict v) {
    static const char *const names[] = {"ACCEPT", "DROP", "REJECT"};

    return names[v];
}

static bool in_spans(const struct fw_span *s, size_t n, uint32_t port) {
    for (size_t i = 0; i < n; i++) {
        if (port >= s[i].lo && port <= s[i].hi) {
            return true;
        }
    }
    return n == 0;
}

static bool in_nets(const struct fw_net *net, size_t n, unsigned int v, u128 a) {
    for (size_t i = 0; i < n; i++) {
        if (fw_net_has(&net[i], v, a)) {
            return true;
        }
    }
    return n == 0;
}

static bool in_set(const struct fw_set *s, const struct fw_host *h, bool nft, unsigned int v,
                   u128 a) {
    /* every node's management set has the node's own network in it */
    return !s || fw_set_has(s->is_management && h ? &h->management : s, nft, v, a);
}

bool fw_match_packet(const struct fw_match *m, const struct fw_host *h, bool nft,
                     const struct fw_packet *p) {
    if ((m->v && m->v != p->v) || (m->proto >= 0 && m->proto != p->proto)) {
        return false;
    }
    if (!in_spans(m->dport, m->n_dport, p->dport) || !in_spans(m->sport, m->n_sport, p->sport)) {
        return false;
    }
    if (m->has_icmp &&
        (!in_spans(&m->icmp_type, 1, p->icmp_type) || !in_spans(&m->icmp_code, 1, p->icmp_code))) {
        return false;
    }
    if (m->iface && m->iface[0] && strcmp(m->iface, p->iface) != 0) {
        return false;
    }
    return in_nets(m->src, m->n_src, p->v, p->src) && in_nets(m->dst, m->n_dst, p->v, p->dst) &&
           in_set(m->src_set, h, nft, p->v, p->src) && in_set(m->dst_set, h, nft, p->v, p->dst);
}

/* What the asking has so far. */
struct asking {
    const struct fw_conf *c;
    const struct fw_host *h;
    const struct fw_packet *p;
    bool nft;
    enum fw_dir dir;
    const char *nic; /* of a guest; NULL elsewhere */
    enum fw_verdict verdict;
    struct fw_why why;
};

static bool decide(struct asking *q, enum fw_verdict v, const char *what, int32_t pos) {
    q->verdict = v;
    q->why = (struct fw_why){what, pos};
    return true;
}

static bool iface_fits(const struct asking *q, const struct fw_match *m) {
    return !m->iface || !m->iface[0] || strcmp(m->iface, q->nic ? q->nic : q->p->iface) == 0;
}

static bool matches(const struct asking *q, const struct fw_match *m) {
    struct fw_match bare = *m;

    if (!iface_fits(q, m)) {
        return false;
    }
    bare.iface = "";
    return fw_match_packet(&bare, q->h, q->nft, q->p);
}

static bool ask_chain(struct asking *q, const struct fw_chain *chain) {
    for (size_t i = 0; i < chain->n; i++) {
        const struct fw_rule *r = &chain->rule[i];

        if (r->group) {
            for (size_t k = 0; k < r->group->n && iface_fits(q, &r->m); k++) {
                const struct fw_rule *in = &r->group->rule[k];

                if (in->dir == q->dir && matches(q, &in->m)) {
                    return decide(q, in->verdict, chain->name, (int32_t)r->pos);
                }
            }
        } else if (r->dir == q->dir && matches(q, &r->m)) {
            return decide(q, r->verdict, chain->name, (int32_t)r->pos);
        }
    }
    return false;
}

static bool tcp(const struct fw_packet *p, uint32_t lo, uint32_t hi) {
    return p->proto == PROTO_TCP && p->dport >= lo && p->dport <= hi;
}

static bool udp(const struct fw_packet *p, uint32_t lo, uint32_t hi) {
    return p->proto == PROTO_UDP && p->dport >= lo && p->dport <= hi;
}

static bool icmp_of(const struct fw_packet *p, uint32_t lo, uint32_t hi) {
    return p->proto == (p->v == 4 ? PROTO_ICMP : PROTO_ICMPV6) && p->icmp_type >= lo &&
           p->icmp_type <= hi;
}

/* Neighbour discovery: solicitations 133 and 135, advertisements 134 and 136. */
static bool ask_ndp(struct asking *q, bool radv, bool block) {
    const struct fw_packet *p = q->p;

    if (p->v != 6 ||
        !(icmp_of(p, 133, 133) || (radv && icmp_of(p, 134, 134)) || icmp_of(p, 135, 136) ||
          (q->nft && q->dir == FW_IN && icmp_of(p, 137, 137)))) {
        return false;
    }
    return decide(q, block ? FW_DROP : FW_ACCEPT, "neighbour discovery", -1);
}

/* What the nftables firewall lets through before any rule is asked. */
static bool ask_nft_icmp(struct asking *q) {
    const struct fw_packet *p = q->p;
    bool hit = p->v == 4 ? icmp_of(p, 3, 4) || icmp_of(p, 11, 11) : icmp_of(p, 1, 4);

    return hit && decide(q, FW_ACCEPT, "ICMP errors", -1);
}

static bool ask_management(struct asking *q, bool migration) {
    const struct fw_packet *p = q->p;

    if (!fw_set_has(&q->h->management, q->nft, p->v, p->src)) {
        return false;
    }
    if (!(tcp(p, 22, 22) || tcp(p, 8006, 8006) || tcp(p, 3128, 3128) || tcp(p, 5900, 5999) ||
          (migration && tcp(p, 60000, 60050)))) {
        return false;
    }
    return decide(q, FW_ACCEPT, "the management set", -1);
}

static bool ask_corosync(struct asking *q) {
    const struct fw_packet *p = q->p;

    for (size_t i = 0; i < q->h->n_peer && udp(p, 5404, 5405); i++) {
        const struct fw_peer *peer = &q->h->peer[i];
        bool in = q->dir == FW_IN;

        if (fw_net_has(&peer->own, p->v, in ? p->dst : p->src) &&
            fw_net_has(&peer->other, p->v, in ? p->src : p->dst)) {
            return decide(q, FW_ACCEPT, "the corosync link", -1);
        }
    }
    return false;
}

/* A policy that refuses still lets ICMP errors through. */
static void ask_policy(struct asking *q, const js *options, const char *key, const char *standard) {
    const char *policy = js_str_or(options, key, standard);
    const struct fw_packet *p = q->p;

    if (strcmp(policy, "DROP") != 0 && strcmp(policy, "REJECT") != 0) {
        (void)decide(q, FW_ACCEPT, key, -1);
        return;
    }
    if (!q->nft && q->dir != FW_FORWARD &&
        ((p->v == 4 && ((icmp_of(p, 3, 3) && p->icmp_code == 4) || icmp_of(p, 11, 11))) ||
         (p->v == 6 && icmp_of(p, 1, 3)))) {
        (void)decide(q, FW_ACCEPT, "ICMP errors", -1);
        return;
    }
    (void)decide(q, policy[0] == 'D' ? FW_DROP : FW_REJECT, key, -1);
}

static bool ask_blacklist(struct asking *q) {
    return !q->nft && q->c->blacklist && fw_set_has(q->c->blacklist, false, q->p->v, q->p->src) &&
           decide(q, FW_DROP, "the blacklist", -1);
}

/* The noise that the nftables firewall drops before the rules. */
static bool ask_nft_noise(struct asking *q) {
    const struct fw_packet *p = q->p;

    if (udp(p, 5405, 5412)) {
        return decide(q, FW_ACCEPT, "corosync", -1);
    }
    if (udp(p, 135, 135) || udp(p, 137, 139) || udp(p, 445, 445) || tcp(p, 135, 135) ||
        tcp(p, 139, 139) || tcp(p, 445, 445) || (udp(p, 1024, 65535) && p->sport == 137)) {
        return decide(q, FW_REJECT, "noise", -1);
    }
    return (udp(p, 1900, 1900) || (p->proto == PROTO_UDP && p->sport == 53)) &&
           decide(q, FW_DROP, "noise", -1);
}

static void judge_host_in(struct asking *q) {
    bool ndp = js_bool_or(q->h->options, "ndp", true);

    if (q->nft) {
        if (ask_nft_icmp(q) || (q->p->proto == 2 && decide(q, FW_ACCEPT, "IGMP", -1)) ||
            ask_management(q, false) || ask_nft_noise(q) || ask_ndp(q, true, !ndp) ||
            ask_chain(q, &q->h->rules) || ask_chain(q, &q->c->rules)) {
            return;
        }
    } else if ((ndp && ask_ndp(q, true, false)) || ask_blacklist(q) ||
               (q->p->proto == 2 && decide(q, FW_ACCEPT, "IGMP", -1)) ||
               ask_chain(q, &q->h->rules) || ask_chain(q, &q->c->rules) ||
               ask_management(q, true) || ask_corosync(q)) {
        return;
    }
    ask_policy(q, q->c->options, "policy_in", "DROP");
}

static void judge_host_out(struct asking *q) {
    bool ndp = js_bool_or(q->h->options, "ndp", true);
    const struct fw_packet *p = q->p;
    bool local = fw_net_has(&q->h->localnet, p->v, p->dst);

    if (q->nft) {
        if (ask_nft_icmp(q) || ask_ndp(q, false, !ndp) || ask_chain(q, &q->h->rules) ||
            ask_chain(q, &q->c->rules)) {
            return;
        }
    } else if ((ndp && ask_ndp(q, false, false)) ||
               (p->proto == 2 && decide(q, FW_ACCEPT, "IGMP", -1)) || ask_chain(q, &q->h->rules) ||
               ask_chain(q, &q->c->rules) ||
               (local &&
                (tcp(p, 8006, 8006) || tcp(p, 22, 22) || tcp(p, 5900, 5999) ||
                 tcp(p, 3128, 3128)) &&
                decide(q, FW_ACCEPT, "the local network", -1)) ||
               ask_corosync(q)) {
        return;
    }
    ask_policy(q, q->c->options, "policy_out", "ACCEPT");
}

static void judge_guest(struct asking *q, const struct fw_guest *g, const struct fw_nic *nic) {
    const struct fw_packet *p = q->p;
    bool in = q->dir == FW_IN;
    uint32_t from = p->v == 4 ? (in ? 67 : 68) : in ? 547 : 546;
    uint32_t to = p->v == 4 ? (in ? 68 : 67) : in ? 546 : 547;
    bool dhcp = js_bool_or(g->options, "dhcp", true);
    bool ndp = js_bool_or(g->options, "ndp", true);
    bool radv = js_bool_or(g->options, "radv", false);

    bool filtered = !in && nic->ipfilter && !fw_set_has(nic->ipfilter, q->nft, p->v, p->src);
    bool ra = !in && p->v == 6 && (icmp_of(p, 134, 134) || (q->nft && icmp_of(p, 137, 137)));

    if ((q->nft && ask_nft_icmp(q)) || (in && ask_blacklist(q)) ||
        (q->nft && filtered && decide(q, FW_DROP, "ipfilter", -1))) {
        return;
    }
    if (p->proto == PROTO_UDP && p->sport == from && p->dport == to && (dhcp || q->nft)) {
        (void)decide(q, dhcp ? FW_ACCEPT : FW_DROP, "DHCP", -1);
        return;
    }
    if (q->nft && ask_ndp(q, in, !ndp)) {
        return;
    }
    if (ra && (q->nft || !radv)) {
        (void)decide(q, radv ? FW_ACCEPT : FW_DROP, "router advertisements", -1);
        return;
    }
    if (filtered) {
        (void)decide(q, FW_DROP, "ipfilter", -1);
        return;
    }
    if (!q->nft && ndp && ask_ndp(q, in || radv, false)) {
        return;
    }
    if (!ask_chain(q, &g->rules)) {
        ask_policy(q, g->options, in ? "policy_in" : "policy_out", in ? "DROP" : "ACCEPT");
    }
}

enum fw_verdict fw_judge(const struct fw_conf *c, const struct fw_place *at,
                         const struct fw_packet *p, struct fw_why *ret_why) {
    const struct fw_host *h = at->guest ? at->guest->host : at->host;
    struct asking q = {.c = c,
                       .h = h,
                       .p = p,
                       .dir = at->dir,
                       .nft = h && h->nft,
                       .nic = at->nic ? at->nic->name : NULL,
                       .verdict = FW_ACCEPT,
                       .why = {"the firewall is off", -1}};

    if (at->vnet) {
        q.nft = true; /* only that implementation knows vnets */
        if (at->vnet->enabled && !ask_chain(&q, &at->vnet->rules)) {
            ask_policy(&q, at->vnet->options, "policy_forward", "ACCEPT");
        }
    } else if (at->guest) {
        if (at->guest->enabled && at->nic) {
            judge_guest(&q, at->guest, at->nic);
        }
    } else if (h && h->enabled && at->dir == FW_IN) {
        judge_host_in(&q);
    } else if (h && h->enabled && at->dir == FW_OUT) {
        judge_host_out(&q);
    } else if (h && h->enabled && h->nft) {
        if (!ask_chain(&q, &h->rules) && !ask_chain(&q, &c->rules)) {
            ask_policy(&q, c->options, "policy_forward", "ACCEPT");
        }
    }
    *ret_why = q.why;
    return q.verdict;
}
