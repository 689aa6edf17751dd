/* SPDX-License-Identifier: Apache-2.0 */
/* What a node's own addresses are for: our connection to the API, the cluster, corosync's links;
 * what else is reached by them is in network_reach.c. Each is looked for before and after; what it
 * is reached through decides. Only asked when an address or its way out differs at all. */
#include "proximo-client/blast/network_roles.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"

static void roles_done(struct roles *r) {
    net_addrs_done(&r->before);
    net_addrs_done(&r->after);
}

static const char *iface_of(const struct net_path *p) {
    return p->found ? p->by.iface : "";
}

static void outcome(struct outcome *o, enum fare fare, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void outcome(struct outcome *o, enum fare fare, const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(o->why, sizeof(o->why), fmt, ap);
    va_end(ap);
    o->fare = fare;
}

static void by_wires(const struct roles *r, const struct net_path *b, const struct net_path *a,
                     struct outcome *o) {
    CLEANUP(js_freep) js *was = net_wires(&r->c->before, b->by.iface);
    CLEANUP(js_freep) js *now = net_wires(&r->c->after, a->by.iface);
    char from[80];
    char to[80];

    net_words(was, from, sizeof(from));
    net_words(now, to, sizeof(to));
    switch (net_turn(was, now)) {
    case NET_CUT:
        outcome(o, FARE_CUT, "%s has no way out any more (was %s)", a->by.iface, from);
        break;
    case NET_MOVED:
        outcome(o, FARE_CUT, "%s leads to %s instead of %s", a->by.iface, to, from);
        break;
    case NET_FEWER:
        outcome(o, FARE_LESS, "%s has only %s left of %s", a->by.iface, to, from);
        break;
    case NET_WIDER:
        outcome(o, FARE_CHANGED, "%s leads to %s, was %s", a->by.iface, to, from);
        break;
    case NET_SAME:
    default:
        break;
    }
}

/* By the same wires, or more of them: another router, other sizes, another prefix. */
static void by_size(const struct roles *r, const struct net_path *b, const struct net_path *a,
                    struct outcome *o) {
    int64_t was = net_mtu(&r->c->before, b->by.iface);
    int64_t now = net_mtu(&r->c->after, a->by.iface);

    if (a->routed && (!b->routed || strcmp(a->by.gateway, b->by.gateway) != 0)) {
        outcome(o, FARE_LESS, "it goes by the gateway %.40s then", a->by.gateway);
    } else if (now < was) {
        outcome(o, FARE_LESS, "packets over %lld bytes do not get through any more",
                (long long)now);
    } else if (o->fare == FARE_SAME && now > was) {
        outcome(o, FARE_CHANGED, "packets up to %lld bytes need a network that carries them",
                (long long)now);
    } else if (o->fare == FARE_SAME && !b->routed && !a->routed &&
               (a->by.net.lo != b->by.net.lo || a->by.net.hi != b->by.net.hi)) {
        outcome(o, FARE_CHANGED, "its prefix is another one");
    }
}

/* From one way to the other. */
static struct outcome fare(const struct roles *r, const struct net_path *b,
                           const struct net_path *a) {
    struct outcome o = {FARE_SAME, iface_of(b), ""};

    if (!b->found) {
        return o;
    }
    if (!a->found) {
        outcome(&o, FARE_CUT, "%s does not carry it any more", b->by.iface);
        return o;
    }
    by_wires(r, b, a, &o);
    if (o.fare < FARE_LESS) {
        by_size(r, b, a, &o);
    }
    return o;
}

struct outcome net_fare_own(const struct roles *r, const char *address) {
    const struct net_path b = net_path_own(&r->before, address);
    const struct net_path a = net_path_own(&r->after, address);

    return fare(r, &b, &a);
}

struct outcome net_fare_to(const struct roles *r, const char *address) {
    const struct net_path b = net_path_to(&r->before, address);
    const struct net_path a = net_path_to(&r->after, address);

    return fare(r, &b, &a);
}

struct outcome net_worse(struct outcome a, struct outcome b) {
    return b.fare > a.fare ? b : a;
}

/* Each own address in a network; one that goes may be followed by another one there. */
struct outcome net_fare_subnet(const struct roles *r, const char *network) {
    struct outcome o = {FARE_SAME, "", ""};
    const struct net_path next = net_path_subnet(&r->after, network);
    struct fw_net want;

    for (size_t i = 0; fw_net_parse(network, &want) && i < r->before.n; i++) {
        const struct net_path b = {.found = true, .by = r->before.v[i]};
        struct net_path a = next;

        if (!fw_net_has(&want, b.by.net.v, b.by.own)) {
            continue;
        }
        for (size_t k = 0; k < r->after.n; k++) {
            if (r->after.v[k].net.v == b.by.net.v && r->after.v[k].own == b.by.own) {
                a = (struct net_path){.found = true, .by = r->after.v[k]};
            }
        }
        o = net_worse(o, fare(r, &b, &a));
    }
    return o;
}

/* One effect for each grade; NULL = not worth a word. */
void net_say_role(struct roles *r, const struct outcome *o, const char *what,
                  const char *cut_effect, enum risk cut_risk) {
    const struct affect a = {.resource = r->node,
                             .node = r->c->before.node,
                             .effect = o->fare == FARE_CUT    ? cut_effect
                                       : o->fare == FARE_LESS ? "degraded"
                                                              : "changed",
                             .severity = o->fare == FARE_CUT    ? cut_risk
                                         : o->fare == FARE_LESS ? RISK_MEDIUM
                                                                : RISK_LOW,
                             .via = o->via,
                             .why = ""};

    if (o->fare != FARE_SAME) {
        net_hit(r->c, &a, "%s: %s", what, o->why);
    }
}

/* ---- us, and the cluster ---- */

static const js *status_of(const struct roles *r) {
    const js *list = picture_answer(r->c->p, "/cluster/status", NULL);

    for (size_t i = 0; i < js_len(list); i++) {
        const js *o = js_at(list, i);

        if (strcmp(js_str_or(o, "type", ""), "node") == 0 &&
            strcmp(js_str_or(o, "name", ""), r->c->before.node) == 0) {
            return o;
        }
    }
    return NULL;
}

/* The node's way back to us, which another gateway may not know. */
static struct outcome fare_back(const struct roles *r, const char *client) {
    struct outcome o = net_fare_to(r, client);

    if (o.fare == FARE_LESS && net_path_to(&r->after, client).routed) {
        o.fare = FARE_CUT;
    }
    return o;
}

/* The node that answers us: its address that we connect to, and its way back to us. */
static void our_connection(struct roles *r, const js *status) {
    const struct blast_way *way = r->c->way;
    const char *server = way && way->server ? way->server : "";
    const char *client = way && way->client ? way->client : "";
    struct outcome there;
    struct outcome back;

    if (status && !js_bool_or(status, "local", false)) {
        return; /* another node answers us, and reaches this one by the cluster's network */
    }
    if (!net_path_own(&r->before, server).found) {
        draft_unread(r->c->d, "which interface carries our own connection",
                     server[0] ? "the API is reached by an address that is none of the node's (a "
                                 "tunnel, a proxy)"
                               : "it is not known",
                     NULL);
        server = js_str_or(status, "ip", "");
        client = "";
    }
    there = net_fare_own(r, server);
    back = fare_back(r, client);
    net_say_role(r, back.fare > there.fare ? &back : &there, "our own connection to the API",
                 "lockout", RISK_HIGH);
}

static void halt_ha(struct roles *r) {
    const struct guest *g;
    size_t n = picture_guests(r->c->p, &g);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(g[i].node, r->c->before.node) == 0 && g[i].running &&
            picture_ha_recovers(r->c->p, &g[i])) {
            const struct affect a = {.resource = g[i].resource,
                                     .name = g[i].name,
                                     .node = g[i].node,
                                     .effect = "halted",
                                     .severity = RISK_HIGH,
                                     .running = true,
                                     .via = "HA",
                                     .why = ""};

            net_hit(r->c, &a,
                    "the node fences itself without quorum; HA starts the guest elsewhere");
        }
    }
}

/* "ring0_addr": an address, or a name, which is the node's own or cannot be looked up from here. */
static const char *link_address(const struct roles *r, const char *text, const js *status) {
    struct fw_net one;

    if (fw_net_parse(text, &one)) {
        return text;
    }
    return strcmp(text, r->c->before.node) == 0 ? js_str_or(status, "ip", NULL) : NULL;
}

static void corosync(struct roles *r, const js *status) {
    const js *list = picture_answer(r->c->p, "/cluster/config/nodes", NULL);
    const js *me = list_row(list, "node", r->c->before.node);
    unsigned int links = 0;
    unsigned int left = 0;

    me = me ? me : list_row(list, "name", r->c->before.node);
    for (int say = 0; say < 2; say++) {
        JS_FOREACH(me, key, value) {
            const char *text = js_is_str(value) ? json_object_get_string(value) : "";
            const char *address;
            struct outcome o;
            char what[60];

            if (strncmp(key, "ring", 4) != 0 || !strstr(key, "_addr")) {
                continue;
            }
            address = link_address(r, text, status);
            o = address ? net_fare_own(r, address) : (struct outcome){FARE_SAME, "", ""};
            (void)snprintf(what, sizeof(what), "corosync's link %.1s", key + 4);
            if (say) {
                net_say_role(r, &o, what, left ? "degraded" : "unreachable",
                             left ? RISK_MEDIUM : RISK_HIGH);
            } else if (!address) {
                draft_unread(r->c->d, what, "its address is a name, which cannot be looked up here",
                             NULL);
                left++;
            } else {
                links += net_path_own(&r->before, address).found;
                left += o.fare != FARE_CUT && net_path_own(&r->before, address).found;
            }
        }
    }
    if (links && !left && js_len(list) > 1) {
        halt_ha(r);
    }
}

/* ---- together ---- */

/* Whether any address, its prefix, its gateway or its way out differs. */
static bool differs(const struct roles *r, const struct net_addrs *from,
                    const struct net_addrs *to) {
    for (size_t i = 0; i < from->n; i++) {
        const struct net_addr *x = &from->v[i];
        struct net_path other = {0};
        struct net_path mine = {.found = true, .by = *x};

        for (size_t k = 0; k < to->n; k++) {
            if (to->v[k].net.v == x->net.v && to->v[k].own == x->own) {
                other = (struct net_path){.found = true, .by = to->v[k]};
            }
        }
        if (!other.found || strcmp(other.by.gateway, x->gateway) != 0 ||
            (from == &r->before && fare(r, &mine, &other).fare != FARE_SAME)) {
            return true;
        }
    }
    return false;
}

void net_compare_roles(struct net_case *c) {
    CLEANUP(roles_done) struct roles r = {.c = c};
    const js *status;

    net_addrs_new(&c->before, &r.before);
    net_addrs_new(&c->after, &r.after);
    (void)snprintf(r.node, sizeof(r.node), "node/%.63s", c->before.node);
    if (!differs(&r, &r.before, &r.after) && !differs(&r, &r.after, &r.before)) {
        return;
    }
    status = status_of(&r);
    our_connection(&r, status);
    if (status) {
        struct outcome o = net_fare_own(&r, js_str_or(status, "ip", ""));

        net_say_role(&r, &o, "the address that the cluster knows it by", "unreachable", RISK_HIGH);
    }
    corosync(&r, status);
    net_compare_reach(&r);
}
