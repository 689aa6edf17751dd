/* SPDX-License-Identifier: Apache-2.0 */
/* What a node reaches by its own addresses, and who depends on it: storages behind servers, Ceph's
 * networks, the networks of migration and replication, the ends of tunnels. A server that is a name
 * cannot be looked up here and is said to be unknown. */
#include "proximo-client/blast/network_roles.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/config_int.h"

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
    o = net_fare_to(p->r, host);
    p->cut += o.fare == FARE_CUT;
    p->worst = net_worse(p->worst, o);
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
    net_say_role(r, &p.worst, what, "unreachable", RISK_HIGH);
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

    s->worst = net_worse(s->worst, net_fare_subnet(s->r, word));
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
        net_say_role(r, &sub.worst, keys[i][1], "unreachable", RISK_HIGH);
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
    o = net_fare_subnet(r, network);
    net_say_role(r, &o, what, "degraded", RISK_MEDIUM);
}

struct tunnels {
    struct roles *r;
    struct outcome worst;
};

/* Of the addresses that a tunnel goes between one is ours, the others are reached from it. */
static void one_tunnel_end(void *ctx, const char *word) {
    struct tunnels *t = ctx;

    if (net_path_own(&t->r->before, word).found) {
        t->worst = net_worse(t->worst, net_fare_own(t->r, word));
    } else {
        t->worst = net_worse(t->worst, net_fare_to(t->r, word));
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

void net_compare_reach(struct roles *r) {
    ceph(r);
    migration(r, "migration", "the network of migrations");
    migration(r, "replication", "the network of replication");
    storages(r);
    tunnels(r);
}
