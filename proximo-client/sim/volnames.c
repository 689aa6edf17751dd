/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes as guests name them: taken apart, made, referred to. */
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/volnames.h"

bool volume_of_value(const char *value, char *ret, size_t size) {
    (void)option_get(value, "", ret, size);
    if (!*ret) {
        (void)option_get(value, "file", ret, size);
    }
    if (!*ret) {
        (void)option_get(value, "volume", ret, size);
    }
    return *ret && *ret != '/' && strchr(ret, ':') != NULL;
}

void volume_storage(const char *volid, char *ret, size_t size) {
    (void)snprintf(ret, size, "%.*s", (int)strcspn(volid, ":"), volid);
}

bool volume_is_shared(struct sim *s, const char *volid) {
    char id[128];

    volume_storage(volid, id, sizeof(id));
    return storage_shared(storage_find(s, id));
}

/* Storages that keep files name them by guest and format. */
static bool keeps_files(const js *def) {
    static const char *const types[] = {"dir", "nfs", "cifs", "cephfs", "btrfs"};

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (strcmp(js_str_or(def, "type", ""), types[i]) == 0) {
            return true;
        }
    }
    return false;
}

void volume_new_name(struct sim *s, const struct guest *g, const char *storage, const char *format,
                     char *ret, size_t size) {
    const js *def = storage_find(s, storage);
    const char *stem =
        g->lxc && !keeps_files(def) && strcmp(js_str_or(def, "type", ""), "zfspool") == 0 ? "subvol"
                                                                                          : "vm";

    for (unsigned int n = 0; n < 1000; n++) {
        if (keeps_files(def)) {
            (void)snprintf(ret, size, "%s:%u/%s-%u-disk-%u.%s", storage, g->vmid, stem, g->vmid, n,
                           format ? format : "raw");
        } else {
            (void)snprintf(ret, size, "%s:%s-%u-disk-%u", storage, stem, g->vmid, n);
        }
        if (!state_get(&s->st, "volumes", ret, NULL)) {
            return;
        }
    }
}

void volume_add(struct sim *s, const struct guest *g, const char *volid, const char *node,
                int64_t size) {
    js *v = js_object();

    js_add(v, "content", js_str(g->lxc ? "rootdir" : "images"));
    js_add(v, "vmid", js_int(g->vmid));
    js_add(v, "size", js_int(size));
    js_add(v, "ctime", js_int(sim_now(s)));
    js_add(v, "format", js_str(strstr(volid, ".qcow2") ? "qcow2" : "raw"));
    if (!volume_is_shared(s, volid)) {
        js_add(v, "node", js_str(node));
    }
    state_set(&s->st, v, "volumes", volid, NULL);
}

bool volume_in_snapshot(const struct guest *g, const char *volid) {
    js *snaps = js_get(g->obj, "snapshots");

    JS_FOREACH(snaps, name, snap) {
        (void)name;
        JS_FOREACH(snap, key, value) {
            char have[256];

            if (guest_key_is_volume(g->lxc, key) &&
                volume_of_value(json_object_get_string(value), have, sizeof(have)) &&
                strcmp(have, volid) == 0) {
                return true;
            }
        }
    }
    return false;
}

const char *volume_clone(struct sim *s, const char *volid) {
    js *all = state_get(&s->st, "volumes", NULL);
    size_t n = strlen(volid);

    JS_FOREACH(all, name, v) {
        (void)v;
        if (strncmp(name, volid, n) == 0 && name[n] == '/') {
            return name;
        }
    }
    return NULL;
}

void guest_unused(struct sim *s, const struct guest *g, const char *volid) {
    char slot[16];

    for (unsigned int i = 0; i < 256; i++) {
        (void)snprintf(slot, sizeof(slot), "unused%u", i);
        if (!guest_conf(g, slot)) {
            state_set(&s->st, js_str(volid), "guests", g->key, "config", slot, NULL);
            return;
        }
    }
}
