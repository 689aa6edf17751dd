/* SPDX-License-Identifier: Apache-2.0 */
/* Several changes in one draft. What each step says of itself (change, target, way back) is kept
 * with the step; what the plan as a whole depends on (observations, who is hit, risk, what was not
 * read) is one list, so that no step can hide behind another. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/blast/then.h"
#include "proximo-client/pipeline/draft_int.h"

void draft_step_begin(struct draft *d, const char *row, const js *args) {
    d->step = js_object();
    js_add(d->step, "row", js_str(row));
    js_add(d->step, "args", js_copy(args));
    if (!d->steps) {
        d->steps = js_array();
    }
    js_push(d->steps, d->step);
    draft_then_begin(d);
    d->outer_args = d->args;
    d->args = js_copy(args);
}

static void keep(js *step, const char *key, js **value) {
    if (*value) {
        js_add(step, key, TAKE(*value));
    }
}

void draft_step_end(struct draft *d) {
    if (d->change) {
        js_add(d->step, "change", js_str(d->change));
        free(TAKE(d->change));
    }
    keep(d->step, "target", &d->target);
    keep(d->step, "undo", &d->undo);
    draft_then_step(d);
    draft_then_begin(d);
    json_object_put(d->args);
    d->args = TAKE(d->outer_args);
    d->step = NULL;
}

static js *without_step(js *list, int64_t n) {
    js *kept = js_array();

    for (size_t i = 0; i < js_len(list); i++) {
        if (js_int_or(js_at(list, i), "step", 0) != n) {
            js_push(kept, js_ref(js_at(list, i)));
        }
    }
    json_object_put(list);
    return kept;
}

void draft_drop_step(struct draft *d) {
    size_t n = js_len(d->steps);

    d->requests = without_step(d->requests, (int64_t)n);
    d->affected = without_step(d->affected, (int64_t)n);
    if (d->then) {
        then_drop(d->then, n);
    }
    (void)json_object_array_del_idx(d->steps, n - 1, 1);
}

size_t draft_steps(const struct draft *d) {
    return js_len(d->steps);
}

const js *draft_step(const struct draft *d, size_t i) {
    return js_at(d->steps, i);
}

void draft_mark_step(const struct draft *d, js *o) {
    if (d->step) {
        js_add(o, "step", js_int((int64_t)js_len(d->steps)));
    }
}

/* What a request of a step decides by: the object it changes. */
static const char *object_of(const js *q) {
    const char *fresh = js_get_str(q, "fresh_of");
    const char *method = js_str_or(q, "method", "");

    if (fresh) {
        return fresh;
    }
    return strcmp(method, "PUT") == 0 || strcmp(method, "DELETE") == 0 ? js_get_str(q, "path")
                                                                       : NULL;
}

int draft_steps_apart(const struct draft *d, struct err *e) {
    for (size_t i = 0; i < js_len(d->requests); i++) {
        const js *a = js_at(d->requests, i);
        const char *object = object_of(a);

        for (size_t k = 0; object && k < i; k++) {
            const js *b = js_at(d->requests, k);
            const char *other = object_of(b);

            if (other && strcmp(object, other) == 0 &&
                !then_knows(js_str_or(b, "method", ""), js_str_or(b, "path", "")) &&
                strcmp(js_str_or(a, "phase", ""), "undo") != 0 &&
                strcmp(js_str_or(b, "phase", ""), "undo") != 0 &&
                js_int_or(a, "step", 0) != js_int_or(b, "step", 0)) {
                (void)err_tag(
                    e, -EINVAL, "steps_conflict", "steps %lld and %lld both change %.200s",
                    (long long)js_int_or(b, "step", 0), (long long)js_int_or(a, "step", 0), object);
                return err_hint(e, "put what they change into one step, or make two plans");
            }
        }
    }
    return 0;
}
