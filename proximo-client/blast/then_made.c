/* SPDX-License-Identifier: Apache-2.0 */
/* A guest that is not there yet: from the form that makes it, or as a copy of another. What PVE
 * will make up (MAC addresses, ids, names of volumes) is not guessed: volumes get a name that
 * analysers can read as one, and the comparison before the next step leaves all of it out
 * (reduce_then.c). */
#include "proximo-client/blast/then_int.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/volfeature.h"
#include "proximo-client/blast/blast_int.h"
#include "proximo-client/pve/pve.h"

#define CT_MEMORY_MB 512 /* PVE's own defaults, which it writes down; rootfs in GiB */
#define CT_ROOTFS    "4"

static bool in_words(const char *words, const char *key) {
    size_t n = strlen(key);

    for (const char *at = words; (at = strstr(at, key)); at += n) {
        if ((at == words || at[-1] == ' ') && (!at[n] || at[n] == ' ')) {
            return true;
        }
    }
    return false;
}

/* ---- volumes ---- */

static unsigned int free_number(const js *config, uint32_t vmid) {
    unsigned int next = 0;
    char name[40];

    (void)snprintf(name, sizeof(name), "vm-%u-disk-", vmid);
    JS_FOREACH(config, key, value) {
        const char *at = js_is_str(value) ? strstr(json_object_get_string(value), name) : NULL;
        uint64_t n = 0;

        at = at ? at + strlen(name) : NULL;
        if (at && ident_u64n(at, strspn(at, "0123456789"), &n) == 0 && n >= next && n < UINT_MAX) {
            next = (unsigned int)n + 1;
        }
        (void)key;
    }
    return next;
}

/* "local:8,ssd=1" becomes "local:vm-105-disk-0,size=8G,ssd=1"; anything else stays. */
static js *allocated(const char *text, uint32_t vmid, unsigned int *n) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    const char *what = strncmp(text, "file=", 5) == 0     ? text + 5
                       : strncmp(text, "volume=", 7) == 0 ? text + 7
                                                          : text;
    const char *colon = strchr(what, ':');
    size_t len = colon ? strcspn(colon + 1, ",") : 0;
    bool cloudinit = len == 9 && strncmp(colon + 1, "cloudinit", 9) == 0;

    if (!len || (!cloudinit && strspn(colon + 1, "0123456789.") != len)) {
        return NULL;
    }
    (void)buf_add(&b, what, (size_t)(colon - what));
    if (cloudinit) {
        (void)buf_addf(&b, ":vm-%u-cloudinit,media=cdrom", vmid);
    } else {
        (void)buf_addf(&b, ":vm-%u-disk-%u,size=%.*sG", vmid, (*n)++, (int)len, colon + 1);
    }
    (void)buf_adds(&b, colon + 1 + len);
    return js_str(buf_str(&b));
}

void config_allocate(js *config, const char *kind, uint32_t vmid) {
    CLEANUP(js_freep) js *was = js_copy(config);
    unsigned int n = free_number(config, vmid);

    JS_FOREACH(was, key, value) {
        if (js_is_str(value) && key_holds_disk(kind, key)) {
            js *text = allocated(json_object_get_string(value), vmid, &n);

            if (text) {
                js_add(config, key, text);
            }
        }
    }
}

/* ---- made from a form ---- */

/* What of the form is no setting of the guest. */
static const char not_settings[] =
    "vmid node storage pool start bwlimit password ssh-public-keys ostemplate unique force "
    "restore archive live-restore import-working-storage ignore-unpack-errors digest";

static void add_defaults(js *c, const struct effect *x) {
    if (strcmp(x->kind->guest, "lxc") != 0) {
        return;
    }
    if (!js_get(c, "hostname")) {
        js_addf(c, "hostname", "CT%u", x->vmid);
    }
    if (!js_get(c, "memory")) {
        js_add(c, "memory", js_int(CT_MEMORY_MB));
    }
    if (!js_get(c, "swap")) {
        js_add(c, "swap", js_int(CT_MEMORY_MB));
    }
    if (!js_get(c, "rootfs")) {
        js_addf(c, "rootfs", "%.100s:" CT_ROOTFS, js_str_or(x->form, "storage", "local"));
    }
}

static bool create_begin(struct effect *x, then_read *read, void *ctx) {
    int64_t vmid = js_int_or(x->form, "vmid", 0);

    if (vmid < VMID_MIN || vmid > VMID_MAX) {
        return false;
    }
    x->vmid = (uint32_t)vmid;
    if (js_get(x->form, "archive") || js_get(x->form, "restore")) {
        return restore_begin(x, read, ctx);
    }
    x->made = js_object();
    JS_FOREACH(x->form, key, value) {
        if (!in_words(not_settings, key)) {
            js_add(x->made, key, js_is_object(value) ? js_str("**********") : js_copy(value));
        }
    }
    add_defaults(x->made, x);
    config_allocate(x->made, x->kind->guest, x->vmid);
    return true;
}

/* ---- copied ---- */

static bool stays_behind(const char *key) {
    return in_words("parent snaptime vmstate snapstate lock template digest", key) ||
           strncmp(key, "unused", 6) == 0 || strncmp(key, "running", 7) == 0;
}

/* One volume of the source as the copy will have it: a new one, or a linked one on its base. */
static js *copied_volume(const struct effect *x, const char *text, bool full, unsigned int *n) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    const char *store = js_get_str(x->form, "storage");
    size_t len = strcspn(text, ","), colon = strcspn(text, ":");
    const char *own;
    char name[300];

    if (colon >= len || text[0] == '/' || strncmp(text, "none", 4) == 0 ||
        (strstr(text, "media=cdrom") && !strstr(text, "cloudinit"))) {
        return NULL;
    }
    (void)snprintf(name, sizeof(name), "%.*s", (int)(len - colon - 1 < 299 ? len - colon - 1 : 299),
                   text + colon + 1);
    own = volume_name_own(name);
    if (full || strstr(text, "cloudinit")) {
        (void)buf_addf(&b, "%.*s:vm-%u-disk-%u", (int)(store ? strlen(store) : colon),
                       store ? store : text, x->vmid, (*n)++);
    } else {
        (void)buf_addf(&b, "%.*s:%s/vm-%u-disk-%u", (int)colon, text, own, x->vmid, (*n)++);
    }
    (void)buf_adds(&b, text + len);
    return js_str(buf_str(&b));
}

/* PVE's default, and with it what the API's caller leaves out: of a template linked, else full. */
static bool is_full(const struct effect *x, const js *source) {
    return js_bool_or(x->form, "full", !js_bool_or(source, "template", false));
}

static void name_copy(struct effect *x, const js *source, uint32_t from) {
    bool lxc = strcmp(x->kind->guest, "lxc") == 0;
    const char *key = lxc ? "hostname" : "name", *name = js_get_str(x->form, key);
    char number[16];

    (void)snprintf(number, sizeof(number), "%u", from);
    if (name) {
        js_add(x->made, key, js_str(name));
    } else if (!lxc) {
        js_addf(x->made, key, "Copy-of-VM-%s", js_str_or(source, "name", number));
    }
    if (js_get(x->form, "description")) {
        js_add(x->made, "description", js_copy(js_get(x->form, "description")));
    }
}

static bool clone_begin(struct effect *x, then_read *read, void *ctx) {
    const char *snap = js_get_str(x->form, "snapname");
    const char *target = js_get_str(x->form, "target");
    int64_t vmid = js_int_or(x->form, "newid", 0);
    uint32_t from = x->vmid;
    unsigned int n = 0;
    char path[300];
    const js *source;

    (void)snprintf(path, sizeof(path), "/nodes/%s/%s/%u%s%.60s/config", x->node, x->kind->guest,
                   from, snap ? "/snapshot/" : "", snap ? snap : "");
    source = read(ctx, path);
    if (!js_is_object(source) || vmid < VMID_MIN || vmid > VMID_MAX) {
        return false;
    }
    x->vmid = (uint32_t)vmid;
    x->made = js_object();
    JS_FOREACH(source, key, value) {
        js *v = js_is_str(value) && key_holds_disk(x->kind->guest, key)
                    ? copied_volume(x, json_object_get_string(value), is_full(x, source), &n)
                    : NULL;

        if (!stays_behind(key)) {
            js_add(x->made, key, v ? v : js_copy(value));
        } else {
            json_object_put(v);
        }
    }
    name_copy(x, source, from);
    if (target) {
        (void)snprintf(x->node, sizeof(x->node), "%.199s", target);
    }
    return true;
}

/* ---- what is answered ---- */

static bool is_started(const struct effect *x) {
    return js_bool_or(x->form, "start", false);
}

static void put_name(const struct effect *x, js *row) {
    bool lxc = strcmp(x->kind->guest, "lxc") == 0;
    const char *name = js_get_str(x->made, lxc ? "hostname" : "name");

    if (name) {
        js_add(row, "name", js_str(name));
    } else {
        js_addf(row, "name", lxc ? "CT%u" : "VM %u", x->vmid);
    }
    js_add(row, "vmid", js_int(x->vmid));
    js_add(row, "status", js_str(is_started(x) ? "running" : "stopped"));
}

static js *list_row_of(const struct effect *x) {
    const char *pool = js_get_str(x->form, "pool");
    js *row = js_object();

    put_name(x, row);
    js_addf(row, "id", "%s/%u", x->kind->guest, x->vmid);
    js_add(row, "type", js_str(x->kind->guest));
    js_add(row, "node", js_str(x->node));
    js_add(row, "template", js_int(0));
    if (pool) {
        js_add(row, "pool", js_str(pool));
    }
    if (js_get(x->made, "tags")) {
        js_add(row, "tags", js_copy(js_get(x->made, "tags")));
    }
    return row;
}

static js *status_of(const struct effect *x) {
    js *o = js_object(), *ha = js_object();

    put_name(x, o);
    js_add(ha, "managed", js_int(0));
    js_add(o, "ha", ha);
    if (strcmp(x->kind->guest, "qemu") == 0) {
        js_add(o, "qmpstatus", js_str(is_started(x) ? "running" : "stopped"));
    }
    return o;
}

static js *only_current(void) {
    js *list = js_array(), *row = js_object();

    js_add(row, "name", js_str("current"));
    js_push(list, row);
    return list;
}

/* A new guest's own reads. */
static enum then_is of_new(const struct effect *x, const char *tail, js **data) {
    static const char *const lists[] = {"/firewall/rules", "/firewall/ipset", "/firewall/aliases"};

    if (strcmp(tail, "/config") == 0) {
        return then_set(data, js_copy(x->made));
    }
    if (strcmp(tail, "/status/current") == 0) {
        return then_set(data, status_of(x));
    }
    if (strcmp(tail, "/snapshot") == 0) {
        return then_set(data, only_current());
    }
    if (strncmp(tail, "/snapshot/", 10) == 0) {
        return THEN_SAME; /* it has none: what makes one comes after this */
    }
    if (strcmp(tail, "/firewall/options") == 0) {
        return then_set(data, js_object());
    }
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (strcmp(tail, lists[i]) == 0) {
            return then_set(data, js_array());
        }
    }
    return THEN_UNKNOWN;
}

static js *with_row(const js *list, js *row) {
    js *out = js_array();

    for (size_t i = 0; i < js_len(list); i++) {
        js_push(out, js_ref(js_at(list, i)));
    }
    js_push(out, row);
    return out;
}

static enum then_is in_pool(const struct effect *x, const char *path, js **data) {
    const char *pool = js_get_str(x->form, "pool");
    CLEANUP(js_freep) js *copy = pool ? js_copy(*data) : NULL;
    js *row = list_row(copy, "poolid", pool ? pool : "");

    if (!row || !js_is_array(js_get(row, "members"))) {
        return row && strchr(path, '?') ? THEN_UNKNOWN : THEN_SAME;
    }
    js_add(row, "members", with_row(js_get(row, "members"), list_row_of(x)));
    return then_set(data, TAKE(copy));
}

#define MAX_SIZE 1048576 /* in whatever unit: more is no disk */

static int64_t unit_of(char c) {
    return c == 'T'   ? INT64_C(1024) * 1024 * 1024 * 1024
           : c == 'G' ? INT64_C(1024) * 1024 * 1024
           : c == 'M' ? INT64_C(1024) * 1024
           : c == 'K' ? 1024
                      : 1;
}

/* Bytes that its new volumes take of a storage. */
static int64_t takes(const struct effect *x, const char *storage) {
    size_t n = strlen(storage);
    int64_t sum = 0;

    JS_FOREACH(x->made, key, value) {
        const char *text = js_is_str(value) ? json_object_get_string(value) : "";
        const char *size = strstr(text, "size=");
        size_t digits = size ? strspn(size + 5, "0123456789") : 0;
        uint64_t bytes = 0;

        if (!key_holds_disk(x->kind->guest, key) || strncmp(text, storage, n) != 0 ||
            text[n] != ':' || !digits || ident_u64n(size + 5, digits, &bytes) < 0 ||
            bytes > MAX_SIZE) {
            continue;
        }
        sum += (int64_t)bytes * unit_of(size[5 + digits]);
    }
    return sum;
}

/* "/nodes/N/storage": the room that later steps find. */
static enum then_is room(const struct effect *x, const char *path, js **data) {
    bool here =
        strncmp(path + 7, x->node, strlen(x->node)) == 0 && path[7 + strlen(x->node)] == '/';
    js *out = js_array();

    for (size_t i = 0; i < js_len(*data); i++) {
        js *row = js_at(*data, i);
        int64_t less = takes(x, js_str_or(row, "storage", "")), avail = 0;

        if (less && (here || js_bool_or(row, "shared", false)) &&
            js_get_int(row, "avail", &avail)) {
            row = js_copy(row);
            js_add(row, "avail", js_int(avail > less ? avail - less : 0));
            js_push(out, row);
        } else {
            js_push(out, js_ref(row));
        }
    }
    (void)then_set(data, out);
    return THEN_UNWATCHED;
}

bool lists_volumes_of(const char *path, const char *kind, const js *config) {
    char what[16], storage[101];

    if (strncmp(path, "/nodes/", 7) != 0 || !pve_path_part(path, 2, what, sizeof(what)) ||
        strcmp(what, "storage") != 0 || !pve_path_part(path, 3, storage, sizeof(storage)) ||
        !strstr(path, "/content") || strstr(path, "content=backup")) {
        return false;
    }
    JS_FOREACH(config, key, value) {
        const char *text = js_is_str(value) ? json_object_get_string(value) : "";
        size_t n = strlen(storage);

        text += strncmp(text, "file=", 5) == 0 ? 5 : strncmp(text, "volume=", 7) == 0 ? 7 : 0;
        if (key_holds_disk(kind, key) && strncmp(text, storage, n) == 0 && text[n] == ':' &&
            (!strstr(text, "media=cdrom") || strstr(text, "cloudinit"))) {
            return true;
        }
    }
    return false;
}

static bool is_room(const char *path) {
    const char *end = strncmp(path, "/nodes/", 7) == 0 ? strchr(path + 7, '/') : NULL;

    return end && strcmp(end, "/storage") == 0;
}

enum then_is made_answer(const struct effect *x, const char *path, js **data) {
    struct guest_read g;

    if (is_guest_list(path)) {
        (void)list_edit_guest(data, x->vmid, NULL, x); /* one that a restore replaces */
        return then_set(data, with_row(*data, list_row_of(x)));
    }
    if (guest_read_of(path, &g)) {
        return effect_owns(x, &g) ? of_new(x, g.tail, data) : THEN_SAME;
    }
    if (strncmp(path, "/pools", 6) == 0) {
        return in_pool(x, path, data);
    }
    if (is_room(path)) {
        return room(x, path, data);
    }
    return lists_volumes_of(path, x->kind->guest, x->made) ? THEN_UNKNOWN : THEN_SAME;
}

const struct effect_kind then_made_kinds[] = {
    {"POST", "/nodes/*/lxc", create_begin, made_answer, "lxc"},
    {"POST", "/nodes/*/qemu", create_begin, made_answer, "qemu"},
    {"POST", "/nodes/*/lxc/*/clone", clone_begin, made_answer, "lxc"},
    {"POST", "/nodes/*/qemu/*/clone", clone_begin, made_answer, "qemu"},
    {NULL, NULL, NULL, NULL, NULL},
};
