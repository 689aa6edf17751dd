/* SPDX-License-Identifier: Apache-2.0 */
/* A guest is copied: in full, or linked to base volumes. What PVE finds before it starts its task
 * is answered at once, the rest ends the task. While the task runs the new number is taken and
 * locked
 * ("clone" of a VM, "create" of a container, whose source is locked, too: "disk"); a task that
 * fails takes number and locks back. */
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/newcomer.h"
#include "proximo-client/sim/volnames.h"

struct copy {
    struct call *c;
    struct guest from;
    const js *cfg;                              /* of now, or of the snapshot */
    const char *snap, *storage, *target, *pool; /* target NULL: stays on the node */
    uint32_t newid;
    bool full, running;
};

/* ---- what becomes of a key ---- */

static bool starts(const char *key, const char *with) {
    return strncmp(key, with, strlen(with)) == 0;
}

static bool stays_behind(const char *key) {
    static const char *const own[] = {"parent", "snaptime", "vmstate", "snapstate",
                                      "lock",   "template", "digest"};

    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (strcmp(key, own[i]) == 0) {
            return true;
        }
    }
    return starts(key, "unused") || starts(key, "running");
}

static bool is_cloudinit(const char *value) {
    return strstr(value, "cloudinit") && strstr(value, "media=cdrom");
}

/* A volume that the copy gets one of its own for. An ISO image or an empty drive is named again. */
static bool is_copied(bool lxc, const char *key, const char *value, char *volid, size_t size) {
    return !stays_behind(key) && guest_key_is_volume(lxc, key) &&
           volume_of_value(value, volid, size) &&
           (!strstr(value, "media=cdrom") || is_cloudinit(value));
}

/* Of a linked copy some volumes are copied all the same. */
static bool in_full(bool full, const char *key, const char *value) {
    return full || is_cloudinit(value) || strcmp(key, "tpmstate0") == 0;
}

/* ---- what stands against it ---- */

static int check_target(struct copy *y) {
    struct call *c = y->c;
    const js *def = y->storage ? storage_find(c->s, y->storage) : NULL;

    if (y->pool && !state_get(&c->s->st, "pools", y->pool, NULL)) {
        return call_fail(c, 500, "pool '%s' does not exist", y->pool);
    }
    if (y->target && !state_get(&c->s->st, "nodes", y->target, NULL)) {
        return call_fail(c, 500, "no such cluster node '%s'", y->target);
    }
    if (!y->storage) {
        return 0;
    }
    if (storage_enabled(c, y->storage, y->from.node) < 0) {
        return -1;
    }
    if (!y->from.lxc && !list_has(js_str_or(def, "content", "images,rootdir"), "images")) {
        (void)call_param_error(c, "storage", "storage '%s' does not support vm images", y->storage);
        return -1;
    }
    if (y->target && storage_enabled(c, y->storage, y->target) < 0) {
        return -1;
    }
    return y->target && !storage_shared(def)
               ? call_fail(c, 500, "can't clone to non-shared storage '%s'", y->storage)
               : 0;
}

static int check_number(struct copy *y) {
    struct guest have;

    if (!guest_find(y->c->s, y->newid, &have)) {
        return 0;
    }
    if (y->from.lxc) {
        return call_fail(y->c, 500, "%s %u already exists on node '%s'", guest_label(&have),
                         y->newid, have.node);
    }
    return !have.lxc && strcmp(have.node, y->from.node) == 0
               ? call_fail(y->c, 500, "unable to create VM %u: config file already exists",
                           y->newid)
               : 0; /* found by the task: the cluster's files have one name space */
}

/* Of a container a copy in full is not asked about: it is made file by file. */
static int check_feature(struct copy *y, const char *key, const char *volid, const char *value) {
    struct sim *s = y->c->s;
    bool full = in_full(y->full, key, value);

    if (y->from.lxc) {
        return !full && !volume_can(s, volid, "clone", y->snap != NULL, true)
                   ? call_fail(y->c, 500, "Linked clone feature for '%s' is not available", volid)
                   : 0;
    }
    return volume_can(s, volid, full ? "copy" : "clone", y->snap != NULL, false)
               ? 0
               : call_fail(y->c, 500, "%s clone feature is not supported for%s '%s' (%s)",
                           full ? "Full" : "Linked", y->snap ? " a snapshot of" : "", volid, key);
}

/* 0, or -1 with the answer; *ret_shared is cleared by a volume that only this node has. */
static int check_volume(struct copy *y, const char *key, const char *value, bool *ret_shared) {
    struct call *c = y->c;
    char volid[256], id[128], path[160];
    bool copied = is_copied(y->from.lxc, key, value, volid, sizeof(volid));

    if (y->from.lxc && !stays_behind(key) && *value == '/') {
        return call_fail(c, 500, "unable to clone mountpoint '%s' (type %s)", key,
                         starts(value, "/dev/") ? "device" : "bind");
    }
    if (!copied && !volume_of_value(value, volid, sizeof(volid))) {
        return 0;
    }
    volume_storage(volid, id, sizeof(id));
    if (!storage_find(c->s, id)) {
        return call_fail(c, 500, "storage '%s' does not exist", id);
    }
    if (y->from.lxc && y->storage) {
        (void)snprintf(id, sizeof(id), "%s", y->storage);
    }
    *ret_shared = *ret_shared && storage_shared(storage_find(c->s, id));
    if (!copied) {
        return 0;
    }
    (void)snprintf(path, sizeof(path), "/storage/%s", y->storage ? y->storage : id);
    if (!is_cloudinit(value) && !call_may(c, path, "Datastore.AllocateSpace")) {
        return -1;
    }
    if (y->full && y->running && !y->snap && strcmp(key, "tpmstate0") == 0) {
        return call_fail(c, 500, "cannot clone TPM state while VM is running");
    }
    if (y->full && y->running && !y->snap && y->from.lxc) {
        return call_fail(c, 500,
                         "Full clone of a running container is only possible from a snapshot");
    }
    return check_feature(y, key, volid, value);
}

/* SDN.Use on the bridge: it belongs to the zone of its vnet, or to the nodes' own. */
static int check_bridge(struct copy *y, const char *value) {
    char bridge[64] = "", path[200];

    (void)option_get(value, "bridge", bridge, sizeof(bridge));
    (void)snprintf(path, sizeof(path), "/sdn/zones/%.60s/%.60s",
                   js_str_or(state_get(&y->c->s->st, "sdn", "running", "vnets", bridge, NULL),
                             "zone", "localnetwork"),
                   bridge);
    return !*bridge || call_may(y->c, path, "SDN.Use") ? 0 : -1;
}

static int check_config(struct copy *y) {
    bool is_shared = true;

    JS_FOREACH(y->cfg, key, value) {
        const char *text = json_object_get_string(value);

        if ((guest_key_is_volume(y->from.lxc, key) && !stays_behind(key) &&
             check_volume(y, key, text, &is_shared) < 0) ||
            (starts(key, "net") && check_bridge(y, text) < 0)) {
            return -1;
        }
    }
    return y->target && !is_shared
               ? call_fail(y->c, 500, "can't clone %s to node '%s' (%s uses local storage)",
                           guest_label(&y->from), y->target, guest_label(&y->from))
               : 0;
}

static int check_allowed(struct copy *y) {
    char path[160];

    (void)snprintf(path, sizeof(path), "/pool/%s", y->pool ? y->pool : "");
    if (y->pool && call_has(y->c, path, "VM.Allocate")) {
        return 0;
    }
    (void)snprintf(path, sizeof(path), "/vms/%u", y->newid);
    return call_may(y->c, path, "VM.Allocate") ? 0 : -1;
}

static int check_name(struct copy *y) {
    const char *key = y->from.lxc ? "hostname" : "name";
    const char *name = call_str(y->c, key);
    char store[400];
    const char *bad =
        name ? guest_value_bad(guest_key(y->from.lxc, key), name, store, sizeof(store)) : NULL;

    return bad ? call_param_error(y->c, key, "%s", bad) : 0;
}

static int open_copy(struct call *c, struct copy *y) {
    const char *node = call_str(c, "node");

    *y = (struct copy){.c = c,
                       .newid = (uint32_t)call_int(c, "newid", 0),
                       .snap = call_str(c, "snapname"),
                       .storage = call_str(c, "storage"),
                       .target = call_str(c, "target"),
                       .pool = call_str(c, "pool")};
    if (y->target && strcmp(y->target, node) == 0) {
        y->target = NULL;
    }
    if (check_allowed(y) < 0 || guest_of_call(c, &y->from) < 0 || check_name(y) < 0) {
        return -1;
    }
    y->running = guest_running(c->s, &y->from);
    y->full = call_bool(c, "full", !guest_conf(&y->from, "template"));
    y->cfg = js_get(y->from.obj, "config");
    return 0;
}

static int check_kind(struct copy *y) {
    struct call *c = y->c;

    if (y->snap) {
        y->cfg = js_get(js_get(y->from.obj, "snapshots"), y->snap);
    }
    if (!y->cfg) {
        return call_fail(c, 500, "snapshot '%s' does not exist", y->snap);
    }
    if (y->storage && !y->full) {
        return call_fail(c, 500, "parameter 'storage' not allowed for linked clones");
    }
    if (call_str(c, "format") && !y->full) {
        return call_fail(c, 500, "parameter 'format' not allowed for linked clones");
    }
    return 0;
}

/* ---- the task ---- */

/* A copy of the source's firewall goes with it, and with a task that fails. */
static void copy_firewall(struct sim *s, const struct guest *from, const char *to) {
    const js *fw = state_get(&s->st, "firewall", "guests", from->key, NULL);

    if (fw) {
        state_set(&s->st, js_copy(fw), "firewall", "guests", to, NULL);
    }
}

static void unlock_source(struct sim_task *t) {
    struct guest from;

    if (guest_find(t->s, t->vmid, &from) && from.lxc && guest_conf(&from, "lock")) {
        state_del(&t->s->st, "guests", from.key, "config", "lock", NULL);
    }
}

static void take_back(struct sim_task *t) {
    const char *key = js_str_or(t->args, "newid", "");
    struct state *st = &t->s->st;

    unlock_source(t);
    if (!js_get(t->args, "made")) {
        return; /* the number is somebody else's */
    }
    if (state_get(st, "firewall", "guests", key, NULL)) {
        state_del(st, "firewall", "guests", key, NULL);
    }
    state_del(st, "guests", key, NULL);
}

/* The cloud-init drive has a name of its own; nothing of the old one is copied. */
static void cloudinit_name(struct sim *s, const struct guest *g, const char *storage,
                           const char *format, char *ret, size_t size) {
    if (storage_keeps_files(storage_find(s, storage))) {
        (void)snprintf(ret, size, "%s:%u/vm-%u-cloudinit.%s", storage, g->vmid, g->vmid, format);
    } else {
        (void)snprintf(ret, size, "%s:vm-%u-cloudinit", storage, g->vmid);
    }
}

/* As the storages show what a volume is linked to. */
static void set_parent(struct sim *s, const char *volid, const char *base) {
    char parent[300], id[128];

    if (volume_own(volid) == strchr(volid, ':') + 1) {
        return;
    }
    volume_storage(volid, id, sizeof(id));
    (void)snprintf(parent, sizeof(parent),
                   storage_keeps_files(storage_find(s, id)) ? "../%s" : "%s@__base__",
                   volume_own(base));
    state_set(&s->st, js_str(parent), "volumes", volid, "parent", NULL);
}

static void copy_volume(struct sim_task *t, const struct guest *g, js *cfg, const char *key,
                        const char *value) {
    const char *storage = js_get_str(t->args, "storage"), *format = js_get_str(t->args, "format");
    char old[256], fresh[512], id[128], text[2048], size[32] = "";
    bool full = in_full(js_bool_or(t->args, "full", false), key, value);
    bool cloudinit = is_cloudinit(value);
    const js *v;

    (void)volume_of_value(value, old, sizeof(old));
    v = state_get(&t->s->st, "volumes", old, NULL);
    volume_storage(old, id, sizeof(id));
    if (!format) {
        format = js_str_or(v, "format", "raw");
        format = strcmp(format, "subvol") == 0 ? "raw" : format;
    }
    task_log(t, "create %s clone of %s %s (%s)", full ? "full" : "linked",
             !g->lxc ? "drive"
             : full  ? "mountpoint"
                     : "mount point",
             key, old);
    if (!full) {
        volume_linked_name(t->s, g, old, fresh, sizeof(fresh));
    } else if (cloudinit) {
        cloudinit_name(t->s, g, storage ? storage : id, format, fresh, sizeof(fresh));
    } else {
        volume_new_name(t->s, g, storage ? storage : id, format, fresh, sizeof(fresh));
    }
    (void)option_get(value, "size", size, sizeof(size));
    volume_add(t->s, g, fresh, g->node,
               cloudinit ? INT64_C(4) << 20 : js_int_or(v, "size", size_bytes(size)));
    if (!full) {
        set_parent(t->s, fresh, old);
    }
    volume_rewrite(value, fresh, cloudinit ? "4M" : NULL, text, sizeof(text));
    js_add(cfg, key, js_str(text));
}

static js *new_config(struct sim_task *t, const struct guest *from, const js *cfg) {
    js *made = js_object();
    const char *name = js_get_str(t->args, from->lxc ? "hostname" : "name");
    char volid[256];

    JS_FOREACH(cfg, key, value) {
        if (!stays_behind(key) &&
            !is_copied(from->lxc, key, json_object_get_string(value), volid, sizeof(volid))) {
            js_add(made, key, js_ref(value));
        }
    }
    config_new_macs(t->s, made);
    if (!from->lxc) {
        config_new_uuid(t->s, made);
    }
    if (!from->lxc && js_get(made, "vmgenid")) { /* only one that had one gets another */
        config_new_genid(t->s, made);
    }
    if (name) {
        js_add(made, from->lxc ? "hostname" : "name", js_str(name));
    } else if (!from->lxc) {
        js_addf(made, "name", "Copy-of-VM-%s", js_str_or(cfg, "name", from->key));
    }
    if (js_get_str(t->args, "description")) {
        js_add(made, "description", js_str(js_get_str(t->args, "description")));
    }
    return made;
}

/* What activating the source's volumes finds. */
static const char *unusable(struct sim_task *t, const struct guest *from) {
    char why[200];
    const char *bad = guest_volumes_bad(t->s, from, why, sizeof(why));

    if (bad) {
        (void)snprintf(t->exit, sizeof(t->exit), "clone failed: %s", bad);
    }
    return bad ? t->exit : NULL;
}

static const char *finish_clone(struct sim_task *t) {
    const char *snap = js_get_str(t->args, "snapname"), *pool = js_get_str(t->args, "pool");
    const char *key = js_str_or(t->args, "newid", "");
    CLEANUP(js_freep) js *made = NULL;
    struct guest from, g;
    const js *cfg;
    uint32_t newid;

    if (!js_get(t->args, "made")) {
        (void)snprintf(t->exit, sizeof(t->exit),
                       "close (rename) atomic file '/etc/pve/nodes/%s/qemu-server/%s.conf' "
                       "failed: File exists",
                       t->node, key);
        return t->exit;
    }
    if (!guest_find(t->s, t->vmid, &from) || ident_vmid(key, &newid) < 0 ||
        !guest_find(t->s, newid, &g)) {
        return "clone failed: guest does not exist any more";
    }
    if (unusable(t, &from)) {
        return t->exit;
    }
    cfg = js_get(from.obj, "config");
    cfg = snap ? js_get(js_get(from.obj, "snapshots"), snap) : cfg;
    task_log(t, "creating a clone of %s %u with ID %s", from.lxc ? "container" : "VM", from.vmid,
             key);
    made = new_config(t, &from, cfg);
    JS_FOREACH(cfg, name, value) {
        char volid[256];

        if (is_copied(from.lxc, name, json_object_get_string(value), volid, sizeof(volid))) {
            copy_volume(t, &g, made, name, json_object_get_string(value));
        }
    }
    state_set(&t->s->st, TAKE(made), "guests", g.key, "config", NULL);
    if (js_get_str(t->args, "target")) {
        state_set(&t->s->st, js_str(js_get_str(t->args, "target")), "guests", g.key, "node", NULL);
    }
    if (pool) {
        newcomer_pool(t->s, newid, pool);
    }
    unlock_source(t);
    return NULL;
}

/* The number is taken, and what is to stay as it is is locked. */
static void reserve(struct copy *y, struct sim_task *t) {
    struct sim *s = y->c->s;
    js *locked = js_object();
    struct guest have;
    char key[16];

    (void)snprintf(key, sizeof(key), "%u", y->newid);
    js_add(t->args, "newid", js_str(key));
    js_add(t->args, "full", js_int(y->full));
    js_add(locked, "lock", js_str(y->from.lxc ? "create" : "clone"));
    if (!guest_find(s, y->newid, &have)) {
        js_add(t->args, "made", js_int(1));
        newcomer_add(s, y->newid, y->from.lxc, y->from.node, TAKE(locked));
        copy_firewall(s, &y->from, key);
    }
    js_freep(&locked);
    if (y->from.lxc) {
        state_set(&s->st, js_str("disk"), "guests", y->from.key, "config", "lock", NULL);
    }
}

int route_clone(struct call *c) {
    struct copy y;
    struct sim_task *t;

    if (open_copy(c, &y) < 0 || check_target(&y) < 0 || guest_unlocked(c, &y.from) < 0 ||
        (y.from.lxc && check_number(&y) < 0) || check_kind(&y) < 0 || check_config(&y) < 0 ||
        (!y.from.lxc && check_number(&y) < 0)) {
        return -1;
    }
    t = task_new(c, finish_clone);
    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    t->vmid = y.from.vmid;
    t->args = js_copy(c->params);
    t->cleanup = take_back;
    reserve(&y, t);
    return task_start(c, t, y.from.node, y.from.lxc ? "vzclone" : "qmclone", y.from.key);
}
