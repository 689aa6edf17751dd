/* SPDX-License-Identifier: Apache-2.0 */
/* The gate against a real root half and a real container: each row refuses with a code of its own,
 * and with that row taken out of the table the same message goes through. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "common/msg.h"
#include "tests/integration/priv_world.h"

static const char allow[] = "[node]\nclock = any\n[rule t]\nclient = laptop\nct = 101\n"
                            "run = /bin/true\nstdin = no\n";

struct attack {
    const char *row, *code;
    void (*prepare)(struct world *w);                  /* before the root half starts */
    void (*change)(struct world *w, struct errand *o); /* before it is built */
    void (*spoil)(struct world *w, struct errand *o);  /* after */
    void (*restore)(struct world *w);
    bool twice;
};

static void freeze_on(struct world *w) {
    world_file(w, "pveagentd/freeze", "");
}

static void freeze_off(struct world *w) {
    char path[400];

    snprintf(path, sizeof(path), "%s/pveagentd/freeze", w->cluster);
    (void)unlink(path);
}

static void rename_in_state(struct world *w, const char *from, const char *to) {
    char a[400];
    char b[400];

    snprintf(a, sizeof(a), "%s/%s", w->state, from);
    snprintf(b, sizeof(b), "%s/%s", w->state, to);
    if (rename(a, b) < 0) {
        perror(a);
        exit(99);
    }
}

static void disarm(struct world *w) {
    rename_in_state(w, "armed", "armed.away");
}

static void rearm(struct world *w) {
    rename_in_state(w, "armed.away", "armed");
}

/* Another log's journal that has seen tomorrow. */
static void see_tomorrow(struct world *w) {
    struct priv p = world_priv(w);
    CLEANUP(closep) int lock = -1;
    struct err e = {0};
    struct origin *o;

    if (priv_open(&p, &e) < 0 || !(o = origin_get(&p, "tomorrow")) ||
        origin_lock(&p, o, &lock, &e) < 0 || journal_ack(&p, o, 1, clock_unix() + 86400, &e) < 0) {
        fprintf(stderr, "%s\n", e.msg);
        exit(99);
    }
    priv_close(&p);
}

static void forget_tomorrow(struct world *w) {
    struct hash h;
    char hex[65];
    char path[400];

    sha256("tomorrow", 8, &h);
    hex_encode(h.b, HASH_LEN, hex);
    snprintf(path, sizeof(path), "%s/journal/%s", w->state, hex);
    (void)unlink(path);
}

/* Denied here, its record still there: a node that learns of a denial drops the record, which the
 * next attacks need. */
static void revoke_it(struct world *w) {
    struct priv p = world_priv(w);
    char hex[65];
    char path[120];

    hex_encode(w->spki.b, HASH_LEN, hex);
    snprintf(path, sizeof(path), "revoked/%s", hex);
    if (priv_open(&p, NULL) < 0 || file_replace(p.state_fd, path, "\n", 1, 0600, NULL) < 0) {
        fprintf(stderr, "revoked\n");
        exit(99);
    }
    priv_close(&p);
}

static void unrevoke(struct world *w) {
    char hex[65];
    char path[400];

    hex_encode(w->spki.b, HASH_LEN, hex);
    snprintf(path, sizeof(path), "%s/revoked/%s", w->state, hex);
    (void)unlink(path);
}

static void flip_signature(struct world *w, struct errand *o) {
    char *last = o->checkpoint.data + o->checkpoint.len - 6;

    (void)w;
    *last = *last == 'A' ? 'B' : 'A';
}

static void name_other(struct world *w, struct errand *o) {
    (void)w;
    o->name_other = true;
}

static void expired(struct world *w, struct errand *o) {
    (void)w;
    o->expires = -1;
}

static void too_long(struct world *w, struct errand *o) {
    (void)w;
    o->expires = 3600;
}

static void break_inclusion(struct world *w, struct errand *o) {
    (void)w;
    o->inclusion[0].b[0] ^= 1;
}

static void other_client(struct world *w, struct errand *o) {
    (void)w;
    o->q.client = "desktop";
}

static void other_key(struct world *w, struct errand *o) {
    (void)w;
    memcpy(o->q.key_id, "00000000", 8);
}

static void add_stdin(struct world *w, struct errand *o) {
    (void)w;
    o->stdin_data = "x";
    o->stdin_len = 1;
}

static void other_command(struct world *w, struct errand *o) {
    static const char *const argv[] = {"/bin/false", NULL};

    (void)w;
    errand_argv(o, argv);
}

static void policy_broken(struct world *w) {
    world_policy(w, "[node]\nclock = any\nbogus = 1\n");
}

static void policy_allow(struct world *w) {
    world_policy(w, allow);
}

static void policy_approve(struct world *w) {
    CLEANUP(buf_done) struct buf key = BUF_INIT(512);
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

    (void)vkey_text(&w->operator_key.v, &key);
    (void)buf_addf(&b, "%sapprove = alice\n[operator alice]\nkey = %s\n", allow, buf_str(&key));
    world_policy(w, b.data);
}

static void policy_full(struct world *w) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

    (void)buf_addf(&b, "[node]\nmax-running = 0\n%s", allow + strlen("[node]\n"));
    world_policy(w, b.data);
}

static void other_config(struct world *w, struct errand *o) {
    (void)w;
    o->q.config.b[0] ^= 1;
}

static void other_peer(struct world *w) {
    w->peer_uid = 12345;
}

static void same_peer(struct world *w) {
    w->peer_uid = 0;
}

static const struct attack attacks[] = {
    {"peer", "", .prepare = other_peer, .restore = same_peer},
    {"freeze", "frozen", .prepare = freeze_on, .restore = freeze_off},
    {"armed", "not_armed", .prepare = disarm, .restore = rearm},
    {"clock", "clock_suspect", .prepare = see_tomorrow, .restore = forget_tomorrow},
    {"client", "client_revoked", .prepare = revoke_it, .restore = unrevoke},
    {"checkpoint", "witness_bad_signature", .spoil = flip_signature},
    {"intent", "intent_mismatch", .change = name_other},
    {"intent", "intent_expired", .change = expired},
    {"intent", "intent_invalid", .change = too_long},
    {"intent", "intent_not_included", .spoil = break_inclusion},
    {"request", "request_mismatch", .change = other_client},
    {"request", "node_key_changed", .change = other_key},
    {"stdin", "stdin_mismatch", .spoil = add_stdin},
    {"policy", "policy_denied", .change = other_command},
    {"policy", "policy_unreadable", .prepare = policy_broken, .restore = policy_allow},
    {"approval", "approval_needed", .prepare = policy_approve, .restore = policy_allow},
    {"world", "ct_changed", .change = other_config},
    {"unspent", "request_spent", .twice = true},
    {"room", "busy", .prepare = policy_full, .restore = policy_allow},
    {"record", "request_spent", .twice = true},
};

static void attempt(struct world *w, const struct attack *x, const char *without,
                    struct result *r) {
    struct errand o;

    if (x->prepare) {
        x->prepare(w);
    }
    world_start(w, without);
    errand_init(w, &o);
    if (x->change) {
        x->change(w, &o);
    }
    errand_build(w, &o);
    if (x->spoil) {
        x->spoil(w, &o);
    }
    errand_send(w, &o, r);
    if (x->twice) {
        result_done(r);
        errand_again(w, &o);
        errand_send(w, &o, r);
    }
    errand_done(&o);
    world_kill(w, SIGTERM);
    if (x->restore) {
        x->restore(w);
    }
}

static void test_rows(struct world *w, bool real) {
    for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
        const struct attack *x = &attacks[i];
        struct result r;

        attempt(w, x, NULL, &r);
        tap(!r.started && strcmp(r.code, x->code) == 0 &&
                (!*x->code || strcmp(x->row, "record") == 0 || strcmp(r.step, x->row) == 0) &&
                r.answered == (*x->code != '\0'),
            "%s refuses: %s (%s at %s)", x->row, x->code, r.code, r.step);
        result_done(&r);
        attempt(w, x, x->row, &r);
        tap(real ? r.started : strcmp(r.code, x->code) != 0, "without %s it goes through (%s %s)",
            x->row, r.code, r.text);
        result_done(&r);
    }
}

/* Step 12: what was recorded is done; without the row it is not, and no receipt says that it was.
 */
static void test_act(struct world *w) {
    static const char *const argv[] = {"/bin/touch", "/acted", NULL};
    char path[300];

    world_policy(w, "[node]\nclock = any\n[rule t]\nclient = laptop\nct = 101\n"
                    "run = /bin/touch /acted\n");
    (void)snprintf(path, sizeof(path), "%s/root/acted", w->dir);
    for (int with = 0; with < 2; with++) {
        struct errand o;
        struct result r;

        world_start(w, with ? NULL : "act");
        errand_init(w, &o);
        errand_argv(&o, argv);
        errand_build(w, &o);
        errand_send(w, &o, &r);
        tap(r.started && r.receipt_ok && (access(path, F_OK) == 0) == with &&
                r.receipt.how == (with ? HOW_EXITED : HOW_NOT_STARTED),
            "%s the act row: %s %s", with ? "with" : "without", r.how, r.code);
        result_done(&r);
        errand_done(&o);
        world_kill(w, SIGTERM);
    }
    policy_allow(w);
}

static void send_plain(struct world *w, struct errand *o, struct result *r) {
    errand_init(w, o);
    errand_build(w, o);
    errand_send(w, o, r);
}

/* Any line of the request changed, dropped or doubled after the intent was logged. */
static void test_flips(struct world *w) {
    CLEANUP(buf_done) struct buf whole = BUF_INIT(LIM_LINES);
    struct errand o;
    size_t refused = 0;
    size_t n = 0;

    world_start(w, NULL);
    errand_init(w, &o);
    errand_build(w, &o);
    (void)buf_add(&whole, o.request.data, o.request.len);
    for (size_t i = 0; i < whole.len; i++) {
        struct result r;

        if (i && whole.data[i - 1] != '\n') {
            continue;
        }
        buf_reset(&o.request);
        (void)buf_add(&o.request, whole.data, whole.len);
        o.request.data[i + strcspn(whole.data + i, "\n") - 1] ^= 1;
        sha256(o.request.data, o.request.len, &o.h);
        errand_again(w, &o);
        errand_send(w, &o, &r);
        n++;
        refused += !r.started && strcmp(r.code, "intent_mismatch") == 0;
        result_done(&r);
    }
    tap(n > 10 && refused == n, "any line of the request flipped is refused (%zu of %zu)", refused,
        n);
    errand_done(&o);
    world_kill(w, SIGTERM);
}

static void test_approval(struct world *w) {
    struct errand o;
    struct result r;

    policy_approve(w);
    world_start(w, NULL);
    errand_init(w, &o);
    o.approve = true;
    errand_build(w, &o);
    errand_send(w, &o, &r);
    tap(r.started && r.ended && r.value == 0,
        "an approval by the node's operator lets it through %s", r.code);
    result_done(&r);
    errand_done(&o);
    errand_init(w, &o);
    o.approve = true;
    errand_build(w, &o);
    o.approval.data[o.approval.len - 6] ^= 1;
    errand_send(w, &o, &r);
    tap(!r.started && strcmp(r.code, "approval_invalid") == 0, "a spoiled approval does not");
    result_done(&r);
    errand_done(&o);
    world_kill(w, SIGTERM);
    policy_allow(w);
}

/* The plan, its request and its approval once more, under an intent of its own that is logged in
 * order. */
static void test_second_intent(struct world *w) {
    struct errand o;
    struct result r;

    policy_approve(w);
    world_start(w, NULL);
    errand_init(w, &o);
    o.approve = true;
    errand_build(w, &o);
    errand_send(w, &o, &r);
    tap(r.started && r.receipt_ok, "an approved plan runs under its intent %s", r.code);
    result_done(&r);
    for (int with = 1; with >= 0; with--) {
        uint64_t first = o.index;

        buf_reset(&o.request);
        buf_reset(&o.intent);
        if (with) { /* else the approval of before, whose nonce is spent as well */
            buf_reset(&o.approval);
        }
        o.approve = with;
        errand_build(w, &o);
        errand_send(w, &o, &r);
        tap(o.index > first && !r.started && strcmp(r.code, "request_spent") == 0,
            "under a second intent, with %s approval, it does not: %s at %s",
            with ? "another" : "the same", r.code, r.step);
        result_done(&r);
    }
    errand_done(&o);
    world_kill(w, SIGTERM);
    policy_allow(w);
}

static void test_heads(struct world *w) {
    struct errand o;
    struct result r;

    world_start(w, NULL);
    send_plain(w, &o, &r);
    errand_again(w, &o);
    o.old = 1; /* not what the node cosigned */
    result_done(&r);
    errand_send(w, &o, &r);
    tap(strcmp(r.code, "witness_conflict") == 0 && r.size == w->edge.size,
        "another old size: 409 with the size %llu", (unsigned long long)r.size);
    result_done(&r);
    errand_done(&o);

    errand_init(w, &o);
    other_command(w, &o);
    errand_build(w, &o);
    errand_send(w, &o, &r);
    tap(strcmp(r.code, "policy_denied") == 0 && r.cosig[0] && w->old == w->edge.size,
        "a refused but logged attempt is cosigned all the same");
    result_done(&r);
    errand_done(&o);

    send_plain(w, &o, &r); /* needs the head that the refusal left */
    tap(r.started, "and the next one builds on it %s", r.code);
    result_done(&r);
    errand_done(&o);
    world_kill(w, SIGTERM);
}

static void test_receipts(struct world *w) {
    struct errand o;
    struct result a;
    struct result b;
    struct hash h;

    world_start(w, NULL);
    send_plain(w, &o, &a);
    tap(a.ended && a.receipt_ok && hash_eq(&a.receipt.request, &o.h) && a.receipt.how == HOW_EXITED,
        "a receipt by the node's key names request and end");
    errand_done(&o);
    send_plain(w, &o, &b);
    sha256(a.note.data, a.note.len, &h);
    tap(b.receipt_ok && b.receipt.seq == a.receipt.seq + 1 && b.receipt.has_prev &&
            hash_eq(&b.receipt.prev, &h),
        "receipts are a chain");
    errand_done(&o);
    result_done(&a);
    result_done(&b);
    world_kill(w, SIGTERM);
}

/* One order; true when it was started, else its code. */
static bool start_one(struct world *w, char code[static 32]) {
    struct errand o;
    struct result r;
    bool started;

    errand_init(w, &o);
    errand_build(w, &o);
    errand_send(w, &o, &r);
    started = r.started;
    memcpy(code, r.code, 32);
    result_done(&r);
    errand_done(&o);
    return started;
}

static void policy_rate(struct world *w, unsigned int most) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

    (void)buf_addf(&b, "[node]\nmax-per-minute = %u\n%s", most, allow + strlen("[node]\n"));
    world_policy(w, b.data);
}

/* What other tests started counts too: of three, some may be used up. */
static void test_rate(struct world *w) {
    unsigned int n = 0;
    char code[32] = "";

    policy_rate(w, 250);
    world_start(w, NULL);
    tap(start_one(w, code), "below the limit it starts (%s)", code);
    policy_rate(w, 3);
    while (n < 4 && start_one(w, code)) {
        n++;
    }
    tap(n < 3 && strcmp(code, "rate_limited") == 0, "after %u more of three a minute: %s", n, code);
    world_kill(w, SIGKILL);
    world_start(w, NULL);
    tap(!start_one(w, code) && strcmp(code, "rate_limited") == 0, "a restart does not forget: %s",
        code);
    policy_allow(w);
    tap(start_one(w, code), "without the limit it starts (%s)", code);
    world_kill(w, SIGTERM);
}

/* Everything killed at once while a command runs: the next start says unknown, once. */
static void test_crash(struct world *w) {
    CLEANUP(buf_done) struct buf m = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(buf_done) struct buf back = BUF_INIT(LIM_PRIV_MSG);
    struct priv p = world_priv(w);
    struct err e = {0};
    struct origin *o;
    struct act_rec rec = {.index = 1000000, .ct = 101, .head = 1};
    CLEANUP(closep) int lock = -1;
    char hex[65];
    bool ok = priv_open(&p, &e) == 0;

    o = origin_get(&p, w->log.v.name);
    random_bytes(rec.request.b, HASH_LEN);
    random_bytes(rec.plan.b, HASH_LEN);
    (void)snprintf(rec.client, sizeof(rec.client), "laptop");
    ok = ok && origin_lock(&p, o, &lock, &e) == 0 &&
         journal_start(&p, o, NULL, &rec, clock_unix(), &e) == 0;
    closep(&lock);
    priv_close(&p);
    tap(ok, "a start without an end is in the journal");
    for (int i = 0; i < 2; i++) {
        struct msg_rd rd;
        uint16_t type;
        CLEANUP(freep) char *state = NULL;
        CLEANUP(freep) char *note = NULL;
        struct receipt rc = {0};

        world_start(w, NULL);
        hex_encode(rec.request.b, HASH_LEN, hex);
        (void)msg_begin(&m, MSG_OP);
        (void)msg_add(&m, w->spki.b, HASH_LEN);
        (void)msg_adds(&m, hex);
        msg_end(&m);
        if (world_ask(w, &m, NULL, 0, &back) == MSG_OP_ANSWER &&
            msg_open(back.data, back.len, &type, &rd) == 0) {
            state = msg_str(&rd, 16);
            note = msg_str(&rd, LIM_NOTE);
        }
        tap(state && strcmp(state, "ended") == 0 && note &&
                receipt_open(note, strlen(note), &w->receipt, &rc, NULL) == 0 &&
                rc.how == HOW_UNKNOWN,
            "start %d: its receipt says unknown", i + 1);
        world_kill(w, SIGKILL);
    }
}

/* armed, frozen, running, receipts that were not fetched, actions: in that order. */
static bool metrics(struct world *w, uint64_t ret[static 5]) {
    CLEANUP(buf_done) struct buf m = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(buf_done) struct buf back = BUF_INIT(LIM_PRIV_MSG);
    struct msg_rd rd;
    uint16_t type;

    (void)msg_begin(&m, MSG_METRICS);
    (void)msg_add(&m, w->spki.b, HASH_LEN);
    msg_end(&m);
    if (world_ask(w, &m, NULL, 0, &back) != MSG_METRICS_ANSWER ||
        msg_open(back.data, back.len, &type, &rd) < 0) {
        return false;
    }
    for (size_t i = 0; i < 5; i++) {
        ret[i] = msg_u64(&rd);
    }
    return msg_done(&rd) == 0;
}

static void test_metrics(struct world *w) {
    uint64_t v[5];
    char path[300];
    bool ok;

    world_start(w, NULL);
    (void)snprintf(path, sizeof(path), "%s/freeze", w->state);
    ok = metrics(w, v) && v[0] == 1 && v[1] == 0 && v[2] == 0 && v[3] > 0 && v[4] >= v[3];
    tap(ok, "metrics: armed, free, no run, open receipts among the actions");
    (void)file_replace(AT_FDCWD, path, "\n", 1, 0600, NULL);
    tap(metrics(w, v) && v[0] == 1 && v[1] == 1, "metrics: frozen");
    (void)unlink(path);
    world_kill(w, SIGTERM);
}

static void test_messages(struct world *w) {
    CLEANUP(buf_done) struct buf m = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(buf_done) struct buf back = BUF_INIT(LIM_PRIV_MSG);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int fds[3] = {null, null, null};
    size_t silent = 0;
    size_t n = 0;
    struct errand o;
    struct result r;

    world_start(w, NULL);
    (void)msg_begin(&m, MSG_STATUS);
    (void)msg_add(&m, w->spki.b, HASH_LEN);
    msg_end(&m);
    tap(world_ask(w, &m, NULL, 0, &back) == MSG_STATUS_ANSWER, "status answers");
    tap(world_ask(w, &m, fds, 1, &back) == 0, "status with a descriptor does not");
    for (size_t len = 8; len < m.len; len++, n++) {
        CLEANUP(buf_done) struct buf cut = BUF_INIT(LIM_PRIV_MSG);

        (void)buf_add(&cut, m.data, len);
        msg_end(&cut);
        silent += world_ask(w, &cut, NULL, 0, &back) == 0;
    }
    (void)buf_addc(&m, 'x');
    msg_end(&m);
    silent += world_ask(w, &m, NULL, 0, &back) == 0;
    n++;
    (void)msg_begin(&m, MSG_ACT);
    msg_end(&m);
    silent += world_ask(w, &m, fds, 2, &back) == 0;
    silent += world_ask(w, &m, fds, 3, &back) == 0;
    silent += world_ask(w, &m, NULL, 0, &back) == 0;
    (void)msg_begin(&m, (enum msg_type)98);
    msg_end(&m);
    silent += world_ask(w, &m, NULL, 0, &back) == 0;
    n += 4;
    tap(silent == n, "short, long, unknown or with wrong descriptors: no answer (%zu of %zu)",
        silent, n);
    send_plain(w, &o, &r);
    tap(r.started, "and the resident goes on");
    result_done(&r);
    errand_done(&o);
    close(null);
    world_kill(w, SIGTERM);
}

int main(void) {
    struct world w;
    char root[200];
    bool real;

    if (geteuid() != 0) {
        puts("1..0 # SKIP not root");
        return getenv("MUST_RUN") ? 1 : 77;
    }
    world_make(&w);
    policy_allow(&w);
    snprintf(root, sizeof(root), "%s/root", w.dir);
    real = world_container(&w, root);
    if (!real && getenv("MUST_RUN")) {
        tap(false, "no container can be made here");
    }
    test_rows(&w, real);
    test_flips(&w);
    if (real) {
        test_act(&w);
        test_approval(&w);
        test_second_intent(&w);
        test_heads(&w);
        test_receipts(&w);
        test_rate(&w);
        test_crash(&w);
        test_metrics(&w);
        test_messages(&w);
    } else {
        puts("# containers cannot run here: what runs in them was not tested");
    }
    world_container_end(&w);
    if (!getenv("PRIV_TEST_KEEP")) {
        world_end(&w);
    }
    return tap_end();
}
