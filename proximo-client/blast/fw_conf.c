/* SPDX-License-Identifier: Apache-2.0 */
/* The whole firewall configuration of a cluster, compiled: scopes, chains, hosts with their
 * addresses and corosync links, guests with those of their NICs that the firewall sees. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/fw.h"
#include "proximo-client/blast/picture_int.h"

static js *part(const js *model, const char *a, const char *b) {
    return js_get(js_get(model, a), b);
}

static void add_address(struct fw_host *h, const char *text, const char *iface, bool corosync,
                        bool management) {
    struct fw_net net;
    size_t len = strcspn(text, "/");
    char bare[64];

    if (len >= sizeof(bare)) {
        return;
    }
    (void)snprintf(bare, sizeof(bare), "%.*s", (int)len, text);
    if (!fw_net_parse(bare, &net) || net.lo != net.hi) {
        return;
    }
    for (size_t i = 0; i < h->n_addr; i++) {
        if (h->addr[i].net.v == net.v && h->addr[i].net.lo == net.lo) {
            h->addr[i].corosync |= corosync;
            h->addr[i].management |= management;
            return;
        }
    }
    *(struct fw_addr_on *)picture_grow(&h->addr, &h->n_addr, sizeof(*h->addr)) =
        (struct fw_addr_on){net, iface, corosync, management};
}

/* The local network is the one of the node's own address, the most specific where several fit. */
static void local_network(struct fw_host *h, const js *network, const struct fw_net *ip) {
    static const char *const keys[] = {"cidr", "cidr6"};

    for (size_t i = 0; i < js_len(network) && ip->v; i++) {
        for (size_t k = 0; k < 2; k++) {
            struct fw_net net;

            if (fw_net_parse(js_str_or(js_at(network, i), keys[k], ""), &net) &&
                fw_net_has(&net, ip->v, ip->lo) &&
                (!h->localnet.v || net.hi - net.lo < h->localnet.hi - h->localnet.lo)) {
                h->localnet = net;
            }
        }
    }
}

static void host_addresses(struct fw_conf *c, struct fw_host *h, const js *node) {
    const js *network = js_get(node, "network");
    const char *ip = js_str_or(node, "ip", "");
    struct fw_net net = {0};

    for (size_t i = 0; i < js_len(network); i++) {
        const js *n = js_at(network, i);
        const char *iface = js_str_or(n, "iface", "");

        add_address(h, js_str_or(n, "address", ""), iface, false, false);
        add_address(h, js_str_or(n, "address6", ""), iface, false, false);
    }
    add_address(h, ip, "", false, true);
    if (fw_net_parse(ip, &net)) {
        local_network(h, network, &net);
    }
    /* an alias of that name stands for the local network wherever PVE needs one */
    for (size_t i = 0; i < js_len(c->dc.aliases); i++) {
        const js *a = js_at(c->dc.aliases, i);

        if (strcmp(js_str_or(a, "name", ""), "local_network") == 0) {
            (void)fw_net_parse(js_str_or(a, "cidr", ""), &h->localnet);
        }
    }
}

static void host_management(struct fw_conf *c, struct fw_host *h) {
    const struct fw_set *own = fw_scope_set(&c->dc, "management");
    struct fw_set *m = &h->management;

    m->name = "management";
    m->is_management = true;
    m->raw = fw_alloc(&c->arena, (own ? own->n_raw : 0) + 1, sizeof(*m->raw));
    for (size_t i = 0; own && i < own->n_raw; i++) {
        /* what PVE adds itself overrides an exception for exactly the same network */
        if (own->raw[i].v != h->localnet.v || own->raw[i].lo != h->localnet.lo ||
            own->raw[i].hi != h->localnet.hi) {
            m->raw[m->n_raw++] = own->raw[i];
        }
    }
    if (h->localnet.v) {
        m->raw[m->n_raw++] = h->localnet;
    }
    fw_set_finish(&c->arena, m);
}

static void host_peers(struct fw_host *h, const js *corosync) {
    const js *own = js_get(corosync, h->name);

    JS_FOREACH(corosync, name, links) {
        if (strcmp(name, h->name) == 0) {
            continue;
        }
        JS_FOREACH(own, key, text) {
            struct fw_peer p;

            /* only the same link of both nodes talks to each other */
            if (js_is_str(text) && fw_net_parse(json_object_get_string(text), &p.own) &&
                fw_net_parse(js_str_or(links, key, ""), &p.other)) {
                *(struct fw_peer *)picture_grow(&h->peer, &h->n_peer, sizeof(p)) = p;
                add_address(h, json_object_get_string(text), "", true, false);
            }
        }
    }
}

static void add_host(struct fw_conf *c, const js *model, const char *name, const js *node) {
    struct fw_host *h = &c->host[c->n_host++];

    h->name = name;
    h->options = js_get(node, "options");
    h->known = js_is_array(js_get(node, "rules"));
    h->nft = js_bool_or(h->options, "nftables", false);
    h->enabled = c->enabled && js_int_or(h->options, "enable", 1) != 0;
    fw_chain_compile(&c->arena, js_get(node, "rules"), FW_ENV_HOST, &c->dc, NULL, c->group,
                     c->n_group, &h->rules);
    h->rules.name = "node rule";
    host_addresses(c, h, node);
    host_management(c, h);
    host_peers(h, js_get(model, "corosync"));
}

/* ---- guests ---- */

static bool option(const char *value, const char *key, char *ret, size_t size) {
    size_t n = strlen(key);

    for (const char *s = value; *s;) {
        size_t len = strcspn(s, ",");

        if (len > n && strncmp(s, key, n) == 0 && s[n] == '=') {
            (void)snprintf(ret, size, "%.*s", (int)(len - n - 1), s + n + 1);
            return true;
        }
        s += len + (s[len] == ',');
    }
    ret[0] = 0;
    return false;
}

/* A VM's NIC says "virtio=MAC", a container's "hwaddr=MAC". */
static bool mac_of(const char *value, unsigned char ret[static 6]) {
    for (const char *s = strchr(value, '='); s; s = strchr(s + 1, '=')) {
        const char *hex = "0123456789abcdef";
        bool ok = true;

        for (size_t i = 0; ok && i < 6; i++) {
            char hi = s[1 + i * 3];
            char lo = hi ? s[2 + i * 3] : 0;
            const char *h = hi ? strchr(hex, hi | 0x20) : NULL;
            const char *l = lo ? strchr(hex, lo | 0x20) : NULL;

            ok = h && l && (i == 5 || s[3 + i * 3] == ':');
            ret[i] = ok ? (unsigned char)((h - hex) << 4 | (l - hex)) : 0;
        }
        if (ok) {
            return true;
        }
    }
    return false;
}

static u128 link_local(const unsigned char mac[static 6]) {
    u128 a = (u128)0xfe80 << 112;

    a |= (u128)(mac[0] ^ 2u) << 56 | (u128)mac[1] << 48 | (u128)mac[2] << 40;
    a |= (u128)0xfffe << 24 | (u128)mac[3] << 16 | (u128)mac[4] << 8 | mac[5];
    return a;
}

/* With ipfilter a NIC may only use the addresses of its set, its link-local one, and for a
 * container those of its configuration. */
static void nic_filter(struct fw_conf *c, struct fw_guest *g, struct fw_nic *nic,
                       const char *value) {
    char name[24];
    bool nft = g->host && g->host->nft;
    const struct fw_set *own;
    struct fw_set *s;
    unsigned char mac[6];

    (void)snprintf(name, sizeof(name), "ipfilter-%s", nic->name);
    own = fw_scope_set(&g->scope, name);
    /* a set of that name is enough for iptables, the option is needed for nftables */
    if (!js_bool_or(g->options, "ipfilter", false) && (!own || nft)) {
        return;
    }
    s = fw_alloc(&c->arena, 1, sizeof(*s));
    s->name = "ipfilter";
    s->raw = fw_alloc(&c->arena, (own ? own->n_raw : 0) + 4, sizeof(*s->raw));
    for (size_t i = 0; own && i < own->n_raw; i++) {
        s->raw[s->n_raw++] = own->raw[i];
    }
    if (mac_of(value, mac) && !(own && nft)) {
        s->raw[s->n_raw++] = (struct fw_net){.lo = link_local(mac), .hi = link_local(mac), .v = 6};
    }
    (void)fw_net_parse("fe80::/10", &s->raw[s->n_raw]);
    s->raw[s->n_raw++].nomatch = true;
    for (size_t i = 0; i < nic->n_addr && strcmp(g->kind, "lxc") == 0 && !(own && nft); i++) {
        s->raw[s->n_raw++] = nic->addr[i];
    }
    fw_set_finish(&c->arena, s);
    nic->ipfilter = s;
}

static void add_nics(struct fw_conf *c, struct fw_guest *g, const js *config) {
    static const char *const keys[] = {"ip", "ip6"};
    struct fw_nic *list = NULL;

    JS_FOREACH(config, key, v) {
        const char *value = js_is_str(v) ? json_object_get_string(v) : "";
        char text[80];
        struct fw_nic *nic;

        if (strncmp(key, "net", 3) != 0 || strlen(key) >= sizeof(list->name) || !key[3] ||
            key[3 + strspn(key + 3, "0123456789")] != 0 ||
            !option(value, "firewall", text, sizeof(text)) || strcmp(text, "1") != 0) {
            continue;
        }
        nic = picture_grow(&list, &g->n_nic, sizeof(*list));
        (void)snprintf(nic->name, sizeof(nic->name), "%s", key);
        for (size_t i = 0; i < 2; i++) {
            struct fw_net net;

            if (option(value, keys[i], text, sizeof(text))) {
                text[strcspn(text, "/")] = 0;
                if (fw_net_parse(text, &net) && net.lo == net.hi) {
                    nic->addr[nic->n_addr++] = net;
                }
            }
        }
        nic_filter(c, g, nic, value);
    }
    g->nic = fw_alloc(&c->arena, g->n_nic, sizeof(*g->nic));
    if (list) {
        memcpy(g->nic, list, g->n_nic * sizeof(*list));
    }
    free(list);
}

static void add_guest(struct fw_conf *c, const char *vmid, const js *guest) {
    struct fw_guest *g = &c->guest[c->n_guest];

    if (ident_vmid(vmid, &g->vmid) < 0) {
        return;
    }
    c->n_guest++;
    g->kind = js_str_or(guest, "kind", "");
    g->options = js_get(guest, "options");
    g->enabled = c->enabled && js_bool_or(g->options, "enable", false);
    g->host = fw_conf_host(c, js_str_or(guest, "node", ""));
    g->rules.name = "guest rule";
    if (!g->enabled) {
        return; /* nothing of it matters then, and most guests of a large cluster are so */
    }
    fw_scope_init(&c->arena, js_get(guest, "aliases"), js_get(guest, "ipset"), &c->dc, &g->scope);
    fw_chain_compile(&c->arena, js_get(guest, "rules"), FW_ENV_GUEST, &c->dc, &g->scope, c->group,
                     c->n_group, &g->rules);
    add_nics(c, g, js_get(guest, "config"));
}

static void add_groups(struct fw_conf *c, const js *groups) {
    c->group = fw_alloc(&c->arena, (size_t)js_members(groups), sizeof(*c->group));
    JS_FOREACH(groups, name, rules) {
        struct fw_chain *g = &c->group[c->n_group++];

        fw_chain_compile(&c->arena, rules, FW_ENV_GROUP, &c->dc, NULL, NULL, 0, g);
        g->name = name;
    }
}

int fw_conf_new(const js *model, struct fw_conf **ret) {
    struct fw_conf *c = calloc(1, sizeof(*c));
    const js *nodes = js_get(model, "nodes");
    const js *guests = js_get(model, "guests");
    const js *vnets = js_get(model, "vnets");

    if (!c) {
        return -ENOMEM;
    }
    c->options = part(model, "cluster", "options");
    c->enabled = js_int_or(c->options, "enable", 0) != 0;
    fw_scope_init(&c->arena, part(model, "cluster", "aliases"), part(model, "cluster", "ipset"),
                  NULL, &c->dc);
    c->blacklist = fw_scope_set(&c->dc, "blacklist");
    add_groups(c, part(model, "cluster", "groups"));
    fw_chain_compile(&c->arena, part(model, "cluster", "rules"), FW_ENV_CLUSTER, &c->dc, NULL,
                     c->group, c->n_group, &c->rules);
    c->rules.name = "cluster rule";
    c->host = fw_alloc(&c->arena, (size_t)js_members(nodes), sizeof(*c->host));
    JS_FOREACH(nodes, name, node) {
        add_host(c, model, name, node);
    }
    c->guest = fw_alloc(&c->arena, (size_t)js_members(guests), sizeof(*c->guest));
    JS_FOREACH(guests, vmid, guest) {
        add_guest(c, vmid, guest);
    }
    c->vnet = fw_alloc(&c->arena, (size_t)js_members(vnets), sizeof(*c->vnet));
    JS_FOREACH(vnets, vnet, v) {
        struct fw_vnet *n = &c->vnet[c->n_vnet++];

        n->name = vnet;
        n->options = js_get(v, "options");
        n->enabled = c->enabled && js_int_or(n->options, "enable", 0) != 0;
        fw_chain_compile(&c->arena, js_get(v, "rules"), FW_ENV_VNET, &c->dc, NULL, c->group,
                         c->n_group, &n->rules);
        n->rules.name = "vnet rule";
    }
    *ret = c;
    return 0;
}

void fw_conf_free(struct fw_conf *c) {
    for (size_t i = 0; c && i < c->n_host; i++) {
        free(c->host[i].addr);
        free(c->host[i].peer);
    }
    if (c) {
        fw_arena_done(&c->arena);
    }
    free(c);
}

const struct fw_host *fw_conf_host(const struct fw_conf *c, const char *name) {
    for (size_t i = 0; i < c->n_host; i++) {
        if (strcmp(c->host[i].name, name) == 0) {
            return &c->host[i];
        }
    }
    return NULL;
}

const struct fw_guest *fw_conf_guest(const struct fw_conf *c, uint32_t vmid) {
    for (size_t i = 0; i < c->n_guest; i++) {
        if (c->guest[i].vmid == vmid) {
            return &c->guest[i];
        }
    }
    return NULL;
}

const struct fw_vnet *fw_conf_vnet(const struct fw_conf *c, const char *name) {
    for (size_t i = 0; i < c->n_vnet; i++) {
        if (strcmp(c->vnet[i].name, name) == 0) {
            return &c->vnet[i];
        }
    }
    return NULL;
}
