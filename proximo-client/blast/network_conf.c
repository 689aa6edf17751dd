/* SPDX-License-Identifier: Apache-2.0 */
/* A node's interfaces as a model: what each is made of, where its frames leave the node, how large
 * they may be. Loops and depths that no node has are cut, not followed. */
#include "proximo-client/blast/network.h"

#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"

#define DEPTH 12  /* of interfaces upon interfaces; real ones have four or five */
#define STEPS 600 /* of one walk: a list in which everything rests on everything ends, too */
#define CHAIN 400 /* interfaces that one may rest on */

const js *net_iface(const struct net_side *s, const char *name) {
    return list_row(s->ifs, "iface", name);
}

const js *net_vnet(const struct net_side *s, const char *name) {
    const js *vnet = list_row(s->vnets, "vnet", name);
    const js *zone = list_row(s->zones, "zone", js_str_or(vnet, "zone", ""));

    /* the same key "nodes" as a storage's */
    return zone && store_on_node(zone, s->node) ? vnet : NULL;
}

static bool is_type(const js *iface, const char *type) {
    return strcmp(js_str_or(iface, "type", ""), type) == 0;
}

/* "eno1.5" and "eth0:1" name what they rest on. */
static size_t base_len(const char *name) {
    const char *dot = strrchr(name, '.');
    const char *colon = strrchr(name, ':');

    return colon ? (size_t)(colon - name) : dot ? (size_t)(dot - name) : 0;
}

/* What a VLAN, an alias or an internal port rests on; "" for anything else. */
static void raw_of(const js *iface, const char *name, char *ret, size_t size) {
    const char *raw = js_str_or(iface, "vlan-raw-device", "");

    ret[0] = '\0';
    if (is_type(iface, "OVSIntPort") || is_type(iface, "OVSPort") || is_type(iface, "OVSBond")) {
        raw = is_type(iface, "OVSIntPort") ? js_str_or(iface, "ovs_bridge", "") : "";
    } else if (!raw[0] && (!iface || is_type(iface, "vlan") || is_type(iface, "alias"))) {
        (void)snprintf(ret, size, "%.*s", (int)base_len(name), name);
        return;
    }
    (void)snprintf(ret, size, "%s", raw);
}

static int64_t tag_of(const js *iface, const char *name) {
    const char *dot = strrchr(name, '.');
    uint32_t tag = 0;

    if (is_type(iface, "alias")) {
        return 0;
    }
    if (js_get(iface, "vlan-id") || js_get(iface, "ovs_tag")) {
        return js_int_or(iface, "vlan-id", js_int_or(iface, "ovs_tag", 0));
    }
    if (dot && ident_u32(dot + 1, &tag) == 0) {
        return tag;
    }
    return strncmp(name, "vlan", 4) == 0 && ident_u32(name + 4, &tag) == 0 ? tag : 0;
}

void net_parts(const js *iface, void (*f)(void *ctx, const char *name), void *ctx) {
    static const char *const keys[] = {"bridge_ports", "slaves", "ovs_ports", "ovs_bonds"};
    const char *name = js_str_or(iface, "iface", "");
    char raw[64];

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        words_each(js_str_or(iface, keys[i], ""), f, ctx);
    }
    raw_of(iface, name, raw, sizeof(raw));
    if (raw[0]) {
        f(ctx, raw);
    }
}

struct walk {
    const struct net_side *s;
    js *out;
    unsigned int depth;
    unsigned int *steps; /* of all of the walk */
    bool of_bridge;      /* ports of a bridge: internal ports rest on it, not it on them */
};

static void wires_into(struct walk *w, const char *name);

static void wires_part(void *ctx, const char *name) {
    struct walk *w = ctx;

    if (!(w->of_bridge && is_type(net_iface(w->s, name), "OVSIntPort"))) {
        struct walk below = {.s = w->s, .out = w->out, .depth = w->depth + 1, .steps = w->steps};

        wires_into(&below, name);
    }
}

/* Everything that `from` reaches, below a tag. */
static void add_tagged(struct walk *w, const char *from, int64_t tag) {
    CLEANUP(js_freep) js *raw = js_object();
    struct walk below = {.s = w->s, .out = raw, .depth = w->depth + 1, .steps = w->steps};

    wires_into(&below, from);
    JS_FOREACH(raw, wire, one) {
        char tagged[160];

        (void)one;
        (void)snprintf(tagged, sizeof(tagged), tag ? "%.120s.%lld" : "%.120s", wire,
                       (long long)tag);
        js_add(w->out, tagged, js_int(1));
    }
}

/* A vnet leaves by the bridge of its zone, by tunnels, or by routing alone. */
static void wires_of_vnet(struct walk *w, const js *vnet) {
    const js *zone = list_row(w->s->zones, "zone", js_str_or(vnet, "zone", ""));
    const char *type = js_str_or(zone, "type", "");
    const char *bridge = js_str_or(zone, "bridge", "");
    long long tag = (long long)js_int_or(vnet, "tag", 0);
    char wire[160];

    if (strcmp(type, "vlan") == 0) {
        add_tagged(w, bridge, tag);
        return;
    }
    if (strcmp(type, "qinq") == 0) {
        CLEANUP(js_freep) js *outer = js_object();
        struct walk below = {.s = w->s, .out = outer, .depth = w->depth + 1, .steps = w->steps};

        add_tagged(&below, bridge, js_int_or(zone, "tag", 0));
        JS_FOREACH(outer, one, v) {
            (void)v;
            (void)snprintf(wire, sizeof(wire), tag ? "%.120s.%lld" : "%.120s", one, tag);
            js_add(w->out, wire, js_int(1));
        }
        return;
    }
    if (strcmp(type, "vxlan") == 0 || strcmp(type, "evpn") == 0) {
        (void)snprintf(wire, sizeof(wire), "%s.%lld", type, tag);
    } else {
        (void)snprintf(wire, sizeof(wire), "host.%.60s", js_str_or(vnet, "zone", ""));
    }
    js_add(w->out, wire, js_int(1));
}

static bool is_made_of_parts(const js *iface) {
    return is_type(iface, "bridge") || is_type(iface, "bond") || is_type(iface, "OVSBridge") ||
           is_type(iface, "OVSBond");
}

static void wires_into(struct walk *w, const char *name) {
    const js *iface = net_iface(w->s, name);
    const js *vnet = iface ? NULL : net_vnet(w->s, name);
    char raw[64];

    if (w->depth > DEPTH) {
        *w->steps = STEPS;
    }
    if (*w->steps >= STEPS) {
        return;
    }
    ++*w->steps;
    raw_of(iface, name, raw, sizeof(raw));
    if (vnet) {
        wires_of_vnet(w, vnet);
    } else if (is_made_of_parts(iface)) {
        w->of_bridge = is_type(iface, "bridge") || is_type(iface, "OVSBridge");
        net_parts(iface, wires_part, w);
    } else if (raw[0] && (iface || net_iface(w->s, raw))) {
        add_tagged(w, raw, tag_of(iface, name));
    } else if (iface) {
        js_add(w->out, name, js_int(1));
    }
}

js *net_wires(const struct net_side *s, const char *name) {
    unsigned int steps = 0;
    struct walk w = {.s = s, .out = js_object(), .steps = &steps};

    wires_into(&w, name);
    return w.out;
}

bool net_is_tangled(const struct net_side *s) {
    bool cut = js_len(s->ifs) > CHAIN;

    for (size_t i = 0; !cut && i < js_len(s->ifs); i++) {
        unsigned int steps = 0;
        CLEANUP(js_freep) js *out = js_object();
        struct walk w = {.s = s, .out = out, .steps = &steps};

        wires_into(&w, js_str_or(js_at(s->ifs, i), "iface", ""));
        cut = steps >= STEPS;
    }
    return cut;
}

static void chain_into(void *ctx, const char *name) {
    struct walk *w = ctx;
    const js *iface = net_iface(w->s, name);
    const js *vnet = iface ? NULL : net_vnet(w->s, name);
    char raw[64];

    if (js_get(w->out, name) || w->depth > CHAIN) {
        return;
    }
    w->depth++;
    js_add(w->out, name, js_int(1));
    if (vnet) {
        const js *zone = list_row(w->s->zones, "zone", js_str_or(vnet, "zone", ""));

        if (js_get(zone, "bridge")) {
            chain_into(w, js_str_or(zone, "bridge", ""));
        }
    } else if (iface) {
        net_parts(iface, chain_into, w);
    } else {
        raw_of(NULL, name, raw, sizeof(raw));
        if (raw[0]) {
            chain_into(w, raw);
        }
    }
}

js *net_chain(const struct net_side *s, const char *name) {
    struct walk w = {.s = s, .out = js_object()};

    chain_into(&w, name);
    return w.out;
}

/* A vnet's own size: what its zone says, and what a tunnel's head leaves of it. */
static int64_t vnet_mtu(const struct net_side *s, const js *vnet) {
    const js *zone = list_row(s->zones, "zone", js_str_or(vnet, "zone", ""));
    const char *type = js_str_or(zone, "type", "");
    bool is_tunnel = strcmp(type, "vxlan") == 0 || strcmp(type, "evpn") == 0;

    return js_int_or(zone, "mtu", is_tunnel ? 1450 : INT64_MAX);
}

int64_t net_mtu(const struct net_side *s, const char *name) {
    CLEANUP(js_freep) js *chain = net_chain(s, name);
    int64_t least = INT64_MAX;

    JS_FOREACH(chain, part, one) {
        const js *iface = net_iface(s, part);
        const js *vnet = iface ? NULL : net_vnet(s, part);
        int64_t mtu = vnet    ? vnet_mtu(s, vnet)
                      : iface ? js_int_or(iface, "mtu", INT64_MAX)
                              : INT64_MAX;

        (void)one;
        least = mtu < least ? mtu : least;
    }
    return least == INT64_MAX ? 1500 : least;
}

js *net_up(const struct net_side *s) {
    struct walk w = {.s = s, .out = js_object()};

    for (size_t i = 0; i < js_len(s->ifs); i++) {
        const js *iface = js_at(s->ifs, i);

        if (js_bool_or(iface, "autostart", false) || is_type(iface, "OVSIntPort") ||
            is_type(iface, "OVSPort") || is_type(iface, "OVSBond")) {
            w.depth = 0;
            chain_into(&w, js_str_or(iface, "iface", ""));
        }
    }
    return w.out;
}

bool net_vids_have(const char *vids, uint32_t tag) {
    for (const char *p = vids; *p;) {
        size_t n = strcspn(p, ",; ");
        size_t dash = strcspn(p, "-");
        char lo[16];
        char hi[16];
        uint32_t a;
        uint32_t b;

        (void)snprintf(lo, sizeof(lo), "%.*s", (int)(dash < n ? dash : n), p);
        (void)snprintf(hi, sizeof(hi), "%.*s", dash < n ? (int)(n - dash - 1) : (int)n,
                       dash < n ? p + dash + 1 : p);
        if (ident_u32(lo, &a) == 0 && ident_u32(hi, &b) == 0 && tag >= a && tag <= b) {
            return true;
        }
        p += n + (p[n] != '\0');
    }
    return false;
}
