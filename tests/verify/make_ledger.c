/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a ledger for the independent verifier: operations with approvals and receipts, several
 * segments, a cosigned checkpoint. Prints the keys that an auditor needs, one a line.
 *
 *   make_ledger DIR OPERATIONS READS        makes one
 *   make_ledger --more DIR READS            appends to it and cosigns again
 *   make_ledger --alone DIR READS           appends to it, and no witness sees it
 *   make_ledger --export DIR TO             exports it */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/export.h"
#include "tests/unit/ledger/fixture.h"

static struct {
    const char *dir, *to;
    uint64_t ops, reads;
    bool more, alone;
} job;

static void print_key(const char *what, const struct vkey *k) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE);

    if (vkey_text(k, &b) == 0) {
        (void)printf("%s %s\n", what, buf_str(&b));
    }
}

static void finish(struct fixture *fx, uint64_t reads) {
    for (uint64_t i = 0; i < reads; i++) {
        (void)fx_read_entry(fx, 0);
    }
    (void)fx_read_entry(fx, LEDGER_SYNC);
    if (!job.alone) {
        (void)fx_cosign(fx, &fx->witness, (uint64_t)clock_unix());
    }
    print_key("log", ledger_vkey(fx->l));
    print_key("witness", &fx->witness.v);
    print_key("receipt", &fx->receipt.v);
    fx_close(fx);
}

static void export(struct fixture *fx) {
    struct export_result x;
    struct err e = {0};

    ck_assert_msg(ledger_export(fx->l, job.to, true, &x, &e) == 0, "%s: %s", e.tag, e.msg);
    fx_close(fx);
}

/* One whose end is an operator's word. */
static void closed_operation(struct fixture *fx) {
    struct hash plan;
    struct ledger_pos intent;

    random_bytes(&plan, sizeof(plan));
    (void)fx_policy(fx, &(struct hash){{9, 1}}, 0); /* made under a policy of its own */
    (void)fx_plan(fx, &plan, "none");
    intent = fx_intent(fx, &plan, "none", NULL);
    (void)fx_closing(fx, &intent.leaf, &plan, true, NULL);
    (void)fx_outcome(fx, &intent.leaf, &plan, "done");
}

/* The fixture speaks in assertions, so the job is a test that has to pass. */
START_TEST(make) {
    struct fixture fx = {0};
    uint8_t seed[NOTE_SEED_LEN] = {8};
    struct skey former, stranger;

    ck_assert_int_eq(skey_make("pve1/receipt", NOTE_ED25519, seed, &former), 0);
    print_key("former", &former.v);
    seed[0] = 9;
    ck_assert_int_eq(skey_make("pve1/witness", NOTE_COSIGN, seed, &stranger), 0);
    print_key("stranger", &stranger.v);
    fx_keys(&fx);
    (void)snprintf(fx.dir, sizeof(fx.dir), "%s", job.dir);
    if (job.more) {
        fx_open(&fx);
    } else {
        fx_create(&fx);
    }
    if (job.to) {
        export(&fx);
        return;
    }
    for (uint64_t i = 0; i < job.ops; i++) { /* the node was armed again after the first */
        const struct skey now = fx.receipt;

        fx.receipt = i ? now : former;
        (void)fx_operation(&fx);
        fx.receipt = now;
    }
    if (!job.more) {
        closed_operation(&fx);
    }
    finish(&fx, job.reads);
}
END_TEST

int main(int argc, char **argv) {
    Suite *s = suite_create("make");
    TCase *c = tcase_create("make");
    SRunner *r = NULL;
    int failed;

    job.to = argc == 4 && strcmp(argv[1], "--export") == 0 ? argv[3] : NULL;
    job.alone = argc == 4 && strcmp(argv[1], "--alone") == 0;
    job.more = argc == 4 && (job.to || job.alone || strcmp(argv[1], "--more") == 0);
    if (argc != 4 || (!job.to && ident_u64(argv[3], &job.reads) < 0) ||
        (!job.more && ident_u64(argv[2], &job.ops) < 0)) {
        return 2;
    }
    job.dir = argv[job.more ? 2 : 1];
    tcase_add_test(c, make);
    tcase_set_timeout(c, 120);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
