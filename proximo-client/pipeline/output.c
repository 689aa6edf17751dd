/* SPDX-License-Identifier: Apache-2.0 */
/* Output of commands. A plan of several steps may run several; none may push out what another
 * wrote. */
#include "proximo-client/pipeline/output.h"

#include <string.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/pipeline/session.h"

#define BEFORE_KEPT (16 * 1024)

static void cut(js *output, const char *key) {
    const js *v = js_get(output, key);
    size_t n = js_is_str(v) ? (size_t)json_object_get_string_len(v) : 0;

    if (n > BEFORE_KEPT) {
        js_add_key(output, key, js_str_n(json_object_get_string((js *)(uintptr_t)v), BEFORE_KEPT),
                   false);
        js_add(output, "truncated", js_bool(true));
    }
}

/* The output that stood on top, and all before it. New value. */
static js *history(struct change *c) {
    js *list = js_copy(js_get(c->output, "before"));
    char text[HASH_HEX_LEN + 1];

    list = list ? list : js_array();
    json_object_object_del(c->output, "before");
    if (c->has_output_body) {
        hash_text(&c->output_body, text);
        js_add(c->output, "body", js_str(text));
    }
    cut(c->output, "stdout");
    cut(c->output, "stderr");
    js_push(list, TAKE(c->output));
    return list;
}

void output_take(struct change *c, const js *q, js *output, bool keep) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);

    if (js_get(q, "step")) {
        js_add(output, "step", js_ref(js_get(q, "step")));
    }
    if (c->output) {
        js_add(output, "before", history(c));
    }
    c->output = output;
    c->keeps_output = c->keeps_output || keep;
    c->has_output_body =
        c->keeps_output && canon_write(output, &b, NULL) == 0 &&
        ledger_body_put(c->s->ledger, buf_str(&b), b.len, &c->output_body, NULL) == 0;
    if (c->keeps_output && !c->has_output_body) {
        js_push(c->leftover, js_str("the output could not be kept in the ledger"));
    }
}

void output_each(const js *output, void (*fn)(void *ctx, const js *one), void *ctx) {
    const js *before = js_get(output, "before");

    for (size_t i = 0; i < js_len(before); i++) {
        fn(ctx, js_at(before, i));
    }
    if (output) {
        fn(ctx, output);
    }
}
