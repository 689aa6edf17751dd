/* SPDX-License-Identifier: Apache-2.0 */
/* The one door of every face. Rows that change something end in a recorded plan here; the only
 * calls that carry a plan out are proximo_apply, proximo_apply_high and proximo_undo. */
#include "proximo-client/pipeline/service.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/pipeline/change.h"
#include "proximo-client/pipeline/ops.h"
#include "proximo-client/pipeline/planner.h"
#include "proximo-client/pipeline/service_int.h"
#include "proximo-client/pipeline/taint.h"
#include "proximo-client/pipeline/witness_show.h"
#include "proximo-client/tools/tool.h"

int service_session(struct app *a, const struct call *c, const js *args, unsigned int need,
                    struct session *s, struct err *e) {
    *s = (struct session){
        .app = a,
        .actor = c->actor,
        .progress = c->progress,
        .cancelled = c->cancelled,
        .hand_over = c->hand_over,
        .ctx = c->ctx,
    };
    return app_session(a, js_get_str(args, "cluster"), need, s, e);
}

unsigned int service_target(const struct row *row) {
    enum row_target t = row->flags & ROW_NO_CLUSTER ? ROW_ANY : row_target(row);

    return t == ROW_PBS ? APP_IS_PBS : t == ROW_PVE ? APP_IS_PVE : 0;
}

/* The cluster may stand beside or inside the inner arguments. */
static js *inner_args(const js *outer) {
    js *args = js_get(outer, "args") ? js_copy(js_get(outer, "args")) : js_object();

    if (js_get_str(outer, "cluster") && !js_get(args, "cluster")) {
        js_add(args, "cluster", js_ref(js_get(outer, "cluster")));
    }
    return args;
}

static int find_row(const char *name, enum effect effect, const struct row **ret, struct err *e) {
    const struct row *row = row_find(name);

    if (row && row->effect == effect) {
        *ret = row;
        return 0;
    }
    (void)err_tag(e, -ENOENT, "unknown_tool", "\"%.40s\" is not a row that %s", name,
                  effect == EFFECT_READ ? "reads" : "changes something");
    return err_hint(e, row ? "it is of the other kind: use %s" : "proximo_find lists the rows%s",
                    !row                    ? ""
                    : effect == EFFECT_READ ? "proximo_plan"
                                            : "proximo_read");
}

static int plan_row(struct app *a, const struct call *c, const struct row *row, const js *args,
                    js **ret, struct err *e) {
    struct session s;
    int r = row_validate(row, args, e);

    if (r == 0) {
        r = service_session(a, c, args, APP_PVE | APP_LEDGER | APP_NODES | service_target(row), &s,
                            e);
    }
    return r < 0 ? r : service_taint_error(&s, planner_plan(&s, row->name, args, ret, e), e);
}

static int meta_read(struct app *a, const struct call *c, js **ret, struct err *e) {
    CLEANUP(js_freep) js *args = inner_args(c->args);
    const struct row *row = NULL;
    int r = find_row(js_str_or(c->args, "row", ""), EFFECT_READ, &row, e);

    return r < 0 ? r : service_read(a, c, row, args, ret, e);
}

static int meta_plan(struct app *a, const struct call *c, js **ret, struct err *e) {
    CLEANUP(js_freep) js *args = inner_args(c->args);
    const struct row *row = NULL;
    int r = find_row(js_str_or(c->args, "row", ""), EFFECT_CHANGE, &row, e);

    return r < 0 ? r : plan_row(a, c, row, args, ret, e);
}

int service_taint(const struct session *s, struct err *e) {
    const struct config *conf;
    int r = app_config(s->app, &conf, e);

    return r < 0 ? r : taint_set(s->ledger, clock_unix() + conf->policy.taint_s, e);
}

void service_taint_after(const struct session *s, js *result) {
    static const char *const those[] = {"output", "log", "error"};
    struct err e = {0};

    if (!js_bool_or(result, "guest_text", false) || service_taint(s, &e) == 0) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(those); i++) {
        json_object_object_del(result, those[i]);
    }
    js_add(result, "withheld", js_str(e.msg));
}

int service_taint_error(const struct session *s, int r, struct err *e) {
    struct err why = {0};

    if (r >= 0 || !e->guest_text || service_taint(s, &why) == 0) {
        return r;
    }
    *e = why;
    return why.code;
}

static int apply(struct app *a, const struct call *c, enum apply_as as, js **ret, struct err *e) {
    CLEANUP(js_freep) js *unresolved = NULL;
    struct session s;
    int r = service_session(a, c, c->args, APP_PVE | APP_LEDGER | APP_NODES, &s, e);

    if (r == 0) {
        r = ops_resolve(&s, &unresolved, e);
    }
    if (r == 0) {
        r = change_apply(&s, js_str_or(c->args, "plan_id", ""), as, ret, e);
        r = service_taint_error(&s, r, e);
    }
    if (r == 0) {
        service_taint_after(&s, *ret);
    }
    return r;
}

static int meta_apply(struct app *a, const struct call *c, js **ret, struct err *e) {
    return apply(a, c, APPLY_PLAIN, ret, e);
}

static int meta_apply_high(struct app *a, const struct call *c, js **ret, struct err *e) {
    return apply(a, c, c->host_asks ? APPLY_HOST : APPLY_PLAIN, ret, e);
}

int service_apply_or_plan(struct session *s, const struct call *c, js *plan, js **ret,
                          struct err *e) {
    CLEANUP(js_freep) js *owned = plan;
    int r = change_apply(s, js_str_or(plan, "plan_id", ""), c->host_asks ? APPLY_HOST : APPLY_PLAIN,
                         ret, e);

    if (r < 0 && strcmp(e->tag, "approval_needed") == 0) {
        js_add(owned, "status", js_str("awaiting_approval"));
        js_add(owned, "missing", js_str(e->msg));
        witness_show(s, owned);
        *ret = TAKE(owned);
        return 0;
    }
    if (r == 0) {
        service_taint_after(s, *ret);
    }
    return service_taint_error(s, r, e);
}

static int meta_confirm(struct app *a, const struct call *c, js **ret, struct err *e) {
    js *plan = NULL;
    char plan_id[IDENT_ID_LEN + 1];
    struct session s;
    int r = service_session(a, c, c->args, APP_PVE | APP_LEDGER | APP_NODES, &s, e);

    r = r < 0 ? r : planner_confirm(&s, js_str_or(c->args, "op_id", ""), &plan, plan_id, e);
    return r < 0 ? r : service_apply_or_plan(&s, c, plan, ret, e);
}

static int meta_undo(struct app *a, const struct call *c, js **ret, struct err *e) {
    CLEANUP(js_freep) js *unresolved = NULL;
    js *plan = NULL;
    char plan_id[IDENT_ID_LEN + 1];
    struct session s;
    int r = service_session(a, c, c->args, APP_PVE | APP_LEDGER | APP_NODES, &s, e);

    if (r == 0) {
        r = ops_resolve(&s, &unresolved, e);
    }
    if (r == 0) {
        r = planner_undo(&s, js_str_or(c->args, "op_id", ""), &plan, plan_id, e);
        r = service_taint_error(&s, r, e);
    }
    return r < 0 ? r : service_apply_or_plan(&s, c, plan, ret, e);
}

static int describe_match(const struct row *row, const char *query) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    int score = 0;

    (void)buf_addf(&b, "%s %s %s %s ", row->name, row->title, row->desc, row->plane);
    for (const struct field *f = row->fields; f && f->name; f++) {
        (void)buf_addf(&b, "%s ", f->name);
    }
    while (*query) {
        size_t len = strcspn(query, " _,");
        char word[64];

        if (len && len < sizeof(word)) {
            memcpy(word, query, len);
            word[len] = '\0';
            score += strcasestr(buf_str(&b), word) ? 1 : 0;
            score += strcasestr(row->name, word) ? 2 : 0;
        }
        query += len;
        query += strspn(query, " _,");
    }
    return score > 99 ? 99 : score;
}

static js *row_brief(const struct row *row) {
    static const char *const kinds[] = {"read", "change", "meta"};
    js *o = js_object();

    js_add(o, "row", js_str(row->name));
    js_add(o, "kind", js_str(kinds[row->effect]));
    js_add(o, "title", js_str(row->title));
    js_add(o, "description", js_str(row->desc));
    return o;
}

static bool in_plane(const struct row *row, const char *plane) {
    return !plane || strcmp(row->plane, plane) == 0;
}

static int meta_find(struct app *a, const struct call *c, js **ret, struct err *e) {
    const char *query = js_str_or(c->args, "query", "");
    const char *plane = js_get_str(c->args, "plane");
    int64_t limit = js_int_or(c->args, "limit", 20);
    int64_t start = js_int_or(c->args, "start", 0);
    int64_t total = 0;
    js *out = js_array();

    (void)a;
    (void)e;
    for (int want = 99; want >= (*query ? 1 : 0); want--) { /* best matches first */
        for (size_t i = 0; row_at(i); i++) {
            if (!in_plane(row_at(i), plane) || describe_match(row_at(i), query) != want) {
                continue;
            }
            total++;
            if (total > start && (int64_t)js_len(out) < limit) {
                js_push(out, row_brief(row_at(i)));
            }
        }
    }
    *ret = js_object();
    js_add(*ret, "total", js_int(total));
    js_add(*ret, "returned", js_int((int64_t)js_len(out)));
    js_add(*ret, "truncated", js_bool(total > start + (int64_t)js_len(out)));
    js_add(*ret, "rows", out);
    return 0;
}

static int meta_describe(struct app *a, const struct call *c, js **ret, struct err *e) {
    const struct row *row = row_find(js_str_or(c->args, "row", ""));

    (void)a;
    if (!row) {
        (void)err_tag(e, -ENOENT, "unknown_tool", "no row of that name");
        return err_hint(e, "proximo_find lists the rows");
    }
    *ret = row_brief(row);
    js_add(*ret, "arguments", row_input_schema(row, true));
    js_add(*ret, "privilege", js_str(row->privilege ? row->privilege : ""));
    if (row->effect == EFFECT_CHANGE) {
        js_add(*ret, "undo", js_str(row->undo ? row->undo : "none"));
        js_add(*ret, "undo_reason", js_str(row->undo_none ? row->undo_none : ""));
    }
    return 0;
}

static const struct meta {
    const char *name;
    meta_fn *run;
} metas[] = {
    {"proximo_find", meta_find},
    {"proximo_describe", meta_describe},
    {"proximo_read", meta_read},
    {"proximo_plan", meta_plan},
    {"proximo_apply", meta_apply},
    {"proximo_apply_high", meta_apply_high},
    {"proximo_undo", meta_undo},
    {"proximo_confirm", meta_confirm},
    {"proximo_ops", meta_ops},
    {"proximo_plan_show", meta_plan_show},
    {"ledger_verify", meta_ledger_verify},
    {"ledger_show", meta_ledger_show},
    {"ledger_proof", meta_ledger_proof},
    {"ledger_query", meta_ledger_query},
    {"proximo_doctor", meta_doctor},
    {"proximo_nodes", meta_nodes},
    {"proximo_job", meta_job},
    {"proximo_job_cancel", meta_job_cancel},
};

meta_fn *service_meta_find(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(metas); i++) {
        if (strcmp(metas[i].name, name) == 0) {
            return metas[i].run;
        }
    }
    return NULL;
}

int service_call(struct app *a, const struct call *c, js **ret, struct err *e) {
    const struct row *row = row_find(c->tool);
    meta_fn *meta;
    int r;

    *ret = NULL;
    if (!row) {
        (void)err_tag(e, -ENOENT, "unknown_tool", "no tool \"%.40s\"", c->tool);
        return err_hint(e, "proximo_find lists what there is");
    }
    switch (row->effect) {
    case EFFECT_READ:
        return service_read(a, c, row, c->args, ret, e);
    case EFFECT_CHANGE:
        return plan_row(a, c, row, c->args, ret, e);
    case EFFECT_META:
    default:
        break;
    }
    r = row_validate(row, c->args, e);
    if (r < 0) {
        return r;
    }
    meta = service_meta_find(row->name);
    return meta ? meta(a, c, ret, e) : err_set(e, -ENOSYS, "row %s has no function", row->name);
}

/* Refusals after which the same plan can never be applied. */
static bool is_spent(const char *tag) {
    static const char *const tags[] = {"plan_spent", "plan_expired", "plan_drifted",
                                       "plan_outdated"};

    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        if (strcmp(tag, tags[i]) == 0) {
            return true;
        }
    }
    return false;
}

js *service_error(const struct err *e) {
    js *o = js_object();

    js_add(o, "code", js_str(e->tag[0] ? e->tag : "internal"));
    js_add(o, "message", js_str(e->msg));
    js_add(o, "hint", js_str(e->hint));
    js_add(o, "who", js_str(e->by[0] ? e->by : "client"));
    if (e->step[0]) {
        js_add(o, "step", js_str(e->step));
    }
    js_add(o, "plan", js_str(is_spent(e->tag) ? "spent" : "kept"));
    if (e->http_status) {
        js_add(o, "http_status", js_int(e->http_status));
    }
    return o;
}
