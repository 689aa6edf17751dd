/* SPDX-License-Identifier: Apache-2.0 */
/* Guests whose network cards fare otherwise: their bridge or vnet goes, loses its way out, is
 * plugged into another wire, lets other VLANs through, or carries smaller packets; and guests whose
 * gateway was an address of the node. One finding a card: the worst. */
#include "proximo-client/blast/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/config_int.h"

/* What a card is plugged into, on one side. */
struct plug {
    const js *iface, *vnet; /* one of them, or none: it is not there */
    bool there, filters;
    const char *vids;
    int64_t mtu;
    js *wires, *chain;
};

/* The same bridge on both sides; many cards share it. */
struct bridge {
    char name[64];
    struct plug before, after;
    enum net_turn turn;
    char was[100], now[100]; /* wires in words */
    bool mode;               /* a bond below it works in another way */
};

struct look {
    struct net_case *c;
    js *up_before, *up_after;
    struct net_addrs addrs_before, addrs_after;
    struct bridge *bridge;
    size_t n;
};

static void plug_of(const struct net_side *s, const js *up, const char *name, struct plug *ret) {
    *ret = (struct plug){.iface = net_iface(s, name), .vids = "2-4094"};
    ret->vnet = ret->iface ? NULL : net_vnet(s, name);
    ret->there = ret->vnet || (ret->iface && js_get(up, name));
    ret->filters = js_bool_or(ret->iface, "bridge_vlan_aware", false) ||
                   js_bool_or(ret->vnet, "vlanaware", false);
    ret->vids = js_str_or(ret->iface, "bridge_vids", ret->vids);
    ret->mtu = net_mtu(s, name);
    ret->wires = net_wires(s, name);
    ret->chain = net_chain(s, name);
}

static bool other_mode(const struct net_case *c, const struct bridge *b) {
    static const char *const keys[] = {"bond_mode", "ovs_options", "bond-primary", "slaves"};

    JS_FOREACH(b->after.chain, name, one) {
        const js *was = net_iface(&c->before, name);
        const js *now = net_iface(&c->after, name);

        (void)one;
        for (size_t i = 0; was && now && i < ARRAY_LEN(keys) - 1; i++) {
            if (strcmp(js_str_or(was, keys[i], ""), js_str_or(now, keys[i], "")) != 0) {
                return true;
            }
        }
    }
    return false;
}

static const struct bridge *bridge_of(struct look *l, const char *name) {
    struct bridge *more;
    struct bridge *b;

    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->bridge[i].name, name) == 0) {
            return &l->bridge[i];
        }
    }
    more = reallocarray(l->bridge, l->n + 1, sizeof(*l->bridge));
    if (!more) {
        abort();
    }
    l->bridge = more;
    b = &l->bridge[l->n++];
    *b = (struct bridge){.mode = false};
    (void)snprintf(b->name, sizeof(b->name), "%s", name);
    plug_of(&l->c->before, l->up_before, name, &b->before);
    plug_of(&l->c->after, l->up_after, name, &b->after);
    /* a bridge that nothing brings up on either side runs because somebody brought it up by hand */
    if (b->before.iface && b->after.iface && !b->before.there && !b->after.there) {
        b->before.there = b->after.there = true;
    }
    b->turn = net_turn(b->before.wires, b->after.wires);
    net_words(b->before.wires, b->was, sizeof(b->was));
    net_words(b->after.wires, b->now, sizeof(b->now));
    b->mode = other_mode(l->c, b);
    return b;
}

static void look_done(struct look *l) {
    for (size_t i = 0; i < l->n; i++) {
        js_freep(&l->bridge[i].before.wires);
        js_freep(&l->bridge[i].before.chain);
        js_freep(&l->bridge[i].after.wires);
        js_freep(&l->bridge[i].after.chain);
    }
    free(l->bridge);
    net_addrs_done(&l->addrs_before);
    net_addrs_done(&l->addrs_after);
    js_freep(&l->up_before);
    js_freep(&l->up_after);
}

/* ---- one card ---- */

struct card {
    struct look *l;
    const struct guest *g;
    const char *key;
    uint32_t tag;
    char trunks[200];
    const struct bridge *b;
};

static void hit(const struct card *k, const char *effect, enum risk severity, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void hit(const struct card *k, const char *effect, enum risk severity, const char *fmt,
                ...) {
    const struct affect a = {.resource = k->g->resource,
                             .name = k->g->name,
                             .node = k->g->node,
                             .effect = k->g->template ? "degraded" : effect,
                             .severity = k->g->template ? RISK_LOW : severity,
                             .running = k->g->running,
                             .via = k->key,
                             .why = ""};
    char why[280];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    net_hit(k->l->c, &a, "%s", why);
}

/* A card that is cut off hurts a guest that runs; one that is off finds out when it starts. */
static enum risk cut(const struct card *k) {
    return k->g->running ? RISK_HIGH : RISK_MEDIUM;
}

static bool passes(const struct card *k, const struct plug *p) {
    return !p->filters || !k->tag || net_vids_have(p->vids, k->tag);
}

static bool card_gone(const struct card *k) {
    const struct bridge *b = k->b;

    if (!b->before.there || b->after.there) {
        return false;
    }
    if (k->g->running) {
        hit(k, "unreachable", RISK_HIGH, "%s goes, and the guest's card with it",
            b->before.vnet ? "its vnet" : b->name);
    } else {
        hit(k, "wont-boot", RISK_HIGH, "there is no %s to plug it into any more", b->name);
    }
    return true;
}

static bool card_vlan(const struct card *k) {
    const struct bridge *b = k->b;
    bool tagged = k->tag || k->trunks[0];

    if (passes(k, &b->before) && !passes(k, &b->after)) {
        hit(k, "unreachable", cut(k), "%s does not let VLAN %u through any more", b->name, k->tag);
    } else if (tagged && b->before.filters && !b->after.filters && b->after.iface) {
        hit(k, "exposed", RISK_HIGH,
            "%s does not keep VLANs apart any more: until it is plugged in again its frames go "
            "untagged",
            b->name);
    } else if (tagged && b->before.filters && !b->after.filters) {
        hit(k, "unreachable", cut(k), "%s does not let VLANs through any more", b->name);
    } else if (tagged && !b->before.filters && b->after.filters && k->g->running) {
        hit(k, "degraded", RISK_MEDIUM,
            "%s keeps VLANs apart from then on: VLAN %u may only work after it is plugged in again",
            b->name, k->tag);
    } else {
        return false;
    }
    return true;
}

static bool card_wire(const struct card *k) {
    const struct bridge *b = k->b;

    switch (b->turn) {
    case NET_CUT:
        hit(k, "unreachable", cut(k), "%s has no way out any more (was %s)", b->name, b->was);
        return true;
    case NET_MOVED:
        hit(k, "exposed", RISK_HIGH, "%s goes from %s to %s: another network", b->name, b->was,
            b->now);
        return true;
    case NET_WIDER:
        hit(k, "exposed", RISK_HIGH, "%s leads to %s then, was %s", b->name, b->now, b->was);
        return true;
    case NET_FEWER:
        hit(k, "degraded", RISK_MEDIUM, "%s has only %s left of %s", b->name, b->now, b->was);
        return true;
    case NET_SAME:
    default:
        return false;
    }
}

static void card_rest(const struct card *k) {
    const struct bridge *b = k->b;
    bool was_apart = js_bool_or(b->before.vnet, "isolate-ports", false);
    bool is_apart = js_bool_or(b->after.vnet, "isolate-ports", false);

    if (was_apart && !is_apart) {
        hit(k, "exposed", RISK_MEDIUM, "guests on %s can reach each other then", b->name);
    } else if (!was_apart && is_apart) {
        hit(k, "degraded", RISK_MEDIUM, "guests on %s cannot reach each other any more", b->name);
    } else if (b->after.mtu < b->before.mtu) {
        hit(k, "degraded", RISK_MEDIUM, "packets over %lld bytes do not get through %s any more",
            (long long)b->after.mtu, b->name);
    } else if (b->mode && k->g->running) {
        hit(k, "interrupted", RISK_MEDIUM, "a bond below %s is set up anew", b->name);
    }
}

static void one_card(struct look *l, const struct guest *g, const char *key, const char *value) {
    struct card k = {.l = l, .g = g, .key = key};
    char name[64];
    char tag[16];

    if (!config_option(value, "bridge", name, sizeof(name))) {
        return;
    }
    if (config_option(value, "tag", tag, sizeof(tag))) {
        (void)ident_u32(tag, &k.tag);
    }
    (void)config_option(value, "trunks", k.trunks, sizeof(k.trunks));
    k.b = bridge_of(l, name);
    if (!k.b->before.there || card_gone(&k) || card_vlan(&k) || card_wire(&k)) {
        return;
    }
    card_rest(&k);
}

/* ---- gateways ---- */

/* Addresses of the node, or of subnets of vnets, that are no more. */
static bool was_gateway(const struct look *l, const char *address) {
    return (net_path_own(&l->addrs_before, address).found &&
            !net_path_own(&l->addrs_after, address).found) ||
           (list_row(l->c->before.subnets, "gateway", address) &&
            !list_row(l->c->after.subnets, "gateway", address));
}

static void one_gateway(struct look *l, const struct guest *g, const char *key, const char *value,
                        const char *option) {
    const struct card k = {.l = l, .g = g, .key = key};
    char address[64];

    if (config_option(value, option, address, sizeof(address)) && was_gateway(l, address)) {
        hit(&k, "degraded", RISK_MEDIUM, "its gateway %s is gone then", address);
    }
}

static void one_guest(struct look *l, const struct guest *g) {
    bool is_ct = strcmp(g->kind, "lxc") == 0;

    JS_FOREACH(g->cfg, key, value) {
        if (!js_is_str(value) || !key_is(key, "net") || strcmp(key, "net") == 0) {
            if (js_is_str(value) && key_is(key, "ipconfig")) {
                one_gateway(l, g, key, json_object_get_string(value), "gw");
                one_gateway(l, g, key, json_object_get_string(value), "gw6");
            }
            continue;
        }
        one_card(l, g, key, json_object_get_string(value));
        if (is_ct) {
            one_gateway(l, g, key, json_object_get_string(value), "gw");
            one_gateway(l, g, key, json_object_get_string(value), "gw6");
        }
    }
}

void net_compare_guests(struct net_case *c) {
    CLEANUP(look_done)
    struct look l = {.c = c, .up_before = net_up(&c->before), .up_after = net_up(&c->after)};
    const struct guest *g;
    size_t n = picture_guests(c->p, &g);

    net_addrs_new(&c->before, &l.addrs_before);
    net_addrs_new(&c->after, &l.addrs_after);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(g[i].node, c->before.node) == 0) {
            one_guest(&l, &g[i]);
        }
    }
}
