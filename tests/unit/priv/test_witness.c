/* SPDX-License-Identifier: Apache-2.0 */
/* The witness against the C2SP order of checks, with the project's end-to-end vector and the
 * negative set derived from it. */
#include "pveagentd/priv/witness.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "pveagentd/priv/journal.h"
#include "pveagentd/priv/priv.h"
#include "tests/unit/priv/suite.h"

#define DASH "\xe2\x80\x94 "
#define NOTE3                                                                                      \
    "ledger.example/c1\n3\nz3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Zo=\n\n" DASH                  \
    "ledger.example/c1 "                                                                           \
    "aiBcC4jxGAx21qQPAi1LLzkNKGFGfxUgd96/yra+2O9m5vtWWBR88fTK3/"                                   \
    "bU5mBPknE7Eipfz3qvfE0dEKsiF9DpogI=\n"
#define PROOF                                                                                      \
    "/KifV8n4yOtAR6f/nTM6z54PM4SyCyVbzqsPIW3Momc=\n"                                               \
    "92g2MlrsVpnY1x+OQunUfFwpsIBZuiljhPfKQK06QK4=\n"                                               \
    "YKU+7Q3oepDI5ZQnxZxGJTwzp2oJUCpRgBMAknt+a9w=\n"                                               \
    "9YqqtGEiEC1msAxetQsT3XY7X4ABObQk/aixysrhQIo=\n"
#define BODY8 "ledger.example/c1\n8\nymt7PmdKyGwQJ7Wch8Bk/DvCezEylMdfg70F/dE/Dc8=\n"
#define SIG8                                                                                       \
    DASH "ledger.example/c1 "                                                                      \
         "aiBcC/Lwu3re7BS1fBMK8x18BF1Q2l1to7EidwydJIDPhQn/"                                        \
         "WTyoMMnvgdcwf9gBWZ8hXfP5xlMkYDCX8Cc6YYQzrgk=\n"
#define NOTE8 BODY8 "\n" SIG8

static char dir[64];
static struct priv p;

static void setup(void) {
    struct client c = {.name = "laptop", .rights = "witness", .joined = 1};
    struct err e = {0};

    snprintf(dir, sizeof(dir), "/tmp/pxwit.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    p = (struct priv){.state_dir = dir, .cluster_fs = dir, .node = "pve1", .state_fd = -1};
    ck_assert_int_eq(priv_open(&p, &e), 0);
    ck_assert_int_eq(
        vkey_parse("ledger.example/c1+6a205c0b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
                   &c.log, &e),
        0);
    ck_assert_int_eq(client_store(&p, &c, &e), 0);
}

static void empty(const char *sub) {
    char path[400];
    struct dirent *de;
    DIR *d;

    snprintf(path, sizeof(path), "%s/%s", dir, sub);
    d = opendir(path);
    while (d && (de = readdir(d)) != NULL) {
        char file[800];

        snprintf(file, sizeof(file), "%s/%s", path, de->d_name);
        (void)unlink(file);
    }
    if (d) {
        closedir(d);
    }
}

static void teardown(void) {
    static const char *const subs[] = {
        "journal", "clients", "revoked",         "running",   "ops", "points",
        "fork",    "revert",  "pveagentd/heads", "pveagentd", ""};

    priv_close(&p);
    for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
        char path[400];

        empty(subs[i]);
        snprintf(path, sizeof(path), "%s/%s", dir, subs[i]);
        (void)rmdir(path);
    }
    ck_assert_int_ne(access(dir, F_OK), 0);
}

static unsigned int post(const char *body, struct buf *ret) {
    CLEANUP(buf_done) struct buf own = BUF_INIT(LIM_NOTE);
    unsigned int status = 0;
    struct err e = {0};

    (void)witness_post(&p, body, strlen(body), &status, ret ? ret : &own, &e);
    return status;
}

START_TEST(vector_is_cosigned_and_verifies) {
    CLEANUP(buf_done) struct buf line = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf again = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    struct note n;
    uint64_t time = 0;
    struct err e;

    ck_assert_uint_eq(post("old 0\n\n" NOTE3, NULL), 200);
    ck_assert_uint_eq(post("old 3\n" PROOF "\n" NOTE8, &line), 200);
    buf_adds(&note, BODY8 "\n");
    buf_add(&note, line.data, line.len);
    ck_assert_int_eq(note_parse(note.data, note.len, &n, &e), 0);
    ck_assert_int_eq(note_check(&n, &p.witness.v, &time), 0);
    ck_assert(time > 0);
    /* the answer was lost: the same again is a conflict, then a heartbeat */
    ck_assert_uint_eq(post("old 3\n" PROOF "\n" NOTE8, &again), 409);
    ck_assert_str_eq(again.data, "8\n");
    ck_assert_uint_eq(post("old 8\n\n" NOTE8, NULL), 200);
    ck_assert_uint_eq(origin_get(&p, "ledger.example/c1")->size, 8);
}
END_TEST

START_TEST(head_survives_a_restart) {
    struct err e = {0};
    struct priv q = {.state_dir = dir, .cluster_fs = dir, .node = "pve1", .state_fd = -1};

    ck_assert_uint_eq(post("old 0\n\n" NOTE3, NULL), 200);
    ck_assert_int_eq(priv_open(&q, &e), 0);
    ck_assert_int_eq(journal_replay_all(&q, &e), 0);
    ck_assert_uint_eq(origin_get(&q, "ledger.example/c1")->size, 3);
    ck_assert_ptr_nonnull(strstr(origin_get(&q, "ledger.example/c1")->note, "pve1/witness"));
    priv_close(&q);
}
END_TEST

START_TEST(everything_else_is_refused) {
    static const struct {
        const char *what, *body;
        unsigned int status;
    } bad[] = {
        {"replay of the first", "old 0\n\n" NOTE3, 409},
        {"old above the size", "old 9\n" PROOF "\n" NOTE8, 400},
        {"one hash less",
         "old 3\n/KifV8n4yOtAR6f/nTM6z54PM4SyCyVbzqsPIW3Momc=\n"
         "92g2MlrsVpnY1x+OQunUfFwpsIBZuiljhPfKQK06QK4=\n"
         "YKU+7Q3oepDI5ZQnxZxGJTwzp2oJUCpRgBMAknt+a9w=\n\n" NOTE8,
         422},
        {"one hash more", "old 3\n" PROOF "9YqqtGEiEC1msAxetQsT3XY7X4ABObQk/aixysrhQIo=\n\n" NOTE8,
         422},
        {"no proof", "old 3\n\n" NOTE8, 422},
        {"a hash of 31 bytes", "old 3\n/KifV8n4yOtAR6f/nTM6z54PM4SyCyVbzqsPIW3Mog==\n\n" NOTE8,
         400},
        {"size 08",
         "old 3\n" PROOF "\nledger.example/c1\n08\nymt7PmdKyGwQJ7Wch8Bk/DvCezEylMdfg70F/dE/Dc8=\n"
         "\n" SIG8,
         400},
        {"another root",
         "old 3\n" PROOF "\nledger.example/c1\n8\nYth6yoaPI58j2xglN6FtFSjlpLTz0Gd+PZmPJy5KFEE=\n"
         "\n" SIG8,
         403},
        {"a flipped signature",
         "old 3\n" PROOF "\n" BODY8 "\n" DASH "ledger.example/c1 "
         "aiBcC/Lwu3re7BS1fBMK8x18BF1Q2l1to7EidwydJIDPhQn/"
         "WTyoMMnvgdcwf9gBWZ8hXfP5xlMkYDCX8Cc6YYQzrgg=\n",
         403},
        {"a good and a bad signature of one key",
         "old 3\n" PROOF "\n" NOTE8 DASH "ledger.example/c1 "
         "aiBcC4jxGAx21qQPAi1LLzkNKGFGfxUgd96/yra+2O9m5vtWWBR88fTK3/"
         "bU5mBPknE7Eipfz3qvfE0dEKsiF9DpogI=\n",
         403},
        {"a hyphen for the dash",
         "old 3\n" PROOF "\n" BODY8 "\n- ledger.example/c1 "
         "aiBcC/Lwu3re7BS1fBMK8x18BF1Q2l1to7EidwydJIDPhQn/"
         "WTyoMMnvgdcwf9gBWZ8hXfP5xlMkYDCX8Cc6YYQzrgk=\n",
         400},
        {"another origin",
         "old 3\n" PROOF "\nledger.example/c2\n8\nymt7PmdKyGwQJ7Wch8Bk/DvCezEylMdfg70F/dE/Dc8=\n"
         "\n" DASH "ledger.example/c2 "
         "aiBcC/Lwu3re7BS1fBMK8x18BF1Q2l1to7EidwydJIDPhQn/"
         "WTyoMMnvgdcwf9gBWZ8hXfP5xlMkYDCX8Cc6YYQzrgk=\n",
         404},
        {"equal size with a proof", "old 3\n9YqqtGEiEC1msAxetQsT3XY7X4ABObQk/aixysrhQIo=\n\n" NOTE3,
         422},
        {"old 03", "old 03\n" PROOF "\n" NOTE8, 400},
        {"no empty line", "old 3\n" PROOF NOTE8, 400},
        {"nothing", "", 400},
    };

    ck_assert_uint_eq(post("old 0\n\n" NOTE3, NULL), 200);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        unsigned int got = post(bad[i].body, NULL);

        ck_assert_msg(got == bad[i].status, "%s: %u, not %u", bad[i].what, got, bad[i].status);
        ck_assert_uint_eq(origin_get(&p, "ledger.example/c1")->size, 3);
    }
    ck_assert_uint_eq(post("old 3\n" PROOF "\n" NOTE8, NULL), 200);
}
END_TEST

START_TEST(first_checkpoint_takes_no_proof) {
    ck_assert_uint_eq(post("old 0\n9YqqtGEiEC1msAxetQsT3XY7X4ABObQk/aixysrhQIo=\n\n" NOTE3, NULL),
                      422);
    ck_assert_uint_eq(post("old 3\n\n" NOTE3, NULL), 409);
    ck_assert_uint_eq(post("old 0\n\n" NOTE3, NULL), 200);
}
END_TEST

/* A log that signs two roots for one size: each node alone sees nothing, the heads show it. */
static int take_size(void *ctx, const struct head *h) {
    uint64_t *size = ctx;

    *size = h->c.size;
    return 0;
}

START_TEST(heads_of_peers_disclose_a_fork) {
    uint64_t size = 0;
    struct client c = {.name = "fork", .rights = "witness", .joined = 1};
    uint8_t seed[32] = {9};
    struct skey log;
    struct checkpoint cp = {.origin = "fork/log", .size = 4};
    CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
    CLEANUP(buf_done) struct buf body = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    struct err e = {0};
    unsigned int status = 0;
    CLEANUP(buf_done) struct buf out = BUF_INIT(LIM_NOTE);

    ck_assert_int_eq(skey_make("fork/log", NOTE_ED25519, seed, &log), 0);
    c.log = log.v;
    ck_assert_int_eq(client_store(&p, &c, &e), 0);
    for (int i = 0; i < 2; i++) {
        memset(cp.root.b, i + 1, HASH_LEN);
        buf_reset(&text);
        ck_assert_int_eq(checkpoint_text(&cp, &text), 0);
        buf_reset(&note);
        ck_assert_int_eq(note_sign(text.data, text.len, &log, &note, &e), 0);
        buf_reset(&body);
        buf_addf(&body, "old 0\n\n%s", note.data);
        snprintf(p.node, sizeof(p.node), "pve%d", i + 1);
        if (i == 0) {
            ck_assert_int_eq(witness_post(&p, body.data, body.len, &status, &out, &e), 0);
            ck_assert_int_eq(heads_publish(&p, &e), 0);
            ck_assert_int_eq(heads_each(&p, &log.v, take_size, &size), 0);
            ck_assert_uint_eq(size, 0); /* our own is no peer's */
            journal_forget(&p);         /* the other node never saw it */
            empty("journal");
        } else {
            ck_assert_int_lt(witness_post(&p, body.data, body.len, &status, &out, &e), 0);
            ck_assert_str_eq(e.tag, "fork_suspected");
            ck_assert_int_eq(heads_each(&p, &log.v, take_size, &size), 0);
            ck_assert_uint_eq(size, 4);
            /* it stays, also when the peer's file is gone */
            empty("pveagentd/heads");
            buf_reset(&body);
            buf_addf(&body, "old 0\n\n%s", note.data);
            ck_assert_int_lt(witness_post(&p, body.data, body.len, &status, &out, &e), 0);
            ck_assert_str_eq(e.tag, "fork_suspected");
        }
    }
    snprintf(p.node, sizeof(p.node), "pve1");
}
END_TEST

int main(void) {
    Suite *s = suite_create("witness");
    TCase *c = tcase_create("witness");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, vector_is_cosigned_and_verifies);
    tcase_add_test(c, head_survives_a_restart);
    tcase_add_test(c, everything_else_is_refused);
    tcase_add_test(c, first_checkpoint_takes_no_proof);
    tcase_add_test(c, heads_of_peers_disclose_a_fork);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
