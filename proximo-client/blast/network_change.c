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

static int hex(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One segment of a path, percent-decoded. */
static void decode(const char *s, char *ret, size_t size) {
    size_t n = 0;

    for (; *s && n + 1 < size; s++) {
        bool is_code = *s == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0;

        ret[n++] = is_code ? (char)(hex(s[1]) << 4 | hex(s[2])) : *s;
        s += is_code ? 2 : 0;
    }
    ret[n] = '\0';
}

static void drop(js **list, const char *name) {
    js *rest = js_array();

    for (size_t i = 0; i < js_len(*list); i++) {
        if (strcmp(js_str_or(js_at(*list, i), "iface", ""), name) != 0) {
            js_push(rest, js_ref(js_at(*list, i)));
        }
    }
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

static void merge(js *o, const js *form) {
    const char *del = js_str_or(form, "delete", "");

    while (*del) {
        size_t n = strcspn(del, ",; ");
        char key[80];

        (void)snprintf(key, sizeof(key), "%.*s", (int)n, del);
        json_object_object_del(o, key);
        del += n + (del[n] != '\0');
    }
    JS_FOREACH(form, key, v) {
        if (strcmp(key, "delete") != 0 && strcmp(key, "digest") != 0) {
            js_add(o, key,
                   is_list(key) && js_is_str(v) ? listed(json_object_get_string(v)) : js_copy(v));
        }
    }
    settle(o, form);
}

static void put_iface(struct net_state *s, const char *name, const js *form) {
    const js *was = net_find(s->staged, "iface", name);
    js *o = was ? js_copy(was) : js_object();

    drop(&s->staged, name);
    merge(o, form);
    js_add(o, "iface", js_str(name));
    js_push(s->staged, o);
}

bool net_change(struct net_state *s, const char *node, const struct blast_request *req) {
    char head[120];
    char name[64];
    const char *rest;
    int n = snprintf(head, sizeof(head), "/nodes/%.63s/network", node);

    if (n < 0 || strncmp(req->path, head, (size_t)n) != 0) {
        return false;
    }
    rest = req->path + n;
    decode(*rest == '/' ? rest + 1 : "", name, sizeof(name));
    if (*rest == '/' && name[0] && strcmp(req->method, "PUT") == 0) {
        put_iface(s, name, req->form);
    } else if (*rest == '/' && name[0] && strcmp(req->method, "DELETE") == 0) {
        drop(&s->staged, name);
    } else if (!*rest && strcmp(req->method, "POST") == 0) {
        put_iface(s, js_str_or(req->form, "iface", ""), req->form);
    } else if (!*rest && strcmp(req->method, "PUT") == 0) {
        js_freep(&s->running);
        s->running = js_copy(s->staged);
        s->applied = true;
    } else if (!*rest && strcmp(req->method, "DELETE") == 0) {
        js_freep(&s->staged);
        s->staged = js_copy(s->running);
    } else {
        return false;
    }
    return true;
}
