/* SPDX-License-Identifier: Apache-2.0 */
/* Disks of a node: one with the system and three to spare, and what is made of those (volume
 * groups, thin pools, ZFS pools, directories). Also what a node without Ceph answers to everything
 * about it. */
#include <string.h>

#include "common/own.h"
#include "proximo-client/sim/routes.h"

static const char *const spare[] = {"/dev/sdb", "/dev/sdc", "/dev/sdd"};

int route_no_ceph(struct call *c) {
    return call_fail(c, 500, "binary not installed: /usr/bin/ceph-mon");
}

int route_qdevice(struct call *c) {
    c->data = js_object();
    return 0;
}

static const struct made {
    const char *kind, *used, *task, *gone, *type;
} kinds[] = {
    {"lvm", "LVM", "lvmcreate", "lvmremove", "lvm"},
    {"lvmthin", "LVM", "lvmthincreate", "lvmthinremove", "lvmthin"},
    {"zfs", "ZFS", "zfscreate", "zfsremove", "zfspool"},
    {"directory", "ext4", "dircreate", "dirremove", "dir"},
};

static const struct made *kind_named(const char *name, size_t n) {
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strlen(kinds[i].kind) == n && strncmp(kinds[i].kind, name, n) == 0) {
            return &kinds[i];
        }
    }
    return &kinds[0]; /* the routes name no other */
}

static const struct made *kind_of(const struct call *c) {
    const char *p = strstr(c->path, "/disks/");

    p = p ? p + 7 : "";
    return kind_named(p, strcspn(p, "/"));
}

static const js *made_at(struct sim *s, const char *node, const char *kind) {
    return state_get(&s->st, "nodes", node, "disks", kind, NULL);
}

/* What a spare disk is used for; "" = nothing. */
static const char *used_for(struct sim *s, const char *node, const char *dev) {
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const js *all = made_at(s, node, kinds[i].kind);

        if (all) {
            JS_FOREACH(all, name, o) {
                (void)name;
                if (list_has(js_str_or(o, "devices", ""), dev)) {
                    return kinds[i].used;
                }
            }
        }
    }
    return "";
}

static void disk(js *list, const char *dev, const char *parent, const char *used) {
    js *o = js_object();

    js_add(o, "devpath", js_str(dev));
    if (parent) {
        js_add(o, "parent", js_str(parent));
    } else {
        js_add(o, "model", js_str("unknown"));
        js_add(o, "serial", js_str("unknown"));
        js_add(o, "vendor", js_str("unknown"));
        js_add(o, "wwn", js_str("unknown"));
        js_add(o, "type", js_str("ssd"));
        js_add(o, "health", js_str("PASSED"));
    }
    js_add(o, "gpt", js_int(parent != NULL));
    js_add(o, "mounted", js_int(strcmp(used, "mounted") == 0));
    js_add(o, "osdid", js_int(-1));
    js_add(o, "osdid-list", NULL);
    js_add(o, "size", js_int(INT64_C(274877906944)));
    if (*used) {
        js_add(o, "used", js_str(used));
    }
    js_push(list, o);
}

/* What a captured node showed of its disks: "list", "lvm", "zfs" …; NULL: it is none, or had none.
 */
static const js *captured(struct sim *s, const char *node, const char *part) {
    return state_get(&s->st, "nodes", node, "hardware", part, NULL);
}

/* A captured disk that nothing uses and that has no partitions. */
static bool is_free(struct sim *s, const char *node, const char *dev) {
    const js *list = captured(s, node, "list");
    bool found = false;

    for (size_t i = 0; i < js_len(list); i++) {
        const js *o = js_at(list, i);

        if (strcmp(js_str_or(o, "parent", ""), dev) == 0) {
            return false;
        }
        found |= strcmp(js_str_or(o, "devpath", ""), dev) == 0 && !js_get(o, "parent") &&
                 !*js_str_or(o, "used", "");
    }
    return found;
}

static void captured_disks(struct call *c, const js *list) {
    for (size_t i = 0; i < js_len(list); i++) {
        js *o = js_copy(js_at(list, i));
        const char *used = used_for(c->s, call_str(c, "node"), js_str_or(o, "devpath", ""));

        if (*used) {
            js_add(o, "used", js_str(used));
        }
        if (js_get_str(o, "parent") && !call_bool(c, "include-partitions", false)) {
            js_freep(&o);
        } else {
            js_push(c->data, o);
        }
    }
}

static int devices(struct call *c, const char *kind) {
    const js *list;
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    list = captured(c->s, call_str(c, "node"), kind);
    c->data = list ? js_copy(list) : js_array();
    return 0;
}

int route_pci(struct call *c) {
    return devices(c, "pci");
}

int route_usb(struct call *c) {
    return devices(c, "usb");
}

int route_disks(struct call *c) {
    const js *list;
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    c->data = js_array();
    list = captured(c->s, call_str(c, "node"), "list");
    if (list) {
        captured_disks(c, list);
        return 0;
    }
    disk(c->data, "/dev/sda", NULL, "partitions");
    if (call_bool(c, "include-partitions", false)) {
        disk(c->data, "/dev/sda1", "/dev/sda", "BIOS boot");
        disk(c->data, "/dev/sda2", "/dev/sda", "EFI");
        disk(c->data, "/dev/sda3", "/dev/sda", "mounted");
    }
    for (size_t i = 0; i < ARRAY_LEN(spare); i++) {
        disk(c->data, spare[i], NULL, used_for(c->s, call_str(c, "node"), spare[i]));
    }
    return 0;
}

/* One group, pool or directory as its list shows it; NULL: this list does not show it. */
static js *shown(const struct made *k, const char *name, const js *o) {
    js *out = js_object(), *members, *one;
    char path[160];

    js_add(out, strcmp(k->kind, "lvmthin") == 0 ? "lv" : "name", js_str(name));
    js_add(out, "size", js_int(INT64_C(274877906944)));
    js_add(out, "free", js_int(INT64_C(274877906944)));
    if (strcmp(k->kind, "lvm") == 0) {
        members = js_array();
        one = js_object();
        js_add(one, "name", js_str(js_str_or(o, "devices", "")));
        js_add(one, "leaf", js_int(1));
        js_push(members, one);
        js_add(out, "children", members);
        js_add(out, "leaf", js_int(0));
    } else if (strcmp(k->kind, "lvmthin") == 0) {
        js_add(out, "vg", js_str(name));
    } else if (strcmp(k->kind, "zfs") == 0) {
        js_add(out, "health", js_str("ONLINE"));
    } else {
        (void)snprintf(path, sizeof(path), "/mnt/pve/%.100s", name);
        js_add(out, "path", js_str(path));
        js_add(out, "type", js_str("ext4"));
        js_add(out, "device", js_str(js_str_or(o, "devices", "")));
    }
    return out;
}

int route_disks_made(struct call *c) {
    const struct made *k = kind_of(c);
    const js *all;
    js *n, *list, *tree;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    tree = js_copy(captured(c->s, call_str(c, "node"), k->kind));
    list = js_is_array(tree)          ? js_ref(tree)
           : js_get(tree, "children") ? js_ref(js_get(tree, "children"))
                                      : js_array();
    js_freep(&tree);
    all = made_at(c->s, call_str(c, "node"), k->kind);
    if (all) {
        JS_FOREACH(all, name, o) {
            js_push(list, shown(k, name, o));
        }
    }
    if (strcmp(k->kind, "lvm") == 0) {
        tree = js_object();
        js_add(tree, "children", list);
        js_add(tree, "leaf", js_int(0));
        list = tree;
    }
    c->data = list;
    return 0;
}

int route_zpool(struct call *c) {
    const char *name = call_str(c, "name");
    const js *o = state_get(&c->s->st, "nodes", call_str(c, "node"), "disks", "zfs", name, NULL);
    const js *seen = js_get(captured(c->s, call_str(c, "node"), "pools"), name);
    js *children;

    if (seen && !o) {
        c->data = js_copy(seen);
        return 0;
    }

    if (!o) {
        return call_fail(c, 500, "zpool '%s' does not exist", name);
    }
    children = js_array();
    for (const char *p = js_str_or(o, "devices", ""); *p;) {
        size_t n = strcspn(p, ",; ");
        js *leaf = js_object();

        js_add(leaf, "name", js_str_n(p, n));
        js_push(children, leaf);
        p += n + (p[n] != '\0');
    }
    c->data = js_object();
    js_add(c->data, "name", js_str(name));
    js_add(c->data, "state", js_str("ONLINE"));
    js_add(c->data, "errors", js_str("No known data errors"));
    js_add(c->data, "children", children);
    return 0;
}

static js *storage_of(const struct made *k, const char *name, const char *node) {
    js *o = js_object();

    js_add(o, "type", js_str(k->type));
    js_add(o, "content",
           js_str(strcmp(k->kind, "directory") == 0 ? "images,rootdir,iso,vztmpl,backup,snippets"
                                                    : "images,rootdir"));
    js_add(o, "nodes", js_str(node));
    if (strncmp(k->kind, "lvm", 3) == 0) {
        js_add(o, "vgname", js_str(name));
    }
    if (strcmp(k->kind, "lvmthin") == 0) {
        js_add(o, "thinpool", js_str(name));
    } else if (strcmp(k->kind, "zfs") == 0) {
        js_add(o, "pool", js_str(name));
    } else if (strcmp(k->kind, "directory") == 0) {
        js_addf(o, "path", "/mnt/pve/%s", name);
        js_add(o, "is_mountpoint", js_str("1"));
    }
    return o;
}

static const char *create_done(struct sim_task *t) {
    const struct made *k =
        kind_named(js_str_or(t->args, "kind", ""), strlen(js_str_or(t->args, "kind", "")));
    js *o = js_object();

    js_add(o, "devices", js_str(js_str_or(t->args, "devices", "")));
    state_set(&t->s->st, o, "nodes", t->node, "disks", k->kind, t->arg, NULL);
    if (js_bool_or(t->args, "add", false)) {
        state_set(&t->s->st, storage_of(k, t->arg, t->node), "storage", t->arg, NULL);
    }
    return NULL;
}

static bool list_row_of(const js *list, const char *dev) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "devpath", ""), dev) == 0) {
            return true;
        }
    }
    return false;
}

static int check_devices(struct call *c, const char *devices) {
    for (const char *p = devices; *p;) {
        size_t n = strcspn(p, ",; ");
        char dev[100];
        bool known = false;

        (void)snprintf(dev, sizeof(dev), "%.*s", (int)n, p);
        const js *list = captured(c->s, call_str(c, "node"), "list");

        for (size_t i = 0; i < ARRAY_LEN(spare) && !list; i++) {
            known |= strcmp(spare[i], dev) == 0;
        }
        known |= is_free(c->s, call_str(c, "node"), dev);
        if (list ? !list_row_of(list, dev) : !known && strncmp(dev, "/dev/sda", 8) != 0) {
            return call_fail(c, 500, "unable to find device '%s'", dev);
        }
        if (!known || *used_for(c->s, call_str(c, "node"), dev)) {
            return call_fail(c, 500, "device '%s' is already in use", dev);
        }
        p += n + (p[n] != '\0');
    }
    return 0;
}

int route_disk_create(struct call *c) {
    const struct made *k = kind_of(c);
    const char *name = call_str(c, "name");
    const char *devices = call_str(c, "devices") ? call_str(c, "devices") : call_str(c, "device");
    struct sim_task *t;
    js *n;

    if (node_of_call(c, &n) < 0 || check_devices(c, devices) < 0) {
        return -1;
    }
    if (js_get(made_at(c->s, call_str(c, "node"), k->kind), name) ||
        (call_bool(c, "add_storage", false) && storage_find(c->s, name))) {
        return call_fail(c, 500, "storage ID '%s' already defined", name);
    }
    t = task_new(c, create_done);
    (void)snprintf(t->arg, sizeof(t->arg), "%s", name);
    t->args = js_object();
    js_add(t->args, "kind", js_str(k->kind));
    js_add(t->args, "devices", js_str(devices));
    js_add(t->args, "add", js_int(call_bool(c, "add_storage", false)));
    return task_start(c, t, call_str(c, "node"), k->task, name);
}

static const char *destroy_done(struct sim_task *t) {
    const char *kind = js_str_or(t->args, "kind", "");
    struct state *st = &t->s->st;

    state_del(st, "nodes", t->node, "disks", kind, t->arg, NULL);
    if (!js_members(state_get(st, "nodes", t->node, "disks", kind, NULL))) {
        state_del(st, "nodes", t->node, "disks", kind, NULL);
    }
    if (!js_members(state_get(st, "nodes", t->node, "disks", NULL))) {
        state_del(st, "nodes", t->node, "disks", NULL);
    }
    if (js_bool_or(t->args, "config", false) && storage_find(t->s, t->arg)) {
        state_del(st, "storage", t->arg, NULL);
    }
    return NULL;
}

int route_disk_destroy(struct call *c) {
    const struct made *k = kind_of(c);
    const char *name = call_str(c, "name");
    struct sim_task *t;
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    if (!js_get(made_at(c->s, call_str(c, "node"), k->kind), name)) {
        return captured(c->s, call_str(c, "node"), k->kind)
                   ? call_fail(c, 500, "'%s' was captured; the simulator destroys what it made",
                               name)
                   : call_fail(c, 500, "no such %s '%s'", k->kind, name);
    }
    t = task_new(c, destroy_done);
    (void)snprintf(t->arg, sizeof(t->arg), "%s", name);
    t->args = js_object();
    js_add(t->args, "kind", js_str(k->kind));
    js_add(t->args, "config", js_int(call_bool(c, "cleanup-config", false)));
    return task_start(c, t, call_str(c, "node"), k->gone, name);
}
