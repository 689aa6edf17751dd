/* SPDX-License-Identifier: Apache-2.0 */
/* Many GETs at once over a bounded number of kept connections to each address. Every address has
 * two queues: what only it may answer, and what any may (the batch's own work is to put each job
 * into the right one); a connection without work takes from the longest of the latter. An address
 * that fails is left out and what any may answer goes to the others, so that a read fails only when
 * its own answer is an error or nobody is left. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pve/wire.h"

#define NOTHING SIZE_MAX
#define JOIN_MS 5000 /* an address that is slow to say whose it is would be slow to read from */
#define TRIES_MAX                                                                                  \
    2 /* of a request that left; a read that kills whom it asks is not tried on all                \
       */

struct queue {
    size_t head, tail, left;
};

struct lane {
    struct endpoint *ep;
    struct queue own, any;
    bool out;
};

struct batch {
    struct pve *p;
    enum batch_how how;
    struct pve_job *job;
    size_t n;
    size_t *after;        /* the next job of the same queue */
    unsigned char *tries; /* how often it left */
    struct lane *lane;
    size_t lanes;
    size_t running;
    bool whole;      /* the body instead of its data */
    bool locked_out; /* one 401 stands for all: asking on would only be delayed 3 s each */
    struct err lockout;
    struct xfer *x;
    size_t slots;
};

static void batch_done(struct batch *b) {
    for (size_t i = 0; i < b->slots; i++) {
        xfer_done(&b->x[i]);
    }
    free(b->x);
    free(b->after);
    free(b->tries);
    free(b->lane);
    memset(b, 0, sizeof(*b));
}

static void push(struct batch *b, struct queue *q, size_t job) {
    b->after[job] = NOTHING;
    if (q->left++ == 0) {
        q->head = job;
    } else {
        b->after[q->tail] = job;
    }
    q->tail = job;
}

static size_t pop(const struct batch *b, struct queue *q) {
    size_t job = q->left ? q->head : NOTHING;

    if (q->left) {
        q->head = b->after[job];
        q->left--;
    }
    return job;
}

static void job_fail(struct pve_job *j, int r, const struct err *why) {
    j->result = r;
    if (j->err && why) {
        *j->err = *why;
    }
}

static void fail_all(struct batch *b, struct queue *q, const struct err *why) {
    for (size_t job; (job = pop(b, q)) != NOTHING;) {
        job_fail(&b->job[job], why->code, why);
    }
}

/* Which member of the body is asked for. */
static const char *sibling_of(const char *path) {
    const char *hash = strchr(path, '#');

    return hash ? hash + 1 : "data";
}

/* Sends a job's path without what says which member of the answer is meant. */
static int job_start(struct xfer *x, const char *path, struct err *e) {
    CLEANUP(freep) char *sent = strndup(path, strcspn(path, "#"));
    int r = sent ? path_check(sent, e) : err_set(e, -ENOMEM, "out of memory");

    return r < 0 ? r : xfer_start(x, "GET", sent, NULL, 0, e);
}

static struct lane *lane_of(const struct batch *b, const struct xfer *x) {
    return &b->lane[x->ep - b->p->ep];
}

static bool may_any_answer(const struct batch *b, size_t job) {
    char node[64];

    return b->how == BATCH_SPREAD && endpoint_free_to_ask(b->job[job].path, node, sizeof(node));
}

/* No answer, or one that only this address gives (a 401 of its own clock, say): not the read's
 * fault. A read that was sent and not answered in time may be slow wherever it is asked. */
static bool is_endpoints_fault(const struct xfer *x, const struct err *e) {
    if (e->http_status) {
        return e->http_status == 401 && x->ep != x->p->ep;
    }
    return (strcmp(e->tag, "pve_unreachable") == 0 || strcmp(e->tag, "pve_tls") == 0) &&
           !(x->code == CURLE_OPERATION_TIMEDOUT && x->issued > 0);
}

static bool is_nobody_left(const struct batch *b) {
    for (size_t i = 0; i < b->lanes; i++) {
        if (!b->lane[i].out) {
            return false;
        }
    }
    return true;
}

static void give_back(struct batch *b, struct lane *l, size_t job, const struct err *why) {
    if (!is_nobody_left(b) && b->tries[job] < TRIES_MAX && may_any_answer(b, job)) {
        push(b, &l->any, job); /* somebody else takes it from there */
    } else {
        job_fail(&b->job[job], why->code, why);
    }
}

static void drop_lane(struct batch *b, struct lane *l, const struct err *why) {
    endpoint_leave_out(l->ep, why);
    l->out = true;
    for (size_t i = 0; i < b->slots; i++) {
        struct xfer *x = &b->x[i];

        if (x->busy && x->ep == l->ep) {
            xfer_stop(x);
            b->running--;
            give_back(b, l, x->job, why);
        }
    }
    fail_all(b, &l->own, why);
    for (size_t i = 0; is_nobody_left(b) && i < b->lanes; i++) {
        fail_all(b, &b->lane[i].any, why);
    }
}

static void job_take(struct batch *b, size_t job, js *body) {
    struct pve_job *j = &b->job[job];

    j->result = 0;
    j->data = b->whole ? js_ref(body) : js_ref(js_get(body, sibling_of(j->path)));
}

static void job_end(struct batch *b, struct xfer *x) {
    struct pve_job *j = &b->job[x->job];
    CLEANUP(js_freep) js *body = NULL;
    struct err e = {0};
    char what[140];
    int r;

    (void)snprintf(what, sizeof(what), "GET %.130s", j->path);
    if (x->code != CURLE_OK) {
        r = xfer_error(x, what, &e);
    } else {
        r = answer_read(x->status, x->reason, buf_str(&x->body), x->body.len, what, &body, &e);
    }
    buf_done(&x->body); /* one large answer must not stay allocated for the rest of the batch */
    if (x->issued > 0) {
        b->tries[x->job]++;
    }
    if (r == 0) {
        job_take(b, x->job, body);
    } else if (b->how == BATCH_SPREAD && is_endpoints_fault(x, &e)) {
        if (!lane_of(b, x)->out) {
            drop_lane(b, lane_of(b, x), &e);
        }
        give_back(b, lane_of(b, x), x->job, &e);
    } else {
        if (e.http_status == 401 && b->how != BATCH_EACH) {
            b->locked_out = true;
            b->lockout = e;
        }
        job_fail(j, r, &e);
    }
}

/* An answer whose connection has gone on to the next request: reading thousands of them takes as
 * long as some take to come. Only what is plainly an answer: nothing in it is a reason to leave an
 * address out. */
struct unread {
    struct buf body;
    size_t job;
};

static void put_aside(struct batch *b, struct xfer *x, struct unread *u) {
    u->job = x->job;
    u->body = x->body;
    x->body = (struct buf)BUF_INIT(LIM_PVE_ANSWER);
    b->tries[x->job]++;
}

static void read_aside(struct batch *b, struct unread *u) {
    CLEANUP(js_freep) js *body = NULL;
    struct err e = {0};
    char what[140];
    int r;

    (void)snprintf(what, sizeof(what), "GET %.130s", b->job[u->job].path);
    r = answer_read_rows(200, "", buf_str(&u->body), u->body.len, b->job[u->job].only, what, &body,
                         &e);
    buf_done(&u->body);
    if (r == 0) {
        job_take(b, u->job, body);
    } else {
        job_fail(&b->job[u->job], r, &e);
    }
}

static size_t next_job(struct batch *b, struct lane *l) {
    struct lane *longest = l;

    if (l->out) {
        return NOTHING;
    }
    if (l->own.left || l->any.left) {
        return pop(b, l->own.left ? &l->own : &l->any);
    }
    for (size_t i = 0; i < b->lanes; i++) {
        longest = b->lane[i].any.left > longest->any.left ? &b->lane[i] : longest;
    }
    return pop(b, &longest->any);
}

static void feed_one(struct batch *b, struct xfer *x) {
    size_t job;

    while (!x->busy && (job = next_job(b, lane_of(b, x))) != NOTHING) {
        struct pve_job *j = &b->job[job];
        struct err e = {0};
        int r;

        x->job = job;
        if (b->locked_out) {
            job_fail(j, b->lockout.code, &b->lockout);
            continue;
        }
        r = job_start(x, j->path, &e);
        if (r < 0) {
            job_fail(j, r, &e);
            continue;
        }
        b->running++;
    }
}

static void batch_feed(struct batch *b) {
    for (size_t i = 0; i < b->slots; i++) {
        feed_one(b, &b->x[i]);
    }
}

static int run_ended(struct batch *b, int r, const struct err *why, struct err *e) {
    for (size_t i = 0; i < b->n; i++) {
        if (b->job[i].result == -EINPROGRESS) {
            job_fail(&b->job[i], r, why);
        }
    }
    if (e) {
        *e = *why;
    }
    return r;
}

static int batch_run(struct batch *b, struct err *e) {
    CLEANUP(freep) struct unread *aside = calloc(b->slots + 1, sizeof(*aside));

    if (!aside) {
        return run_ended(b, -ENOMEM, &(struct err){.code = -ENOMEM, .msg = "out of memory"}, e);
    }
    for (batch_feed(b); b->running > 0;) {
        struct err why = {0};
        size_t n = 0;
        int r = xfer_run(b->p, b->x, b->slots, &why);

        if (r < 0) {
            return run_ended(b, r, &why, e);
        }
        for (size_t i = 0; i < b->slots; i++) {
            struct xfer *x = &b->x[i];

            if (!x->done) {
                continue;
            }
            x->done = false;
            b->running--;
            if (x->code == CURLE_OK && x->status == 200) {
                put_aside(b, x, &aside[n++]);
            } else {
                job_end(b, x);
            }
        }
        batch_feed(b);
        xfer_push(b->p);
        for (size_t i = 0; i < n; i++) {
            read_aside(b, &aside[i]);
        }
    }
    return 0;
}

/* A first call on a new connection takes a node 10 to 50 ms, one on a kept connection about 2 (seen
 * on a PVE 9.1): a connection is worth opening for four reads, and those that are open are used. */
static size_t connections_for(const struct pve *p, struct endpoint *ep, size_t n) {
    size_t want = (n + 3) / 4;

    if (n == 0) {
        return 0;
    }
    want = want > ep->opened ? want : ep->opened;
    want = want < p->connections ? want : p->connections;
    ep->opened = want;
    return want < n ? want : n;
}

/* Where a read goes that any may answer: to the node that answers it in any case, if its address is
 * known, or round. */
static size_t lane_for(const struct batch *b, const char *node, size_t turn) {
    size_t usable = 0;

    for (size_t i = 0; i < b->lanes; i++) {
        if (!b->lane[i].out && strcmp(b->lane[i].ep->node, node) == 0) {
            return i;
        }
        usable += !b->lane[i].out;
    }
    turn = usable ? turn % usable : 0;
    for (size_t i = 0; i < b->lanes; i++) {
        if (!b->lane[i].out && turn-- == 0) {
            return i;
        }
    }
    return 0;
}

static void enqueue(struct batch *b) {
    char node[64];
    size_t turn = 0;

    for (size_t i = 0; i < b->lanes; i++) {
        b->lane[i].ep = &b->p->ep[i];
        b->lane[i].out = b->how == BATCH_SPREAD && i > 0 && !b->lane[i].ep->member;
    }
    for (size_t i = 0; i < b->n; i++) {
        b->job[i].data = NULL;
        b->job[i].result = -EINPROGRESS;
        if (b->how == BATCH_EACH) {
            push(b, &b->lane[i].own, i);
        } else if (b->how == BATCH_SPREAD &&
                   endpoint_free_to_ask(b->job[i].path, node, sizeof(node))) {
            push(b, &b->lane[lane_for(b, node, turn++)].any, i);
        } else {
            push(b, &b->lane[0].own, i);
        }
    }
}

static int open_slots(struct batch *b, const struct token *t, struct err *e) {
    size_t most = b->lanes * b->p->connections;
    size_t all = 0;
    int r = 0;

    for (size_t i = 0; i < b->lanes; i++) {
        all += b->lane[i].any.left;
    }

    b->x = calloc(most, sizeof(*b->x));
    if (!b->x) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->lanes; i++) {
        const struct lane *l = &b->lane[i];
        /* also where nothing waits yet: there is what others leave */
        size_t share = l->out ? 0 : (all + b->lanes - 1) / b->lanes;
        size_t mine = l->own.left + l->any.left;
        size_t want = connections_for(b->p, l->ep, mine > share ? mine : share);

        for (size_t k = 0; r == 0 && k < want; k++) {
            r = xfer_init(&b->x[b->slots], b->p, l->ep, t, e);
            if (r == 0 && b->how == BATCH_EACH && i > 0) {
                r = xfer_hurry(&b->x[b->slots], JOIN_MS, e);
            }
            b->slots += r == 0;
        }
    }
    return r;
}

int batch_get(struct pve *p, enum batch_how how, struct pve_job *job, size_t n, bool whole,
              struct err *e) {
    CLEANUP(batch_done) struct batch b = {.p = p, .how = how, .job = job, .n = n, .whole = whole};
    CLEANUP(token_wipe) struct token t = {0};
    struct err why = {0};
    int r = 0;

    if (n == 0) {
        return 0;
    }
    b.lanes = how == BATCH_FIRST ? 1 : p->n_ep;
    b.after = calloc(n, sizeof(*b.after));
    b.tries = calloc(n, sizeof(*b.tries));
    b.lane = calloc(b.lanes, sizeof(*b.lane));
    if (!b.after || !b.tries || !b.lane) {
        r = err_set(&why, -ENOMEM, "out of memory");
    } else {
        enqueue(&b);
        r = token_read(p->token_path, p->pbs, &t, &why);
    }
    r = r < 0 ? r : open_slots(&b, &t, &why);
    if (r < 0) {
        for (size_t i = 0; i < n; i++) {
            job[i].data = NULL;
            job_fail(&job[i], r, &why);
        }
        if (e) {
            *e = why;
        }
        return r;
    }
    memcpy(p->token_id, t.id, sizeof(p->token_id));
    return batch_run(&b, e);
}
