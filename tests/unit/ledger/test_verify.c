/* SPDX-License-Identifier: Apache-2.0 */
/* The auditor and recovery: every change of a recorded byte is found and named, and what a crash
 * leaves behind is put in order without touching what was signed. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/closing.h"
#include "tests/unit/ledger/fixture.h"

static struct fixture fx;
static char copy[96];

static void start(void) {
    fx_start(&fx);
    (void)snprintf(copy, sizeof(copy), "%s/copy", fx.top);
}

static void stop(void) {
    fx_stop(&fx);
}

static void path_in(const char *dir, const char *name, char ret[static 160]) {
    (void)snprintf(ret, 160, "%s/%s", dir, name);
}

static size_t load(const char *dir, const char *name, uint8_t *data, size_t size) {
    char path[160];
    ssize_t n;
    int fd;

    path_in(dir, name, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    n = read(fd, data, size);
    ck_assert_int_ge(n, 0);
    (void)close(fd);
    return (size_t)n;
}

static void save(const char *dir, const char *name, const uint8_t *data, size_t len) {
    char path[160];
    int fd;

    path_in(dir, name, path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
    (void)close(fd);
}

/* Where each entry of the first segment begins; offs[n] is the end. */
static size_t offsets(const uint8_t *data, size_t len, size_t *offs) {
    size_t n = 0;
    size_t at = 0;

    while (at < len) {
        offs[n++] = at;
        at += 4 + ((size_t)data[at] << 24 | (size_t)data[at + 1] << 16 | (size_t)data[at + 2] << 8 |
                   data[at + 3]);
    }
    offs[n] = at;
    return n;
}

START_TEST(a_whole_history_is_sound) {
    CLEANUP(js_freep) js *report = NULL;

    for (int i = 0; i < 5; i++) {
        (void)fx_operation(&fx);
    }
    report = fx_verify(&fx, NULL);
    ck_assert(js_bool_or(report, "ok", false));
    ck_assert_int_eq(js_int_or(report, "intents", -1), 5);
    ck_assert_int_eq(js_int_or(report, "outcomes", -1), 5);
    ck_assert_int_eq(js_int_or(report, "receipts", -1), 5);
    ck_assert_int_eq(js_int_or(report, "receipts_unchecked", -1), 0);
    ck_assert_int_eq(js_int_or(report, "entries", -1), 26);
    ck_assert_uint_eq(js_len(js_get(report, "unresolved")), 0);
    ck_assert_str_eq(js_str_or(js_get(report, "witness"), "verdict", ""), "witnessed 0/1");
}
END_TEST

/* Every byte of every entry: the defect names the entry it belongs to. */
START_TEST(any_flipped_byte_is_found_at_its_entry) {
    static uint8_t data[65536];
    size_t offs[64];
    size_t len;
    size_t n;

    (void)fx_operation(&fx);
    (void)fx_read_entry(&fx, LEDGER_SYNC);
    fx_copy(fx.dir, copy);
    len = load(fx.dir, "entries/000000", data, sizeof(data));
    n = offsets(data, len, offs);
    ck_assert_uint_eq(n, 7);
    for (size_t i = 0; i < n; i++) {
        for (size_t at = offs[i]; at < offs[i + 1]; at++) {
            int64_t entry;
            char code[40];

            fx_flip(copy, "entries/000000", at, (uint8_t)(1u << at % 8));
            fx_first_defect(&fx, copy, code, &entry);
            ck_assert_msg(entry == (int64_t)i, "byte %zu of entry %zu: %s at %lld", at, i, code,
                          (long long)entry);
            fx_flip(copy, "entries/000000", at, (uint8_t)(1u << at % 8));
        }
    }
    ck_assert(fx_is_sound(&fx, copy));
}
END_TEST

START_TEST(any_flipped_hash_is_found) {
    static const char *const files[] = {"level/0", "level/1", "level/2", "checkpoint"};
    static uint8_t data[65536];

    for (int i = 0; i < 6; i++) {
        (void)fx_read_entry(&fx, LEDGER_SYNC);
    }
    fx_copy(fx.dir, copy);
    for (size_t f = 0; f < ARRAY_LEN(files); f++) {
        size_t len = load(fx.dir, files[f], data, sizeof(data));

        for (size_t at = 0; at < len; at++) {
            fx_flip(copy, files[f], at, 1);
            ck_assert_msg(!fx_is_sound(&fx, copy), "%s byte %zu", files[f], at);
            fx_flip(copy, files[f], at, 1);
        }
    }
    ck_assert(fx_is_sound(&fx, copy));
}
END_TEST

START_TEST(dropped_swapped_and_doubled_entries_are_found) {
    static uint8_t data[65536];
    static uint8_t out[131072];
    size_t offs[64];
    size_t len;
    size_t n;

    (void)fx_operation(&fx);
    for (int i = 0; i < 10; i++) {
        (void)fx_read_entry(&fx, LEDGER_SYNC);
    }
    fx_copy(fx.dir, copy);
    len = load(fx.dir, "entries/000000", data, sizeof(data));
    n = offsets(data, len, offs);
    for (size_t i = 0; i < n; i++) {
        size_t size = offs[i + 1] - offs[i];
        int64_t entry;
        char code[40];

        memcpy(out, data, offs[i]); /* dropped */
        memcpy(out + offs[i], data + offs[i + 1], len - offs[i + 1]);
        save(copy, "entries/000000", out, len - size);
        fx_first_defect(&fx, copy, code, &entry);
        ck_assert_msg(entry == (int64_t)i, "dropped %zu: %s at %lld", i, code, (long long)entry);

        memcpy(out, data, offs[i + 1]); /* doubled */
        memcpy(out + offs[i + 1], data + offs[i], len - offs[i]);
        save(copy, "entries/000000", out, len + size);
        fx_first_defect(&fx, copy, code, &entry);
        ck_assert_msg(entry == (int64_t)i + 1 || i + 1 == n, "doubled %zu: %s at %lld", i, code,
                      (long long)entry);

        if (i + 1 < n) { /* swapped with its successor */
            size_t next = offs[i + 2] - offs[i + 1];

            memcpy(out, data, len);
            memcpy(out + offs[i], data + offs[i + 1], next);
            memcpy(out + offs[i] + next, data + offs[i], size);
            save(copy, "entries/000000", out, len);
            fx_first_defect(&fx, copy, code, &entry);
            ck_assert_msg(entry == (int64_t)i, "swapped %zu: %s at %lld", i, code,
                          (long long)entry);
        }
    }
}
END_TEST

/* The owner rewrites everything he can, hashes included, but cannot sign a node's head anew. */
START_TEST(a_cut_history_contradicts_a_head_from_elsewhere) {
    CLEANUP(buf_done) struct buf head = BUF_INIT(LIM_NOTE);
    CLEANUP(js_freep) js *report = NULL;
    const char *heads[1];
    struct verify_keys keys = {.head = heads, .n_heads = 1};
    struct err e = {0};
    struct fixture cut = {0};

    (void)fx_read_entry(&fx, LEDGER_SYNC);
    fx_copy(fx.dir, copy);                 /* an older copy, sound in itself … */
    (void)fx_read_entry(&fx, LEDGER_SYNC); /* … of which a node has seen a later head */
    ck_assert_int_eq(ledger_checkpoint(fx.l, &head, NULL, &e), 0);
    heads[0] = buf_str(&head);
    ck_assert(fx_is_sound(&fx, copy));
    ck_assert_int_eq(verify_dir(copy, &keys, 0, &report, &e), 0);
    ck_assert(!js_bool_or(report, "ok", true));
    ck_assert_str_eq(js_str_or(js_at(js_get(report, "defects"), 0), "code", ""), "truncated");
    js_freep(&report);

    (void)snprintf(cut.dir, sizeof(cut.dir), "%s", copy); /* and goes on from there: a fork */
    fx_open(&cut);
    (void)fx_read_entry(&cut, LEDGER_SYNC);
    (void)fx_read_entry(&cut, LEDGER_SYNC);
    fx_close(&cut);
    ck_assert(fx_is_sound(&fx, copy));
    ck_assert_int_eq(verify_dir(copy, &keys, 0, &report, &e), 0);
    ck_assert_str_eq(js_str_or(js_at(js_get(report, "defects"), 0), "code", ""), "root_mismatch");
    js_freep(&report);
    ck_assert_int_eq(verify_dir(fx.dir, &keys, 0, &report, &e), 0);
    ck_assert(js_bool_or(report, "ok", false));
}
END_TEST

static void expect_first(const char *code_want) {
    int64_t entry;
    char code[40];

    fx_first_defect(&fx, NULL, code, &entry);
    ck_assert_str_eq(code, code_want);
}

START_TEST(an_outcome_without_its_receipt_is_a_defect) {
    struct hash plan = {{1}};
    struct hash request = {{2}};
    struct ledger_pos intent;

    (void)fx_plan(&fx, &plan, "none");
    intent = fx_intent(&fx, &plan, "none", &request);
    (void)fx_outcome(&fx, &intent.leaf, &plan, "done");
    expect_first("receipt_missing");
    (void)fx_receipt(&fx, &intent.leaf, &request);
    expect_first("");
}
END_TEST

START_TEST(a_gap_in_a_nodes_receipts_is_a_defect) {
    (void)fx_operation(&fx);
    fx.seq++; /* one that the client kept to itself */
    (void)fx_operation(&fx);
    expect_first("receipt_gap");
}
END_TEST

START_TEST(a_broken_receipt_chain_is_a_defect) {
    (void)fx_operation(&fx);
    fx.prev.b[0] ^= 1;
    (void)fx_operation(&fx);
    expect_first("receipt_chain");
}
END_TEST

/* Armed again: another receipt key, of which the verifier knows both. */
static void verify_with_both(const struct vkey *before, char code[static 40]) {
    CLEANUP(js_freep) js *report = NULL;
    struct verify_node node[2] = {{.name = "pve1", .trusted = true}, {.name = "pve1"}};
    struct verify_keys keys = {.node = node, .n_nodes = 2};
    struct err e = {0};
    const js *d;

    node[0].receipt = fx.receipt.v;
    node[0].witness = fx.witness.v;
    node[1].receipt = *before;
    ck_assert_int_eq(verify_dir(fx.dir, &keys, clock_unix(), &report, &e), 0);
    d = js_at(js_get(report, "defects"), 0);
    (void)snprintf(code, 40, "%s", d ? js_str_or(d, "code", "?") : "");
}

static void arm_again(void) {
    uint8_t seed[NOTE_SEED_LEN] = {9};

    ck_assert_int_eq(skey_make("pve1/receipt", NOTE_ED25519, seed, &fx.receipt), 0);
}

START_TEST(receipts_go_on_under_a_new_key) {
    struct vkey before = fx.receipt.v;
    char code[40];

    (void)fx_operation(&fx);
    (void)fx_operation(&fx);
    arm_again();
    (void)fx_operation(&fx);
    verify_with_both(&before, code);
    ck_assert_str_eq(code, "");
    expect_first("bad_receipt"); /* who knows the new key only cannot check the old ones */
}
END_TEST

START_TEST(a_gap_behind_a_new_key_is_a_defect) {
    struct vkey before = fx.receipt.v;
    char code[40];

    (void)fx_operation(&fx);
    arm_again();
    fx.seq++; /* one that the client kept to itself */
    (void)fx_operation(&fx);
    verify_with_both(&before, code);
    ck_assert_str_eq(code, "receipt_gap");
}
END_TEST

START_TEST(another_chain_behind_a_new_key_is_a_defect) {
    struct vkey before = fx.receipt.v;
    char code[40];

    (void)fx_operation(&fx);
    arm_again();
    fx.prev.b[0] ^= 1;
    (void)fx_operation(&fx);
    verify_with_both(&before, code);
    ck_assert_str_eq(code, "receipt_gap");
}
END_TEST

START_TEST(a_receipt_of_another_key_is_a_defect) {
    uint8_t seed[NOTE_SEED_LEN] = {9};
    struct skey real = fx.receipt;

    ck_assert_int_eq(skey_make("pve1/receipt", NOTE_ED25519, seed, &fx.receipt), 0);
    (void)fx_operation(&fx);
    fx.receipt = real;
    expect_first("bad_receipt");
}
END_TEST

START_TEST(an_operation_without_the_approval_it_needs_is_a_defect) {
    struct hash plan = {{1}};

    (void)fx_plan(&fx, &plan, "operator");
    (void)fx_intent(&fx, &plan, "host", NULL);
    expect_first("approval_missing");
}
END_TEST

START_TEST(an_approval_that_is_not_recorded_is_a_defect) {
    struct hash plan = {{1}};

    (void)fx_plan(&fx, &plan, "operator");
    (void)fx_intent(&fx, &plan,
                    "sha256:00000000000000000000000000000000000000000000000000000000000000ff",
                    NULL);
    expect_first("approval_missing");
}
END_TEST

static struct ledger_pos open_operation(const struct hash *plan) {
    (void)fx_plan(&fx, plan, "none");
    return fx_intent(&fx, plan, "none", NULL);
}

START_TEST(an_operators_word_ends_an_operation_and_is_named) {
    CLEANUP(js_freep) js *report = NULL;
    struct hash plan = {{1}};
    struct ledger_pos intent = open_operation(&plan);

    (void)fx_closing(&fx, &intent.leaf, &plan, false, NULL);
    expect_first("");
    (void)fx_outcome(&fx, &intent.leaf, &plan, "failed");
    report = fx_verify(&fx, NULL);
    ck_assert(js_bool_or(report, "ok", false));
    ck_assert_uint_eq(js_len(js_get(report, "closed")), 1);
    ck_assert_uint_eq(js_len(js_get(report, "unresolved")), 0);
}
END_TEST

START_TEST(an_outcome_against_the_operators_word_is_a_defect) {
    struct hash plan = {{1}};
    struct ledger_pos intent = open_operation(&plan);

    (void)fx_closing(&fx, &intent.leaf, &plan, false, NULL);
    (void)fx_outcome(&fx, &intent.leaf, &plan, "done");
    expect_first("bad_closing");
}
END_TEST

START_TEST(a_second_word_on_one_operation_is_a_defect) {
    struct hash plan = {{1}};
    struct ledger_pos intent = open_operation(&plan);

    (void)fx_closing(&fx, &intent.leaf, &plan, true, NULL);
    (void)fx_closing(&fx, &intent.leaf, &plan, false, NULL);
    expect_first("bad_closing");
}
END_TEST

START_TEST(a_word_on_another_operation_is_a_defect) {
    struct hash plan = {{1}};
    struct hash other = {{9}};
    struct ledger_pos intent = open_operation(&plan);

    (void)fx_closing(&fx, &intent.leaf, &plan, true, &other);
    expect_first("bad_closing");
}
END_TEST

START_TEST(a_forged_word_is_a_defect) {
    struct hash plan = {{1}};
    struct ledger_pos intent = open_operation(&plan);
    struct vkey alice = fx.operator_key.v;
    uint8_t seed[NOTE_SEED_LEN] = {9};

    ck_assert_int_eq(skey_make("alice", NOTE_ED25519, seed, &fx.operator_key), 0);
    fx.operator_key.v = alice; /* the entry names alice's key, somebody else has signed */
    (void)fx_closing(&fx, &intent.leaf, &plan, true, NULL);
    expect_first("bad_closing");
}
END_TEST

START_TEST(what_has_ended_cannot_be_closed) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    struct hash plan = {{1}};
    struct ledger_pos pos;
    struct ledger_pos intent = open_operation(&plan);
    struct closing c = {.log = ledger_origin(fx.l),
                        .reason = "x",
                        .intent = intent.leaf,
                        .plan = plan,
                        .done = true,
                        .time = 1};
    struct err e = {0};

    (void)fx_outcome(&fx, &intent.leaf, &plan, "done");
    ck_assert_int_eq(closing_text(&c, &text, &e), 0);
    ck_assert_int_eq(note_sign(buf_str(&text), text.len, &fx.operator_key, &note, &e), 0);
    ck_assert_int_eq(closing_entry(&c, &fx.operator_key.v, buf_str(&note), "cli:operator", &b, &e),
                     0);
    ck_assert_int_lt(ledger_append(fx.l, buf_str(&b), b.len, LEDGER_SYNC, NULL, NULL, &pos, &e), 0);
    ck_assert_str_eq(e.tag, "outcome_recorded");
}
END_TEST

START_TEST(a_closing_needs_a_reason_and_a_verdict) {
    static const char text[] =
        "proximo-closing/v1\nlog proximo/x/0123456789abcdef\n"
        "intent sha256:0100000000000000000000000000000000000000000000000000000000000000\n"
        "plan sha256:0200000000000000000000000000000000000000000000000000000000000000\n"
        "as %s\nreason %s\ntime 1764000000\n";
    char longest[CLOSING_REASON_MAX + 2];
    const struct {
        const char *as, *reason;
        bool good;
    } cases[] = {{"done", "seen", true},   {"not-done", "seen", true},  {"undone", "seen", false},
                 {"done", "a%00b", false}, {"done", longest + 1, true}, {"done", longest, false}};

    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
        CLEANUP(closing_done) struct closing c = {0};
        struct err e = {0};

        ck_assert_int_eq(buf_addf(&b, text, cases[i].as, cases[i].reason), 0);
        ck_assert_msg((closing_parse(buf_str(&b), b.len, &c, &e) == 0) == cases[i].good,
                      "case %zu: %s", i, e.msg);
    }
}
END_TEST

START_TEST(witnesses_are_counted) {
    CLEANUP(buf_done) struct buf line = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    CLEANUP(js_freep) js *report = NULL;
    struct checkpoint c;
    struct err e = {0};

    (void)fx_cosign(&fx, &fx.witness, 100);
    report = fx_verify(&fx, NULL);
    ck_assert_str_eq(js_str_or(js_get(report, "witness"), "verdict", ""), "witnessed (single)");
    js_freep(&report);
    ck_assert_int_eq(ledger_checkpoint(fx.l, &note, &c, &e), 0);
    c.size = 2; /* a line over another text, put on our checkpoint */
    ck_assert_int_eq(checkpoint_text(&c, &text), 0);
    ck_assert_int_eq(note_sig_line(buf_str(&text), text.len, &fx.witness, 100, &line, &e), 0);
    ck_assert_int_eq(ledger_cosignature(fx.l, buf_str(&note), note.len, buf_str(&line), &e), 0);
    expect_first("bad_cosignature");
}
END_TEST

#define WITNESSES 3

/* Verified with three nodes as witnesses; the verdict is the caller's, and `ok` told. */
static js *verdict(const struct skey k[static WITNESSES], bool *ret_ok) {
    struct verify_node node[WITNESSES];
    struct verify_keys keys = {.node = node, .n_nodes = WITNESSES};
    js *report = NULL, *w;

    memset(node, 0, sizeof(node));
    for (unsigned int i = 0; i < WITNESSES; i++) {
        (void)snprintf(node[i].name, sizeof(node[i].name), "pve%u", i + 1);
        node[i].witness = k[i].v;
        node[i].trusted = true;
    }
    ck_assert_int_eq(verify_dir(fx.dir, &keys, 1000, &report, NULL), 0);
    *ret_ok = js_bool_or(report, "ok", false);
    w = js_ref(js_get(report, "witness"));
    json_object_put(report);
    return w;
}

static void expect_verdict(const struct skey k[static WITNESSES], const char *words, int64_t size) {
    bool ok = false;
    CLEANUP(js_freep) js *w = verdict(k, &ok);

    ck_assert(ok);
    ck_assert_str_eq(js_str_or(w, "verdict", ""), words);
    ck_assert_int_eq(js_int_or(w, "size", -1), size);
}

START_TEST(the_size_is_named_up_to_which_a_quorum_has_seen_it) {
    struct skey k[WITNESSES] = {fx.witness};
    uint8_t seed[NOTE_SEED_LEN] = {9};

    ck_assert_int_eq(skey_make("pve2/witness", NOTE_COSIGN, seed, &k[1]), 0);
    seed[0] = 10;
    ck_assert_int_eq(skey_make("pve3/witness", NOTE_COSIGN, seed, &k[2]), 0);
    expect_verdict(k, "witnessed 0/3", 0);
    (void)fx_cosign(&fx, &k[0], 100);
    expect_verdict(k, "witnessed 1/3", 1);
    (void)fx_cosign(&fx, &k[1], 100);
    expect_verdict(k, "proved", 1);
    (void)fx_read_entry(&fx, LEDGER_SYNC);
    expect_verdict(k, "proved up to size 1, 1 entries since are not", 1);
    (void)fx_read_entry(&fx, LEDGER_SYNC);
    (void)fx_cosign(&fx, &k[0], 200); /* one has seen more; the quorum has not */
    expect_verdict(k, "proved up to size 1, 2 entries since are not", 1);
    (void)fx_read_entry(&fx, LEDGER_SYNC);
    (void)fx_cosign(&fx, &k[2], 300); /* who has seen more has seen size 3, too */
    expect_verdict(k, "proved up to size 3, 1 entries since are not", 3);
}
END_TEST

/* A kept checkpoint counts only where the entries lead to it. */
START_TEST(what_was_witnessed_must_be_a_prefix) {
    struct skey k[WITNESSES] = {fx.witness, fx.witness, fx.witness};
    CLEANUP(js_freep) js *w = NULL;
    static uint8_t data[65536];
    char longer[96];
    bool ok = true;

    for (int i = 0; i < 3; i++) {
        (void)fx_read_entry(&fx, LEDGER_SYNC);
    }
    fx_close(&fx);
    (void)snprintf(longer, sizeof(longer), "%s/longer", fx.top);
    fx_copy(fx.dir, longer);
    fx_open(&fx); /* two histories by one key */
    (void)fx_read_entry(&fx, LEDGER_SYNC);
    (void)fx_read_entry(&fx, LEDGER_SYNC);
    (void)fx_cosign(&fx, &k[0], 100);
    save(longer, "witnessed", data, load(fx.dir, "witnessed", data, sizeof(data)));
    fx_close(&fx); /* in `longer` the log is cut: the witness has seen more */
    (void)snprintf(fx.dir, sizeof(fx.dir), "%s", longer);
    w = verdict(k, &ok);
    ck_assert(!ok);
    ck_assert_int_eq(js_int_or(w, "k", -1), 0);
    js_freep(&w);
    fx_open(&fx);
    for (int i = 0; i < 4; i++) { /* forked: it has another root there */
        (void)fx_read_entry(&fx, LEDGER_SYNC);
    }
    w = verdict(k, &ok);
    ck_assert(!ok);
    ck_assert_int_eq(js_int_or(w, "k", -1), 0);
}
END_TEST

/* What a crash can leave past the checkpoint: any prefix of the bytes of the last append. */
START_TEST(a_torn_tail_is_cut_and_recorded) {
    static uint8_t data[65536];
    uint64_t base;
    size_t before;
    size_t len;

    (void)fx_read_entry(&fx, LEDGER_SYNC);
    base = ledger_size(fx.l);
    fx_close(&fx);
    before = load(fx.dir, "entries/000000", data, sizeof(data));
    fx_copy(fx.dir, copy);
    fx_open(&fx);
    (void)fx_read_entry(&fx, 0);
    fx_close(&fx);
    len = load(fx.dir, "entries/000000", data, sizeof(data));
    for (size_t at = before + 1; at < len; at++) {
        struct fixture torn = {0};
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
        CLEANUP(entry_done) struct entry en = {0};
        struct err e = {0};

        (void)snprintf(torn.dir, sizeof(torn.dir), "%s/torn", fx.top);
        fx_copy(copy, torn.dir);
        save(torn.dir, "entries/000000", data, at);
        fx_open(&torn);
        ck_assert_ptr_null(ledger_damage(torn.l));
        ck_assert_uint_eq(ledger_size(torn.l), base + 1);
        ck_assert_int_eq(ledger_read(torn.l, base, &b, &e), 0);
        ck_assert_int_eq(entry_parse(buf_str(&b), b.len, &en, &e), 0);
        ck_assert_int_eq(en.kind, ENTRY_RECOVERY);
        ck_assert_str_eq(entry_get(&en, "cut"), "1");
        (void)fx_read_entry(&torn, LEDGER_SYNC);
        fx_close(&torn);
        ck_assert(fx_is_sound(&fx, torn.dir));
    }
    fx_open(&fx);
}
END_TEST

START_TEST(missing_hashes_past_the_checkpoint_are_made_again) {
    char path[160];

    for (int i = 0; i < 5; i++) {
        (void)fx_read_entry(&fx, 0); /* the checkpoint stays at 1 */
    }
    fx_close(&fx);
    path_in(fx.dir, "level/0", path);
    ck_assert_int_eq(truncate(path, 3 * 32), 0);
    path_in(fx.dir, "level/1", path);
    ck_assert_int_eq(truncate(path, 40), 0);
    fx_open(&fx);
    ck_assert_ptr_null(ledger_damage(fx.l));
    ck_assert_uint_eq(ledger_size(fx.l), 7); /* and an entry says so */
    (void)fx_read_entry(&fx, LEDGER_SYNC);
    ck_assert(fx_is_sound(&fx, NULL));
}
END_TEST

static void expect_damage(void) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct hash plan = {{1}};
    struct err e = {0};

    fx_open(&fx);
    ck_assert_ptr_nonnull(ledger_damage(fx.l));
    fx_plan_bytes(&plan, "none", &b);
    ck_assert_int_eq(ledger_append(fx.l, buf_str(&b), b.len, 0, NULL, NULL, NULL, &e), -EUCLEAN);
    ck_assert_str_eq(e.tag, "ledger_damaged");
    ck_assert(!fx_is_sound(&fx, NULL));
    fx_close(&fx);
}

/* Under the checkpoint nothing is repaired: the log opens as damaged and is left as it is. */
START_TEST(what_is_signed_is_never_cut) {
    static uint8_t before[65536];
    static uint8_t after[65536];
    char path[160];
    size_t len;

    for (int i = 0; i < 5; i++) {
        (void)fx_read_entry(&fx, LEDGER_SYNC);
    }
    fx_close(&fx);
    fx_copy(fx.dir, copy);
    len = load(fx.dir, "entries/000000", before, sizeof(before));
    path_in(fx.dir, "entries/000000", path);
    ck_assert_int_eq(truncate(path, (off_t)len - 3), 0); /* the last entry is cut */
    expect_damage();
    ck_assert_uint_eq(load(fx.dir, "entries/000000", after, sizeof(after)), len - 3);
    ck_assert_int_eq(memcmp(before, after, len - 3), 0);
    fx_copy(copy, fx.dir);
    path_in(fx.dir, "level/0", path);
    ck_assert_int_eq(truncate(path, 4 * 32), 0); /* hashes are gone */
    expect_damage();
    fx_copy(copy, fx.dir);
    fx_flip(fx.dir, "level/1", 65, 1); /* on the right edge: another tree */
    expect_damage();
    fx_copy(copy, fx.dir);
    fx_flip(fx.dir, "checkpoint", 60, 1); /* not our signature */
    expect_damage();
    fx_copy(copy, fx.dir);
    path_in(fx.dir, "checkpoint", path);
    ck_assert_int_eq(unlink(path), 0);
    expect_damage();
    fx_copy(copy, fx.dir);
    fx_open(&fx);
    ck_assert_ptr_null(ledger_damage(fx.l));
}
END_TEST

/* The same for a process that has the log open while another signs further and the end is lost. */
START_TEST(a_process_that_is_behind_cuts_nothing_signed) {
    static uint8_t data[65536];
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct fixture other = fx;
    struct hash plan = {{1}};
    struct err e = {0};
    char path[160];
    size_t len;

    fx_open(&other);
    (void)fx_read_entry(&other, LEDGER_SYNC);
    (void)fx_read_entry(&other, LEDGER_SYNC);
    fx_close(&other);
    len = load(fx.dir, "entries/000000", data, sizeof(data));
    path_in(fx.dir, "entries/000000", path);
    ck_assert_int_eq(truncate(path, (off_t)len - 3), 0);
    fx_plan_bytes(&plan, "none", &b);
    ck_assert_int_eq(ledger_append(fx.l, buf_str(&b), b.len, 0, NULL, NULL, NULL, &e), -EUCLEAN);
    ck_assert_str_eq(e.tag, "ledger_damaged");
    ck_assert_ptr_nonnull(ledger_damage(fx.l));
    ck_assert_uint_eq(load(fx.dir, "entries/000000", data, sizeof(data)), len - 3);
}
END_TEST

START_TEST(reads_of_a_damaged_log_go_on) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct err e = {0};

    (void)fx_read_entry(&fx, LEDGER_SYNC);
    (void)fx_read_entry(&fx, LEDGER_SYNC);
    fx_close(&fx);
    fx_flip(fx.dir, "checkpoint", 60, 1);
    fx_flip(fx.dir, "entries/000000", 500, 1); /* within the first or second entry */
    fx_open(&fx);
    ck_assert_ptr_nonnull(ledger_damage(fx.l));
    ck_assert_int_eq(ledger_read(fx.l, 2, &b, &e), 0);
    ck_assert(ledger_read(fx.l, 0, &b, &e) == -EBADMSG || ledger_read(fx.l, 1, &b, &e) == -EBADMSG);
    ck_assert_str_eq(e.tag, "ledger_damaged");
}
END_TEST

START_TEST(a_restart_is_named_for_ever) {
    CLEANUP(buf_done) struct buf head = BUF_INIT(LIM_NOTE);
    CLEANUP(js_freep) js *report = NULL;
    const char *notes[1];
    struct hash policy = {{7}};
    struct ledger_genesis g = {
        .cluster = "c1", .policy = &policy, .continues = notes, .n_continues = 1};
    struct err e = {0};

    (void)fx_read_entry(&fx, LEDGER_SYNC);
    ck_assert_int_eq(ledger_checkpoint(fx.l, &head, NULL, &e), 0);
    notes[0] = buf_str(&head);
    ck_assert_int_eq(ledger_create_from(copy, &g, &e), 0);
    report = fx_verify(&fx, copy);
    ck_assert(js_bool_or(report, "ok", false));
    ck_assert_int_eq(js_int_or(js_at(js_get(report, "restarted"), 0), "size", -1), 2);
    ck_assert_str_eq(js_str_or(js_at(js_get(report, "restarted"), 0), "origin", ""),
                     ledger_origin(fx.l));
}
END_TEST

int main(void) {
    Suite *s = suite_create("verify");
    TCase *c = tcase_create("verify");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(c, start, stop);
    tcase_set_timeout(c, 300);
    tcase_add_test(c, a_whole_history_is_sound);
    tcase_add_test(c, any_flipped_byte_is_found_at_its_entry);
    tcase_add_test(c, any_flipped_hash_is_found);
    tcase_add_test(c, dropped_swapped_and_doubled_entries_are_found);
    tcase_add_test(c, a_cut_history_contradicts_a_head_from_elsewhere);
    tcase_add_test(c, an_outcome_without_its_receipt_is_a_defect);
    tcase_add_test(c, a_gap_in_a_nodes_receipts_is_a_defect);
    tcase_add_test(c, a_broken_receipt_chain_is_a_defect);
    tcase_add_test(c, receipts_go_on_under_a_new_key);
    tcase_add_test(c, a_gap_behind_a_new_key_is_a_defect);
    tcase_add_test(c, another_chain_behind_a_new_key_is_a_defect);
    tcase_add_test(c, a_receipt_of_another_key_is_a_defect);
    tcase_add_test(c, an_operation_without_the_approval_it_needs_is_a_defect);
    tcase_add_test(c, an_approval_that_is_not_recorded_is_a_defect);
    tcase_add_test(c, an_operators_word_ends_an_operation_and_is_named);
    tcase_add_test(c, an_outcome_against_the_operators_word_is_a_defect);
    tcase_add_test(c, a_second_word_on_one_operation_is_a_defect);
    tcase_add_test(c, a_word_on_another_operation_is_a_defect);
    tcase_add_test(c, a_forged_word_is_a_defect);
    tcase_add_test(c, what_has_ended_cannot_be_closed);
    tcase_add_test(c, a_closing_needs_a_reason_and_a_verdict);
    tcase_add_test(c, witnesses_are_counted);
    tcase_add_test(c, the_size_is_named_up_to_which_a_quorum_has_seen_it);
    tcase_add_test(c, what_was_witnessed_must_be_a_prefix);
    tcase_add_test(c, a_torn_tail_is_cut_and_recorded);
    tcase_add_test(c, missing_hashes_past_the_checkpoint_are_made_again);
    tcase_add_test(c, what_is_signed_is_never_cut);
    tcase_add_test(c, a_process_that_is_behind_cuts_nothing_signed);
    tcase_add_test(c, reads_of_a_damaged_log_go_on);
    tcase_add_test(c, a_restart_is_named_for_ever);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
