/* SPDX-License-Identifier: Apache-2.0 */
/* Expired undo points and due revert timers (root; children of the resident, and the request child
 * that cancels). Invariants: a deed of the node's own is recorded before it is ordered, and has a
 * receipt after, in the log of the client that it was prepared for; a revert that was promised does
 * not wait for a journal that cannot be written; one that was begun is carried to its end by
 * whoever comes next. */
#include "pveagentd/priv/later.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/dir.h"
#include "common/ident.h"
#include "common/own.h"
#include "common/put.h"
#include "pveagentd/priv/actor.h"
#include "pveagentd/priv/gate.h"

/* A removal by the node is an action of its own, without a plan. */
static int sweep_recorded(struct priv *p, const struct due *d, struct err *e) {
    CLEANUP(closep) int lock = -1;
    struct act_rec rec = {.request = d->request, .intent = d->intent, .ct = d->ct};
    struct order order = {.verb = ORDER_POINT_SWEEP, .ct = d->ct, .text[ORDER_NAME] = d->name};
    struct origin *o = origin_get(p, d->log);
    int r = o ? origin_lock(p, o, &lock, e) : err_set(e, -ENOMEM, "out of memory");

    if (r < 0) {
        return r;
    }
    (void)snprintf(rec.client, sizeof(rec.client), "%s", d->client);
    rec.head = o->size;
    rec.started = clock_unix();
    r = journal_start(p, o, NULL, &rec, rec.started, e);
    if (r < 0) {
        return r;
    }
    r = actor_do(p, &order, e);
    (void)receipt_close(p, o, &rec, HOW_SWEPT, r < 0, d->driver, d->name);
    return r;
}

static int sweep_one(void *ctx, const struct due *d) {
    struct err e = {0};
    int r = sweep_recorded(ctx, d, &e);

    log_event(r < 0 ? LOG_L_WARN : LOG_L_NOTE,
              r < 0 ? "an expired undo point stays" : "an expired undo point was removed", "VMID",
              NUM_STR(d->ct), "POINT", d->name, "REASON", e.msg, NULL);
    return 0;
}

/* Each item of the answer, until fn says other than 0; that is returned. */
static int each(const struct priv *p, struct order *o, int (*fn)(void *ctx, const struct due *d),
                void *ctx) {
    CLEANUP(answer_done) struct order_answer a;
    int r;

    answer_init(&a);
    r = actor_ask(p, o, -1, &a, NULL);
    return r < 0 ? r : due_each(&a, fn, ctx);
}

void points_sweep(struct priv *p) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, "points");

    if (dir_next(d)) {
        (void)each(p, &(struct order){.verb = ORDER_POINT_EXPIRED}, sweep_one, p);
    }
}

bool timers_waiting(const struct priv *p) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, "revert");
    const char *name;

    while ((name = dir_next(d)) != NULL && !ident_is_hex(name, 64)) {
    }
    return name;
}

bool timer_pending(const struct priv *p, const struct hash *request) {
    return faccessat(p->state_fd, UNDER("revert", HEX_STR(request)), F_OK, 0) == 0;
}

int timers_lock(const struct priv *p, int *ret, struct err *e) {
    return state_lock(p, "revert/lock", ret, e);
}

int timers_each(const struct priv *p, const char *client, int (*fn)(void *ctx, const struct due *t),
                void *ctx) {
    struct order o = {.verb = ORDER_TIMER_LIST, .text[ORDER_CLIENT] = client};

    return timers_waiting(p) ? each(p, &o, fn, ctx) : 0;
}

/* Like the removal of an expired undo point: an action without a plan. It names no container, which
 * tells the two apart. */
static const struct act_rec *record(struct priv *p, struct origin *o, const struct hash *request,
                                    struct err *e) {
    const struct act_rec *armed = journal_find(o, NULL, request);
    struct act_rec rec = {.request = *request, .started = clock_unix()};

    for (size_t i = 0; i < o->n_acts; i++) {
        const struct act_rec *x = &o->act[i];

        if (act_is_sweep(x) && !x->ct && !x->seq && hash_eq(&x->request, request)) {
            return x; /* who began it was interrupted */
        }
    }
    if (!armed) {
        return NULL;
    }
    rec.intent = armed->intent;
    rec.head = armed->head;
    memcpy(rec.client, armed->client, sizeof(rec.client));
    return journal_start(p, o, NULL, &rec, rec.started, e) < 0 ? NULL : &o->act[o->n_acts - 1];
}

void timer_fire(struct priv *p, const struct hash *request, const char *log, int held,
                int *ret_value) {
    CLEANUP(closep) int lock = -1;
    CLEANUP(answer_done) struct order_answer a;
    struct err e = {0};
    struct origin *o = origin_get(p, log);
    const struct act_rec *x =
        o && origin_lock(p, o, &lock, &e) == 0 ? record(p, o, request, &e) : NULL;
    struct act_rec rec = x ? *x : (struct act_rec){0};
    struct order order = {.verb = ORDER_TIMER_REVERT, .hash = *request, .fd = {-1, held}};
    int r;

    if (!x) {
        log_event(LOG_L_ERR, "a revert cannot be recorded", "REASON", e.msg, NULL);
    }
    answer_init(&a);
    r = actor_ask(p, &order, -1, &a, &e);
    if (r == 0 && x) {
        (void)receipt_close(p, o, &rec, HOW_REVERTED, a.outcome.value, NULL, NULL);
    }
    order.verb = ORDER_TIMER_FINISH;
    order.number = (uint64_t)a.outcome.value;
    r = r < 0 ? r : actor_do(p, &order, &e);
    *ret_value = r < 0 ? 2 : a.outcome.value ? 1 : 0;
}

struct ticking {
    struct priv *p;
    int lock, r;
};

static int fire_one(void *ctx, const struct due *d) {
    struct ticking *t = ctx;
    int value;

    timer_fire(t->p, &d->request, d->log, t->lock, &value);
    t->r = value == 2 ? -EAGAIN : t->r;
    return 0;
}

int timers_tick(struct priv *p) {
    CLEANUP(closep) int lock = -1;
    struct ticking t = {.p = p};
    int r = timers_lock(p, &lock, NULL);

    t.lock = lock;
    r = r < 0 ? r
              : each(p, &(struct order){.verb = ORDER_TIMER_TICK, .fd = {-1, lock}}, fire_one, &t);
    return r < 0 ? r : t.r;
}
