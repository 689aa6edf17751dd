/* SPDX-License-Identifier: Apache-2.0 */
/* Operations read back from the ledger. */
#include "proximo-client/pipeline/ops.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/receipt.h"
#include "proximo-client/ledger/closing.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pipeline/outcome.h"
#include "proximo-client/pipeline/plan.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/undo/undo.h"

void op_done(struct op *o) {
    json_object_put(o->tasks);
    json_object_put(o->archives);
    memset(o, 0, sizeof(*o));
}

static void add_task(js *tasks, const char *value) {
    const char *blank = value ? strchr(value, ' ') : NULL;
    uint64_t ordinal;
    js *t;

    if (!blank || ident_u64n(value, (size_t)(blank - value), &ordinal) < 0) {
        return;
    }
    for (size_t i = 0; i < js_len(tasks); i++) {
        if (strcmp(js_str_or(js_at(tasks, i), "upid", ""), blank + 1) == 0) {
            return;
        }
    }
    t = js_object();
    js_add(t, "ordinal", js_int((int64_t)ordinal));
    js_add(t, "upid", js_str(blank + 1));
    js_push(tasks, t);
}

static void add_archive(js *archives, const struct entry *en) {
    CLEANUP(js_freep) js *body = NULL;

    if (js_parse(en->body, en->body_len, &body, NULL) == 0 &&
        js_is_object(js_get(body, "archive"))) {
        js_push(archives, js_ref(js_get(body, "archive")));
    }
}

struct follow {
    struct op *op;
    char leaf[HASH_HEX_LEN + 1];
    js *undo_plans; /* set of plan digests that undo this operation */
};

static void take_closing(struct op *o, const struct entry *en) {
    CLEANUP(closing_done) struct closing c = {0};
    struct vkey key;

    if (!o->closed_by[0] && closing_of_entry(en, &key, &c, NULL) == 0) {
        memcpy(o->closed_by, key.name, sizeof(o->closed_by));
        (void)snprintf(o->closed_why, sizeof(o->closed_why), "%s", c.reason);
        o->closed_as_done = c.done;
    }
}

static int64_t executed_of(const struct entry *en) {
    CLEANUP(js_freep) js *body = NULL;

    return js_parse(en->body, en->body_len, &body, NULL) == 0 ? js_int_or(body, "executed", 0) : 0;
}

/* Of its outcome what stands in the body: how far it came, and what a command wrote. */
static void take_body(struct op *o, const struct entry *en) {
    CLEANUP(js_freep) js *body = NULL;

    o->executed = executed_of(en);
    if (js_parse(en->body, en->body_len, &body, NULL) == 0) {
        o->has_output = hash_parse(js_str_or(body, "body", ""), &o->output) == 0;
        o->has_left = hash_parse(js_str_or(body, "left", ""), &o->left) == 0;
    }
}

/* The end of an operation that was to take this one back. */
static void take_undo(struct op *o, const struct entry *en) {
    const char *result = entry_get(en, "result");

    if (strcmp(result, "done") == 0 || strcmp(result, "warnings") == 0) {
        o->undone = true;
    } else if (strcmp(result, "unknown") == 0 || executed_of(en) > 0) {
        o->undo_half = true;
    }
}

/* Everything about an intent stands after it. */
static int follow_entry(void *ctx, uint64_t index, const struct entry *en, const char *bytes,
                        size_t len) {
    struct follow *f = ctx;
    const char *of = entry_get(en, "intent");

    (void)index;
    (void)bytes;
    (void)len;
    if (en->kind == ENTRY_UNDO && strcmp(entry_get(en, "of"), f->leaf) == 0) {
        js_add(f->undo_plans, entry_get(en, "plan"), js_bool(true));
        return 0;
    }
    if (en->kind == ENTRY_OUTCOME && js_get(f->undo_plans, entry_get(en, "plan"))) {
        take_undo(f->op, en);
        return 0;
    }
    if (!of || strcmp(of, f->leaf) != 0) {
        return 0;
    }
    if (en->kind == ENTRY_CLOSING) {
        take_closing(f->op, en);
    }
    if (en->kind == ENTRY_PROGRESS) {
        add_task(f->op->tasks, entry_get(en, "task"));
        add_archive(f->op->archives, en);
    }
    if (en->kind == ENTRY_OUTCOME) {
        take_body(f->op, en);
        (void)snprintf(f->op->result, sizeof(f->op->result), "%s", entry_get(en, "result"));
        for (size_t i = 0; i < entry_count(en, "task"); i++) {
            add_task(f->op->tasks, entry_nth(en, "task", i));
        }
    }
    return 0;
}

static int op_load(struct ledger *l, uint64_t index, struct op *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(entry_done) struct entry en = {0};
    CLEANUP(op_done) struct op o = {.index = index, .tasks = js_array(), .archives = js_array()};
    CLEANUP(js_freep) js *undo_plans = js_object();
    struct follow f = {.op = &o, .undo_plans = undo_plans};
    int r = ledger_read(l, index, &b, e);

    if (r == 0) {
        r = entry_parse(buf_str(&b), b.len, &en, e);
    }
    if (r < 0) {
        return r;
    }
    if (en.kind != ENTRY_INTENT || hash_parse(entry_get(&en, "plan"), &o.plan) < 0) {
        return err_tag(e, -EBADMSG, "ledger_damaged", "entry %llu is not an intent",
                       (unsigned long long)index);
    }
    o.time = en.time;
    merkle_leaf(buf_str(&b), b.len, &o.leaf);
    hash_text(&o.leaf, f.leaf);
    r = ledger_each(l, index + 1, follow_entry, &f, e);
    if (r < 0) {
        return r;
    }
    *ret = o;
    memset(&o, 0, sizeof(o));
    return 0;
}

int ops_find(struct ledger *l, const char *op_id, struct op *ret, struct err *e) {
    uint64_t index;
    int r;

    if (!ident_is_op_id(op_id)) {
        return err_tag(e, -EINVAL, "bad_argument", "not an operation id (O- and 26 characters)");
    }
    r = ledger_find_op(l, op_id, &index, e);
    if (r == -ENOENT) {
        (void)err_tag(e, r, "no_such_op", "no operation %s in this ledger", op_id);
        return err_hint(e, "proximo_ops lists the newest ones");
    }
    return r < 0 ? r : op_load(l, index, ret, e);
}

struct listing {
    struct session *s;
    js *out;
    js *results;     /* intent leaf text -> result, met before the intent when walking back */
    js *closed;      /* intent leaf text -> {by, reason} of an operator's word */
    js *undone;      /* intent leaf text -> plan of the undo */
    js *timers;      /* intent leaf text -> its object, of timers that have ended */
    js *receipted;   /* intent leaf text -> true: a receipt of it was met */
    js *nodes;       /* names of nodes that may have signed what the ledger lacks */
    uint64_t oldest; /* intent of a timer that has ended, or UINT64_MAX */
    size_t limit;
};

/* Asked only where one can still run: the longest there is, and what arming may have taken. */
#define TIMER_ASKED_S 1200

static void list_timer(struct listing *w, uint64_t index, const struct entry *en,
                       const struct plan *p, const char *leaf, js *o) {
    const js *armed = undo_timer_request(p->v);
    int64_t deadline = 0;
    int r;

    if (!armed || en->time + TIMER_ASKED_S < clock_unix() || !w->s->nodes) {
        return;
    }
    r = undo_timer_state(w->s, armed, &deadline, NULL);
    js_add(o, "revert_timer", js_str(r > 0 ? "runs" : r == 0 ? "ended" : "not known"));
    if (r > 0) {
        js_add(o, "reverts_at", js_int(deadline));
    } else if (r == 0) {
        js_add(w->timers, leaf, js_ref(o));
        w->oldest = index;
        js_add(w->nodes, js_str_or(armed, "node", ""), js_bool(true));
    }
}

static int list_reverted(void *ctx, uint64_t index, const struct entry *en, const char *bytes,
                         size_t len) {
    const struct listing *w = ctx;
    js *o = en->kind == ENTRY_RECEIPT ? js_get(w->timers, entry_get(en, "intent")) : NULL;
    const struct node_info *n = o ? nodes_find(w->s->nodes, entry_get(en, "node")) : NULL;
    struct receipt rc;

    (void)index;
    (void)bytes;
    (void)len;
    if (n && node_receipt_open(n, entry_get(en, "note"), &rc, NULL) == 0 &&
        rc.how == HOW_REVERTED) {
        js_add(o, "revert_timer", js_str("reverted"));
    }
    return 0;
}

/* An operation that ended without its receipt (the answer was lost, or could not be written) gets
 * it. */
static void list_unreceipted(struct listing *w, const struct entry *en, const char *leaf) {
    const char *result = js_str_or(w->results, leaf, "not-started");

    for (size_t i = 0; i < entry_count(en, "request"); i++) {
        const char *line = entry_nth(en, "request", i);
        char node[64];

        if (w->s->nodes && strcmp(result, "not-started") != 0 && !js_get(w->receipted, leaf)) {
            (void)snprintf(node, sizeof(node), "%.*s", (int)strcspn(line, " "), line);
            js_add(w->nodes, node, js_bool(true));
        }
    }
}

/* A timer that has ended was confirmed, or has reverted: the node's receipt of that tells, and
 * stands in the ledger from now on. */
static int list_receipts(struct listing *w, struct err *e) {
    JS_FOREACH(w->nodes, node, val) {
        (void)val;
        (void)receipts_before(w->s, node, UINT64_MAX, NULL); /* away: another time */
    }
    return w->oldest == UINT64_MAX ? 0 : ledger_each(w->s->ledger, w->oldest, list_reverted, w, e);
}

static void list_intent(struct listing *w, uint64_t index, const struct entry *en,
                        const char *bytes, size_t len) {
    struct plan p = {0};
    char leaf_text[HASH_HEX_LEN + 1];
    char id[IDENT_ID_LEN + 1];
    struct hash leaf;
    struct hash digest;
    js *o = js_object();

    merkle_leaf(bytes, len, &leaf);
    hash_text(&leaf, leaf_text);
    ident_op_id(&leaf, id);
    js_add(o, "op_id", js_str(id));
    js_add(o, "time", js_int(en->time));
    js_add(o, "ledger_index", js_int((int64_t)index));
    js_add(o, "result", js_str(js_str_or(w->results, leaf_text, "open")));
    list_unreceipted(w, en, leaf_text);
    if (js_get(w->closed, leaf_text)) {
        js_add(o, "closed", js_ref(js_get(w->closed, leaf_text)));
    }
    if (hash_parse(entry_get(en, "plan"), &digest) == 0 &&
        plan_load_digest(w->s->ledger, &digest, UINT64_MAX, &p, NULL) == 0) {
        js_add(o, "plan_id", js_str(p.id));
        js_add(o, "tool", js_str(js_str_or(p.v, "tool", "")));
        js_add(o, "change", js_str(js_str_or(p.v, "change", "")));
        js_add(o, "risk", js_str(risk_name(p.risk)));
        js_add(o, "undo", js_str(js_str_or(js_get(p.v, "undo"), "kind", "none")));
        list_timer(w, index, en, &p, leaf_text, o);
        if (js_get(p.v, "undo_of")) {
            js_add(o, "undo_of", js_str(js_str_or(js_get(p.v, "undo_of"), "op_id", "")));
        }
        plan_done(&p);
    }
    js_push(w->out, o);
}

static void list_closing(struct listing *w, const struct entry *en) {
    CLEANUP(closing_done) struct closing c = {0};
    struct vkey key;
    js *o;

    if (closing_of_entry(en, &key, &c, NULL) < 0) {
        return;
    }
    o = js_object();
    js_add(o, "by", js_str(key.name));
    js_add(o, "reason", js_str(c.reason));
    js_add(w->closed, entry_get(en, "intent"), o);
}

static int list_entry(void *ctx, uint64_t index, const struct entry *en, const char *bytes,
                      size_t len) {
    struct listing *w = ctx;

    if (en->kind == ENTRY_OUTCOME) {
        js_add(w->results, entry_get(en, "intent"), js_str(entry_get(en, "result")));
    }
    if (en->kind == ENTRY_CLOSING) {
        list_closing(w, en);
    }
    if (en->kind == ENTRY_RECEIPT) {
        js_add(w->receipted, entry_get(en, "intent"), js_bool(true));
    }
    if (en->kind == ENTRY_INTENT) {
        list_intent(w, index, en, bytes, len);
    }
    return js_len(w->out) >= w->limit ? 1 : 0;
}

int ops_list(struct session *s, size_t limit, js **ret, struct err *e) {
    CLEANUP(js_freep) js *out = js_array();
    CLEANUP(js_freep) js *results = js_object();
    CLEANUP(js_freep) js *closed = js_object();
    CLEANUP(js_freep) js *timers = js_object();
    CLEANUP(js_freep) js *nodes = js_object();
    CLEANUP(js_freep) js *receipted = js_object();
    struct listing w = {.s = s,
                        .out = out,
                        .results = results,
                        .closed = closed,
                        .timers = timers,
                        .nodes = nodes,
                        .receipted = receipted,
                        .oldest = UINT64_MAX,
                        .limit = limit};
    int r = ledger_each_back(s->ledger, UINT64_MAX, list_entry, &w, e);

    r = r < 0 ? r : list_receipts(&w, e);
    if (r < 0) {
        return r;
    }
    *ret = TAKE(out);
    return 0;
}
