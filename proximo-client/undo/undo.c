/* SPDX-License-Identifier: Apache-2.0 */
/* From a finished operation to the plan that takes it back. What the undo sends is what the
 * original plan said it would send, no more: an undo is no way to run something that was never
 * shown. What is new is the look at the present: what happened since, what is lost by going back,
 * and how to go forward again. */
#include "proximo-client/undo/undo.h"

#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/tools/tool.h"
#include "proximo-client/undo/kinds.h"

static const struct kind {
    const char *name;
    int (*build)(struct draft *d, const struct undone *u, struct err *e);
} kinds[] = {
    {"inverse", undo_inverse},
    {"restore-object", undo_restore_object},
    {"guest-snapshot", undo_guest_snapshot},
    {"node-snapshot", undo_node_snapshot},
    {"backup", undo_backup},
    {"steps", undo_steps},
};

const js *undone_request(const struct undone *u, const char *phase, size_t i) {
    const js *list = js_get(u->plan, "requests");

    for (size_t k = 0; k < js_len(list); k++) {
        if (strcmp(js_str_or(js_at(list, k), "phase", ""), phase) == 0 && i-- == 0) {
            return js_at(list, k);
        }
    }
    return NULL;
}

void undone_copy_request(struct draft *d, const js *q) {
    js *form = js_copy(js_get(q, "form"));

    draft_request(d, PHASE_EXECUTE, js_str_or(q, "method", ""), js_str_or(q, "path", ""), form,
                  js_get_str(q, "fresh_of"));
}

static void copy_target(struct draft *d, const js *target) {
    draft_target(d, js_str_or(target, "kind", ""), js_str_or(target, "id", ""),
                 js_get_str(target, "node"));
}

int undo_plan(struct draft *d, const js *plan, const js *outcome, struct err *e) {
    struct undone u = {plan, js_get(plan, "args"), js_get(plan, "target"), outcome};
    const js *undo = js_get(plan, "undo");
    const char *kind = js_str_or(undo, "kind", "none");
    const struct row *row;

    if (strcmp(js_str_or(outcome, "result", "done"), "not-started") == 0) {
        return err_tag(e, -EINVAL, "undo_not_done",
                       "the operation changed nothing: nothing to undo");
    }
    if (strcmp(kind, "revert-timer") == 0) {
        int r = undo_revert_timer(d, &u, e);

        if (r < 0) {
            return r;
        }
        if (r > 0) {
            copy_target(d, u.target);
            return 0;
        }
    }
    if (strcmp(kind, "none") == 0 || !undone_request(&u, "undo", 0)) {
        return err_tag(e, -EINVAL, "undo_none", "there is no way back: %.200s",
                       js_str_or(undo, "guarantee", "none was prepared"));
    }
    draft_change(d, "undo: %.400s", js_str_or(plan, "change", ""));
    copy_target(d, u.target);
    row = row_find(js_str_or(plan, "tool", ""));
    if (row && row->unplan) {
        return row->unplan(d, plan, e);
    }
    if (js_get(undo, "left")) {
        return undo_left(d, &u, e);
    }
    if (row && row->send && strcmp(kind, "backup") != 0) {
        return undo_row(d, &u, row, e);
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].name, kind) == 0) {
            return kinds[i].build(d, &u, e);
        }
    }
    return err_tag(e, -ENOTSUP, "undo_none", "this version cannot undo by %.40s", kind);
}
