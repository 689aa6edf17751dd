/* SPDX-License-Identifier: Apache-2.0 */
/* One command in a container (the program that acts). Invariants: what follows the command into the
 * container is what is written here and nothing else (descriptors, variables, session, signals are
 * made anew); when the first byte of what it says is read, this process can do no more than read,
 * count, pass on and kill; what left the container is counted and hashed before anybody else sees
 * it; at the end nothing that is still our descendant is alive. Attach's own failure is told from
 * the command's status by the log that attach writes only for itself. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/lean.h"
#include "common/own.h"
#include "common/request.h"
#include "common/run.h"
#include "pveagentd/act/act.h"

#define ATTACH    "/usr/bin/lxc-attach"
#define DRAIN_MS  2000
#define ARGS_MOST 512 /* arguments, and variables, of a request */
#define CHUNK     16384
#define NOBODYS                                                                                    \
    0x7ffffffe /* no account and no container has this user: nobody shares it with us              \
                */

struct stream {
    int from, to; /* -1: closed */
    uint64_t bytes;
    struct sha256 *sum;
    struct buf tail;
    char *chunk;    /* CHUNK bytes */
    size_t at, len; /* what of the chunk still has to go to the front end */
};

struct run {
    const struct order *o;
    const struct node_request *q;
    pid_t pid;
    int pidfd;
    struct stream s[2];
    int64_t deadline_ms, drain_ms; /* drain_ms 0: the command has not ended */
    bool timed_out, cancelled, ended;
    int status;
    int log; /* memfd: what attach says of itself */
    char log_path[48];
};

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
    const char *front[] = {
        ATTACH, "-P",   r->o->text[ORDER_LXC_PATH], "-n", w->id, "--clear-env", "-o", r->log_path,
        "-l",   "ERROR"};
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

/* From here on this process reads what a container says: without files, other processes' memory or
 * anything but the right to end what it started, there is nothing that could be got through it. */
static void give_up_rights(void) {
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct only[2] = {
        {.effective = 1u << CAP_KILL, .permitted = 1u << CAP_KILL}};

    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
        setresgid(NOBODYS, NOBODYS, NOBODYS) < 0 || setresuid(NOBODYS, NOBODYS, NOBODYS) < 0 ||
        syscall(SYS_capset, &h, only) < 0) {
        (void)reap_all();
        _exit(1); /* how it ended is then unknown, which is true */
    }
}

static int spawn(struct run *r, const int po[2], const int pe[2]) {
    static struct words w; /* too large for the stack; single-threaded */

    w.n = 0;
    build_argv(r, &w);
    r->pid = run_start(w.v, r->o->fd[2], po[1], pe[1]);
    if (r->pid < 0) {
        return r->pid;
    }
    r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
    return r->pidfd < 0 ? -errno : 0;
}

static void take_bytes(struct stream *s, uint64_t left) {
    ssize_t n = read(s->from, s->chunk, CHUNK);
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
    /* who gave the order takes it back, or died */
    f[3] = (struct pollfd){.fd = r->ended ? -1 : STDIN_FILENO, .events = POLLRDHUP};
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
        struct pollfd f[4];

        watch(r, f);
        if (poll(f, ARRAY_LEN(f), (int)wait_ms(r)) < 0 && errno != EINTR) {
            break;
        }
        pump(r, f);
        if (f[2].revents) {
            note_end(r);
        }
        if (!r->ended && f[3].revents) {
            r->cancelled = true;
            kill_command(r);
        }
        if (!r->ended && clock_mono_ms() >= r->deadline_ms) {
            r->timed_out = true;
            kill_command(r);
        }
    }
}

static int judge(const struct run *r, struct outcome *o, struct err *e) {
    int status = WIFEXITED(r->status) ? WEXITSTATUS(r->status) : 128 + WTERMSIG(r->status);
    struct stat st;
    bool complained = fstat(r->log, &st) == 0 && st.st_size > 0;

    o->left_behind_unknown = r->timed_out || r->cancelled || r->s[0].from >= 0 || r->s[1].from >= 0;
    if (r->cancelled || r->timed_out) {
        o->how = r->cancelled ? HOW_CANCELLED : HOW_TIMED_OUT;
        o->value = 0;
    } else if (complained && status == 1) {
        o->value = 1;
        return err_tag(e, -EIO, "attach_failed", "lxc-attach could not enter the container");
    } else {
        /* attach passes a signal on as 128+n, as a shell does */
        o->how = status > 128 && status <= 192 ? HOW_SIGNALLED : HOW_EXITED;
        o->value = o->how == HOW_SIGNALLED ? status - 128 : status;
    }
    return 0;
}

static int prepare(struct run *r, int po[2], int pe[2]) {
    r->log = memfd_create("attach", MFD_CLOEXEC);
    (void)snprintf(r->log_path, sizeof(r->log_path), "/proc/%d/fd/%d", (int)getpid(), r->log);
    if (r->log < 0 || pipe2(po, O_CLOEXEC) < 0) {
        return -errno;
    }
    r->s[0].from = po[0];
    if (pipe2(pe, O_CLOEXEC) < 0) {
        return -errno;
    }
    r->s[1].from = pe[0];
    for (int i = 0; i < 2; i++) {
        struct stream *s = &r->s[i];

        s->to = fcntl(r->o->fd[i], F_DUPFD_CLOEXEC, 3);
        s->tail = (struct buf)BUF_INIT((size_t)2 * EXEC_TAIL);
        if (s->to < 0 || fd_nonblock(s->to) < 0 || fd_nonblock(s->from) < 0) {
            return -EMFILE;
        }
    }
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* While attach enters the container: what is needed only when something is heard of it. */
static int make_sums(struct run *r) {
    lean_crypto();
    for (int i = 0; i < 2; i++) {
        struct stream *s = &r->s[i];

        s->sum = sha256_new();
        if (!s->sum) {
            return -ENOMEM;
        }
        sha256_add(s->sum, r->o->salt, ORDER_SALT);
    }
    return 0;
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
    closep(&r->log);
}

int exec_run(struct job *j, struct err *e) {
    static char chunk[2][CHUNK]; /* one run a process */
    struct run r = {.o = &j->o, .q = &j->q, .pidfd = -1, .log = -1};
    int po[2] = {-1, -1};
    int pe[2] = {-1, -1};
    int rc;

    if (j->q.op != OP_EXEC) {
        return err_set(e, -EINVAL, "the request is no command");
    }
    for (int i = 0; i < 2; i++) {
        r.s[i] = (struct stream){.from = -1, .to = -1, .chunk = chunk[i]};
    }
    rc = prepare(&r, po, pe);
    r.deadline_ms = clock_mono_ms() + (int64_t)j->q.timeout_s * 1000;
    rc = rc < 0 ? rc : spawn(&r, po, pe);
    rc = rc < 0 ? rc : make_sums(&r);
    closep(&po[1]);
    closep(&pe[1]);
    if (rc < 0) {
        (void)reap_all();
        rc = err_tag(e, rc, "attach_failed", "the node could not start it: %s", strerror(-rc));
    } else {
        give_up_rights();
        loop(&r);
        (void)reap_all(); /* nothing that is ours outlives the answer */
        rc = judge(&r, &j->a.outcome, e);
    }
    finish(&r, &j->a.outcome);
    return rc;
}
