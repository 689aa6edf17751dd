/* SPDX-License-Identifier: Apache-2.0 */
/* What became of it: always written once an intent is, also when everything failed. */
#include <errno.h>
#include <string.h>

#include "common/canon.h"
#include "common/clock.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/pipeline/change.h"
#include "proximo-client/pipeline/outcome.h"
#include "proximo-client/pipeline/session.h"

const char *outcome_name(enum outcome o) {
    static const char *const names[] = {"done", "warnings", "failed", "not-started", "unknown"};

    return names[o];
}

static int summary_body(const char *summary, int64_t executed, const struct hash *body,
                        const struct hash *left, struct buf *ret, struct err *e) {
    CLEANUP(js_freep) js *o = js_object();
    char text[HASH_HEX_LEN + 1];

    js_add(o, "v", js_int(1));
    if (executed >= 0) {
        js_add(o, "executed", js_int(executed));
    }
    if (body) {
        hash_text(body, text);
        js_add(o, "body", js_str(text));
    }
    if (left) {
        hash_text(left, text);
        js_add(o, "left", js_str(text));
    }
    js_addf(o, "summary", "%.400s", summary);
    return canon_write(o, ret, e);
}

int outcome_append(struct session *s, const struct hash *leaf, const struct hash *plan,
                   enum outcome out, const js *tasks, int64_t executed, const char *summary,
                   const struct hash *output, const struct hash *left, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(buf_done) struct buf body = BUF_INIT(LIM_ENTRY);
    char text[HASH_HEX_LEN + 1], id[IDENT_ID_LEN + 1];
    int r = entry_begin(&b, ENTRY_OUTCOME, clock_unix(), s->actor);

    hash_text(leaf, text);
    if (r == 0) {
        r = lines_put(&b, "intent", text);
    }
    hash_text(plan, text);
    if (r == 0) {
        r = lines_put(&b, "plan", text);
    }
    if (r == 0) {
        r = lines_put(&b, "result", outcome_name(out));
    }
    for (size_t i = 0; r == 0 && i < js_len(tasks); i++) {
        const js *t = js_at(tasks, i);

        r = lines_putf(&b, "task", "%lld %s", (long long)js_int_or(t, "ordinal", 0),
                       js_str_or(t, "upid", ""));
    }
    if (r == 0) {
        r = summary_body(summary, executed, output, left, &body, e);
    }
    if (r == 0) {
        r = entry_end(&b, buf_str(&body), e);
    }
    if (r == 0) {
        r = ledger_append(s->ledger, buf_str(&b), b.len, LEDGER_SYNC | LEDGER_RESERVE, NULL, NULL,
                          &(struct ledger_pos){0}, e);
    }
    if (r == 0) {
        ident_plan_id(plan, id);
        (void)ledger_secret_drop(s->ledger, id);
    }
    return r;
}

int alarm_append(struct session *s, const char *code, const char *summary, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(buf_done) struct buf body = BUF_INIT(LIM_ENTRY);
    int r = entry_begin(&b, ENTRY_ALARM, clock_unix(), s->actor);

    r = r < 0 ? r : lines_put(&b, "code", code);
    r = r < 0 ? r : summary_body(summary, -1, NULL, NULL, &body, e);
    r = r < 0 ? r : entry_end(&b, buf_str(&body), e);
    return r < 0 ? r
                 : ledger_append(s->ledger, buf_str(&b), b.len, LEDGER_SYNC | LEDGER_RESERVE, NULL,
                                 NULL, &(struct ledger_pos){0}, e);
}

int receipt_append_if(struct session *s, const struct hash *leaf, const char *node, uint64_t seq,
                      const char *note, ledger_guard_fn *guard, void *ctx, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    char text[HASH_HEX_LEN + 1];
    int r = entry_begin(&b, ENTRY_RECEIPT, clock_unix(), s->actor);

    hash_text(leaf, text);
    if (r == 0) {
        r = lines_put(&b, "intent", text);
    }
    if (r == 0) {
        r = lines_put(&b, "node", node);
    }
    if (r == 0) {
        r = lines_putf(&b, "seq", "%llu", (unsigned long long)seq);
    }
    if (r == 0) {
        r = lines_put(&b, "note", note);
    }
    if (r == 0) {
        r = entry_end(&b, "{}", e);
    }
    return r < 0 ? r
                 : ledger_append(s->ledger, buf_str(&b), b.len, LEDGER_SYNC | LEDGER_RESERVE, guard,
                                 ctx, &(struct ledger_pos){0}, e);
}

int receipt_append(struct session *s, const struct hash *leaf, const char *node, uint64_t seq,
                   const char *note, struct err *e) {
    return receipt_append_if(s, leaf, node, seq, note, NULL, NULL, e);
}

int stage_outcome(struct change *c, struct err *e) {
    char summary[600];
    int r;

    (void)snprintf(summary, sizeof(summary), "%s%s%s", js_str_or(c->p.v, "change", ""),
                   c->why->msg[0] ? ": " : "", c->why->msg);
    r = outcome_append(c->s, &c->leaf, &c->p.digest, c->out, c->tasks, c->executed, summary,
                       c->has_output_body ? &c->output_body : NULL, c->has_left ? &c->left : NULL,
                       e);
    return r < 0 ? err_wrap(e, "record the outcome") : 0;
}
