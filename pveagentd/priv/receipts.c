/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts (root; request children, and the resident's child for what was left open). Invariant:
 * they form one chain a log, in the order in which they were signed, without a gap; every recorded
 * start gets exactly one, and what nobody can know any more is said to be unknown. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/note.h"
#include "common/own.h"
#include "common/receipt.h"
#include "pveagentd/priv/gate.h"

static int sign(const struct priv *p, const struct origin *o, struct receipt *rc, struct buf *note,
                struct err *e) {
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
    r = receipt_text(rc, &text, e);
    return r < 0 ? r : note_sign(text.data, text.len, &p->receipt, note, e);
}

int act_receipt(struct act *a, struct buf *note, struct err *e) {
    CLEANUP(closep) int lock = -1;
    const struct outcome *x = &a->outcome;
    struct receipt rc = {.intent = a->leaf,
                         .request = a->h,
                         .head = a->cp.size,
                         .how = x->how,
                         .value = x->value,
                         .left_behind_unknown = x->left_behind_unknown,
                         .out_bytes = x->bytes[0],
                         .err_bytes = x->bytes[1],
                         .out_hash = x->hash[0],
                         .err_hash = x->hash[1],
                         .ended = clock_unix()};
    int r = origin_lock(a->p, a->o, &lock, e);

    if (r < 0) {
        return r;
    }
    rc.started = x->how == HOW_NOT_STARTED ? -1 : a->now;
    memcpy(rc.salt, x->salt, sizeof(rc.salt));
    if (a->undo_driver[0]) {
        memcpy(rc.undo_driver, a->undo_driver, sizeof(rc.undo_driver));
        memcpy(rc.undo_name, a->q.undo_name, sizeof(rc.undo_name));
    }
    r = sign(a->p, a->o, &rc, note, e);
    return r < 0 ? r
                 : journal_end(a->p, a->o, &a->h, &a->plan, buf_str(note),
                               x->how == HOW_NOT_STARTED, rc.ended, e);
}

static int say_unknown(struct priv *p, struct origin *o, const struct act_rec *x, struct err *e) {
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    struct outcome none;
    struct receipt rc = {.intent = x->intent,
                         .request = x->request,
                         .head = x->head,
                         .how = HOW_UNKNOWN,
                         .left_behind_unknown = true,
                         .started = x->started,
                         .ended = clock_unix()};
    int r;

    outcome_init(&none); /* what left the container is not known either: nothing is attested */
    rc.out_hash = none.hash[0];
    rc.err_hash = none.hash[1];
    memcpy(rc.salt, none.salt, sizeof(rc.salt));
    outcome_done(&none);
    r = sign(p, o, &rc, &note, e);
    return r < 0 ? r : journal_end(p, o, &x->request, &x->plan, buf_str(&note), false, rc.ended, e);
}

static int resolve_origin(struct priv *p, struct origin *o) {
    CLEANUP(closep) int lock = -1;
    struct err e = {0};
    int r = origin_lock(p, o, &lock, &e);

    for (size_t i = 0; r == 0 && i < o->n_acts; i++) {
        struct act_rec x = o->act[i];
        struct running run;
        char hex[65];

        hex_encode(x.request.b, HASH_LEN, hex);
        if (x.seq || running_find(p, hex, &run)) {
            continue;
        }
        r = say_unknown(p, o, &x, &e);
        log_event(r < 0 ? LOG_L_ERR : LOG_L_WARN,
                  r < 0 ? "an interrupted action has no receipt yet"
                        : "an action was interrupted: its receipt says unknown",
                  "REQUEST", hex, "CLIENT", x.client, "REASON", e.msg, NULL);
    }
    return r;
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
            (void)resolve_origin(p, o);
        }
    }
    return r;
}
