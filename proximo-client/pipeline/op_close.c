/* SPDX-License-Identifier: Apache-2.0 */
/* Closing an operation by an operator's word. It is recorded before the outcome that follows from
 * it, so that no outcome of this kind can be there without who decided it; whoever dies between the
 * two leaves an operation that the next one resolves from the word. */
#include "proximo-client/pipeline/op_close.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/closing.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/pipeline/capture.h"
#include "proximo-client/pipeline/draft_int.h"
#include "proximo-client/pipeline/ops.h"
#include "proximo-client/pipeline/plan.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pipeline/witness_show.h"
#include "proximo-client/pve/pve.h"

/* An open operation that nobody is at, with its plan. */
struct open_op {
    struct session s;
    struct op op;
    struct plan p;
    const char *why;
    int running; /* its lock */
};

static void open_done(struct open_op *o) {
    op_done(&o->op);
    plan_done(&o->p);
    closep(&o->running);
}

static int is_over(const char *op_id, struct err *e) {
    (void)err_tag(e, -EALREADY, "outcome_recorded", "operation %s has its outcome", op_id);
    return err_hint(e, "proximo-client ops shows it");
}

/* The last attempt to find out without anybody's word comes first. */
static int open_op(const struct op_close *c, struct open_op *o, struct err *e) {
    int r;

    o->s = (struct session){
        .app = c->app, .actor = "cli:operator", .progress = c->progress, .ctx = c->ctx};
    r = app_session(c->app, c->cluster, APP_PVE | APP_LEDGER | APP_NODES, &o->s, e);
    r = r < 0 ? r : ops_find(o->s.ledger, c->op_id, &o->op, e);
    if (r == 0 && !o->op.result[0]) {
        r = ops_resolve_one(&o->s, c->op_id, &o->why, e);
    } else if (r == 0) {
        r = 1;
    }
    if (r != 0) {
        return r < 0 ? r : is_over(c->op_id, e);
    }
    r = ledger_running_take(o->s.ledger, c->op_id, &o->running, e);
    op_done(&o->op);
    r = r < 0 ? r : ops_find(o->s.ledger, c->op_id, &o->op, e);
    if (r == 0 && o->op.result[0]) {
        return is_over(c->op_id, e);
    }
    return r < 0 ? r : plan_load_digest(o->s.ledger, &o->op.plan, UINT64_MAX, &o->p, e);
}

/* Is this what one of the requests changes, or does it stand in what it changes? */
static bool is_subject(const struct plan *p, const char *path) {
    const js *list = js_get(p->v, "requests");

    for (size_t i = 0; i < js_len(list); i++) {
        const char *to = js_get_str(js_at(list, i), "path");
        size_t n = to ? strlen(to) : 0;

        if (n && (strncmp(path, to, n) == 0 || strncmp(to, path, strlen(path)) == 0)) {
            return true;
        }
    }
    return false;
}

static bool is_same(const js *pre, const js *data) {
    char text[HASH_HEX_LEN + 1];
    struct hash h;

    if (reduce_digest(js_str_or(pre, "reduce", ""), data, &h, NULL) < 0) {
        return false;
    }
    hash_text(&h, text);
    return strcmp(text, js_str_or(pre, "digest", "")) == 0;
}

/* One of the plan's reads, made again. */
struct again {
    const js *pre;
    struct err why;
};

/* True when it is as it was. Only what says something is listed. */
static bool compare(const struct plan *p, const struct again *a, const struct pve_job *job,
                    js *live) {
    CLEANUP(js_freep) js *scrubbed = js_array();
    const char *path = js_str_or(a->pre, "read", "");
    bool same = job->result == 0 && is_same(a->pre, job->data);
    js *o, *now;

    if (same && !is_subject(p, path)) {
        return true;
    }
    o = js_object();
    js_add(o, "read", js_str(path));
    js_add(o, "state", js_str(job->result < 0 ? "unread" : same ? "same" : "changed"));
    if (js_get(a->pre, "steps")) { /* of that it was to be so before these */
        js_add(o, "before_steps", js_ref(js_get(a->pre, "steps")));
    }
    if (job->result < 0) {
        js_add(o, "why", js_str(a->why.msg));
    } else {
        now = js_copy(job->data);
        capture_scrub(path, now, scrubbed);
        js_add(o, "now", now);
    }
    js_push(live, o);
    return same;
}

/* Reads of nodes are not among them: a node's word on its command is the receipt. */
static size_t api_reads(const struct plan *p, struct again *a, struct pve_job *job) {
    const js *pre = js_get(p->v, "preconditions");
    size_t n = 0;

    for (size_t i = 0; i < js_len(pre); i++) {
        if (strcmp(js_str_or(js_at(pre, i), "reduce", ""), "node-config") != 0) {
            a[n].pre = js_at(pre, i);
            job[n].path = js_str_or(a[n].pre, "read", "");
            job[n].err = &a[n].why;
            n++;
        }
    }
    return n;
}

static int look_live(struct open_op *o, js *live, size_t *ret_same, struct err *e) {
    size_t most = js_len(js_get(o->p.v, "preconditions")) + 1;
    CLEANUP(freep) struct pve_job *job = calloc(most, sizeof(*job));
    CLEANUP(freep) struct again *a = calloc(most, sizeof(*a));
    size_t n;
    int r;

    if (!job || !a) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    n = api_reads(&o->p, a, job);
    session_progress(&o->s, 0, (double)n, "reading again what the plan was computed from");
    r = n ? pve_get_many(o->s.pve, job, n, e) : 0;
    for (size_t i = 0; i < n; i++) {
        *ret_same += r == 0 && compare(&o->p, &a[i], &job[i], live);
        json_object_put(job[i].data);
    }
    return r;
}

int op_close_look(const struct op_close *c, js **ret, struct err *e) {
    CLEANUP(open_done) struct open_op o = {.running = -1};
    CLEANUP(js_freep) js *live = js_array();
    size_t same = 0;
    int r = open_op(c, &o, e);

    r = r < 0 ? r : look_live(&o, live, &same, e);
    if (r < 0) {
        return r;
    }
    *ret = js_object();
    js_add(*ret, "op_id", js_str(c->op_id));
    js_add(*ret, "plan_id", js_str(o.p.id));
    js_add(*ret, "change", js_str(js_str_or(o.p.v, "change", "")));
    js_add(*ret, "why", js_str(o.why ? o.why : ""));
    js_add(*ret, "requests", js_copy(js_get(o.p.v, "requests")));
    js_add(*ret, "tasks", js_copy(o.op.tasks));
    js_add(*ret, "same", js_int((int64_t)same));
    js_add(*ret, "live", TAKE(live));
    return 0;
}

/* The receipt is the node's, and verification wants it of each command that is called done. */
static int check_receipts(const struct open_op *o, bool done, struct err *e) {
    const js *q;

    for (size_t i = 0; done && (q = plan_request(&o->p, "execute", i, NULL)) != NULL; i++) {
        if (js_get_str(q, "request")) {
            (void)err_tag(e, -EACCES, "receipt_needed",
                          "a command on node %s counts as done by its receipt only",
                          js_str_or(q, "node", ""));
            return err_hint(e, "reach that node, then proximo-client ops; or close it as not-done");
        }
    }
    return 0;
}

int op_close_text(const struct op_close *c, bool done, const char *reason, struct buf *ret,
                  struct err *e) {
    CLEANUP(open_done) struct open_op o = {.running = -1};
    struct closing text = {.reason = reason, .done = done, .time = clock_unix()};
    struct err why = {0};
    int r = open_op(c, &o, e);

    r = r < 0 ? r : check_receipts(&o, done, e);
    if (r < 0) {
        return r;
    }
    text.log = ledger_origin(o.s.ledger);
    text.intent = o.op.leaf;
    text.plan = o.op.plan;
    r = closing_text(&text, ret, &why);
    return r < 0 ? err_tag(e, r, "bad_argument", "%s", why.msg) : 0;
}

static int open_note(const struct open_op *o, const char *note, struct vkey *ret_key,
                     struct closing *ret, struct err *e) {
    const struct config *conf;
    int r = app_config(o->s.app, &conf, e);

    if (r < 0) {
        return r;
    }
    r = -ENOENT;
    for (size_t i = 0; r == -ENOENT && i < conf->n_operators; i++) {
        r = closing_open(note, strlen(note), &conf->operator[i].key, ret, e);
        *ret_key = conf->operator[i].key;
    }
    if (r == -ENOENT) {
        (void)err_tag(e, r, "approval_invalid", "the note is not signed by a known operator");
        return err_hint(e, "put [operator NAME] with key into proximo.ini");
    }
    if (r == 0 && (strcmp(ret->log, ledger_origin(o->s.ledger)) != 0 ||
                   !hash_eq(&ret->intent, &o->op.leaf) || !hash_eq(&ret->plan, &o->op.plan))) {
        return err_tag(e, -EACCES, "approval_invalid", "the note is for another operation or log");
    }
    return r;
}

int op_close_record(const struct op_close *c, const char *note, js **ret, struct err *e) {
    CLEANUP(open_done) struct open_op o = {.running = -1};
    CLEANUP(closing_done) struct closing said = {0};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct ledger_pos pos = {0};
    struct vkey key = {0};
    int r = open_op(c, &o, e);

    r = r < 0 ? r : open_note(&o, note, &key, &said, e);
    r = r < 0 ? r : check_receipts(&o, said.done, e);
    r = r < 0 ? r : closing_entry(&said, &key, note, o.s.actor, &b, e);
    r = r < 0 ? r
              : ledger_append(o.s.ledger, buf_str(&b), b.len, LEDGER_SYNC | LEDGER_RESERVE, NULL,
                              NULL, &pos, e);
    if (r < 0) {
        return r;
    }
    op_done(&o.op); /* and read back what was recorded */
    r = ops_find(o.s.ledger, c->op_id, &o.op, e);
    r = r < 0 ? r : ops_close(&o.s, &o.op, &o.p, e);
    if (r < 0) {
        return err_wrap(e, "the decision is recorded, its outcome not yet (proximo-client ops)");
    }
    *ret = js_object();
    js_add(*ret, "op_id", js_str(c->op_id));
    js_add(*ret, "change", js_str(js_str_or(o.p.v, "change", "")));
    js_add(*ret, "outcome", js_str(said.done ? "done" : "failed"));
    js_add(*ret, "closed_by", js_str(key.name));
    js_add(*ret, "reason", js_str(said.reason));
    js_add(*ret, "ledger_index", js_int((int64_t)pos.index));
    witness_show(&o.s, *ret);
    return 0;
}
