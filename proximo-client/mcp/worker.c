/* SPDX-License-Identifier: Apache-2.0 */
/* The worker process: one call after the other. Keeps: a call that has begun is brought to its end
 * whatever becomes of the protocol process (an apply must write its outcome), so neither a signal
 * nor a closed socket ends it; only then the worker goes. */
#include "proximo-client/mcp/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "proximo-client/mcp/content.h"
#include "proximo-client/mcp/mcp.h"
#include "proximo-client/mcp/wire.h"

#define WORKER_FD    3
#define NOTE_GAP_MS  20 /* progress notes in quicker succession tell nobody anything */
#define NOTE_MAX_LEN 400

struct worker {
    const struct mcp_backend *b;
    int fd;
    struct buf in;
    bool parent_gone;
    int64_t seq; /* of the call that runs */
    bool is_cancelled;
    int64_t last_note_ms; /* 0 = none for this call */
};

static volatile sig_atomic_t stop_wanted;

static void on_signal(int sig) {
    (void)sig;
    stop_wanted = 1;
}

/* ---- talking to the parent --------------------------------------------------------------------*/

/* The host may wait for stderr to be closed before it believes that the server has ended; a call
 * that outlives the server must not hold it. */
static void let_go(struct worker *w) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    w->parent_gone = true;
    if (null >= 0) {
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
        (void)close(null);
    }
}

static void tell(struct worker *w, js *m) {
    CLEANUP(buf_done) struct buf out = BUF_INIT(WIRE_BUF);
    size_t done = 0;

    if (wire_put(&out, m) < 0 || w->parent_gone) {
        return;
    }
    while (done < out.len) {
        ssize_t n = send(w->fd, out.data + done, out.len - done, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            let_go(w);
            return;
        }
        done += (size_t)n;
    }
}

/* Takes in what has arrived. flags: MSG_DONTWAIT or 0. */
static void listen_to_parent(struct worker *w, int flags) {
    char chunk[16 * 1024];
    ssize_t n = recv(w->fd, chunk, sizeof(chunk), flags);

    if (n > 0 && buf_add(&w->in, chunk, (size_t)n) < 0) {
        n = 0;
    }
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        let_go(w);
    }
}

/* ---- what a running call may ask --------------------------------------------------------------*/

static bool call_cancelled(void *cb) {
    struct worker *w = cb;

    while (!w->is_cancelled && !w->parent_gone) {
        CLEANUP(wire_msg_done) struct wire_msg m = {0};
        int r = wire_take(&w->in, &m, NULL);

        if (r < 0) {
            let_go(w);
        } else if (r > 0) {
            w->is_cancelled = m.kind == WIRE_CANCEL && m.seq == w->seq;
        } else {
            size_t before = w->in.len;

            listen_to_parent(w, MSG_DONTWAIT);
            if (w->in.len == before) {
                break;
            }
        }
    }
    return w->is_cancelled;
}

static void call_progress(void *cb, double done, double total, const char *message) {
    struct worker *w = cb;
    int64_t now = clock_mono_ms();
    char text[NOTE_MAX_LEN];
    size_t n = 0;

    if (w->last_note_ms && now - w->last_note_ms < NOTE_GAP_MS) {
        return;
    }
    w->last_note_ms = now;
    for (; message && *message && n + 1 < sizeof(text); message++) {
        text[n++] = (unsigned char)*message < 0x20 || *message == 0x7f ? ' ' : *message;
    }
    text[n] = '\0';
    tell(w, wire_progress(w->seq, isfinite(done) ? done : 0, isfinite(total) ? total : 0,
                          message ? text : NULL));
}

/* The call is answered, its work goes on: from here on nobody listens. */
static void call_hand_over(void *cb, js *result) {
    struct worker *w = cb;

    tell(w, wire_result(w->seq, content_result(result), true));
    let_go(w);
}

/* ---- one call ---------------------------------------------------------------------------------*/

static js *run(struct worker *w, const struct wire_msg *m) {
    const struct mcp_backend *b = w->b;
    CLEANUP(js_freep) js *result = NULL;
    struct mcp_call c = {
        .tool = m->tool,
        .args = m->args,
        .actor = m->actor,
        .progress = call_progress,
        .cancelled = call_cancelled,
        .hand_over = call_hand_over,
        .cb = w,
    };
    struct err e = {0};

    if (b->call(b->ctx, &c, &result, &e) < 0) {
        return content_error(&e, b->error ? b->error(b->ctx, &e) : NULL, TAKE(result),
                             !m->has_schema);
    }
    if (b->gives_content && b->gives_content(b->ctx, m->tool)) {
        return TAKE(result);
    }
    return content_result(TAKE(result));
}

static void serve(struct worker *w, const struct wire_msg *m) {
    w->seq = m->seq;
    w->is_cancelled = false;
    w->last_note_ms = 0;
    tell(w, wire_result(m->seq, run(w, m), false));
}

/* Returns when there is something to read, or when it is time to go. */
static bool wait_for_work(const struct worker *w) {
    struct pollfd p = {.fd = w->fd, .events = POLLIN};

    while (!stop_wanted && !w->parent_gone) {
        if (poll(&p, 1, -1) > 0) {
            return true;
        }
    }
    return false;
}

static _Noreturn void worker_loop(struct worker *w) {
    for (;;) {
        CLEANUP(wire_msg_done) struct wire_msg m = {0};
        int r = wire_take(&w->in, &m, NULL);

        if (r < 0 || (r > 0 && m.kind != WIRE_CALL && m.kind != WIRE_CANCEL)) {
            _exit(1); /* our own parent does not write nonsense */
        }
        if (r > 0 && m.kind == WIRE_CALL) {
            serve(w, &m);
        } else if (r == 0) {
            if (!wait_for_work(w)) {
                _exit(0);
            }
            listen_to_parent(w, 0);
        }
    }
}

/* ---- birth ------------------------------------------------------------------------------------*/

/* A session of its own: Ctrl-C in a terminal and a host that signals its process group reach the
 * protocol process, which decides; a running apply is not what they mean to kill. */
static void shed_parent(int fd) {
    static const int handled[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction act = {.sa_handler = SIG_DFL};
    sigset_t none;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)setsid();
    (void)prctl(PR_SET_NAME, "proximo-worker");
    if (null < 0 || dup2(null, STDIN_FILENO) < 0) {
        _exit(1);
    }
    if (fd != WORKER_FD && dup3(fd, WORKER_FD, O_CLOEXEC) < 0) {
        _exit(1);
    }
    if (close_range(WORKER_FD + 1, ~0u, 0) < 0) {
        _exit(1);
    }
    (void)sigaction(SIGCHLD, &act, NULL);
    act.sa_handler = on_signal;
    act.sa_flags = SA_RESTART;
    for (size_t i = 0; i < ARRAY_LEN(handled); i++) {
        (void)sigaction(handled[i], &act, NULL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void child(const struct mcp_backend *b, int fd) {
    struct worker w = {.b = b, .fd = WORKER_FD, .in = BUF_INIT(WIRE_BUF)};

    shed_parent(fd);
    worker_loop(&w);
}

int worker_start(const struct mcp_backend *b, pid_t *ret_pid, int *ret_fd, struct err *e) {
    CLEANUP(closep) int ours = -1;
    CLEANUP(closep) int theirs = -1;
    sigset_t all;
    sigset_t old;
    int pair[2];
    pid_t pid;
    int r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        return err_set(e, -errno, "socketpair: %s", strerror(errno));
    }
    ours = pair[0];
    theirs = pair[1];
    r = fd_nonblock(ours);
    if (r < 0) {
        return err_set(e, r, "non-blocking socket: %s", strerror(-r));
    }
    /* No handler of the event loop may run in the child before it has its own: it would write into
     * a socket that both still share. */
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &old);
    pid = fork();
    r = errno;
    if (pid == 0) {
        child(b, theirs);
    }
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
    if (pid < 0) {
        return err_set(e, -r, "fork: %s", strerror(r));
    }
    *ret_pid = pid;
    *ret_fd = TAKE_FD(ours);
    return 0;
}
