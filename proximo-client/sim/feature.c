/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a guest can be snapshotted, cloned (linked) or copied: PVE answers from the types and
 * formats of its volumes, for the present, for a snapshot of it, or for a template's base volumes.
 * The guest can what all of its volumes can. */
#include <string.h>

#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/volnames.h"

enum { OF_NOW = 1, OF_SNAP = 2, OF_BASE = 4 };

/* By storage type and format; NULL = any (without a type: any other that holds files). All
 * but thick LVM can become a base volume. */
static const struct ability {
    const char *type, *format;
    unsigned int snapshot, clone, copy;
} abilities[] = {
    {"lvmthin", NULL, OF_NOW, OF_BASE | OF_SNAP, OF_NOW | OF_BASE | OF_SNAP},
    {"rbd", NULL, OF_NOW | OF_SNAP, OF_BASE | OF_SNAP, OF_NOW | OF_BASE | OF_SNAP},
    {"zfspool", NULL, OF_NOW | OF_SNAP, OF_BASE, OF_NOW | OF_BASE},
    {"zfs", NULL, OF_NOW | OF_SNAP, OF_BASE, OF_NOW | OF_BASE},
    {"lvm", NULL, 0, 0, OF_NOW | OF_BASE},
    {"btrfs", ".qcow2", OF_NOW | OF_SNAP, OF_BASE, OF_NOW | OF_BASE | OF_SNAP},
    {"btrfs", "subvol-", OF_NOW | OF_SNAP, OF_BASE, OF_NOW | OF_BASE | OF_SNAP},
    {"btrfs", NULL, OF_NOW | OF_SNAP, OF_NOW | OF_BASE | OF_SNAP, OF_NOW | OF_BASE | OF_SNAP},
    {"cephfs", NULL, OF_NOW | OF_SNAP, 0, OF_NOW | OF_BASE},
    {NULL, ".qcow2", OF_NOW | OF_SNAP, OF_BASE, OF_NOW | OF_BASE | OF_SNAP},
    {NULL, ".raw", 0, OF_BASE, OF_NOW | OF_BASE},
    {NULL, ".vmdk", 0, OF_BASE, OF_NOW | OF_BASE},
};

static unsigned int ability(const struct ability *a, const char *feature) {
    return strcmp(feature, "snapshot") == 0 ? a->snapshot
           : strcmp(feature, "clone") == 0  ? a->clone
           : strcmp(feature, "copy") == 0   ? a->copy
           : a->copy && (!a->type || strcmp(a->type, "lvm") != 0) ? OF_NOW
                                                                  : 0;
}

bool volume_can(struct sim *s, const char *volid, const char *feature, bool snap, bool lxc) {
    unsigned int of = snap ? OF_SNAP : volume_is_base(volid) ? OF_BASE : OF_NOW;
    char id[128];
    const char *type;

    if (*volid == '/' || !strchr(volid, ':')) {
        return false; /* a path of the host is nobody's volume */
    }
    (void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(volid, ":"), volid);
    type = js_str_or(storage_find(s, id), "type", "");
    if (lxc && strcmp(feature, "clone") == 0 && strcmp(type, "btrfs") != 0 &&
        storage_keeps_files(storage_find(s, id))) {
        return false; /* a linked file is a qcow2, which no container can have */
    }
    for (size_t i = 0; *type && i < ARRAY_LEN(abilities); i++) {
        const struct ability *a = &abilities[i];

        if ((!a->type || strcmp(a->type, type) == 0) &&
            (!a->format || strstr(volid, a->format) != NULL)) {
            return (ability(a, feature) & of) != 0;
        }
    }
    return false;
}

static bool counts(bool lxc, const char *key, const char *value) {
    return guest_key_is_volume(lxc, key) && strncmp(key, "unused", 6) != 0 &&
           strcmp(key, "vmstate") != 0 && !strstr(value, "media=cdrom") &&
           strncmp(value, "none", 4) != 0;
}

bool guest_can(struct sim *s, const struct guest *g, const char *feature, const js *config,
               bool snap) {
    JS_FOREACH(config, key, value) {
        const char *v = json_object_get_string(value);

        if (counts(g->lxc, key, v) && !volume_can(s, v, feature, snap, g->lxc)) {
            return false;
        }
    }
    return true;
}

/* A VM can be made from it where all its volumes are. */
static js *nodes_with(struct sim *s, const struct guest *g, const js *config) {
    js *all = state_get(&s->st, "nodes", NULL), *list = js_array();

    JS_FOREACH(all, node, facts) {
        bool here = true;

        (void)facts;
        JS_FOREACH(config, key, value) {
            const char *v = json_object_get_string(value);
            char id[128];
            js *def;

            if (!counts(g->lxc, key, v) || !strchr(v, ':')) {
                continue;
            }
            (void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(v, ":"), v);
            def = storage_find(s, id);
            here = here && def && storage_on_node(def, node) &&
                   (storage_shared(def) || strcmp(node, g->node) == 0);
        }
        if (here) {
            js_push(list, js_str(node));
        }
    }
    return list;
}

int route_guest_feature(struct call *c) {
    const char *name = call_str(c, "snapname");
    const js *config;
    struct guest g;

    if (guest_of_call(c, &g) < 0) {
        return -1;
    }
    config = js_get(g.obj, "config");
    if (name) {
        config = js_get(js_get(g.obj, "snapshots"), name);
        if (!config) {
            return call_fail(c, 500, "snapshot '%s' does not exist", name);
        }
    }
    c->data = js_object();
    js_add(c->data, "hasFeature",
           js_int(guest_can(c->s, &g, call_str(c, "feature"), config, name)));
    if (!g.lxc) {
        js_add(c->data, "nodes", nodes_with(c->s, &g, config));
    }
    return 0;
}
