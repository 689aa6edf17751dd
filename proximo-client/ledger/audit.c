/* SPDX-License-Identifier: Apache-2.0 */
/* The auditor's rules about entries. A rule names the first entry that breaks it; what may still be
 * completed later (an intent that runs) is reported, not called a defect. */
#include "proximo-client/ledger/audit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/approval.h"
#include "common/buf.h"
#include "common/checkpoint.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/form.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/receipt.h"
#include "proximo-client/ledger/chain.h"
#include "proximo-client/ledger/closing.h"
#include "proximo-client/ledger/hashmap.h"

struct plan {
    uint64_t entry;
    uint64_t intent;   /* the entry that used it, NO_ENTRY before */
    unsigned int need; /* 0 none, 1 host, 2 operator */
};

struct request {
    char node[FORM_NODE_MAX + 1];
    struct hash h;
    bool has_receipt;
};

struct op {
    uint64_t entry;
    struct hash leaf, plan;
    struct request *request;
    size_t n_requests;
    uint64_t outcome;
    uint64_t closing; /* an operator's word on it, NO_ENTRY: none */
    bool closed_as_done;
    bool complete_by_outcome; /* done or warnings: every request line must have its receipt */
};

#define LIST(type)                                                                                 \
    struct {                                                                                       \
        type *v;                                                                                   \
        size_t n, cap;                                                                             \
    }

struct audit {
    const struct verify_keys *keys;
    const struct vkey *log;
    js *report;
    struct hashmap plans, ops, notes; /* by plan digest, intent leaf hash, approval note hash */
    LIST(struct plan) plan;
    LIST(struct op) op;
    struct chain chain;
    uint64_t outcomes, receipts, unchecked, recoveries;
    struct hash policy; /* the last that was recorded, by this entry */
    uint64_t policy_at, policies;
};

#define PUSH(list, value)                                                                          \
    do {                                                                                           \
        if ((list).n == (list).cap) {                                                              \
            (list).cap = (list).cap ? 2 * (list).cap : 64;                                         \
            (list).v = reallocarray((list).v, (list).cap, sizeof(*(list).v));                      \
            if (!(list).v) {                                                                       \
                abort(); /* an audit that forgets is worse than none */                            \
            }                                                                                      \
        }                                                                                          \
        (list).v[(list).n++] = (value);                                                            \
    } while (0)

void defect(js *report, uint64_t entry, const char *code, const char *fmt, ...) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE);
    js *list = js_get(report, "defects");
    js *d;
    va_list ap;

    js_add(report, "ok", js_bool(false));
    if (js_len(list) >= DEFECTS_MAX) {
        return;
    }
    va_start(ap, fmt);
    (void)buf_vaddf(&b, fmt, ap);
    va_end(ap);
    d = js_object();
    js_add(d, "entry", entry == NO_ENTRY ? NULL : js_int((int64_t)entry));
    js_add(d, "code", js_str(code));
    js_add(d, "reason", js_str_n(buf_str(&b), b.len));
    js_push(list, d);
}

struct audit *audit_new(const struct verify_keys *keys, const struct vkey *log, js *report) {
    struct audit *a = calloc(1, sizeof(*a));

    if (a) {
        a->keys = keys;
        a->log = log;
        a->report = report;
        js_add(report, "restarted", js_array());
    }
    return a;
}

void audit_free(struct audit *a) {
    if (!a) {
        return;
    }
    for (size_t i = 0; i < a->op.n; i++) {
        free(a->op.v[i].request);
    }
    hashmap_done(&a->plans);
    hashmap_done(&a->ops);
    hashmap_done(&a->notes);
    free(a->plan.v);
    free(a->op.v);
    chain_done(&a->chain);
    free(a);
}

/* entry_parse checked the form. */
static struct hash hash_of(const struct entry *en, const char *key) {
    struct hash h = {0};

    (void)hash_parse(entry_get(en, key), &h);
    return h;
}

static struct plan *find_plan(struct audit *a, const struct hash *h) {
    uint64_t at = hashmap_get(&a->plans, h);

    return at == UINT64_MAX ? NULL : &a->plan.v[at];
}

static struct op *find_op(struct audit *a, const struct hash *leaf) {
    uint64_t at = hashmap_get(&a->ops, leaf);

    return at == UINT64_MAX ? NULL : &a->op.v[at];
}

static unsigned int need_of(const char *word) {
    return strcmp(word, "none") == 0 ? 0 : strcmp(word, "host") == 0 ? 1 : 2;
}

/* A restarted log says so for ever: where the history before it ended. */
static void note_restart(struct audit *a, const char *text) {
    struct checkpoint c;
    struct note n;
    js *o;

    if (note_parse(text, strlen(text), &n, NULL) < 0 ||
        checkpoint_parse(n.text, n.text_len, &c, NULL) < 0) {
        defect(a->report, 0, "bad_genesis", "a note of the log it continues is no checkpoint");
        return;
    }
    o = js_object();
    js_add(o, "origin", js_str(c.origin));
    js_add(o, "size", js_int((int64_t)c.size));
    js_add(o, "nodes", js_array());
    for (size_t i = 0; i < a->keys->n_nodes; i++) {
        const struct verify_node *v = &a->keys->node[i];

        if (v->witness.name[0] && note_check(&n, &v->witness, NULL) == 0) {
            js_push(js_get(o, "nodes"), js_str(v->name));
        }
    }
    js_push(js_get(a->report, "restarted"), o);
}

static void on_policy(struct audit *a, uint64_t i, const struct entry *en) {
    a->policy = hash_of(en, en->kind == ENTRY_GENESIS ? "policy" : "digest");
    a->policy_at = i;
    a->policies++;
}

static void on_genesis(struct audit *a, uint64_t i, const struct entry *en) {
    struct vkey k;

    if (i != 0) {
        defect(a->report, i, "second_genesis", "a log begins once");
        return;
    }
    if (vkey_parse(entry_get(en, "vkey"), &k, NULL) < 0 || !vkey_eq(&k, a->log) ||
        strcmp(entry_get(en, "origin"), a->log->name) != 0) {
        defect(a->report, i, "bad_genesis", "the first entry names another log or key");
    }
    on_policy(a, i, en);
    for (size_t n = 0; n < entry_count(en, "continues"); n++) {
        note_restart(a, entry_nth(en, "continues", n));
    }
}

static void on_plan(struct audit *a, uint64_t i, const struct entry *en) {
    struct hash h = hash_of(en, "plan");

    if (find_plan(a, &h)) {
        defect(a->report, i, "plan_twice", "this plan was recorded before");
        return;
    }
    hashmap_put(&a->plans, &h, a->plan.n);
    PUSH(a->plan, ((struct plan){i, NO_ENTRY, need_of(entry_get(en, "approval"))}));
}

static void on_approval(struct audit *a, uint64_t i, const struct entry *en) {
    CLEANUP(approval_done) struct approval ap = {0};
    const char *note = entry_get(en, "note");
    struct hash plan = hash_of(en, "plan");
    struct err e = {0};
    int64_t not_after = 0;
    struct vkey key;
    struct hash h;

    (void)form_time(entry_get(en, "not-after"), &not_after);
    if (vkey_parse(entry_get(en, "key"), &key, NULL) < 0 ||
        approval_open(note, strlen(note), &key, &ap, &e) < 0) {
        defect(a->report, i, "bad_approval", "%s", e.msg);
        return;
    }
    if (!hash_eq(&ap.plan, &plan) || strcmp(ap.log, a->log->name) != 0 ||
        ap.not_after != not_after) {
        defect(a->report, i, "bad_approval", "the signed note says something else than the entry");
        return;
    }
    if (!find_plan(a, &plan)) {
        defect(a->report, i, "unknown_plan", "an approval of a plan that is not recorded");
    }
    sha256(note, strlen(note), &h);
    hashmap_put(&a->notes, &h, i);
}

static void check_given(struct audit *a, uint64_t i, const struct entry *en, const struct plan *p) {
    const char *given = entry_get(en, "approval");
    struct hash h;

    if (need_of(given) < p->need) {
        defect(a->report, i, "approval_missing", "the plan needed more than \"%s\"", given);
    }
    if (hash_parse(given, &h) == 0 && hashmap_get(&a->notes, &h) == UINT64_MAX) {
        defect(a->report, i, "approval_missing", "it names an approval that is not recorded");
    }
}

static void on_intent(struct audit *a, uint64_t i, const struct entry *en,
                      const struct hash *leaf) {
    struct op op = {.entry = i,
                    .leaf = *leaf,
                    .plan = hash_of(en, "plan"),
                    .outcome = NO_ENTRY,
                    .closing = NO_ENTRY};
    struct plan *p = find_plan(a, &op.plan);

    if (!p) {
        defect(a->report, i, "unknown_plan", "an intent without a recorded plan");
    } else if (p->intent != NO_ENTRY) {
        defect(a->report, i, "plan_spent_twice", "entry %llu used this plan before",
               (unsigned long long)p->intent);
    } else {
        p->intent = i;
        check_given(a, i, en, p);
    }
    op.n_requests = entry_count(en, "request");
    op.request = calloc(op.n_requests + 1, sizeof(*op.request));
    if (!op.request) {
        abort();
    }
    for (size_t k = 0; k < op.n_requests; k++) {
        (void)form_node_hash(entry_nth(en, "request", k), op.request[k].node, &op.request[k].h);
    }
    hashmap_put(&a->ops, leaf, a->op.n);
    PUSH(a->op, op);
}

static struct op *op_of(struct audit *a, uint64_t i, const struct entry *en) {
    struct hash leaf = hash_of(en, "intent");
    struct op *op = find_op(a, &leaf);

    if (!op) {
        defect(a->report, i, "unknown_intent", "a %s without its intent",
               entry_kind_name(en->kind));
    }
    return op;
}

/* An operator's word on an operation whose end nothing else tells: before its outcome, once. */
static void on_closing(struct audit *a, uint64_t i, const struct entry *en) {
    CLEANUP(closing_done) struct closing c = {0};
    struct op *op = op_of(a, i, en);
    struct err e = {0};

    if (closing_of_entry(en, NULL, &c, &e) < 0) {
        defect(a->report, i, "bad_closing", "%s", e.msg);
    } else if (strcmp(c.log, a->log->name) != 0 || (op && !hash_eq(&c.plan, &op->plan))) {
        defect(a->report, i, "bad_closing", "it is of another log, or names another plan");
    } else if (op && (op->outcome != NO_ENTRY || op->closing != NO_ENTRY)) {
        defect(a->report, i, "bad_closing", "the operation had ended, or was closed before");
    } else if (op) {
        op->closing = i;
        op->closed_as_done = c.done;
    }
}

static void on_outcome(struct audit *a, uint64_t i, const struct entry *en) {
    const char *result = entry_get(en, "result");
    struct hash plan = hash_of(en, "plan");
    struct op *op = op_of(a, i, en);

    a->outcomes++;
    if (!op) {
        return;
    }
    if (op->outcome != NO_ENTRY) {
        defect(a->report, i, "second_outcome", "entry %llu is the outcome of this intent",
               (unsigned long long)op->outcome);
        return;
    }
    if (!hash_eq(&plan, &op->plan)) {
        defect(a->report, i, "wrong_plan", "the outcome names another plan than its intent");
    }
    if (op->closing != NO_ENTRY && strcmp(result, op->closed_as_done ? "done" : "failed") != 0) {
        defect(a->report, i, "bad_closing", "the outcome is not the one that entry %llu decides",
               (unsigned long long)op->closing);
    }
    op->outcome = i;
    op->complete_by_outcome = strcmp(result, "done") == 0 || strcmp(result, "warnings") == 0;
}

/* 0 checked, 1 no key for this node, negative: bad. */
static int open_receipt(struct audit *a, const char *node, const char *note, struct receipt *ret,
                        struct err *e) {
    bool known = false;
    struct note n;
    int r;

    for (size_t k = 0; k < a->keys->n_nodes; k++) {
        const struct verify_node *v = &a->keys->node[k];

        if (strcmp(v->name, node) != 0 || !v->receipt.name[0]) {
            continue;
        }
        known = true;
        r = receipt_open(note, strlen(note), &v->receipt, ret, e);
        if (r != -ENOENT) { /* a node may have had several keys */
            return r;
        }
    }
    if (known) {
        return err_set(e, -EBADMSG, "receipt is not signed by a known key of %s", node);
    }
    r = note_parse(note, strlen(note), &n, e);
    r = r < 0 ? r : receipt_parse(n.text, n.text_len, ret, e);
    return r < 0 ? r : 1;
}

/* Finds the intent's request line that the receipt answers. */
static void match_request(struct audit *a, uint64_t i, struct op *op, const struct receipt *rc) {
    for (size_t k = 0; k < op->n_requests; k++) {
        struct request *q = &op->request[k];

        if (strcmp(q->node, rc->node) != 0 || !hash_eq(&q->h, &rc->request)) {
            continue;
        }
        if (q->has_receipt && rc->how != HOW_SWEPT && rc->how != HOW_REVERTED) {
            continue; /* the same request may stand there twice */
        }
        q->has_receipt = true;
        return;
    }
    defect(a->report, i, "unknown_request",
           "a receipt for a request that the intent does not name, or a second one for it");
}

static void on_receipt(struct audit *a, uint64_t i, const struct entry *en) {
    const char *node = entry_get(en, "node");
    const char *note = entry_get(en, "note");
    struct hash leaf = hash_of(en, "intent");
    struct chain_link link = {.entry = i};
    struct op *op = op_of(a, i, en);
    struct receipt rc;
    struct err e = {0};
    uint64_t seq = 0;
    int r = open_receipt(a, node, note, &rc, &e);

    a->receipts++;
    if (r < 0) {
        defect(a->report, i, "bad_receipt", "%s", e.msg);
        return;
    }
    a->unchecked += r == 1;
    (void)ident_u64(entry_get(en, "seq"), &seq);
    if (strcmp(rc.node, node) != 0 || rc.seq != seq || !hash_eq(&rc.intent, &leaf) ||
        strcmp(rc.log, a->log->name) != 0) {
        defect(a->report, i, "bad_receipt",
               "the signed receipt says something else than the entry");
        return;
    }
    memcpy(link.node, node, strlen(node) + 1);
    memcpy(link.key_id, rc.key_id, sizeof(link.key_id));
    link.seq = rc.seq;
    link.has_prev = rc.has_prev;
    link.prev = rc.prev;
    sha256(note, strlen(note), &link.self);
    chain_add(&a->chain, &link);
    if (op) {
        match_request(a, i, op, &rc);
    }
}

static void on_undo(struct audit *a, uint64_t i, const struct entry *en) {
    struct hash of = hash_of(en, "of");
    struct hash plan = hash_of(en, "plan");

    if (!find_op(a, &of)) {
        defect(a->report, i, "unknown_intent", "an undo of an operation that is not recorded");
    }
    if (!find_plan(a, &plan)) {
        defect(a->report, i, "unknown_plan", "an undo without a recorded plan");
    }
}

void audit_entry(struct audit *a, uint64_t i, const struct entry *en, const struct hash *leaf) {
    if (i == 0 && en->kind != ENTRY_GENESIS) {
        defect(a->report, 0, "bad_genesis", "the first entry is a %s", entry_kind_name(en->kind));
    }
    if (en->kind == ENTRY_GENESIS) {
        on_genesis(a, i, en);
    } else if (en->kind == ENTRY_PLAN) {
        on_plan(a, i, en);
    } else if (en->kind == ENTRY_APPROVAL) {
        on_approval(a, i, en);
    } else if (en->kind == ENTRY_INTENT) {
        on_intent(a, i, en, leaf);
    } else if (en->kind == ENTRY_PROGRESS) {
        (void)op_of(a, i, en);
    } else if (en->kind == ENTRY_CLOSING) {
        on_closing(a, i, en);
    } else if (en->kind == ENTRY_OUTCOME) {
        on_outcome(a, i, en);
    } else if (en->kind == ENTRY_RECEIPT) {
        on_receipt(a, i, en);
    } else if (en->kind == ENTRY_UNDO) {
        on_undo(a, i, en);
    } else if (en->kind == ENTRY_POLICY) {
        on_policy(a, i, en);
    } else if (en->kind == ENTRY_RECOVERY) {
        a->recoveries++;
    }
}

static void push_op(js *list, const struct op *op) {
    char id[IDENT_ID_LEN + 1];

    ident_op_id(&op->leaf, id);
    js_push(list, js_str(id));
}

static void check_ops(struct audit *a) {
    js *unresolved = js_array();
    js *unreceipted = js_array();
    js *closed = js_array();

    js_add(a->report, "closed", closed);
    js_add(a->report, "unresolved", unresolved);
    js_add(a->report, "unreceipted", unreceipted);
    for (size_t i = 0; i < a->op.n; i++) {
        const struct op *op = &a->op.v[i];
        size_t missing = 0;

        for (size_t k = 0; k < op->n_requests; k++) {
            missing += !op->request[k].has_receipt;
        }
        if (op->closing != NO_ENTRY) {
            push_op(closed, op);
        }
        if (op->outcome == NO_ENTRY) {
            push_op(unresolved, op);
        } else if (missing && op->complete_by_outcome) {
            defect(a->report, op->outcome, "receipt_missing",
                   "%zu of %zu node requests have no receipt", missing, op->n_requests);
        } else if (missing) {
            push_op(unreceipted, op); /* refused at the gate: there is no receipt then */
        }
    }
}

static void say_policy(struct audit *a) {
    char text[HASH_HEX_LEN + 1];
    js *o = a->policies ? js_object() : NULL;

    if (o) {
        hash_text(&a->policy, text);
        js_add(o, "digest", js_str(text));
        js_add(o, "entry", js_int((int64_t)a->policy_at));
        js_add(o, "recorded", js_int((int64_t)a->policies));
    }
    js_add(a->report, "policy", o);
}

void audit_end(struct audit *a) {
    say_policy(a);
    chain_check(&a->chain, a->report);
    check_ops(a);
    js_add(a->report, "intents", js_int((int64_t)a->op.n));
    js_add(a->report, "outcomes", js_int((int64_t)a->outcomes));
    js_add(a->report, "receipts", js_int((int64_t)a->receipts));
    js_add(a->report, "receipts_unchecked", js_int((int64_t)a->unchecked));
    js_add(a->report, "recoveries", js_int((int64_t)a->recoveries));
}
