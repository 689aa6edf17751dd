/* SPDX-License-Identifier: Apache-2.0 */
/* Several changes as one plan: one record, one approval, carried out in order, stopped at the first
 * failure. Every step is planned by its own row, so nothing gets easier by being put here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/tools/plans.h"
#include "proximo-client/tools/steps.h"

static int bad_step(size_t i, const char *what, struct err *e) {
    (void)err_tag(e, -EINVAL, "bad_argument", "step %zu: %.300s", i + 1, what);
    return err_hint(
        e, "a step is {\"row\": …, \"args\": {…}}, with \"select\": {…} for one step a guest");
}

static int step_row(size_t i, const js *step, const struct row **ret, struct err *e) {
    const struct row *row = row_find(js_str_or(step, "row", ""));

    if (!js_is_object(step)) {
        return bad_step(i, "it is not an object", e);
    }
    JS_FOREACH(step, key, val) {
        (void)val;
        if (strcmp(key, "row") != 0 && strcmp(key, "args") != 0 && strcmp(key, "select") != 0) {
            return bad_step(i, "it has an unknown member", e);
        }
    }
    if (!row || row->effect != EFFECT_CHANGE) {
        return bad_step(i, "no row of that name changes something", e);
    }
    if (row->plan == plan_steps) {
        return bad_step(i, "steps do not contain steps", e);
    }
    if (js_get(step, "args") && !js_is_object(js_get(step, "args"))) {
        return bad_step(i, "args is not an object", e);
    }
    *ret = row;
    return 0;
}

/* One change, as its own row plans it. */
static int one(struct draft *d, size_t i, const struct row *row, const js *args, struct err *e) {
    int r;

    if (draft_steps(d) >= PLAN_MAX_STEPS) {
        return err_tag(e, -E2BIG, "bad_argument", "more than %d steps: make several plans",
                       PLAN_MAX_STEPS);
    }
    r = row_validate(row, args, e);
    if (r == 0) {
        draft_step_begin(d, row->name, args);
        r = row_plan(row, d, args, e);
        draft_step_end(d);
    }
    return r < 0 ? err_wrap(e, "step %zu (%s)", i + 1, row->name) : 0;
}

static int each_selected(struct draft *d, size_t i, const struct row *row, const js *step,
                         const js *given, struct err *e) {
    CLEANUP(js_freep) js *guests = NULL;
    const js *select = js_get(step, "select");
    int r = js_is_object(select) ? select_check(select, e) : bad_step(i, "select is no object", e);

    if (r == 0) {
        r = select_guests(d, select, &guests, e);
    }
    for (size_t k = 0; r == 0 && k < js_len(guests); k++) {
        CLEANUP(js_freep)
        js *args = js_copy(given);

        js_add(args, "vmid", js_ref(js_at(guests, k)));
        r = one(d, i, row, args, e);
    }
    return r;
}

static bool has_way_back(const js *step) {
    return strcmp(js_str_or(js_get(step, "undo"), "kind", "none"), "none") != 0;
}

/* What holds for the whole: each step's own promise, and which steps have none. */
void steps_say_undo(struct draft *d) {
    CLEANUP(buf_done) struct buf limits = BUF_INIT(LIM_LINES);
    size_t with = 0;

    for (size_t i = 0; i < draft_steps(d); i++) {
        const js *undo = js_get(draft_step(d, i), "undo");
        const char *text = js_str_or(undo, has_way_back(draft_step(d, i)) ? "limits" : "guarantee",
                                     "no way back was prepared");

        with += has_way_back(draft_step(d, i));
        if (*text) {
            (void)buf_addf(&limits, "%sstep %zu: %s", limits.len ? "; " : "", i + 1, text);
        }
    }
    if (with < draft_steps(d)) {
        draft_risk(d, RISK_MEDIUM, "some steps cannot be taken back");
    }
    if (!with) {
        draft_undo(d, "none", "no step has a way back", buf_str(&limits));
        return;
    }
    draft_undo(
        d, "steps",
        with == draft_steps(d)
            ? "the steps that were done are taken back, the last one first"
            : "the steps that were done and have a way back are taken back, the last one first",
        buf_str(&limits));
}

static int one_of_list(struct draft *d, size_t i, const js *step, struct step_places *places,
                       struct err *e) {
    CLEANUP(js_freep) js *none = js_object();
    CLEANUP(js_freep) js *args = NULL;
    const struct row *row = NULL;
    int r = step_row(i, step, &row, e);

    if (r < 0) {
        return r;
    }
    r = step_refs(d, places, js_get(step, "args") ? js_get(step, "args") : none, &args, e);
    if (r < 0) {
        return err_wrap(e, "step %zu (%s)", i + 1, row->name);
    }
    if (js_get(step, "select")) {
        r = each_selected(d, i, row, step, args, e);
    } else {
        r = one(d, i, row, args, e);
        places->at[places->n] = draft_steps(d);
    }
    places->n++;
    return r;
}

int plan_steps(struct draft *d, const js *args, struct err *e) {
    const js *steps = js_get(args, "steps");
    struct step_places places = {0};

    for (size_t i = 0; i < js_len(steps); i++) {
        int r = one_of_list(d, i, js_at(steps, i), &places, e);

        if (r < 0) {
            return r;
        }
    }
    if (draft_steps_apart(d, e) < 0) {
        return -EINVAL;
    }
    draft_target(d, "steps", js_str_or(js_get(draft_step(d, 0), "target"), "id", ""), NULL);
    draft_change(d, "%zu steps in order: %s%s", draft_steps(d),
                 js_str_or(draft_step(d, 0), "change", ""), draft_steps(d) > 1 ? "; …" : "");
    steps_say_undo(d);
    if (draft_steps(d) > 1) {
        draft_risk(d, RISK_LOW,
                   "every step was computed on the cluster as the steps before leave it; a failure "
                   "stops the rest");
    }
    return 0;
}

/* Whether a later step works on the same thing: then only that one's question has an answer. */
static bool is_overtaken(const js *steps, size_t i) {
    static const char *const names[] = {"vmid",    "newid",  "storage", "poolid",
                                        "groupid", "userid", "roleid",  "tokenid"};
    const js *args = js_get(js_at(steps, i), "args");

    for (size_t k = i + 1; k < js_len(steps); k++) {
        const js *later = js_get(js_at(steps, k), "args");

        for (size_t n = 0; n < ARRAY_LEN(names); n++) {
            const js *mine = js_get(args, names[n]);

            if (mine &&
                value_same(mine,
                           js_get(later, strcmp(names[n], "newid") == 0 ? "vmid" : names[n]))) {
                return true;
            }
        }
    }
    return false;
}

int check_steps(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e) {
    /* as they were planned: nothing is selected or looked up anew */
    const js *steps = js_get(args, "planned") ? js_get(args, "planned") : js_get(args, "steps");
    size_t asked = 0, good = 0;

    for (size_t i = 0; i < js_len(steps); i++) {
        const js *step = js_at(steps, i);
        const struct row *row = row_find(js_str_or(step, "row", ""));
        CLEANUP(freep) char *text = NULL;
        bool ok = false;
        int r;

        if (!row || js_get(step, "select") || is_overtaken(steps, i)) {
            continue; /* the selection may be another one by now; the tasks told */
        }
        r = row_check(row, s, js_get(step, "args"), &ok, &text, e);
        if (r < 0) {
            return r;
        }
        asked += text != NULL;
        good += text && ok;
    }
    return check_done(good == asked, ret_ok, ret_text, "%zu of %zu steps that can be asked did it",
                      good, asked);
}
