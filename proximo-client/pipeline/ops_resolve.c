/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that a dead process left open. What the cluster's task log or a node's receipt tells
 * is recorded; what nothing tells stays open and is reported. Nothing is guessed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/ident.h"
#include "common/own.h"
#include "common/receipt.h"
#include "proximo-client/ledger/closing.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pipeline/ops.h"
#include "proximo-client/pipeline/outcome.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/undo/backup.h"

struct found {
    char op_id[IDENT_ID_LEN + 1];
    struct found *next;
};

static int collect(void *ctx, uint64_t index, const struct entry *intent, const struct hash *leaf,
                   bool held) {
    struct found **list = ctx;
    struct found *f;

    (void)index;
    (void)intent;
    if (held) {
        return 0; /* a live process will write it */
    }
    f = calloc(1, sizeof(*f));
    if (!f) {
        return -ENOMEM;
    }
    ident_op_id(leaf, f->op_id);
    f->next = *list;
    *list = f;
    return 0;
}

/* What the cluster says of the task that the request of that ordinal began. */
static bool task_ended(struct session *s, const js *tasks, size_t ordinal, struct pve_task *ret) {
    for (size_t i = 0; s->pve && i < js_len(tasks); i++) {
        const js *t = js_at(tasks, i);

        if (js_int_or(t, "ordinal", -1) == (int64_t)ordinal) {
            return pve_task_status(s->pve, js_str_or(t, "upid", ""), ret, NULL) == 0 &&
                   ret->stopped;
        }
    }
    return false;
}

/* A backup is in the ledger as verified before anything is executed (prepared.c). */
static bool is_unverified(const js *request, const js *archives) {
    struct backup_point b;

    if (!backup_point_of(request, &b)) {
        return false;
    }
    for (size_t i = 0; i < js_len(archives); i++) {
        if (strcmp(js_str_or(js_at(archives, i), "mark", ""), b.mark) == 0) {
            return false;
        }
    }
    return true;
}

/* 1 resolved into *out, 0 not known. Execution starts only after each preparation has ended well:
 * one that failed tells that nothing was executed, one that did not says nothing about it. */
static int from_tasks(struct session *s, const struct plan *p, const struct op *o,
                      enum outcome *out) {
    const js *tasks = o->tasks, *q;
    bool warned = false;
    struct pve_task t;
    size_t ordinal;

    for (size_t i = 0; (q = plan_request(p, "prepare", i, &ordinal)); i++) {
        if (is_unverified(q, o->archives)) {
            *out = OUT_NOT_STARTED;
            return 1;
        }
        if (task_ended(s, tasks, ordinal, &t) && !t.ok && !t.warnings) {
            *out = OUT_NOT_STARTED;
            return 1;
        }
    }
    for (size_t i = 0; plan_request(p, "execute", i, &ordinal); i++) {
        if (!task_ended(s, tasks, ordinal, &t)) {
            return 0; /* it made none, or died before it could say so: it may not have been sent */
        }
        if (!t.ok && !t.warnings) {
            *out = OUT_FAILED;
            return 1;
        }
        warned = warned || t.warnings;
    }
    *out = warned ? OUT_WARNINGS : OUT_DONE;
    return 1;
}

/* One node request: asks that node for the operation's end. */
static int from_node(struct session *s, const struct op *o, const js *q, enum outcome *out) {
    CLEANUP(js_freep) js *a = NULL;
    const char *node = js_str_or(q, "node", "");
    const struct node_info *info = s->nodes ? nodes_find(s->nodes, node) : NULL;
    const char *note;
    struct receipt rc;
    struct hash h;

    if (!info || hash_parse(js_str_or(q, "digest", ""), &h) < 0 ||
        node_op(s->nodes, node, &h, &a, NULL) < 0) {
        return 0;
    }
    note = js_get_str(a, "receipt");
    if (!note || node_receipt_open(info, note, &rc, NULL) < 0 || !hash_eq(&rc.intent, &o->leaf) ||
        !hash_eq(&rc.request, &h) || receipt_in_order(s, &o->leaf, node, rc.seq, note, NULL) < 0) {
        return 0;
    }
    if (rc.how == HOW_EXITED && rc.value == 0) {
        return 1;
    }
    *out = rc.how == HOW_NOT_STARTED ? OUT_NOT_STARTED
           : rc.how == HOW_UNKNOWN   ? OUT_UNKNOWN
                                     : OUT_FAILED;
    return 1;
}

/* What an operator decided; also when who recorded it died before the outcome. */
int ops_close(struct session *s, const struct op *o, const struct plan *p, struct err *e) {
    char summary[CLOSING_REASON_MAX + 100];
    int64_t all = 0;

    while (o->closed_as_done && plan_request(p, "execute", (size_t)all, NULL)) {
        all++;
    }
    (void)snprintf(summary, sizeof(summary), "operator %.60s decided: %s", o->closed_by,
                   o->closed_why);
    return outcome_append(s, &o->leaf, &o->plan, o->closed_as_done ? OUT_DONE : OUT_FAILED,
                          o->tasks, all, summary, NULL, NULL, e);
}

int ops_resolve_one(struct session *s, const char *op_id, const char **why, struct err *e) {
    CLEANUP(op_done) struct op o = {0};
    CLEANUP(closep) int running = -1;
    CLEANUP(plan_done) struct plan p = {0};
    enum outcome out = OUT_DONE;
    int known = 1;
    bool has_node = false;
    int r = ledger_running_take(s->ledger, op_id, &running, e);

    if (r < 0) {
        *why = "another process is at it";
        return r == -EBUSY ? 0 : r;
    }
    r = ops_find(s->ledger, op_id, &o, e);
    if (r == 0) {
        r = plan_load_digest(s->ledger, &o.plan, UINT64_MAX, &p, e);
    }
    if (r < 0 || o.result[0]) {
        return r < 0 ? r : 1;
    }
    if (o.closed_by[0]) {
        r = ops_close(s, &o, &p, e);
        return r < 0 ? r : 1;
    }
    for (size_t i = 0; known; i++) {
        const js *q = plan_request(&p, "execute", i, NULL);

        if (!q) {
            break;
        }
        if (js_get_str(q, "request")) {
            has_node = true;
            known = from_node(s, &o, q, &out);
        }
    }
    if (!has_node) {
        known = from_tasks(s, &p, &o, &out);
    }
    if (!known) {
        *why = has_node ? "the node has no receipt of it (or cannot be reached)"
                        : "the cluster's task log does not tell whether it was done";
        return 0;
    }
    r = outcome_append(s, &o.leaf, &o.plan, out, o.tasks, -1, "resolved after the process had died",
                       NULL, NULL, e);
    return r < 0 ? r : 1;
}

int ops_resolve(struct session *s, js **ret_unresolved, struct err *e) {
    CLEANUP(js_freep) js *left = js_array();
    struct found *list = NULL;
    int r = ledger_open_intents(s->ledger, collect, &list, e);

    while (list) {
        struct found *f = list;
        const char *why = "";
        int known = r < 0 ? r : ops_resolve_one(s, f->op_id, &why, e);

        if (known == 0) {
            js *o = js_object();

            js_add(o, "op_id", js_str(f->op_id));
            js_add(o, "why", js_str(why));
            js_push(left, o);
        }
        r = known < 0 && r == 0 ? known : r;
        list = f->next;
        free(f);
    }
    if (r < 0) {
        return r;
    }
    *ret_unresolved = TAKE(left);
    return 0;
}
