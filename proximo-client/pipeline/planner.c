/* SPDX-License-Identifier: Apache-2.0 */
/* From a question to a recorded plan. Nothing here sends anything but reads. */
#include "proximo-client/pipeline/planner.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/pipeline/agent_gate.h"
#include "proximo-client/pipeline/draft_int.h"
#include "proximo-client/pipeline/left.h"
#include "proximo-client/pipeline/ops.h"
#include "proximo-client/pipeline/plan.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pipeline/switches.h"
#include "proximo-client/pipeline/since.h"
#include "proximo-client/pipeline/witness_show.h"
#include "proximo-client/tools/tool.h"
#include "proximo-client/undo/undo.h"

/* Arguments as they may be recorded: secret ones are replaced by their commitment. */
static js *public_args(struct draft *d, const struct row *row, const js *args) {
    js *out = js_copy(args);

    for (const struct field *f = row->fields; f && f->name; f++) {
        const char *value = f->secret ? js_get_str(args, f->name) : NULL;

        if (value) {
            js_add(out, f->name, draft_secret(d, f->name, value));
        }
    }
    return out;
}

static void make_steps_public(struct draft *d, const js *steps) {
    for (size_t i = 0; i < js_len(steps); i++) {
        js *step = js_at(steps, i);
        const struct row *row = row_find(js_str_or(step, "row", ""));

        if (row && js_get(step, "args")) {
            js_add(step, "args", public_args(d, row, js_get(step, "args")));
        }
    }
}

static void use_public_args(struct draft *d, const struct row *row, const js *args) {
    js *safe = public_args(d, row, args);

    json_object_put(d->args);
    d->args = safe;
    make_steps_public(d, d->steps);
    if (d->steps && js_is_array(js_get(safe, "steps"))) {
        make_steps_public(d, js_get(safe, "steps"));
    }
}

int planner_draft(struct session *s, const char *tool, const js *args, struct draft **ret,
                  struct err *e) {
    CLEANUP(draft_freep) struct draft *d = NULL;
    const struct row *row = row_find(tool);
    int r;

    if (!row || row->effect != EFFECT_CHANGE) {
        (void)err_tag(e, -ENOENT, "unknown_tool", "\"%.40s\" is not a row that changes something",
                      tool);
        return err_hint(e, "proximo_find lists the rows");
    }
    r = row_validate(row, args, e);
    if (r < 0) {
        return r;
    }
    session_progress(s, 0, 0, "reading the live state for %s", tool);
    d = draft_new(s, row->name, args);
    r = row_plan(row, d, args, e);
    r = r < 0 ? r : agent_gate_draft(d, e);
    if (r < 0) {
        return r;
    }
    if (row->undo && strcmp(row->undo, "none") == 0 && !d->undo) {
        draft_undo(d, "none", row->undo_none ? row->undo_none : "it cannot be undone", "");
    }
    use_public_args(d, row, args);
    if (session_cancelled(s)) {
        return err_tag(e, -ECANCELED, "cancelled", "cancelled");
    }
    *ret = TAKE(d);
    return 0;
}

int planner_plan(struct session *s, const char *tool, const js *args, js **ret, struct err *e) {
    CLEANUP(draft_freep) struct draft *d = NULL;
    CLEANUP(plan_done) struct plan p = {0};
    int r = planner_draft(s, tool, args, &d, e);

    if (r == 0) {
        r = plan_record(d, &p, e);
    }
    if (r == 0) {
        *ret = plan_answer(&p);
        switches_say(s->app, s->cluster, p.v, *ret);
        witness_show(s, *ret); /* before anybody is asked to say yes to it */
    }
    return r;
}

static int put_undo_entry(struct session *s, const struct op *o, const struct plan *p,
                          struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    char text[HASH_HEX_LEN + 1];
    int r = entry_begin(&b, ENTRY_UNDO, clock_unix(), s->actor);

    hash_text(&o->leaf, text);
    if (r == 0) {
        r = lines_put(&b, "of", text);
    }
    hash_text(&p->digest, text);
    if (r == 0) {
        r = lines_put(&b, "plan", text);
    }
    if (r == 0) {
        r = entry_end(&b, "{}", e);
    }
    return r < 0 ? r
                 : ledger_append(s->ledger, buf_str(&b), b.len, LEDGER_SYNC, NULL, NULL,
                                 &(struct ledger_pos){0}, e);
}

static int may_undo(const struct op *o, const struct plan *p, const char *op_id, struct err *e) {
    const js *undo = js_get(p->v, "undo");

    if (o->undone) {
        return err_tag(e, -EALREADY, "already_undone", "operation %s was undone before", op_id);
    }
    if (strcmp(o->result, "not-started") == 0) {
        return err_tag(e, -EINVAL, "nothing_to_undo", "operation %s never started", op_id);
    }
    if (!o->result[0]) {
        (void)err_tag(e, -EBUSY, "op_open", "operation %s has no outcome yet", op_id);
        return err_hint(e, "proximo_ops resolves operations that were left open");
    }
    if (o->undo_half && undo_by_position(p->v)) {
        (void)err_tag(e, -EBUSY, "undo_half_done",
                      "an undo of operation %s stopped half way or its end is not known; once more "
                      "it could hit other rules",
                      op_id);
        return err_hint(e, "proximo_ops names it; look at the rules and plan what is missing");
    }
    if (strcmp(js_str_or(undo, "kind", "none"), "none") == 0) {
        return err_tag(e, -EINVAL, "no_undo", "operation %s has no way back: %.200s", op_id,
                       js_str_or(undo, "guarantee", ""));
    }
    return 0;
}

static js *undo_of(const struct op *o, const char *op_id) {
    char text[HASH_HEX_LEN + 1];
    js *v = js_object();

    js_add(v, "op_id", js_str(op_id));
    hash_text(&o->leaf, text);
    js_add(v, "intent", js_str(text));
    hash_text(&o->plan, text);
    js_add(v, "plan", js_str(text));
    return v;
}

int planner_undo_draft(struct session *s, const char *op_id, struct draft **ret, struct op *ret_op,
                       struct err *e) {
    CLEANUP(draft_freep) struct draft *d = NULL;
    CLEANUP(plan_done) struct plan was = {0};
    CLEANUP(js_freep) js *args = js_object();
    CLEANUP(js_freep) js *outcome = js_object();
    CLEANUP(op_done) struct op o = {0};
    js *since = NULL;
    int r = ops_find(s->ledger, op_id, &o, e);

    if (r == 0) {
        r = plan_load_digest(s->ledger, &o.plan, UINT64_MAX, &was, e);
    }
    if (r == 0) {
        r = may_undo(&o, &was, op_id, e);
    }
    if (r == 0) {
        r = since_operations(s, &o, &since, e);
    }
    if (r < 0) {
        return r;
    }
    js_add(args, "op_id", js_str(op_id));
    js_add(outcome, "op_id", js_str(op_id));
    js_add(outcome, "result", js_str(o.result));
    js_add(outcome, "tasks", js_ref(o.tasks));
    js_add(outcome, "executed", js_int(o.executed));
    js_add(outcome, "archives", js_ref(o.archives));
    js_add(outcome, "since", since);
    if (o.has_left) {
        js_add(outcome, "left", left_load(s->ledger, &o.left));
    }
    d = draft_new(s, "proximo_undo", args);
    d->undo_of = undo_of(&o, op_id);
    r = undo_plan(d, was.v, outcome, e);
    if (r < 0) {
        return r;
    }
    *ret = TAKE(d);
    if (ret_op) {
        *ret_op = o;
        memset(&o, 0, sizeof(o));
    }
    return 0;
}

static int confirm_draft(struct draft *d, const char *op_id, const struct plan *was,
                         struct err *e) {
    const js *armed = undo_timer_request(was->v);
    const char *node = js_str_or(armed, "node", "");
    int64_t deadline = 0;
    int r;

    if (!armed) {
        return err_tag(e, -EINVAL, "no_timer", "no revert timer was armed for operation %s", op_id);
    }
    r = undo_timer_state(draft_session(d), armed, &deadline, e);
    if (r == 0) {
        (void)err_tag(e, -ENOENT, "timer_missing",
                      "the timer of operation %s has ended: it was confirmed, or node %.60s has "
                      "reverted",
                      op_id, node);
        return err_hint(e, "proximo_undo of it says which");
    }
    r = r < 0 ? r : undo_timer_end(d, armed, true, e);
    draft_change(d, "keep what operation %s did: its revert timer on node %.60s ends", op_id, node);
    draft_target(d, "node", node, node);
    draft_undo(d, "none", "what is kept can still be undone: proximo_undo of the operation", "");
    return r < 0 ? r : 0;
}

int planner_confirm(struct session *s, const char *op_id, js **ret, char ret_id[static 29],
                    struct err *e) {
    CLEANUP(draft_freep) struct draft *d = NULL;
    CLEANUP(plan_done) struct plan was = {0};
    CLEANUP(plan_done) struct plan p = {0};
    CLEANUP(js_freep) js *args = js_object();
    CLEANUP(op_done) struct op o = {0};
    int r = ops_find(s->ledger, op_id, &o, e);

    js_add(args, "op_id", js_str(op_id));
    d = draft_new(s, "proximo_confirm", args);
    r = r < 0 ? r : plan_load_digest(s->ledger, &o.plan, UINT64_MAX, &was, e);
    r = r < 0 ? r : confirm_draft(d, op_id, &was, e);
    r = r < 0 ? r : plan_record(d, &p, e);
    if (r < 0) {
        return r;
    }
    (void)snprintf(ret_id, 29, "%s", p.id);
    *ret = plan_answer(&p);
    switches_say(s->app, s->cluster, p.v, *ret);
    return 0;
}

int planner_undo(struct session *s, const char *op_id, js **ret, char ret_id[static 29],
                 struct err *e) {
    CLEANUP(draft_freep) struct draft *d = NULL;
    CLEANUP(plan_done) struct plan p = {0};
    CLEANUP(op_done) struct op o = {0};
    int r = planner_undo_draft(s, op_id, &d, &o, e);

    if (r == 0) {
        r = plan_record(d, &p, e);
    }
    if (r == 0) {
        r = put_undo_entry(s, &o, &p, e);
    }
    if (r < 0) {
        return r;
    }
    (void)snprintf(ret_id, 29, "%s", p.id);
    *ret = plan_answer(&p);
    switches_say(s->app, s->cluster, p.v, *ret);
    return 0;
}
