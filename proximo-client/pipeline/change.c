/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of one change: a table of stages, a stop at the first refusal, and an outcome in every
 * case in which an intent was recorded. */
#include "proximo-client/pipeline/change.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pipeline/grant_int.h"
#include "proximo-client/pipeline/left.h"
#include "proximo-client/pipeline/planner.h"
#include "proximo-client/pipeline/secrets.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pipeline/witness_show.h"
#include "proximo-client/pipeline/undo_check.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/tool.h"
#include "proximo-client/undo/undo.h"

static const struct stage {
    const char *name;
    int (*run)(struct change *c, struct err *e);
} stages[] = {
    {"approve", stage_approve},
    {"recheck", stage_recheck},
    {"intent", stage_intent},   /* in the ledger and on disk before anything moves */
    {"prepare", stage_prepare}, /* the way back exists before the way forward */
    {"verify", stage_verify},   /* and is what it must be */
    {"recheck-2", stage_recheck_prepared},
    {"execute", stage_execute},
};

static void listen(const struct session *s, bool (*polled)(void *ctx), void *ctx) {
    if (s->pve) {
        pve_on_cancel(s->pve, polled, ctx);
    }
    if (s->nodes) {
        nodes_on_cancel(s->nodes, polled, ctx);
    }
}

static void change_done(struct change *c) {
    if (c->recorded) {
        listen(c->s, NULL, NULL); /* what was polled ends with the change */
    }
    plan_done(&c->p);
    grant_free(c->grant);
    free(c->note);
    closep(&c->running);
    json_object_put(c->fresh);
    json_object_put(c->tasks);
    json_object_put(c->receipts);
    json_object_put(c->late);
    json_object_put(c->output);
    json_object_put(c->secret_file);
    json_object_put(c->leftover);
    json_object_put(c->post);
}

/* From the intent on the call can no longer be abandoned; it may become a job. */
static void deafen(struct change *c) {
    c->s->cancelled = NULL;
    listen(c->s, change_pulse, c);
}

static int run_stages(struct change *c, struct err *e) {
    for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
        int r;

        if (!c->recorded && session_cancelled(c->s)) {
            return err_tag(e, -ECANCELED, "cancelled", "cancelled before anything was done");
        }
        if (c->recorded) {
            deafen(c);
        }
        r = stages[i].run(c, e);
        if (r < 0) {
            if (e && !e->step[0]) {
                (void)snprintf(e->step, sizeof(e->step), "%s", stages[i].name);
            }
            return r;
        }
    }
    return 0;
}

/* The row's own question: did it do what it said? */
static void ask_row(struct change *c, const struct row *row) {
    bool is_undo = js_get(c->p.v, "undo_of") != NULL;
    CLEANUP(js_freep) js *args = js_copy(js_get(c->p.v, "args"));
    CLEANUP(freep) char *text = NULL;
    struct err e = {0};
    bool ok = false;
    int r;

    js_add(args, "before", js_ref(js_get(c->p.v, "current")));
    if (js_get(c->p.v, "steps")) {
        js_add(args, "planned", js_ref(js_get(c->p.v, "steps")));
    }
    r = is_undo ? undo_check(c->s, &c->p, &ok, &text, &e)
                : row_check(row, c->s, args, &ok, &text, &e);
    if (r == 0 && !text && !is_undo) { /* the row has no question of its own */
        return;
    }
    c->post = js_object();
    if (r < 0) {
        js_add(c->post, "status", js_str("failed"));
        js_add(c->post, "text", js_str(e.msg));
    } else if (!text) {
        js_add(c->post, "status", js_str("not-applicable"));
        js_add(c->post, "text", js_str("nothing of what the operation changed was read before it"));
    } else {
        js_add(c->post, "status", js_str(ok ? "ok" : "finding"));
        js_add(c->post, "text", js_str(text));
    }
}

static void post_check(struct change *c) {
    const struct row *row = row_find(js_str_or(c->p.v, "tool", ""));

    if (row && (c->out == OUT_DONE || c->out == OUT_WARNINGS)) {
        ask_row(c, row);
    }
}

static js *answer(const struct change *c, const struct err *why) {
    js *o = js_object();

    js_add(o, "op_id", js_str(c->op_id));
    js_add(o, "plan_id", js_str(c->p.id));
    js_add(o, "tool", js_str(js_str_or(c->p.v, "tool", "")));
    js_add(o, "change", js_str(js_str_or(c->p.v, "change", "")));
    js_add(o, "outcome", js_str(outcome_name(c->out)));
    js_add(o, "ledger_index", js_int((int64_t)c->index));
    js_add(o, "tasks", js_ref(c->tasks));
    if (js_len(c->receipts)) {
        js_add(o, "receipts", js_ref(c->receipts));
    }
    if (c->late) {
        js_add(o, "late", js_ref(c->late));
    }
    if (c->output) {
        js_add(o, "output", js_ref(c->output));
    }
    if (c->post) {
        js_add(o, "post_check", js_ref(c->post));
    }
    if (why->msg[0]) {
        js_add(o, "error", js_str(why->msg));
        js_add(o, "code", js_str(why->tag[0] ? why->tag : "internal"));
    }
    if (c->secret_file) {
        js_add(o, "secret_file", js_ref(c->secret_file));
    }
    if (js_len(c->leftover)) {
        js_add(o, "left_over", js_ref(c->leftover));
    }
    js_add(o, "undo", js_copy(js_get(c->p.v, "undo")));
    if (c->out != OUT_NOT_STARTED &&
        strcmp(js_str_or(js_get(c->p.v, "undo"), "kind", "none"), "none") != 0) {
        js_addf(o, "undo_with", "proximo_undo with op_id %s", c->op_id);
    }
    if (c->out != OUT_NOT_STARTED && undo_timer_request(c->p.v)) {
        js_addf(o, "confirm_with",
                "proximo_confirm with op_id %s, once all is well: else it reverts by itself",
                c->op_id);
    }
    return o;
}

/* After drift: the same question asked again, so that the caller sees the difference at once. */
static void replan(struct session *s, const struct change *c, js **ret) {
    struct err ignored = {0};
    js *fresh = NULL;

    if (js_get(c->p.v, "undo_of") || planner_plan(s, js_str_or(c->p.v, "tool", ""),
                                                  js_get(c->p.v, "args"), &fresh, &ignored) < 0) {
        return;
    }
    js_add(fresh, "replaces", js_str(c->p.id));
    *ret = fresh;
}

/* Nothing was sent, but a node watches: what somebody else changes in its files meanwhile would be
 * taken for the change, and taken back. (Often it was somebody else's change that stopped us.) */
static void release_timer(struct session *s, struct change *c) {
    CLEANUP(js_freep) js *plan = NULL;
    CLEANUP(js_freep) js *done = NULL;
    struct err e = {0};
    char id[IDENT_ID_LEN + 1];
    int r;

    if (c->out != OUT_NOT_STARTED || !c->prepared || !js_len(c->receipts) ||
        !undo_timer_request(c->p.v)) {
        return;
    }
    r = planner_confirm(s, c->op_id, &plan, id, &e);
    r = r < 0 ? r : change_apply(s, id, c->as, &done, &e);
    if (r < 0 || strcmp(js_str_or(done, "outcome", ""), "done") != 0) {
        js_push(c->leftover, js_str("the revert timer that was armed for it still runs: until it "
                                    "ends, the node takes back what is changed in its files"));
    }
}

int change_apply(struct session *s, const char *plan_id, enum apply_as as, js **ret,
                 struct err *e) {
    CLEANUP(change_done) struct change c = {.s = s, .as = as, .running = -1};
    const struct config *conf = NULL;
    struct session own = *s;
    struct err why = {0};
    int r = plan_load(s->ledger, plan_id, &c.p, e);

    r = r < 0 ? r : app_config(s->app, &conf, e);
    if (r < 0) {
        return r;
    }
    (void)secrets_sweep(s->ledger);
    c.s = &own;
    c.began_ms = clock_mono_ms();
    c.job_after_ms = conf->job_after_s * 1000;
    c.why = &why;
    c.tasks = js_array();
    c.receipts = js_array();
    c.leftover = js_array();
    c.fresh = js_object();
    r = run_stages(&c, &why);
    if (r < 0 && !c.recorded) {
        if (e) {
            *e = why;
        }
        if (strcmp(why.tag, "plan_drifted") == 0) {
            replan(s, &c, ret);
        }
        return r;
    }
    if (r < 0 && c.out == OUT_DONE) {
        c.out = OUT_NOT_STARTED; /* stopped between intent and execute */
    }
    prepared_left_over(&c);
    left_take(&c);
    post_check(&c);
    r = stage_outcome(&c, e);
    if (r < 0) {
        js_push(c.leftover,
                js_str("the outcome could not be recorded; it is found and resolved later"));
    }
    release_timer(s, &c);
    *ret = answer(&c, &why);
    witness_show(s, *ret);
    if ((c.output || c.guest_text) && ledger_size(s->ledger)) {
        js_add(*ret, "guest_text", js_bool(true));
    }
    return 0;
}
