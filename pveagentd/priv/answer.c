/* SPDX-License-Identifier: Apache-2.0 */
/* Every message but `act` (root, request child): questions about this node and this client,
 * witness, receipts, enrolment. A message that is not exactly what its row says ends the child
 * without an answer. What each tells a captured front end: nothing that a client of ours could not
 * be told. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/dir.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/merkle.h"
#include "common/msg.h"
#include "common/note.h"
#include "common/own.h"
#include "common/peer.h"
#include "common/put.h"
#include "pveagentd/priv/join.h"
#include "pveagentd/priv/later.h"
#include "pveagentd/priv/serve.h"
#include "pveagentd/priv/share.h"

#define RECEIPTS_A_TIME 64
#define FIELDS          6

struct field {
    const char *p; /* bytes; borrowed from the message */
    size_t len;
    char *s; /* text */
    uint64_t n;
    struct hash h;
};

struct ask {
    struct priv *p;
    struct field f[FIELDS]; /* as the row's form says */
    struct client client;   /* of rows that want one, with its log */
    struct origin *o;
    struct buf out; /* the answer */
};

static void ask_done(struct ask *a) {
    for (size_t i = 0; i < FIELDS; i++) {
        free(a->f[i].s);
    }
    buf_done(&a->out);
}

static const char *yes(bool v) {
    return v ? "yes" : "no";
}

static int text_answer(struct ask *a, enum msg_type type, int r, const struct buf *text) {
    return r < 0 ? r : msg_make(&a->out, type, "b", buf_str(text), text->len);
}

/* What join recorded, cut by the policy's [client NAME]. Without a policy that can be read there
 * are no rules, but reading goes on. */
static int need_right(struct ask *a, const char *right, struct err *e) {
    CLEANUP(policy_done) struct policy pol = {0};

    if (client_may(&a->client, right) &&
        (policy_load(a->p, &pol, NULL) < 0 || policy_right(&pol, &a->client, right))) {
        return 0;
    }
    return err_tag(e, -EPERM, "right_missing", "this client does not have the right: %s", right);
}

static int put_timer(void *ctx, const struct due *d) {
    return lines_putf(ctx, "timer", "%s %s %u %s", HASH_STR(&d->request), NUM_STR(d->deadline),
                      d->ct, d->sets);
}

static int on_status(struct ask *a, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(policy_done) struct policy pol = {0};
    struct err unread = {0};
    bool policy_ok = policy_load(a->p, &pol, &unread) == 0;
    bool clock_ok = clock_check(a->p, clock_unix(), pol.any_clock, e) == 0;
    int r = lines_put(&b, "node", a->p->node);

    r = r == 0 && a->p->has_receipt_key ? lines_put_vkey(&b, "receipt-key", &a->p->receipt.v) : r;
    r = r < 0 ? r : lines_put_vkey(&b, "witness-key", &a->p->witness.v);
    r = r < 0 ? r
              : lines_puts(&b, "client", a->client.name, "rights",
                           a->client.rights[0] ? a->client.rights : "-", "armed",
                           yes(priv_armed(a->p)), "frozen", yes(priv_frozen(a->p)), "policy",
                           policy_ok ? HASH_STR(&pol.digest) : "-", "policy-error",
                           policy_ok ? "-" : unread.msg, "head",
                           a->o->has_head ? NUM_STR(a->o->size) : "-", "clock",
                           clock_ok ? "ok" : "suspect", "running",
                           NUM_STR(running_count(a->p, 0, NULL)), "join-open",
                           yes(join_open_until(a->p) != 0), NULL);
    r = r < 0 ? r : timers_each(a->p, a->client.name, put_timer, &b);
    return text_answer(a, MSG_STATUS_ANSWER, r, &b);
}

static int put_mount(void *ctx, const char *item) {
    return lines_put(ctx, "mount", item);
}

static const char *or_dash(const char *s) {
    return s[0] ? s : "-";
}

/* unread: why there is no policy, and so no verdict. */
static int put_verdict(struct buf *b, const struct verdict *v, const struct err *unread) {
    CLEANUP(buf_done) struct buf approvers = BUF_INIT(1024);
    bool ok = !unread->tag[0];
    int r = 0;

    for (size_t i = 0; r == 0 && i < v->n_approvers; i++) {
        r = buf_addf(&approvers, "%s%s", i ? " " : "", v->approver[i]);
    }
    return r < 0 ? r
                 : lines_puts(b, "allowed", yes(ok && v->allowed), "rule", or_dash(v->rule), "code",
                              ok ? or_dash(v->code) : unread->tag, "why",
                              ok ? or_dash(v->why) : unread->msg, "remedy",
                              ok ? or_dash(v->remedy) : unread->hint, "approval",
                              approvers.len ? buf_str(&approvers) : "none", "near-root",
                              yes(v->near_root), NULL);
}

/* What the guest is, and whether an undo snapshot of it could be made. */
static int put_facts(const struct ask *a, struct buf *b, uint32_t ct, struct err *e) {
    CLEANUP(answer_done) struct order_answer x;
    static const struct hash none;
    bool exists;
    int undo;
    int r;

    answer_init(&x);
    undo = actor_ask(a->p, &(struct order){.verb = ORDER_FACTS, .ct = ct}, -1, &x, e);
    exists = !hash_eq(&x.outcome.hash[0], &none);
    r = undo == -EOWNERDEAD || (!exists && undo != -ENOENT)
            ? undo
            : lines_puts(b, "exists", yes(exists), "running",
                         yes(exists && ctconf_running(a->p->lxc_path, ct)), "config",
                         exists ? HASH_STR(&x.outcome.hash[0]) : "-", "privileged",
                         yes(x.outcome.value), "undo", yes(undo == 0), "undo-driver",
                         or_dash(x.driver), "undo-why", exists ? or_dash(x.e.msg) : "-", NULL);
    return r < 0 ? r : answer_each(&x, put_mount, b);
}

static int on_explain(struct ask *a, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(policy_done) struct policy pol = {0};
    CLEANUP(request_done) struct node_request q = {0};
    struct verdict v = {0};
    struct err unread = {0};
    int r;

    r = err_retag(request_parse(a->f[0].p, a->f[0].len, &q, e), "request_invalid", e);
    r = r < 0 ? r : request_is_ours(a->p, &a->client, &q, e);
    if (r < 0) {
        return r;
    }
    if (policy_load(a->p, &pol, &unread) == 0) {
        unread.tag[0] = '\0';
        policy_decide(&pol, &a->client, &q, &v);
    }
    r = put_verdict(&b, &v, &unread);
    if (r == 0 && q.ct && !request_is_timer(&q)) {
        r = put_facts(a, &b, q.ct, e);
    }
    return text_answer(a, MSG_EXPLAIN_ANSWER, r, &b);
}

static int on_witness(struct ask *a, struct err *e) {
    CLEANUP(buf_done) struct buf body = BUF_INIT(LIM_NOTE);
    unsigned int status = 500;
    int r = need_right(a, "witness", e);

    if (r == 0 && !priv_armed(a->p)) {
        r = err_tag(e, -EPERM, "not_armed", "this node is not armed");
    }
    r = r < 0 ? r : clock_check(a->p, clock_unix(), true, e);
    r = r < 0 ? r : witness_post(a->p, a->f[0].p, a->f[0].len, &status, &body, e);
    if (r < 0 && status >= 500) {
        return r;
    }
    if (r < 0 && !body.len) {
        (void)buf_addf(&body, "%s\n", e->msg);
    }
    return msg_make(&a->out, MSG_WITNESS_ANSWER, "ub", (uint64_t)status, buf_str(&body), body.len);
}

static int on_checkpoint(struct ask *a, struct err *e) {
    const struct origin *o = origin_by_id(a->p, a->f[0].s);
    bool found = o && o->note;

    (void)e;
    return msg_make(&a->out, MSG_CHECKPOINT_ANSWER, "us", (uint64_t)(found ? 200 : 404),
                    found ? o->note : "");
}

/* The receipt with that number; none is no error. */
static int receipt_of(const struct ask *a, uint64_t seq, struct buf *ret) {
    for (size_t i = 0; i < a->o->n_acts; i++) {
        if (a->o->act[i].seq == seq) {
            return journal_receipt(a->p, a->o, &a->o->act[i], ret, NULL);
        }
    }
    return -ENOENT;
}

static int on_receipts(struct ask *a, struct err *e) {
    CLEANUP(buf_done) struct buf list = BUF_INIT(LIM_PRIV_MSG - 256);
    uint64_t count = 0;
    int r = 0;

    (void)e;
    for (uint64_t seq = a->f[0].n + 1; r == 0 && seq <= a->o->seq && count < RECEIPTS_A_TIME;
         seq++) {
        CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);

        if (receipt_of(a, seq, &note) == 0) {
            r = msg_add(&list, note.data, note.len); /* full: the rest is asked for again */
            count += r == 0;
        }
    }
    r = msg_make(&a->out, MSG_RECEIPTS_ANSWER, "u", count);
    r = r < 0 ? r : buf_add(&a->out, buf_str(&list), list.len);
    msg_end(&a->out);
    return r;
}

/* The receipts up to that one are in a log that this node witnesses: they need not be kept open. */
static int check_ack(struct ask *a, struct err *e) {
    const struct field *entry = &a->f[1];
    const struct field *proof = &a->f[3];
    CLEANUP(entry_done) struct entry en = {0};
    CLEANUP(buf_done) struct buf own = BUF_INIT(LIM_NOTE);
    struct hash hashes[LIM_PROOF];
    struct checkpoint c;
    struct note parsed;
    struct hash leaf;
    int r = entry_parse(entry->p, entry->len, &en, e);

    r = r < 0 ? r : checkpoint_open(a->f[4].p, a->f[4].len, &a->client.log, &parsed, &c, e);
    if (r < 0 || en.kind != ENTRY_RECEIPT || proof->len > sizeof(hashes) || proof->len % HASH_LEN) {
        return err_tag(e, -EBADMSG, "bad_request", "not a receipt's entry under a checkpoint");
    }
    memcpy(hashes, proof->p, proof->len);
    (void)receipt_of(a, a->f[0].n, &own);
    merkle_leaf(entry->p, entry->len, &leaf);
    if (!own.len || strcmp(entry_get(&en, "note"), buf_str(&own)) != 0 || !a->o->has_head ||
        c.size != a->o->size || !hash_eq(&c.root, &a->o->root) ||
        merkle_check_inclusion(&leaf, a->f[2].n, c.size, hashes, proof->len / HASH_LEN, &c.root) <
            0) {
        return err_tag(e, -EBADMSG, "receipt_not_included",
                       "the receipt is not proved to be in the log this node cosigned");
    }
    return 0;
}

static int on_ack(struct ask *a, struct err *e) {
    CLEANUP(closep) int lock = -1;
    int r = origin_lock(a->p, a->o, &lock, e);

    r = r < 0 ? r : check_ack(a, e);
    r = r < 0 ? r : journal_ack(a->p, a->o, a->f[0].n, clock_unix(), e);
    return r < 0 ? r : msg_make(&a->out, MSG_OK, "");
}

/* The action with the request's hash in hex, if this client asked for it. */
static const struct act_rec *own_act(const struct ask *a) {
    struct hash h;

    return ident_is_hex(a->f[0].s, 64) && hex_decode(a->f[0].s, 64, h.b) == 0
               ? journal_find(a->o, NULL, &h)
               : NULL;
}

static int on_op(struct ask *a, struct err *e) {
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf kept = BUF_INIT(LIM_PRIV_MSG);
    const struct act_rec *x = own_act(a);
    struct msg_rd rd = {.bad = true};
    const char *state = "unknown";
    struct running run;
    uint16_t type;
    size_t len[2];
    const void *tail[2];

    (void)e;
    if (x && x->seq) {
        state = "ended";
        (void)journal_receipt(a->p, a->o, x, &note, NULL);
        if (file_read(a->p->state_fd, UNDER("ops", a->f[0].s), &kept, NULL) == 0) {
            (void)msg_open(buf_str(&kept), kept.len, &type, &rd);
        }
    } else if (x && running_find(a->p, a->f[0].s, &run)) {
        state = "running";
    }
    for (size_t i = 0; i < 2; i++) {
        tail[i] = msg_field(&rd, EXEC_TAIL, &len[i]);
    }
    return msg_make(&a->out, MSG_OP_ANSWER, "ssbb", state, buf_str(&note), tail[0], len[0], tail[1],
                    len[1]);
}

static int on_cancel(struct ask *a, struct err *e) {
    const struct act_rec *x = own_act(a);
    struct running run;

    /* The lock says that the process is alive and is the one that wrote its id there. */
    if (!x || x->seq || !running_find(a->p, a->f[0].s, &run) || run.pid <= 1) {
        return err_tag(e, -ENOENT, "op_unknown", "no such operation of this client runs here");
    }
    (void)kill(run.pid, SIGUSR1);
    return msg_make(&a->out, MSG_OK, "");
}

static int on_join(struct ask *a, struct err *e) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    const struct field *f = a->f;
    struct join_in in = {.name = f[0].s, .spki = f[2].h, .vkey = f[3].s, .proof = f[5].h};
    struct hash mac;
    int r;

    memcpy(in.pub, f[1].h.b, sizeof(in.pub));
    memcpy(in.exporter, f[4].h.b, sizeof(in.exporter));
    r = join_accept(a->p, &in, &text, &mac, e);
    return r < 0 ? r
                 : msg_make(&a->out, MSG_JOIN_ANSWER, "bb", buf_str(&text), text.len, mac.b,
                            (size_t)HASH_LEN);
}

/* The front end asks every few seconds: with it goes what other nodes did meanwhile. Open also for
 * clients that joined elsewhere. */
static int on_join_info(struct ask *a, struct err *e) {
    uint64_t until = (uint64_t)join_open_until(a->p);
    CLEANUP(dir_closep) DIR *d = dir_open(a->p->state_fd, "clients");

    (void)e;
    share_chores(a->p);
    return msg_make(&a->out, MSG_JOIN_INFO_ANSWER, "uu",
                    (uint64_t)(until != 0 || (dir_next(d) && priv_armed(a->p))), until);
}

static int on_roster(struct ask *a, struct err *e) {
    return roster_answer(a->p, &a->out, e);
}

static int on_rotate(struct ask *a, struct err *e) {
    int r = share_rotate(a->p, &a->client, a->f[0].p, a->f[0].len, e);

    return r < 0 ? r : msg_make(&a->out, MSG_OK, "");
}

static int on_metrics(struct ask *a, struct err *e) {
    uint64_t open = 0;
    uint64_t acts = 0;
    int r = need_right(a, "evidence", e);

    for (const struct origin *o = a->p->origins; o; o = o->next) {
        open += journal_open_receipts(o);
        acts += o->n_acts;
    }
    return r < 0 ? r
                 : msg_make(&a->out, MSG_METRICS_ANSWER, "uuuuu", (uint64_t)priv_armed(a->p),
                            (uint64_t)priv_frozen(a->p), (uint64_t)running_count(a->p, 0, NULL),
                            open, acts);
}

/* form: b bytes, s text up to 512 bytes, u number, h 32 bytes. A refusal is a negative value with a
 * tag. */
static const struct ask_row {
    enum msg_type type;
    bool of_client; /* the client's key hash comes first; unknown and revoked ones are refused */
    const char *form;
    int (*fn)(struct ask *a, struct err *e);
} rows[] = {{MSG_WITNESS, true, "b", on_witness},
            {MSG_CHECKPOINT, false, "s", on_checkpoint},
            {MSG_EXPLAIN, true, "b", on_explain},
            {MSG_STATUS, true, "", on_status},
            {MSG_RECEIPTS, true, "u", on_receipts},
            {MSG_RECEIPTS_ACK, true, "ububb", on_ack},
            {MSG_OP, true, "s", on_op},
            {MSG_CANCEL, true, "s", on_cancel},
            {MSG_JOIN, false, "shhshh", on_join},
            {MSG_JOIN_INFO, false, "", on_join_info},
            {MSG_METRICS, true, "", on_metrics},
            {MSG_ROSTER, true, "", on_roster},
            {MSG_ROTATE, true, "b", on_rotate}};

static int take_fields(struct ask *a, struct msg_rd *rd, const char *form) {
    for (size_t i = 0; form[i]; i++) {
        struct field *f = &a->f[i];

        if (form[i] == 'b') {
            f->p = msg_field(rd, LIM_PRIV_MSG, &f->len);
        } else if (form[i] == 's') {
            f->s = msg_str(rd, 512);
        } else if (form[i] == 'u') {
            f->n = msg_u64(rd);
        } else {
            msg_exact(rd, f->h.b, HASH_LEN);
        }
    }
    return msg_done(rd);
}

static int who(struct ask *a, const struct hash *spki, struct err *e) {
    int r = client_by_spki(a->p, spki, &a->client, e);

    if (r == 0 && priv_revoked(a->p, spki)) {
        r = err_tag(e, -EPERM, "client_revoked", "this client was revoked");
    }
    a->o = r < 0 ? NULL : origin_get(a->p, a->client.log.name);
    return r < 0 || a->o ? r : err_set(e, -ENOMEM, "out of memory");
}

/* -EBADMSG: no answer. */
static int dispatch(struct ask *a, uint16_t type, struct msg_rd *rd) {
    const struct ask_row *row = rows;
    struct err e = {0};
    struct hash spki;
    int r = 0;

    while (row < rows + ARRAY_LEN(rows) && row->type != type) {
        row++;
    }
    if (row == rows + ARRAY_LEN(rows)) {
        return -EBADMSG;
    }
    if (row->of_client) {
        msg_exact(rd, spki.b, HASH_LEN);
    }
    if (take_fields(a, rd, row->form) < 0) {
        return -EBADMSG;
    }
    r = row->of_client ? who(a, &spki, &e) : 0;
    r = r < 0 ? r : row->fn(a, &e);
    return r < 0 ? msg_make(&a->out, MSG_REFUSED, "sssus", e.tag[0] ? e.tag : "internal", "client",
                            e.msg, (uint64_t)0, "")
                 : 0;
}

int handle(struct priv *p, int sock, const struct gate_row *gate, size_t n) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(ask_done) struct ask a = {.p = p, .out = BUF_INIT(LIM_PRIV_MSG)};
    struct msg_rd rd;
    uint8_t head[8];
    uint16_t type;
    int r = -EBADMSG;

    /* The type says how many descriptors belong to the message; look before taking them. */
    if (recv(sock, head, sizeof(head), MSG_PEEK) < (ssize_t)sizeof(head)) {
        return 0;
    }
    if ((head[2] | head[3] << 8) == MSG_ACT) {
        r = gate_handle(p, sock, gate, n);
    } else {
        r = peer_is(sock, p->peer_uid) && msg_recv(sock, &b, NULL, MSG_FDS_NONE) == 0 &&
                    msg_open(b.data, b.len, &type, &rd) == 0
                ? dispatch(&a, type, &rd)
                : -EBADMSG;
        if (r == 0) {
            (void)msg_send(sock, a.out.data, a.out.len, NULL, 0);
        }
    }
    if (r < 0 && r != -EOWNERDEAD) {
        log_event(LOG_L_ERR, "a malformed message came from the front end", NULL);
    }
    return r;
}
