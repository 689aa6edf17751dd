/* SPDX-License-Identifier: Apache-2.0 */
/* The way every call goes: find the row of the tables (table.c, table_cluster.c), check the
 * privilege it names, check the parameters, run, commit. Whatever is not in them is a 501. */
#include "proximo-client/sim/ha.h"
#include "proximo-client/sim/routes.h"
#include "proximo-client/sim/pbs.h"

#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "proximo-client/sim/form.h"

js *index_of(const char *key, const char *const *names, size_t n) {
    js *list = js_array();

    for (size_t i = 0; i < n; i++) {
        js *o = js_object();

        js_add(o, key, js_str(names[i]));
        js_push(list, o);
    }
    return list;
}

int node_of_call(struct call *c, js **ret) {
    const char *node = call_str(c, "node");

    *ret = state_get(&c->s->st, "nodes", node, NULL);
    if (!*ret) {
        return call_fail(c, 500,
                         "hostname lookup '%s' failed - failed to get address info for: %s: Name "
                         "or service not known",
                         node, node);
    }
    return 0;
}

/* One segment of a template against one of the path; a parameter takes the decoded text. {volume}
 * takes the rest of the path, because volume names contain slashes. */
static bool segment(const char *t, size_t tn, const char *p, size_t pn, js *found) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(1024);
    char name[64];

    if (*t != '{') {
        return tn == pn && strncmp(t, p, tn) == 0;
    }
    if (!pn || tn - 2 >= sizeof(name) || form_decode(p, pn, false, &text) < 0) {
        return false;
    }
    memcpy(name, t + 1, tn - 2);
    name[tn - 2] = '\0';
    if (strcmp(name, "kind") == 0 && strcmp(text.data, "lxc") != 0 &&
        strcmp(text.data, "qemu") != 0) {
        return false;
    }
    js_add(found, name, js_str_n(text.data, text.len));
    return true;
}

static bool match(const char *t, const char *p, js *found) {
    while (*t == '/' && *p == '/') {
        size_t tn = strcspn(++t, "/"), pn = strcspn(++p, "/");

        if (strcmp(t, "{volume}") == 0) {
            pn = strlen(p);
        }
        if (!segment(t, tn, p, pn, found)) {
            return false;
        }
        t += tn;
        p += pn;
    }
    return !*t && !*p;
}

const struct route *sim_route(size_t i) {
    if (i < sim_n_routes) {
        return &sim_routes[i];
    }
    i -= sim_n_routes;
    return i < cluster_n_routes ? &cluster_routes[i] : NULL;
}

const char *route_params(enum method method, const char *path) {
    const struct route *r;

    for (size_t i = 0; (r = sim_route(i)); i++) {
        if (r->method == method && strcmp(r->path, path) == 0) {
            return r->params;
        }
    }
    return "";
}

static const struct route *route_at(const struct call *c, size_t i) {
    if (!c->s->o.pbs) {
        return sim_route(i);
    }
    return i < pbs_n_routes ? &pbs_routes[i] : NULL;
}

static const struct route *find_route(struct call *c, js *found) {
    const struct route *r;

    for (size_t i = 0; (r = route_at(c, i)); i++) {
        CLEANUP(js_freep) js *got = js_object();

        if (r->method == c->method && match(r->path, c->path, got)) {
            JS_FOREACH(got, k, v) {
                js_add(found, k, js_ref(v));
            }
            return r;
        }
    }
    return NULL;
}

/* "/vms/{vmid} VM.Audit|VM.X" with the call's parameters filled in. */
static bool privileged(struct call *c, const char *check) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(1024);
    const char *at = check;

    if (!check || !*check) {
        return true;
    }
    while (*at && *at != ' ') {
        if (*at == '{') {
            size_t n = strcspn(at, "}");
            char name[64];

            (void)snprintf(name, sizeof(name), "%.*s", (int)n - 1, at + 1);
            (void)buf_adds(&path, call_str(c, name) ? call_str(c, name) : "");
            at += n + 1;
        } else {
            (void)buf_addc(&path, *at++);
        }
    }
    return call_may(c, buf_str(&path), at + 1);
}

/* What is below a node is answered by that node itself, once the caller's privileges allow it: of
 * one that is down nothing comes back. Another one sends what wakes it. */
static bool reachable(struct call *c, const struct route *r) {
    static const char below[] = "/nodes/{node}/";
    const js *node = state_get(&c->s->st, "nodes", js_str_or(c->in_path, "node", ""), NULL);

    if (strncmp(r->path, below, sizeof(below) - 1) == 0 && r->run != route_node_wake && node &&
        !js_bool_or(node, "online", true)) {
        (void)call_fail(c, 595, "No route to host");
        return false;
    }
    return true;
}

void sim_dispatch(struct call *c) {
    const struct route *r = find_route(c, c->in_path);
    static const char *const verbs[] = {"GET", "POST", "PUT", "DELETE"};
    struct err e = {0};

    if (!r) {
        (void)(c->s->o.pbs ? call_fail(c, 404, "Path '/api2/json%s' not found.", c->path)
                           : call_fail(c, 501, "Method '%s %s' not implemented", verbs[c->method],
                                       c->path));
        return;
    }
    if (strstr(r->path, "/lxc/{vmid}") || strstr(r->path, "/qemu/{vmid}")) {
        js_add(c->in_path, "kind", js_str(strstr(r->path, "/lxc/") ? "lxc" : "qemu"));
    }
    JS_FOREACH(c->in_path, k, v) {
        js_add(c->params, k, js_ref(v));
    }
    if (!privileged(c, r->check) || !reachable(c, r) || params_check(c, r->params) < 0 ||
        r->run(c) < 0) {
        state_rollback(&c->s->st);
        if (c->status == 200) {
            (void)call_fail(c, 500, "internal error");
        }
        return;
    }
    if (state_commit(&c->s->st, &e) < 0) {
        (void)call_fail(c, 500, "%s", e.msg);
        return;
    }
    if (c->method != M_GET) {
        ha_round(c->s);
    }
}
