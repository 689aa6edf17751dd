/* SPDX-License-Identifier: Apache-2.0 */
/* A node's own settings (name servers, hosts file, time zone, configuration) and the options of the
 * whole cluster. */
#include <string.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/routes.h"

/* ---- name servers ---- */

int route_node_dns(struct call *c) {
    static const char *const kept[] = {"dns2", "dns3"};
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    c->data = js_object();
    js_add(c->data, "dns1", js_str(js_str_or(n, "dns", "192.0.2.53")));
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        if (js_get_str(n, kept[i])) {
            js_add(c->data, kept[i], js_str(js_get_str(n, kept[i])));
        }
    }
    js_add(c->data, "search", js_str(js_str_or(n, "search", "sim.invalid")));
    return 0;
}

/* The file is written anew: a server that is not given is gone. */
int route_node_dns_set(struct call *c) {
    static const char *const names[][2] = {{"dns1", "dns"}, {"dns2", "dns2"}, {"dns3", "dns3"}};
    const char *node = call_str(c, "node");
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *v = call_str(c, names[i][0]);

        if (v) {
            state_set(&c->s->st, js_str(v), "nodes", node, names[i][1], NULL);
        } else if (js_get(n, names[i][1])) {
            state_del(&c->s->st, "nodes", node, names[i][1], NULL);
        }
    }
    state_set(&c->s->st, js_str(call_str(c, "search")), "nodes", node, "search", NULL);
    sim_tick(c->s);
    return 0;
}

/* ---- time ---- */

int route_node_time(struct call *c) {
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    c->data = js_object();
    js_add(c->data, "time", js_int(sim_now(c->s)));
    js_add(c->data, "localtime", js_int(sim_now(c->s)));
    js_add(c->data, "timezone", js_str(js_str_or(n, "timezone", "UTC")));
    return 0;
}

int route_node_time_set(struct call *c) {
    const char *zone = call_str(c, "timezone"), *node = call_str(c, "node");
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    if (strcmp(zone, "UTC") != 0 && (!strchr(zone, '/') || strstr(zone, ".."))) {
        return call_param_error(c, "timezone", "No such timezone.\n");
    }
    state_set(&c->s->st, js_str(zone), "nodes", node, "timezone", NULL);
    sim_tick(c->s);
    return 0;
}

/* ---- /etc/hosts ---- */

static js *hosts_text(struct sim *s, const js *n) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    const js *nodes = state_get(&s->st, "nodes", NULL);

    if (js_get_str(n, "hosts")) {
        return js_str(js_get_str(n, "hosts"));
    }
    (void)buf_adds(&b, "127.0.0.1 localhost\n");
    JS_FOREACH(nodes, name, o) {
        (void)buf_addf(&b, "%s %s.%s %s\n", js_str_or(o, "ip", "192.0.2.1"), name,
                       js_str_or(o, "search", "sim.invalid"), name);
    }
    return js_str(buf_str(&b));
}

static void text_digest(const js *text, char ret[static 41]) {
    const char *s = json_object_get_string((js *)(uintptr_t)text);

    sha1_hex(s, strlen(s), ret);
}

int route_node_hosts(struct call *c) {
    char digest[41];
    js *n, *text;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    text = hosts_text(c->s, n);
    text_digest(text, digest);
    c->data = js_object();
    js_add(c->data, "data", text);
    js_add(c->data, "digest", js_str(digest));
    return 0;
}

int route_node_hosts_set(struct call *c) {
    CLEANUP(js_freep) js *text = NULL;
    char digest[41];
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    text = hosts_text(c->s, n);
    text_digest(text, digest);
    if (call_digest(c, 500, digest) < 0) {
        return -1;
    }
    state_set(&c->s->st, js_str(call_str(c, "data")), "nodes", call_str(c, "node"), "hosts", NULL);
    sim_tick(c->s);
    return 0;
}

/* ---- settings kept as one object: a node's, the cluster's ---- */

/* The parameters over the object as it was. */
static js *merged(const struct call *c, const js *was) {
    js *o = was ? js_copy(was) : js_object();

    call_over(c, o, "node", NULL);
    return o;
}

static void object_digest(const js *o, char ret[static 41]) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);

    (void)canon_write(o, &b, NULL);
    sha1_hex(buf_str(&b), b.len, ret);
}

/* A node without a configuration has no file, and so no digest (seen on 9.1). */
int route_node_config(struct call *c) {
    const char *property = call_str(c, "property");
    char digest[41];
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    c->data = js_object();
    if (js_get(n, "config")) {
        JS_FOREACH(js_get(n, "config"), key, val) {
            if (!property || strcmp(property, key) == 0) {
                js_add(c->data, key, js_copy(val));
            }
        }
        object_digest(js_get(n, "config"), digest);
        js_add(c->data, "digest", js_str(digest));
    }
    return 0;
}

int route_node_config_set(struct call *c) {
    const char *node = call_str(c, "node");
    char digest[41] = "";
    js *n, *o;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    if (js_get(n, "config")) {
        object_digest(js_get(n, "config"), digest);
    }
    if (call_digest(c, 500, digest) < 0) {
        return -1;
    }
    o = merged(c, js_get(n, "config"));
    if (js_members(o)) {
        state_set(&c->s->st, o, "nodes", node, "config", NULL);
    } else {
        js_freep(&o);
        state_del(&c->s->st, "nodes", node, "config", NULL);
    }
    sim_tick(c->s);
    return 0;
}

/* "type=secure,network=10.0.0.0/8" as the API shows it: taken apart. */
static js *taken_apart(const char *text) {
    js *o = js_object();

    while (*text) {
        size_t n = strcspn(text, ","), k = strcspn(text, "=,");
        char key[64];

        (void)snprintf(key, sizeof(key), "%.*s", (int)k, text);
        js_add(o, key, k < n ? js_str_n(text + k + 1, n - k - 1) : js_int(1));
        text += n + (text[n] == ',');
    }
    return o;
}

int route_cluster_options(struct call *c) {
    static const char *const apart[] = {"migration", "ha",      "crs",         "next-id",
                                        "tag-style", "bwlimit", "replication", "notify"};
    const js *o = state_get(&c->s->st, "options", NULL);

    c->data = o ? js_copy(o) : js_object();
    for (size_t i = 0; i < ARRAY_LEN(apart); i++) {
        if (js_get_str(c->data, apart[i])) {
            js_add(c->data, apart[i], taken_apart(js_get_str(c->data, apart[i])));
        }
    }
    if (!js_get(c->data, "mac_prefix")) {
        js_add(c->data, "mac_prefix", js_str("BC:24:11"));
    }
    if (!js_get(c->data, "description")) {
        js_add(c->data, "description", js_str(""));
    }
    return 0;
}

int route_cluster_options_set(struct call *c) {
    js *o = merged(c, state_get(&c->s->st, "options", NULL));

    if (!*js_str_or(o, "description", "x")) { /* it is a comment of the file, or none */
        json_object_object_del(o, "description");
    }
    if (js_members(o)) {
        state_set(&c->s->st, o, "options", NULL);
    } else {
        js_freep(&o);
        state_del(&c->s->st, "options", NULL);
    }
    sim_tick(c->s);
    return 0;
}
