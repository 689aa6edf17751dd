/* SPDX-License-Identifier: Apache-2.0 */
/* What every plan over a guest needs: the guest, its lock, its paths, and whether its storages can
 * take a snapshot. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/plans.h"

int plan_guest_read(struct draft *d, const struct guest_ref *g, const char *tail,
                    const char *reduce, js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    js *data = NULL;
    int r = guest_path(g, tail, &path, e);

    if (r == 0) {
        r = draft_read(d, buf_str(&path), reduce, &data, e);
    }
    if (r == 0 && strcmp(reduce, "config") == 0 && !js_is_object(data)) {
        r = bad_answer("a guest's configuration", e);
    }
    if (r == 0) {
        *ret = data;
    }
    return r;
}

int plan_guest_request(struct draft *d, enum phase phase, const struct guest_ref *g,
                       const char *method, const char *tail, js *form, bool fresh, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE), config = BUF_INIT(LIM_LINE);
    int r = guest_path(g, tail, &path, e);

    if (r == 0) {
        r = guest_path(g, "/config", &config, e);
    }
    if (r < 0) {
        json_object_put(form);
        return r;
    }
    draft_request(d, phase, method, buf_str(&path), form, fresh ? buf_str(&config) : NULL);
    return 0;
}

int plan_guest(struct draft *d, const js *args, struct guest_ref *ret, js **ret_status,
               struct err *e) {
    struct guest_ref g;
    js *status = NULL;
    char id[16];
    int r = draft_guest(d, args, &g, e);

    if (r == 0) {
        r = plan_guest_read(d, &g, "/status/current", "power", &status, e);
    }
    if (r < 0) {
        return r;
    }
    if (js_get_str(status, "lock")) {
        (void)err_tag(e, -EBUSY, "guest_locked", "guest %u is locked (%.40s)", g.vmid,
                      js_get_str(status, "lock"));
        return err_hint(e,
                        "another task works on it: wait for it (pve_tasks_list), then plan again");
    }
    g.running = strcmp(js_str_or(status, "status", ""), "running") == 0;
    (void)snprintf(id, sizeof(id), "%u", g.vmid);
    draft_target(d, "guest", id, g.node);
    draft_current(d, "kind", js_str(g.kind));
    draft_current(d, "name", js_str(g.name));
    draft_current(d, "status", js_str(js_str_or(status, "status", "")));
    if (js_bool_or(js_get(status, "ha"), "managed", false)) {
        draft_current(d, "ha", js_str(js_str_or(js_get(status, "ha"), "state", "managed")));
    }
    *ret = g;
    if (ret_status) {
        *ret_status = status;
    }
    return 0;
}

/* The storage part of a configuration's volume value ("local-zfs:vm-104-disk-0,size=8G"), "" for
 * what is no volume of a storage (none, bind mounts, devices). */
static void storage_of(const char *value, char ret[static 101]) {
    size_t n;

    ret[0] = '\0';
    if (strncmp(value, "file=", 5) == 0 || strncmp(value, "volume=", 7) == 0) {
        value = strchr(value, '=') + 1;
    }
    n = strcspn(value, ":,");
    if (value[n] == ':' && value[0] != '/' && n > 0 && n <= 100) {
        memcpy(ret, value, n);
        ret[n] = '\0';
    }
}

/* The type of the storage that a volume value is on, "" when it is on none. */
static const char *type_of(const js *storages, const char *value) {
    char storage[101];

    storage_of(value, storage);
    for (size_t i = 0; storage[0] && i < js_len(storages); i++) {
        if (strcmp(js_str_or(js_at(storages, i), "storage", ""), storage) == 0) {
            return js_str_or(js_at(storages, i), "type", "");
        }
    }
    return "";
}

static bool is_disk(const char *key, const js *val) {
    return js_is_str(val) && !key_is_unused(key) &&
           (key_is_disk("lxc", key) || key_is_disk("qemu", key)) &&
           !strstr(value_text(val), "media=cdrom");
}

int plan_on_storage_type(struct draft *d, const js *config, const char *type, bool *ret,
                         struct err *e) {
    js *list = NULL;
    int r = draft_read(d, "/storage", "whole", &list, e);

    *ret = false;
    if (r < 0) {
        return r;
    }
    JS_FOREACH(config, key, val) {
        *ret |= is_disk(key, val) && strcmp(type_of(list, value_text(val)), type) == 0;
    }
    return 0;
}

/* For an API that has no feature call (501): by the types that can. What is not known cannot. */
static int can_by_type(struct draft *d, const js *config, struct err *e) {
    static const char *const able[] = {"btrfs", "zfspool", "lvmthin", "rbd"};
    js *list = NULL;
    int r = draft_read(d, "/storage", "whole", &list, e);

    if (r < 0) {
        return r;
    }
    JS_FOREACH(config, key, val) {
        const char *type = is_disk(key, val) ? type_of(list, value_text(val)) : NULL;
        bool can = !type || strstr(value_text(val), ".qcow2");

        for (size_t i = 0; !can && i < ARRAY_LEN(able); i++) {
            can = strcmp(type, able[i]) == 0;
        }
        if (!can) {
            return 0;
        }
    }
    return 1;
}

int plan_can_snapshot(struct draft *d, const struct guest_ref *g, const js *config,
                      const char **ret_why, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *answer = NULL;
    struct err why = {0};
    int r;

    JS_FOREACH(config, key, val) {
        if (strcmp(g->kind, "lxc") == 0 && key_is_disk("lxc", key) && js_is_str(val) &&
            json_object_get_string(val)[0] == '/') {
            *ret_why = "it has a bind mount or device, which no snapshot covers";
            return 0;
        }
    }
    r = guest_path(g, "/feature?feature=snapshot", &path, e);
    if (r == 0) {
        r = pve_get(draft_session(d)->pve, buf_str(&path), &answer, &why);
    }
    *ret_why = "a storage it is on cannot take snapshots";
    if (r < 0 && why.http_status == 501) {
        return can_by_type(d, config, e);
    }
    if (r < 0) {
        if (e) {
            *e = why;
        }
        return r;
    }
    return js_bool_or(answer, "hasFeature", false) ? 1 : 0;
}

int check_done(bool ok, bool *ret_ok, char **ret_text, const char *fmt, ...) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE);
    va_list ap;

    va_start(ap, fmt);
    (void)buf_vaddf(&b, fmt, ap);
    va_end(ap);
    *ret_ok = ok;
    *ret_text = buf_take(&b);
    return 0;
}
