/* SPDX-License-Identifier: Apache-2.0 */
/* Sending what was planned, exactly, and following it to its end. Once the intent is recorded
 * nobody can stop this half way: a host that loses patience gets no answer, but the outcome is
 * written. */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/receipt.h"
#include "common/request.h"
#include "proximo-client/nodes/act.h"
#include "proximo-client/pipeline/agent_gate.h"
#include "proximo-client/pipeline/agent_run.h"
#include "proximo-client/pipeline/begun.h"
#include "proximo-client/pipeline/change.h"
#include "proximo-client/pipeline/grant_int.h"
#include "proximo-client/pipeline/late.h"
#include "proximo-client/pipeline/outcome.h"
#include "proximo-client/pipeline/output.h"
#include "proximo-client/pipeline/secret_result.h"
#include "proximo-client/pipeline/secrets.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pipeline/stdin_data.h"
#include "proximo-client/pve/change.h"
#include "proximo-client/pve/worker.h"

#define TASK_WAIT_MS ((int64_t)24 * 3600 * 1000)
#define OUTPUT_KEPT  (256 * 1024) /* of each stream, for the answer; the node counts all of it */

static void task_tick(void *ctx, const struct pve_task *t, int64_t waited_ms) {
    const struct change *c = ctx;

    session_progress(c->s, (double)waited_ms / 1000, 0, "task %s %s runs (%lld s)", t->type, t->id,
                     (long long)(waited_ms / 1000));
}

static int follow(struct change *c, size_t ordinal, const char *upid, struct err *e) {
    struct pve_task t = {0};
    js *o = js_object();
    int r;

    js_add(o, "ordinal", js_int((int64_t)ordinal));
    js_add(o, "upid", js_str(upid));
    js_push(c->tasks, o);
    r = change_progress(c, ordinal, upid, NULL, NULL, e);
    if (r < 0) { /* the task runs all the same: follow it, the outcome names it too */
        js_push(c->leftover, js_str("a progress entry could not be written"));
    }
    r = pve_task_wait(c->s->pve, upid, TASK_WAIT_MS, task_tick, c, &t, e);
    if (r < 0 || !t.stopped) {
        c->out = OUT_UNKNOWN;
        return r < 0 ? err_wrap(e, "follow task %s", upid)
                     : err_tag(e, -ETIMEDOUT, "task_running", "task %s still runs", upid);
    }
    js_add(o, "exit", js_str(t.exit));
    if (t.warnings) {
        c->out = OUT_WARNINGS;
        return 0;
    }
    if (!t.ok) {
        c->out = OUT_FAILED;
        return err_tag(e, -EIO, "task_failed", "task %s failed: %.200s", t.type, t.exit);
    }
    return 0;
}

/* Fills late values and secrets; the grant checks that nothing else differs. */
static int real_form(struct change *c, const js *q, js **ret, struct err *e) {
    CLEANUP(js_freep) js *form = NULL;
    const js *planned = js_get(q, "form");
    int r = secrets_fill(c->s->ledger, c->p.id, planned, &form, e);

    if (r < 0) {
        return r;
    }
    JS_FOREACH(planned, key, val) {
        const char *of = js_get_str(q, "fresh_of");
        const char *digest = of ? js_get_str(c->fresh, of) : NULL;

        if (!late_type(val)) {
            continue;
        }
        if (js_get(val, "step")) {
            const char *value = NULL;

            r = change_late(c, val, &value, e);
            if (r < 0) {
                return r;
            }
            js_add(form, key, js_str(value));
            continue;
        }
        if (!digest) {
            return err_tag(e, -ESTALE, "plan_drifted", "no digest was read for %s", of ? of : key);
        }
        if (!late_fits(val, digest)) {
            return err_tag(e, -EBADMSG, "pve_bad_answer", "the digest of %s is none", of);
        }
        js_add(form, key, js_str(digest));
    }
    r = grant_fill(c->grant, js_str_or(q, "method", ""), js_str_or(q, "path", ""), planned, form);
    if (r < 0) {
        return err_tag(e, r, "bad_plan", "the request differs from the recorded one");
    }
    *ret = TAKE(form);
    return 0;
}

static void answerp(struct pve_answer *a) {
    pve_answer_done(a);
}

static int send_api(struct change *c, const js *q, size_t ordinal, struct err *e) {
    CLEANUP(answerp) struct pve_answer a = {0};
    CLEANUP(js_freep) js *form = NULL;
    CLEANUP(js_freep) js *before = NULL;
    const char *method = js_str_or(q, "method", ""), *path = js_str_or(q, "path", "");
    const struct worker *w = worker_of(c->s->pbs, method, path, js_get(q, "form"));
    const char *upid;
    int64_t pid;
    int r = real_form(c, q, &form, e);

    if (r < 0) {
        return r;
    }
    before = begun_before(c, w, path);
    session_progress(c->s, 0, 0, "%s %s", method, path);
    r = pve_change(c->s->pve, c->grant, method, path, form, &a, e);
    c->sent = c->sent || a.sent;
    if (r < 0) {
        secrets_hide(js_get(q, "form"), form, e->msg); /* PVE quotes the value it refuses */
        secrets_hide(js_get(q, "form"), form, e->hint);
        /* an answer alone does not tell: 596 is what the API says when it lost the node behind it
         */
        c->out = !a.sent ? c->out : strcmp(e->tag, "pve_unknown") == 0 ? OUT_UNKNOWN : OUT_FAILED;
        c->guest_text = c->guest_text || agent_is_call(q); /* PVE repeats what the agent says */
        return r;
    }
    if (agent_run_began(q, a.data, &pid)) {
        return agent_run_follow(c, q, form, pid, e);
    }
    secret_result_keep(c, q, a.data);
    r = begun_task(c, w, q, before, &a.data, &upid, e);
    if (r < 0) {
        c->out = OUT_UNKNOWN;
        return r;
    }
    return upid ? follow(c, ordinal, upid, e) : 0;
}

struct capture {
    struct change *c;
    struct buf out, err;
    uint64_t bytes[2]; /* received of each stream, kept or not */
    bool cut;
};

static void take_output(void *ctx, int stream, const void *data, size_t len) {
    struct capture *cap = ctx;
    struct buf *b = stream == 1 ? &cap->out : &cap->err;
    size_t room = b->max - b->len;

    cap->bytes[stream == 1 ? 0 : 1] += len;
    if (len > room) {
        cap->cut = true;
        len = room;
    }
    (void)buf_add(b, data, len);
    session_progress(cap->c->s, (double)(cap->out.len + cap->err.len), 0, "%zu bytes of output",
                     cap->out.len + cap->err.len);
}

static int put_receipt(struct change *c, const char *node, const char *note, struct err *e) {
    struct note n;
    struct receipt rc = {0};
    int r = note_parse(note, strlen(note), &n, e);

    if (r == 0) {
        r = receipt_parse(n.text, n.text_len, &rc, e);
    }
    return r < 0 ? r : receipt_in_order(c->s, &c->leaf, node, rc.seq, note, e);
}

/* The stream comes through the network half, the receipt from the root half. Bytes that the receipt
 * does not attest were put there or taken away on the way: they are recorded as an alarm and shown
 * to nobody, because an agent would believe them. */
enum attest { ATTEST_NOTHING, ATTEST_GOOD, ATTEST_PART, ATTEST_BAD };

/* What the node forwards at most, out of the request itself. */
static uint64_t output_max(const char *request) {
    CLEANUP(request_done) struct node_request q = {0};

    return request_parse(request, strlen(request), &q, NULL) == 0 ? q.output_max : 0;
}

static bool is_confirmation(const char *request) {
    CLEANUP(request_done) struct node_request q = {0};

    return request_parse(request, strlen(request), &q, NULL) == 0 && q.op == OP_CONFIRM;
}

static enum attest attest(const struct act_in *in, const struct act_out *o,
                          const struct capture *cap) {
    if (!o->receipt || !o->ended || o->asked_later) {
        return ATTEST_NOTHING;
    }
    if (cap->bytes[0] > o->out_total || cap->bytes[1] > o->err_total) {
        return ATTEST_BAD;
    }
    /* the salted hash is over all of it: a part cannot be checked */
    if (cap->cut || o->out_total + o->err_total > output_max(in->request)) {
        return ATTEST_PART;
    }
    if (!o->out_total && !o->err_total) {
        return ATTEST_GOOD;
    }
    return act_check_output(o->receipt, 1, buf_str(&cap->out), cap->out.len) == 0 &&
                   act_check_output(o->receipt, 2, buf_str(&cap->err), cap->err.len) == 0
               ? ATTEST_GOOD
               : ATTEST_BAD;
}

static void alarm_output(struct change *c, const char *node, struct capture *cap) {
    char summary[200];

    (void)snprintf(summary, sizeof(summary),
                   "operation %s: the output received from node %.60s is not the one that its "
                   "receipt attests",
                   c->op_id, node);
    if (alarm_append(c->s, "output_mismatch", summary, NULL) < 0) {
        js_push(c->leftover, js_str("the alarm output_mismatch could not be recorded"));
    }
    (void)err_tag(c->why, -EBADMSG, "output_mismatch",
                  "the output received from node %.60s is not the one that its receipt attests: it "
                  "is withheld",
                  node);
    (void)err_hint(c->why,
                   "the node's network half or the way to it is not to be trusted; what the "
                   "command did is as the receipt says");
    c->out = c->out == OUT_DONE ? OUT_WARNINGS : c->out;
    buf_reset(&cap->out);
    buf_reset(&cap->err);
}

static void keep_answer(struct change *c, const js *q, const char *node, const struct act_out *o,
                        const struct capture *cap, enum attest how) {
    js *rc = js_object();

    js_add(rc, "node", js_str(node));
    js_add(rc, "how", js_str(o->how));
    js_add(rc, "value", js_int(o->value));
    if (o->undo_name[0]) {
        js_add(rc, "undo", js_str(o->undo_name));
    }
    if (o->receipt) {
        js_add(rc, "receipt", js_str(o->receipt));
    }
    js_push(c->receipts, rc);
    if (cap->out.len || cap->err.len || o->out_total || o->err_total || how == ATTEST_BAD) {
        js *out = js_object();

        js_add(out, "stdout", js_str_n(buf_str(&cap->out), cap->out.len));
        js_add(out, "stderr", js_str_n(buf_str(&cap->err), cap->err.len));
        js_add(out, "stdout_bytes", js_int((int64_t)o->out_total));
        js_add(out, "stderr_bytes", js_int((int64_t)o->err_total));
        js_add(out, "attested", js_bool(how == ATTEST_GOOD));
        js_add(out, "truncated",
               js_bool(cap->cut || o->out_total > cap->out.len || o->err_total > cap->err.len));
        output_take(c, q, out, false);
    }
}

static int judge(struct change *c, const char *node, const struct act_out *o, struct err *e) {
    if (o->refused[0]) {
        (void)err_tag(e, -EACCES, o->refused, "node %s refused at step %s: %.300s", node, o->step,
                      e ? e->msg : "");
        err_by(e, "node");
        if (e) {
            (void)snprintf(e->step, sizeof(e->step), "%s", o->step);
        }
        return e ? e->code : -EACCES;
    }
    if (!o->ended) {
        c->out = OUT_UNKNOWN;
        (void)err_tag(e, -EPIPE, "stream_broke", "the connection to node %s broke while it ran",
                      node);
        return err_hint(e, "the node keeps the receipt: proximo-client ops resolves it");
    }
    if (strcmp(o->how, "not-started") == 0) {
        return err_tag(e, -EIO, "not_started", "node %s could not prepare the way back", node);
    }
    c->sent = true;
    if (strcmp(o->how, "exited") == 0 && o->value == 0) {
        return 0;
    }
    c->out = OUT_FAILED;
    return err_tag(e, -EIO, "command_failed", "the command on node %s %s %d", node, o->how,
                   o->value);
}

static void actp(struct act_out *o) {
    act_out_done(o);
}

static int send_node(struct change *c, const js *q, struct err *e) {
    CLEANUP(actp) struct act_out o = {0};
    CLEANUP(buf_wipe) struct buf input = BUF_INIT(LIM_STDIN + HASH_LEN);
    struct capture cap = {.c = c, .out = BUF_INIT(OUTPUT_KEPT), .err = BUF_INIT(OUTPUT_KEPT)};
    const char *node = js_str_or(q, "node", "");
    struct act_in in = {
        .node = node,
        .request = js_str_or(q, "request", ""),
        .intent_index = c->index,
        .approval = c->note,
        .new_connection = is_confirmation(js_str_or(q, "request", "")),
        .output = take_output,
        .ctx = &cap,
    };
    enum attest how;
    int r = stdin_load(c->s->ledger, c->p.id, q, &input, e);

    if (r < 0) {
        return r;
    }
    in.stdin_data = buf_str(&input);
    in.stdin_len = input.len;
    session_progress(c->s, 0, 0, "node %s acts", node);
    r = node_act(c->s->nodes, c->grant, c->s->ledger, &in, &o, e);
    if (r == 0) {
        how = attest(&in, &o, &cap);
        if (how == ATTEST_BAD) {
            alarm_output(c, node, &cap);
        }
        keep_answer(c, q, node, &o, &cap, how);
        if (o.receipt && put_receipt(c, node, o.receipt, e) < 0) {
            js_push(
                c->leftover,
                js_str("a receipt could not be written to the ledger; the node keeps it, and it "
                       "comes with the next one"));
        }
        r = judge(c, node, &o, how == ATTEST_BAD ? NULL : e);
    }
    buf_done(&cap.out);
    buf_done(&cap.err);
    return r;
}

/* What the steps before did is expected; what anybody else did meanwhile stops the rest. */
static int step_begins(struct change *c, const js *q, int64_t *step, struct err *e) {
    int64_t next = js_int_or(q, "step", 0), was = *step;

    *step = next;
    return was && next != was ? change_recheck_step(c, next, e) : 0;
}

int change_run_phase(struct change *c, const char *phase, struct err *e) {
    bool executes = strcmp(phase, "execute") == 0;
    int64_t step = 0;

    for (size_t i = 0;; i++) {
        size_t ordinal = 0;
        const js *q = plan_request(&c->p, phase, i, &ordinal);
        int r;

        if (!q) {
            return 0;
        }
        r = executes ? step_begins(c, q, &step, e) : 0;
        if (r < 0) {
            return r;
        }
        r = js_get_str(q, "request") ? send_node(c, q, e) : send_api(c, q, ordinal, e);
        if (r < 0) {
            return r;
        }
        c->executed++;
    }
}

int stage_prepare(struct change *c, struct err *e) {
    bool sent = c->sent;
    int r;

    if (!plan_request(&c->p, "prepare", 0, NULL)) {
        return 0;
    }
    c->prepared = true;
    r = change_run_phase(c, "prepare", e);
    c->sent = sent; /* preparing is not the change */
    if (r < 0) {
        c->out = OUT_NOT_STARTED;
        js_push(c->leftover, js_str("part of the preparation may be there (see the tasks)"));
    } else {
        c->out = OUT_DONE; /* warnings of it are not the change's */
    }
    return r;
}

/* What a later request's failure leaves done: nobody should have to work that out from the plan. */
static void tell_done(struct change *c) {
    for (size_t i = 0; i < (size_t)c->executed; i++) {
        const js *q = plan_request(&c->p, "execute", i, NULL);
        const char *node = js_get_str(q, "node");
        char text[700];

        (void)snprintf(text, sizeof(text), "done before it stopped: %.8s %.600s",
                       node ? "node" : js_str_or(q, "method", ""),
                       node ? node : js_str_or(q, "path", ""));
        js_push(c->leftover, js_str(text));
    }
}

int stage_execute(struct change *c, struct err *e) {
    int r;

    c->out = OUT_DONE;
    c->executed = 0; /* what was prepared does not count */
    r = change_run_phase(c, "execute", e);
    if (r < 0 && c->out == OUT_DONE) {
        c->out = c->sent ? OUT_FAILED : OUT_NOT_STARTED;
    }
    if (r < 0) {
        tell_done(c);
    }
    return r;
}
