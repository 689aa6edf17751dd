/* SPDX-License-Identifier: Apache-2.0 */
/* The gate's driver: reads the message, walks the rows, answers (root, request child). Invariants:
 * a refusal after the checkpoint was accepted still persists and cosigns the head, for a logged
 * attempt stays logged; nothing is answered as started that is not in the journal; whatever was
 * recorded gets a receipt. */
#include "pveagentd/priv/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/merkle.h"
#include "common/msg.h"
#include "common/own.h"
#include "common/put.h"

static size_t read_hashes(struct msg_rd *r, struct hash ret[LIM_PROOF]) {
    size_t n = 0;
    const void *p = msg_field(r, (size_t)LIM_PROOF * HASH_LEN, &n);

    if (n % HASH_LEN) {
        r->bad = true;
        return 0;
    }
    memcpy(ret, p, n);
    return n / HASH_LEN;
}

int act_read(struct act *a, const void *data, size_t len) {
    struct msg_rd r;
    uint16_t type;
    uint64_t count;

    if (msg_open(data, len, &type, &r) < 0 || type != MSG_ACT) {
        return -EBADMSG;
    }
    msg_exact(&r, a->spki.b, HASH_LEN);
    a->request = msg_field(&r, LIM_LINES, &a->request_len);
    a->stdin_data = msg_field(&r, LIM_STDIN + HASH_LEN, &a->stdin_len);
    a->intent = msg_field(&r, LIM_ENTRY, &a->intent_len);
    a->index = msg_u64(&r);
    a->n_inclusion = read_hashes(&r, a->inclusion);
    a->checkpoint = msg_field(&r, LIM_NOTE, &a->checkpoint_len);
    a->old = msg_u64(&r);
    a->n_consistency = read_hashes(&r, a->consistency);
    count = msg_u64(&r);
    if (count > ACT_APPROVALS) {
        return -EBADMSG;
    }
    for (a->n_approvals = 0; a->n_approvals < count; a->n_approvals++) {
        a->approval[a->n_approvals] = msg_field(&r, LIM_NOTE, &a->approval_len[a->n_approvals]);
    }
    a->opened_ms = msg_u64(&r);
    sha256(a->request, a->request_len, &a->h);
    return msg_done(&r);
}

void act_done(struct act *a) {
    request_done(&a->q);
    entry_done(&a->entry);
    policy_done(&a->policy);
    answer_done(&a->done);
    buf_done(&a->note);
    buf_done(&a->line);
    closep(&a->out[0]);
    closep(&a->out[1]);
    closep(&a->lock);
    running_release(a);
}

int need_client(struct act *a, struct err *e) {
    int r = a->has_client ? 0 : client_by_spki(a->p, &a->spki, &a->client, e);

    a->has_client = r == 0;
    return r;
}

int need_request(struct act *a, struct err *e) {
    int r = a->has_q ? 0 : request_parse(a->request, a->request_len, &a->q, e);

    a->has_q = r == 0;
    return err_retag(r, "request_invalid", e);
}

int need_intent(struct act *a, struct err *e) {
    int r;

    if (a->has_entry) {
        return 0;
    }
    r = entry_parse(a->intent, a->intent_len, &a->entry, e);
    if (r == 0 && a->entry.kind != ENTRY_INTENT) {
        entry_done(&a->entry);
        a->entry = (struct entry){0};
        r = err_set(e, -EBADMSG, "the entry is no intent");
    }
    if (r < 0) {
        return err_retag(r, "intent_invalid", e);
    }
    merkle_leaf(a->intent, a->intent_len, &a->leaf);
    (void)hash_parse(entry_get(&a->entry, "plan"), &a->plan); /* its form was checked */
    a->has_entry = true;
    return act_is_sweep(&(struct act_rec){.plan = a->plan})
               ? err_tag(e, -EBADMSG, "intent_invalid", "the intent names no plan")
               : 0;
}

int need_checkpoint(struct act *a, struct err *e) {
    struct note n;
    int r = a->has_cp ? 0 : note_parse(a->checkpoint, a->checkpoint_len, &n, e);

    if (!a->has_cp && r == 0) {
        r = checkpoint_parse(n.text, n.text_len, &a->cp, e);
    }
    a->has_cp = r == 0;
    return err_retag(r, "witness_bad_signature", e);
}

int need_origin(struct act *a, struct err *e) {
    int r = need_client(a, e);

    if (r < 0 || a->o) {
        return r;
    }
    a->o = origin_get(a->p, a->client.log.name);
    return a->o ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static void log_verdict(const struct act *a, const char *step, const struct err *e) {
    log_event(e ? LOG_L_WARN : LOG_L_NOTE, e ? "refused" : "allowed", "REQUEST", HASH_STR(&a->h),
              "CLIENT", a->has_client ? a->client.name : "?", "VMID",
              NUM_STR(a->has_q ? a->q.ct : 0), "OPERATION",
              a->has_q ? request_op_name(a->q.op) : "?", "STEP", step, "CODE", e ? e->tag : "",
              "REASON", e ? e->msg : "", "RULE", a->verdict.rule, NULL);
}

static void tell(const struct act *a, int made, const struct buf *b) {
    if (made == 0) {
        (void)msg_send(a->sock, b->data, b->len, NULL, 0);
    }
}

static void refuse(struct act *a, const char *step, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    struct err later;
    bool conflict;

    if (!e->tag[0]) {
        (void)snprintf(e->tag, sizeof(e->tag), "internal");
    }
    if (a->note.len && !a->recorded && a->lock >= 0) {
        a->recorded = journal_head(a->p, a->o, buf_str(&a->note), a->now, &later) == 0;
    }
    log_verdict(a, step, e);
    conflict = strcmp(e->tag, "witness_conflict") == 0 && a->o && a->o->has_head;
    tell(a,
         msg_make(&b, MSG_REFUSED, "sssus", e->tag, step, e->msg, conflict ? a->o->size : 0,
                  a->recorded ? buf_str(&a->line) : ""),
         &b);
}

static void started(struct act *a, const char *step) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);

    log_verdict(a, step, NULL);
    tell(a,
         msg_make(&b, MSG_ACT_STARTED, "ssu", HEX_STR(&a->h), a->recorded ? buf_str(&a->line) : "",
                  (uint64_t)(a->o ? a->o->n_acts : 0)),
         &b);
}

/* The last output of an action, for /v1/op: a convenience for a day. The end does not wait for it
 * to be on disk; half a message does not open and counts as none. */
static void keep_output(struct act *a) {
    CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)3 * EXEC_TAIL);
    const struct buf *tail = a->done.outcome.tail;
    CLEANUP(closep) int fd = -1;

    if (tail[0].len + tail[1].len == 0 ||
        msg_make(&b, MSG_OP_ANSWER, "bb", buf_str(&tail[0]), tail[0].len, buf_str(&tail[1]),
                 tail[1].len) < 0) {
        return;
    }
    fd = openat(a->p->state_fd, UNDER("ops", HEX_STR(&a->h)),
                O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        (void)fd_write_all(fd, b.data, b.len);
    }
}

static void finish(struct act *a) {
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    const struct outcome *x = &a->done.outcome;
    struct err e;
    int r;

    keep_output(a);
    if (a->o && act_receipt(a, &note, &e) < 0) {
        log_event(LOG_L_ERR, "a receipt could not be written", "REASON", e.msg, NULL);
        buf_reset(&note); /* the next start finds the action without an end and says unknown */
    }
    r = msg_make(&b, MSG_ACT_END, "suusu", buf_str(&note), x->bytes[0], x->bytes[1],
                 receipt_how_name(x->how), (uint64_t)(x->value < 0 ? 0 : x->value));
    /* Output ends before the end is told: the front end sees its pipes close. */
    closep(&a->out[0]);
    closep(&a->out[1]);
    tell(a, r, &b);
}

/* Why nothing was started, to whoever reads the command's stderr; counted like any output. */
static void say(struct act *a, const struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(2048);
    CLEANUP(sha256_freep) struct sha256 *s = sha256_new();
    struct outcome *o = &a->done.outcome;

    if (o->bytes[1] || !s ||
        buf_addf(&b, "%s: %s\n", e->tag[0] ? e->tag : "internal", e->msg) < 0 ||
        fd_write_all(a->out[1], b.data, b.len) < 0) {
        return;
    }
    o->bytes[1] = b.len;
    (void)buf_add(&o->tail[1], b.data, b.len);
    sha256_add(s, a->salt, ORDER_SALT);
    sha256_add(s, b.data, b.len);
    sha256_end(s, &o->hash[1]);
}

static int enter_lock(struct act *a, struct err *e) {
    int r = need_origin(a, e);

    return r < 0 ? r : origin_lock(a->p, a->o, &a->lock, e);
}

int gate_run(struct act *a, const struct gate_row *rows, size_t n) {
    bool done_lock = false;
    bool is_started = false;

    a->now = clock_unix();
    answer_init(&a->done);
    outcome_none(&a->done.outcome, a->salt);
    for (size_t i = 0; i < n; i++) {
        struct err e = {0};
        int r = 0;

        if (rows[i].locked && a->lock < 0 && !done_lock) {
            r = enter_lock(a, &e);
        }
        if (!rows[i].locked && a->lock >= 0) { /* from here on this log may be used by others */
            closep(&a->lock);
            done_lock = true;
        }
        if (r == 0 && done_lock && !is_started) {
            is_started = true;
            started(a, rows[i].step);
        }
        for (size_t k = 0; r == 0 && k < ARRAY_LEN(rows[i].need) && rows[i].need[k]; k++) {
            r = rows[i].need[k](a, &e);
        }
        r = r < 0 ? r : rows[i].fn(a, &e);
        if (r == -ECONNABORTED) {
            log_event(LOG_L_ERR, "connection refused", "REASON", e.msg, NULL);
            return 0;
        }
        if (r < 0 && !is_started) {
            refuse(a, rows[i].step, &e);
            return 0;
        }
        if (r == -EOWNERDEAD) {
            return r;
        }
        if (r < 0) { /* recorded, but not done: the receipt says so */
            a->done.outcome.how = HOW_NOT_STARTED;
            say(a, &e);
            log_event(LOG_L_WARN, "not started", "STEP", rows[i].step, "CODE", e.tag, "REASON",
                      e.msg, NULL);
            break;
        }
    }
    finish(a);
    return 0;
}

int gate_handle(struct priv *p, int sock, const struct gate_row *rows, size_t n) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(act_done)
    struct act a = {.p = p,
                    .sock = sock,
                    .out = {-1, -1},
                    .lock = -1,
                    .running = -1,
                    .note = BUF_INIT(LIM_NOTE),
                    .line = BUF_INIT(LIM_NOTE)};

    if (msg_recv(sock, &b, a.out, MSG_FDS_OUTPUT) < 0 || act_read(&a, b.data, b.len) < 0) {
        return -EBADMSG;
    }
    return gate_run(&a, rows, n);
}
