/* SPDX-License-Identifier: Apache-2.0 */
/* Steps 7-12 of the gate: whose yes, is the world as planned, was it done before, the record, the
 * way back, the act (root, request child). After step_record nothing is refused any more: what
 * cannot be done then ends in a receipt that says so. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/dir.h"
#include "common/fd.h"
#include "common/form.h"
#include "common/ident.h"
#include "common/note.h"
#include "common/own.h"
#include "common/put.h"
#include "pveagentd/priv/gate.h"
#include "pveagentd/priv/later.h"

#define RECEIPTS_OPEN_MAX 1000

/* The note covers this request in its own plan, or as an undo of a plan that this node acted on. */
static bool covers(const struct act *a, const struct approval *n) {
    if (strcmp(n->log, a->client.log.name) != 0) {
        return false;
    }
    if (hash_eq(&n->plan, &a->plan)) {
        return a->now <= n->not_after && approval_names(n, false, a->p->node, &a->h);
    }
    if (!n->has_undo_until || a->now > n->undo_until ||
        !approval_names(n, true, a->p->node, &a->h)) {
        return false;
    }
    for (size_t i = 0; i < a->o->n_acts; i++) {
        if (a->o->act[i].seq && hash_eq(&a->o->act[i].plan, &n->plan)) {
            return true;
        }
    }
    return false;
}

static int approved_by(struct act *a, const struct vkey *key) {
    for (size_t i = 0; i < a->n_approvals; i++) {
        CLEANUP(approval_done) struct approval n = {0};

        if (approval_open(a->approval[i], a->approval_len[i], key, &n, NULL) == 0 &&
            covers(a, &n)) {
            memcpy(a->approval_nonce, n.nonce, sizeof(a->approval_nonce));
            return 0;
        }
    }
    return -ENOENT;
}

/* The operators are those of the node's policy: nothing that the client sends can name another. */
int step_approval(struct act *a, struct err *e) {
    for (size_t i = 0; i < a->verdict.n_approvers; i++) {
        if (approved_by(a, &a->verdict.approver_key[i]) < 0) {
            return err_tag(e, -EPERM, a->n_approvals ? "approval_invalid" : "approval_needed",
                           "rule %s wants the approval of %s", a->verdict.rule,
                           a->verdict.approver[i]);
        }
    }
    return 0;
}

/* An order about this request, which may make an undo point; lock: of the timers, -1: not held. */
static int have(struct act *a, enum order_verb verb, int lock, struct err *e) {
    CLEANUP(answer_done) struct order_answer done;
    struct order o = {.verb = verb,
                      .text[ORDER_CLIENT] = a->client.name,
                      .text[ORDER_LOG] = a->client.log.name,
                      .request = a->request,
                      .request_len = a->request_len,
                      .hash = a->h,
                      .intent = a->leaf,
                      .number = a->opened_ms,
                      .fd = {-1, lock, -1}};
    int r;

    answer_init(&done);
    r = actor_ask(a->p, &o, -1, &done, e);
    memcpy(a->undo_driver, done.driver, sizeof(a->undo_driver));
    return r;
}

/* Is it there as it was planned; can what the request wants of snapshots be had? */
static int check_ct(struct act *a, struct err *e) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_CONF);
    const struct node_request *q = &a->q;
    bool running = ctconf_running(a->p->lxc_path, q->ct);
    struct hash h;
    int r = ctconf_read(a->p->cluster_fs, a->p->node, q->ct, &text, &h, e);

    if (r < 0) {
        return r == -ENOENT
                   ? err_tag(e, r, "ct_missing", "there is no container %u on this node", q->ct)
                   : r;
    }
    if (!q->has_config || !hash_eq(&q->config, &h)) {
        return err_tag(e, -ESTALE, "ct_changed",
                       "the configuration of container %u is not the planned one", q->ct);
    }
    if ((q->op == OP_ROLLBACK || q->op == OP_START) && running) {
        return err_tag(e, -EBUSY, "ct_running", "container %u runs", q->ct);
    }
    if ((q->op == OP_STOP || q->op == OP_EXEC) && !running) {
        return err_tag(e, -EPERM, "ct_stopped", "container %u does not run", q->ct);
    }
    return q->undo ? have(a, ORDER_POINT_CHECK, -1, e) : 0;
}

int step_world(struct act *a, struct err *e) {
    return request_is_timer(&a->q) ? have(a, ORDER_TIMER_CHECK, -1, e) : check_ct(a, e);
}

int step_unspent(struct act *a, struct err *e) {
    if (a->index < a->o->floor) {
        return err_tag(e, -EPERM, "intent_too_old", "intents below %llu are refused for ever",
                       (unsigned long long)a->o->floor);
    }
    if (journal_find(a->o, &a->plan, &a->h)) {
        return err_tag(e, -EEXIST, "request_spent", "this request of this plan was already used");
    }
    for (size_t i = 0; a->approval_nonce[0] && i < a->o->n_acts; i++) {
        const struct act_rec *x = &a->o->act[i];

        if (!x->released && strcmp(x->approval, a->approval_nonce) == 0 &&
            hash_eq(&x->request, &a->h)) {
            return err_tag(e, -EEXIST, "approval_spent", "this approval was already used for it");
        }
    }
    return 0;
}

bool running_find(const struct priv *p, const char *hex, struct running *ret) {
    CLEANUP(closep) int fd = -1;
    char text[32] = "";
    const char *rest;
    uint64_t pid;

    *ret = (struct running){0};
    fd = openat(p->state_fd, UNDER("running", hex), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0) {
        return false;
    }
    if (pread(fd, text, sizeof(text) - 1, 0) > 0 && form_ordinal(text, &pid, &rest) == 0 &&
        pid < INT32_MAX && ident_u32(rest, &ret->ct) == 0) {
        ret->pid = (pid_t)pid;
    }
    return true;
}

size_t running_count(const struct priv *p, uint32_t ct, size_t *ret_in_ct) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, "running");
    const char *name;
    size_t in_ct = 0;
    size_t n = 0;

    while ((name = dir_next(d)) != NULL) {
        struct running x;

        if (ident_is_hex(name, 64) && running_find(p, name, &x)) {
            n++;
            in_ct += x.ct == ct;
        }
    }
    if (ret_in_ct) {
        *ret_in_ct = in_ct;
    }
    return n;
}

/* The name goes before the lock: whoever still opens the old file finds it without a name. */
void running_release(struct act *a) {
    if (a->running >= 0) {
        (void)unlinkat(a->p->state_fd, UNDER("running", HEX_STR(&a->h)), 0);
    }
    closep(&a->running);
}

/* Counted in the journal, so that a restart does not begin anew. */
static size_t last_minute(const struct act *a) {
    size_t n = 0;

    for (size_t i = 0; i < a->o->n_acts; i++) {
        n += a->o->act[i].started > a->now - 60 && !act_is_sweep(&a->o->act[i]);
    }
    return n;
}

int step_room(struct act *a, struct err *e) {
    size_t in_ct;
    size_t all;

    if (journal_open_receipts(a->o) >= RECEIPTS_OPEN_MAX) {
        return err_tag(e, -EBUSY, "receipts_pending", "%d receipts of this log were never fetched",
                       RECEIPTS_OPEN_MAX);
    }
    all = running_count(a->p, a->q.ct, &in_ct);
    if (a->has_policy && (all >= a->policy.max_running || in_ct >= a->policy.max_running_ct)) {
        return err_tag(e, -EBUSY, "busy", "too many commands are running here");
    }
    if (a->has_policy && last_minute(a) >= a->policy.max_per_minute) {
        return err_tag(e, -EBUSY, "rate_limited", "this client may start %u actions a minute here",
                       a->policy.max_per_minute);
    }
    return journal_reserve(a->p, e);
}

static int hold_running(struct act *a, struct err *e) {
    char text[32];
    struct stat st;
    sigset_t set;
    int n;
    int r;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR1); /* cancels: what does not look at it is carried to its end */
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    n = snprintf(text, sizeof(text), "%d %u", (int)getpid(), a->q.ct);
    a->running = openat(a->p->state_fd, UNDER("running", HEX_STR(&a->h)),
                        O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (a->running < 0 || flock(a->running, LOCK_EX | LOCK_NB) < 0 || fstat(a->running, &st) < 0 ||
        fd_write_all(a->running, text, (size_t)n) < 0) {
        r = -errno;
        closep(&a->running); /* the mark is not ours to remove */
        return err_tag(e, r, r == -ENOSPC ? "journal_full" : "busy",
                       "this action cannot be marked as running: %s", strerror(-r));
    }
    if (!st.st_nlink) { /* its last holder took the name away between our open and our lock */
        closep(&a->running);
        return err_tag(e, -EBUSY, "busy", "this action is just ending");
    }
    return 0;
}

/* One write, one sync: the new head, the spent marks and the start together, or nothing. */
int step_record(struct act *a, struct err *e) {
    struct act_rec rec = {.index = a->index, .ct = a->q.ct};
    int r = hold_running(a, e);

    if (r < 0) {
        return r;
    }
    rec.plan = a->plan;
    rec.request = a->h;
    rec.intent = a->leaf;
    rec.head = a->cp.size;
    memcpy(rec.approval, a->approval_nonce, sizeof(rec.approval));
    memcpy(rec.client, a->client.name, sizeof(rec.client));
    r = journal_start(a->p, a->o, a->note.len ? buf_str(&a->note) : NULL, &rec, a->now, e);
    a->recorded = r == 0;
    return r;
}

int step_undo(struct act *a, struct err *e) {
    return a->q.op == OP_EXEC && a->q.undo ? have(a, ORDER_POINT_TAKE, -1, e) : 0;
}

static int do_exec(struct act *a, struct err *e) {
    CLEANUP(closep) int in = -1;
    struct order o = {
        .verb = ORDER_EXEC, .request = a->request, .request_len = a->request_len, .hash = a->h};
    int r = fd_sealed(a->stdin_value, a->stdin_value_len, &in);

    if (r < 0) {
        return err_set(e, r, "standard input: %s", strerror(-r));
    }
    memcpy(o.salt, a->salt, ORDER_SALT);
    memcpy(o.fd, (int[]){a->out[0], a->out[1], in}, sizeof(o.fd));
    return actor_ask(a->p, &o, a->q.kill_on_disconnect ? a->sock : -1, &a->done, e);
}

/* What may have changed since step_world is looked at again before a timer's end is recorded. */
static int do_timer(struct act *a, struct err *e) {
    CLEANUP(closep) int lock = -1;
    int r = timers_lock(a->p, &lock, e);

    if (r < 0 || a->q.op != OP_CANCEL) {
        return r < 0 ? r : have(a, ORDER_TIMER_RUN, lock, e);
    }
    r = have(a, ORDER_TIMER_CHECK, lock, e);
    if (r == 0) {
        timer_fire(a->p, &a->q.timer, a->client.log.name, lock, &a->done.outcome.value);
    }
    return r;
}

int step_act(struct act *a, struct err *e) {
    int r;

    if (a->q.op == OP_EXEC) {
        return do_exec(a, e);
    }
    r = request_is_timer(&a->q) ? do_timer(a, e) : have(a, ORDER_POINT_RUN, -1, e);
    a->done.outcome.how = r == 0 ? HOW_EXITED : HOW_NOT_STARTED;
    return r;
}
