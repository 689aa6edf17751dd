/* SPDX-License-Identifier: Apache-2.0 */
/* The stdio transport: one event loop over fd 0, the protocol's own copy of fd 1, signals and the
 * worker pool. Keeps: nothing but the protocol reaches the host's end of stdout; start-up opens
 * nothing; end of input and SIGTERM end this process in bounded time and kill no running call. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/mcp/linein.h"
#include "proximo-client/mcp/mcp.h"
#include "proximo-client/mcp/outq.h"
#include "proximo-client/mcp/peer.h"
#include "proximo-client/mcp/pool.h"

/* A host that sends without reading is not read from either, long before the queue's ceiling. */
#define PAUSE_BYTES  (8 * 1024 * 1024)
#define RESUME_BYTES (4 * 1024 * 1024)
#define PRINT_MAX    OUTQ_MAX

struct stdio {
    struct mcp_options o;
    struct event_base *base;
    struct event *readable, *writable, *term[3], *heartbeat, *deadline;
    int out_fd;
    struct outq out;
    struct linein in;
    struct peer *peer;
    struct pool *pool;
    enum { RUNNING, DRAINING, TERMINATED } phase;
    int failure; /* -errno that ended the loop */
};

static void fail(struct stdio *s, int code) {
    s->failure = code;
    (void)event_base_loopbreak(s->base);
}

static void after_write(struct stdio *s, int r) {
    if (r < 0) {
        fail(s, r);
        return;
    }
    if (s->out.bytes > 0) {
        (void)event_add(s->writable, NULL);
    }
    if (s->phase == RUNNING && s->out.bytes <= RESUME_BYTES) {
        (void)event_add(s->readable, NULL);
    }
}

/* ---- the peer's side --------------------------------------------------------------------------*/

static void on_send(void *ctx, js *msg, bool droppable) {
    CLEANUP(js_freep) js *owned = msg;
    CLEANUP(buf_done) struct buf b = BUF_INIT(PRINT_MAX);
    struct stdio *s = ctx;
    size_t len;
    int r = js_print(owned, &b);

    r = r < 0 ? r : buf_addc(&b, '\n');
    len = b.len;
    r = r < 0 ? r : outq_push(&s->out, buf_take(&b), len, droppable);
    if (r < 0) {
        fail(s, r);
        return;
    }
    after_write(s, outq_flush(&s->out));
    if (s->out.bytes > PAUSE_BYTES) {
        (void)event_del(s->readable);
    }
}

static int on_start(void *ctx, int64_t ticket, js *call, struct err *e) {
    struct stdio *s = ctx;

    return pool_start(s->pool, ticket, call, e);
}

static void on_cancel(void *ctx, int64_t ticket) {
    struct stdio *s = ctx;

    pool_cancel(s->pool, ticket);
}

static const struct peer_ops peer_ops = {on_send, on_start, on_cancel};

/* ---- the pool's side --------------------------------------------------------------------------*/

/* While draining, the last answer that is out ends the process. */
static void check_drained(struct stdio *s) {
    if (s->phase != RUNNING && peer_open(s->peer) == 0 && s->out.bytes == 0) {
        (void)event_base_loopbreak(s->base);
    }
}

static void on_progress(void *ctx, int64_t ticket, double done, double total, const char *message) {
    struct stdio *s = ctx;

    peer_progress(s->peer, ticket, done, total, message);
}

static void on_result(void *ctx, int64_t ticket, js *body) {
    struct stdio *s = ctx;

    peer_result(s->peer, ticket, body);
    check_drained(s);
}

static void on_lost(void *ctx, int64_t ticket, const char *why) {
    struct stdio *s = ctx;

    peer_lost(s->peer, ticket, why);
    check_drained(s);
}

static const struct pool_ops pool_ops = {on_progress, on_result, on_lost};

/* ---- events -----------------------------------------------------------------------------------*/

static struct timeval ms(int64_t n) {
    return (struct timeval){.tv_sec = n / 1000, .tv_usec = n % 1000 * 1000};
}

static void drain(struct stdio *s, int64_t wait_ms) {
    struct timeval tv = ms(wait_ms);

    (void)event_del(s->readable);
    (void)event_add(s->deadline, &tv);
    check_drained(s);
}

static void on_line(void *ctx, const char *text, size_t len) {
    struct stdio *s = ctx;

    peer_line(s->peer, text, len);
}

static void on_oversize(void *ctx) {
    struct stdio *s = ctx;

    peer_oversize(s->peer);
}

static void on_readable(evutil_socket_t fd, short what, void *arg) {
    static const struct linein_ops line_ops = {on_line, on_oversize};
    char chunk[64 * 1024];
    struct stdio *s = arg;
    ssize_t n = read(fd, chunk, sizeof(chunk));
    int r;

    (void)what;
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (n <= 0) {
        /* The shutdown signal of the protocol. A line without its end is no message. */
        s->phase = DRAINING;
        drain(s, s->o.drain_eof_ms);
        return;
    }
    r = linein_feed(&s->in, chunk, (size_t)n, &line_ops, s);
    if (r < 0) {
        fail(s, r);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *arg) {
    struct stdio *s = arg;

    (void)fd;
    (void)what;
    after_write(s, outq_flush(&s->out));
    check_drained(s);
}

static void on_term(evutil_socket_t fd, short what, void *arg) {
    struct stdio *s = arg;

    (void)fd;
    (void)what;
    if (s->phase == TERMINATED) { /* asked twice: now */
        (void)event_base_loopbreak(s->base);
        return;
    }
    s->phase = TERMINATED;
    pool_drop_queue(s->pool, "the server is shutting down; this call was not started");
    drain(s, s->o.drain_term_ms);
}

static void on_heartbeat(evutil_socket_t fd, short what, void *arg) {
    struct stdio *s = arg;

    (void)fd;
    (void)what;
    peer_heartbeat(s->peer);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg) {
    struct stdio *s = arg;

    (void)fd;
    (void)what;
    (void)event_base_loopbreak(s->base);
}

/* ---- life -------------------------------------------------------------------------------------*/

/* Moves the protocol away from fd 1, so that nothing - no library, no forgotten printf - can write
 * into the JSON-RPC stream. */
static int stdout_reserve(int *ret_fd) {
    CLEANUP(closep) int null = -1;
    CLEANUP(closep) int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

    if (fd < 0) {
        return -errno;
    }
    if (fcntl(STDERR_FILENO, F_GETFD) < 0) { /* a host may start us without one */
        null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (null < 0 || dup2(null, STDERR_FILENO) < 0) {
            return -errno;
        }
        null = null == STDERR_FILENO ? -1 : null;
    }
    if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
        return -errno;
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static void fill_defaults(struct mcp_options *o) {
    o->workers = o->workers ? o->workers : 4;
    o->queue = o->queue ? o->queue : 64;
    o->idle_ms = o->idle_ms ? o->idle_ms : 60 * 1000;
    o->heartbeat_ms = o->heartbeat_ms ? o->heartbeat_ms : 5 * 1000;
    o->drain_eof_ms = o->drain_eof_ms ? o->drain_eof_ms : 30 * 1000;
    o->drain_term_ms = o->drain_term_ms ? o->drain_term_ms : 1500;
}

static void event_freep(struct event **ev) {
    if (*ev) {
        event_free(*ev);
    }
    *ev = NULL;
}

static void stdio_done(struct stdio *s) {
    pool_freep(&s->pool);
    peer_freep(&s->peer);
    event_freep(&s->readable);
    event_freep(&s->writable);
    for (size_t i = 0; i < ARRAY_LEN(s->term); i++) {
        event_freep(&s->term[i]);
    }
    event_freep(&s->heartbeat);
    event_freep(&s->deadline);
    if (s->base) {
        event_base_free(s->base);
    }
    outq_done(&s->out);
    linein_done(&s->in);
    closep(&s->out_fd);
}

/* poll(2), because epoll refuses plain files, and `proximo-client mcp < requests > answers` is
 * worth having. There are never more than a dozen descriptors. */
static struct event_base *base_new(void) {
    struct event_config *cfg = event_config_new();
    struct event_base *base = NULL;

    if (cfg && event_config_require_features(cfg, EV_FEATURE_FDS) == 0) {
        base = event_base_new_with_config(cfg);
    }
    if (cfg) {
        event_config_free(cfg);
    }
    return base;
}

static int events_new(struct stdio *s) {
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct timeval beat = ms(s->o.heartbeat_ms);

    s->readable = event_new(s->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_readable, s);
    s->writable = event_new(s->base, s->out_fd, EV_WRITE, on_writable, s);
    s->heartbeat = event_new(s->base, -1, EV_PERSIST, on_heartbeat, s);
    s->deadline = event_new(s->base, -1, 0, on_deadline, s);
    if (!s->readable || !s->writable || !s->heartbeat || !s->deadline) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        s->term[i] = evsignal_new(s->base, signals[i], on_term, s);
        if (!s->term[i] || evsignal_add(s->term[i], NULL) < 0) {
            return -ENOMEM;
        }
    }
    return event_add(s->readable, NULL) < 0 || event_add(s->heartbeat, &beat) < 0 ? -EIO : 0;
}

int mcp_run(const struct mcp_backend *b, const struct mcp_options *o, struct err *e) {
    CLEANUP(stdio_done) struct stdio s = {.out_fd = -1, .in = LINEIN_INIT};
    int r;

    if (o) {
        s.o = *o;
    }
    fill_defaults(&s.o);
    (void)signal(SIGPIPE, SIG_IGN);
    r = stdout_reserve(&s.out_fd);
    if (r < 0) {
        return err_set(e, r, "reserve stdout for the protocol: %s", strerror(-r));
    }
    outq_init(&s.out, s.out_fd, OUTQ_MAX);
    s.base = base_new();
    if (!s.base || events_new(&s) < 0) {
        return err_set(e, -EIO, "cannot set up the event loop");
    }
    r = pool_new(s.base, b, &s.o, &pool_ops, &s, &s.pool, e);
    if (r < 0) {
        return r;
    }
    r = peer_new(b, &peer_ops, &s, &s.peer, e);
    if (r < 0) {
        return r;
    }
    if (event_base_dispatch(s.base) < 0) {
        return err_set(e, -EIO, "the event loop failed");
    }
    if (s.failure == -ENOBUFS) {
        return err_set(e, s.failure, "the host does not read its answers: %d bytes wait", OUTQ_MAX);
    }
    if (s.failure && s.failure != -EPIPE && s.failure != -ECONNRESET) {
        return err_set(e, s.failure, "protocol stream: %s", strerror(-s.failure));
    }
    return 0;
}
