/* SPDX-License-Identifier: Apache-2.0 */
/* Storage as a node sees it: state, volumes, archives. Volumes are listed by the privileges over
 * their owners, so that two tokens see two different lists without any sign of it. */
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/volnames.h"

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

int storage_ready(struct call *c) {
    js *n;

    return node_of_call(c, &n) < 0
               ? -1
               : storage_enabled(c, call_str(c, "storage"), call_str(c, "node"));
}

bool volume_here(const js *v, const char *volid, const char *id, const char *node) {
    size_t n = strlen(id);

    return strncmp(volid, id, n) == 0 && volid[n] == ':' &&
           (!js_get(v, "node") || list_has(js_str_or(v, "node", ""), node));
}

bool volume_visible(struct call *c, const js *v) {
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
    json_object_object_del(o, "archived"); /* what is inside a backup */
    json_object_object_del(o, "archived-firewall");
    js_add(o, "volid", js_str(volid));
    return o;
}

int route_content(struct call *c) {
    js *all = state_get(&c->s->st, "volumes", NULL);
    const char *content = call_str(c, "content"), *vmid = call_str(c, "vmid");
    const char *storage = call_str(c, "storage"), *node = call_str(c, "node");

    if (storage_ready(c) < 0) {
        return -1;
    }
    c->data = js_array();
    if (!all) {
        return 0;
    }
    JS_FOREACH(all, volid, v) {
        if (volume_here(v, volid, storage, node) &&
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

    js *v = state_get(&t->s->st, "volumes", volid, NULL);

    if (!v) {
        (void)snprintf(t->exit, sizeof(t->exit), "volume '%.200s' does not exist", volid);
        return t->exit;
    }
    if (js_bool_or(v, "protected", false)) {
        (void)snprintf(t->exit, sizeof(t->exit), "cannot remove protected volume '%.200s'", volid);
        return t->exit;
    }
    if (volume_clone(t->s, volid)) {
        (void)snprintf(t->exit, sizeof(t->exit),
                       "base volume '%.200s' is still in use by linked cloned", volid);
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

/* Of a backup: its notes, and whether it may be removed. */
int route_volume_update(struct call *c) {
    char volid[512], path[160];
    js *v;

    if (storage_ready(c) < 0) {
        return -1;
    }
    v = volume_of_call(c, volid, sizeof(volid));
    (void)snprintf(path, sizeof(path), "/storage/%s", call_str(c, "storage"));
    if (!v || !call_may(c, path, "Datastore.AllocateSpace|Datastore.Allocate")) {
        return -1;
    }
    if (strcmp(js_str_or(v, "content", ""), "backup") != 0) {
        return call_fail(c, 500, "attribute is not supported for volume '%s'", volid);
    }
    if (call_str(c, "protected") && call_bool(c, "protected", false)) {
        state_set(&c->s->st, js_int(1), "volumes", volid, "protected", NULL);
    } else if (call_str(c, "protected") && js_get(v, "protected")) {
        state_del(&c->s->st, "volumes", volid, "protected", NULL);
    }
    if (call_str(c, "notes")) {
        state_set(&c->s->st, js_str(call_str(c, "notes")), "volumes", volid, "notes", NULL);
    }
    sim_tick(c->s);
    return 0;
}
