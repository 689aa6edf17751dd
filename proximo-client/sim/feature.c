/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a guest can be snapshotted, cloned (linked) or copied: PVE answers from the types and
 * formats of its volumes, for the present, for a snapshot of it, or for a template's base volumes.
 * The guest can what all of its volumes can. */
#include <string.h>

#include "common/own.h"
#include "common/volfeature.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/volnames.h"

bool volume_can(struct sim *s, const char *volid, const char *feature, bool snap, bool lxc) {
    char id[128];
    const char *type;

    if (*volid == '/' || !strchr(volid, ':')) {
        return false; /* a path of the host is nobody's volume */
    }
    volume_storage(volid, id, sizeof(id));
    type = js_str_or(storage_find(s, id), "type", "");
    return *type && volume_feature(type, strchr(volid, ':') + 1, feature, snap, lxc) > 0;
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
        char volid[512]; /* or a path */

        (void)snprintf(volid, sizeof(volid), "%.*s", (int)strcspn(v, ","), v);
        if (counts(g->lxc, key, v) && !volume_can(s, volid, feature, snap, g->lxc)) {
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
