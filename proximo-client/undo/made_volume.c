/* SPDX-License-Identifier: Apache-2.0 */
/* A volume or file that an operation made is deleted again: only while size, format, time, notes
 * and protection are as the operation left them, and no guest, snapshot or clone names it. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/undo/kinds.h"

static const js *volume_in(const js *list, const char *volid) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "volid", ""), volid) == 0) {
            return js_at(list, i);
        }
    }
    return NULL;
}

static js *facts(const js *volume) {
    return answer_pick(volume, "size format ctime notes protected parent content vmid");
}

/* The analyser tells where it is named: by a key of a configuration or snapshot. */
static int unused(struct draft *d, const char *volid, size_t from, struct err *e) {
    const js *list = draft_affected(d);

    for (size_t i = from; i < js_len(list); i++) {
        const js *a = js_at(list, i);
        const char *via = js_get_str(a, "via");
        char differing[240];

        if (via && strcmp(via, volid) != 0) {
            (void)snprintf(differing, sizeof(differing), "nothing used it, %.80s (%.100s) does",
                           js_str_or(a, "resource", ""), via);
            return undo_conflict(e, volid, differing);
        }
    }
    return 0;
}

static int as_left(struct draft *d, const struct undone *u, const char *volid, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(js_freep) js *then = NULL;
    CLEANUP(js_freep) js *is = NULL;
    const char *read = js_str_or(js_at(js_get(js_get(u->plan, "undo"), "left"), 0), "read", "");
    const js *was = volume_in(undone_left(u, read), volid), *now;
    js *list = NULL;
    int r = draft_read(d, read, "whole", &list, e);

    if (r < 0) {
        return r;
    }
    now = volume_in(list, volid);
    if (!now) {
        return err_tag(e, -EALREADY, "no_change", "%.200s is already gone", volid);
    }
    if (!was) {
        return undo_unknown(e, volid);
    }
    then = facts(was);
    is = facts(now);
    undo_differences(then, is, &b);
    return b.len ? undo_conflict(e, volid, buf_str(&b)) : 0;
}

int undo_made_volume(struct draft *d, const struct undone *u, struct err *e) {
    const js *what = js_get(js_get(u->plan, "undo"), "removes");
    const js *q = undone_request(u, "undo", 0);
    const char *volid = js_str_or(what, "volid", "");
    CLEANUP(js_freep) js *args = answer_pick(what, "node storage");
    struct assess a = {.row = row_find("pve_volume_delete"),
                       .args = args,
                       .method = js_str_or(q, "method", ""),
                       .path = js_str_or(q, "path", ""),
                       .form = js_get(q, "form")};
    size_t before = js_len(draft_affected(d));
    int r = as_left(d, u, volid, e);

    if (r < 0) {
        return r;
    }
    js_add(args, "volume", js_str(volid));
    draft_undo(d, "none", "what is deleted is gone; the operation can be planned again", "");
    undone_copy_request(d, q);
    r = assess_volume_delete(d, &a, e);
    r = r < 0 ? r : unused(d, volid, before, e);
    draft_risk(d, RISK_MEDIUM, "%.200s, which the operation made, is deleted", volid);
    return r;
}
