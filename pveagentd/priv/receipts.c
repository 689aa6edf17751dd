/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts (root; request children, and the resident's child for what was left open). Invariant:
 * they form one chain a log, in the order in which they were signed, without a gap; every recorded
 * start gets exactly one, and what nobody can know any more is said to be unknown. */
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/note.h"
#include "common/own.h"
#include "common/put.h"
#include "common/receipt.h"
#include "pveagentd/priv/gate.h"
#include "pveagentd/priv/later.h"

/* Signs the next receipt of that log and writes it, with what it ends, to the journal. */
static int write_receipt(struct priv *p, struct origin *o, struct receipt *rc,
                         const struct hash *plan, struct buf *note, struct err *e) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    int r;

    if (!p->has_receipt_key) {
        return err_set(e, -ENOKEY, "no receipt key");
    }
    (void)snprintf(rc->node, sizeof(rc->node), "%s", p->node);
    (void)snprintf(rc->key_id, sizeof(rc->key_id), "%s", p->receipt_id);
    (void)snprintf(rc->log, sizeof(rc->log), "%s", o->name);
    rc->seq = o->seq + 1;
    rc->has_prev = o->seq > 0;
    rc->prev = o->last;
    rc->ended = clock_unix();
    r = receipt_text(rc, &text, e);
    r = r < 0 ? r : note_sign(text.data, text.len, &p->receipt, note, e);
    return r < 0 ? r
                 : journal_end(p, o, &rc->request, plan, buf_str(note), rc->how == HOW_NOT_STARTED,
                               rc->ended, e);
}

static void take_outcome(struct receipt *rc, const struct outcome *x,
                         const uint8_t salt[static ORDER_SALT]) {
    rc->how = x->how;
    rc->value = x->value;
    rc->left_behind_unknown = x->left_behind_unknown;
    rc->out_bytes = x->bytes[0];
    rc->err_bytes = x->bytes[1];
    rc->out_hash = x->hash[0];
    rc->err_hash = x->hash[1];
    hex_encode(salt, ORDER_SALT, rc->salt);
}

void outcome_none(struct outcome *x, uint8_t ret_salt[static ORDER_SALT]) {
    random_bytes(ret_salt, ORDER_SALT);
    x->how = HOW_NOT_STARTED;
    for (int i = 0; i < 2; i++) {
        sha256(ret_salt, ORDER_SALT, &x->hash[i]);
    }
}

int act_receipt(struct act *a, struct buf *note, struct err *e) {
    CLEANUP(closep) int lock = -1;
    struct receipt rc = {.intent = a->leaf, .request = a->h, .head = a->cp.size};
    int r = origin_lock(a->p, a->o, &lock, e);

    take_outcome(&rc, &a->done.outcome, a->salt);
    rc.started = rc.how == HOW_NOT_STARTED ? -1 : a->now;
    if (a->undo_driver[0]) {
        memcpy(rc.undo_driver, a->undo_driver, sizeof(rc.undo_driver));
        memcpy(rc.undo_name, a->q.undo_name, sizeof(rc.undo_name));
    }
    return r < 0 ? r : write_receipt(a->p, a->o, &rc, &a->plan, note, e);
}

int receipt_close(struct priv *p, struct origin *o, const struct act_rec *x, enum receipt_how how,
                  bool unsure, const char *driver, const char *name) {
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    struct receipt rc = {
        .intent = x->intent, .request = x->request, .head = x->head, .started = x->started};
    uint8_t salt[ORDER_SALT];
    struct outcome none = {0};
    struct err e = {0};
    int r;

    outcome_none(&none, salt); /* of what left a container nothing is attested */
    none.how = how;
    none.value = how != HOW_UNKNOWN && unsure;
    none.left_behind_unknown = unsure;
    take_outcome(&rc, &none, salt);
    if (driver) {
        (void)snprintf(rc.undo_driver, sizeof(rc.undo_driver), "%s", driver);
        (void)snprintf(rc.undo_name, sizeof(rc.undo_name), "%s", name);
    }
    r = write_receipt(p, o, &rc, &x->plan, &note, &e);
    if (r < 0) {
        log_event(LOG_L_ERR, "an action has no receipt yet", "REQUEST", HEX_STR(&x->request),
                  "CLIENT", x->client, "REASON", e.msg, NULL);
    }
    return r;
}

/* How an action ends that nobody ends any more. A timer's own, while the timer is still there, is
 * carried on by its next tick. */
static bool orphan_how(const struct priv *p, const struct act_rec *x, enum receipt_how *ret) {
    bool timer = act_is_sweep(x) && !x->ct;

    *ret = timer ? HOW_REVERTED : act_is_sweep(x) ? HOW_SWEPT : HOW_UNKNOWN;
    return !(timer && timer_pending(p, &x->request));
}

static void resolve_origin(struct priv *p, struct origin *o) {
    CLEANUP(closep) int lock = -1;
    struct err e = {0};
    int r = origin_lock(p, o, &lock, &e);

    for (size_t i = 0; r == 0 && i < o->n_acts; i++) {
        struct act_rec x = o->act[i];
        enum receipt_how how;
        struct running run;

        if (!x.seq && !running_find(p, HEX_STR(&x.request), &run) && orphan_how(p, &x, &how) &&
            receipt_close(p, o, &x, how, true, NULL, NULL) == 0) {
            log_event(LOG_L_WARN, "an action was interrupted: its receipt says so", "REQUEST",
                      HEX_STR(&x.request), "CLIENT", x.client, NULL);
        }
    }
}

int resolve_orphans(struct priv *p) {
    struct err e = {0};
    int r = journal_replay_all(p, &e);

    for (struct origin *o = p->origins; r == 0 && o; o = o->next) {
        bool open = false;

        for (size_t i = 0; i < o->n_acts; i++) {
            open = open || !o->act[i].seq;
        }
        if (open && !o->damaged) {
            resolve_origin(p, o);
        }
    }
    return r;
}
