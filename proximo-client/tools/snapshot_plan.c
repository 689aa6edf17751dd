/* SPDX-License-Identifier: Apache-2.0 */
/* pve_snapshot_create and pve_snapshot_delete. What PVE finds out only in the task (a name that
 * exists, a storage that cannot) is found out here, before a plan is made. */
#include <errno.h>
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/plans.h"

static const js *snapshot_named(const js *list, const char *name) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "name", ""), name) == 0) {
            return js_at(list, i);
        }
    }
    return NULL;
}

static int refuse_impossible(struct draft *d, const struct guest_ref *g, struct err *e) {
    const char *why = "";
    js *config = NULL;
    int r = plan_guest_read(d, g, "/config", "config", &config, e);

    if (r < 0) {
        return r;
    }
    r = plan_can_snapshot(d, g, config, &why, NULL);
    if (r == 0) {
        (void)err_tag(e, -EOPNOTSUPP, "snapshot_impossible", "guest %u cannot have a snapshot: %s",
                      g->vmid, why);
        return err_hint(e, "a backup covers it, or its disks must move to a storage that can "
                           "(btrfs, zfs, lvmthin, rbd, qcow2)");
    }
    if (r < 0) {
        draft_risk(d, RISK_LOW, "whether the storage can take snapshots could not be asked");
    }
    return 0;
}

static void affect_guest(struct draft *d, const struct guest_ref *g, const char *effect,
                         enum risk severity, const char *via, const char *why) {
    char label[24];

    guest_label(g, label, sizeof(label));
    draft_affect(d, &(struct affect){.resource = label,
                                     .name = g->name,
                                     .node = g->node,
                                     .effect = effect,
                                     .severity = severity,
                                     .running = g->running,
                                     .via = via,
                                     .why = why});
}

int plan_snapshot_create(struct draft *d, const js *args, struct err *e) {
    const char *name = js_str_or(args, "snapname", "");
    bool vmstate = js_bool_or(args, "vmstate", false);
    struct guest_ref g;
    js *list = NULL;
    char tail[64];
    int r = plan_guest(d, args, &g, NULL, e);

    if (r == 0 && vmstate && strcmp(g.kind, "qemu") != 0) {
        r = err_tag(e, -EINVAL, "bad_argument", "vmstate goes with VMs only");
    }
    if (r == 0) {
        r = plan_guest_read(d, &g, "/snapshot", "snapshots", &list, e);
    }
    if (r == 0 && snapshot_named(list, name)) {
        r = err_tag(e, -EEXIST, "already_exists", "guest %u has a snapshot %s", g.vmid, name);
    }
    if (r == 0) {
        r = refuse_impossible(d, &g, e);
    }
    if (r < 0) {
        return r;
    }
    draft_change(d, "snapshot %s of %s %u (%s)%s", name,
                 strcmp(g.kind, "lxc") == 0 ? "container" : "VM", g.vmid, g.name,
                 vmstate ? ", with its memory" : "");
    draft_undo(d, "inverse", "the snapshot is deleted again", "");
    affect_guest(d, &g, vmstate && g.running ? "interrupted" : "none", RISK_LOW, NULL,
                 vmstate && g.running ? "the VM stands still while its memory is written"
                                      : "takes space on the storage as the guest writes on");
    (void)snprintf(tail, sizeof(tail), "/snapshot/%s", name);
    r = plan_guest_request(d, PHASE_EXECUTE, &g, "POST", "/snapshot",
                           answer_pick(args, "snapname description vmstate"), false, e);
    return r < 0 ? r : plan_guest_request(d, PHASE_UNDO, &g, "DELETE", tail, NULL, false, e);
}

int plan_snapshot_delete(struct draft *d, const js *args, struct err *e) {
    const char *name = js_str_or(args, "snapname", "");
    struct guest_ref g;
    const js *found;
    js *list = NULL;
    char tail[64];
    int r = plan_guest(d, args, &g, NULL, e);

    if (r == 0) {
        r = plan_guest_read(d, &g, "/snapshot", "snapshots", &list, e);
    }
    if (r < 0) {
        return r;
    }
    found = snapshot_named(list, name);
    if (!found) {
        (void)err_tag(e, -ENOENT, "no_such_snapshot", "guest %u has no snapshot %s", g.vmid, name);
        return err_hint(e, "pve_snapshot_list shows them");
    }
    draft_change(d, "delete snapshot %s of %s %u (%s)", name,
                 strcmp(g.kind, "lxc") == 0 ? "container" : "VM", g.vmid, g.name);
    draft_current(d, "snapshot", answer_pick(found, "name parent snaptime vmstate"));
    draft_undo(d, "none", "a deleted snapshot cannot be brought back", "");
    affect_guest(d, &g, "loses-undo", RISK_MEDIUM, name,
                 "the state saved with this snapshot is gone; the guest's present is untouched");
    (void)snprintf(tail, sizeof(tail), "/snapshot/%s", name);
    return plan_guest_request(d, PHASE_EXECUTE, &g, "DELETE", tail, answer_pick(args, "force"),
                              false, e);
}

static int has_snapshot(struct session *s, const js *args, bool *ret, struct guest_ref *g,
                        struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *list = NULL;
    int r = resolve_guest(s, args, g, e);

    if (r == 0) {
        r = guest_path(g, "/snapshot", &path, e);
    }
    if (r == 0) {
        r = pve_get(s->pve, buf_str(&path), &list, e);
    }
    if (r == 0) {
        *ret = snapshot_named(list, js_str_or(args, "snapname", "")) != NULL;
    }
    return r;
}

int check_snapshot_create(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                          struct err *e) {
    struct guest_ref g;
    bool there;
    int r = has_snapshot(s, args, &there, &g, e);

    return r < 0 ? r
                 : check_done(there, ret_ok, ret_text, "snapshot %s is %s the list",
                              js_str_or(args, "snapname", ""), there ? "in" : "not in");
}

int check_snapshot_delete(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                          struct err *e) {
    struct guest_ref g;
    bool there;
    int r = has_snapshot(s, args, &there, &g, e);

    return r < 0 ? r
                 : check_done(!there, ret_ok, ret_text, "snapshot %s is %s",
                              js_str_or(args, "snapname", ""), there ? "still there" : "gone");
}
