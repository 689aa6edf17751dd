/* SPDX-License-Identifier: Apache-2.0 */
/* Every message but `act` (root, request child): questions about this node and this client,
 * witness, receipts, enrolment. A message that is not exactly what its row says ends the child
 * without an answer. What each tells a captured front end: nothing that a client of ours could not
 * be told. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/lines.h"
#include "common/merkle.h"
#include "common/note.h"
#include "common/own.h"
#include "pveagentd/priv/join.h"
#include "pveagentd/priv/msg.h"
#include "pveagentd/priv/serve.h"
#include "pveagentd/priv/undo.h"

#define RECEIPTS_A_TIME 64
#define OP_KEPT_S       86400

struct ask {
    struct priv *p;
    int sock;
    struct msg_rd rd;
    struct buf out; /* the answer */
    struct client client;
    struct origin *o;
};

static int refuse(struct ask *a, const char *code, const char *text) {
    if (msg_begin(&a->out, MSG_REFUSED) < 0 || msg_adds(&a->out, code) < 0 ||
        msg_adds(&a->out, "client") < 0 || msg_adds(&a->out, text) < 0 ||
        msg_add_u64(&a->out, 0) < 0 || msg_adds(&a->out, "") < 0) {
        return -ENOMEM;
    }
    return 0;
}

static int refuse_err(struct ask *a, const struct err *e) {
    return refuse(a, e->tag[0] ? e->tag : "internal", e->msg);
}

/* Takes the key's hash from the message. 0: a client of ours; 1: refused, answered. */
static int who(struct ask *a) {
    struct hash spki;
    struct err e;

    msg_exact(&a->rd, spki.b, HASH_LEN);
    if (a->rd.bad) {
        return -EBADMSG;
    }
    if (client_by_spki(a->p, &spki, &a->client, &e) < 0) {
        return refuse(a, "client_unknown", e.msg) < 0 ? -ENOMEM : 1;
    }
    if (priv_revoked(a->p, &spki)) {
        return refuse(a, "client_revoked", "this client was revoked") < 0 ? -ENOMEM : 1;
    }
    a->o = origin_get(a->p, a->client.log.name);
    return a->o ? 0 : -ENOMEM;
}

static const char *yes(bool v) {
    return v ? "yes" : "no";
}

static int finish_text(struct ask *a, enum msg_type type, const struct buf *text) {
    int r = msg_begin(&a->out, type);

    return r < 0 ? r : msg_add(&a->out, buf_str(text), text->len);
}

static int put_key(struct buf *b, const char *key, const struct vkey *v) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(512);
    int r = vkey_text(v, &text);

    return r < 0 ? r : lines_put(b, key, buf_str(&text));
}

static int on_status(struct ask *a) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(policy_done) struct policy pol = {0};
    char hash[HASH_HEX_LEN + 1] = "-";
    struct err e = {0};
    int r = who(a);
    bool policy_ok;

    if (r || msg_done(&a->rd) < 0) {
        return r < 0 || msg_done(&a->rd) < 0 ? -EBADMSG : 0;
    }
    policy_ok = policy_load(a->p, &pol, &e) == 0;
    if (policy_ok) {
        hash_text(&pol.digest, hash);
    }
    r = lines_put(&b, "node", a->p->node);
    if (r == 0 && a->p->has_receipt_key) {
        r = put_key(&b, "receipt-key", &a->p->receipt.v);
    }
    r = r < 0 ? r : put_key(&b, "witness-key", &a->p->witness.v);
    r = r < 0 ? r : lines_put(&b, "client", a->client.name);
    r = r < 0 ? r : lines_put(&b, "rights", a->client.rights[0] ? a->client.rights : "-");
    r = r < 0 ? r : lines_put(&b, "armed", yes(priv_armed(a->p)));
    r = r < 0 ? r : lines_put(&b, "frozen", yes(priv_frozen(a->p)));
    r = r < 0 ? r : lines_put(&b, "policy", hash);
    r = r < 0 ? r : lines_put(&b, "policy-error", policy_ok ? "-" : e.msg);
    if (r == 0) {
        r = a->o->has_head ? lines_putf(&b, "head", "%llu", (unsigned long long)a->o->size)
                           : lines_put(&b, "head", "-");
    }
    r = r < 0
            ? r
            : lines_put(&b, "clock",
                        clock_check(a->p, clock_unix(), pol.any_clock, &e) < 0 ? "suspect" : "ok");
    r = r < 0 ? r : lines_putf(&b, "running", "%zu", running_count(a->p, 0, NULL));
    r = r < 0 ? r : lines_put(&b, "join-open", yes(join_open_until(a->p) != 0));
    return r < 0 ? r : finish_text(a, MSG_STATUS_ANSWER, &b);
}

static int put_mount(void *ctx, const char *key, const char *value) {
    return strncmp(key, "mp", 2) == 0 ? lines_putf(ctx, "mount", "%.16s %.200s", key, value) : 0;
}

static int put_verdict(struct buf *b, const struct verdict *v, const struct err *unread) {
    CLEANUP(buf_done) struct buf approvers = BUF_INIT(1024);
    bool unreadable = unread->tag[0] != '\0';
    int r = lines_put(b, "allowed", yes(!unreadable && v->allowed));

    for (size_t i = 0; r == 0 && i < v->n_approvers; i++) {
        r = buf_addf(&approvers, "%s%s", i ? " " : "", v->approver[i]);
    }
    r = r < 0 ? r : lines_put(b, "rule", v->rule[0] ? v->rule : "-");
    r = r < 0 ? r : lines_put(b, "code", unreadable ? unread->tag : v->code[0] ? v->code : "-");
    r = r < 0 ? r : lines_put(b, "why", unreadable ? unread->msg : v->why[0] ? v->why : "-");
    r = r < 0 ? r
              : lines_put(b, "remedy",
                          unreadable     ? unread->hint
                          : v->remedy[0] ? v->remedy
                                         : "-");
    r = r < 0 ? r : lines_put(b, "approval", approvers.len ? buf_str(&approvers) : "none");
    return r < 0 ? r : lines_put(b, "near-root", yes(v->near_root));
}

static int put_facts(struct ask *a, struct buf *b, const struct ct *ct) {
    char hash[HASH_HEX_LEN + 1] = "-";
    char driver[17] = "-";
    struct err e = {0};
    bool undo = ct->exists && undo_possible(a->p, ct, driver, &e) == 0;
    int r = lines_put(b, "exists", yes(ct->exists));

    if (ct->exists) {
        hash_text(&ct->config_hash, hash);
    }
    r = r < 0 ? r : lines_put(b, "running", yes(ct->exists && ct_running(a->p, ct->id)));
    r = r < 0 ? r : lines_put(b, "config", hash);
    r = r < 0 ? r : lines_put(b, "privileged", yes(ct->exists && ct_privileged(ct)));
    r = r < 0 ? r : lines_put(b, "undo", yes(undo));
    r = r < 0 ? r : lines_put(b, "undo-driver", driver);
    r = r < 0 ? r : lines_put(b, "undo-why", undo || !e.msg[0] ? "-" : e.msg);
    return r < 0 ? r : ct_config_each(ct, put_mount, b);
}

static int on_explain(struct ask *a) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(policy_done) struct policy pol = {0};
    CLEANUP(request_done) struct node_request q = {0};
    CLEANUP(ct_done) struct ct ct = {0};
    struct verdict v = {0};
    struct err unread = {0};
    struct err e;
    int r = who(a);
    size_t len;
    const char *text = msg_field(&a->rd, LIM_LINES, &len);

    if (r || msg_done(&a->rd) < 0) {
        return r < 0 || msg_done(&a->rd) < 0 ? -EBADMSG : 0;
    }
    if (request_parse(text, len, &q, &e) < 0) {
        return refuse(a, "request_invalid", e.msg);
    }
    if (strcmp(q.client, a->client.name) != 0 || strcmp(q.node, a->p->node) != 0) {
        return refuse(a, "request_mismatch", "the request is for another client or node");
    }
    if (policy_load(a->p, &pol, &unread) == 0) {
        unread.tag[0] = '\0';
        policy_decide(&pol, &a->client, &q, &v);
    }
    r = put_verdict(&b, &v, &unread);
    if (r == 0 && q.ct) {
        r = ct_find(a->p, q.ct, &ct, &e);
        r = r < 0 ? r : put_facts(a, &b, &ct);
    }
    return r < 0 ? r : finish_text(a, MSG_EXPLAIN_ANSWER, &b);
}

static int on_witness(struct ask *a) {
    CLEANUP(buf_done) struct buf body = BUF_INIT(LIM_NOTE);
    unsigned int status = 500;
    struct err e = {0};
    int r = who(a);
    size_t len;
    const char *in = msg_field(&a->rd, LIM_NOTE, &len);

    if (r || msg_done(&a->rd) < 0) {
        return r < 0 || msg_done(&a->rd) < 0 ? -EBADMSG : 0;
    }
    if (!client_may(&a->client, "witness")) {
        return refuse(a, "right_missing", "this client may not ask this node to witness");
    }
    if (!priv_armed(a->p)) {
        return refuse(a, "not_armed", "this node is not armed");
    }
    r = clock_check(a->p, clock_unix(), true, &e);
    r = r < 0 ? r : witness_post(a->p, in, len, &status, &body, &e);
    if (r < 0 && status >= 500) {
        return refuse_err(a, &e);
    }
    if (r < 0 && !body.len) {
        (void)buf_addf(&body, "%s\n", e.msg);
    }
    r = msg_begin(&a->out, MSG_WITNESS_ANSWER);
    r = r < 0 ? r : msg_add_u64(&a->out, status);
    return r < 0 ? r : msg_add(&a->out, buf_str(&body), body.len);
}

static int on_checkpoint(struct ask *a) {
    CLEANUP(freep) char *id = msg_str(&a->rd, 64);
    const struct origin *o;
    int r;

    if (msg_done(&a->rd) < 0 || !id || !ident_is_hex(id, 64)) {
        return -EBADMSG;
    }
    o = origin_by_id(a->p, id);
    r = msg_begin(&a->out, MSG_CHECKPOINT_ANSWER);
    r = r < 0 ? r : msg_add_u64(&a->out, o && o->note ? 200 : 404);
    return r < 0 ? r : msg_adds(&a->out, o && o->note ? o->note : "");
}

static int on_receipts(struct ask *a) {
    CLEANUP(buf_done) struct buf list = BUF_INIT(LIM_PRIV_MSG - 256);
    uint64_t count = 0;
    uint64_t after;
    int r = who(a);

    after = msg_u64(&a->rd);
    if (r || msg_done(&a->rd) < 0) {
        return r < 0 || msg_done(&a->rd) < 0 ? -EBADMSG : 0;
    }
    r = msg_begin(&list, MSG_RECEIPTS_ANSWER);
    r = r < 0 ? r : msg_add_u64(&list, 0);
    for (uint64_t seq = after + 1; r == 0 && seq <= a->o->seq && count < RECEIPTS_A_TIME; seq++) {
        for (size_t i = 0; i < a->o->n_acts; i++) {
            CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);

            if (a->o->act[i].seq != seq ||
                journal_receipt(a->p, a->o, &a->o->act[i], &note, NULL) < 0) {
                continue;
            }
            if (msg_add(&list, note.data, note.len) < 0) {
                seq = a->o->seq; /* the rest is asked for again */
            } else {
                count++;
            }
            break;
        }
    }
    if (r == 0) { /* the count came first, before it was known */
        for (size_t i = 0; i < 8; i++) {
            list.data[12 + i] = (char)(count >> (8 * i));
        }
        buf_reset(&a->out);
        r = buf_add(&a->out, list.data, list.len);
    }
    return r;
}

/* The receipts up to that one are in a log that this node witnesses: they need not be kept open. */
static int check_ack(struct ask *a, const char *bytes, size_t len, uint64_t upto, uint64_t index,
                     const struct hash *proof, size_t n, const char *note, size_t note_len,
                     struct err *e) {
    CLEANUP(entry_done) struct entry en = {0};
    CLEANUP(buf_done) struct buf own = BUF_INIT(LIM_NOTE);
    struct checkpoint c;
    struct note parsed;
    struct hash leaf;
    int r = entry_parse(bytes, len, &en, e);

    r = r < 0 ? r : checkpoint_open(note, note_len, &a->client.log, &parsed, &c, e);
    if (r < 0 || en.kind != ENTRY_RECEIPT) {
        return err_tag(e, -EBADMSG, "bad_request", "not a receipt's entry under a checkpoint");
    }
    for (size_t i = 0; i < a->o->n_acts; i++) {
        if (a->o->act[i].seq == upto) {
            (void)journal_receipt(a->p, a->o, &a->o->act[i], &own, NULL);
        }
    }
    merkle_leaf(bytes, len, &leaf);
    if (!own.len || strcmp(entry_get(&en, "note"), buf_str(&own)) != 0 || !a->o->has_head ||
        c.size != a->o->size || !hash_eq(&c.root, &a->o->root) ||
        merkle_check_inclusion(&leaf, index, c.size, proof, n, &c.root) < 0) {
        return err_tag(e, -EBADMSG, "receipt_not_included",
                       "the receipt is not proved to be in the log this node cosigned");
    }
    return 0;
}

static int on_ack(struct ask *a) {
    CLEANUP(closep) int lock = -1;
    struct hash proof[LIM_PROOF];
    size_t entry_len;
    size_t proof_len;
    size_t note_len;
    struct err e = {0};
    int r = who(a);
    uint64_t upto = msg_u64(&a->rd);
    const char *entry = msg_field(&a->rd, LIM_ENTRY, &entry_len);
    uint64_t index = msg_u64(&a->rd);
    const void *hashes = msg_field(&a->rd, sizeof(proof), &proof_len);
    const char *note = msg_field(&a->rd, LIM_NOTE, &note_len);

    if (r || msg_done(&a->rd) < 0 || proof_len % HASH_LEN) {
        return r == 1 && msg_done(&a->rd) == 0 ? 0 : -EBADMSG;
    }
    memcpy(proof, hashes, proof_len);
    r = origin_lock(a->p, a->o, &lock, &e);
    r = r < 0 ? r
              : check_ack(a, entry, entry_len, upto, index, proof, proof_len / HASH_LEN, note,
                          note_len, &e);
    r = r < 0 ? r : journal_ack(a->p, a->o, upto, clock_unix(), &e);
    return r < 0 ? refuse_err(a, &e) : msg_begin(&a->out, MSG_OK);
}

/* The request's hash in hex, of an action that this client asked for. */
static const struct act_rec *own_act(struct ask *a, char hex[static 65]) {
    CLEANUP(freep) char *text = msg_str(&a->rd, 64);
    struct hash h;

    if (!text || !ident_is_hex(text, 64) || hex_decode(text, 64, h.b) < 0) {
        a->rd.bad = true;
        return NULL;
    }
    memcpy(hex, text, 65);
    return a->o ? journal_find_request(a->o, &h) : NULL;
}

static int on_op(struct ask *a) {
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf kept = BUF_INIT(LIM_PRIV_MSG);
    struct msg_rd rd = {.bad = true};
    struct running run;
    const char *state = "unknown";
    char hex[65] = "";
    char path[80];
    uint16_t type;
    size_t out_len = 0;
    size_t err_len = 0;
    int r = who(a);
    const struct act_rec *x = own_act(a, hex);
    const void *out;
    const void *err;

    if (r || msg_done(&a->rd) < 0) {
        return r < 0 || msg_done(&a->rd) < 0 ? -EBADMSG : 0;
    }
    if (x && x->seq) {
        state = "ended";
        (void)journal_receipt(a->p, a->o, x, &note, NULL);
        (void)snprintf(path, sizeof(path), "ops/%s", hex);
        if (file_read(a->p->state_fd, path, &kept, NULL) == 0) {
            (void)msg_open(buf_str(&kept), kept.len, &type, &rd);
        }
    } else if (x && running_find(a->p, hex, &run)) {
        state = "running";
    }
    out = msg_field(&rd, EXEC_TAIL, &out_len);
    err = msg_field(&rd, EXEC_TAIL, &err_len);
    r = msg_begin(&a->out, MSG_OP_ANSWER);
    r = r < 0 ? r : msg_adds(&a->out, state);
    r = r < 0 ? r : msg_adds(&a->out, buf_str(&note));
    r = r < 0 ? r : msg_add(&a->out, out, out_len);
    return r < 0 ? r : msg_add(&a->out, err, err_len);
}

static int on_cancel(struct ask *a) {
    char hex[65] = "";
    struct running run;
    int r = who(a);
    const struct act_rec *x = own_act(a, hex);

    if (r || msg_done(&a->rd) < 0) {
        return r < 0 || msg_done(&a->rd) < 0 ? -EBADMSG : 0;
    }
    /* The lock says that the process is alive and is the one that wrote its id there. */
    if (!x || x->seq || !running_find(a->p, hex, &run) || run.pid <= 1) {
        return refuse(a, "op_unknown", "no such operation of this client runs here");
    }
    (void)kill(run.pid, SIGUSR1);
    return msg_begin(&a->out, MSG_OK);
}

static int on_join(struct ask *a) {
    CLEANUP(freep) char *name = msg_str(&a->rd, 64);
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    CLEANUP(freep) char *vkey = NULL;
    struct join_in in = {.name = name};
    struct err e = {0};
    struct hash mac;

    msg_exact(&a->rd, in.pub, sizeof(in.pub));
    msg_exact(&a->rd, in.spki.b, HASH_LEN);
    vkey = msg_str(&a->rd, 512);
    msg_exact(&a->rd, in.exporter, sizeof(in.exporter));
    msg_exact(&a->rd, in.proof.b, HASH_LEN);
    if (msg_done(&a->rd) < 0 || !name || !vkey) {
        return -EBADMSG;
    }
    in.vkey = vkey;
    if (join_accept(a->p, &in, &text, &mac, &e) < 0) {
        return refuse_err(a, &e);
    }
    return finish_text(a, MSG_JOIN_ANSWER, &text) < 0 ? -ENOMEM : msg_add(&a->out, mac.b, HASH_LEN);
}

static int on_join_info(struct ask *a) {
    uint64_t until = (uint64_t)join_open_until(a->p);
    int r = msg_done(&a->rd) < 0 ? -EBADMSG : msg_begin(&a->out, MSG_JOIN_INFO_ANSWER);

    r = r < 0 ? r : msg_add_u64(&a->out, until != 0);
    return r < 0 ? r : msg_add_u64(&a->out, until);
}

static int on_metrics(struct ask *a) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    size_t open = 0;
    uint64_t acts = 0;
    int r = who(a);

    if (r || msg_done(&a->rd) < 0) {
        return r < 0 || msg_done(&a->rd) < 0 ? -EBADMSG : 0;
    }
    if (!client_may(&a->client, "evidence")) {
        return refuse(a, "right_missing", "this client may not read this node's evidence");
    }
    for (const struct origin *o = a->p->origins; o; o = o->next) {
        open += journal_open_receipts(o);
        acts += o->n_acts;
    }
    r = buf_addf(&b,
                 "# TYPE pveagentd_armed gauge\npveagentd_armed %d\n"
                 "# TYPE pveagentd_frozen gauge\npveagentd_frozen %d\n"
                 "# TYPE pveagentd_running gauge\npveagentd_running %zu\n"
                 "# TYPE pveagentd_receipts_open gauge\npveagentd_receipts_open %zu\n"
                 "# TYPE pveagentd_actions counter\npveagentd_actions_total %llu\n# EOF\n",
                 priv_armed(a->p), priv_frozen(a->p), running_count(a->p, 0, NULL), open,
                 (unsigned long long)acts);
    return r < 0 ? r : finish_text(a, MSG_METRICS_ANSWER, &b);
}

static const struct {
    enum msg_type type;
    int (*fn)(struct ask *a);
} rows[] = {{MSG_WITNESS, on_witness},
            {MSG_CHECKPOINT, on_checkpoint},
            {MSG_EXPLAIN, on_explain},
            {MSG_STATUS, on_status},
            {MSG_RECEIPTS, on_receipts},
            {MSG_RECEIPTS_ACK, on_ack},
            {MSG_OP, on_op},
            {MSG_CANCEL, on_cancel},
            {MSG_JOIN, on_join},
            {MSG_JOIN_INFO, on_join_info},
            {MSG_METRICS, on_metrics}};

static int dispatch(struct ask *a, uint16_t type) {
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].type == type) {
            return rows[i].fn(a);
        }
    }
    return -EBADMSG;
}

static bool peer_is_front(const struct priv *p, int sock) {
    struct ucred cred;
    socklen_t len = sizeof(cred);

    return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.uid == p->peer_uid;
}

static void handle_act(struct priv *p, int sock, const struct gate_row *gate, size_t n) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(act_done)
    struct act a = {.p = p,
                    .sock = sock,
                    .out = {-1, -1},
                    .lock = -1,
                    .running = -1,
                    .note = BUF_INIT(LIM_NOTE),
                    .line = BUF_INIT(LIM_NOTE)};

    if (msg_recv(sock, &b, a.out, MSG_FDS_OUTPUT) == 0 && act_read(&a, b.data, b.len) == 0) {
        gate_run(&a, gate, n);
    } else {
        log_event(LOG_L_ERR, "a malformed message came from the front end", NULL);
    }
    closep(&a.out[0]);
    closep(&a.out[1]);
}

void handle(struct priv *p, int sock, const struct gate_row *gate, size_t n) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    struct ask a = {.p = p, .sock = sock, .out = BUF_INIT(LIM_PRIV_MSG)};
    uint8_t head[8];
    uint16_t type;

    /* The type says how many descriptors belong to the message; look before taking them. */
    if (recv(sock, head, sizeof(head), MSG_PEEK) < (ssize_t)sizeof(head)) {
        return;
    }
    if ((head[2] | head[3] << 8) == MSG_ACT) {
        handle_act(p, sock, gate, n);
        return;
    }
    if (!peer_is_front(p, sock) || msg_recv(sock, &b, NULL, MSG_FDS_NONE) < 0 ||
        msg_open(b.data, b.len, &type, &a.rd) < 0 || dispatch(&a, type) < 0) {
        log_event(LOG_L_ERR, "a malformed message came from the front end", NULL);
    } else {
        msg_end(&a.out);
        (void)msg_send(sock, a.out.data, a.out.len, NULL, 0);
    }
    buf_done(&a.out);
}
