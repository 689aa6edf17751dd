/* SPDX-License-Identifier: Apache-2.0 */
/* guest-snapshot: back to the snapshot that was taken before the operation, after a snapshot of the
 * present, so that going back is not a one-way street either. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/tools/plans.h"
#include "proximo-client/undo/kinds.h"

/* ".../snapshot/NAME/rollback" */
static int name_in(const char *path, char *ret, size_t size) {
    const char *p = strstr(path, "/snapshot/");
    size_t n = p ? strcspn(p + 10, "/") : 0;

    if (!n || n >= size || strcmp(p + 10 + n, "/rollback") != 0) {
        return -EINVAL;
    }
    (void)snprintf(ret, size, "%.*s", (int)n, p + 10);
    return 0;
}

static int keep_present(struct draft *d, const struct guest_ref *g, struct err *e) {
    char name[24], hex[9], tail[64];
    js *form = js_object(), *back = js_object();
    uint8_t raw[4];
    int r;

    random_bytes(raw, sizeof(raw));
    hex_encode(raw, sizeof(raw), hex);
    (void)snprintf(name, sizeof(name), "pxundo_%s", hex);
    (void)snprintf(tail, sizeof(tail), "/snapshot/%s/rollback", name);
    js_add(form, "snapname", js_str(name));
    js_add(form, "description", js_str("before an undo, by proximo"));
    if (g->running) {
        js_add(back, "start", js_bool(true));
    }
    draft_undo(d, "guest-snapshot", "disks and configuration go back to how they are now",
               "memory and running programs are not brought back");
    r = plan_guest_request(d, PHASE_PREPARE, g, "POST", "/snapshot", form, false, e);
    if (r < 0) {
        json_object_put(back);
        return r;
    }
    return plan_guest_request(d, PHASE_UNDO, g, "POST", tail, back, false, e);
}

/* Of ZFS only the newest snapshot can be rolled back to: one of the present would bar the way. */
static int keep_what_can_be(struct draft *d, const struct guest_ref *g, struct err *e) {
    static const char why[] =
        "ZFS rolls back to its newest snapshot only, so the present cannot be "
        "kept by another one";
    js *config = NULL;
    bool zfs = false;
    int r = plan_guest_read(d, g, "/config", "config", &config, e);

    r = r < 0 ? r : plan_on_storage_type(d, config, "zfspool", &zfs, e);
    if (r < 0 || !zfs) {
        return r < 0 ? r : keep_present(d, g, e);
    }
    draft_undo(d, "none", why, "");
    draft_risk(d, RISK_HIGH, "no way back: %s", why);
    return 0;
}

int undo_guest_snapshot(struct draft *d, const struct undone *u, struct err *e) {
    const js *q = undone_request(u, "undo", 0);
    js *list = NULL;
    struct guest_ref g;
    char name[64];
    bool there = false;
    int r = name_in(js_str_or(q, "path", ""), name, sizeof(name));

    if (r < 0) {
        return err_tag(e, r, "bad_plan", "the recorded way back names no snapshot");
    }
    r = plan_guest(d, u->args, &g, NULL, e);
    if (r == 0 && strcmp(g.node, js_str_or(u->target, "node", "")) != 0) {
        return err_tag(e, -ESTALE, "undo_gone", "guest %u moved to node %s since", g.vmid, g.node);
    }
    if (r == 0) {
        r = plan_guest_read(d, &g, "/snapshot", "snapshots", &list, e);
    }
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        there |= strcmp(js_str_or(js_at(list, i), "name", ""), name) == 0;
    }
    if (!there) {
        return err_tag(e, -ENOENT, "undo_gone", "snapshot %s, the way back, was deleted", name);
    }
    r = keep_what_can_be(d, &g, e);
    if (r < 0) {
        return r;
    }
    undone_copy_request(d, q);
    r = undo_since(d, u, &g, e);
    return r < 0 ? r : assess_rollback(d, &g, name, e);
}
