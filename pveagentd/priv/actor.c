/* SPDX-License-Identifier: Apache-2.0 */
/* Orders to the program that acts (root; request children and those of the resident). Invariant:
 * nothing counts as done that its answer does not call done. */
#include "pveagentd/priv/actor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/limits.h"
#include "common/msg.h"
#include "common/own.h"
#include "common/put.h"
#include "common/run.h"
#include "pveagentd/priv/priv.h"

int actor_open(struct priv *p, struct err *e) {
    p->act_fd = open(p->act_path, O_PATH | O_CLOEXEC);
    if (p->act_fd < 0 || faccessat(p->act_fd, "", X_OK, AT_EMPTY_PATH) < 0) {
        (void)err_set(e, -errno, "%s, the program that acts: %s", p->act_path, strerror(errno));
        return err_hint(e, "install the package pveagentd again, or say where it is: --act PATH");
    }
    return 0;
}

static int cancel_fd(void) {
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR1);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Its one answer. Who takes the command back gets one too: it is the way to stop it, not the end.
 */
static int wait_answer(int sock, bool command, int watch, struct order_answer *ret) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(closep) int cancel = command ? cancel_fd() : -1;
    struct pollfd f[3] = {{.fd = sock, .events = POLLIN},
                          {.fd = cancel, .events = POLLIN},
                          {.fd = command ? watch : -1, .events = POLLRDHUP}};

    while (!f[0].revents) {
        if (poll(f, 3, -1) < 0 && errno != EINTR) {
            return -errno;
        }
        if (f[1].revents || f[2].revents) {
            (void)shutdown(sock, SHUT_WR);
            f[1].fd = f[2].fd = -1;
            f[1].revents = f[2].revents = 0;
        }
    }
    return msg_recv(sock, &b, NULL, 0) < 0 ? -EBADMSG : answer_read(b.data, b.len, ret);
}

static int talk(const struct priv *p, const struct order *o, int watch, struct order_answer *ret) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(closep) int ours = -1;
    bool command = o->verb == ORDER_EXEC;
    int pair[2];
    pid_t pid;
    int r = order_make(o, &b);

    if (r < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        return r < 0 ? r : -errno;
    }
    ours = pair[0];
    /* so that a command is found whose own parent was killed */
    r = command && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0;
    pid = r < 0 ? r : run_start_bare(p->act_fd, "pveagentd-act", pair[1], STDERR_FILENO);
    closep(&pair[1]);
    r = pid < 0 ? (int)pid : msg_send(ours, b.data, b.len, o->fd, order_fds(o->verb));
    r = r < 0 ? r : wait_answer(ours, command, watch, ret);
    closep(&ours);
    if (pid > 0) { /* after a good answer it only has to go: nobody's end waits for that */
        (void)waitpid(pid, NULL, r < 0 ? 0 : WNOHANG);
    }
    if (r < 0 && command) {
        (void)reap_all();
    }
    return r;
}

int actor_ask(const struct priv *p, struct order *o, int watch, struct order_answer *ret,
              struct err *e) {
    const char *dir = order_dir(o->verb);
    CLEANUP(closep)
    int fd = dir ? openat(p->state_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
    int r;

    o->text[ORDER_NODE] = p->node;
    o->text[ORDER_CLUSTER_FS] = p->cluster_fs;
    o->text[ORDER_NETWORK_DIR] = p->network_dir;
    o->text[ORDER_LXC_PATH] = p->lxc_path;
    o->fd[0] = dir ? fd : o->fd[0];
    if (dir && fd < 0) {
        return err_set(e, -errno, "%s: %s", dir, strerror(errno));
    }
    r = talk(p, o, watch, ret);
    if (r < 0) {
        log_event(LOG_L_ERR, "the program that acts gave no answer", "REQUEST", HASH_STR(&o->hash),
                  "REASON", strerror(-r), NULL);
        return err_set(e, -EOWNERDEAD, "the program that acts gave no answer");
    }
    if (ret->result < 0 && e) {
        *e = ret->e;
    }
    return ret->result;
}

int actor_do(const struct priv *p, struct order *o, struct err *e) {
    CLEANUP(answer_done) struct order_answer a;

    answer_init(&a);
    return actor_ask(p, o, -1, &a, e);
}
