/* SPDX-License-Identifier: Apache-2.0 */
/* What a row of the firewall's plane does beyond its data: the analyser is told the very request,
 * and moves and new names have a way back that is the same row with other values. */
#include <errno.h>
#include <string.h>

#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/pipeline/look.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/tools/firewall_int.h"

/* The verdict hangs on the firewall, on addresses and on network cards; a plan must not drift
 * because a guest was started. */
static int remember(void *ctx, const char *path, const char *reduce, const js *data,
                    struct err *e) {
    const char *end = strrchr(path, '/');
    bool matters = strstr(path, "/firewall/") || strcmp(path, "/cluster/config/nodes") == 0 ||
                   (end && (strcmp(end, "/network") == 0 || strcmp(end, "/config") == 0));

    return matters ? draft_precondition(ctx, path, reduce, data, e) : 0;
}

int assess_firewall(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct blast_request req[4];
    struct picture_ask ask = {0};
    size_t n = assess_requests(a, req, ARRAY_LEN(req));
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++) {
        r = blast_firewall_ask(req[i].path, &ask);
    }
    if (n == 0 || r < 0) {
        return err_set(e, -EINVAL, "not a change of the firewall that can be assessed");
    }
    session_progress(draft_session(d), 0, 0, "reading the firewall for the blast radius");
    r = look(d, &ask, remember, d, &p, e);
    if (r < 0) {
        return r;
    }
    r = blast_firewall(p, req, n, pve_local_address(draft_session(d)->pve), d);
    return r == 0 || r == -ENOENT ? 0 : err_set(e, r, "the blast radius could not be computed");
}

/* The list that a rule stands in: its path without the position. */
static int rules_of(struct draft *d, const struct assess *a, js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    int r = pve_path(a->row->send->on->list, a->args, &path, e);

    return r < 0 ? r : draft_read(d, buf_str(&path), "whole", ret, e);
}

int firewall_move_back(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(js_freep) js *args = js_copy(a->args);
    js *form, *list = NULL;
    int64_t pos = js_int_or(args, "pos", 0), to = js_int_or(args, "moveto", 0), now;
    int r = rules_of(d, a, &list, e);

    if (r < 0) {
        return r;
    }
    to = to > (int64_t)js_len(list) ? (int64_t)js_len(list) : to;
    now = to > pos ? to - 1 : to; /* the rule itself leaves a gap below */
    if (now == pos) {
        (void)err_tag(e, -EALREADY, "no_change", "rule %lld stands there already", (long long)pos);
        return err_hint(e,
                        "moveto counts positions as they are now: to go below rule n give n + 1");
    }
    js_add(args, "pos", js_int(now));
    form = js_object();
    js_add(form, "moveto", js_int(pos > now ? pos + 1 : pos));
    draft_undo(d, "inverse", "the rule is moved back to its position", "");
    return send_request(d, PHASE_UNDO, a->row, args, form, e);
}

int firewall_rename_back(struct draft *d, const struct assess *a, struct err *e) {
    const char *key = js_get(a->args, "group") ? "group" : "name";
    js *form = js_object();

    js_add(form, key, js_str(js_str_or(a->args, "rename", "")));
    js_add(form, "rename", js_str(js_str_or(a->args, key, "")));
    draft_undo(d, "inverse", "it gets its old name back", "");
    return send_request(d, PHASE_UNDO, a->row, a->args, form, e);
}
