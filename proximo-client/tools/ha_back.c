/* SPDX-License-Identifier: Apache-2.0 */
/* The ways back of what is asked of the HA manager: a guest is brought back to the node where it is
 * while this is planned, and HA is disarmed again in the mode that it is in. */
#include "proximo-client/tools/ha_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/pve/pve.h"

/* "ct:301" -> the guest; that it is where it is becomes a precondition. */
static int guest_of(struct draft *d, const char *sid, struct guest_ref *ret, struct err *e) {
    const char *colon = strchr(sid, ':');
    CLEANUP(js_freep) js *args = js_object();
    uint32_t vmid = 0;
    char path[160];
    int r;

    if (ident_vmid(colon ? colon + 1 : sid, &vmid) < 0) {
        (void)err_tag(e, -EINVAL, "bad_argument", "%.40s names no guest", sid);
        return err_hint(e, "vm:104 or ct:301");
    }
    js_add(args, "vmid", js_int(vmid));
    r = draft_guest(d, args, ret, e);
    if (r < 0) {
        return r;
    }
    (void)snprintf(path, sizeof(path), "/nodes/%.63s/%.7s/%u/status/current", ret->node, ret->kind,
                   vmid);
    return draft_read(d, path, "any", NULL, e);
}

int ha_move_back(struct draft *d, const struct assess *a, struct err *e) {
    const char *sid = js_str_or(a->args, "sid", ""), *to = js_str_or(a->args, "node", "");
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    struct guest_ref g;
    js *form;
    char text[160];
    int r = guest_of(d, sid, &g, e);

    if (r == 0 && strcmp(g.node, to) == 0) {
        (void)err_tag(e, -EALREADY, "no_change", "%.40s is on %.63s", sid, to);
        r = err_hint(e, "nothing has to be done");
    }
    r = r < 0 ? r : pve_path(a->row->send->path, a->args, &path, e);
    if (r < 0) {
        return r;
    }
    form = js_object();
    js_add(form, "node", js_str(g.node));
    draft_request(d, PHASE_UNDO, a->row->send->method, buf_str(&path), form, NULL);
    (void)snprintf(text, sizeof(text), "the manager is asked to bring it back to %.63s", g.node);
    draft_undo(d, "inverse", text, a->row->send->limits);
    return 0;
}

int ha_arm_back(struct draft *d, const struct assess *a, struct err *e) {
    const js *disarm;
    js *now = NULL, *form;
    /* its clocks move with every look, so it cannot be a precondition */
    int r = draft_get(d, BLAST_HA_MANAGER, &now, e);

    if (r < 0) {
        return r;
    }
    disarm = js_get(js_get(now, "manager_status"), "disarm");
    if (!disarm) {
        (void)err_tag(e, -EALREADY, "no_change", "HA is not disarmed");
        return err_hint(e, "nothing has to be done");
    }
    form = js_object();
    js_add(form, "resource-mode", js_str(js_str_or(disarm, "mode", "freeze")));
    draft_request(d, PHASE_UNDO, "POST", "/cluster/ha/status/disarm-ha", form, NULL);
    draft_undo(d, "inverse", "HA is disarmed again, in the mode of now", a->row->send->limits);
    return 0;
}
