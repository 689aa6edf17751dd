/* SPDX-License-Identifier: Apache-2.0 */
/* A backup that a step makes, and a guest restored from one. The archive gets its name when it is
 * made; until then a volume id stands for it that no argument can hold, and its content is the
 * guest's configuration as it will be at that point. */
#include "proximo-client/blast/then_int.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/blast/archive_config.h"
#include "proximo-client/blast/blast_int.h"
#include "proximo-client/pve/pve.h"

/* ---- made ---- */

static const char *kind_at(const js *list, uint32_t vmid, const char *node) {
    for (size_t i = 0; i < js_len(list); i++) {
        const js *row = js_at(list, i);

        if (js_int_or(row, "vmid", 0) == (int64_t)vmid &&
            strcmp(js_str_or(row, "node", ""), node) == 0) {
            return js_str_or(row, "type", "");
        }
    }
    return NULL;
}

static bool backup_begin(struct effect *x, then_read *read, void *ctx) {
    const char *storage = js_get_str(x->form, "storage"), *kind;
    int64_t vmid = js_int_or(x->form, "vmid", 0);
    const js *config;
    char path[200];

    if (!storage || vmid < VMID_MIN || vmid > VMID_MAX) {
        return false; /* several guests, a pool, or a directory of the node */
    }
    x->vmid = (uint32_t)vmid;
    kind = kind_at(read(ctx, "/cluster/resources?type=vm"), x->vmid, x->node);
    if (!kind) {
        return false;
    }
    (void)snprintf(path, sizeof(path), "/nodes/%.63s/%.7s/%u/config", x->node, kind, x->vmid);
    config = read(ctx, path);
    if (!js_is_object(config)) {
        return false;
    }
    x->made = js_copy(config);
    x->archive = js_object();
    js_addf(x->archive, "volid", "%.100s:backup/vzdump-%.7s-%u-step%zu-%s", storage, kind, x->vmid,
            x->step, x->nonce);
    js_add(x->archive, "storage", js_str(storage));
    js_add(x->archive, "kind", js_str(kind));
    js_add(x->archive, "vmid", js_int(vmid));
    return true;
}

static js *with_archive(const struct effect *x, const js *list) {
    js *out = js_array(), *row = js_object();

    for (size_t i = 0; i < js_len(list); i++) {
        js_push(out, js_ref(js_at(list, i)));
    }
    js_add(row, "volid", js_str(js_str_or(x->archive, "volid", "")));
    js_add(row, "content", js_str("backup"));
    js_add(row, "vmid", js_int(x->vmid));
    js_add(row, "ctime", js_int(x->now));
    js_push(out, row);
    return out;
}

/* The file inside, as a node tells it. */
static js *config_text(const js *config) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PVE_ANSWER);

    JS_FOREACH(config, key, value) {
        if (strcmp(key, "digest") != 0 && strcmp(key, "lock") != 0 && strcmp(key, "parent") != 0 &&
            strcmp(key, "description") != 0) {
            (void)buf_addf(&b, "%s: %s\n", key, json_object_get_string(value));
        }
    }
    return js_str(buf_str(&b));
}

/* What older archives its retention takes is not computed: more are shown than may be left. */
static enum then_is backup(const struct effect *x, const char *path, js **data) {
    const char *volid = js_str_or(x->archive, "volid", "");
    const char *at = strstr(path, "/extractconfig?volume=");
    char what[16], storage[101];

    if (at && strcmp(at + strlen("/extractconfig?volume="), volid) == 0) {
        return then_set(data, config_text(x->made));
    }
    if (strncmp(path, "/nodes/", 7) != 0 || !pve_path_part(path, 2, what, sizeof(what)) ||
        strcmp(what, "storage") != 0 || !pve_path_part(path, 3, storage, sizeof(storage)) ||
        strcmp(storage, js_str_or(x->archive, "storage", "")) != 0 || !strstr(path, "/content")) {
        return THEN_SAME;
    }
    (void)then_set(data, with_archive(x, *data));
    return THEN_UNWATCHED;
}

/* ---- restored ---- */

/* A volume comes back on the storage it was on, or on the one that is asked for, under a new name.
 */
static js *restored_volume(const struct effect *x, const char *text, unsigned int *n) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    const char *store = js_get_str(x->form, "storage");
    size_t len = strcspn(text, ","), colon = strcspn(text, ":");

    if (colon >= len || text[0] == '/' || strstr(text, "media=cdrom")) {
        return js_str(text);
    }
    (void)buf_addf(&b, "%.*s:vm-%u-disk-%u%s", (int)(store ? strlen(store) : colon),
                   store ? store : text, x->vmid, (*n)++, text + len);
    return js_str(buf_str(&b));
}

bool restore_begin(struct effect *x, then_read *read, void *ctx) {
    const char *volid = js_get_str(x->form, js_get(x->form, "archive") ? "archive" : "ostemplate");
    CLEANUP(js_freep) js *inside = NULL;
    unsigned int n = 0;
    char path[400];
    const js *text;

    (void)snprintf(path, sizeof(path), "/nodes/%.60s/vzdump/extractconfig?volume=%.280s", x->node,
                   volid ? volid : "");
    text = volid ? read(ctx, path) : NULL;
    if (!js_is_str(text)) {
        return false;
    }
    inside = archive_config(json_object_get_string((js *)(uintptr_t)text));
    x->made = js_object();
    JS_FOREACH(inside, key, value) {
        const char *v = json_object_get_string(value);

        if (strncmp(key, "unused", 6) != 0 && strcmp(key, "template") != 0) {
            js_add(x->made, key,
                   key_holds_disk(x->kind->guest, key) ? restored_volume(x, v, &n) : js_str(v));
        }
    }
    return true;
}

const struct effect_kind then_backup_kinds[] = {
    {"POST", "/nodes/*/vzdump", backup_begin, backup, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
