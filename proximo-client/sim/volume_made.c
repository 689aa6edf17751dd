/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes and files that come new to a storage: allocated, fetched from an address or from the list
 * of templates, copied. Nothing is fetched: the file is there with a size of its own. */
#include <string.h>

#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/volnames.h"

#define FETCHED_SIZE (INT64_C(64) << 20)

static void add_file(struct sim *s, const char *volid, const char *content, const char *node,
                     int64_t size) {
    const char *dot = strrchr(volid, '.');
    js *v = js_object();

    js_add(v, "content", js_str(content));
    js_add(v, "size", js_int(size));
    js_add(v, "ctime", js_int(sim_now(s)));
    js_add(v, "format", js_str(strcmp(content, "iso") == 0 ? "iso" : dot ? dot + 1 : "raw"));
    if (!volume_is_shared(s, volid)) {
        js_add(v, "node", js_str(node));
    }
    state_set(&s->st, v, "volumes", volid, NULL);
}

static int may_take(struct call *c, const char *content, const char *privilege) {
    const char *id = call_str(c, "storage");
    char path[160];

    if (storage_ready(c) < 0) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "/storage/%s", id);
    if (!call_may(c, path, privilege)) {
        return -1;
    }
    return list_has(js_str_or(storage_find(c->s, id), "content", "images,rootdir"), content)
               ? 0
               : call_fail(c, 500, "storage '%s' does not support '%s' content", id, content);
}

/* Allocated at once; the name is the answer. */
int route_volume_alloc(struct call *c) {
    const char *id = call_str(c, "storage"), *name = call_str(c, "filename");
    long long size = size_bytes(call_str(c, "size"));
    uint32_t vmid = (uint32_t)call_int(c, "vmid", 0);
    struct guest owner = {.vmid = vmid};
    char volid[512];

    if (may_take(c, "images", "Datastore.AllocateSpace") < 0) {
        return -1;
    }
    if (storage_keeps_files(storage_find(c->s, id))) {
        (void)snprintf(volid, sizeof(volid), "%s:%u/%s", id, vmid, name);
    } else {
        (void)snprintf(volid, sizeof(volid), "%s:%s", id, name);
    }
    if (state_get(&c->s->st, "volumes", volid, NULL)) {
        return call_fail(c, 500, "unable to allocate '%s': it exists already", volid);
    }
    volume_add(c->s, &owner, volid, call_str(c, "node"), size);
    sim_tick(c->s);
    c->data = js_str(volid);
    return 0;
}

static const char *finish_file(struct sim_task *t) {
    add_file(t->s, js_str_or(t->args, "volid", ""), js_str_or(t->args, "kind", ""), t->node,
             js_int_or(t->args, "bytes", FETCHED_SIZE));
    return NULL;
}

static int start(struct call *c, const char *volid, const char *content, int64_t bytes,
                 const char *type) {
    struct sim_task *t = task_new(c, finish_file);

    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    t->args = js_object();
    js_add(t->args, "volid", js_str(volid));
    js_add(t->args, "kind", js_str(content));
    js_add(t->args, "bytes", js_int(bytes));
    return task_start(c, t, call_str(c, "node"), type, call_str(c, "storage"));
}

/* Copies within one storage; PVE calls it experimental. */
int route_volume_copy(struct call *c) {
    const char *id = call_str(c, "storage"), *name = call_str(c, "volume");
    const char *target = call_str(c, "target");
    char from[512], to[512];
    const js *v;

    if (may_take(c, "images", "Datastore.AllocateSpace") < 0) {
        return -1;
    }
    (void)snprintf(from, sizeof(from), strchr(name, ':') ? "%.0s%s" : "%s:%s", id, name);
    (void)snprintf(to, sizeof(to), strchr(target, ':') ? "%.0s%s" : "%s:%s", id, target);
    v = state_get(&c->s->st, "volumes", from, NULL);
    if (!v) {
        return call_fail(c, 500, "volume '%s' does not exist", from);
    }
    if (state_get(&c->s->st, "volumes", to, NULL)) {
        return call_fail(c, 500, "volume '%s' already exists", to);
    }
    return start(c, to, js_str_or(v, "content", "images"), js_int_or(v, "size", 0), "imgcopy");
}

int route_download_url(struct call *c) {
    const char *content = call_str(c, "content");
    char volid[512];

    if (may_take(c, content, "Datastore.AllocateTemplate") < 0) {
        return -1;
    }
    (void)snprintf(volid, sizeof(volid), "%s:%s/%s", call_str(c, "storage"), content,
                   call_str(c, "filename"));
    if (state_get(&c->s->st, "volumes", volid, NULL)) {
        return call_fail(c, 500, "refusing to override existing file '%s'", volid);
    }
    return start(c, volid, content, FETCHED_SIZE, "download");
}

int route_aplinfo_fetch(struct call *c) {
    char volid[512];

    if (may_take(c, "vztmpl", "Datastore.AllocateTemplate") < 0) {
        return -1;
    }
    (void)snprintf(volid, sizeof(volid), "%s:vztmpl/%s", call_str(c, "storage"),
                   call_str(c, "template"));
    return start(c, volid, "vztmpl", FETCHED_SIZE, "download");
}
