/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that outlast their caller. Nothing is kept about a job beside the ledger: whether it
 * lives is told by the lock that its process holds, how far it is by the cluster's own tasks. */
#include "proximo-client/pipeline/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/receipt.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/act.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pipeline/change.h"
#include "proximo-client/pipeline/ops.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pipeline/witness_show.h"
#include "proximo-client/pve/pve.h"

#define WAIT_STEP_MS 500

bool change_pulse(void *ctx) {
    struct change *c = ctx;

    if (!c->handed_over && c->s->hand_over && clock_mono_ms() - c->began_ms >= c->job_after_ms) {
        c->handed_over = true;
        c->s->hand_over(c->s->ctx, job_answer(c));
    }
    return false;
}

js *job_answer(const struct change *c) {
    js *o = js_object();

    js_add(o, "op_id", js_str(c->op_id));
    js_add(o, "plan_id", js_str(c->p.id));
    js_add(o, "tool", js_str(js_str_or(c->p.v, "tool", "")));
    js_add(o, "change", js_str(js_str_or(c->p.v, "change", "")));
    js_add(o, "outcome", js_str("running"));
    js_add(o, "ledger_index", js_int((int64_t)c->index));
    js_add(o, "tasks", js_copy(c->tasks));
    js_addf(o, "next", "it goes on without you: proximo_job with op_id %s waits for its end",
            c->op_id);
    js_add(o, "undo", js_copy(js_get(c->p.v, "undo")));
    return o;
}

enum state { RUNNING, UNFOLLOWED, ENDED };

static const char *const state_names[] = {"running", "unfollowed", "ended"};

/* Loads the operation and says where it stands; what a dead process left is resolved if it can be.
 */
static int look(struct session *s, const char *op_id, struct op *ret, enum state *ret_state,
                struct err *e) {
    CLEANUP(closep) int running = -1;
    const char *why = NULL;
    int r = ops_find(s->ledger, op_id, ret, e);

    if (r < 0) {
        return r;
    }
    *ret_state = ENDED;
    if (ret->result[0]) {
        return 0;
    }
    r = ledger_running_take(s->ledger, op_id, &running, e);
    if (r == -EBUSY) {
        *ret_state = RUNNING;
        return 0;
    }
    if (r < 0) {
        return r;
    }
    closep(&running); /* ops_resolve_one takes it again */
    r = ops_resolve_one(s, op_id, &why, e);
    *ret_state = UNFOLLOWED;
    if (r <= 0) {
        return r;
    }
    op_done(ret);
    r = ops_find(s->ledger, op_id, ret, e);
    *ret_state = ret->result[0] ? ENDED : UNFOLLOWED;
    return r;
}

/* Ends when the operation has, or when the time is over. */
static int wait_for(struct session *s, const char *op_id, int64_t wait_ms, struct op *ret,
                    enum state *ret_state, struct err *e) {
    int64_t start = clock_mono_ms();

    for (;;) {
        int64_t waited = clock_mono_ms() - start;
        int r = look(s, op_id, ret, ret_state, e);

        if (r < 0 || *ret_state == ENDED || waited >= wait_ms || session_cancelled(s)) {
            return r;
        }
        session_progress(s, (double)waited / 1000, (double)wait_ms / 1000, "operation %s %s", op_id,
                         state_names[*ret_state]);
        op_done(ret);
        clock_sleep_ms(wait_ms - waited < WAIT_STEP_MS ? wait_ms - waited + 1 : WAIT_STEP_MS);
    }
}

static js *task_state(struct session *s, const js *task, int64_t log_lines) {
    const char *upid = js_str_or(task, "upid", "");
    struct pve_task t = {0};
    struct err e = {0};
    js *lines = NULL;
    js *o = js_object();

    js_add(o, "upid", js_str(upid));
    if (pve_task_status(s->pve, upid, &t, &e) < 0) {
        js_add(o, "status", js_str("unknown"));
        js_add(o, "why", js_str(e.msg));
        return o;
    }
    js_add(o, "type", js_str(t.type));
    js_add(o, "status", js_str(t.stopped ? "stopped" : "running"));
    if (t.stopped) {
        js_add(o, "exitstatus", js_str(t.exit));
    }
    if (log_lines > 0 && pve_task_log(s->pve, upid, (unsigned int)log_lines, &lines, NULL) == 0) {
        js_add(o, "log", lines);
    }
    return o;
}

/* true when the bytes are the ones that the node's receipt attests. */
static bool add_stream(js *out, const char *name, int stream, const js *kept, const char *receipt) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_HTTP_BODY);
    const char *text = js_get_str(kept, name);

    if (!text || b64_decode(text, strlen(text), &b) < 0) {
        return false;
    }
    js_add(out, name, js_str_n(buf_str(&b), b.len));
    return receipt && act_check_output(receipt, stream, buf_str(&b), b.len) == 0;
}

/* The receipt that came with the output, if the node's root half signed it for this request. */
static const char *good_receipt(struct session *s, const char *node, const struct hash *request,
                                const js *kept) {
    const struct node_info *info = nodes_find(s->nodes, node);
    const char *note = js_get_str(kept, "receipt");
    struct receipt rc;

    return info && note && node_receipt_open(info, note, &rc, NULL) == 0 &&
                   hash_eq(&rc.request, request)
               ? note
               : NULL;
}

/* What the node kept of the command's output (24 h). */
static void add_output(struct session *s, const struct plan *p, js *o) {
    for (size_t i = 0;; i++) {
        CLEANUP(js_freep) js *kept = NULL;
        const js *q = plan_request(p, "execute", i, NULL);
        const char *receipt;
        struct hash h;
        bool good;
        js *out;

        if (!q) {
            return;
        }
        if (!js_get_str(q, "request") || hash_parse(js_str_or(q, "digest", ""), &h) < 0 ||
            node_op(s->nodes, js_str_or(q, "node", ""), &h, &kept, NULL) < 0 ||
            !js_get_str(kept, "stdout")) {
            continue;
        }
        out = js_object();
        receipt = good_receipt(s, js_str_or(q, "node", ""), &h, kept);
        good = add_stream(out, "stdout", 1, kept, receipt);
        good = add_stream(out, "stderr", 2, kept, receipt) && good;
        js_add(out, "attested", js_bool(good));
        js_add(o, "output", out);
        js_add(o, "guest_text", js_bool(true));
    }
}

/* What a command in a VM wrote: the ledger keeps it, for its agent has forgotten it. */
static void add_kept_output(struct session *s, const struct op *op, js *o) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
    js *out = NULL;

    if (op->has_output && ledger_body_get(s->ledger, &op->output, &b, NULL) == 0 &&
        js_parse(buf_str(&b), b.len, &out, NULL) == 0) {
        js_add(o, "output", out);
        js_add(o, "guest_text", js_bool(true));
    }
}

int job_status(struct session *s, const char *op_id, int64_t wait_ms, int64_t log_lines, js **ret,
               struct err *e) {
    CLEANUP(op_done) struct op op = {0};
    CLEANUP(plan_done) struct plan p = {0};
    enum state state = RUNNING;
    js *tasks;
    int r = wait_for(s, op_id, wait_ms, &op, &state, e);

    if (r == 0) {
        r = plan_load_digest(s->ledger, &op.plan, UINT64_MAX, &p, e);
    }
    if (r < 0) {
        return r;
    }
    *ret = js_object();
    js_add(*ret, "op_id", js_str(op_id));
    js_add(*ret, "plan_id", js_str(p.id));
    js_add(*ret, "change", js_str(js_str_or(p.v, "change", "")));
    js_add(*ret, "state", js_str(state_names[state]));
    if (state == ENDED) {
        js_add(*ret, "outcome", js_str(op.result));
        js_add(*ret, "ledger_index", js_int((int64_t)op.index));
        witness_show(s, *ret); /* who was given a job has not heard it */
        add_output(s, &p, *ret);
        add_kept_output(s, &op, *ret);
    }
    tasks = js_array();
    for (size_t i = 0; i < js_len(op.tasks); i++) {
        bool newest = i + 1 == js_len(op.tasks);

        js_push(tasks, task_state(s, js_at(op.tasks, i), newest ? log_lines : 0));
        if (newest && log_lines > 0) {
            js_add(*ret, "guest_text", js_bool(true)); /* logs repeat what guests are called */
        }
    }
    js_add(*ret, "tasks", tasks);
    if (state == UNFOLLOWED) {
        js_add(*ret, "note",
               js_str("the process that followed it has died; its outcome is recorded "
                      "when the cluster or the node tells it, or an operator closes it "
                      "(proximo-client op close)"));
    }
    return 0;
}

int job_running_task(struct session *s, const struct op *op, char **ret_upid, struct err *e) {
    char op_id[IDENT_ID_LEN + 1];

    for (size_t i = js_len(op->tasks); !op->result[0] && i > 0; i--) {
        const char *upid = js_str_or(js_at(op->tasks, i - 1), "upid", "");
        struct pve_task t = {0};

        if (pve_task_status(s->pve, upid, &t, e) == 0 && !t.stopped) {
            *ret_upid = strdup(upid);
            return *ret_upid ? 0 : err_set(e, -ENOMEM, "out of memory");
        }
    }
    ident_op_id(&op->leaf, op_id);
    (void)err_tag(e, -ENOENT, "no_running_task", "operation %s has no task that runs", op_id);
    return err_hint(e, "%s",
                    op->result[0] ? "it has ended: proximo_undo takes it back"
                                  : "between two tasks nothing can be stopped: try again; a "
                                    "command in a VM cannot be stopped at all");
}
