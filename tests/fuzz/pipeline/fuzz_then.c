/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a cluster that lies, changed by requests of any shape: {requests: [{step, method,
 * path, form}], now: {path: answer}, late: {…}, value: text}. What is computed must be a value that
 * can be reduced, reducing it again changes nothing, and what fits an archive's type is on its
 * storage. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/then.h"
#include "proximo-client/pipeline/draft_int.h"
#include "proximo-client/pipeline/late.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    const struct then *t;
    const js *now;
    js *kept;
};

static const js *read_now(void *ctx, const char *path) {
    struct world *w = ctx;
    js *data = js_ref(js_get(w->now, path));
    size_t step;

    (void)then_answer(w->t, path, &data, &step);
    if (data) {
        js_push(w->kept, data);
    }
    return data;
}

static void reduced(const js *data) {
    CLEANUP(js_freep) js *once = reduce_config_then(data);
    CLEANUP(js_freep) js *twice = reduce_config_then(once);
    CLEANUP(js_freep) js *list = NULL;

    if (!js_is_object(once) || !js_is_object(twice) ||
        reduce_apply("guests-then", data, &list) < 0) {
        abort();
    }
}

static void fits(const js *in) {
    const js *late = js_get(in, "late");
    const char *value = js_get_str(in, "value"), *storage = js_str_or(late, "storage", "");
    const char *type = late_type(late);

    if (type && value && late_fits(late, value) && strcmp(type, "archive") == 0 &&
        (strncmp(value, storage, strlen(storage)) != 0 || value[strlen(storage)] != ':' ||
         strpbrk(value, ", \n"))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(js_freep) js *in = NULL;
    CLEANUP(js_freep) js *kept = js_array();
    CLEANUP(then_freep) struct then *t = then_new("0", 1700000000);
    struct world w = {.t = t, .kept = kept};
    const js *requests;

    if (js_parse((const char *)data, size, &in, NULL) < 0) {
        return 0;
    }
    w.now = js_get(in, "now");
    requests = js_get(in, "requests");
    for (size_t i = 0; i < js_len(requests) && i < 20; i++) {
        const js *q = js_at(requests, i);

        then_add(t, i + 1, js_str_or(q, "method", ""), js_str_or(q, "path", ""),
                 js_is_object(js_get(q, "form")) ? js_get(q, "form") : NULL, read_now, &w);
    }
    JS_FOREACH(w.now, path, answer) {
        js *after = js_ref(answer);
        size_t step = 0;
        enum then_is is = then_answer(t, path, &after, &step);

        if (step > js_len(requests) || (is == THEN_SAME) != (step == 0)) {
            abort();
        }
        if (after) {
            reduced(after);
        }
        json_object_put(after);
    }
    fits(in);
    return 0;
}
