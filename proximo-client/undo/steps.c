/* SPDX-License-Identifier: Apache-2.0 */
/* steps: each step that was done is taken back by its own kind, the last one first. A step that
 * failed half-way is left alone and named: what it did is not known, so nothing is promised about
 * it. */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/ident.h"
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

/* The guest that a step makes, as far as its way back takes it away again; 0: none. */
static int64_t guest_made(const struct undone *u, size_t n) {
    const js *what = js_get(js_get(js_at(js_get(u->plan, "steps"), n), "undo"), "removes");

    return strcmp(js_str_or(what, "kind", ""), "guest") == 0 ? js_int_or(what, "vmid", 0) : 0;
}

/* Whether it is known how the operation left what the step made. */
static bool is_known(const struct undone *u, size_t n) {
    const js *list = js_get(js_get(js_at(js_get(u->plan, "steps"), n), "undo"), "left");

    for (size_t i = 0; i < js_len(list); i++) {
        if (!undone_left(u, js_str_or(js_at(list, i), "read", ""))) {
            return false;
        }
    }
    return true;
}

/* The guest whose own path a request goes below; 0: none. */
static int64_t guest_of(const js *q) {
    const char *path = js_str_or(q, "path", ""), *p = strstr(path, "/qemu/");
    uint64_t vmid = 0;

    p = p ? p + 6 : strstr(path, "/lxc/") ? strstr(path, "/lxc/") + 5 : NULL;
    return p && ident_u64n(p, strspn(p, "0123456789"), &vmid) == 0 ? (int64_t)vmid : 0;
}

/* What a step did to a guest that an earlier one makes goes with that guest, which is held against
 * how the whole operation left it. Only whether it runs is taken back by itself: none that runs is
 * destroyed. */
static bool goes_with_guest(const struct undone *u, size_t n) {
    const js *all = js_get(u->plan, "requests");
    int64_t vmid = 0;

    for (size_t i = 0; i < js_len(all); i++) {
        const js *q = js_at(all, i);

        if (js_int_or(q, "step", 0) == (int64_t)n + 1 &&
            strcmp(js_str_or(q, "phase", ""), "undo") == 0) {
            int64_t one = guest_of(q);

            if (!one || (vmid && one != vmid) || strstr(js_str_or(q, "path", ""), "/status/")) {
                return false;
            }
            vmid = one;
        }
    }
    for (size_t k = 0; vmid && k < n; k++) {
        if (guest_made(u, k) == vmid) {
            return is_known(u, k);
        }
    }
    return false;
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
    js_add(outcome, "tasks", js_ref(js_get(u->outcome, "tasks")));
    js_add(outcome, "left", js_ref(js_get(u->outcome, "left")));
    js_add(outcome, "op_id", js_copy(js_get(u->outcome, "op_id")));
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
        int r;

        if (goes_with_guest(u, i)) {
            did++;
            draft_risk(d, RISK_LOW, "what step %zu did goes with the guest that the plan made",
                       i + 1);
            continue;
        }
        if (!is_known(u, i)) {
            draft_risk(d, RISK_MEDIUM,
                       "what step %zu made stays: another hand was there, or the operation was cut "
                       "off, and how it left it is not known",
                       i + 1);
            continue;
        }
        r = back(d, u, i, &one, e);

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
