/* SPDX-License-Identifier: Apache-2.0 */
/* Reducers: what of an answer a verdict depends on. A plan remembers the digest of the reduced
 * answer; the recheck reduces again and compares. What changes by itself (uptime, load, counters)
 * must not be in it, or every plan would drift; what a verdict looked at must be in it, or a change
 * would go unnoticed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pipeline/draft_int.h"

/* Members that change on their own. Source: the answers of a PVE 9.1 asked twice. */
static const char *const volatile_members[] = {"balloon_min",
                                               "ballooninfo",
                                               "blockstat",
                                               "cpu",
                                               "disk",
                                               "diskread",
                                               "diskwrite",
                                               "freemem",
                                               "idle",
                                               "ksm",
                                               "loadavg",
                                               "mem",
                                               "memhost",
                                               "netin",
                                               "next-run",
                                               "netout",
                                               "nics",
                                               "pid",
                                               "pressurecpufull",
                                               "pressurecpusome",
                                               "pressureiofull",
                                               "pressureiosome",
                                               "pressurememoryfull",
                                               "pressurememorysome",
                                               "proxmox-support",
                                               "running-machine",
                                               "running-qemu",
                                               "shared_memory",
                                               "swap",
                                               "uptime",
                                               "used",
                                               "used_fraction",
                                               "avail",
                                               "wait",
                                               "memory",
                                               "rootfs",
                                               "digest",
                                               "running",
                                               "free",
                                               "balloon"};

static const char *const config_drop[] = {"digest", "lock", "parent", "snaptime",
                                          "vmgenid"}; /* PVE makes a new one when it goes back */
static const char *const storage_drop[] = {"digest"};

static bool in_list(const char *key, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (list[i][0] == key[0] && strcmp(list[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static js *exact_double(const js *v) {
    char text[64];

    (void)snprintf(text, sizeof(text), "%.17g", json_object_get_double(v));
    return js_str(text);
}

struct sortable {
    char *key;
    js *value;
};

static int by_key(const void *a, const void *b) {
    return strcmp(((const struct sortable *)a)->key, ((const struct sortable *)b)->key);
}

/* PVE builds many lists from Perl hashes: their order is not a fact. Consumes and returns. */
static js *sorted(js *array) {
    size_t n = js_len(array);
    struct sortable *s;
    js *out;

    if (n < 2) {
        return array;
    }
    s = calloc(n, sizeof(*s));
    out = js_array();
    for (size_t i = 0; s && i < n; i++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);

        (void)canon_write(js_at(array, i), &b, NULL);
        s[i].key = buf_take(&b);
        s[i].value = js_at(array, i);
        if (!s[i].key) {
            abort();
        }
    }
    if (!s) {
        abort();
    }
    qsort(s, n, sizeof(*s), by_key);
    for (size_t i = 0; i < n; i++) {
        js_push(out, js_ref(s[i].value));
        free(s[i].key);
    }
    free(s);
    json_object_put(array);
    return out;
}

static int by_word(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* PVE prints these from Perl hashes too: the order of their words differs from one worker process
 * to the next, and a plan must not drift by who answered. */
static js *sorted_words(const char *text) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
    CLEANUP(freep) char *copy = strdup(text);
    const char *word[64];
    size_t n = 0;
    char *save = NULL;

    if (!copy) {
        abort();
    }
    for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        if (n == ARRAY_LEN(word)) {
            return js_str(text); /* longer than any list of kinds or nodes */
        }
        word[n++] = w;
    }
    qsort(word, n, sizeof(*word), by_word);
    for (size_t i = 0; i < n; i++) {
        (void)buf_addf(&b, "%s%s", i ? "," : "", word[i]);
    }
    return js_str(buf_str(&b));
}

static bool is_word_set(const char *key, const js *v) {
    static const char *const sets[] = {"content", "nodes"};

    return js_is_str(v) && in_list(key, sets, ARRAY_LEN(sets));
}

static js *copy_without(const js *v, const char *const *drop, size_t n_drop, bool sort);

static js *copy_object(const js *v, const char *const *drop, size_t n_drop, bool sort) {
    js *out = js_object();

    JS_FOREACH(v, key, val) {
        if (!in_list(key, drop, n_drop)) {
            js_add(out, key,
                   sort && is_word_set(key, val) ? sorted_words(json_object_get_string(val))
                                                 : copy_without(val, drop, n_drop, sort));
        }
    }
    return out;
}

static js *copy_array(const js *v, const char *const *drop, size_t n_drop, bool sort) {
    js *out = js_array();

    for (size_t i = 0; i < js_len(v); i++) {
        js_push(out, copy_without(js_at(v, i), drop, n_drop, sort));
    }
    return sort ? sorted(out) : out;
}

/* Deep copy without the members in `drop`; arrays sorted; fractions as strings. */
static js *copy_without(const js *v, const char *const *drop, size_t n_drop, bool sort) {
    switch (json_object_get_type(v)) {
    case json_type_object:
        return copy_object(v, drop, n_drop, sort);
    case json_type_array:
        return copy_array(v, drop, n_drop, sort);
    case json_type_double:
        return exact_double(v);
    case json_type_null:
    case json_type_boolean:
    case json_type_int:
    case json_type_string:
    default:
        return js_copy(v);
    }
}

js *reduce_exact(const js *v) {
    return copy_without(v, NULL, 0, false);
}

static js *reduce_whole(const js *data) {
    return copy_without(data, volatile_members, ARRAY_LEN(volatile_members), true);
}

static js *reduce_config(const js *data) {
    return copy_without(data, config_drop, ARRAY_LEN(config_drop), true);
}

static js *reduce_storage(const js *data) {
    return copy_without(data, storage_drop, ARRAY_LEN(storage_drop), true);
}

/* Copies the named members that are there. */
static js *pick(const js *v, const char *const *keys, size_t n) {
    js *out = js_object();

    for (size_t i = 0; i < n; i++) {
        const js *m = js_get(v, keys[i]);

        if (m) {
            js_add(out, keys[i], reduce_exact(m));
        }
    }
    return out;
}

static js *pick_each(const js *list, const char *const *keys, size_t n) {
    js *out = js_array();

    for (size_t i = 0; i < js_len(list); i++) {
        js_push(out, pick(js_at(list, i), keys, n));
    }
    return sorted(out);
}

static js *reduce_power(const js *data) {
    static const char *const keys[] = {"status", "lock", "template", "qmpstatus"};
    js *out = pick(data, keys, ARRAY_LEN(keys));
    const js *ha = js_get(data, "ha");

    if (ha) {
        js_add(out, "ha-managed", js_bool(js_bool_or(ha, "managed", false)));
        js_add(out, "ha-state", js_str(js_str_or(ha, "state", "")));
    }
    return out;
}

static const char *const snapshot_keys[] = {"name", "parent", "snaptime", "vmstate"};

/* The pseudo entry for the present state. */
static bool is_current(const js *row) {
    return strcmp(js_str_or(row, "name", ""), "current") == 0;
}

static js *reduce_snapshots(const js *data) {
    js *out = js_array();

    for (size_t i = 0; i < js_len(data); i++) {
        if (!is_current(js_at(data, i))) {
            js_push(out, pick(js_at(data, i), snapshot_keys, ARRAY_LEN(snapshot_keys)));
        }
    }
    return sorted(out);
}

static js *pools(const js *data, bool with_comment) {
    static const char *const keys[] = {"id", "storage", "node"};
    js *out = js_array();

    for (size_t i = 0; i < js_len(data); i++) {
        js *o = js_object();

        js_add(o, "poolid", js_copy(js_get(js_at(data, i), "poolid")));
        if (with_comment) {
            js_add(o, "comment", js_copy(js_get(js_at(data, i), "comment")));
        }
        js_add(o, "members", pick_each(js_get(js_at(data, i), "members"), keys, ARRAY_LEN(keys)));
        js_push(out, o);
    }
    return sorted(out);
}

/* Pools: who belongs to them, not what the members are doing. */
static js *reduce_members(const js *data) {
    return pools(data, false);
}

/* A pool with all that can be set of it. */
static js *reduce_pool(const js *data) {
    return pools(data, true);
}

static const char *const guest_keys[] = {"vmid", "type", "node", "status", "name", "template"};
static const char *const place_keys[] = {"vmid", "type", "node", "template"};

static js *reduce_guests(const js *data) {
    return pick_each(data, guest_keys, ARRAY_LEN(guest_keys));
}

static js *reduce_places(const js *data) {
    return pick_each(data, place_keys, ARRAY_LEN(place_keys));
}

static js *reduce_nodes(const js *data) {
    static const char *const keys[] = {"node", "status"};

    return pick_each(data, keys, ARRAY_LEN(keys));
}

static js *reduce_node_config(const js *data) {
    static const char *const keys[] = {"config", "exists", "running"};

    return pick(data, keys, ARRAY_LEN(keys));
}

/* Which OSD it is and where, not how much memory it uses. */
static js *reduce_osd(const js *data) {
    static const char *const keys[] = {"id", "hostname"};

    return pick(js_get(data, "osd"), keys, ARRAY_LEN(keys));
}

static js *only(const js *v, const char *const *keys, size_t n) {
    js *out;

    if (js_is_array(v)) {
        out = js_array();
        for (size_t i = 0; i < js_len(v); i++) {
            js_push(out, only(js_at(v, i), keys, n));
        }
        return sorted(out);
    }
    if (!js_is_object(v)) {
        return reduce_exact(v);
    }
    out = js_object();
    JS_FOREACH(v, key, val) {
        if (in_list(key, keys, n)) {
            js_add(out, key, only(val, keys, n));
        }
    }
    return out;
}

/* Monitors, managers, metadata servers, OSDs (a tree), pools and file systems of Ceph: what is
 * there, where, how many copies of what, and whether it works. How full it is moves by itself. */
static js *reduce_ceph(const js *data) {
    static const char *const keys[] = {"root",
                                       "children",
                                       "id",
                                       "name",
                                       "host",
                                       "type",
                                       "status",
                                       "in",
                                       "state",
                                       "quorum",
                                       "pool_name",
                                       "size",
                                       "min_size",
                                       "crush_rule_name",
                                       "metadata_pool",
                                       "data_pool",
                                       "data_pools"};

    return only(data, keys, ARRAY_LEN(keys));
}

static js *reduce_time_zone(const js *data) {
    static const char *const keys[] = {"timezone"};

    return pick(data, keys, ARRAY_LEN(keys));
}

static js *reduce_task(const js *data) {
    static const char *const keys[] = {"status", "exitstatus", "type", "id"};

    return pick(data, keys, ARRAY_LEN(keys));
}

/* It only has to be there: a digest that is taken when it is needed. */
static js *reduce_any(const js *data) {
    return js_bool(data != NULL);
}

/* Groups of a backup server: who is there and whose; backups come and go. */
static js *reduce_groups(const js *data) {
    js *list = js_array();

    for (size_t i = 0; i < js_len(data); i++) {
        const js *g = js_at(data, i);
        js *o = js_object();

        js_add(o, "group", js_array());
        js_push(js_get(o, "group"), js_str(js_str_or(g, "backup-type", "")));
        js_push(js_get(o, "group"), js_str(js_str_or(g, "backup-id", "")));
        js_add(o, "owner", js_str(js_str_or(g, "owner", "")));
        js_push(list, o);
    }
    return list;
}

static bool is_volatile(const char *key) {
    return in_list(key, volatile_members, ARRAY_LEN(volatile_members));
}

bool draft_config_ignores(const char *key) {
    return in_list(key, config_drop, ARRAY_LEN(config_drop));
}

static bool not_of_guest(const char *key) {
    return !in_list(key, guest_keys, ARRAY_LEN(guest_keys));
}

static bool not_of_place(const char *key) {
    return !in_list(key, place_keys, ARRAY_LEN(place_keys));
}

static bool not_of_snapshot(const char *key) {
    return !in_list(key, snapshot_keys, ARRAY_LEN(snapshot_keys));
}

static const struct reducer {
    const char *name;
    js *(*run)(const js *data);
    /* For answers as long as the cluster is large. The reduction is this and no more for what
     * is_flat(): members left out of an object, or out of each object of a list that is sorted. */
    bool (*drops)(const char *key);
    bool only_lists;               /* of anything else it makes an empty one */
    bool (*leaves)(const js *row); /* rows that it leaves out of a list, or NULL */
} reducers[] = {
    {"whole", reduce_whole, is_volatile, false, NULL},
    {"power", reduce_power, NULL, false, NULL},
    {"config", reduce_config, draft_config_ignores, false, NULL},
    {"snapshots", reduce_snapshots, not_of_snapshot, true, is_current},
    {"storage", reduce_storage, NULL, false, NULL},
    {"guests", reduce_guests, not_of_guest, true, NULL},
    {"nodes", reduce_nodes, NULL, false, NULL},
    {"node-config", reduce_node_config, NULL, false, NULL},
    {"members", reduce_members, NULL, false, NULL},
    {"pool", reduce_pool, NULL, false, NULL},
    {"task", reduce_task, NULL, false, NULL},
    {"time-zone", reduce_time_zone, NULL, false, NULL},
    {"places", reduce_places, not_of_place, true, NULL},
    {"osd", reduce_osd, NULL, false, NULL},
    {"ceph", reduce_ceph, NULL, false, NULL},
    {"any", reduce_any, NULL, false, NULL},
    {"groups", reduce_groups, NULL, false, NULL},
};

static const struct reducer *reducer(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(reducers); i++) {
        if (strcmp(reducers[i].name, name) == 0) {
            return &reducers[i];
        }
    }
    return NULL;
}

/* The name without its "-then". */
static bool is_then(const char *reduce, char *ret, size_t size) {
    const char *end = strstr(reduce, "-then");

    if (!end || end[5] || (size_t)(end - reduce) >= size) {
        return false;
    }
    (void)snprintf(ret, size, "%.*s", (int)(end - reduce), reduce);
    return true;
}

/* What PVE makes up goes first, then values become texts, and only then lists are sorted: by what
 * both sides have. */
static int apply_then(const char *plain, const js *data, js **ret) {
    static const struct {
        const char *name;
        js *(*run)(const js *data);
    } own[] = {{"interfaces", reduce_interfaces_then}, {"firewall", reduce_firewall_then}};
    CLEANUP(js_freep) js *texts = NULL;

    if (strcmp(plain, "config") == 0) {
        *ret = reduce_config_then(data);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (strcmp(own[i].name, plain) == 0) {
            CLEANUP(js_freep) js *v = own[i].run(data);

            texts = reduce_texts(v);
            return reduce_apply("whole", texts, ret);
        }
    }
    texts = reduce_texts(data);
    return reduce_apply(plain, texts, ret);
}

int reduce_apply(const char *reduce, const js *data, js **ret) {
    const struct reducer *by = reducer(reduce);
    char plain[24];

    if (is_then(reduce, plain, sizeof(plain))) {
        return apply_then(plain, data, ret);
    }
    if (by) {
        *ret = by->run(data);
    }
    return by ? 0 : -EINVAL;
}

/* Nothing in it that a reduction would change besides leaving members out. */
static bool is_flat(const js *object, bool (*drops)(const char *key)) {
    if (!js_is_object(object)) {
        return false;
    }
    JS_FOREACH(object, key, value) {
        enum json_type type = json_object_get_type(value);

        if (!drops(key) && ((type != json_type_string && type != json_type_int) ||
                            (is_word_set(key, value) &&
                             strchr(json_object_get_string((js *)(uintptr_t)value), ',')))) {
            return false;
        }
    }
    return true;
}

/* The digest of a sorted list of reduced objects, of which no copy is made. -ENOTSUP: it is no list
 * of flat ones. */
static int digest_rows(const js *list, const struct reducer *by, struct hash *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
    CLEANUP(sha256_freep) struct sha256 *h = NULL;
    CLEANUP(freep) const char **row = NULL;
    size_t n = 0;
    const char *at;
    int r = js_is_array(list) ? 0 : -ENOTSUP;

    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        const js *one = js_at(list, i);

        if (by->leaves && js_is_object(one) && by->leaves(one)) {
            continue;
        }
        r = is_flat(one, by->drops) ? canon_write_without(one, by->drops, &b, e) : -ENOTSUP;
        r = r < 0 ? r : buf_addc(&b, '\0');
        n++;
    }
    if (r < 0) {
        return r;
    }
    if (n == 0) {
        sha256("[]", 2, ret);
        return 0;
    }
    row = calloc(n, sizeof(*row));
    h = sha256_new();
    if (!row || !h) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    at = buf_str(&b);
    for (size_t i = 0; i < n; i++, at += strlen(at) + 1) {
        row[i] = at;
    }
    qsort(row, n, sizeof(*row), by_word);
    sha256_add(h, "[", 1);
    for (size_t i = 0; i < n; i++) {
        sha256_add(h, ",", i > 0);
        sha256_add(h, row[i], strlen(row[i]));
    }
    sha256_add(h, "]", 1);
    sha256_end(h, ret);
    return 0;
}

int reduce_digest(const char *reduce, const js *data, struct hash *ret, struct err *e) {
    const struct reducer *by = reducer(reduce);
    CLEANUP(js_freep) js *v = NULL;
    int r = -ENOTSUP;

    if (by && by->drops && !by->only_lists && is_flat(data, by->drops)) {
        return canon_hash_without(data, by->drops, ret, e);
    }
    if (by && by->drops) {
        r = digest_rows(data, by, ret, e);
    }
    if (r != -ENOTSUP) {
        return r;
    }
    r = reduce_apply(reduce, data, &v);
    return r < 0 ? err_set(e, r, "no reducer \"%s\"", reduce) : canon_hash(v, ret, e);
}
