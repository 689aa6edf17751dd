/* SPDX-License-Identifier: Apache-2.0 */
/* Steps on the cluster as the steps before leave it. What a step reads is what is answered now,
 * changed by what is planned before it (blast/then.h). Both are observations: that of now must hold
 * before anything runs, the other one just before the step runs, so that what the plan's own steps
 * do is expected and what anybody else does meanwhile is not. */
#include <errno.h>
#include <string.h>

#include "common/b64.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/blast/then.h"
#include "proximo-client/pipeline/draft_int.h"
#include "proximo-client/pipeline/late.h"

int64_t draft_step_number(const struct draft *d) {
    return d->step ? (int64_t)js_len(d->steps) : 0;
}

/* What a request's effect is made from, as it is at this point; NULL when it cannot be read. */
static const js *look_up(void *ctx, const char *path) {
    js *data = NULL;

    return draft_get(ctx, path, &data, NULL) < 0 ? NULL : data;
}

/* A late value of a form as the text that stands for it. New value. */
static js *named(const struct draft *d, const js *form) {
    js *out = js_copy(form);

    JS_FOREACH(form, key, val) {
        if (late_type(val) && js_get(val, "step")) {
            const js *of = then_archive(d->then, (size_t)js_int_or(val, "step", 0));

            js_add(out, key, js_str(js_str_or(of, "volid", "")));
        }
    }
    return out;
}

static void begin_then(struct draft *d) {
    uint8_t random[16];
    char nonce[33];

    random_bytes(random, sizeof(random));
    hex_encode(random, sizeof(random), nonce);
    d->then = then_new(nonce, clock_unix());
}

const char *draft_step_archive(const struct draft *d, int64_t step) {
    return js_get_str(then_archive(d->then, (size_t)step), "volid");
}

void draft_then_step(struct draft *d) {
    const js *archive;
    int64_t n = draft_step_number(d);
    size_t all = js_len(d->requests);

    for (size_t i = 0; i < all; i++) {
        const js *q = js_at(d->requests, i);

        if (js_int_or(q, "step", 0) != n || strcmp(js_str_or(q, "phase", ""), "execute") != 0) {
            continue;
        }
        if (!d->then) {
            begin_then(d);
        }
        /* A command on a node may change its guest in any way but its configuration. */
        if (!js_get_str(q, "request")) {
            CLEANUP(js_freep) js *form = named(d, js_get(q, "form"));

            then_add(d->then, (size_t)n, js_str_or(q, "method", ""), js_str_or(q, "path", ""), form,
                     look_up, d);
        }
    }
    archive = then_archive(d->then, (size_t)n);
    if (archive) {
        js_add(d->late, js_str_or(archive, "volid", ""), late_archive(n, archive));
    }
}

/* What was altered is said of the step that read it. */
void draft_then_begin(struct draft *d) {
    json_object_put(d->altered);
    d->altered = js_object();
}

static void remember(struct draft *d, const char *path, js *base, bool watched) {
    js *o = js_object();

    if (base) {
        js_add(o, "base", js_ref(base));
    }
    js_add(o, "watched", js_bool(watched));
    js_add(d->altered, path, o);
}

static int gone(const char *path, size_t step, struct err *e) {
    (void)err_tag(e, -ENOENT, "pve_not_found", "%.200s does not exist any more after step %zu",
                  path, step);
    if (e) {
        e->http_status = 404;
    }
    return -ENOENT;
}

int draft_after(struct draft *d, const char *path, js **data, struct err *e) {
    CLEANUP(js_freep) js *base = js_ref(*data);
    enum then_is is;
    size_t step = 0;

    if (!d->then || !d->step) {
        return 0;
    }
    is = then_answer(d->then, path, data, &step);
    if (is == THEN_SAME) {
        return 0;
    }
    if (is == THEN_UNKNOWN) {
        (void)err_tag(e, -ENOTSUP, "steps_conflict",
                      "what step %zu makes of %.200s cannot be computed before it is done", step,
                      path);
        return err_hint(e, "make two plans: the second when the first is done");
    }
    remember(d, path, base, is == THEN_KNOWN);
    if (!*data && !strchr(path, '#')) { /* a member of an answer may be absent from it */
        return base ? gone(path, step, e) : 0;
    }
    return 0;
}

bool draft_is_altered(const struct draft *d, const char *path) {
    return js_get(d->altered, path) != NULL;
}

/* The digest of an answer that will be: its reducer leaves out what PVE makes up. */
static const char *then_reduce(const char *path, const char *reduce, bool watched, char *ret,
                               size_t size) {
    if (!watched) {
        return "any";
    }
    reduce_then_name(path, reduce, ret, size);
    return ret;
}

static int observe_step(struct draft *d, const char *path, const char *reduce, const js *data,
                        int64_t step, struct err *e) {
    const js *altered = js_get(d->altered, path);
    char then[32];
    int r = 0;

    if (!altered) {
        return draft_observe(d, path, reduce, data, step > 1 ? step : 0, false, e);
    }
    if (js_get(altered, "base")) {
        r = draft_observe(d, path, reduce, js_get(altered, "base"), 0, false, e);
    }
    return r < 0 ? r
                 : draft_observe(d, path,
                                 then_reduce(path, reduce, js_bool_or(altered, "watched", false),
                                             then, sizeof(then)),
                                 data, step, true, e);
}

int draft_precondition(struct draft *d, const char *path, const char *reduce, const js *data,
                       struct err *e) {
    int64_t step = draft_step_number(d);

    JS_FOREACH(d->late, name, late) {
        (void)late;
        if (strstr(path, name)) {
            return 0; /* there is nothing of that name yet, and will be nothing of this one */
        }
    }
    return observe_step(d, path, reduce, data, step, e);
}
