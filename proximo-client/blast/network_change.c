/* SPDX-License-Identifier: Apache-2.0 */
/* What a request makes of a node's interfaces: changes are staged, PUT …/network lets them run,
 * DELETE …/network forgets them. As PVE does, a change that does not repeat an address drops it. */
#include "proximo-client/blast/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"

void net_state_done(struct net_state *s) {
    js_freep(&s->running);
    js_freep(&s->staged);
}

static void drop(js **list, const char *name) {
    js *rest = list_without(*list, "iface", name);

    js_freep(list);
    *list = rest;
}

/* "a, b" as PVE writes it back. Compared as sets only, so order is left alone. */
static js *listed(const char *text) {
    char out[1024];
    size_t n = 0;

    for (const char *s = text; *s && n + 2 < sizeof(out);) {
        size_t len = strcspn(s, ",; ");

        if (len) {
            n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%.*s", n ? " " : "", (int)len, s);
        }
        s += len + (s[len] != '\0');
        n = n < sizeof(out) ? n : sizeof(out) - 1;
    }
    out[n] = '\0';
    return js_str(out);
}

static bool is_list(const char *key) {
    return strcmp(key, "bridge_ports") == 0 || strcmp(key, "slaves") == 0 ||
           strcmp(key, "ovs_ports") == 0 || strcmp(key, "ovs_bonds") == 0;
}

static void settle(js *o, const js *form) {
    static const char *const families[][2] = {{"cidr", "address"}, {"cidr6", "address6"}};

    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        const char *cidr = js_str_or(form, families[i][0], "");

        json_object_object_del(o, families[i][1]);
        if (!cidr[0]) {
            json_object_object_del(o, families[i][0]);
        } else {
            js_add(o, families[i][1], js_str_n(cidr, strcspn(cidr, "/")));
        }
    }
    if (!js_bool_or(o, "autostart", false)) {
        json_object_object_del(o, "autostart");
    }
}

static void put_iface(struct net_state *s, const char *name, const js *form) {
    js *o = form_over(list_row(s->staged, "iface", name), form);

    JS_FOREACH(form, key, v) {
        if (is_list(key) && js_is_str(v)) {
            js_add(o, key, listed(json_object_get_string(v)));
        }
    }
    settle(o, form);
    drop(&s->staged, name);
    js_add(o, "iface", js_str(name));
    js_push(s->staged, o);
}

bool net_change(struct net_state *s, const char *node, const struct blast_request *req) {
    char all[120], one[124], id[2][AFTER_ID];
    bool is_all, is_one;

    (void)snprintf(all, sizeof(all), "/nodes/%.63s/network", node);
    (void)snprintf(one, sizeof(one), "%s/*", all);
    is_all = path_fits(all, req->path, id);
    is_one = path_fits(one, req->path, id);
    if (is_one && strcmp(req->method, "PUT") == 0) {
        put_iface(s, id[0], req->form);
    } else if (is_one && strcmp(req->method, "DELETE") == 0) {
        drop(&s->staged, id[0]);
    } else if (is_all && strcmp(req->method, "POST") == 0) {
        put_iface(s, js_str_or(req->form, "iface", ""), req->form);
    } else if (is_all && strcmp(req->method, "PUT") == 0) {
        js_freep(&s->running);
        s->running = js_copy(s->staged);
        s->applied = true;
    } else if (is_all && strcmp(req->method, "DELETE") == 0) {
        js_freep(&s->staged);
        s->staged = js_copy(s->running);
    } else {
        return false;
    }
    return true;
}
