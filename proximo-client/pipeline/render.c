/* SPDX-License-Identifier: Apache-2.0 */
/* Plans and results for a person on a terminal. Every renderer works from the plan's own bytes:
 * there is no summary that could say something else than what will be sent. */
#include <string.h>
#include <time.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pipeline/late.h"
#include "proximo-client/pipeline/output.h"
#include "proximo-client/pipeline/plan.h"
#include "proximo-client/pipeline/render.h"
#include "proximo-client/pipeline/service.h"
#include "proximo-client/pipeline/witness_show.h"

/* Text from outside on a terminal: control and non-ASCII bytes as \xNN. */
static void put_bytes(struct buf *b, const char *s, size_t len) {
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c >= 0x20 && c < 0x7f) {
            (void)buf_addc(b, s[i]);
        } else {
            (void)buf_addf(b, "\\x%02x", (unsigned int)c);
        }
    }
}

void render_safe(struct buf *b, const char *s) {
    put_bytes(b, s, strlen(s));
}

/* A text of the object, at least so wide. Every text goes this way, also where it looks like a word
 * of ours: a user's id, say, may hold what moves a cursor, and this is read before approving. */
static void put(struct buf *b, const js *o, const char *key, int width) {
    size_t from = b->len;

    render_safe(b, js_str_or(o, key, ""));
    if (b->len - from < (size_t)width) {
        (void)buf_addf(b, "%*s", width - (int)(b->len - from), "");
    }
}

static void label(struct buf *b, const char *name) {
    (void)buf_addf(b, "  %-10s", name);
}

/* Through what: "hostpci0", without which "is a device of c1" tells little. */
static void by_what(struct buf *b, const js *a) {
    const char *via = js_str_or(a, "via", "");

    if (*via && !strstr(js_str_or(a, "why", ""), via)) {
        render_safe(b, via);
        (void)buf_adds(b, ": ");
    }
}

static void affected(struct buf *b, const js *list) {
    if (!js_len(list)) {
        label(b, "affected");
        (void)buf_adds(b, "nothing\n");
    }
    for (size_t i = 0; i < js_len(list); i++) {
        const js *a = js_at(list, i);

        label(b, i ? "" : "affected");
        put(b, a, "resource", 10);
        (void)buf_addc(b, ' ');
        put(b, a, "effect", 16);
        (void)buf_addc(b, ' ');
        by_what(b, a);
        put(b, a, "why", 0);
        if (js_bool_or(a, "only_copy", false)) {
            (void)buf_adds(b, " (only copy)");
        }
        if (js_get_str(a, "name")) {
            (void)buf_adds(b, "  [");
            put(b, a, "name", 0);
            (void)buf_addf(b, "%s]", js_bool_or(a, "running", false) ? ", running" : "");
        }
        (void)buf_addc(b, '\n');
    }
}

static void complete(struct buf *b, const js *plan) {
    const js *cov = js_get(plan, "coverage");
    const js *unread = js_get(plan, "unread");
    bool whole = js_bool_or(plan, "complete", false);

    label(b, "complete");
    (void)buf_adds(b, whole ? "yes" : "NO");
    if (cov) {
        (void)buf_addf(
            b, ": %lld of %lld nodes, %lld of %lld guests read",
            (long long)js_int_or(cov, "nodes_read", 0), (long long)js_int_or(cov, "nodes", 0),
            (long long)js_int_or(cov, "guests_read", 0), (long long)js_int_or(cov, "guests", 0));
    }
    (void)buf_addc(b, '\n');
    for (size_t i = 0; i < js_len(js_get(plan, "sources")); i++) {
        label(b, i ? "" : "read from");
        render_safe(b, json_object_get_string(js_at(js_get(plan, "sources"), i)));
        (void)buf_addc(b, '\n');
    }
    for (size_t i = 0; i < js_len(unread); i++) {
        const js *u = js_at(unread, i);

        label(b, i ? "" : "unread");
        put(b, u, "what", 0);
        (void)buf_adds(b, ": ");
        put(b, u, "why", 0);
        if (js_get_str(u, "privilege")) {
            (void)buf_adds(b, " (");
            put(b, u, "privilege", 0);
            (void)buf_adds(b, " would allow it)");
        }
        (void)buf_addc(b, '\n');
    }
}

/* By length: nothing may hide behind a NUL. */
static void text_lines(struct buf *b, const char *prefix, const char *text, size_t len) {
    while (len) {
        const char *end = memchr(text, '\n', len);
        size_t n = end ? (size_t)(end - text) : len;

        (void)buf_adds(b, prefix);
        put_bytes(b, text, n);
        (void)buf_addc(b, '\n');
        n += end != NULL;
        text += n;
        len -= n;
    }
}

/* A script is what will happen: whoever approves it must see it, not its hash. */
static void standard_input(struct buf *b, const js *q) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_STDIN);
    const char *shown = js_get_str(q, "stdin");

    if (js_get(q, "stdin") && !shown) {
        (void)buf_adds(b, "                       < (secret standard input: its commitment is "
                          "in the request)\n");
    }
    if (shown && b64_decode(shown, strlen(shown), &text) == 0) {
        text_lines(b, "                       < ", buf_str(&text), text.len);
    }
}

static void one_request(struct buf *b, const js *q) {
    const char *text = js_get_str(q, "request");

    if (!text) {
        put(b, q, "phase", 8);
        (void)buf_addc(b, ' ');
        put(b, q, "method", 0);
        (void)buf_addc(b, ' ');
        put(b, q, "path", 0);
        JS_FOREACH(js_get(q, "form"), key, val) {
            CLEANUP(buf_done) struct buf v = BUF_INIT(LIM_PLAN_BODY);

            if (late_type(val)) {
                late_show(val, &v);
            } else {
                (void)js_print(val, &v);
            }
            (void)buf_addc(b, ' ');
            render_safe(b, key);
            (void)buf_addc(b, '=');
            render_safe(b, buf_str(&v));
        }
        (void)buf_addc(b, '\n');
        return;
    }
    put(b, q, "phase", 8);
    (void)buf_adds(b, " node ");
    put(b, q, "node", 0);
    (void)buf_adds(b, ", request ");
    put(b, q, "digest", 0);
    (void)buf_addc(b, '\n');
    text_lines(b, "                       | ", text, strlen(text));
    standard_input(b, q);
}

static void requests(struct buf *b, const js *list) {
    (void)buf_addf(b, "  %-10s%zu in all\n", "requests", js_len(list));
    for (size_t i = 0; i < js_len(list); i++) {
        (void)buf_addf(b, "  %10zu ", i + 1);
        one_request(b, js_at(list, i));
    }
}

static void when(struct buf *b, int64_t seconds) {
    if (seconds <= 0) {
        (void)buf_adds(b, "expired");
    } else if (seconds >= 7200) {
        (void)buf_addf(b, "in %lld h", (long long)(seconds / 3600));
    } else if (seconds >= 120) {
        (void)buf_addf(b, "in %lld min", (long long)(seconds / 60));
    } else {
        (void)buf_addf(b, "in %lld s", (long long)seconds);
    }
}

static void upper(struct buf *b, const char *s) {
    for (; *s; s++) {
        char c = *s >= 'a' && *s <= 'z' ? (char)(*s - 'a' + 'A') : *s;

        put_bytes(b, &c, 1);
    }
}

static void render_plan(const js *answer, struct buf *b) {
    const js *p = js_get(answer, "plan");
    const js *reasons = js_get(p, "risk_reasons");
    const js *undo = js_get(p, "undo");

    (void)buf_adds(b, "PLAN ");
    put(b, answer, "plan_id", 0);
    (void)buf_adds(b, "   RISK ");
    upper(b, js_str_or(p, "risk", ""));
    (void)buf_adds(b, "   ");
    put(b, answer, "status", 0);
    (void)buf_addc(b, '\n');
    label(b, "change");
    put(b, p, "change", 0);
    (void)buf_addc(b, '\n');
    affected(b, js_get(p, "affected"));
    complete(b, p);
    for (size_t i = 0; i < js_len(reasons); i++) {
        label(b, i ? "" : "because");
        render_safe(b, json_object_get_string(js_at(reasons, i)));
        (void)buf_addc(b, '\n');
    }
    label(b, "undo");
    render_safe(b, js_str_or(undo, "kind", "none"));
    (void)buf_adds(b, ": ");
    put(b, undo, "guarantee", 0);
    if (*js_str_or(undo, "limits", "")) {
        (void)buf_adds(b, "; ");
        put(b, undo, "limits", 0);
    }
    (void)buf_addc(b, '\n');
    requests(b, js_get(p, "requests"));
    label(b, "approval");
    put(b, js_get(p, "approval"), "required", 0);
    (void)buf_adds(b, " (");
    put(b, js_get(p, "approval"), "why", 0);
    (void)buf_adds(b, ")\n");
    label(b, "expires");
    when(b, js_int_or(p, "expires", 0) - (int64_t)time(NULL));
    if (js_get(answer, "ledger_index")) {
        (void)buf_addf(b, "          ledger #%lld",
                       (long long)js_int_or(answer, "ledger_index", 0));
        witness_render(answer, b);
    }
    (void)buf_addc(b, '\n');
    if (js_get(answer, "next")) { /* not while it is being approved */
        label(b, "next");
        put(b, answer, "next", 0);
        (void)buf_addc(b, '\n');
    }
}

static void render_text(struct buf *b, const char *name, const char *text) {
    if (!text || !*text) {
        return;
    }
    (void)buf_addf(b, "  %s\n", name);
    text_lines(b, "    ", text, strlen(text));
}

static void render_ledger(const js *o, struct buf *b) {
    label(b, "ledger");
    (void)buf_addf(b, "#%lld", (long long)js_int_or(o, "ledger_index", 0));
    if (js_get(o, "checkpoint")) {
        (void)buf_addf(b, " of %lld", (long long)js_int_or(o, "checkpoint", 0));
    }
    witness_render(o, b);
    (void)buf_addc(b, '\n');
}

static void render_output(void *ctx, const js *one) {
    struct buf *b = ctx;

    if (js_get(one, "step")) {
        (void)buf_addf(b, "  step %lld\n", (long long)js_int_or(one, "step", 0));
    }
    render_text(b, "stdout:", js_get_str(one, "stdout"));
    render_text(b, "stderr:", js_get_str(one, "stderr"));
}

static void render_op(const js *o, struct buf *b) {
    const js *tasks = js_get(o, "tasks");
    const js *left = js_get(o, "left_over");

    (void)buf_adds(b, "OPERATION ");
    put(b, o, "op_id", 0);
    (void)buf_adds(b, "   ");
    upper(b, js_str_or(o, "outcome", ""));
    (void)buf_addc(b, '\n');
    label(b, "change");
    put(b, o, "change", 0);
    (void)buf_addc(b, '\n');
    if (js_get_str(o, "closed_by")) {
        label(b, "decided");
        (void)buf_adds(b, "by ");
        put(b, o, "closed_by", 0);
        (void)buf_adds(b, ": ");
        put(b, o, "reason", 0);
        (void)buf_addc(b, '\n');
    }
    if (js_get_str(o, "error")) {
        label(b, "error");
        put(b, o, "code", 0);
        (void)buf_adds(b, ": ");
        put(b, o, "error", 0);
        (void)buf_addc(b, '\n');
    }
    for (size_t i = 0; i < js_len(tasks); i++) {
        label(b, "task");
        render_safe(b, js_str_or(js_at(tasks, i), "upid", ""));
        (void)buf_adds(b, "  ");
        render_safe(b, js_str_or(js_at(tasks, i), "exit", "?"));
        (void)buf_addc(b, '\n');
    }
    for (size_t i = 0; i < js_len(js_get(o, "receipts")); i++) {
        const js *rc = js_at(js_get(o, "receipts"), i);

        label(b, "receipt");
        (void)buf_adds(b, "node ");
        put(b, rc, "node", 0);
        (void)buf_adds(b, ": ");
        put(b, rc, "how", 0);
        (void)buf_addf(b, " %lld\n", (long long)js_int_or(rc, "value", 0));
        render_text(b, "signed by the node:", js_get_str(rc, "receipt"));
    }
    output_each(js_get(o, "output"), render_output, b);
    if (js_get(o, "post_check")) {
        label(b, "check");
        put(b, js_get(o, "post_check"), "status", 0);
        (void)buf_adds(b, ": ");
        put(b, js_get(o, "post_check"), "text", 0);
        (void)buf_addc(b, '\n');
    }
    for (size_t i = 0; i < js_len(left); i++) {
        label(b, "left over");
        render_safe(b, json_object_get_string(js_at(left, i)));
        (void)buf_addc(b, '\n');
    }
    if (js_get_str(o, "confirm_with")) {
        label(b, "confirm");
        (void)buf_adds(b, "proximo-client confirm ");
        put(b, o, "op_id", 0);
        (void)buf_adds(b, ", once all is well: else it reverts by itself\n");
    }
    if (js_get_str(o, "undo_with")) {
        label(b, "undo");
        (void)buf_adds(b, "proximo-client undo ");
        put(b, o, "op_id", 0);
        (void)buf_addc(b, '\n');
    }
    render_ledger(o, b);
}

int service_render(const char *tool, const js *result, struct buf *ret) {
    (void)tool;
    if (js_get(result, "plan") && js_get_str(result, "plan_id")) {
        render_plan(result, ret);
        return 0;
    }
    if (js_get_str(result, "op_id") && js_get_str(result, "outcome")) {
        render_op(result, ret);
        return 0;
    }
    if (js_print_pretty(result, ret) < 0) {
        return -1;
    }
    return buf_addc(ret, '\n');
}

void render_for_approval(const struct plan *p, struct buf *ret) {
    CLEANUP(js_freep) js *answer = js_object();

    (void)buf_addf(ret, "APPROVE %s: these requests, and nothing else\n", p->id);
    requests(ret, js_get(p->v, "requests"));
    (void)buf_adds(ret, "\n-- computed by the planner, not verified here --\n");
    js_add(answer, "plan_id", js_str(p->id));
    js_add(answer, "status", js_str("planned"));
    js_add(answer, "plan", js_ref(p->v));
    render_plan(answer, ret);
}
