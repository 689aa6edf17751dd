/* SPDX-License-Identifier: Apache-2.0 */
/* Storage as a node sees it: state, volumes, archives. Volumes are listed by the privileges over
 * their owners, so that two tokens see two different lists without any sign of it. */
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/routes.h"

static bool content_wanted(const char *filter, const char *content) {
    char list[256];

    if (!filter) {
        return true;
    }
    (void)snprintf(list, sizeof(list), "%s", filter);
    for (char *save = NULL, *want = strtok_r(list, ",; ", &save); want;
         want = strtok_r(NULL, ",; ", &save)) {
        if (list_has(content, want)) {
            return true;
        }
    }
    return false;
}

int route_node_storage(struct call *c) {
    js *all = state_get(&c->s->st, "storage", NULL), *node;
    const char *only = call_str(c, "storage");

    if (node_of_call(c, &node) < 0) {
        return -1;
    }
    c->data = js_array();
    if (!all) {
        return 0;
    }
    JS_FOREACH(all, id, def) {
        if (storage_visible(c, id) && (!only || strcmp(only, id) == 0) &&
            content_wanted(call_str(c, "content"), js_str_or(def, "content", "images,rootdir")) &&
            (!call_bool(c, "enabled", false) || storage_on_node(def, call_str(c, "node")))) {
            js_push(c->data, storage_status(c->s, id, call_str(c, "node"), true));
        }
    }
    return 0;
}

int route_node_storage_index(struct call *c) {
    static const char *const names[] = {
        "content",      "download-url", "file-restore", "import-metadata", "oci-registry-pull",
        "prunebackups", "rrd",          "rrddata",      "status",          "upload"};
    js *node;

    if (node_of_call(c, &node) < 0) {
        return -1;
    }
    c->data = index_of("subdir", names, ARRAY_LEN(names));
    return 0;
}

int route_node_storage_status(struct call *c) {
    const char *id = call_str(c, "storage");
    js *node;

    if (node_of_call(c, &node) < 0) {
        return -1;
    }
    if (!storage_find(c->s, id)) {
        return call_fail(c, 500, "storage '%s' does not exist", id);
    }
    c->data = storage_status(c->s, id, call_str(c, "node"), false);
    return 0;
}

static int storage_ready(struct call *c) {
    const char *id = call_str(c, "storage"), *node = call_str(c, "node");
    js *def = storage_find(c->s, id), *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    if (!def) {
        return call_fail(c, 500, "storage '%s' does not exist", id);
    }
    if (js_bool_or(def, "disable", false)) {
        return call_fail(c, 500, "storage '%s' is disabled", id);
    }
    if (!storage_on_node(def, node)) {
        return call_fail(c, 500, "storage '%s' is not available on node '%s'", id, node);
    }
    return 0;
}

static bool volume_here(const js *v, const char *volid, const char *id, const char *node) {
    size_t n = strlen(id);

    return strncmp(volid, id, n) == 0 && volid[n] == ':' &&
           (!js_get(v, "node") || list_has(js_str_or(v, "node", ""), node));
}

static bool volume_visible(struct call *c, const js *v) {
    const char *content = js_str_or(v, "content", "");
    char store[160], vm[64];

    (void)snprintf(store, sizeof(store), "/storage/%s", call_str(c, "storage"));
    (void)snprintf(vm, sizeof(vm), "/vms/%lld", (long long)js_int_or(v, "vmid", 0));
    if (call_has(c, store, "Datastore.Allocate")) {
        return true;
    }
    if (strcmp(content, "images") == 0 || strcmp(content, "rootdir") == 0) {
        return call_has(c, vm, "VM.Config.Disk");
    }
    if (strcmp(content, "backup") == 0) {
        return call_has(c, store, "Datastore.AllocateSpace") && call_has(c, vm, "VM.Backup");
    }
    return true;
}

static js *volume_out(const char *volid, const js *v) {
    js *o = js_copy(v);

    json_object_object_del(o, "node");
    js_add(o, "volid", js_str(volid));
    return o;
}

int route_content(struct call *c) {
    js *all = state_get(&c->s->st, "volumes", NULL);
    const char *content = call_str(c, "content"), *vmid = call_str(c, "vmid");

    if (storage_ready(c) < 0) {
        return -1;
    }
    c->data = js_array();
    if (!all) {
        return 0;
    }
    JS_FOREACH(all, volid, v) {
        if (volume_here(v, volid, call_str(c, "storage"), call_str(c, "node")) &&
            (!content || strcmp(content, js_str_or(v, "content", "")) == 0) &&
            (!vmid || call_int(c, "vmid", 0) == js_int_or(v, "vmid", 0)) && volume_visible(c, v)) {
            js_push(c->data, volume_out(volid, v));
        }
    }
    return 0;
}

static js *volume_of_call(struct call *c, char *volid, size_t size) {
    const char *id = call_str(c, "storage"), *name = call_str(c, "volume");
    js *v;

    if (strchr(name, ':')) {
        (void)snprintf(volid, size, "%s", name);
    } else {
        (void)snprintf(volid, size, "%s:%s", id, name);
    }
    v = state_get(&c->s->st, "volumes", volid, NULL);
    if (!v || !volume_here(v, volid, id, call_str(c, "node"))) {
        (void)call_fail(c, 500, "volume '%s' does not exist", volid);
        return NULL;
    }
    if (!volume_visible(c, v)) {
        (void)call_fail(c, 403, "Permission check failed (/storage/%s, Datastore.Allocate)", id);
        return NULL;
    }
    return v;
}

int route_volume_get(struct call *c) {
    static const char *const copy[] = {"format", "size", "used", "notes", "protected"};
    char volid[512];
    js *v;

    if (storage_ready(c) < 0) {
        return -1;
    }
    v = volume_of_call(c, volid, sizeof(volid));
    if (!v) {
        return -1;
    }
    c->data = js_object();
    js_add(c->data, "path", js_str(volid));
    for (size_t i = 0; i < ARRAY_LEN(copy); i++) {
        if (js_get(v, copy[i])) {
            js_add(c->data, copy[i], js_ref(js_get(v, copy[i])));
        }
    }
    return 0;
}

static const char *finish_volume_delete(struct sim_task *t) {
    const char *volid = js_get_str(t->args, "volid");

    if (!state_get(&t->s->st, "volumes", volid, NULL)) {
        (void)snprintf(t->exit, sizeof(t->exit), "volume '%.200s' does not exist", volid);
        return t->exit;
    }
    state_del(&t->s->st, "volumes", volid, NULL);
    task_log(t, "Removed volume '%s'", volid);
    return NULL;
}

int route_volume_delete(struct call *c) {
    char volid[512], id[160], path[160];
    struct sim_task *t;
    js *v;

    if (storage_ready(c) < 0) {
        return -1;
    }
    v = volume_of_call(c, volid, sizeof(volid));
    if (!v) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "/storage/%s", call_str(c, "storage"));
    if (!call_may(c, path, "Datastore.Allocate")) {
        return -1;
    }
    t = task_new(c, finish_volume_delete);
    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    t->args = js_object();
    js_add(t->args, "volid", js_str(volid));
    if (js_get(v, "vmid")) {
        (void)snprintf(id, sizeof(id), "%lld@%s", (long long)js_int_or(v, "vmid", 0),
                       call_str(c, "storage"));
    } else {
        (void)snprintf(id, sizeof(id), "%s", call_str(c, "storage"));
    }
    return task_start(c, t, call_str(c, "node"), "imgdel", id);
}

/* keep-last and keep-all only: enough to see which archives a job would take. */
int route_prunebackups(struct call *c) {
    const char *id = call_str(c, "storage"), *rule = call_str(c, "prune-backups");
    js *all = state_get(&c->s->st, "volumes", NULL);
    char keep[32];
    uint64_t last = UINT64_MAX;

    if (storage_ready(c) < 0) {
        return -1;
    }
    if (!list_has(js_str_or(storage_find(c->s, id), "content", "images,rootdir"), "backup")) {
        return call_fail(c, 500, "storage '%s' does not support backups", id);
    }
    rule = rule ? rule : js_get_str(storage_find(c->s, id), "prune-backups");
    if (!rule) {
        return call_fail(c, 500, "no prune-backups options configured for storage '%s'", id);
    }
    if (option_get(rule, "keep-last", keep, sizeof(keep)) == 0) {
        (void)ident_u64(keep, &last);
    }
    c->data = js_array();
    if (!all) {
        return 0;
    }
    JS_FOREACH(all, volid, v) {
        uint64_t newer = 0;
        js *o;

        if (!volume_here(v, volid, id, call_str(c, "node")) ||
            strcmp(js_str_or(v, "content", ""), "backup") != 0 || !volume_visible(c, v)) {
            continue;
        }
        JS_FOREACH(all, other, w) {
            newer += volume_here(w, other, id, call_str(c, "node")) &&
                     strcmp(js_str_or(w, "content", ""), "backup") == 0 &&
                     js_int_or(w, "vmid", 0) == js_int_or(v, "vmid", 0) &&
                     js_int_or(w, "ctime", 0) > js_int_or(v, "ctime", 0);
        }
        o = js_object();
        js_add(o, "volid", js_str(volid));
        js_add(o, "ctime", js_ref(js_get(v, "ctime")));
        js_add(o, "type", js_str(js_str_or(v, "subtype", "unknown")));
        js_add(o, "vmid", js_ref(js_get(v, "vmid")));
        js_add(o, "mark", js_str(newer < last ? "keep" : "remove"));
        js_push(c->data, o);
    }
    return 0;
}
