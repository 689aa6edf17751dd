/* SPDX-License-Identifier: Apache-2.0 */
/* From an order to its answer. Invariant: an order that is not exactly what its verb says ends this
 * process before anything was done, and without an answer. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "common/lean.h"
#include "common/limits.h"
#include "common/msg.h"
#include "common/own.h"
#include "pveagentd/act/act.h"

static job_fn *const verbs[ORDER_END - ORDER_FIRST] = {
    [ORDER_EXEC - ORDER_FIRST] = exec_run,
    [ORDER_FACTS - ORDER_FIRST] = ct_facts,
    [ORDER_POINT_CHECK - ORDER_FIRST] = point_check,
    [ORDER_POINT_TAKE - ORDER_FIRST] = point_take,
    [ORDER_POINT_RUN - ORDER_FIRST] = point_run,
    [ORDER_POINT_EXPIRED - ORDER_FIRST] = point_expired,
    [ORDER_POINT_SWEEP - ORDER_FIRST] = point_sweep,
    [ORDER_TIMER_CHECK - ORDER_FIRST] = timer_check,
    [ORDER_TIMER_LIST - ORDER_FIRST] = timer_list,
    [ORDER_TIMER_RUN - ORDER_FIRST] = timer_run,
    [ORDER_TIMER_TICK - ORDER_FIRST] = timer_tick,
    [ORDER_TIMER_REVERT - ORDER_FIRST] = timer_revert,
    [ORDER_TIMER_FINISH - ORDER_FIRST] = timer_finish,
};

static void job_done(struct job *j) {
    request_done(&j->q);
    buf_done(&j->config);
    answer_done(&j->a);
    for (size_t i = 0; i < ORDER_FDS; i++) {
        closep(&j->o.fd[i]);
    }
}

/* Points and timers are kept under the request's hash: it is to be that request's. A command is
 * kept nowhere, and is not made to wait until libcrypto can hash (exec.c does, while it starts). */
static int check_request(struct job *j) {
    struct hash h = j->o.hash;

    if (!order_has_request(j->o.verb)) {
        return 0;
    }
    if (j->o.verb != ORDER_EXEC) {
        sha256(j->o.request, j->o.request_len, &h);
    }
    return hash_eq(&h, &j->o.hash) ? request_parse(j->o.request, j->o.request_len, &j->q, NULL)
                                   : -EBADMSG;
}

static int obey(int sock) {
    CLEANUP(buf_done) struct buf in = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(buf_done) struct buf out = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(job_done) struct job j = {.o.fd = {-1, -1, -1}, .config = BUF_INIT(LIM_CONF)};
    struct err e = {0};

    answer_init(&j.a);
    if (order_receive(sock, &in, &j.o) < 0) {
        return -EBADMSG;
    }
    if (j.o.verb != ORDER_EXEC) {
        lean_crypto();
    }
    if (check_request(&j) < 0) {
        return -EBADMSG;
    }
    j.a.result = verbs[j.o.verb - ORDER_FIRST](&j, &e);
    if (j.a.result < 0) {
        j.a.e = e;
    }
    return answer_make(&j.a, &out) < 0 || msg_send(sock, out.data, out.len, NULL, 0) < 0 ? -EPIPE
                                                                                         : 0;
}

int act_main(int argc, char **argv) {
    (void)argv;
    if (argc > 1 || isatty(STDIN_FILENO)) {
        (void)fputs("pveagentd-act is started by pveagentd-priv, for one order each.\n", stderr);
        return 2;
    }
    (void)umask(077);
    (void)signal(SIGPIPE, SIG_IGN);
    return obey(STDIN_FILENO) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
