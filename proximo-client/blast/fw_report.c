/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of packets, told as what a person asks: who can reach which service of what, and who
 * no longer can. Runs of addresses become "any address", "the local network", "your own address" or
 * the networks themselves; ports become services. */
#include "proximo-client/blast/fw_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/picture_int.h"

enum turn { TURN_LOST, TURN_GAINED, TURN_OTHER }; /* OTHER: dropped instead of rejected or back */

/* One service at one place, one turn. */
struct bucket {
    enum fw_dir dir;
    enum turn turn;
    char service[64];
    int proto;
    uint32_t odd_sport;
    size_t order;
    bool is_span, is_wide, gone;
    bool is_api, is_admin, is_cluster;
    bool any[2], lan, own, lockout; /* any: [0] IPv4, [1] IPv6 */
    struct fw_net net[3];
    size_t n_net;
    unsigned int more;
    enum fw_verdict before, after;
    struct fw_why why_before, why_after;
};

struct place {
    struct fw_report *r;
    const struct fw_host *host; /* the node, or the guest's */
    bool is_host;
    const char *nic;
    struct bucket *bucket;
    size_t n;
};

static bool is_dhcp(uint32_t port) {
    return port == 67 || port == 68 || port == 546 || port == 547;
}

/* ret_span: ports without a name, which "other ports" may swallow. */
static void name_service(const struct fw_diff *d, bool of_node, char ret[static 64],
                         bool *ret_span) {
    const char *proto = d->proto == PROTO_TCP ? "tcp" : d->proto == PROTO_UDP ? "udp" : NULL;
    const char *name = proto ? fw_port_name(d->proto, d->port.lo, of_node) : NULL;

    *ret_span = false;
    if (d->proto == PROTO_ICMP || d->proto == PROTO_ICMPV6) {
        bool ping = d->port.lo == (d->proto == PROTO_ICMP ? 8u : 128u);

        (void)snprintf(ret, 64, "%s", ping ? "ping" : "ICMP");
    } else if (d->proto == PROTO_UDP && is_dhcp(d->odd_sport) && is_dhcp(d->port.lo)) {
        (void)snprintf(ret, 64, "DHCP");
    } else if (name) {
        (void)snprintf(ret, 64, "%s (%s)", name, proto);
    } else if (proto && d->port.lo != d->port.hi) {
        *ret_span = true;
        (void)snprintf(ret, 64, "%s %u-%u", proto, d->port.lo, d->port.hi);
    } else if (proto) {
        *ret_span = true;
        (void)snprintf(ret, 64, "%s %u", proto, d->port.lo);
    } else {
        (void)snprintf(ret, 64, "protocols other than TCP, UDP and ICMP");
    }
}

static struct bucket *bucket_of(struct place *at, const struct fw_diff *d, enum turn turn) {
    char service[64];
    struct bucket *b;
    bool span;

    name_service(d, at->is_host && d->dir != FW_FORWARD, service, &span);
    for (size_t i = 0; i < at->n; i++) {
        b = &at->bucket[i];
        if (b->dir == d->dir && b->turn == turn && b->odd_sport == d->odd_sport &&
            strcmp(b->service, service) == 0) {
            return b;
        }
    }
    b = picture_grow(&at->bucket, &at->n, sizeof(*b));
    b->dir = d->dir;
    b->turn = turn;
    b->proto = d->proto;
    b->odd_sport = d->odd_sport;
    b->order = at->n;
    b->is_span = span;
    b->is_wide = span && d->port.hi - d->port.lo > 10000;
    (void)snprintf(b->service, sizeof(b->service), "%s", service);
    b->before = d->before;
    b->after = d->after;
    b->why_before = d->why_before;
    b->why_after = d->why_after;
    return b;
}

static bool is_tcp(const struct fw_diff *d, uint32_t port) {
    return d->proto == PROTO_TCP && d->port.lo <= port && port <= d->port.hi;
}

/* The address at which we talk to this node, as far as that can be told. */
static bool is_managed(const struct fw_host *h, const struct fw_net *local) {
    bool known = false;

    for (size_t i = 0; i < h->n_addr; i++) {
        if (h->addr[i].management && h->addr[i].net.v == local->v) {
            known = true;
            if (h->addr[i].net.lo == local->lo) {
                return true;
            }
        }
    }
    return !known;
}

static void add_net(struct bucket *b, const struct fw_net *n) {
    for (size_t i = 0; i < b->n_net; i++) {
        if (b->net[i].v == n->v && b->net[i].lo == n->lo && b->net[i].hi == n->hi) {
            return;
        }
    }
    if (b->n_net < ARRAY_LEN(b->net)) {
        b->net[b->n_net++] = *n;
    } else {
        b->more++;
    }
}

static void classify(const struct place *at, const struct fw_diff *d, struct bucket *b) {
    const struct fw_net *far = &d->remote;
    const struct fw_net *lan = &at->host->localnet;
    const struct fw_net *own = &at->r->own;
    bool wide = far->hi - far->lo > fw_addr_max(far->v) / 4;
    bool lan_hit = lan->v == far->v && lan->lo <= far->hi && far->lo <= lan->hi;
    bool own_hit = own->v && fw_net_has(far, own->v, own->lo);

    b->any[far->v == 6] = b->any[far->v == 6] || wide;
    b->lan = b->lan || lan_hit;
    b->own = b->own || own_hit;
    if (!wide && !(lan_hit && far->lo >= lan->lo && far->hi <= lan->hi)) {
        add_net(b, far);
    }
    b->is_api = b->is_api || is_tcp(d, 8006);
    b->is_admin = b->is_admin || is_tcp(d, 22) || is_tcp(d, 3128) || is_tcp(d, 5900);
    b->is_cluster = b->is_cluster || is_tcp(d, 60000) || is_tcp(d, 3300) || is_tcp(d, 6789) ||
                    is_tcp(d, 6800) ||
                    (d->proto == PROTO_UDP && d->port.lo >= 5404 && d->port.hi <= 5412);
    /* without our address, whoever loses the API may be us */
    if (at->is_host && d->dir == FW_IN && b->turn == TURN_LOST && is_tcp(d, 8006) &&
        is_managed(at->host, &d->local) &&
        (own_hit || (!own->v && (wide || lan_hit || far->hi - far->lo > 0)))) {
        b->lockout = true;
    }
}

static void collect(void *ctx, const struct fw_diff *d) {
    struct place *at = ctx;
    enum turn turn = d->after == FW_ACCEPT    ? TURN_GAINED
                     : d->before == FW_ACCEPT ? TURN_LOST
                                              : TURN_OTHER;

    classify(at, d, bucket_of(at, d, turn));
}

/* ---- words ---- */

static bool is_any(const struct bucket *b) {
    return b->any[0] || b->any[1];
}

static void add_text(char *ret, size_t size, const char *sep, const char *text) {
    size_t n = strlen(ret);

    (void)snprintf(ret + n, size - n, "%s%s", n ? sep : "", text);
}

static void name_remote(const struct place *at, const struct bucket *b, char *ret, size_t size) {
    char net[FW_NET_TEXT];
    char text[160];

    ret[0] = 0;
    if (is_any(b)) {
        add_text(ret, size, ", ",
                 b->any[0] && b->any[1] ? "any address"
                 : b->any[0]            ? "any IPv4 address"
                                        : "any IPv6 address");
    }
    if (b->lan) {
        fw_net_print(&at->host->localnet, net);
        (void)snprintf(text, sizeof(text), "the local network %s", net);
        add_text(ret, size, ", ", text);
    }
    if (b->own) {
        fw_net_print(&at->r->own, net);
        (void)snprintf(text, sizeof(text), "your own address %s", net);
        add_text(ret, size, ", ", text);
    }
    for (size_t i = 0; i < b->n_net && !is_any(b); i++) {
        fw_net_print(&b->net[i], net);
        add_text(ret, size, ", ", net);
    }
    if (b->more && !is_any(b)) {
        (void)snprintf(text, sizeof(text), "%u more networks", b->more);
        add_text(ret, size, ", ", text);
    }
}

static void name_why(const struct fw_why *w, char *ret, size_t size) {
    if (w->pos >= 0) {
        (void)snprintf(ret, size, "%s %d", w->what, w->pos);
    } else {
        (void)snprintf(ret, size, "%s", w->what);
    }
}

static const char *past(enum fw_verdict v) {
    static const char *const words[] = {"accepted", "dropped", "rejected"};

    return words[v];
}

static enum risk risk_of(const struct place *at, const struct bucket *b) {
    bool node = at->is_host && b->dir != FW_FORWARD;
    bool wide = b->n_net > 0 || b->lan;

    if (b->turn == TURN_OTHER) {
        return RISK_LOW;
    }
    if (b->dir == FW_OUT) {
        return b->turn == TURN_LOST ? (node ? RISK_HIGH : RISK_MEDIUM) : RISK_LOW;
    }
    if (b->turn == TURN_GAINED) {
        return is_any(b) || (node && b->is_api) ? RISK_HIGH : wide ? RISK_MEDIUM : RISK_LOW;
    }
    return node && (b->lockout || b->is_api || b->is_admin || b->is_cluster || b->own)
               ? RISK_HIGH
               : RISK_MEDIUM;
}

static const char *effect_of(const struct bucket *b) {
    if (b->lockout) {
        return "lockout";
    }
    if (b->turn == TURN_LOST) {
        return "unreachable";
    }
    return b->turn == TURN_GAINED && b->dir != FW_OUT ? "exposed" : "changed";
}

static void describe(const struct place *at, const struct bucket *b, char *ret, size_t size) {
    char remote[300];
    char before[80];
    char after[80];
    const char *to = b->dir == FW_OUT ? "to" : "from";

    name_remote(at, b, remote, sizeof(remote));
    name_why(&b->why_before, before, sizeof(before));
    name_why(&b->why_after, after, sizeof(after));
    (void)snprintf(ret, size, "%s %s: was %s (%s), will be %s (%s)%s", to, remote, past(b->before),
                   before, past(b->after), after,
                   b->lockout && !b->own ? "; your own address may be among them" : "");
}

static void tell(const struct place *at, const struct bucket *b, const char *resource,
                 const char *name, const char *node, bool running) {
    char port[40] = "";
    char via[160];
    char why[700];

    describe(at, b, why, sizeof(why));
    if (b->odd_sport && strcmp(b->service, "DHCP") != 0) {
        (void)snprintf(port, sizeof(port), " from source port %u", b->odd_sport);
    }
    (void)snprintf(via, sizeof(via), "%s%s%s%s%s", at->nic ? at->nic : "", at->nic ? " " : "",
                   b->dir == FW_OUT       ? "outgoing "
                   : b->dir == FW_FORWARD ? "forwarded "
                                          : "",
                   b->service, port);
    tally_affect(&at->r->tally, at->r->d,
                 &(struct affect){.resource = resource,
                                  .name = name,
                                  .node = node,
                                  .effect = effect_of(b),
                                  .severity = risk_of(at, b),
                                  .running = running,
                                  .via = via,
                                  .why = why});
}

static size_t weight(const struct place *at, const struct bucket *b) {
    bool node = at->is_host && b->dir != FW_FORWARD;

    return (size_t)b->lockout * 128 + (size_t)(b->dir != FW_OUT) * 64 +
           (size_t)(node && b->is_api) * 32 + (size_t)(node && b->is_admin) * 16 +
           (size_t)(node && b->is_cluster) * 8 + (size_t)(!b->is_span && !b->odd_sport) * 4 +
           (size_t)is_any(b) * 2 + (size_t)(b->turn != TURN_OTHER);
}

static int heavier(const void *a, const void *b, void *ctx) {
    const struct bucket *one = a;
    const struct bucket *two = b;
    size_t x = weight(ctx, one);
    size_t y = weight(ctx, two);

    return x != y ? (x > y ? -1 : 1) : one->order < two->order ? -1 : 1;
}

static void absorb(struct bucket *into, struct bucket *b) {
    for (size_t i = 0; i < 2; i++) {
        into->any[i] = into->any[i] || b->any[i];
    }
    into->lan = into->lan || b->lan;
    into->own = into->own || b->own;
    into->is_api = into->is_api || b->is_api;
    into->is_admin = into->is_admin || b->is_admin;
    into->is_cluster = into->is_cluster || b->is_cluster;
    for (size_t i = 0; i < b->n_net; i++) {
        add_net(into, &b->net[i]);
    }
    b->gone = true;
}

/* Where most ports of a protocol turn, the gaps between the named ones are "other ports". What a
 * rare source port meets is only worth a line when an ordinary one meets another fate. */
static void fold(struct place *at) {
    size_t n = 0;

    for (size_t i = 0; i < at->n; i++) {
        struct bucket *wide = &at->bucket[i];

        for (size_t k = 0; k < at->n; k++) {
            struct bucket *b = &at->bucket[k];
            bool twin = b->dir == wide->dir && b->turn == wide->turn && i != k && !b->gone;

            if (twin && wide->is_wide && !wide->gone && b->is_span && b->proto == wide->proto &&
                b->odd_sport == wide->odd_sport) {
                absorb(wide, b);
            } else if (twin && b->odd_sport && !wide->odd_sport &&
                       strcmp(b->service, wide->service) == 0) {
                b->gone = true;
            }
        }
    }
    for (size_t i = 0; i < at->n; i++) {
        struct bucket b = at->bucket[i];

        if (b.is_wide) {
            (void)snprintf(b.service, sizeof(b.service), "other %s ports",
                           b.proto == PROTO_TCP ? "tcp" : "udp");
        }
        if (!b.gone) {
            at->bucket[n++] = b;
        }
    }
    at->n = n;
}

/* The weightiest services one by one, the others counted: a policy that turns touches dozens. */
static void flush(struct place *at, size_t most, const char *resource, const char *name,
                  const char *node, bool running) {
    fold(at);
    if (at->n > 0) {
        at->r->any = true;
        qsort_r(at->bucket, at->n, sizeof(*at->bucket), heavier, at);
    }
    for (size_t i = 0; i < at->n && i < most; i++) {
        tell(at, &at->bucket[i], resource, name, node, running);
    }
    for (size_t i = most; i < at->n; i++) {
        struct bucket *first = &at->bucket[i];
        unsigned int n = 1;

        for (size_t k = i + 1; k < at->n && !first->gone; k++) {
            struct bucket *b = &at->bucket[k];

            if (!b->gone && b->turn == first->turn && b->dir == first->dir) {
                absorb(first, b);
                n++;
            }
        }
        if (!first->gone) {
            if (n > 1) {
                (void)snprintf(first->service, sizeof(first->service), "%u more services", n);
            }
            tell(at, first, resource, name, node, running);
        }
    }
    free(at->bucket);
}

/* Rules that lose their meaning (a name of theirs goes) look effective and are not. */
static void tell_broken(struct fw_report *r, const struct fw_chain *b, const struct fw_chain *a,
                        const char *resource, const char *what) {
    char why[240];

    if (a->unknown) {
        draft_unread(r->d, what, a->unknown_why, NULL);
    }
    if (a->broken > b->broken) {
        (void)snprintf(
            why, sizeof(why),
            "%u of its %s%s no longer take effect: %s; PVE leaves them out without a word",
            a->broken - b->broken, what, b->broken ? " more" : "", a->broken_why);
        r->any = true;
        tally_affect(&r->tally, r->d,
                     &(struct affect){.resource = resource,
                                      .effect = "degraded",
                                      .severity = RISK_MEDIUM,
                                      .via = what,
                                      .why = why});
    }
}

static void compare(struct place *at, const struct fw_place *before, const struct fw_place *after) {
    if (!fw_compare(at->r->before, before, at->r->after, after, collect, at)) {
        at->r->incomplete = true;
    }
}

void fw_report_host(struct fw_report *r, const struct fw_host *before,
                    const struct fw_host *after) {
    struct place at = {.r = r, .host = after, .is_host = true};
    char resource[80];

    (void)snprintf(resource, sizeof(resource), "node/%.63s", after->name);
    for (enum fw_dir dir = FW_IN; dir <= FW_FORWARD; dir++) {
        struct fw_place b = {.host = before, .dir = dir};
        struct fw_place a = {.host = after, .dir = dir};

        /* only the nftables firewall filters what a node forwards */
        if (dir != FW_FORWARD || before->nft || after->nft) {
            compare(&at, &b, &a);
        }
    }
    flush(&at, 12, resource, NULL, after->name, false);
    tell_broken(r, &before->rules, &after->rules, resource, "rules of the node");
}

void fw_report_guest(struct fw_report *r, const struct fw_guest *before,
                     const struct fw_guest *after) {
    static const struct fw_host nowhere = {.name = ""};
    const struct guest *g = picture_guest(r->p, after->vmid);
    const struct fw_guest *nics = after->n_nic >= before->n_nic ? after : before;
    char resource[24];

    (void)snprintf(resource, sizeof(resource), "%s/%u",
                   strcmp(after->kind, "lxc") == 0 ? "ct" : "vm", after->vmid);
    for (size_t i = 0; i < nics->n_nic; i++) {
        struct place at = {
            .r = r, .host = after->host ? after->host : &nowhere, .nic = nics->nic[i].name};

        for (enum fw_dir dir = FW_IN; dir <= FW_OUT; dir++) {
            struct fw_place b = {.guest = before, .dir = dir};
            struct fw_place a = {.guest = after, .dir = dir};

            b.nic = i < before->n_nic ? &before->nic[i] : NULL;
            a.nic = i < after->n_nic ? &after->nic[i] : NULL;
            compare(&at, &b, &a);
        }
        flush(&at, 6, resource, g ? g->name : NULL, after->host ? after->host->name : NULL,
              g && g->running);
    }
    tell_broken(r, &before->rules, &after->rules, resource, "rules of the guest");
}

void fw_report_vnet(struct fw_report *r, const struct fw_vnet *before,
                    const struct fw_vnet *after) {
    static const struct fw_host nowhere = {.name = ""};
    struct place at = {.r = r, .host = &nowhere};
    struct fw_place b = {.vnet = before, .dir = FW_FORWARD};
    struct fw_place a = {.vnet = after, .dir = FW_FORWARD};
    char resource[80];

    (void)snprintf(resource, sizeof(resource), "vnet/%.63s", after->name);
    compare(&at, &b, &a);
    flush(&at, 6, resource, NULL, NULL, false);
    tell_broken(r, &before->rules, &after->rules, resource, "rules of the vnet");
}
