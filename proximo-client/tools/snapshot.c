/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about guest snapshots. Their plans are in snapshot_plan.c and rollback.c. */
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/plans.h"
#include "proximo-client/tools/rows.h"

static const struct field guest_fields[] = {FIELDS_GUEST, FIELDS_PAGE, {NULL}};

static js *snapshot_item(const js *item) {
    js *o = answer_pick(item, "name parent snaptime vmstate");
    const char *text = js_get_str(item, "description");

    if (text && *text) {
        js_addf(o, "description", "%.200s", text);
    }
    return o;
}

/* PVE ends the list with the pseudo entry `current`: its parent is where the guest stands. */
static int list_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *all = NULL;
    CLEANUP(js_freep) js *list = js_array();
    CLEANUP(js_freep) js *at = NULL;
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    struct guest_ref g;
    int r = resolve_guest(s, args, &g, e);

    if (r == 0) {
        r = guest_path(&g, "/snapshot", &path, e);
    }
    if (r == 0) {
        r = pve_get(s->pve, buf_str(&path), &all, e);
    }
    r = r < 0 ? r : need_rows("the snapshots", all, e);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < js_len(all); i++) {
        js *item = js_at(all, i);

        if (strcmp(js_str_or(item, "name", ""), "current") != 0) {
            js_push(list, js_ref(item));
        } else if (js_get_str(item, "parent")) {
            json_object_put(at);
            at = js_str(js_get_str(item, "parent"));
        }
    }
    *ret = answer_list(list, args, snapshot_item);
    answer_guest_text(*ret, "description");
    js_add(*ret, "vmid", js_int(g.vmid));
    if (at) {
        js_add(*ret, "current_parent", TAKE(at));
    }
    return 0;
}

static const struct field create_fields[] = {
    FIELDS_GUEST,
    {"snapname", F_SNAP, NULL, true},
    {"description", F_STR, NULL, .max = 1024},
    {"vmstate", F_BOOL, "with the VM's memory"},
    {NULL},
};
static const struct field delete_fields[] = {
    FIELDS_GUEST,
    {"snapname", F_SNAP, NULL, true},
    {"force", F_BOOL, "also when a disk's snapshot cannot be removed"},
    {NULL},
};
static const struct field rollback_fields[] = {
    FIELDS_GUEST,
    {"snapname", F_SNAP, NULL, true},
    {"start", F_BOOL, "start the guest afterwards"},
    {NULL},
};

const struct row snapshot_rows[] = {
    {"pve_snapshot_list", "List snapshots",
     "Lists a guest's snapshots with parents and times. Changes nothing.", "snapshot", EFFECT_READ,
     ROW_DIRECT | ROW_IDEMPOTENT, guest_fields, .read = list_read,
     .privilege = "/vms/{vmid} VM.Audit",
     .result =
         "vmid:integer current_parent?:string total:integer returned:integer truncated:boolean "
         "items:array"},
    {"pve_snapshot_create", "Create a snapshot",
     "Plans a snapshot of a guest's disks and configuration; low risk. Returns a plan; nothing "
     "runs "
     "before it is applied.",
     "snapshot", EFFECT_CHANGE, ROW_DIRECT, create_fields, .plan = plan_snapshot_create,
     .analysers = "snapshot", .undo = "inverse", .check = check_snapshot_create,
     .privilege = "/vms/{vmid} VM.Snapshot", .result = PLAN_RESULT},
    {"pve_snapshot_delete", "Delete a snapshot",
     "Plans deleting a snapshot; its saved state is gone for good. Returns a plan; nothing runs "
     "before it is applied.",
     "snapshot", EFFECT_CHANGE, ROW_DIRECT, delete_fields, .plan = plan_snapshot_delete,
     .analysers = "snapshot", .undo = "none",
     .undo_none = "a deleted snapshot cannot be brought back", .check = check_snapshot_delete,
     .privilege = "/vms/{vmid} VM.Snapshot", .result = PLAN_RESULT},
    {"pve_rollback", "Roll back to a snapshot",
     "Plans putting a guest back to a snapshot; everything since is lost and a running guest "
     "stops. "
     "Returns a plan; nothing runs before it is applied.",
     "snapshot", EFFECT_CHANGE, ROW_DIRECT, rollback_fields, .plan = plan_rollback,
     .analysers = "rollback", .undo = "guest-snapshot", .check = check_rollback,
     .privilege = "/vms/{vmid} VM.Snapshot|VM.Snapshot.Rollback", .result = PLAN_RESULT},
    {NULL},
};
