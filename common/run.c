/* SPDX-License-Identifier: Apache-2.0 */
/* Programs started from nothing: what a caller holds, ignores or has in its environment must not
 * become part of what they do. */
#include "common/run.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"

#define TOOL_SHORT 4096 /* of what it says on stderr */

/* What is started; exe: a descriptor of it, -1: it is where argv[0] says. */
struct start {
    const char *const *argv;
    char *const *envp;
    int exe, in, out, err;
};

static _Noreturn __attribute__((noinline)) void child(const struct start *s) {
    union {
        const char *const *in;
        char *const *out;
    } args = {.in = s->argv};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    sigset_t none;

    /* All of them: libc's signal() leaves 32 and 33, its own, as an odd caller may have set them.
     */
    for (int n = 1; n < 65; n++) {
        static const uint64_t kernel_default[4]; /* struct sigaction as the kernel knows it */

        (void)syscall(SYS_rt_sigaction, n, kernel_default, NULL, 8);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)umask(022);
    (void)setsid();
    if (null < 0 || dup2(s->in < 0 ? null : s->in, STDIN_FILENO) < 0 ||
        dup2(s->out < 0 ? null : s->out, STDOUT_FILENO) < 0 ||
        dup2(s->err < 0 ? null : s->err, STDERR_FILENO) < 0 ||
        close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0 || chdir("/") < 0) {
        _exit(127);
    }
    if (s->exe < 0) {
        (void)execve(s->argv[0], args.out, s->envp);
    } else {
        (void)execveat(s->exe, "", args.out, s->envp, AT_EMPTY_PATH);
    }
    _exit(127);
}

/* The child has our memory until it is another program (copying an address space for one exec costs
 * more than all the rest of it): so it only asks the kernel, and no handler of ours may run in it.
 */
static pid_t start(const struct start *s) {
    sigset_t all;
    sigset_t old;
    pid_t pid;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &old);
    pid = vfork();
    if (pid == 0) {
        child(s);
    }
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
    return pid < 0 ? -errno : pid;
}

pid_t run_start(const char *const *argv, int in, int out, int err) {
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    static char locale[] = "LC_ALL=C";
    char *envp[] = {path, locale, NULL};

    return start(&(struct start){argv, envp, -1, in, out, err});
}

pid_t run_start_bare(int exe, const char *name, int in, int err) {
    const char *argv[] = {name, NULL};
    char *envp[] = {NULL};

    return start(&(struct start){argv, envp, exe, in, -1, err});
}

/* Reads both ends until they close or the time is up. */
static void collect(int out, int err, struct buf *b, struct buf *errors, int64_t until_ms) {
    struct pollfd fds[2] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};

    while ((fds[0].fd >= 0 || fds[1].fd >= 0) && clock_mono_ms() < until_ms) {
        if (poll(fds, 2, 200) <= 0) {
            continue;
        }
        for (int i = 0; i < 2; i++) {
            char chunk[4096];
            ssize_t n = fds[i].revents ? read(fds[i].fd, chunk, sizeof(chunk)) : 1;

            if (n == 0 || (n < 0 && errno != EINTR)) {
                fds[i].fd = -1;
            } else if (fds[i].revents && n > 0 && (i ? errors : b)) {
                (void)buf_add(i ? errors : b, chunk, (size_t)n);
            }
        }
    }
}

static int wait_for(pid_t pid, int64_t until_ms) {
    int status = 0;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (clock_mono_ms() >= until_ms) {
            (void)kill(-pid, SIGKILL);
            (void)kill(pid, SIGKILL);
        }
        clock_sleep_ms(2);
    }
    return status;
}

int run_tool(const char *const *argv, struct buf *ret, int timeout_s, const char *tag,
             struct err *e) {
    CLEANUP(buf_done) struct buf errors = BUF_INIT(TOOL_SHORT);
    int64_t until = clock_mono_ms() + (int64_t)timeout_s * 1000;
    CLEANUP(closep) int out = -1;
    CLEANUP(closep) int err = -1;
    int status = -1;
    int po[2];
    int pe[2];
    pid_t pid;

    if (pipe2(po, O_CLOEXEC) < 0) {
        return err_tag(e, -errno, tag, "pipe: %s", strerror(errno));
    }
    out = po[0];
    if (pipe2(pe, O_CLOEXEC) < 0) {
        closep(&po[1]);
        return err_tag(e, -EMFILE, tag, "pipe: %s", strerror(EMFILE));
    }
    err = pe[0];
    pid = run_start(argv, -1, po[1], pe[1]);
    closep(&po[1]);
    closep(&pe[1]);
    if (pid > 0) {
        collect(out, err, ret, &errors, until);
        status = wait_for(pid, until);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? 0
               : err_tag(e, -EREMOTEIO, tag, "%s: %.*s", argv[0],
                         (int)strcspn(buf_str(&errors), "\n"), buf_str(&errors));
}
