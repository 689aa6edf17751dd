/* SPDX-License-Identifier: Apache-2.0 */
/* The way back of a migration: another one, and for volumes that changed storage on the way the
 * mapping turned round, where it can be. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/guest_life.h"

/* Where "a:b" entries, or one storage for all, put a volume of that storage; of those that are
 * named nowhere: where it is. */
static const char *mapped(const js *map, const char *storage, char ret[static 128]) {
    size_t len = strlen(storage);

    (void)snprintf(ret, 128, "%.120s", storage);
    for (size_t i = 0; i < js_len(map); i++) {
        const char *one = value_text(js_at(map, i)), *colon = strchr(one, ':');

        if (!colon && strcmp(one, "1") != 0) {
            (void)snprintf(ret, 128, "%.120s", one);
        } else if (colon && (size_t)(colon - one) == len && memcmp(one, storage, len) == 0) {
            (void)snprintf(ret, 128, "%.120s", colon + 1);
            break;
        }
    }
    return ret;
}

/* Storages keep what is shared between nodes: it does not move. 1, 0 or negative. */
static int is_shared(struct draft *d, const char *storage, struct err *e) {
    static const char *const types[] = {"nfs",         "cifs",      "rbd", "cephfs", "iscsi",
                                        "iscsidirect", "glusterfs", "pbs", "esxi"};
    js *list = NULL;
    int r = draft_read(d, "/storage", "whole", &list, e);

    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        const js *s = js_at(list, i);

        if (strcmp(js_str_or(s, "storage", ""), storage) != 0) {
            continue;
        }
        for (size_t k = 0; k < ARRAY_LEN(types); k++) {
            if (strcmp(js_str_or(s, "type", ""), types[k]) == 0) {
                return 1;
            }
        }
        return js_bool_or(s, "shared", false);
    }
    return r;
}

/* The mapping that brings each volume to its storage again, as {where it will be: where it was}; 0:
 * volumes of two storages end on one (*ret_one), or on one that nodes share: no mapping brings them
 * back. */
static int map_back(struct draft *d, const struct assess *a, const js *map, js *ret,
                    char ret_one[static 128], struct err *e) {
    JS_FOREACH(a->before, key, val) {
        const char *text = js_is_str(val) ? json_object_get_string(val) : "";
        char was[128], is[128];
        int shared;

        (void)snprintf(was, sizeof(was), "%.*s", (int)strcspn(text, ":,"), text);
        if ((!key_is_disk(a->guest->kind, key) && !key_is_unused(key)) || text[0] == '/' ||
            text[strlen(was)] != ':') {
            continue;
        }
        shared = is_shared(d, was, e);
        if (shared) {
            if (shared < 0) {
                return shared;
            }
            continue;
        }
        (void)mapped(map, was, is);
        shared = strcmp(was, is) == 0 ? 0 : is_shared(d, is, e);
        if (shared) { /* what is shared does not move with a guest */
            (void)snprintf(ret_one, 128, "%s", is);
            return shared < 0 ? shared : 0;
        }
        if (js_get(ret, is) && strcmp(js_str_or(ret, is, ""), was) != 0) {
            (void)snprintf(ret_one, 128, "%s", is);
            return 0;
        }
        js_add(ret, is, js_str(was));
    }
    return 1;
}

/* Puts the mapping of the way back into its arguments. 0: there is none. */
static int other_storages(struct draft *d, const struct assess *a, js *args, struct err *e) {
    const char *field = js_get(a->args, "targetstorage")    ? "targetstorage"
                        : js_get(a->args, "target-storage") ? "target-storage"
                                                            : NULL;
    CLEANUP(js_freep) js *back = js_object();
    char one[128] = "", why[320];
    js *list;
    int r = field ? map_back(d, a, js_get(a->args, field), back, one, e) : 1;

    if (r <= 0) {
        (void)snprintf(
            why, sizeof(why),
            "PVE's mapping sends all volumes of a storage to one other, and none that are "
            "shared: what comes to %.100s is not sent back by it; move each disk back "
            "(pve_disk_move, pve_ct_volume_move)",
            one);
        draft_undo(d, "none", why, "");
        return r;
    }
    if (!field) {
        return 1;
    }
    list = js_array();
    JS_FOREACH(back, is, was) {
        char pair[260];

        (void)snprintf(pair, sizeof(pair), "%.120s:%.120s", is, json_object_get_string(was));
        js_push(list, js_str(pair));
    }
    json_object_object_del(args, field);
    if (js_len(list)) {
        js_add(args, field, list);
    } else {
        json_object_put(list); /* nothing moves that has to go back */
    }
    return 1;
}

/* To where it was, in the same manner, and its volumes to the storages that they were on. */
int back_migrate(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(js_freep) js *args = js_copy(a->args);
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    const char *target = js_str_or(a->args, "target", "");
    js *form = NULL;
    int r = other_storages(d, a, args, e);

    if (r <= 0) {
        return r;
    }
    js_add(args, "target", js_str(a->guest->node));
    r = send_form(a->row, NULL, args, a->guest->kind, &form, e);
    js_add(args, "node", js_str(target));
    r = r < 0 ? r : pve_path(a->row->send->path, args, &path, e);
    if (r < 0) {
        js_freep(&form);
        return r;
    }
    draft_request(d, PHASE_UNDO, "POST", buf_str(&path), form, NULL);
    draft_undo(d, "inverse", "it is migrated back, in the same manner", a->row->send->limits);
    return 0;
}
