/* SPDX-License-Identifier: Apache-2.0 */
/* The root-half peer: one process that forks for each message, as the real one does. */
#include "tests/unit/nodes/peer.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/b64.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/tls.h"
#include "common/msg.h"

const uint8_t peer_secret[16] = {0xc0, 0xff, 0xee};

struct conn {
    struct peer *p;
    struct fixture *fx;
    int sock;
    int fd[2];
    struct hash spki;
};

static void send_it(const struct conn *c, struct buf *b) {
    msg_end(b);
    (void)msg_send(c->sock, b->data, b->len, NULL, 0);
}

static void send_text(const struct conn *c, enum msg_type type, const char *text) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);

    (void)msg_begin(&b, type);
    (void)msg_adds(&b, text);
    send_it(c, &b);
}

static void refuse(const struct conn *c, const char *code, uint64_t size, const char *line) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);

    (void)msg_begin(&b, MSG_REFUSED);
    (void)msg_adds(&b, code);
    (void)msg_adds(&b, "policy");
    (void)msg_adds(&b, "said no");
    (void)msg_add_u64(&b, size);
    (void)msg_adds(&b, line);
    send_it(c, &b);
}

struct act {
    const char *request, *intent, *checkpoint;
    size_t request_len, intent_len, checkpoint_len, n_inclusion, n_consistency;
    const struct hash *inclusion, *consistency;
    uint64_t index, old;
    struct hash leaf, h;
    struct note note;
    struct checkpoint cp;
};

static const struct hash *hashes(struct msg_rd *rd, size_t *n) {
    size_t len;
    const void *p = msg_field(rd, sizeof(struct hash) * LIM_PROOF, &len);

    *n = len / HASH_LEN;
    return p;
}

/* As a node: log's signature, proof from the size it cosigned last, inclusion of the intent. 1: the
 * size is another one. */
static int prove(struct conn *c, const char *cp, size_t cp_len, uint64_t old,
                 const struct hash *consistency, size_t n, struct checkpoint *ret,
                 struct note *note) {
    struct peer_shared *sh = c->p->sh;

    if (checkpoint_open(cp, cp_len, ledger_vkey(c->fx->l), note, ret, NULL) < 0) {
        return -EBADMSG;
    }
    if (old != sh->head || sh->scenario == CONFLICT_ALWAYS) {
        sh->conflicts++;
        return 1;
    }
    if (merkle_check_consistency(old, ret->size, consistency, n, &sh->root, &ret->root) < 0) {
        return -EBADMSG;
    }
    sh->head = ret->size;
    sh->root = ret->root;
    return 0;
}

static void cosign(const struct conn *c, const struct note *note, struct buf *ret) {
    const struct skey *key =
        c->p->sh->scenario == BAD_COSIGNATURE ? &c->fx->operator_key : &c->fx->witness;

    ck_assert_int_eq(
        note_sig_line(note->text, note->text_len, key, (uint64_t)clock_unix(), ret, NULL), 0);
}

static int receipt(const struct conn *c, const struct act *a, enum receipt_how how,
                   struct buf *ret) {
    static const char out[] = "hello\n";
    enum scenario s = c->p->sh->scenario;
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    struct receipt r = {.node = "pve1",
                        .seq = 1,
                        .intent = a->leaf,
                        .request = a->h,
                        .head = a->cp.size,
                        .started = clock_unix(),
                        .ended = clock_unix(),
                        .how = how,
                        .value = 3,
                        .out_bytes = sizeof(out) - 1,
                        .err_bytes = 0,
                        .salt = "00000000000000000000000000000000"};
    char salted[16 + sizeof(out)] = {0};

    (void)snprintf(r.log, sizeof(r.log), "%s", ledger_origin(c->fx->l));
    hex_encode(c->fx->receipt.v.id, 4, r.key_id);
    memcpy(salted + 16, out, sizeof(out) - 1);
    sha256(salted, 16 + sizeof(out) - 1, &r.out_hash);
    sha256(salted, 16, &r.err_hash);
    if (s == RECEIPT_OTHER_REQUEST) {
        r.request.b[0] ^= 1;
    }
    if (s == RECEIPT_OTHER_INTENT) {
        r.intent.b[0] ^= 1;
    }
    ck_assert_int_eq(receipt_text(&r, &text, NULL), 0);
    return note_sign(buf_str(&text), text.len,
                     s == RECEIPT_OTHER_KEY ? &c->fx->operator_key : &c->fx->receipt, ret, NULL);
}

static void end_act(const struct conn *c, const struct act *a, enum receipt_how how) {
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);

    ck_assert_int_eq(receipt(c, a, how, &note), 0);
    (void)msg_begin(&b, MSG_ACT_END);
    (void)msg_adds(&b, c->p->sh->scenario == RECEIPT_MISSING ? "" : buf_str(&note));
    (void)msg_add_u64(&b, 6);
    (void)msg_add_u64(&b, 0);
    (void)msg_adds(&b, "exited"); /* the receipt is to be believed, not this */
    (void)msg_add_u64(&b, 99);
    send_it(c, &b);
}

/* Where the request of a "spent" scenario is remembered for MSG_OP: the intent's leaf. */
static struct act *last_act;

static void started(const struct conn *c, struct act *a) {
    CLEANUP(buf_done) struct buf line = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    char hex[65];

    cosign(c, &a->note, &line);
    hex_encode(a->h.b, HASH_LEN, hex);
    (void)msg_begin(&b, MSG_ACT_STARTED);
    (void)msg_adds(&b, hex);
    (void)msg_adds(&b, buf_str(&line));
    (void)msg_add_u64(&b, 1);
    send_it(c, &b);
}

static void run_act(struct conn *c, struct act *a) {
    struct peer_shared *sh = c->p->sh;
    CLEANUP(buf_done) struct buf line = BUF_INIT(LIM_NOTE);

    sh->acts++;
    *last_act = *a;
    if (sh->scenario == REFUSES) {
        cosign(c, &a->note, &line);
        refuse(c, "policy_denied", 0, buf_str(&line));
        return;
    }
    if (sh->scenario == SPENT_AND_ENDED || sh->scenario == SPENT_AND_UNKNOWN) {
        refuse(c, "request_spent", 0, "");
        return;
    }
    if (sh->scenario == WAITS_FOR_RECEIPTS && !sh->acknowledged) {
        refuse(c, "receipts_pending", 0, "");
        return;
    }
    started(c, a);
    (void)!write(c->fd[0], "hel", 3);
    if (sh->scenario == BREAKS_AFTER_START) {
        return;
    }
    if (sh->scenario == WAITS_FOR_CANCEL) {
        for (int i = 0; i < 600 && !sh->cancels; i++) {
            clock_sleep_ms(50);
        }
    }
    (void)!write(c->fd[0], "lo\n", 3);
    end_act(c, a, sh->scenario == WAITS_FOR_CANCEL ? HOW_CANCELLED : HOW_EXITED);
}

static void on_act(struct conn *c, struct msg_rd *rd) {
    CLEANUP(freep) struct act *a = calloc(1, sizeof(*a));
    size_t len;
    int r;

    a->request = msg_field(rd, LIM_LINES, &a->request_len);
    (void)msg_field(rd, LIM_STDIN, &len);
    a->intent = msg_field(rd, LIM_ENTRY, &a->intent_len);
    a->index = msg_u64(rd);
    a->inclusion = hashes(rd, &a->n_inclusion);
    a->checkpoint = msg_field(rd, LIM_NOTE, &a->checkpoint_len);
    a->old = msg_u64(rd);
    a->consistency = hashes(rd, &a->n_consistency);
    for (uint64_t n = msg_u64(rd); n > 0; n--) {
        (void)msg_field(rd, LIM_NOTE, &len);
    }
    (void)msg_u64(rd);
    if (msg_done(rd) < 0) {
        return;
    }
    merkle_leaf(a->intent, a->intent_len, &a->leaf);
    sha256(a->request, a->request_len, &a->h);
    r = prove(c, a->checkpoint, a->checkpoint_len, a->old, a->consistency, a->n_consistency, &a->cp,
              &a->note);
    if (r == 0 && merkle_check_inclusion(&a->leaf, a->index, a->cp.size, a->inclusion,
                                         a->n_inclusion, &a->cp.root) < 0) {
        r = -EBADMSG;
    }
    if (r) {
        refuse(c, r == 1 ? "witness_conflict" : "witness_bad_proof", c->p->sh->head, "");
        return;
    }
    run_act(c, a);
}

static void on_op(struct conn *c) {
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    bool known = c->p->sh->scenario == SPENT_AND_ENDED;

    ck_assert_int_eq(receipt(c, last_act, HOW_EXITED, &note), 0);
    (void)msg_begin(&b, MSG_OP_ANSWER);
    (void)msg_adds(&b, known ? "ended" : "unknown");
    (void)msg_adds(&b, known ? buf_str(&note) : "");
    (void)msg_adds(&b, "hello\n");
    (void)msg_adds(&b, "");
    send_it(c, &b);
}

static void on_witness(struct conn *c, struct msg_rd *rd) {
    CLEANUP(buf_done) struct buf line = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(freep) struct note *note = malloc(sizeof(*note));
    CLEANUP(freep) char *body = msg_str(rd, 2 * LIM_NOTE);
    const char *p = body ? strchr(body, '\n') + 1 : "";
    struct hash proof[LIM_PROOF];
    struct checkpoint cp;
    uint64_t old = 0;
    size_t n = 0;
    int r;

    for (const char *d = body + 4; *d != '\n'; d++) {
        old = old * 10 + (uint64_t)(*d - '0');
    }
    for (; *p != '\n'; p = strchr(p, '\n') + 1) {
        if (b64_decode_exact(p, strcspn(p, "\n"), &proof[n++], HASH_LEN) < 0) {
            return;
        }
    }
    p++;
    r = prove(c, p, strlen(p), old, proof, n, &cp, note);
    (void)msg_begin(&b, MSG_WITNESS_ANSWER);
    if (r == 0) {
        cosign(c, note, &line);
        (void)msg_add_u64(&b, 200);
    } else {
        (void)buf_addf(&line, "%llu\n", (unsigned long long)c->p->sh->head);
        (void)msg_add_u64(&b, r == 1 ? 409 : 422);
    }
    (void)msg_adds(&b, buf_str(&line));
    send_it(c, &b);
}

/* As a node: the newest receipt, in the log as this node cosigned it. */
static void on_ack(struct conn *c, struct msg_rd *rd) {
    CLEANUP(entry_done) struct entry en = {0};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(freep) struct note *note = malloc(sizeof(*note));
    uint64_t upto = msg_u64(rd);
    size_t len;
    const char *entry = msg_field(rd, LIM_ENTRY, &len);
    uint64_t index = msg_u64(rd);
    size_t n;
    const struct hash *proof = hashes(rd, &n);
    size_t cp_len;
    const char *cp = msg_field(rd, LIM_NOTE, &cp_len);
    struct checkpoint head;
    struct hash leaf;

    merkle_leaf(entry, len, &leaf);
    if (msg_done(rd) < 0 || upto != 1 || entry_parse(entry, len, &en, NULL) < 0 ||
        en.kind != ENTRY_RECEIPT ||
        checkpoint_open(cp, cp_len, ledger_vkey(c->fx->l), note, &head, NULL) < 0 ||
        head.size != c->p->sh->head || !hash_eq(&head.root, &c->p->sh->root) ||
        merkle_check_inclusion(&leaf, index, head.size, proof, n, &head.root) < 0) {
        refuse(c, "receipt_not_included", 0, "");
        return;
    }
    c->p->sh->acknowledged++;
    (void)msg_begin(&b, MSG_OK);
    send_it(c, &b);
}

static void add_key(struct buf *b, const char *key, const struct vkey *k) {
    CLEANUP(buf_done) struct buf v = BUF_INIT(512);

    (void)vkey_text(k, &v);
    (void)lines_put(b, key, buf_str(&v));
}

static void on_join(struct conn *c, struct msg_rd *rd) {
    CLEANUP(freep) char *name = msg_str(rd, 64);
    CLEANUP(buf_done) struct buf m = BUF_INIT(LIM_LINES);
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    uint8_t pub[32];
    uint8_t exporter[32];
    struct hash have;
    struct hash want;
    char *vkey;

    msg_exact(rd, pub, sizeof(pub));
    msg_exact(rd, c->spki.b, HASH_LEN);
    vkey = msg_str(rd, 512);
    msg_exact(rd, exporter, sizeof(exporter));
    msg_exact(rd, have.b, HASH_LEN);
    if (msg_done(rd) < 0) {
        return;
    }
    (void)buf_add(&m, "proximo-join/v1", 16);
    (void)buf_add(&m, exporter, 32);
    (void)buf_add(&m, c->spki.b, 32);
    (void)buf_add(&m, vkey, strlen(vkey) + 1);
    (void)buf_adds(&m, name);
    free(vkey);
    hmac_sha256(peer_secret, sizeof(peer_secret), m.data, m.len, &want);
    if (!hash_eq(&want, &have)) {
        refuse(c, "join_refused", 0, "");
        return;
    }
    (void)lines_put(&text, "node", "pve1");
    (void)lines_putf(&text, "address", "127.0.0.1:%u", c->p->port);
    add_key(&text, "witness-key", &c->fx->witness.v);
    add_key(&text, "receipt-key", &c->fx->receipt.v);
    (void)lines_put(&text, "rights", "inventory evidence witness");
    buf_reset(&m);
    (void)buf_add(&m, "proximo-join-answer/v1", 23);
    (void)buf_add(&m, exporter, 32);
    (void)buf_add(&m, text.data, text.len);
    hmac_sha256(peer_secret, sizeof(peer_secret), m.data, m.len, &want);
    want.b[0] ^= c->p->sh->scenario == ANSWER_WITH_WRONG_PROOF;
    (void)msg_begin(&b, MSG_JOIN_ANSWER);
    (void)msg_add(&b, text.data, text.len);
    (void)msg_add(&b, want.b, HASH_LEN);
    c->p->sh->joins++;
    c->p->sh->client = c->spki;
    send_it(c, &b);
}

static void answer(struct conn *c, uint16_t type, struct msg_rd *rd) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);

    if (type == MSG_JOIN_INFO) {
        (void)msg_begin(&b, MSG_JOIN_INFO_ANSWER);
        (void)msg_add_u64(&b, 1);
        (void)msg_add_u64(&b, 0);
        send_it(c, &b);
        return;
    }
    if (type == MSG_JOIN) {
        on_join(c, rd);
        return;
    }
    msg_exact(rd, c->spki.b, HASH_LEN);
    if (!hash_eq(&c->spki, &c->p->sh->client)) {
        refuse(c, "client_unknown", 0, "");
    } else if (type == MSG_ACT) {
        on_act(c, rd);
    } else if (type == MSG_OP) {
        on_op(c);
    } else if (type == MSG_WITNESS) {
        on_witness(c, rd);
    } else if (type == MSG_RECEIPTS_ACK) {
        on_ack(c, rd);
    } else if (type == MSG_STATUS) {
        send_text(c, MSG_STATUS_ANSWER, "node pve1\nclient laptop\narmed yes\nhead -\n");
    } else if (type == MSG_EXPLAIN) {
        send_text(c, MSG_EXPLAIN_ANSWER, "allowed yes\nrule any\nundo yes\nundo-driver btrfs\n");
    } else if (type == MSG_CANCEL) {
        c->p->sh->cancels++;
        (void)msg_begin(&b, MSG_OK);
        send_it(c, &b);
    }
}

static void serve(struct peer *p, struct fixture *fx, int sock) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    struct conn c = {.p = p, .fx = fx, .sock = sock, .fd = {-1, -1}};
    struct msg_rd rd;
    uint16_t type;

    if (msg_recv(sock, &b, c.fd, 2) < 0) {
        return;
    }
    if (msg_open(b.data, b.len, &type, &rd) == 0) {
        answer(&c, type, &rd);
    }
}

/* msg_recv wants to know how many descriptors come; a peek at the type tells. */
static void serve_any(struct peer *p, struct fixture *fx, int sock) {
    uint8_t head[4] = {0};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    struct conn c = {.p = p, .fx = fx, .sock = sock, .fd = {-1, -1}};
    struct msg_rd rd;
    uint16_t type;

    if (recv(sock, head, sizeof(head), MSG_PEEK) < 4) {
        return;
    }
    if (head[2] == MSG_ACT) {
        serve(p, fx, sock);
    } else if (msg_recv(sock, &b, NULL, 0) == 0 && msg_open(b.data, b.len, &type, &rd) == 0) {
        answer(&c, type, &rd);
    }
}

/* A test that fails must not leave its processes behind. */
static void die_with_the_test(void) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void run_priv(struct peer *p, struct fixture *fx, int listener) {
    die_with_the_test();
    (void)signal(SIGPIPE, SIG_IGN);
    for (;;) {
        int sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        pid_t pid = sock < 0 ? -1 : fork();

        if (pid == 0) {
            serve_any(p, fx, sock);
            _exit(0);
        }
        (void)close(sock);
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
    }
}

static uint16_t free_port(void) {
    CLEANUP(closep) int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(a);

    ck_assert_int_eq(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
    ck_assert_int_eq(getsockname(s, (struct sockaddr *)&a, &len), 0);
    return ntohs(a.sin_port);
}

static bool is_open(uint16_t port) {
    CLEANUP(closep) int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};

    return connect(s, (struct sockaddr *)&a, sizeof(a)) == 0;
}

static void run_daemon(const struct peer *p, bool init) {
    char listen[32];
    const char *top = getenv("top_builddir");
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/pveagentd/pveagentd", top ? top : ".");
    (void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", p->port);
    die_with_the_test();
    if (init) {
        (void)execl(path, "pveagentd", "--init", "--state", p->state, (char *)NULL);
    } else {
        (void)execl(path, "pveagentd", "--state", p->state, "--priv-socket", p->sock, "--listen",
                    listen, (char *)NULL);
    }
    _exit(127);
}

void peer_start(struct peer *p, struct fixture *fx) {
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    pid_t pid;
    int status;

    memset(p, 0, sizeof(*p));
    p->sh = mmap(NULL, sizeof(*p->sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    last_act =
        mmap(NULL, sizeof(*last_act), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(p->sh != MAP_FAILED && last_act != MAP_FAILED);
    merkle_empty(&p->sh->root);
    (void)snprintf(p->state, sizeof(p->state), "%s/agent", fx->top);
    (void)snprintf(p->sock, sizeof(p->sock), "%s/priv.sock", fx->top);
    (void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", p->sock);
    p->port = free_port();
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
    ck_assert_int_eq(listen(listener, 64), 0);
    p->priv = fork();
    if (p->priv == 0) {
        run_priv(p, fx, listener);
    }
    (void)close(listener);
    pid = fork();
    if (pid == 0) {
        run_daemon(p, true);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    p->daemon = fork();
    if (p->daemon == 0) {
        run_daemon(p, false);
    }
    for (int i = 0; i < 1200 && !is_open(p->port); i++) {
        clock_sleep_ms(50);
    }
    ck_assert(is_open(p->port));
}

void peer_stop(struct peer *p) {
    int status = 0;

    (void)kill(p->daemon, SIGTERM);
    ck_assert_int_eq(waitpid(p->daemon, &status, 0), p->daemon);
    ck_assert_int_eq(status, 0);
    (void)kill(p->priv, SIGKILL);
    (void)waitpid(p->priv, NULL, 0);
    (void)munmap(p->sh, sizeof(*p->sh));
    (void)munmap(last_act, sizeof(*last_act));
}

void peer_invitation(const struct peer *p, bool other_key, int64_t expires, struct buf *ret) {
    CLEANUP(buf_done) struct buf t = BUF_INIT(LIM_LINE);
    CLEANUP(tls_cert_freep) X509 *cert = NULL;
    char path[160];
    char text[HASH_HEX_LEN + 1];
    char secret[33];
    struct hash spki;

    (void)snprintf(path, sizeof(path), "%s/tls.crt", p->state);
    ck_assert_int_eq(tls_read_cert(AT_FDCWD, path, &cert, NULL), 0);
    ck_assert_int_eq(tls_spki_of_cert(cert, &spki), 0);
    spki.b[0] ^= other_key;
    hash_text(&spki, text);
    hex_encode(peer_secret, sizeof(peer_secret), secret);
    ck_assert_int_eq(
        buf_addf(&t,
                 "proximo-invite/v1\naddress 127.0.0.1:%u\ntls %s\nsecret %s\nexpires %lld\n"
                 "node pve1\n",
                 p->port, text, secret, (long long)expires),
        0);
    ck_assert_int_eq(buf_adds(ret, "proximo1."), 0);
    ck_assert_int_eq(b64url_encode(ret, t.data, t.len), 0);
}
