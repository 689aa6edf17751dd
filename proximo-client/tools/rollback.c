/* SPDX-License-Identifier: Apache-2.0 */
/* pve_rollback: puts a guest back to a snapshot. Everything since is lost, so a snapshot of the
 * present comes first where the storage lets it: that is the way back, and when it fails nothing is
 * rolled back. ZFS can only roll back to its newest snapshot: there a snapshot of the present would
 * itself stand in the way, and the plan says that there is no way back. */
#include <errno.h>
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/plans.h"

static bool is_named(const js *list, const char *name, const char **ret_now) {
    bool found = false;

    *ret_now = "";
    for (size_t i = 0; i < js_len(list); i++) {
        const js *item = js_at(list, i);
        const char *is = js_str_or(item, "name", "");

        found |= strcmp(is, name) == 0 && strcmp(is, "current") != 0;
        if (strcmp(is, "current") == 0) {
            *ret_now = js_str_or(item, "parent", "");
        }
    }
    return found;
}

static int no_way_back(struct draft *d, const char *why) {
    draft_undo(d, "none", why, "");
    draft_risk(d, RISK_HIGH, "no way back: %s", why);
    return 0;
}

static int way_back(struct draft *d, const struct guest_ref *g, const js *config, struct err *e) {
    const char *why = "whether the present can be kept by a snapshot is not known";
    bool zfs = false;
    int r = plan_on_storage_type(d, config, "zfspool", &zfs, NULL);

    if (r == 0 && zfs) {
        return no_way_back(d,
                           "ZFS rolls back to its newest snapshot only, so the present cannot be "
                           "kept by another one");
    }
    r = r < 0 ? 0 : plan_snapshot_first(d, g, config, "the rollback", &why, e);
    return r != 0 ? (r < 0 ? r : 0) : no_way_back(d, why);
}

int plan_rollback(struct draft *d, const js *args, struct err *e) {
    const char *name = js_str_or(args, "snapname", ""), *now = "";
    js *list = NULL, *config = NULL;
    struct guest_ref g;
    char tail[64];
    int r = plan_guest(d, args, &g, NULL, e);

    if (r == 0) {
        r = plan_guest_read(d, &g, "/snapshot", "snapshots", &list, e);
    }
    if (r == 0) {
        r = plan_guest_read(d, &g, "/config", "config", &config, e);
    }
    if (r < 0) {
        return r;
    }
    if (!is_named(list, name, &now)) {
        (void)err_tag(e, -ENOENT, "no_such_snapshot", "guest %u has no snapshot %s", g.vmid, name);
        return err_hint(e, "pve_snapshot_list shows them");
    }
    draft_change(d, "roll %s %u (%s) back to snapshot %s",
                 strcmp(g.kind, "lxc") == 0 ? "container" : "VM", g.vmid, g.name, name);
    draft_current(d, "stands_on", js_str(*now ? now : "no snapshot"));
    r = way_back(d, &g, config, e);
    (void)snprintf(tail, sizeof(tail), "/snapshot/%s/rollback", name);
    if (r == 0) {
        r = plan_guest_request(d, PHASE_EXECUTE, &g, "POST", tail, answer_pick(args, "start"),
                               false, e);
    }
    return r < 0 ? r : assess_rollback(d, &g, name, e);
}

int check_rollback(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                   struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *list = NULL;
    const char *name = js_str_or(args, "snapname", ""), *now = "";
    struct guest_ref g;
    int r = resolve_guest(s, args, &g, e);

    if (r == 0) {
        r = guest_path(&g, "/snapshot", &path, e);
    }
    if (r == 0) {
        r = pve_get(s->pve, buf_str(&path), &list, e);
    }
    if (r < 0) {
        return r;
    }
    (void)is_named(list, name, &now);
    return check_done(strcmp(now, name) == 0, ret_ok, ret_text, "guest %u stands on %s", g.vmid,
                      *now ? now : "no snapshot");
}
