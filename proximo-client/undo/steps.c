/* SPDX-License-Identifier: Apache-2.0 */
/* steps: each step that was done is taken back by its own kind, the last one first. A step that
 * failed half-way is left alone and named: what it did is not known, so nothing is promised about
 * it. */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/undo/kinds.h"
#include "proximo-client/undo/undo.h"

/* The requests of one step as if it had been a plan of its own. */
static js *step_plan(const struct undone *u, size_t n) {
    const js *step = js_at(js_get(u->plan, "steps"), n), *all = js_get(u->plan, "requests");
    js *o = js_object(), *requests = js_array();

    for (size_t i = 0; i < js_len(all); i++) {
        if (js_int_or(js_at(all, i), "step", 0) == (int64_t)n + 1) {
            js_push(requests, js_ref(js_at(all, i)));
        }
    }
    js_add(o, "tool", js_str(js_str_or(step, "row", "")));
    js_add(o, "requests", requests);
    JS_FOREACH(step, key, val) {
        js_add(o, key, js_ref(val));
    }
    return o;
}

/* How many of the plan's steps were carried out whole. The next one, if there is one, failed. */
static size_t steps_done(const struct undone *u) {
    const js *all = js_get(u->plan, "requests");
    const char *result = js_str_or(u->outcome, "result", "");
    int64_t executed = js_int_or(u->outcome, "executed", 0);

    if (strcmp(result, "done") != 0 && strcmp(result, "warnings") != 0) {
        for (size_t i = 0; i < js_len(all); i++) {
            const js *q = js_at(all, i);

            if (strcmp(js_str_or(q, "phase", ""), "execute") == 0 && executed-- == 0) {
                return (size_t)js_int_or(q, "step", 1) - 1;
            }
        }
    }
    return js_len(js_get(u->plan, "steps"));
}

static int back(struct draft *d, const struct undone *u, size_t n, bool *ret_did, struct err *e) {
    CLEANUP(js_freep) js *plan = step_plan(u, n);
    CLEANUP(js_freep) js *outcome = js_object();
    const char *row = js_str_or(plan, "row", "");
    struct err why = {0};
    int r;

    js_add(outcome, "result", js_str("done"));
    js_add(outcome, "archives", js_copy(js_get(u->outcome, "archives")));
    js_add(outcome, "since", js_ref(js_get(u->outcome, "since")));
    draft_step_begin(d, row, js_get(plan, "args"));
    r = undo_plan(d, plan, outcome, &why);
    draft_step_end(d);
    *ret_did = r == 0;
    if (r < 0 && strcmp(why.tag, "no_change") != 0 && strcmp(why.tag, "undo_none") != 0) {
        if (e) {
            *e = why;
        }
        return err_wrap(e, "step %zu (%s)", n + 1, row);
    }
    return 0;
}

int undo_steps(struct draft *d, const struct undone *u, struct err *e) {
    size_t n = steps_done(u), did = 0;

    for (size_t i = n; i-- > 0;) {
        bool one = false;
        int r = back(d, u, i, &one, e);

        if (r < 0) {
            return r;
        }
        did += one;
        if (!one) {
            draft_drop_step(d);
        }
    }
    if (!did) {
        return err_tag(e, -EINVAL, "undo_none", "no step that was done has a way back");
    }
    draft_change(d, "undo %zu of %zu steps: %.300s", did, js_len(js_get(u->plan, "steps")),
                 js_str_or(u->plan, "change", ""));
    draft_target(d, "steps", js_str_or(u->target, "id", ""), NULL);
    draft_undo(d, "steps", "the steps are done again, in their order", "");
    if (n < js_len(js_get(u->plan, "steps"))) {
        draft_risk(d, RISK_MEDIUM,
                   "step %zu did not end as done: what it had done by then is not taken back",
                   n + 1);
    }
    return 0;
}
