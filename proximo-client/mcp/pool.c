/* SPDX-License-Identifier: Apache-2.0 */
/* Worker processes and the queue before them. Keeps: one call at a time a worker; the end of a
 * worker costs the call it ran and no other; only processes started here are waited for. */
#include "proximo-client/mcp/pool.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/mcp/mcp.h"
#include "proximo-client/mcp/wire.h"
#include "proximo-client/mcp/worker.h"

#define MAX_JOBS 64 /* a process each, a few MiB */

struct worker_link {
    struct pool *pool;
    pid_t pid;               /* 0 once reaped */
    struct bufferevent *bev; /* NULL once let go or gone */
    struct event *idle;
    struct buf in;
    int64_t ticket; /* 0 = idle */
    bool is_leaving;
    struct worker_link *next;
};

struct waiting {
    int64_t ticket;
    js *call;
    struct waiting *next;
};

struct pool {
    struct event_base *base;
    const struct mcp_backend *b;
    const struct mcp_options *o;
    const struct pool_ops *ops;
    void *ctx;
    struct worker_link *workers; /* most recently used first: the warm one is taken again */
    struct waiting *queue, **tail;
    unsigned int queued;
    struct event *pump, *sigchld;
};

/* ---- workers ----------------------------------------------------------------------------------*/

static void link_free_if_over(struct worker_link *w) {
    struct worker_link **at = &w->pool->workers;

    if (w->pid || w->bev) {
        return;
    }
    while (*at != w) {
        at = &(*at)->next;
    }
    *at = w->next;
    event_free(w->idle);
    buf_done(&w->in);
    free(w);
}

/* Closes our end. The process ends when it is idle; it stays in the list until it is reaped. */
static void link_close(struct worker_link *w) {
    if (w->bev) {
        bufferevent_free(w->bev);
        w->bev = NULL;
    }
    (void)event_del(w->idle);
}

static void link_broken(struct worker_link *w, const char *why) {
    struct pool *p = w->pool;
    int64_t ticket = w->ticket;

    w->ticket = 0;
    link_close(w);
    link_free_if_over(w);
    if (ticket) {
        p->ops->lost(p->ctx, ticket, why);
    }
    event_active(p->pump, 0, 0);
}

static void on_reap(evutil_socket_t fd, short what, void *arg) {
    struct pool *p = arg;
    struct worker_link *next;

    (void)fd;
    (void)what;
    for (struct worker_link *w = p->workers; w; w = next) {
        next = w->next;
        if (w->pid && waitpid(w->pid, NULL, WNOHANG) == w->pid) {
            w->pid = 0;
            link_free_if_over(w); /* else its socket still has to say so */
        }
    }
}

static void on_idle(evutil_socket_t fd, short what, void *arg) {
    struct worker_link *w = arg;

    (void)fd;
    (void)what;
    link_close(w);
    link_free_if_over(w);
}

static void rest(struct worker_link *w) {
    struct timeval tv = {.tv_sec = w->pool->o->idle_ms / 1000,
                         .tv_usec = w->pool->o->idle_ms % 1000 * 1000};

    w->ticket = 0;
    (void)event_add(w->idle, &tv);
    event_active(w->pool->pump, 0, 0);
}

/* ---- what a worker says -----------------------------------------------------------------------*/

/* False when the worker cannot be believed any more. */
static bool take_one(struct worker_link *w, struct wire_msg *m) {
    struct pool *p = w->pool;
    int64_t ticket = w->ticket;

    if (!ticket || m->seq != ticket) {
        return false;
    }
    switch (m->kind) {
    case WIRE_PROGRESS:
        p->ops->progress(p->ctx, ticket, m->done, m->total, m->message);
        return true;
    case WIRE_RESULT:
        if (m->is_last) {
            w->ticket = 0;
            w->is_leaving = true;
        } else {
            rest(w);
        }
        p->ops->result(p->ctx, ticket, js_ref(m->body));
        return true;
    case WIRE_CALL:
    case WIRE_CANCEL:
    default:
        return false;
    }
}

static void on_read(struct bufferevent *bev, void *arg) {
    struct evbuffer *input = bufferevent_get_input(bev);
    struct worker_link *w = arg;
    int r = 1;

    while (evbuffer_get_length(input) > 0 && r >= 0) {
        char chunk[16 * 1024];
        int n = evbuffer_remove(input, chunk, sizeof(chunk));

        r = n < 0 ? -EIO : buf_add(&w->in, chunk, (size_t)n);
        while (r >= 0) {
            CLEANUP(wire_msg_done) struct wire_msg m = {0};

            r = wire_take(&w->in, &m, NULL);
            if (r == 0) {
                break;
            }
            if (r > 0 && !take_one(w, &m)) {
                r = -EBADMSG;
            }
        }
    }
    if (r < 0 || w->is_leaving) {
        link_broken(w, "the worker process of this call wrote nonsense");
    }
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
    (void)bev;
    (void)what;
    link_broken(arg, "the worker process of this call ended unexpectedly; "
                     "what it had begun is not known here");
}

/* ---- giving work ------------------------------------------------------------------------------*/

static int spawn(struct pool *p, struct worker_link **ret, struct err *e) {
    CLEANUP(freep) struct worker_link *w = calloc(1, sizeof(*w));
    CLEANUP(closep) int fd = -1;
    int r;

    if (!w) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    w->pool = p;
    w->in = (struct buf)BUF_INIT(WIRE_BUF);
    w->idle = event_new(p->base, -1, 0, on_idle, w);
    if (!w->idle) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    r = worker_start(p->b, &w->pid, &fd, e);
    if (r < 0) {
        event_free(w->idle);
        return r;
    }
    w->bev = bufferevent_socket_new(p->base, fd, BEV_OPT_CLOSE_ON_FREE);
    w->next = p->workers;
    p->workers = w;
    if (!w->bev) { /* the child sees its socket close and ends; it is reaped like any other */
        TAKE(w);
        return err_set(e, -ENOMEM, "out of memory");
    }
    (void)TAKE_FD(fd);
    bufferevent_setcb(w->bev, on_read, NULL, on_event, w);
    (void)bufferevent_enable(w->bev, EV_READ | EV_WRITE);
    *ret = TAKE(w);
    return 0;
}

static unsigned int busy(const struct pool *p, unsigned int *ret_live) {
    unsigned int n = 0;

    *ret_live = 0;
    for (const struct worker_link *w = p->workers; w; w = w->next) {
        *ret_live += w->bev != NULL;
        n += w->bev && w->ticket;
    }
    return n;
}

/* Workers that finish a handed-over operation alone. */
static unsigned int jobs(const struct pool *p) {
    unsigned int n = 0;

    for (const struct worker_link *w = p->workers; w; w = w->next) {
        n += w->pid && w->is_leaving;
    }
    return n;
}

static int find_worker(struct pool *p, struct worker_link **ret, struct err *e) {
    unsigned int live;

    for (struct worker_link *w = p->workers; w; w = w->next) {
        if (w->bev && !w->ticket) {
            *ret = w;
            return 0;
        }
    }
    *ret = NULL;
    if (busy(p, &live) >= p->o->workers) {
        return 0;
    }
    return spawn(p, ret, e);
}

static struct waiting *dequeue(struct pool *p) {
    struct waiting *q = p->queue;

    p->queue = q->next;
    if (!p->queue) {
        p->tail = &p->queue;
    }
    p->queued--;
    return q;
}

static void waiting_free(struct waiting *q) {
    json_object_put(q->call);
    free(q);
}

static void say(struct worker_link *w, js *m) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(WIRE_BUF);

    /* A message that does not fit would leave the call waiting for ever: end the link instead. */
    if (wire_put(&b, m) < 0 || bufferevent_write(w->bev, b.data, b.len) < 0) {
        link_broken(w, "the call could not be handed to a worker");
    }
}

static void on_pump(evutil_socket_t fd, short what, void *arg) {
    struct pool *p = arg;

    (void)fd;
    (void)what;
    while (p->queue) {
        struct worker_link *w = NULL;
        struct err e = {0};
        struct waiting *q;
        unsigned int live;

        if (find_worker(p, &w, &e) < 0 && busy(p, &live) == 0) {
            q = dequeue(p);
            p->ops->lost(p->ctx, q->ticket, e.msg);
            waiting_free(q);
            continue;
        }
        if (!w) { /* the next worker to finish pumps again */
            return;
        }
        q = dequeue(p);
        (void)event_del(w->idle);
        w->ticket = q->ticket;
        say(w, TAKE(q->call));
        waiting_free(q);
    }
}

int pool_start(struct pool *p, int64_t ticket, js *call, struct err *e) {
    CLEANUP(js_freep) js *owned = call;
    struct waiting *q;
    unsigned int live;
    unsigned int free_now = p->o->workers - busy(p, &live);

    if (p->queued >= p->o->queue + free_now) {
        return err_set(e, -EBUSY,
                       "%u calls run and %u wait already: try again when some have ended",
                       p->o->workers, p->o->queue);
    }
    if (jobs(p) >= MAX_JOBS) {
        return err_set(e, -EBUSY, "%d operations run as jobs already: wait for some to end",
                       MAX_JOBS);
    }
    q = calloc(1, sizeof(*q));
    if (!q) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    q->ticket = ticket;
    q->call = TAKE(owned);
    *p->tail = q;
    p->tail = &q->next;
    p->queued++;
    event_active(p->pump, 0, 0);
    return 0;
}

void pool_cancel(struct pool *p, int64_t ticket) {
    for (struct waiting **at = &p->queue; *at; at = &(*at)->next) {
        struct waiting *q = *at;

        if (q->ticket == ticket) {
            *at = q->next;
            if (!*at) {
                p->tail = at;
            }
            p->queued--;
            waiting_free(q);
            return;
        }
    }
    for (struct worker_link *w = p->workers; w; w = w->next) {
        if (w->bev && w->ticket == ticket) {
            say(w, wire_cancel(ticket));
            return;
        }
    }
}

void pool_drop_queue(struct pool *p, const char *why) {
    while (p->queue) {
        struct waiting *q = dequeue(p);

        p->ops->lost(p->ctx, q->ticket, why);
        waiting_free(q);
    }
}

/* ---- life -------------------------------------------------------------------------------------*/

int pool_new(struct event_base *base, const struct mcp_backend *b, const struct mcp_options *o,
             const struct pool_ops *ops, void *ctx, struct pool **ret, struct err *e) {
    CLEANUP(pool_freep) struct pool *p = calloc(1, sizeof(*p));

    if (!p) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    *p = (struct pool){.base = base, .b = b, .o = o, .ops = ops, .ctx = ctx};
    p->tail = &p->queue;
    p->pump = event_new(base, -1, 0, on_pump, p);
    p->sigchld = evsignal_new(base, SIGCHLD, on_reap, p);
    if (!p->pump || !p->sigchld || evsignal_add(p->sigchld, NULL) < 0) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    *ret = TAKE(p);
    return 0;
}

void pool_freep(struct pool **pp) {
    struct pool *p = *pp;

    if (!p) {
        return;
    }
    while (p->queue) {
        waiting_free(dequeue(p));
    }
    while (p->workers) {
        struct worker_link *w = p->workers;

        link_close(w);
        w->pid = 0; /* init reaps what outlives us */
        link_free_if_over(w);
    }
    if (p->pump) {
        event_free(p->pump);
    }
    if (p->sigchld) {
        event_free(p->sigchld);
    }
    free(p);
    *pp = NULL;
}
