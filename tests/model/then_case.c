/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as they will be, for a test that then asks a cluster: one case a line, {requests: [{step,
 * method, path, form}], now: {path: answer}, ask: [{path, reduce, after?}]}; a path that is missing
 * in `now` does not exist, an `after` that is missing neither. Answers one line: for each asked
 * path what is said of it, and whether the reduced answers are the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/blast/then.h"
#include "proximo-client/pipeline/draft_int.h"

struct world {
    const struct then *t;
    const js *now;
    js *kept;
};

static const js *read_now(void *ctx, const char *path) {
    struct world *w = ctx;
    js *data = js_ref(js_get(w->now, path));
    size_t step;

    if (then_answer(w->t, path, &data, &step) == THEN_UNKNOWN || !data) {
        js_freep(&data);
        return NULL;
    }
    js_push(w->kept, data);
    return data;
}

static js *reduced(const char *path, const char *reduce, bool then, const js *data) {
    char name[40];
    js *v = NULL;

    (void)snprintf(name, sizeof(name), "%.20s", reduce);
    if (then) {
        reduce_then_name(path, reduce, name, sizeof(name));
    }
    return data && reduce_apply(name, data, &v) == 0 ? v : NULL;
}

static js *one_answer(const struct then *t, const js *now, const js *ask) {
    static const char *const names[] = {"same", "known", "unwatched", "unknown"};
    const char *path = js_str_or(ask, "path", ""), *reduce = js_str_or(ask, "reduce", "");
    js *data = js_ref(js_get(now, path));
    js *o = js_object(), *mine, *real;
    size_t step = 0;
    enum then_is is = then_answer(t, path, &data, &step);

    mine = reduced(path, reduce, is == THEN_KNOWN, data);
    real = reduced(path, reduce, is == THEN_KNOWN, js_get(ask, "after"));
    js_add(o, "path", js_str(path));
    js_add(o, "is", js_str(names[is]));
    js_add(o, "step", js_int((int64_t)step));
    js_add(o, "equal", js_bool(mine && real ? js_eq(mine, real) : !mine && !real));
    js_add(o, "mine", mine);
    js_add(o, "real", real);
    json_object_put(data);
    return o;
}

static void one_case(const js *in) {
    CLEANUP(then_freep) struct then *t = then_new("0", 1700000000);
    CLEANUP(js_freep) js *kept = js_array();
    CLEANUP(js_freep) js *out = js_array();
    CLEANUP(buf_done) struct buf b = BUF_INIT(64 * 1024 * 1024);
    struct world w = {t, js_get(in, "now"), kept};
    const js *requests = js_get(in, "requests"), *asked = js_get(in, "ask");

    for (size_t i = 0; i < js_len(requests); i++) {
        const js *q = js_at(requests, i);

        then_add(t, (size_t)js_int_or(q, "step", (int64_t)i + 1), js_str_or(q, "method", ""),
                 js_str_or(q, "path", ""), js_get(q, "form"), read_now, &w);
    }
    for (size_t i = 0; i < js_len(asked); i++) {
        js_push(out, one_answer(t, w.now, js_at(asked, i)));
    }
    if (js_print(out, &b) < 0) {
        exit(2);
    }
    puts(buf_str(&b));
    (void)fflush(stdout);
}

int main(void) {
    CLEANUP(freep) char *line = NULL;
    size_t room = 0;
    ssize_t len;

    while ((len = getline(&line, &room, stdin)) > 0) {
        CLEANUP(js_freep) js *in = NULL;
        struct err e = {0};

        if (js_parse(line, (size_t)len, &in, &e) < 0) {
            (void)fprintf(stderr, "then_case: %s\n", e.msg);
            return 2;
        }
        one_case(in);
    }
    return 0;
}
