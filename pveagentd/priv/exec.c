/* SPDX-License-Identifier: Apache-2.0 */
/* One command in a container (root, request child). Invariants: what follows
 * the command into the container is what is written here and nothing else
 * (descriptors, variables, session, signals are made anew); what left the
 * container is counted and hashed before anybody else sees it; at the end
 * nothing that is still our descendant is alive. Attach's own failure is told
 * from the command's status by the log that attach writes only for itself.
 */
#include "pveagentd/priv/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "common/request.h"
#include "common/run.h"
#include "pveagentd/priv/ct.h"
#include "pveagentd/priv/priv.h"

#define ATTACH    "/usr/bin/lxc-attach"
#define DRAIN_MS  2000
#define ARGS_MOST 512 /* arguments, and variables, of a request */

struct run {
    const struct priv *p;
    const struct node_request *q;
    pid_t pid;
    int pidfd, sigfd, peer;
    struct stream s[2];
    int64_t deadline_ms, drain_ms; /* drain_ms 0: the command has not ended */
    bool timed_out, cancelled, ended;
    int status;
    int log; /* memfd: what attach says of itself */
    char log_path[48];
};

int stdin_sealed(const void *data, size_t len, int *ret, struct err *e) {
    CLEANUP(closep)
    int fd = memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int r = fd < 0 ? -errno : fd_write_all(fd, data, len);

    if (r == 0 &&
        (lseek(fd, 0, SEEK_SET) < 0 ||
         fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)) {
        r = -errno;
    }
    if (r < 0) {
        return err_set(e, r, "standard input: %s", strerror(-r));
    }
    *ret = TAKE_FD(fd);
    return 0;
}

void outcome_init(struct outcome *o) {
    *o = (struct outcome){.how = HOW_NOT_STARTED};
    random_bytes(o->salt, sizeof(o->salt));
    for (int i = 0; i < 2; i++) {
        sha256(o->salt, sizeof(o->salt), &o->hash[i]);
        o->tail[i] = (struct buf)BUF_INIT((size_t)2 * EXEC_TAIL);
    }
}

void outcome_done(struct outcome *o) {
    buf_done(&o->tail[0]);
    buf_done(&o->tail[1]);
}

struct words {
    const char *v[3 * ARGS_MOST + 32]; /* a variable takes two */
    size_t n;
    char id[16], uid[16];
};

static void add(struct words *w, const char *const *v, size_t n) {
    for (size_t i = 0; i < n && w->n + 1 < ARRAY_LEN(w->v); i++) {
        w->v[w->n++] = v[i];
    }
    w->v[w->n] = NULL;
}

static void build_argv(const struct run *r, struct words *w) {
    const struct node_request *q = r->q;
    const char *front[] = {ATTACH,        "-P", ct_lxc_path(r->p), "-n", w->id,
                           "--clear-env", "-o", r->log_path,       "-l", "ERROR"};
    const char *user[] = {"-u", w->uid, "-g", w->uid};
    /* attach cannot change directory and fail when it is missing; env of
     * coreutils can */
    const char *cwd[] = {"/usr/bin/env", "-C", q->cwd, "--"};

    (void)snprintf(w->id, sizeof(w->id), "%u", q->ct);
    (void)snprintf(w->uid, sizeof(w->uid), "%u", q->uid);
    add(w, front, ARRAY_LEN(front));
    add(w, user, q->uid ? ARRAY_LEN(user) : 0); /* without a group it would keep root's */
    for (size_t i = 0; i < q->n_env; i++) {
        add(w, (const char *[]){"-v", q->env[i]}, 2);
    }
    add(w, (const char *[]){"--"}, 1);
    add(w, cwd, q->cwd && strcmp(q->cwd, "/") != 0 ? ARRAY_LEN(cwd) : 0);
    add(w, q->arg, q->n_args);
}

static int spawn(struct run *r, int stdin_fd, const int po[2], const int pe[2]) {
    static struct words w; /* too large for the stack; single-threaded */

    w.n = 0;
    build_argv(r, &w);
    r->pid = run_start(w.v, stdin_fd, po[1], pe[1]);
    if (r->pid < 0) {
        return r->pid;
    }
    r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
    return r->pidfd < 0 ? -errno : 0;
}

static void take_bytes(struct stream *s, uint64_t left) {
    ssize_t n = read(s->from, s->chunk, EXEC_CHUNK);
    size_t forward;

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        closep(&s->from);
        return;
    }
    s->bytes += (uint64_t)n;
    sha256_add(s->sum, s->chunk, (size_t)n);
    if (s->tail.len + (size_t)n > (size_t)2 * EXEC_TAIL) {
        buf_cut(&s->tail, s->tail.len - (s->tail.len < EXEC_TAIL ? s->tail.len : EXEC_TAIL));
    }
    (void)buf_add(&s->tail, s->chunk, (size_t)n);
    forward = (uint64_t)n < left ? (size_t)n : (size_t)left;
    s->at = 0;
    s->len = s->to >= 0 ? forward : 0; /* beyond the limit: counted, hashed, dropped */
}

static void give_bytes(struct stream *s) {
    ssize_t n = write(s->to, s->chunk + s->at, s->len - s->at);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n < 0) {
        closep(&s->to); /* nobody reads: the command goes on, the count too */
        s->at = s->len;
        return;
    }
    s->at += (size_t)n;
}

static uint64_t room(const struct run *r) {
    uint64_t sum = r->s[0].bytes + r->s[1].bytes;

    return sum < r->q->output_max ? r->q->output_max - sum : 0;
}

static void pump(struct run *r, struct pollfd *f) {
    for (int i = 0; i < 2; i++) {
        struct stream *s = &r->s[i];

        if (s->at < s->len) {
            if (f[i].revents) {
                give_bytes(s);
            }
        } else if (s->from >= 0 && f[i].revents) {
            take_bytes(s, room(r));
        }
    }
}

static void watch(const struct run *r, struct pollfd *f) {
    for (int i = 0; i < 2; i++) {
        const struct stream *s = &r->s[i];
        bool giving = s->at < s->len;

        f[i] = (struct pollfd){.fd = giving ? s->to : s->from, .events = giving ? POLLOUT : POLLIN};
    }
    f[2] = (struct pollfd){.fd = r->ended ? -1 : r->pidfd, .events = POLLIN};
    f[3] = (struct pollfd){.fd = r->sigfd, .events = POLLIN};
    f[4] = (struct pollfd){.fd = r->q->kill_on_disconnect && !r->ended ? r->peer : -1,
                           .events = POLLRDHUP};
}

static void note_end(struct run *r) {
    int status = 0;

    if (!r->ended && waitpid(r->pid, &status, WNOHANG) == r->pid) {
        r->ended = true;
        r->status = status;
        r->drain_ms = clock_mono_ms() + DRAIN_MS;
    }
}

static void kill_command(struct run *r) {
    (void)reap_all();
    r->ended = true;
    r->drain_ms = clock_mono_ms() + DRAIN_MS;
}

static int64_t wait_ms(const struct run *r) {
    int64_t until = r->ended ? r->drain_ms : r->deadline_ms;
    int64_t left = until - clock_mono_ms();

    return left < 0 ? 0 : left > 10000 ? 10000 : left;
}

static bool busy(const struct run *r) {
    bool open = r->s[0].from >= 0 || r->s[1].from >= 0 || r->s[0].at < r->s[0].len ||
                r->s[1].at < r->s[1].len;

    return !r->ended || (open && clock_mono_ms() < r->drain_ms);
}

static void loop(struct run *r) {
    while (busy(r)) {
        struct pollfd f[5];

        watch(r, f);
        if (poll(f, ARRAY_LEN(f), (int)wait_ms(r)) < 0 && errno != EINTR) {
            break;
        }
        pump(r, f);
        if (f[2].revents) {
            note_end(r);
        }
        if (f[3].revents) {
            struct signalfd_siginfo si;

            (void)!read(r->sigfd, &si, sizeof(si));
        }
        if (!r->ended && (f[3].revents || f[4].revents)) {
            r->cancelled = true;
            kill_command(r);
        }
        if (!r->ended && clock_mono_ms() >= r->deadline_ms) {
            r->timed_out = true;
            kill_command(r);
        }
    }
}

static void judge(struct run *r, struct outcome *o) {
    int status = WIFEXITED(r->status) ? WEXITSTATUS(r->status) : 128 + WTERMSIG(r->status);
    struct stat st;
    bool complained = fstat(r->log, &st) == 0 && st.st_size > 0;

    o->left_behind_unknown = r->timed_out || r->cancelled || r->s[0].from >= 0 || r->s[1].from >= 0;
    if (r->cancelled || r->timed_out) {
        o->how = r->cancelled ? HOW_CANCELLED : HOW_TIMED_OUT;
        o->value = 0;
    } else if (complained && status == 1) {
        o->how = HOW_NOT_STARTED;
        o->value = 1;
        (void)snprintf(o->note, sizeof(o->note), "lxc-attach could not enter the container");
    } else {
        /* attach passes a signal on as 128+n, as a shell does */
        o->how = status > 128 && status <= 192 ? HOW_SIGNALLED : HOW_EXITED;
        o->value = o->how == HOW_SIGNALLED ? status - 128 : status;
    }
}

static int prepare(struct run *r, const uint8_t salt[static 16], const int out[2], int po[2],
                   int pe[2]) {
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    r->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    r->log = memfd_create("attach", MFD_CLOEXEC);
    (void)snprintf(r->log_path, sizeof(r->log_path), "/proc/%d/fd/%d", (int)getpid(), r->log);
    if (r->sigfd < 0 || r->log < 0 || pipe2(po, O_CLOEXEC) < 0) {
        return -errno;
    }
    r->s[0].from = po[0];
    if (pipe2(pe, O_CLOEXEC) < 0) {
        return -errno;
    }
    r->s[1].from = pe[0];
    for (int i = 0; i < 2; i++) {
        struct stream *s = &r->s[i];

        s->to = fcntl(out[i], F_DUPFD_CLOEXEC, 3);
        s->sum = sha256_new();
        s->tail = (struct buf)BUF_INIT((size_t)2 * EXEC_TAIL);
        if (s->to < 0 || !s->sum || fd_nonblock(s->to) < 0 || fd_nonblock(s->from) < 0) {
            return -EMFILE;
        }
        sha256_add(s->sum, salt, 16);
    }
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static void finish(struct run *r, struct outcome *o) {
    for (int i = 0; i < 2; i++) {
        struct stream *s = &r->s[i];

        closep(&s->from);
        closep(&s->to);
        o->bytes[i] = s->bytes;
        if (s->sum) {
            sha256_end(s->sum, &o->hash[i]);
            sha256_free(s->sum);
        }
        if (s->tail.len > EXEC_TAIL) {
            buf_cut(&s->tail, s->tail.len - EXEC_TAIL);
        }
        buf_done(&o->tail[i]);
        o->tail[i] = s->tail;
    }
    closep(&r->pidfd);
    closep(&r->sigfd);
    closep(&r->log);
}

void exec_run(const struct priv *p, const struct node_request *q, int stdin_fd, const int out[2],
              int peer, struct outcome *ret) {
    static char chunk[2][EXEC_CHUNK]; /* one run a process */
    struct run r = {.p = p, .q = q, .pidfd = -1, .sigfd = -1, .log = -1, .peer = peer};
    int po[2] = {-1, -1};
    int pe[2] = {-1, -1};
    int rc;

    for (int i = 0; i < 2; i++) {
        r.s[i] = (struct stream){.from = -1, .to = -1, .chunk = chunk[i]};
    }
    rc = prepare(&r, ret->salt, out, po, pe);
    r.deadline_ms = clock_mono_ms() + (int64_t)q->timeout_s * 1000;
    rc = rc < 0 ? rc : spawn(&r, stdin_fd, po, pe);
    closep(&po[1]);
    closep(&pe[1]);
    if (rc < 0) {
        (void)snprintf(ret->note, sizeof(ret->note), "the node could not start it: %s",
                       strerror(-rc));
        r.status = 1 << 8;
        (void)reap_all();
        ret->how = HOW_NOT_STARTED;
    } else {
        loop(&r);
        (void)reap_all(); /* nothing that is ours outlives the answer */
        judge(&r, ret);
    }
    finish(&r, ret);
}
