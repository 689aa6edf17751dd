/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a ledger for the independent verifier: operations with approvals and receipts, several
 * segments, a cosigned checkpoint. Prints the keys that an auditor needs, one a line.
 *
 *   make_ledger DIR OPERATIONS READS        makes one
 *   make_ledger --more DIR READS            appends to it and cosigns again
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

static void print_key(const char *what, const struct vkey *k) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE);

    if (vkey_text(k, &b) == 0) {
        (void)printf("%s %s\n", what, buf_str(&b));
    }
}

static int cosign(struct fixture *fx, struct err *e) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf line = BUF_INIT(LIM_NOTE);
    struct checkpoint c;
    int r = ledger_checkpoint(fx->l, NULL, &c, e);

    r = r < 0 ? r : checkpoint_text(&c, &text);
    r = r < 0 ? r
              : note_sig_line(buf_str(&text), text.len, &fx->witness, (uint64_t)clock_unix(), &line,
                              e);
    return r < 0 ? r : ledger_cosignature(fx->l, c.size, buf_str(&line), e);
}

static int finish(struct fixture *fx, uint64_t reads) {
    struct err e = {0};

    for (uint64_t i = 0; i < reads; i++) {
        (void)fx_read_entry(fx, 0);
    }
    (void)fx_read_entry(fx, LEDGER_SYNC);
    if (cosign(fx, &e) < 0) {
        (void)fprintf(stderr, "make_ledger: %s\n", e.msg);
        return 1;
    }
    print_key("log", ledger_vkey(fx->l));
    print_key("witness", &fx->witness.v);
    print_key("receipt", &fx->receipt.v);
    fx_close(fx);
    return 0;
}

static struct {
    const char *dir, *to;
    uint64_t ops, reads;
    bool more;
} job;

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
    (void)fx_plan(fx, &plan, "none");
    intent = fx_intent(fx, &plan, "none", NULL);
    (void)fx_closing(fx, &intent.leaf, &plan, true, NULL);
    (void)fx_outcome(fx, &intent.leaf, &plan, "done");
}

/* The fixture speaks in assertions, so the job is a test that has to pass. */
START_TEST(make) {
    struct fixture fx = {0};
    uint8_t seed[NOTE_SEED_LEN] = {8};
    struct skey former;

    ck_assert_int_eq(skey_make("pve1/receipt", NOTE_ED25519, seed, &former), 0);
    print_key("former", &former.v);
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
    ck_assert_int_eq(finish(&fx, job.reads), 0);
}
END_TEST

int main(int argc, char **argv) {
    Suite *s = suite_create("make");
    TCase *c = tcase_create("make");
    SRunner *r = NULL;
    int failed;

    job.to = argc == 4 && strcmp(argv[1], "--export") == 0 ? argv[3] : NULL;
    job.more = argc == 4 && (job.to || strcmp(argv[1], "--more") == 0);
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
