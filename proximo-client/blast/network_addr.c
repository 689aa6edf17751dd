/* SPDX-License-Identifier: Apache-2.0 */
/* A node's own addresses, and which of its interfaces carries what it talks to. */
#include "proximo-client/blast/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

void net_addrs_done(struct net_addrs *a) {
    free(a->v);
    *a = (struct net_addrs){NULL, 0};
}

static void add(const js *iface, bool six, struct net_addrs *ret) {
    const char *cidr = js_str_or(iface, six ? "cidr6" : "cidr", "");
    char alone[64];
    struct net_addr *a = &ret->v[ret->n];
    struct fw_net one;

    (void)snprintf(alone, sizeof(alone), "%.*s", (int)strcspn(cidr, "/"), cidr);
    if (cidr[0] && fw_net_parse(cidr, &a->net) && fw_net_parse(alone, &one)) {
        a->iface = js_str_or(iface, "iface", "");
        a->gateway = js_str_or(iface, six ? "gateway6" : "gateway", "");
        a->own = one.lo;
        ret->n++;
    }
}

void net_addrs_new(const struct net_side *s, struct net_addrs *ret) {
    CLEANUP(js_freep) js *up = net_up(s);

    *ret = (struct net_addrs){calloc(2 * js_len(s->ifs) + 1, sizeof(*ret->v)), 0};
    if (!ret->v) {
        abort();
    }
    for (size_t i = 0; i < js_len(s->ifs); i++) {
        const js *iface = js_at(s->ifs, i);

        if (js_get(up, js_str_or(iface, "iface", ""))) {
            add(iface, false, ret);
            add(iface, true, ret);
        }
    }
}

struct net_path net_path_own(const struct net_addrs *a, const char *address) {
    struct net_path path = {0};
    struct fw_net want;

    for (size_t i = 0; fw_net_parse(address, &want) && i < a->n && !path.found; i++) {
        if (a->v[i].net.v == want.v && a->v[i].own == want.lo) {
            path = (struct net_path){.found = true, .by = a->v[i]};
        }
    }
    return path;
}

struct net_path net_path_to(const struct net_addrs *a, const char *address) {
    struct net_path path = {0};
    struct fw_net want;

    if (!fw_net_parse(address, &want)) {
        return path;
    }
    for (size_t i = 0; i < a->n; i++) {
        const struct net_addr *x = &a->v[i];
        bool closer = !path.found || x->net.hi - x->net.lo < path.by.net.hi - path.by.net.lo;

        if (fw_net_has(&x->net, want.v, want.lo) && closer) {
            path = (struct net_path){.found = true, .by = *x};
        }
    }
    for (size_t i = 0; i < a->n && !path.found; i++) {
        if (a->v[i].gateway[0] && a->v[i].net.v == want.v) {
            path = (struct net_path){.found = true, .routed = true, .by = a->v[i]};
        }
    }
    return path;
}

struct net_path net_path_subnet(const struct net_addrs *a, const char *network) {
    struct net_path path = {0};
    struct fw_net want;

    for (size_t i = 0; fw_net_parse(network, &want) && i < a->n && !path.found; i++) {
        if (fw_net_has(&want, a->v[i].net.v, a->v[i].own)) {
            path = (struct net_path){.found = true, .by = a->v[i]};
        }
    }
    return path;
}
