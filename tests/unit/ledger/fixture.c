/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger's tests share. Everything is made through the real functions; keys are fixed so
 * that a failing run can be repeated. */
#include "tests/unit/ledger/fixture.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/approval.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/closing.h"

static void key(const char *name, uint8_t type, uint8_t fill, struct skey *ret) {
    uint8_t seed[NOTE_SEED_LEN];

    memset(seed, fill, sizeof(seed));
    ck_assert_int_eq(skey_make(name, type, seed, ret), 0);
}

void fx_keys(struct fixture *fx) {
    memset(fx, 0, sizeof(*fx));
    key("pve1/receipt", NOTE_ED25519, 2, &fx->receipt);
    key("pve1/witness", NOTE_COSIGN, 3, &fx->witness);
    key("alice", NOTE_ED25519, 4, &fx->operator_key);
}

void fx_create(struct fixture *fx) {
    struct hash policy = {{7}};
    uint8_t seed[NOTE_SEED_LEN];
    struct ledger_genesis g = {.cluster = "c1", .policy = &policy, .seed = seed};
    struct err e = {0};

    memset(seed, 1, sizeof(seed));
    ck_assert_msg(ledger_create_from(fx->dir, &g, &e) == 0, "%s", e.msg);
    fx_open(fx);
}

void fx_start(struct fixture *fx) {
    const char *top = getenv("LEDGER_TEST_DIR");

    fx_keys(fx);
    (void)snprintf(fx->top, sizeof(fx->top), "%s/ledger-XXXXXX", top ? top : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(fx->top));
    (void)snprintf(fx->dir, sizeof(fx->dir), "%s/log", fx->top);
    fx_create(fx);
}

void fx_open(struct fixture *fx) {
    struct err e = {0};

    ck_assert_msg(ledger_open(fx->dir, &fx->l, &e) == 0, "%s", e.msg);
}

void fx_close(struct fixture *fx) {
    ledger_close(TAKE(fx->l));
}

static int unlink_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void fx_remove(const char *path) {
    (void)nftw(path, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
}

void fx_stop(struct fixture *fx) {
    fx_close(fx);
    fx_remove(fx->top);
}

static char copy_from[96];
static char copy_to[96];

static int copy_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
    char to[512];
    char data[65536];
    size_t n;

    (void)ftw;
    (void)snprintf(to, sizeof(to), "%s%s", copy_to, path + strlen(copy_from));
    if (flag == FTW_D) {
        return mkdir(to, 0700);
    }
    {
        CLEANUP(fclosep) FILE *in = fopen(path, "re");
        CLEANUP(fclosep) FILE *out = fopen(to, "we");

        if (!in || !out) {
            return -1;
        }
        while ((n = fread(data, 1, sizeof(data), in)) > 0) {
            if (fwrite(data, 1, n, out) != n) {
                return -1;
            }
        }
    }
    return chmod(to, st->st_mode & 0777);
}

void fx_copy(const char *from, const char *to) {
    (void)snprintf(copy_from, sizeof(copy_from), "%s", from);
    (void)snprintf(copy_to, sizeof(copy_to), "%s", to);
    fx_remove(to);
    ck_assert_int_eq(nftw(from, copy_one, 16, FTW_PHYS), 0);
}

struct ledger_pos fx_append(struct fixture *fx, const struct buf *b, unsigned int flags) {
    struct ledger_pos pos;
    struct err e = {0};

    ck_assert_msg(ledger_append(fx->l, buf_str(b), b->len, flags, NULL, NULL, &pos, &e) == 0,
                  "%s: %s", e.tag, e.msg);
    return pos;
}

static void begin(struct buf *b, enum entry_kind kind) {
    ck_assert_int_eq(entry_begin(b, kind, clock_unix(), "mcp:test"), 0);
}

static void end(struct buf *b) {
    struct err e = {0};

    ck_assert_msg(entry_end(b, "{}", &e) == 0, "%s", e.msg);
}

static void put_hash(struct buf *b, const char *name, const struct hash *h) {
    char text[HASH_HEX_LEN + 1];

    hash_text(h, text);
    ck_assert_int_eq(lines_put(b, name, text), 0);
}

struct ledger_pos fx_read_entry(struct fixture *fx, unsigned int flags) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct hash args = {{3}};

    begin(&b, ENTRY_READ);
    ck_assert_int_eq(lines_put(&b, "tool", "pve_version"), 0);
    put_hash(&b, "args", &args);
    ck_assert_int_eq(lines_put(&b, "outcome", "ok"), 0);
    end(&b);
    return fx_append(fx, &b, flags);
}

struct ledger_pos fx_policy(struct fixture *fx, const struct hash *digest, unsigned int flags) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);

    begin(&b, ENTRY_POLICY);
    put_hash(&b, "digest", digest);
    end(&b);
    return fx_append(fx, &b, flags);
}

void fx_plan_bytes(const struct hash *plan, const char *approval, struct buf *ret) {
    begin(ret, ENTRY_PLAN);
    put_hash(ret, "plan", plan);
    ck_assert_int_eq(lines_put(ret, "risk", "low"), 0);
    ck_assert_int_eq(lines_put(ret, "approval", approval), 0);
    ck_assert_int_eq(lines_put(ret, "expires", "99999999999"), 0);
    ck_assert_int_eq(lines_put(ret, "taint", "no"), 0);
    end(ret);
}

struct ledger_pos fx_plan(struct fixture *fx, const struct hash *plan, const char *approval) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);

    fx_plan_bytes(plan, approval, &b);
    return fx_append(fx, &b, LEDGER_SYNC);
}

void fx_intent_bytes(const struct hash *plan, const char *approval, const struct hash *request,
                     struct buf *ret) {
    char text[HASH_HEX_LEN + 1];

    begin(ret, ENTRY_INTENT);
    put_hash(ret, "plan", plan);
    ck_assert_int_eq(lines_put(ret, "approval", approval), 0);
    ck_assert_int_eq(lines_put(ret, "expires", "99999999999"), 0);
    ck_assert_int_eq(lines_put(ret, "taint", "no"), 0);
    if (request) {
        hash_text(request, text);
        ck_assert_int_eq(lines_putf(ret, "request", "pve1 %s", text), 0);
    }
    end(ret);
}

struct ledger_pos fx_intent(struct fixture *fx, const struct hash *plan, const char *approval,
                            const struct hash *request) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);

    fx_intent_bytes(plan, approval, request, &b);
    return fx_append(fx, &b, LEDGER_SYNC);
}

void fx_outcome_bytes(const struct hash *intent, const struct hash *plan, const char *result,
                      struct buf *ret) {
    begin(ret, ENTRY_OUTCOME);
    put_hash(ret, "intent", intent);
    put_hash(ret, "plan", plan);
    ck_assert_int_eq(lines_put(ret, "result", result), 0);
    end(ret);
}

struct ledger_pos fx_outcome(struct fixture *fx, const struct hash *intent, const struct hash *plan,
                             const char *result) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);

    fx_outcome_bytes(intent, plan, result, &b);
    return fx_append(fx, &b, LEDGER_SYNC | LEDGER_RESERVE);
}

static void receipt_note(struct fixture *fx, const struct hash *intent, const struct hash *request,
                         struct buf *ret) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    struct receipt rc = {.node = "pve1",
                         .seq = ++fx->seq,
                         .has_prev = fx->seq > 1,
                         .prev = fx->prev,
                         .intent = *intent,
                         .request = *request,
                         .head = 1,
                         .started = 5,
                         .ended = 6,
                         .how = HOW_EXITED};
    struct err e = {0};

    hex_encode(fx->receipt.v.id, 4, rc.key_id);
    (void)snprintf(rc.log, sizeof(rc.log), "%s", ledger_origin(fx->l));
    memset(rc.salt, '0', 32);
    ck_assert_msg(receipt_text(&rc, &text, &e) == 0, "%s", e.msg);
    ck_assert_int_eq(note_sign(buf_str(&text), text.len, &fx->receipt, ret, &e), 0);
    sha256(buf_str(ret), ret->len, &fx->prev);
}

struct ledger_pos fx_receipt(struct fixture *fx, const struct hash *intent,
                             const struct hash *request) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);

    receipt_note(fx, intent, request, &note);
    begin(&b, ENTRY_RECEIPT);
    put_hash(&b, "intent", intent);
    ck_assert_int_eq(lines_put(&b, "node", "pve1"), 0);
    ck_assert_int_eq(lines_putf(&b, "seq", "%llu", (unsigned long long)fx->seq), 0);
    ck_assert_int_eq(lines_put(&b, "note", buf_str(&note)), 0);
    end(&b);
    return fx_append(fx, &b, LEDGER_SYNC | LEDGER_RESERVE);
}

struct ledger_pos fx_approval(struct fixture *fx, const struct hash *plan, struct hash *ret_note) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf vk = BUF_INIT(LIM_LINE);
    struct err e = {0};

    ck_assert_int_eq(approval_text(ledger_origin(fx->l), plan, NULL, 0, -1, 99999999999, &text, &e),
                     0);
    ck_assert_int_eq(note_sign(buf_str(&text), text.len, &fx->operator_key, &note, &e), 0);
    ck_assert_int_eq(vkey_text(&fx->operator_key.v, &vk), 0);
    sha256(buf_str(&note), note.len, ret_note);
    begin(&b, ENTRY_APPROVAL);
    put_hash(&b, "plan", plan);
    ck_assert_int_eq(lines_put(&b, "key", buf_str(&vk)), 0);
    ck_assert_int_eq(lines_put(&b, "note", buf_str(&note)), 0);
    ck_assert_int_eq(lines_put(&b, "not-after", "99999999999"), 0);
    end(&b);
    return fx_append(fx, &b, LEDGER_SYNC);
}

struct ledger_pos fx_closing(struct fixture *fx, const struct hash *intent, const struct hash *plan,
                             bool done, const struct hash *signed_intent) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    struct closing c = {.log = ledger_origin(fx->l),
                        .reason = "looked at it",
                        .intent = signed_intent ? *signed_intent : *intent,
                        .plan = *plan,
                        .done = done,
                        .time = 1764000000};
    struct err e = {0};

    ck_assert_int_eq(closing_text(&c, &text, &e), 0);
    ck_assert_int_eq(note_sign(buf_str(&text), text.len, &fx->operator_key, &note, &e), 0);
    c.intent = *intent;
    ck_assert_int_eq(closing_entry(&c, &fx->operator_key.v, buf_str(&note), "cli:operator", &b, &e),
                     0);
    return fx_append(fx, &b, LEDGER_SYNC);
}

struct hash fx_operation(struct fixture *fx) {
    char given[HASH_HEX_LEN + 1];
    struct ledger_pos intent;
    struct hash plan;
    struct hash request;
    struct hash note;

    random_bytes(&plan, sizeof(plan));
    random_bytes(&request, sizeof(request));
    (void)fx_plan(fx, &plan, "operator");
    (void)fx_approval(fx, &plan, &note);
    hash_text(&note, given);
    intent = fx_intent(fx, &plan, given, &request);
    (void)fx_receipt(fx, &intent.leaf, &request);
    (void)fx_outcome(fx, &intent.leaf, &plan, "done");
    return plan;
}

uint64_t fx_cosign(struct fixture *fx, const struct skey *k, uint64_t time) {
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf line = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_NOTE);
    struct checkpoint c;
    struct err e = {0};

    ck_assert_int_eq(ledger_checkpoint(fx->l, &note, &c, &e), 0);
    ck_assert_int_eq(checkpoint_text(&c, &text), 0);
    ck_assert_int_eq(note_sig_line(buf_str(&text), text.len, k, time, &line, &e), 0);
    ck_assert_msg(ledger_cosignature(fx->l, buf_str(&note), note.len, buf_str(&line), &e) == 0,
                  "%s", e.msg);
    return c.size;
}

js *fx_verify(struct fixture *fx, const char *dir) {
    struct verify_node node = {.name = "pve1", .trusted = true};
    struct verify_keys keys = {.node = &node, .n_nodes = 1};
    struct err e = {0};
    js *report = NULL;

    node.receipt = fx->receipt.v;
    node.witness = fx->witness.v;
    ck_assert_msg(verify_dir(dir ? dir : fx->dir, &keys, clock_unix(), &report, &e) == 0, "%s",
                  e.msg);
    return report;
}

bool fx_is_sound(struct fixture *fx, const char *dir) {
    CLEANUP(js_freep) js *report = fx_verify(fx, dir);

    return js_bool_or(report, "ok", false);
}

void fx_first_defect(struct fixture *fx, const char *dir, char code[static 40],
                     int64_t *ret_entry) {
    CLEANUP(js_freep) js *report = fx_verify(fx, dir);
    const js *d = js_at(js_get(report, "defects"), 0);

    (void)snprintf(code, 40, "%s", d ? js_str_or(d, "code", "?") : "");
    *ret_entry = d ? js_int_or(d, "entry", -1) : -1;
}

void fx_flip(const char *dir, const char *name, size_t at, uint8_t mask) {
    char path[200];
    uint8_t c;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, &c, 1, (off_t)at), 1);
    c ^= mask;
    ck_assert_int_eq(pwrite(fd, &c, 1, (off_t)at), 1);
    (void)close(fd);
}
