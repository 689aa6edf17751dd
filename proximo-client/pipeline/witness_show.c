/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the witnesses at the end of something, and saying what came of it. */
#include "proximo-client/pipeline/witness_show.h"

#include "common/buf.h"
#include "common/checkpoint.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pipeline/render.h"
#include "proximo-client/pipeline/session.h"

/* Nobody may take "not cosigned now" for "was asked before anything was signed". */
static void add_unmet(struct session *s, js *o) {
    CLEANUP(js_freep) js *names = js_array();

    if (s->nodes) {
        nodes_unmet(s->nodes, names);
    }
    if (js_len(names)) {
        js_add(o, "unmet", js_ref(names));
    }
}

void witness_show(struct session *s, js *answer) {
    CLEANUP(witnessing_done) struct witnessing w = {0};
    struct checkpoint cp = {.size = 0};
    struct err why = {0};
    js *o = js_object();

    if (s->nodes) {
        (void)nodes_witness(s->nodes, s->ledger, NULL, WITNESS_QUICK, &w, &why);
    }
    if (!w.size && ledger_checkpoint(s->ledger, NULL, &cp, NULL) == 0) {
        w.size = cp.size;
    }
    js_add(o, "k", js_int((int64_t)w.k));
    js_add(o, "n", js_int((int64_t)w.n));
    if (!w.missing && why.msg[0]) {
        js_addf(o, "verdict", "nobody could be asked: %.200s", why.msg);
    } else if (!w.n) {
        js_add(o, "verdict", js_str("no witness: nobody was asked"));
    } else {
        js_addf(o, "verdict", "witnessed %zu/%zu", w.k, w.n);
    }
    js_add(o, "missing", w.missing ? js_ref(w.missing) : js_array());
    add_unmet(s, o);
    js_add(answer, "checkpoint", js_int((int64_t)w.size));
    js_add(answer, "witness", o);
}

void witness_render(const js *answer, struct buf *b) {
    const js *w = js_get(answer, "witness");
    const js *missing = js_get(w, "missing"), *unmet = js_get(w, "unmet");

    if (w) {
        (void)buf_adds(b, ", ");
        render_safe(b, js_str_or(w, "verdict", ""));
    }
    for (size_t i = 0; i < js_len(missing); i++) {
        (void)buf_addf(b, "\n  %-10s", i ? "" : "missing");
        render_safe(b, js_str_or(js_at(missing, i), "witness", ""));
        (void)buf_adds(b, ": ");
        render_safe(b, js_str_or(js_at(missing, i), "why", ""));
    }
    for (size_t i = 0; i < js_len(unmet); i++) {
        (void)buf_addf(b, "\n  %-10s%s: whether it has seen more of this ledger is not known",
                       i ? "" : "unmet", json_object_get_string(js_at(unmet, i)));
    }
}
