/* SPDX-License-Identifier: Apache-2.0 */
/* The same question asked again, and what has become of the answer. What differs by nature from one
 * answer to the next (nonces, the names of undo points, commitments to secrets) is not compared. */
#include "proximo-client/pipeline/recompute.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/pipeline/draft_int.h"
#include "proximo-client/pipeline/plan.h"
#include "proximo-client/pipeline/planner.h"
#include "proximo-client/pipeline/render.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/tools/tool.h"

struct compare {
    struct buf *text;
    bool worse;
};

static void line(struct compare *c, bool worse, const char *label, const char *what) {
    c->worse = c->worse || worse;
    (void)buf_addf(c->text, "  %-10s", label);
    render_safe(c->text, what);
    (void)buf_addc(c->text, '\n');
}

/* The plan holds only commitments; the verdict does not depend on the values. */
static js *stand_ins(const struct row *row, const js *args) {
    js *out = js_copy(args);

    for (const struct field *f = row->fields; f && f->name; f++) {
        char text[65] = "";

        if (f->secret && js_is_object(js_get(args, f->name))) {
            memset(text, 'x', f->min > 8 && f->min < 64 ? (size_t)f->min : 8);
            js_add(out, f->name, js_str(text));
        }
    }
    return out;
}

static int ask_again(struct session *s, const struct plan *p, bool with_ledger, struct draft **ret,
                     struct err *e) {
    CLEANUP(js_freep) js *args = NULL;
    const char *tool = js_str_or(p->v, "tool", "");
    const struct row *row = row_find(tool);
    bool is_undo = js_get(p->v, "undo_of") != NULL;

    if (!with_ledger && (is_undo || (row && strcmp(row->plane, "exec") == 0))) {
        return err_tag(e, -ENOTSUP, "bad_argument",
                       "a plan like this is computed from the ledger, which is not here");
    }
    if (is_undo) {
        return planner_undo_draft(s, js_str_or(js_get(p->v, "undo_of"), "op_id", ""), ret, NULL, e);
    }
    if (!row || row->effect != EFFECT_CHANGE) {
        return err_tag(e, -ENOENT, "unknown_tool", "this version has no row %.40s", tool);
    }
    args = stand_ins(row, js_get(p->v, "args"));
    return planner_draft(s, tool, args, ret, e);
}

static void compare_risk(struct compare *c, const struct plan *p, const struct draft *d) {
    bool was = js_bool_or(p->v, "complete", false);
    char text[80];

    if (d->risk != p->risk) {
        (void)snprintf(text, sizeof(text), "%s -> %s", risk_name(p->risk), risk_name(d->risk));
        line(c, d->risk > p->risk, "risk", text);
    }
    if (was != d->complete) {
        line(c, was, "complete", was ? "yes -> NO" : "NO -> yes");
    }
}

static const char *key_of(const js *a, struct buf *b) {
    buf_reset(b);
    (void)buf_addf(b, "%s\n%s\n%s", js_str_or(a, "resource", ""), js_str_or(a, "effect", ""),
                   js_str_or(a, "via", ""));
    return buf_str(b);
}

static int severity(const js *a) {
    static const char *const names[] = {"none", "low", "medium", "high"};

    for (int i = 0; i < (int)ARRAY_LEN(names); i++) {
        if (strcmp(js_str_or(a, "severity", ""), names[i]) == 0) {
            return i;
        }
    }
    return (int)ARRAY_LEN(names);
}

static void say(struct compare *c, bool worse, const char *label, const js *a, const char *end) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE);

    (void)buf_addf(&b, "%s %s%s%s: %s%s", js_str_or(a, "resource", ""), js_str_or(a, "effect", ""),
                   js_get_str(a, "via") ? " by " : "", js_str_or(a, "via", ""),
                   js_str_or(a, "why", ""), end);
    line(c, worse, label, buf_str(&b));
}

static bool worse_hit(const js *was, const js *now) {
    return severity(now) > severity(was) ||
           (js_bool_or(now, "only_copy", false) && !js_bool_or(was, "only_copy", false)) ||
           (js_bool_or(now, "running", false) && !js_bool_or(was, "running", false));
}

static js *by_key(const js *list) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE);
    js *o = js_object();

    for (size_t i = 0; i < js_len(list); i++) {
        js_add(o, key_of(js_at(list, i), &b), js_ref(js_at(list, i)));
    }
    return o;
}

static void compare_affected(struct compare *c, const js *was, const js *now) {
    CLEANUP(js_freep) js *old = by_key(was);
    CLEANUP(js_freep) js *new = by_key(now);

    JS_FOREACH(new, key, a) {
        const js *before = js_get(old, key);

        if (!before) {
            say(c, true, "+ affected", a, "");
        } else if (worse_hit(before, a)) {
            say(c, true, "! affected", a, " (worse than planned)");
        }
    }
    JS_FOREACH(old, gone, hit) {
        if (!js_get(new, gone)) {
            say(c, false, "- affected", hit, "");
        }
    }
}

static void compare_unread(struct compare *c, const js *was, const js *now) {
    CLEANUP(js_freep) js *old = js_object();

    for (size_t i = 0; i < js_len(was); i++) {
        js_add(old, js_str_or(js_at(was, i), "what", ""), js_bool(true));
    }
    for (size_t i = 0; i < js_len(now); i++) {
        const js *u = js_at(now, i);
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE);

        if (!js_get(old, js_str_or(u, "what", ""))) {
            (void)buf_addf(&b, "%s: %s", js_str_or(u, "what", ""), js_str_or(u, "why", ""));
            line(c, true, "+ unread", buf_str(&b));
        }
    }
}

static void compare_undo(struct compare *c, const js *was, const js *now) {
    const char *a = js_str_or(was, "kind", "none"), *b = js_str_or(now, "kind", "none");
    char text[120];

    if (strcmp(a, b) != 0) {
        (void)snprintf(text, sizeof(text), "%.40s -> %.40s", a, b);
        line(c, strcmp(a, "none") != 0, "undo", text);
    }
}

/* Without what is new in every plan. */
static void settle_names(const char *text, struct buf *ret) {
    static const char point[] = "pxundo_";

    while (*text) {
        if (strncmp(text, point, sizeof(point) - 1) == 0) {
            (void)buf_adds(ret, "pxundo_*");
            text += sizeof(point) - 1;
            text += strspn(text, "0123456789abcdef");
        } else if (strncmp(text, "\nnonce ", 7) == 0 || strncmp(text, "hmac-sha256:", 12) == 0) {
            text += 1 + strcspn(text + 1, "\n\"");
        } else {
            (void)buf_addc(ret, *text++);
        }
    }
}

static void request_line(const js *q, struct buf *ret) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);

    (void)buf_addf(&b, "%s ", js_str_or(q, "phase", ""));
    if (js_get_str(q, "request")) {
        (void)buf_addf(&b, "node %s %s", js_str_or(q, "node", ""), js_str_or(q, "request", ""));
    } else if (q) {
        (void)buf_addf(&b, "%s %s ", js_str_or(q, "method", ""), js_str_or(q, "path", ""));
        (void)canon_write(js_get(q, "form"), &b, NULL); /* a plan's keys are sorted */
    }
    settle_names(buf_str(&b), ret);
}

static void compare_requests(struct compare *c, const js *was, const js *now) {
    size_t n = js_len(was) > js_len(now) ? js_len(was) : js_len(now);

    for (size_t i = 0; i < n; i++) {
        CLEANUP(buf_done) struct buf a = BUF_INIT(LIM_PLAN_BODY), b = BUF_INIT(LIM_PLAN_BODY);

        if (i < js_len(was)) {
            request_line(js_at(was, i), &a);
        }
        if (i < js_len(now)) {
            request_line(js_at(now, i), &b);
        }
        if (strcmp(buf_str(&a), buf_str(&b)) != 0) {
            line(c, true, "- request", a.len ? buf_str(&a) : "(none)");
            line(c, true, "+ request", b.len ? buf_str(&b) : "(none)");
        }
    }
}

int recompute_plan(struct app *a, const char *cluster, const struct plan *p, bool with_ledger,
                   struct buf *ret, bool *ret_worse, struct err *e) {
    CLEANUP(draft_freep) struct draft *d = NULL;
    CLEANUP(js_freep) js *requests = NULL;
    struct session s = {.app = a, .actor = "cli:operator"};
    struct compare c = {.text = ret};
    unsigned int need = APP_PVE | (with_ledger ? APP_LEDGER_READ | APP_NODES : 0U);
    int r = app_session(a, cluster ? cluster : js_get_str(p->v, "cluster"), need, &s, e);

    r = r < 0 ? r : ask_again(&s, p, with_ledger, &d, e);
    if (r < 0) {
        return err_wrap(e, "the plan cannot be computed again");
    }
    requests = reduce_exact(d->requests);
    compare_risk(&c, p, d);
    compare_affected(&c, js_get(p->v, "affected"), d->affected);
    compare_unread(&c, js_get(p->v, "unread"), d->unread);
    compare_undo(&c, js_get(p->v, "undo"), d->undo);
    compare_requests(&c, js_get(p->v, "requests"), requests);
    *ret_worse = c.worse;
    return 0;
}
