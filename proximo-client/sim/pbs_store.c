/* SPDX-License-Identifier: Apache-2.0 */
/* Datastores and their namespaces. What a deletion removed is garbage until a garbage collection;
 * protected snapshots stay, and the call then fails although the rest is gone, as on a real server.
 */
#include "proximo-client/sim/pbs.h"

#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"

const char *pbs_text(const struct call *c, const char *param) {
    const char *s = call_str(c, param);

    return s ? s : "";
}

void pbs_ns_key(const char *ns, char ret[static 280]) {
    (void)snprintf(ret, 280, "/%.270s", ns);
}

bool pbs_ns_below(const char *key, const char *top, int64_t depth) {
    size_t n = strlen(top);
    int64_t levels = 0;

    if (strcmp(key, top) == 0) {
        return true;
    }
    if (n > 1 && (strncmp(key, top, n) != 0 || key[n] != '/')) {
        return false;
    }
    for (const char *p = key + (n > 1 ? n : 0); *p; p++) {
        levels += *p == '/';
    }
    return levels <= depth;
}

js *pbs_content(struct sim *s, const char *store) {
    return state_get(&s->st, "datastores", store, NULL) ? state_get(&s->st, "content", store, NULL)
                                                        : NULL;
}

int pbs_store_of(struct call *c, const char *store) {
    return pbs_content(c->s, store) ? 0 : call_fail(c, 400, "no such datastore '%s'", store);
}

static void section_digest(struct call *c, const char *section, char ret[static 65]) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PVE_ANSWER);
    struct hash h;

    (void)js_print(state_get(&c->s->st, section, NULL), &b);
    sha256(buf_str(&b), b.len, &h);
    hex_encode(h.b, sizeof(h.b), ret);
}

void pbs_with_digest(struct call *c, const char *section) {
    char hex[65];

    section_digest(c, section, hex);
    c->extra = js_object();
    js_add(c->extra, "digest", js_str(hex));
}

int pbs_same_digest(struct call *c, const char *section) {
    char hex[65];

    section_digest(c, section, hex);
    return call_digest(c, 400, hex);
}

int route_pbs_datastores(struct call *c) {
    c->data = js_array();
    JS_FOREACH(state_get(&c->s->st, "datastores", NULL), name, d) {
        char path[80];
        js *o;

        (void)snprintf(path, sizeof(path), "/datastore/%.60s", name);
        if (!call_has(c, path, "Datastore.Audit|Datastore.Backup")) {
            continue;
        }
        o = js_object();
        js_add(o, "store", js_str(name));
        if (js_get(d, "comment")) {
            js_add(o, "comment", js_copy(js_get(d, "comment")));
        }
        if (js_get(d, "maintenance-mode")) {
            js_add(o, "maintenance", js_copy(js_get(d, "maintenance-mode")));
        }
        js_push(c->data, o);
    }
    return 0;
}

js *pbs_named(const char *name, const js *of) {
    js *o = js_copy(of);

    js_add(o, "name", js_str(name));
    return o;
}

int route_pbs_datastore_configs(struct call *c) {
    c->data = js_array();
    JS_FOREACH(state_get(&c->s->st, "datastores", NULL), name, d) {
        char path[80];

        (void)snprintf(path, sizeof(path), "/datastore/%.60s", name);
        if (call_has(c, path, "Datastore.Audit")) {
            js_push(c->data, pbs_named(name, d));
        }
    }
    pbs_with_digest(c, "datastores");
    return 0;
}

int route_pbs_datastore_config(struct call *c) {
    const char *store = pbs_text(c, "store");

    if (pbs_store_of(c, store) < 0) {
        return -1;
    }
    c->data = pbs_named(store, state_get(&c->s->st, "datastores", store, NULL));
    pbs_with_digest(c, "datastores");
    return 0;
}

void pbs_drop_deleted(const struct call *c, js *o) {
    const js *list = js_get(c->params, "delete");

    for (size_t i = 0; i < js_len(list); i++) {
        json_object_object_del(o, json_object_get_string(js_at(list, i)));
    }
    if (list && !js_is_array(list)) {
        drop_keys(o, call_str(c, "delete"));
    }
}

int route_pbs_datastore_update(struct call *c) {
    const char *store = pbs_text(c, "store");
    CLEANUP(js_freep) js *o = NULL;

    if (pbs_store_of(c, store) < 0 || pbs_same_digest(c, "datastores") < 0) {
        return -1;
    }
    o = js_copy(state_get(&c->s->st, "datastores", store, NULL));
    pbs_drop_deleted(c, o);
    JS_FOREACH(c->params, key, val) {
        if (strcmp(key, "store") == 0 || strcmp(key, "digest") == 0 || strcmp(key, "delete") == 0) {
            continue;
        }
        if (strcmp(key, "verify-new") == 0) {
            js_add(o, key, js_bool(call_bool(c, key, false)));
        } else if (strcmp(key, "comment") == 0 && !*json_object_get_string(val)) {
            json_object_object_del(o, key);
        } else {
            js_add(o, key, js_copy(val));
        }
    }
    state_set(&c->s->st, TAKE(o), "datastores", store, NULL);
    sim_tick(c->s);
    return 0;
}

/* A directory is a datastore's once: one whose definition was taken away keeps its chunks. */
static bool has_chunks(struct sim *s, const char *path) {
    JS_FOREACH(state_get(&s->st, "datastores", NULL), name, d) {
        (void)name;
        if (strcmp(js_str_or(d, "path", ""), path) == 0) {
            return true;
        }
    }
    return state_get(&s->st, "left", path, NULL) != NULL;
}

static const char *finish_create(struct sim_task *t) {
    const char *path = js_str_or(t->args, "path", "");
    js *space;

    if (has_chunks(t->s, path)) {
        (void)snprintf(t->exit, sizeof(t->exit),
                       "unable to create chunk store '%.40s' subdir \"%.120s/.chunks\" - EEXIST: "
                       "File exists",
                       t->arg, path);
        return t->exit;
    }
    space = js_object();
    js_add(space, "/", js_object());
    state_set(&t->s->st, js_copy(t->args), "datastores", t->arg, NULL);
    state_set(&t->s->st, space, "content", t->arg, NULL);
    return NULL;
}

int route_pbs_datastore_create(struct call *c) {
    const char *name = pbs_text(c, "name");
    struct sim_task *t;

    if (state_get(&c->s->st, "datastores", name, NULL)) {
        return call_param_error(c, "name", "datastore '%s' already exists.", name);
    }
    t = task_new(c, finish_create);
    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    (void)snprintf(t->arg, sizeof(t->arg), "%s", name);
    t->args = js_copy(c->params);
    json_object_object_del(t->args, "name");
    if (js_get(t->args, "verify-new")) {
        js_add(t->args, "verify-new", js_bool(call_bool(c, "verify-new", false)));
    }
    return task_start(c, t, js_str_or(c->s->st.root, "node", "pbs"), "create-datastore", name);
}

static void drop_jobs(struct call *c, const char *store) {
    static const char *const kinds[] = {"prune", "verify", "sync"};

    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        CLEANUP(js_freep) js *all = js_copy(state_get(&c->s->st, kinds[k], NULL));

        JS_FOREACH(all, id, job) {
            if (strcmp(js_str_or(job, "store", ""), store) == 0) {
                state_del(&c->s->st, kinds[k], id, NULL);
            }
        }
    }
}

static const char *finish_delete(struct sim_task *t) {
    const js *d = state_get(&t->s->st, "datastores", t->arg, NULL);

    if (!js_bool_or(t->args, "destroy", false)) {
        state_set(&t->s->st, js_str(t->arg), "left", js_str_or(d, "path", ""), NULL);
    }
    state_del(&t->s->st, "datastores", t->arg, NULL);
    if (js_bool_or(t->args, "destroy", false)) {
        task_log(t, "deleting all data of %s", t->arg);
        state_del(&t->s->st, "content", t->arg, NULL);
    }
    return NULL;
}

int route_pbs_datastore_delete(struct call *c) {
    const char *store = pbs_text(c, "store");
    struct sim_task *t;
    char path[80];

    if (!pbs_content(c->s, store)) {
        return call_fail(c, 404, "datastore '%s' does not exist.", store);
    }
    if (pbs_same_digest(c, "datastores") < 0) {
        return -1;
    }
    if (!call_bool(c, "keep-job-configs", false)) {
        drop_jobs(c, store);
        (void)snprintf(path, sizeof(path), "/datastore/%.60s", store);
        state_del(&c->s->st, "acl", path, NULL);
    }
    t = task_new(c, finish_delete);
    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    (void)snprintf(t->arg, sizeof(t->arg), "%s", store);
    t->args = js_object();
    js_add(t->args, "destroy", js_bool(call_bool(c, "destroy-data", false)));
    return task_start(c, t, js_str_or(c->s->st.root, "node", "pbs"), "delete-datastore", store);
}

static int64_t used(struct sim *s, const char *store) {
    int64_t n = js_int_or(state_get(&s->st, "garbage", NULL), store, 0);

    JS_FOREACH(pbs_content(s, store), ns, groups) {
        (void)ns;
        JS_FOREACH(groups, name, g) {
            (void)name;
            JS_FOREACH(js_get(g, "snapshots"), time, snap) {
                (void)time;
                n += js_int_or(snap, "size", 0);
            }
        }
    }
    return n;
}

static js *room(struct sim *s, const char *store) {
    const int64_t total = INT64_C(8000000000000);
    js *o = js_object();

    js_add(o, "total", js_int(total));
    js_add(o, "used", js_int(used(s, store)));
    js_add(o, "avail", js_int(total - used(s, store)));
    return o;
}

int route_pbs_status(struct call *c) {
    const char *store = pbs_text(c, "store");
    char path[80];

    (void)snprintf(path, sizeof(path), "/datastore/%.60s", store);
    if (!call_has(c, path, "Datastore.Audit|Datastore.Backup")) {
        return call_fail(c, 403, "permission check failed");
    }
    if (pbs_store_of(c, store) < 0) {
        return -1;
    }
    c->data = room(c->s, store);
    return 0;
}

int route_pbs_usage(struct call *c) {
    c->data = js_array();
    JS_FOREACH(state_get(&c->s->st, "datastores", NULL), name, d) {
        char path[80];
        js *o;

        (void)d;
        (void)snprintf(path, sizeof(path), "/datastore/%.60s", name);
        if (call_has(c, path, "Datastore.Audit|Datastore.Backup")) {
            o = room(c->s, name);
            js_add(o, "store", js_str(name));
            js_push(c->data, o);
        }
    }
    return 0;
}

int route_pbs_gc_status(struct call *c) {
    const char *store = pbs_text(c, "store");
    const js *last = state_get(&c->s->st, "gc", store, NULL);
    const js *schedule = state_get(&c->s->st, "datastores", store, "gc-schedule", NULL);

    if (pbs_store_of(c, store) < 0) {
        return -1;
    }
    c->data = last ? js_copy(last) : js_object();
    js_add(c->data, "store", js_str(store));
    js_add(c->data, "pending-bytes",
           js_int(js_int_or(state_get(&c->s->st, "garbage", NULL), store, 0)));
    if (schedule) {
        js_add(c->data, "schedule", js_copy(schedule));
    }
    return 0;
}

static const char *finish_gc(struct sim_task *t) {
    int64_t gone = js_int_or(state_get(&t->s->st, "garbage", NULL), t->arg, 0);
    js *o = js_object();

    js_add(o, "upid", js_str(t->upid));
    js_add(o, "removed-bytes", js_int(gone));
    js_add(o, "disk-bytes", js_int(used(t->s, t->arg) - gone));
    js_add(o, "last-run-state", js_str("OK"));
    js_add(o, "last-run-endtime", js_int(sim_now(t->s)));
    task_log(t, "Removed garbage: %lld bytes", (long long)gone);
    state_set(&t->s->st, o, "gc", t->arg, NULL);
    state_del(&t->s->st, "garbage", t->arg, NULL);
    return NULL;
}

int route_pbs_gc(struct call *c) {
    const char *store = pbs_text(c, "store");
    struct sim_task *t;

    if (pbs_store_of(c, store) < 0) {
        return -1;
    }
    t = task_new(c, finish_gc);
    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    (void)snprintf(t->arg, sizeof(t->arg), "%s", store);
    return task_start(c, t, js_str_or(c->s->st.root, "node", "pbs"), "garbage_collection", store);
}

/* ---- namespaces ---- */

int route_pbs_namespaces(struct call *c) {
    const char *store = pbs_text(c, "store");
    char top[280];

    if (pbs_store_of(c, store) < 0) {
        return -1;
    }
    pbs_ns_key(pbs_text(c, "parent"), top);
    c->data = js_array();
    JS_FOREACH(pbs_content(c->s, store), key, groups) {
        char path[400];
        js *o;

        (void)groups;
        (void)snprintf(path, sizeof(path), "/datastore/%.60s%s", store, key[1] ? key : "");
        if (pbs_ns_below(key, top, call_int(c, "max-depth", 7)) &&
            call_has(c, path, "Datastore.Audit|Datastore.Modify|Datastore.Read|Datastore.Backup")) {
            o = js_object();
            js_add(o, "ns", js_str(key + 1));
            js_push(c->data, o);
        }
    }
    return js_len(c->data) ? 0 : call_fail(c, 403, "permission check failed");
}

int route_pbs_namespace_create(struct call *c) {
    const char *store = pbs_text(c, "store"), *parent = pbs_text(c, "parent");
    char top[280], key[340];
    bool limited;

    if (pbs_ns_may(c, store, parent, "Datastore.Modify", "", &limited) < 0 ||
        pbs_store_of(c, store) < 0) {
        return -1;
    }
    pbs_ns_key(parent, top);
    if (!js_get(pbs_content(c->s, store), top)) {
        return call_fail(c, 400, "cannot create new namespace, parent %s doesn't already exists",
                         parent);
    }
    (void)snprintf(key, sizeof(key), "%s%s%.40s", top, top[1] ? "/" : "", pbs_text(c, "name"));
    if (!js_get(pbs_content(c->s, store), key)) { /* one that is there is no error */
        state_set(&c->s->st, js_object(), "content", store, key, NULL);
    }
    sim_tick(c->s);
    c->data = js_str(key + 1);
    return 0;
}

static bool empty_below(struct sim *s, const char *store, const char *top) {
    JS_FOREACH(pbs_content(s, store), key, groups) {
        if (pbs_ns_below(key, top, 9) && js_members(groups)) {
            return false;
        }
    }
    return true;
}

int route_pbs_namespace_delete(struct call *c) {
    const char *store = pbs_text(c, "store"), *ns = pbs_text(c, "ns");
    CLEANUP(js_freep) js *spaces = NULL;
    bool groups = call_bool(c, "delete-groups", false), all = true, limited;
    char top[280], parent[280];
    char *slash;

    (void)snprintf(parent, sizeof(parent), "%.270s", ns);
    slash = strrchr(parent, '/');
    *(slash ? slash : parent) = '\0';
    if (!*ns) {
        return call_fail(c, 400, "Cannot create/delete root namespace!");
    }
    if (pbs_ns_may(c, store, parent, "Datastore.Modify", "", &limited) < 0 ||
        pbs_store_of(c, store) < 0) {
        return -1;
    }
    pbs_ns_key(ns, top);
    spaces = js_copy(pbs_content(c->s, store));
    JS_FOREACH(spaces, key, list) {
        if (!pbs_ns_below(key, top, 9) || !groups) {
            continue;
        }
        JS_FOREACH(list, group, g) {
            (void)g;
            all &= pbs_remove_group(c->s, store, key, group);
        }
    }
    JS_FOREACH(spaces, space, rest) {
        (void)rest;
        if (pbs_ns_below(space, top, 9) && empty_below(c->s, store, space)) {
            state_del(&c->s->st, "content", store, space, NULL);
        } else if (pbs_ns_below(space, top, 9)) {
            all = false;
        }
    }
    sim_tick(c->s);
    if (!all) { /* what could go is gone: the change stays */
        (void)call_fail(c, 400, "%s",
                        groups
                            ? "group only partially deleted due to protected snapshots"
                            : "only partially deleted due to existing groups but `delete-groups` "
                              "not true ");
    }
    return 0;
}

void pbs_remove_snapshot(struct sim *s, const char *store, const char *ns_key, const char *group,
                         const char *time) {
    const js *snap = state_get(&s->st, "content", store, ns_key, group, "snapshots", time, NULL);
    int64_t garbage = js_int_or(state_get(&s->st, "garbage", NULL), store, 0);

    state_set(&s->st, js_int(garbage + js_int_or(snap, "size", 0)), "garbage", store, NULL);
    state_del(&s->st, "content", store, ns_key, group, "snapshots", time, NULL);
}

bool pbs_remove_group(struct sim *s, const char *store, const char *ns_key, const char *group) {
    CLEANUP(js_freep)
    js *snaps = js_copy(state_get(&s->st, "content", store, ns_key, group, "snapshots", NULL));
    bool all = true;

    JS_FOREACH(snaps, time, snap) {
        if (js_bool_or(snap, "protected", false)) {
            all = false;
        } else {
            pbs_remove_snapshot(s, store, ns_key, group, time);
        }
    }
    if (all) {
        state_del(&s->st, "content", store, ns_key, group, NULL);
    }
    return all;
}
