/* SPDX-License-Identifier: Apache-2.0 */
/* What a node's own addresses are for: our connection to the API, the cluster, corosync's links,
 * Ceph, migration, storages, tunnels. Each is looked for before and after; what it is reached
 * through decides. Only asked when an address or its way out differs at all. */
#include "proximo-client/blast/network.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/config_int.h"

struct roles {
    struct net_case *c;
    struct net_addrs before, after;
    char node[80]; /* "node/c1" */
};

static void roles_done(struct roles *r) {
    net_addrs_done(&r->before);
    net_addrs_done(&r->after);
}

/* How far it is from what it was. */
enum fare { FARE_SAME, FARE_CHANGED, FARE_LESS, FARE_CUT };
struct outcome {
    enum fare fare;
    const char *via;
    char why[200];
};

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

static struct outcome fare_own(const struct roles *r, const char *address) {
    const struct net_path b = net_path_own(&r->before, address);
    const struct net_path a = net_path_own(&r->after, address);

    return fare(r, &b, &a);
}

static struct outcome fare_to(const struct roles *r, const char *address) {
    const struct net_path b = net_path_to(&r->before, address);
    const struct net_path a = net_path_to(&r->after, address);

    return fare(r, &b, &a);
}

static struct outcome worse(struct outcome a, struct outcome b) {
    return b.fare > a.fare ? b : a;
}

/* Each own address in a network; one that goes may be followed by another one there. */
static struct outcome fare_subnet(const struct roles *r, const char *network) {
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
        o = worse(o, fare(r, &b, &a));
    }
    return o;
}

/* One effect for each grade; NULL = not worth a word. */
static void say_role(struct roles *r, const struct outcome *o, const char *what,
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
    struct outcome o = fare_to(r, client);

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
    there = fare_own(r, server);
    back = fare_back(r, client);
    say_role(r, back.fare > there.fare ? &back : &there, "our own connection to the API", "lockout",
             RISK_HIGH);
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
            o = address ? fare_own(r, address) : (struct outcome){FARE_SAME, "", ""};
            (void)snprintf(what, sizeof(what), "corosync's link %.1s", key + 4);
            if (say) {
                say_role(r, &o, what, left ? "degraded" : "unreachable",
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

/* ---- storages ---- */

static void hit_volumes(struct roles *r, const char *storage, const char *via, enum fare fare) {
    const struct guest *g;
    size_t n = picture_guests(r->c->p, &g);

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; strcmp(g[i].node, r->c->before.node) == 0 && k < g[i].vols.n; k++) {
            const struct volume *v = &g[i].vols.v[k];
            const struct affect a = {.resource = g[i].resource,
                                     .name = g[i].name,
                                     .node = g[i].node,
                                     .effect = fare == FARE_CUT ? "unreachable" : "degraded",
                                     .severity =
                                         fare == FARE_CUT && g[i].running ? RISK_HIGH : RISK_MEDIUM,
                                     .running = g[i].running,
                                     .via = v->key,
                                     .why = ""};

            if (v->kind == VOLUME_STORAGE && strcmp(v->storage, storage) == 0 && !v->unused) {
                net_hit(r->c, &a, "it is on %s, which is behind %s", storage, via);
            }
        }
    }
}

struct peers {
    struct roles *r;
    unsigned int n, cut, names;
    struct outcome worst;
};

/* "10.0.0.1:3260", "[fd00::1]:6789", "fd00::1" */
static void one_peer(void *ctx, const char *word) {
    struct peers *p = ctx;
    char host[64];
    const char *colon = strchr(word, ':');
    struct fw_net net;
    struct outcome o;

    if (word[0] == '[') {
        (void)snprintf(host, sizeof(host), "%.*s", (int)strcspn(word + 1, "]"), word + 1);
    } else if (colon && !strchr(colon + 1, ':')) {
        (void)snprintf(host, sizeof(host), "%.*s", (int)(colon - word), word);
    } else {
        (void)snprintf(host, sizeof(host), "%s", word);
    }
    p->n++;
    if (!fw_net_parse(host, &net)) {
        p->names++;
        return;
    }
    o = fare_to(p->r, host);
    p->cut += o.fare == FARE_CUT;
    p->worst = worse(p->worst, o);
}

static void one_store(struct roles *r, const struct store *s) {
    static const char *const keys[] = {"server", "server2", "portal", "monhost"};
    struct peers p = {.r = r, .worst = {FARE_SAME, "", ""}};
    char what[120];

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        words_each(js_str_or(s->def, keys[i], ""), one_peer, &p);
    }
    (void)snprintf(what, sizeof(what), "storage %.60s", s->id);
    if (p.names) {
        char text[200];

        (void)snprintf(text, sizeof(text), "how %.40s reaches %s", r->c->before.node, what);
        draft_unread(r->c->d, text, "its server is a name, which cannot be looked up here", NULL);
    }
    if (p.worst.fare == FARE_CUT && p.cut < p.n) {
        p.worst.fare = FARE_LESS; /* others of its servers are still reached */
    }
    say_role(r, &p.worst, what, "unreachable", RISK_HIGH);
    if (p.worst.fare >= FARE_LESS) {
        hit_volumes(r, s->id, p.worst.via, p.worst.fare);
    }
}

static void storages(struct roles *r) {
    const struct store *s;
    size_t n = picture_stores(r->c->p, &s);

    for (size_t i = 0; i < n; i++) {
        if (store_usable(&s[i], r->c->before.node)) {
            one_store(r, &s[i]);
        }
    }
}

/* ---- Ceph, migration, tunnels ---- */

struct subnets {
    struct roles *r;
    struct outcome worst;
};

static void one_subnet(void *ctx, const char *word) {
    struct subnets *s = ctx;

    s->worst = worse(s->worst, fare_subnet(s->r, word));
}

/* The value of a key of ceph.conf, whose words are separated by '_', '-' or blanks. */
static void ceph_value(const char *text, const char *key, char *ret, size_t size) {
    size_t len = strlen(key);

    ret[0] = '\0';
    for (const char *s = text; *s && !ret[0];) {
        size_t line = strcspn(s, "\n");
        size_t at = strspn(s, " \t");
        size_t k = 0;

        while (k < len && at < line &&
               (s[at] == key[k] || (key[k] == '_' && (s[at] == ' ' || s[at] == '-')))) {
            at++;
            k++;
        }
        at += at < line ? strspn(s + at, " \t") : 0;
        if (k == len && at < line && s[at] == '=') {
            (void)snprintf(ret, size, "%.*s", (int)(line - at - 1), s + at + 1);
        }
        s += line + (s[line] == '\n');
    }
}

static void ceph(struct roles *r) {
    static const char *const keys[][2] = {{"public_network", "Ceph's public network"},
                                          {"cluster_network", "Ceph's cluster network"}};
    char path[120];
    char value[400];
    const js *raw;
    const struct store *s;
    size_t n = picture_stores(r->c->p, &s);

    (void)snprintf(path, sizeof(path), "/nodes/%.63s/ceph/cfg/raw", r->c->before.node);
    raw = picture_answer(r->c->p, path, NULL);
    for (size_t i = 0; js_is_str(raw) && i < ARRAY_LEN(keys); i++) {
        struct subnets sub = {r, {FARE_SAME, "", ""}};

        ceph_value(json_object_get_string((js *)(uintptr_t)raw), keys[i][0], value, sizeof(value));
        words_each(value, one_subnet, &sub);
        say_role(r, &sub.worst, keys[i][1], "unreachable", RISK_HIGH);
        for (size_t k = 0; i == 0 && sub.worst.fare == FARE_CUT && k < n; k++) {
            bool is_ceph = strcmp(s[k].type, "rbd") == 0 || strcmp(s[k].type, "cephfs") == 0;

            if (is_ceph && !js_get(s[k].def, "monhost")) {
                hit_volumes(r, s[k].id, sub.worst.via, FARE_CUT);
            }
        }
    }
}

/* datacenter.cfg's migration=…,network=CIDR, taken apart by the API or not. */
static void migration(struct roles *r, const char *key, const char *what) {
    const js *options = picture_answer(r->c->p, "/cluster/options", NULL);
    const js *v = js_get(options, key);
    char network[64];
    struct outcome o;

    (void)snprintf(network, sizeof(network), "%s", js_str_or(v, "network", ""));
    if (js_is_str(v)) {
        (void)config_option(json_object_get_string((js *)(uintptr_t)v), "network", network,
                            sizeof(network));
    }
    o = fare_subnet(r, network);
    say_role(r, &o, what, "degraded", RISK_MEDIUM);
}

struct tunnels {
    struct roles *r;
    struct outcome worst;
};

/* Of the addresses that a tunnel goes between one is ours, the others are reached from it. */
static void one_tunnel_end(void *ctx, const char *word) {
    struct tunnels *t = ctx;

    if (net_path_own(&t->r->before, word).found) {
        t->worst = worse(t->worst, fare_own(t->r, word));
    } else {
        t->worst = worse(t->worst, fare_to(t->r, word));
    }
}

static void hit_vnets(struct roles *r, const char *zone, const struct outcome *o) {
    const struct guest *g;
    size_t n = picture_guests(r->c->p, &g);

    for (size_t i = 0; i < n; i++) {
        JS_FOREACH(strcmp(g[i].node, r->c->before.node) == 0 ? g[i].cfg : NULL, key, value) {
            char name[64];
            const js *vnet;
            const struct affect a = {.resource = g[i].resource,
                                     .name = g[i].name,
                                     .node = g[i].node,
                                     .effect = o->fare == FARE_CUT ? "unreachable" : "degraded",
                                     .severity = o->fare == FARE_CUT && g[i].running ? RISK_HIGH
                                                                                     : RISK_MEDIUM,
                                     .running = g[i].running,
                                     .via = key,
                                     .why = ""};

            if (!js_is_str(value) || !key_is(key, "net") ||
                !config_option(json_object_get_string(value), "bridge", name, sizeof(name))) {
                continue;
            }
            vnet = net_vnet(&r->c->before, name);
            if (vnet && strcmp(js_str_or(vnet, "zone", ""), zone) == 0) {
                net_hit(r->c, &a, "the tunnels of %s end at %s: %s", name, o->via, o->why);
            }
        }
    }
}

static void tunnels(struct roles *r) {
    for (size_t i = 0; i < js_len(r->c->before.zones); i++) {
        const js *zone = js_at(r->c->before.zones, i);
        const js *controller =
            list_row(r->c->before.controllers, "controller", js_str_or(zone, "controller", ""));
        struct tunnels t = {r, {FARE_SAME, "", ""}};

        if (!store_on_node(zone, r->c->before.node)) {
            continue;
        }
        words_each(js_str_or(zone, "peers", ""), one_tunnel_end, &t);
        words_each(js_str_or(controller, "peers", ""), one_tunnel_end, &t);
        if (t.worst.fare >= FARE_LESS) {
            hit_vnets(r, js_str_or(zone, "zone", ""), &t.worst);
        }
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
        struct outcome o = fare_own(&r, js_str_or(status, "ip", ""));

        say_role(&r, &o, "the address that the cluster knows it by", "unreachable", RISK_HIGH);
    }
    corosync(&r, status);
    ceph(&r);
    migration(&r, "migration", "the network of migrations");
    migration(&r, "replication", "the network of replication");
    storages(&r);
    tunnels(&r);
}
