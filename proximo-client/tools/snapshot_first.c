/* SPDX-License-Identifier: Apache-2.0 */
/* The way back that a guest's storages may give: a snapshot just before, and a rollback to it. */
#include <stdio.h>
#include <string.h>

#include "common/digest.h"
#include "proximo-client/tools/plans.h"

int plan_snapshot_first(struct draft *d, const struct guest_ref *g, const js *config,
                        const char *before, const char **ret_why, struct err *e) {
    char name[24], hex[9], tail[64], guarantee[160];
    js *form, *back;
    uint8_t raw[4];
    int r = plan_can_snapshot(d, g, config, ret_why, NULL);

    if (r < 0) {
        *ret_why = "whether the present can be kept by a snapshot is not known";
    }
    if (r <= 0) {
        return 0;
    }
    form = js_object();
    back = js_object();
    random_bytes(raw, sizeof(raw));
    hex_encode(raw, sizeof(raw), hex);
    (void)snprintf(name, sizeof(name), "pxundo_%s", hex);
    (void)snprintf(tail, sizeof(tail), "/snapshot/%s/rollback", name);
    (void)snprintf(guarantee, sizeof(guarantee),
                   "disks and configuration go back to how they were just before %s", before);
    js_add(form, "snapname", js_str(name));
    js_addf(form, "description", "before %s, by proximo", before);
    if (g->running) {
        js_add(back, "start", js_bool(true));
    }
    draft_undo(d, "guest-snapshot", guarantee,
               "memory and running programs are not brought back; the snapshot stays in the list "
               "until it is deleted");
    r = plan_guest_request(d, PHASE_PREPARE, g, "POST", "/snapshot", form, false, e);
    if (r < 0) {
        json_object_put(back);
        return r;
    }
    r = plan_guest_request(d, PHASE_UNDO, g, "POST", tail, back, false, e);
    return r < 0 ? r : 1;
}
