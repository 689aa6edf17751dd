/* SPDX-License-Identifier: Apache-2.0 */
/* What is made can be taken away again, as long as it is what was made: so each of these says what
 * that is, and what is read when the operation has ended, for the undo to compare with. */
#include "proximo-client/tools/made_back.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pipeline/late.h"
#include "proximo-client/pve/pve.h"

/* ---- guests ---- */

/* 1: there is a guest of that number now, 0: none, negative: cannot be read. */
static int is_taken(struct draft *d, int64_t vmid, struct err *e) {
    js *list = NULL;
    int r = draft_read(d, "/cluster/resources?type=vm", "places", &list, e);

    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        if (js_int_or(js_at(list, i), "vmid", 0) == vmid) {
            return 1;
        }
    }
    return r;
}

static void below(struct draft *d, const char *guest, const char *tail, const char *reduce) {
    char path[160];

    (void)snprintf(path, sizeof(path), "%.120s%s", guest, tail);
    draft_undo_left(d, path, reduce);
}

static void destroy_again(struct draft *d, const struct assess *a, int64_t vmid) {
    const char *type = strstr(a->row->send->path, "{kind}")  ? js_str_or(a->args, "kind", "lxc")
                       : strstr(a->row->send->path, "/qemu") ? "qemu"
                                                             : "lxc";
    const char *node = js_str_or(a->args, "target", js_str_or(a->args, "node", ""));
    char path[120], stop[140];
    js *what = js_object();

    (void)snprintf(path, sizeof(path), "/nodes/%.63s/%.5s/%lld", node, type, (long long)vmid);
    if (js_bool_or(a->args, "start", false) || js_bool_or(a->args, "live-restore", false)) {
        (void)snprintf(stop, sizeof(stop), "%s/status/stop", path);
        draft_request(d, PHASE_UNDO, "POST", stop, NULL, NULL);
    }
    draft_request(d, PHASE_UNDO, "DELETE", path, NULL, NULL);
    draft_undo(d, "inverse",
               "the guest is destroyed again, as long as it is as the operation left it and nobody "
               "else has used it; an operator looks at it first",
               a->row->send->limits);
    js_add(what, "kind", js_str("guest"));
    js_add(what, "vmid", js_int(vmid));
    js_add(what, "type", js_str(type));
    js_add(what, "node", js_str(node));
    draft_undo_removes(d, what);
    below(d, path, "/config", "config");
    below(d, path, "/snapshot", "snapshots");
    below(d, path, "/status/current", "power");
}

int back_new_guest(struct draft *d, const struct assess *a, struct err *e) {
    int64_t vmid = js_int_or(a->args, "newid", js_int_or(a->args, "vmid", 0));
    int r = is_taken(d, vmid, e);
    char why[200];

    if (r < 0) {
        return r;
    }
    if (r > 0) {
        (void)snprintf(
            why, sizeof(why),
            "guest %lld is overwritten and what it holds is gone: only a backup that was "
            "made of it before brings it back",
            (long long)vmid);
        draft_undo(d, "none", why, "");
        return 0;
    }
    destroy_again(d, a, vmid);
    return 0;
}

/* ---- volumes ---- */

/* PVE puts "_" in the place of anything else in a file's name. */
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

/* Storages that keep files keep each guest's in a folder of its own. 1: it does. */
static int keeps_files(struct draft *d, const char *storage, struct err *e) {
    static const char *const types[] = {"dir", "nfs", "cifs", "cephfs", "btrfs", "glusterfs"};
    js *list = NULL;
    int r = draft_read(d, "/storage", "whole", &list, e);

    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        const js *s = js_at(list, i);

        for (size_t k = 0;
             strcmp(js_str_or(s, "storage", ""), storage) == 0 && k < ARRAY_LEN(types); k++) {
            if (strcmp(js_str_or(s, "type", ""), types[k]) == 0) {
                return 1;
            }
        }
    }
    return r;
}

struct volume_made {
    const char *storage, *node;
    struct buf volid;
    struct buf list; /* where it will stand: path with query */
};

static void volume_made_done(struct volume_made *v) {
    buf_done(&v->volid);
    buf_done(&v->list);
}

/* What PVE will call it. 1; 0: PVE chooses a name. */
static int name_volume(struct draft *d, const struct assess *a, struct volume_made *v,
                       char query[static 40], struct err *e) {
    const char *content = js_str_or(a->args, "content", "vztmpl");
    const char *name = js_get_str(a->args, "filename");
    const char *row = a->row->name;
    int64_t vmid = js_int_or(a->args, "vmid", 0);
    int files;

    if (strcmp(row, "pve_volume_alloc") == 0) {
        files = keeps_files(d, v->storage, e);
        (void)snprintf(query, 40, "?vmid=%lld", (long long)vmid);
        return files < 0 ? files
               : files   ? buf_addf(&v->volid, "%s:%lld/%s", v->storage, (long long)vmid, name) < 0
                               ? -ENOMEM
                               : 1
               : buf_addf(&v->volid, "%s:%s", v->storage, name) < 0 ? -ENOMEM
                                                                    : 1;
    }
    if (strcmp(row, "pve_volume_copy") == 0) {
        name = js_str_or(a->args, "target", "");
        (void)buf_addf(&v->volid, strchr(name, ':') ? "%.0s%s" : "%s:%s", v->storage, name);
        return 1;
    }
    name = strcmp(row, "pve_template_download") == 0 ? js_get_str(a->args, "template") : name;
    (void)snprintf(query, 40, "?content=%.20s", content);
    if (!name || strspn(name, NAME_CHARS) != strlen(name)) {
        return 0;
    }
    (void)buf_addf(&v->volid, "%s:%s/%s", v->storage, content, name);
    return 1;
}

static bool is_listed(const js *list, const char *volid) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "volid", ""), volid) == 0) {
            return true;
        }
    }
    return false;
}

static int delete_again(struct draft *d, const struct volume_made *v, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *names = js_object();
    js *what = js_object();
    int r;

    js_add(names, "node", js_str(v->node));
    js_add(names, "storage", js_str(v->storage));
    js_add(names, "volume", js_str(buf_str(&v->volid)));
    r = pve_path("/nodes/{node}/storage/{storage}/content/{volume}", names, &path, e);
    if (r < 0) {
        json_object_put(what);
        return r;
    }
    draft_request(d, PHASE_UNDO, "DELETE", buf_str(&path), NULL, NULL);
    draft_undo(d, "inverse",
               "it is deleted again, as long as it is as the operation left it and nothing uses it",
               "");
    js_add(what, "kind", js_str("volume"));
    js_add(what, "node", js_str(v->node));
    js_add(what, "storage", js_str(v->storage));
    js_add(what, "volid", js_str(buf_str(&v->volid)));
    draft_undo_removes(d, what);
    draft_undo_left(d, buf_str(&v->list), "whole");
    return 0;
}

int back_new_volume(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(volume_made_done)
    struct volume_made v = {.storage = js_str_or(a->args, "storage", ""),
                            .node =
                                js_str_or(a->args, "target_node", js_str_or(a->args, "node", "")),
                            .volid = BUF_INIT(LIM_LINE),
                            .list = BUF_INIT(LIM_LINE)};
    char query[40] = "";
    js *list = NULL;
    int r = name_volume(d, a, &v, query, e);

    if (r <= 0) {
        if (r == 0) {
            draft_undo(d, "none",
                       "PVE changes such a name: how the file will be called is not known for sure",
                       "");
        }
        return r;
    }
    (void)buf_addf(&v.list, "/nodes/%.63s/storage/%.100s/content%s", v.node, v.storage, query);
    r = draft_read(d, buf_str(&v.list), "whole", &list, e);
    if (r < 0) {
        return r;
    }
    if (is_listed(list, buf_str(&v.volid))) {
        draft_undo(d, "none", "there is a volume of that name already: nothing new is made", "");
        return 0;
    }
    return delete_again(d, &v, e);
}

/* ---- disks ---- */

static const char *disk_format(const char *value) {
    static const char *const formats[] = {"qcow2", "vmdk", "raw"};
    size_t n = strcspn(value, ",");

    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        size_t len = strlen(formats[i]);

        if (n > len && value[n - len - 1] == '.' && memcmp(value + n - len, formats[i], len) == 0) {
            return formats[i];
        }
    }
    return NULL;
}

/* Which guest the disk is taken from when it goes back, and as what. */
struct way {
    const char *key_field, *key;
    char path[160], fresh[160];
};

static int find_way(struct draft *d, const struct assess *a, const char *key, struct way *ret,
                    struct err *e) {
    CLEANUP(js_freep) js *other = js_object();
    bool is_ct = strcmp(a->guest->kind, "lxc") == 0;
    struct guest_ref g = *a->guest;
    int r = 0;

    ret->key_field = is_ct ? "volume" : "disk";
    ret->key = key;
    if (js_get(a->args, "target-vmid")) {
        js_add(other, "vmid", js_copy(js_get(a->args, "target-vmid")));
        r = draft_guest(d, other, &g, e);
        ret->key = js_str_or(a->args, is_ct ? "target-volume" : "target-disk", key);
    }
    (void)snprintf(ret->path, sizeof(ret->path), "/nodes/%.63s/%.5s/%u/%s", g.node, g.kind, g.vmid,
                   is_ct ? "move_volume" : "move_disk");
    (void)snprintf(ret->fresh, sizeof(ret->fresh), "/nodes/%.63s/%.5s/%u/config", g.node, g.kind,
                   g.vmid);
    return r;
}

static js *form_back(const struct assess *a, const char *value, const struct way *w) {
    bool is_ct = strcmp(a->guest->kind, "lxc") == 0;
    js *form = js_object();

    js_add(form, w->key_field, js_str(w->key));
    if (js_get(a->args, "target-vmid")) {
        js_add(form, "target-vmid", js_int(a->guest->vmid));
        js_add(form, is_ct ? "target-volume" : "target-disk",
               js_str(js_str_or(a->args, w->key_field, "")));
        return form;
    }
    js_add(form, "storage", js_str_n(value, strcspn(value, ":")));
    js_add(form, "delete", js_bool(true));
    if (!is_ct && disk_format(value)) {
        js_add(form, "format", js_str(disk_format(value)));
    }
    return form;
}

int back_disk_move(struct draft *d, const struct assess *a, struct err *e) {
    bool is_ct = strcmp(a->guest->kind, "lxc") == 0;
    const char *key = js_str_or(a->args, is_ct ? "volume" : "disk", "");
    const char *value = js_get_str(a->before, key);
    bool other = js_get(a->args, "target-vmid") != NULL;
    struct way w = {0};
    js *form;
    int r;

    if (!value || !strchr(value, ':')) {
        (void)err_tag(e, -EINVAL, "bad_argument", "guest %u has no volume %.20s", a->guest->vmid,
                      key);
        return err_hint(e, "pve_guest_config_get shows its disks");
    }
    r = find_way(d, a, key, &w, e);
    if (r < 0) {
        return r;
    }
    form = form_back(a, value, &w);
    js_add(form, "digest", late_digest());
    draft_request(d, PHASE_UNDO, "POST", w.path, form, w.fresh);
    draft_undo(d, "inverse", other ? "the disk is given back" : "the disk is moved back",
               other ? "the volume may come back under another number"
               : js_bool_or(a->args, "delete", false)
                   ? "the original is deleted: what comes back is a copy of what is there then"
                   : "the original stays behind as an unused disk, with what it held at the move; "
                     "what comes back beside it is a copy of what is there then");
    draft_undo_left(d, w.fresh, "config");
    return 0;
}
