/* SPDX-License-Identifier: Apache-2.0 */
/* Storage definitions, their state on each node, and the volumes on them. Deleting a definition
 * touches no data and is not refused while guests use it: exactly the trap that a plan's blast
 * radius has to show. */
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/routes.h"

js *storage_find(struct sim *s, const char *id) {
    return state_get(&s->st, "storage", id, NULL);
}

bool list_has(const char *list, const char *name) {
    size_t n = strlen(name);

    for (const char *at = list; at && *at;) {
        size_t len = strcspn(at, ",; ");

        if (len == n && strncmp(at, name, n) == 0) {
            return true;
        }
        at += len + (at[len] != 0);
    }
    return false;
}

bool storage_on_node(const js *storage, const char *node) {
    const char *nodes = js_get_str(storage, "nodes");

    return !js_bool_or(storage, "disable", false) && (!nodes || list_has(nodes, node));
}

int storage_enabled(struct call *c, const char *id, const char *node) {
    const js *def = storage_find(c->s, id);

    if (!def) {
        return call_fail(c, 500, "storage '%s' does not exist", id);
    }
    if (js_bool_or(def, "disable", false)) {
        return call_fail(c, 500, "storage '%s' is disabled", id);
    }
    return storage_on_node(def, node)
               ? 0
               : call_fail(c, 500, "storage '%s' is not available on node '%s'", id, node);
}

void storage_digest(struct sim *s, char ret[static 41]) {
    cfg_digest(cfg_storage, s, ret);
}

js *storage_usage(struct sim *s, const char *id, const char *node) {
    js *u = state_get(&s->st, "usage", id, node, NULL);

    return u ? u : state_get(&s->st, "usage", id, "*", NULL);
}

bool storage_shared(const js *def) {
    static const char *const always[] = {"nfs",   "cifs",        "cephfs", "rbd", "pbs",
                                         "iscsi", "iscsidirect", "zfs",    "esxi"};

    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        if (strcmp(js_str_or(def, "type", ""), always[i]) == 0) {
            return true;
        }
    }
    return js_bool_or(def, "shared", false);
}

js *storage_status(struct sim *s, const char *id, const char *node, bool list) {
    js *def = storage_find(s, id), *usage = storage_usage(s, id, node);
    bool on = storage_on_node(def, node);
    int64_t total = on ? js_int_or(usage, "total", INT64_C(107374182400)) : 0;
    int64_t used = on ? js_int_or(usage, "used", INT64_C(10737418240)) : 0;
    js *o = js_object();

    if (list) {
        js_add(o, "storage", js_str(id));
    }
    js_add(o, "type", js_ref(js_get(def, "type")));
    js_add(o, "content", js_str(js_str_or(def, "content", "images,rootdir")));
    js_add(o, "active", js_int(on));
    js_add(o, "enabled", js_int(on));
    js_add(o, "shared", js_int(storage_shared(def)));
    js_add(o, "total", js_int(total));
    js_add(o, "used", js_int(used));
    js_add(o, "avail", js_int(on ? js_int_or(usage, "avail", total - used) : 0));
    if (list && total) {
        js_add(o, "used_fraction", json_object_new_double((double)used / (double)total));
    }
    return o;
}

js *storage_resource(struct sim *s, const char *id, const char *node) {
    CLEANUP(js_freep) js *st = storage_status(s, id, node, false);
    js *o = js_object();

    js_addf(o, "id", "storage/%s/%s", node, id);
    js_add(o, "storage", js_str(id));
    js_add(o, "node", js_str(node));
    js_add(o, "type", js_str("storage"));
    js_add(o, "plugintype", js_ref(js_get(st, "type")));
    js_add(o, "content", js_ref(js_get(st, "content")));
    js_add(o, "shared", js_ref(js_get(st, "shared")));
    js_add(o, "disk", js_ref(js_get(st, "used")));
    js_add(o, "maxdisk", js_ref(js_get(st, "total")));
    js_add(o, "status", js_str(js_bool_or(st, "active", false) ? "available" : "unknown"));
    return o;
}

/* ---- definitions ---- */

/* b: boolean, i: integer, s: string; f: fixed once made. */
static const struct field {
    const char *name;
    const char *kind;
} fields[] = {
    {"authsupported", "sf"},
    {"base", "sf"},
    {"blocksize", "s"},
    {"bwlimit", "s"},
    {"comstar_hg", "s"},
    {"comstar_tg", "s"},
    {"content", "s"},
    {"content-dirs", "s"},
    {"create-base-path", "b"},
    {"create-subdirs", "b"},
    {"data-pool", "s"},
    {"datastore", "sf"},
    {"disable", "b"},
    {"domain", "s"},
    {"encryption-key", "s"},
    {"export", "sf"},
    {"fingerprint", "s"},
    {"format", "s"},
    {"fs-name", "s"},
    {"fuse", "b"},
    {"is_mountpoint", "s"},
    {"iscsiprovider", "sf"},
    {"keyring", "s"},
    {"krbd", "b"},
    {"lio_tpg", "s"},
    {"master-pubkey", "s"},
    {"max-protected-backups", "i"},
    {"mkdir", "b"},
    {"monhost", "s"},
    {"mountpoint", "s"},
    {"namespace", "s"},
    {"nocow", "b"},
    {"nodes", "s"},
    {"nowritecache", "b"},
    {"options", "s"},
    {"password", "s"},
    {"path", "sf"},
    {"pool", "s"},
    {"port", "i"},
    {"portal", "sf"},
    {"preallocation", "s"},
    {"prune-backups", "s"},
    {"saferemove", "b"},
    {"saferemove-stepsize", "i"},
    {"saferemove_throughput", "s"},
    {"server", "s"},
    {"share", "sf"},
    {"shared", "b"},
    {"skip-cert-verification", "b"},
    {"smbversion", "s"},
    {"snapshot-as-volume-chain", "b"},
    {"sparse", "b"},
    {"subdir", "s"},
    {"tagged_only", "b"},
    {"target", "sf"},
    {"thinpool", "sf"},
    {"username", "s"},
    {"vgname", "sf"},
    {"zfs-base-path", "s"},
};

static const struct kind {
    const char *type, *need; /* required fields, comma list */
} kinds[] = {
    {"btrfs", "path"},
    {"cephfs", ""},
    {"cifs", "server,share"},
    {"dir", "path"},
    {"esxi", "server"},
    {"iscsi", "portal,target"},
    {"iscsidirect", "portal,target"},
    {"lvm", "vgname"},
    {"lvmthin", "thinpool,vgname"},
    {"nfs", "export,server"},
    {"pbs", "datastore,server"},
    {"rbd", ""},
    {"zfs", "blocksize,iscsiprovider,pool,portal,target"},
    {"zfspool", "pool"},
};

static const struct field *field_of(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

static js *storage_out(struct sim *s, const char *id) {
    js *def = storage_find(s, id), *o = js_object();
    char digest[41];

    JS_FOREACH(def, k, v) {
        const struct field *f = field_of(k);
        uint64_t n;

        if (f && f->kind[0] != 's' && ident_u64(json_object_get_string(v), &n) == 0) {
            js_add(o, k, js_int((int64_t)n));
        } else {
            js_add(o, k, js_ref(v));
        }
    }
    storage_digest(s, digest);
    js_add(o, "storage", js_str(id));
    js_add(o, "digest", js_str(digest));
    return o;
}

bool storage_visible(struct call *c, const char *id) {
    char path[160];

    (void)snprintf(path, sizeof(path), "/storage/%s", id);
    return call_has(c, path, "Datastore.Audit|Datastore.AllocateSpace");
}

int route_storage_list(struct call *c) {
    js *all = state_get(&c->s->st, "storage", NULL);
    const char *type = call_str(c, "type");

    c->data = js_array();
    if (all) {
        JS_FOREACH(all, id, def) {
            if (storage_visible(c, id) &&
                (!type || strcmp(type, js_str_or(def, "type", "")) == 0)) {
                js_push(c->data, storage_out(c->s, id));
            }
        }
    }
    return 0;
}

int route_storage_get(struct call *c) {
    const char *id = call_str(c, "storage");

    if (!storage_find(c->s, id)) {
        return call_fail(c, 500, "storage '%s' does not exist", id);
    }
    c->data = storage_out(c->s, id);
    return 0;
}

/* Parameters that are no fields of a storage, and values of the wrong kind. */
static void check_fields(struct call *c, bool create) {
    JS_FOREACH(c->params, name, value) {
        const struct field *f = field_of(name);
        const char *v = json_object_get_string(value);
        uint64_t n;

        if (strcmp(name, "storage") == 0 || (create && strcmp(name, "type") == 0) ||
            (!create && (strcmp(name, "delete") == 0 || strcmp(name, "digest") == 0))) {
            continue;
        }
        if (!f || (!create && f->kind[1] == 'f')) {
            (void)call_param_error(c, name,
                                   "property is not defined in schema and the schema does "
                                   "not allow additional properties");
        } else if (f->kind[0] == 'b' && strcmp(v, "0") != 0 && strcmp(v, "1") != 0) {
            (void)call_param_error(c, name, "type check ('boolean') failed - got '%.80s'", v);
        } else if (f->kind[0] == 'i' && ident_u64(v, &n) < 0) {
            (void)call_param_error(c, name, "type check ('integer') failed - got '%.80s'", v);
        } else if (strpbrk(v, "\n\r\t")) {
            (void)call_param_error(c, name, "invalid format - value contains control characters\n");
        }
    }
}

static const struct kind *kind_of(const char *type) {
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (type && strcmp(kinds[i].type, type) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

static js *answer(const char *id, const js *def) {
    js *o = js_object();

    js_add(o, "storage", js_str(id));
    js_add(o, "type", js_ref(js_get(def, "type")));
    return o;
}

static int check_new(struct call *c, const struct kind *k) {
    char list[128];

    if (!js_get(c->params, "storage")) {
        (void)call_param_error(c, "storage", "property is missing and it is not optional");
    }
    if (!js_get(c->params, "type")) {
        (void)call_param_error(c, "type", "property is missing and it is not optional");
    } else if (!k) {
        (void)call_param_error(c, "type",
                               "value '%.40s' does not have a value in the enumeration 'btrfs, "
                               "cephfs, cifs, dir, esxi, iscsi, iscsidirect, lvm, lvmthin, nfs, "
                               "pbs, rbd, zfs, zfspool'",
                               call_str(c, "type"));
    }
    check_fields(c, true);
    if (c->status == 400) {
        return -1;
    }
    (void)snprintf(list, sizeof(list), "%s", k->need);
    for (char *save = NULL, *need = strtok_r(list, ",", &save); need;
         need = strtok_r(NULL, ",", &save)) {
        if (!js_get(c->params, need)) {
            (void)call_param_error(c, need, "missing value for required option '%s'", need);
        }
    }
    return c->status == 400 ? -1 : 0;
}

static bool keeps(const char *name, const char *value) {
    return strcmp(name, "disable") != 0 || strcmp(value, "1") == 0;
}

int route_storage_create(struct call *c) {
    const char *id = call_str(c, "storage");
    const struct kind *k = kind_of(call_str(c, "type"));
    js *def;

    if (check_new(c, k) < 0) {
        return -1;
    }
    if (storage_find(c->s, id)) {
        return call_fail(c, 500, "create storage failed: storage ID '%s' already defined", id);
    }
    def = js_object();
    js_add(def, "type", js_str(k->type));
    JS_FOREACH(c->params, name, value) {
        if (strcmp(name, "storage") != 0 && strcmp(name, "type") != 0 &&
            strcmp(name, "password") != 0 && keeps(name, json_object_get_string(value))) {
            js_add(def, name, js_ref(value));
        }
    }
    c->data = answer(id, def);
    state_set(&c->s->st, def, "storage", id, NULL);
    sim_tick(c->s);
    return 0;
}

static int delete_fields(struct call *c, const char *id) {
    char list[1024];

    (void)snprintf(list, sizeof(list), "%s", call_str(c, "delete") ? call_str(c, "delete") : "");
    for (char *save = NULL, *name = strtok_r(list, ",; ", &save); name;
         name = strtok_r(NULL, ",; ", &save)) {
        const struct field *f = field_of(name);

        if (!f) {
            return call_fail(c, 500, "update storage failed: no such option '%.40s'", name);
        }
        if (f->kind[1] == 'f') {
            return call_fail(c, 500, "update storage failed: can't delete fixed option '%s'", name);
        }
        if (js_get(c->params, name)) {
            return call_fail(c, 500, "update storage failed: duplicate key in delete and set: %s",
                             name);
        }
        state_del(&c->s->st, "storage", id, name, NULL);
    }
    return 0;
}

int route_storage_update(struct call *c) {
    const char *id = call_str(c, "storage"), *digest = call_str(c, "digest");
    js *def = storage_find(c->s, id);
    char now[41];

    check_fields(c, false);
    if (c->status == 400) {
        return -1;
    }
    if (!def) {
        return call_fail(c, 500, "update storage failed: storage '%s' does not exist", id);
    }
    storage_digest(c->s, now);
    if (digest && strcmp(digest, now) != 0) {
        return call_fail(c, 500,
                         "update storage failed: detected modified configuration - file "
                         "changed by other user? Try again.");
    }
    if (delete_fields(c, id) < 0) {
        return -1;
    }
    JS_FOREACH(c->params, name, value) {
        const char *v = json_object_get_string(value);

        if (!field_of(name) || strcmp(name, "password") == 0) {
            continue;
        }
        if (keeps(name, v)) {
            state_set(&c->s->st, js_ref(value), "storage", id, name, NULL);
        } else {
            state_del(&c->s->st, "storage", id, name, NULL);
        }
    }
    sim_tick(c->s);
    c->data = answer(id, def);
    return 0;
}

/* Who may use it and which pools it is in go with it. */
static void forget(struct sim *s, const char *id) {
    CLEANUP(js_freep) js *pools = js_copy(state_get(&s->st, "pools", NULL));
    char path[80];

    (void)snprintf(path, sizeof(path), "/storage/%.60s", id);
    if (state_get(&s->st, "acl", path, NULL)) {
        state_del(&s->st, "acl", path, NULL);
    }
    JS_FOREACH(pools, name, pool) {
        if (js_get(js_get(pool, "storage"), id)) {
            state_del(&s->st, "pools", name, "storage", id, NULL);
        }
    }
}

int route_storage_delete(struct call *c) {
    const char *id = call_str(c, "storage");

    if (!storage_find(c->s, id)) {
        return call_fail(c, 500, "delete storage failed: storage '%s' does not exist", id);
    }
    JS_FOREACH(state_get(&c->s->st, "storage", NULL), other, def) {
        const char *base = js_str_or(def, "base", "");

        (void)other;
        if (strncmp(base, id, strlen(id)) == 0 && base[strlen(id)] == ':') {
            return call_fail(c, 500,
                             "delete storage failed: can't remove storage - storage is used "
                             "as base of another storage");
        }
    }
    state_del(&c->s->st, "storage", id, NULL);
    forget(c->s, id);
    sim_tick(c->s);
    return 0;
}
