/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes as guests name them: taken apart, made, referred to. */
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "common/volfeature.h"
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

static const char *name_of(const char *volid) {
    const char *colon = strchr(volid, ':');

    return colon ? colon + 1 : volid;
}

static const char *file_of(const char *volid) {
    const char *slash = strrchr(volid, '/');

    return slash ? slash + 1 : name_of(volid);
}

/* A base volume of a template: nothing writes to it, others are linked to it. */
static bool volume_is_base(const char *volid) {
    return volume_name_is_base(name_of(volid));
}

const char *volume_own(const char *volid) {
    return volume_name_own(name_of(volid));
}

void volume_rewrite(const char *value, const char *volid, const char *size, char *ret,
                    size_t room) {
    int n = snprintf(ret, room, "%s", volid);

    for (const char *s = value; *s && n > 0 && (size_t)n < room;) {
        size_t len = strcspn(s, ",");

        if (s != value && !(size && strncmp(s, "size=", 5) == 0)) {
            n += snprintf(ret + n, room - (size_t)n, ",%.*s", (int)len, s);
        }
        s += len + (s[len] == ',');
    }
    if (size && n > 0 && (size_t)n < room) {
        (void)snprintf(ret + n, room - (size_t)n, ",size=%s", size);
    }
}

bool storage_keeps_files(const js *def) {
    static const char *const types[] = {"dir", "nfs", "cifs", "cephfs", "btrfs"};

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (strcmp(js_str_or(def, "type", ""), types[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The number of a disk is free when no volume of the storage has it, linked ones and bases
 * included: they are one name space there. */
static bool number_is_free(struct sim *s, const char *storage, const struct guest *g,
                           unsigned int number) {
    char tail[64];
    size_t n = strlen(storage);
    size_t len;

    (void)snprintf(tail, sizeof(tail), "-%u-disk-%u", g->vmid, number);
    len = strlen(tail);
    JS_FOREACH(state_get(&s->st, "volumes", NULL), volid, v) {
        const char *at = strncmp(volid, storage, n) == 0 && volid[n] == ':' ? file_of(volid) : "";
        const char *dash = strchr(at, '-');

        (void)v;
        if (dash && strncmp(dash, tail, len) == 0 && (!dash[len] || dash[len] == '.')) {
            return false;
        }
    }
    return true;
}

static unsigned int free_number(struct sim *s, const char *storage, const struct guest *g) {
    unsigned int n = 0;

    while (n < 999 && !number_is_free(s, storage, g, n)) {
        n++;
    }
    return n;
}

void volume_new_name(struct sim *s, const struct guest *g, const char *storage, const char *format,
                     char *ret, size_t size) {
    const js *def = storage_find(s, storage);
    const char *stem =
        g->lxc && strcmp(js_str_or(def, "type", ""), "zfspool") == 0 ? "subvol" : "vm";
    unsigned int n = free_number(s, storage, g);

    if (storage_keeps_files(def)) {
        (void)snprintf(ret, size, "%s:%u/%s-%u-disk-%u.%s", storage, g->vmid, stem, g->vmid, n,
                       format ? format : "raw");
    } else {
        (void)snprintf(ret, size, "%s:%s-%u-disk-%u", storage, stem, g->vmid, n);
    }
}

void volume_linked_name(struct sim *s, const struct guest *g, const char *base, char *ret,
                        size_t size) {
    char id[128], fresh[256];
    const char *type;

    volume_storage(base, id, sizeof(id));
    type = js_str_or(storage_find(s, id), "type", "");
    volume_new_name(s, g, id,
                    strcmp(type, "btrfs") == 0 && strstr(file_of(base), ".raw") ? "raw" : "qcow2",
                    fresh, sizeof(fresh));
    if (volume_link_binds(type, name_of(base))) {
        (void)snprintf(ret, size, "%s:%s/%s", id, volume_own(base), name_of(fresh));
    } else {
        (void)snprintf(ret, size, "%s", fresh); /* shares blocks, and its name does not tell */
    }
}

void volume_base_name(const char *volid, char *ret, size_t size) {
    const char *file = file_of(volid);
    const char *dash = strchr(file, '-');

    (void)snprintf(ret, size, "%.*s%s%s", (int)(file - volid), volid,
                   strncmp(file, "subvol-", 7) == 0 && !strchr(file, '.') ? "basevol" : "base",
                   dash ? dash : "");
}

static const char *format_of(const char *volid) {
    const char *file = file_of(volid);
    const char *dot = strrchr(file, '.');

    return dot                                                                   ? dot + 1
           : strncmp(file, "subvol", 6) == 0 || strncmp(file, "basevol", 7) == 0 ? "subvol"
                                                                                 : "raw";
}

void volume_add(struct sim *s, const struct guest *g, const char *volid, const char *node,
                int64_t size) {
    js *v = js_object();

    js_add(v, "content", js_str(g->lxc ? "rootdir" : "images"));
    js_add(v, "vmid", js_int(g->vmid));
    js_add(v, "size", js_int(size));
    js_add(v, "ctime", js_int(sim_now(s)));
    js_add(v, "format", js_str(format_of(volid)));
    if (!volume_is_shared(s, volid)) {
        js_add(v, "node", js_str(node));
    }
    state_set(&s->st, v, "volumes", volid, NULL);
}

bool volume_is_elsewhere(struct sim *s, const char *volid, const char *node) {
    const js *v = state_get(&s->st, "volumes", volid, NULL);

    return js_get(v, "node") && !list_has(js_str_or(v, "node", ""), node);
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
    size_t n = strcspn(volid, ":");
    const char *own = volume_own(volid);
    size_t len = strlen(own);

    if (!volume_is_base(volid)) {
        return NULL;
    }
    JS_FOREACH(all, name, v) {
        (void)v;
        if (strncmp(name, volid, n + 1) == 0 && strncmp(name + n + 1, own, len) == 0 &&
            name[n + 1 + len] == '/') {
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

void guest_drop_used(struct sim *s, const struct guest *g) {
    CLEANUP(js_freep) js *config = js_copy(js_get(g->obj, "config"));

    JS_FOREACH(config, slot, volid) {
        JS_FOREACH(strncmp(slot, "unused", 6) == 0 ? config : NULL, key, value) {
            char volume[256];

            if (strncmp(key, "unused", 6) != 0 && guest_key_is_volume(g->lxc, key) &&
                volume_of_value(json_object_get_string(value), volume, sizeof(volume)) &&
                strcmp(volume, json_object_get_string(volid)) == 0) {
                state_del(&s->st, "guests", g->key, "config", slot, NULL);
                break;
            }
        }
    }
}
