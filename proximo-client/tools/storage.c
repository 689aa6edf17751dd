/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about storages: definitions, state, content. Plans are in storage_plan.c. */
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/plans.h"
#include "proximo-client/tools/rows.h"

static const struct field list_fields[] = {
    {"node", F_NODE, "state and fill as this node sees it; default: definitions"},
    FIELDS_PAGE,
    {NULL},
};
static const struct field storage_fields[] = {{"storage", F_STORAGE, NULL, true}, {NULL}};
static const struct field status_fields[] = {
    {"node", F_NODE, NULL, true},
    {"storage", F_STORAGE, NULL, true},
    {NULL},
};
static const struct field content_fields[] = {
    {"node", F_NODE, NULL, true},
    {"storage", F_STORAGE, NULL, true},
    {"content", F_ENUM, NULL, .choices = "images|rootdir|vztmpl|iso|backup|snippets|import"},
    {"vmid", F_VMID, "only volumes of this guest"},
    FIELDS_PAGE,
    {NULL},
};

static js *definition_item(const js *item) {
    js *o = js_copy(item);

    json_object_object_del(o, "digest");
    return o;
}

static js *state_item(const js *item) {
    js *o = answer_pick(item, "storage type content active enabled shared total used avail");
    int64_t used = answer_percent(item, "used_fraction");

    if (used >= 0) {
        js_add(o, "used_percent", js_int(used));
    }
    return o;
}

static int list_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *list = NULL;
    const char *node = js_get_str(args, "node");
    int r = node ? check_node(s, node, e) : 0;

    if (r == 0) {
        r = read_path(s, node ? "/nodes/{node}/storage" : "/storage", args, &list, e);
    }
    r = r < 0 ? r : need_rows("the storages", list, e);
    if (r < 0) {
        return r;
    }
    *ret = answer_list(list, args, node ? state_item : definition_item);
    answer_partial(s, *ret, "/storage",
                   "Datastore.Audit|Datastore.AllocateSpace|Datastore.Allocate");
    return 0;
}

static int config_read(struct session *s, const js *args, js **ret, struct err *e) {
    return read_path(s, "/storage/{storage}", args, ret, e);
}

static int status_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *d = NULL;
    int64_t total, used;
    int r = check_node(s, js_str_or(args, "node", ""), e);

    if (r == 0) {
        r = read_path(s, "/nodes/{node}/storage/{storage}/status", args, &d, e);
    }
    if (r < 0) {
        return r;
    }
    *ret = answer_pick(d, "type content active enabled shared total used avail");
    js_add(*ret, "node", js_str(js_str_or(args, "node", "")));
    js_add(*ret, "storage", js_str(js_str_or(args, "storage", "")));
    total = js_int_or(d, "total", 0);
    used = js_int_or(d, "used", 0);
    if (total > 0 && used >= 0 && used <= total) {
        js_add(*ret, "used_percent", js_int(used / (total / 100 + 1)));
    }
    return 0;
}

static js *volume_item(const js *item) {
    js *o = answer_pick(item, "volid vmid content format size used ctime parent protected "
                              "verification");
    const char *notes = js_get_str(item, "notes");

    if (notes && *notes) {
        js_addf(o, "notes", "%.120s", notes);
    }
    return o;
}

static int content_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *list = NULL;
    CLEANUP(js_freep) js *query = answer_pick(args, "content vmid");
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    char acl[128];
    int r = check_node(s, js_str_or(args, "node", ""), e);

    if (r == 0) {
        r = pve_path("/nodes/{node}/storage/{storage}/content", args, &path, e);
    }
    if (r == 0) {
        r = pve_query(query, &path, e);
    }
    if (r == 0) {
        r = pve_get(s->pve, buf_str(&path), &list, e);
    }
    r = r < 0 ? r : need_rows("what lies on the storage", list, e);
    if (r < 0) {
        return r;
    }
    *ret = answer_list(list, args, volume_item);
    answer_guest_text(*ret, "notes");
    (void)snprintf(acl, sizeof(acl), "/storage/%s", js_str_or(args, "storage", ""));
    answer_partial(s, *ret, acl, "Datastore.Allocate");
    return 0;
}

static const struct field create_fields[] = {
    {"storage", F_STORAGE, NULL, true},
    {"type", F_ENUM, NULL, true,
     .choices = "dir|btrfs|nfs|cifs|pbs|cephfs|rbd|lvm|lvmthin|zfspool|zfs|iscsi|iscsidirect|esxi"},
    {"set", F_MAP, "properties: path, content, nodes, server, export, pool …"},
    {"password", F_STR, "for cifs, pbs, esxi", .secret = true, .min = 1, .max = 512},
    {NULL},
};
static const struct field update_fields[] = {
    {"storage", F_STORAGE, NULL, true},
    {"set", F_MAP, "properties to set, e.g. disable, nodes, content"},
    {"delete", F_STRS, "properties to delete", .max = 64},
    {"password", F_STR, "for cifs, pbs, esxi", .secret = true, .min = 1, .max = 512},
    {NULL},
};

const struct row storage_rows[] = {
    {"pve_storage_list", "List storages",
     "Lists storage definitions of the cluster, or one node's storages with fill. Changes nothing.",
     "storage", EFFECT_READ, ROW_DIRECT | ROW_IDEMPOTENT, list_fields, .read = list_read,
     .privilege = "/storage Datastore.Audit", .result = LIST_RESULT " partial?:object"},
    {"pve_storage_status", "Storage status",
     "Shows one storage's state and fill on a node. Changes nothing.", "storage", EFFECT_READ,
     ROW_DIRECT | ROW_IDEMPOTENT, status_fields, .read = status_read,
     .privilege = "/storage/{storage} Datastore.Audit",
     .result =
         "node:string storage:string type?:string total?:integer used?:integer avail?:integer"},
    {"pve_storage_content", "Storage content",
     "Lists the volumes on a storage: disks, backups, templates, ISO images. Changes nothing.",
     "storage", EFFECT_READ, ROW_DIRECT | ROW_IDEMPOTENT, content_fields, .read = content_read,
     .privilege = "/storage/{storage} Datastore.Audit", .result = LIST_RESULT " partial?:object"},
    {"pve_storage_config_get", "Storage definition",
     "Shows one storage's definition with its digest. Changes nothing.", "storage", EFFECT_READ,
     ROW_IDEMPOTENT, storage_fields, .read = config_read,
     .privilege = "/storage/{storage} Datastore.Allocate", .result = "storage:string type:string"},
    {"pve_storage_create", "Define a storage",
     "Plans a new storage definition; touches no data. Returns a plan; nothing runs before it is "
     "applied.",
     "storage", EFFECT_CHANGE, 0, create_fields, .plan = plan_storage_create,
     .analysers = "storage-create", .undo = "inverse", .check = check_storage_create,
     .privilege = "/storage Datastore.Allocate", .result = PLAN_RESULT},
    {"pve_storage_update", "Change a storage definition",
     "Plans changing a storage's definition; disabling it or restricting its nodes can keep guests "
     "from starting. Returns a plan; nothing runs before it is applied.",
     "storage", EFFECT_CHANGE, ROW_DIRECT, update_fields, .plan = plan_storage_update,
     .analysers = "storage", .undo = "restore-object", .check = check_storage_update,
     .privilege = "/storage Datastore.Allocate", .result = PLAN_RESULT},
    {"pve_storage_delete", "Delete a storage definition",
     "Plans removing a storage definition from the cluster; the data stays, but guests on it no "
     "longer start. Returns a plan; nothing runs before it is applied.",
     "storage", EFFECT_CHANGE, ROW_DIRECT, storage_fields, .plan = plan_storage_delete,
     .analysers = "storage", .undo = "restore-object", .check = check_storage_delete,
     .privilege = "/storage Datastore.Allocate", .result = PLAN_RESULT},
    {NULL},
};
