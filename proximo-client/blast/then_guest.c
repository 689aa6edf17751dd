/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a guest that is there: power, configuration, another node, its end. */
#include "proximo-client/blast/then_int.h"

#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/blast_int.h"

static const js *row_of(const js *list, uint32_t vmid) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (js_int_or(js_at(list, i), "vmid", 0) == (int64_t)vmid) {
            return js_at(list, i);
        }
    }
    return NULL;
}

/* The manager of HA takes such a request and acts later, or back. */
static bool is_managed(const js *list, const js *status, uint32_t vmid) {
    return js_str_or(row_of(list, vmid), "hastate", "")[0] != '\0' ||
           js_bool_or(js_get(status, "ha"), "managed", false);
}

/* ---- power ---- */

/* What the last segment of the path says; NULL: it stays as it is. */
static const char *ends_as(const struct effect *x) {
    const char *action = strrchr(x->path, '/') + 1;

    return strcmp(action, "start") == 0                                     ? "running"
           : strcmp(action, "stop") == 0 || strcmp(action, "shutdown") == 0 ? "stopped"
                                                                            : NULL;
}

static void set_power(js *row, const struct effect *x) {
    js_add(row, "status", js_str(ends_as(x)));
    if (js_get(row, "qmpstatus")) {
        js_add(row, "qmpstatus", js_str(ends_as(x)));
    }
}

static enum then_is power(const struct effect *x, const char *path, js **data) {
    struct guest_read g;
    bool managed;

    if (!ends_as(x)) {
        return THEN_SAME;
    }
    if (is_guest_list(path)) {
        managed = is_managed(*data, NULL, x->vmid);
        return !list_edit_guest(data, x->vmid, set_power, x) ? THEN_SAME
               : managed                                     ? THEN_UNWATCHED
                                                             : THEN_KNOWN;
    }
    if (!guest_read_of(path, &g) || !effect_owns(x, &g) || strcmp(g.tail, "/status/current") != 0 ||
        !js_is_object(*data)) {
        return THEN_SAME;
    }
    managed = is_managed(NULL, *data, x->vmid);
    (void)then_set(data, js_copy(*data));
    set_power(*data, x);
    return managed ? THEN_UNWATCHED : THEN_KNOWN;
}

/* ---- configuration ---- */

static bool config_begin(struct effect *x, then_read *read, void *ctx) {
    (void)read;
    (void)ctx;
    return !js_get(x->form, "revert"); /* what waits to be taken back is not in the configuration */
}

/* A disk that is taken out, or whose place another one takes, stays as one out of use. */
static void keep_unused(js *config, const char *value) {
    char volume[300], key[16];
    size_t n = strcspn(value, ",");

    if (!strchr(value, ':') || value[0] == '/' || strstr(value, "media=cdrom")) {
        return;
    }
    (void)snprintf(volume, sizeof(volume), "%.*s", (int)(n < 299 ? n : 299), value);
    for (unsigned int i = 0; i < 256; i++) {
        (void)snprintf(key, sizeof(key), "unused%u", i);
        if (!js_get(config, key)) {
            js_add(config, key, js_str(volume));
            return;
        }
    }
}

static void keep_disks(const char *kind, const js *was, js *now) {
    JS_FOREACH(was, key, value) {
        const char *text = js_is_str(value) ? json_object_get_string(value) : "";
        const char *after = js_str_or(now, key, "");
        size_t n = strcspn(text, ",");

        if (key_holds_disk(kind, key) && strncmp(key, "unused", 6) != 0 &&
            strcmp(key, "hookscript") != 0 &&
            (strncmp(text, after, n) != 0 || (after[n] && after[n] != ','))) {
            keep_unused(now, text);
        }
    }
}

static js *config_over(const struct effect *x, const js *was) {
    js *now = form_over(was, x->form);

    JS_FOREACH(x->form, key, value) {
        if (js_is_object(value)) { /* a secret: PVE shows stars */
            js_add(now, key, js_str("**********"));
        }
    }
    keep_disks(x->kind->guest, was, now);
    config_allocate(now, x->kind->guest, x->vmid);
    return now;
}

static bool touches(const struct effect *x, const char *key) {
    CLEANUP(js_freep) js *gone = form_words(x->form, "delete");

    for (size_t i = 0; i < js_len(gone); i++) {
        if (strcmp(json_object_get_string(js_at(gone, i)), key) == 0) {
            return true;
        }
    }
    return js_get(x->form, key) != NULL;
}

static void set_name(js *row, const struct effect *x) {
    bool lxc = strcmp(x->kind->guest, "lxc") == 0;
    const char *key = lxc ? "hostname" : "name";
    const char *name = js_get_str(x->form, key);

    if (name) {
        js_add(row, "name", js_str(name));
    } else if (touches(x, key)) {
        js_addf(row, "name", lxc ? "CT%u" : "VM %u", x->vmid);
    }
    if (js_get(x->form, "tags")) {
        js_add(row, "tags", js_copy(js_get(x->form, "tags")));
    } else if (touches(x, "tags")) {
        json_object_object_del(row, "tags");
    }
}

static bool allocates_on(const struct effect *x, const char *path) {
    struct guest_read g;

    return lists_volumes_of(path, x->kind->guest, x->form) ||
           (guest_read_of(path, &g) && effect_owns(x, &g)); /* anything else of the guest's */
}

static enum then_is config(const struct effect *x, const char *path, js **data) {
    bool named = touches(x, "name") || touches(x, "hostname") || touches(x, "tags");
    struct guest_read g;

    if (is_guest_list(path)) {
        const js *row = named ? row_of(*data, x->vmid) : NULL;
        bool waits = strcmp(x->kind->guest, "lxc") == 0 &&
                     strcmp(js_str_or(row, "status", ""), "running") == 0;

        return !row || !list_edit_guest(data, x->vmid, set_name, x)          ? THEN_SAME
               : waits /* a container's name is taken over when it starts */ ? THEN_UNWATCHED
                                                                             : THEN_KNOWN;
    }
    if (guest_read_of(path, &g) && effect_owns(x, &g)) {
        if (strcmp(g.tail, "/config") == 0 && *data) {
            return then_set(data, config_over(x, *data));
        }
        if (strcmp(g.tail, "/status/current") == 0 || strncmp(g.tail, "/snapshot", 9) == 0 ||
            strncmp(g.tail, "/firewall", 9) == 0) {
            return THEN_SAME;
        }
    }
    return allocates_on(x, path) ? THEN_UNKNOWN : THEN_SAME;
}

/* ---- migration ---- */

/* "/nodes/N/storage/S/content": a guest's volumes come and go with it. */
static bool is_volume_list(const char *path) {
    return strstr(path, "/storage/") && strstr(path, "/content") && !strstr(path, "content=backup");
}

static void set_node(js *row, const struct effect *x) {
    js_add(row, "node", js_str(js_str_or(x->form, "target", "")));
}

/* Where its volumes will lie is a matter of the move itself. */
static enum then_is migrate(const struct effect *x, const char *path, js **data) {
    const char *target = js_str_or(x->form, "target", "");
    struct guest_read g;
    bool managed;

    if (is_guest_list(path)) {
        managed = is_managed(*data, NULL, x->vmid);
        return !list_edit_guest(data, x->vmid, set_node, x) ? THEN_SAME
               : managed                                    ? THEN_UNWATCHED
                                                            : THEN_KNOWN;
    }
    if (guest_read_of(path, &g)) {
        return g.vmid == x->vmid && (strcmp(g.node, x->node) == 0 || strcmp(g.node, target) == 0)
                   ? THEN_UNKNOWN
                   : THEN_SAME;
    }
    return is_volume_list(path) ? THEN_UNKNOWN : THEN_SAME;
}

/* ---- the end of a guest ---- */

static bool is_its_path(const js *entry, uint32_t vmid) {
    char path[24];

    (void)snprintf(path, sizeof(path), "/vms/%u", vmid);
    return strcmp(js_str_or(entry, "path", ""), path) == 0;
}

static bool is_its_resource(const js *entry, uint32_t vmid) {
    const char *colon = strchr(js_str_or(entry, "sid", ""), ':');

    uint32_t id = 0;

    return colon && ident_vmid(colon + 1, &id) == 0 && id == vmid;
}

static bool is_its_job(const js *entry, uint32_t vmid) {
    return js_int_or(entry, "guest", 0) == (int64_t)vmid;
}

static bool is_its_backup(const js *entry, uint32_t vmid) {
    CLEANUP(js_freep) js *list = form_words(entry, "vmid");
    char id[16];

    (void)snprintf(id, sizeof(id), "%u", vmid);
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(json_object_get_string(js_at(list, i)), id) == 0) {
            return true;
        }
    }
    return false;
}

/* Rows of a list that go with the guest. */
static enum then_is without(js **list, uint32_t vmid, bool (*is_its)(const js *, uint32_t)) {
    js *out = js_array();
    bool found = false;

    for (size_t i = 0; i < js_len(*list); i++) {
        bool its = is_its(js_at(*list, i), vmid);

        found |= its;
        if (!its) {
            js_push(out, js_ref(js_at(*list, i)));
        }
    }
    (void)then_set(list, out);
    return found ? THEN_KNOWN : THEN_SAME;
}

static enum then_is without_member(js **pools, uint32_t vmid) {
    CLEANUP(js_freep) js *copy = js_copy(*pools);
    bool found = false;

    for (size_t i = 0; i < js_len(copy); i++) {
        js *members = js_ref(js_get(js_at(copy, i), "members"));

        found |= members && list_edit_guest(&members, vmid, NULL, NULL);
        if (members) {
            js_add(js_at(copy, i), "members", members);
        }
    }
    return found ? then_set(pools, TAKE(copy)) : THEN_SAME;
}

static enum then_is destroy(const struct effect *x, const char *path, js **data) {
    bool purge = js_bool_or(x->form, "purge", false);
    struct guest_read g;

    if (is_guest_list(path)) {
        return list_edit_guest(data, x->vmid, NULL, x) ? THEN_KNOWN : THEN_SAME;
    }
    if (guest_read_of(path, &g)) {
        return effect_owns(x, &g) ? then_set(data, NULL) : THEN_SAME;
    }
    if (strcmp(path, "/access/acl") == 0) {
        return without(data, x->vmid, is_its_path);
    }
    if (strncmp(path, "/pools", 6) == 0) {
        return without_member(data, x->vmid);
    }
    if (purge && strcmp(path, "/cluster/ha/resources") == 0) {
        return without(data, x->vmid, is_its_resource);
    }
    if (purge && strcmp(path, "/cluster/replication") == 0) {
        return without(data, x->vmid, is_its_job);
    }
    if (purge && strcmp(path, "/cluster/backup") == 0) {
        CLEANUP(js_freep) js *copy = js_ref(*data);

        return without(&copy, x->vmid, is_its_backup) == THEN_SAME ? THEN_SAME : THEN_UNKNOWN;
    }
    if (purge && strcmp(path, "/cluster/ha/rules") == 0) {
        return THEN_UNWATCHED;
    }
    return is_volume_list(path) ? THEN_UNKNOWN : THEN_SAME;
}

const struct effect_kind then_guest_kinds[] = {
    BOTH("POST", "/status/start", NULL, power),
    BOTH("POST", "/status/stop", NULL, power),
    BOTH("POST", "/status/shutdown", NULL, power),
    BOTH("POST", "/status/reboot", NULL, power),
    BOTH("POST", "/status/reset", NULL, power),
    BOTH("PUT", "/config", config_begin, config),
    BOTH("POST", "/migrate", NULL, migrate),
    BOTH("DELETE", "", NULL, destroy),
    {NULL, NULL, NULL, NULL, NULL},
};
