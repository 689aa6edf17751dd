/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to a VM's agent: what each does to the VM, and whether the plan says that nobody but the
 * client keeps it narrow. Read as the lines of the verdict. */
#include <check.h>
#include <errno.h>

#include "proximo-client/pipeline/draft.h"
#include "says.h"

static const struct {
    const char *call, *affects, *says;
    int risk, result;
} cases[] = {
    {"exec", "vm/104 changed 3 guest agent running\nvm/104 exposed 3 guest agent running\n",
     "enforced by the client only", RISK_HIGH, 0},
    {"file-write", "vm/104 changed 3 guest agent running\nvm/104 exposed 3 guest agent running\n",
     "enforced by the client only", RISK_HIGH, 0},
    {"set-user-password",
     "vm/104 changed 3 guest agent running\nvm/104 exposed 3 guest agent running\n",
     "enforced by the client only", RISK_HIGH, 0},
    {"fsfreeze-freeze", "vm/104 interrupted 3 guest agent running\n",
     "stands still until it is thawed", RISK_HIGH, 0},
    {"fsfreeze-thaw", "vm/104 started 1 guest agent running\n", NULL, RISK_LOW, 0},
    {"fstrim", "vm/104 changed 1 guest agent running\n", NULL, RISK_LOW, 0},
    /* what a later PVE may have is not guessed: incomplete */
    {"suspend-disk", "", "unread suspend-disk", RISK_HIGH, -ENOENT},
    {"exec-status", "", "unread exec-status", RISK_HIGH, -ENOENT},
    {"", "", "unread", RISK_HIGH, -ENOENT},
};

START_TEST(call) {
    struct draft *d = record_reset();

    ck_assert_int_eq(blast_agent(104, "web", "c1", cases[_i].call, d), cases[_i].result);
    record_check(cases[_i].call, cases[_i].affects, cases[_i].says, cases[_i].risk);
}
END_TEST

int main(void) {
    Suite *s = suite_create("blast agent");
    TCase *t = tcase_create("table");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, call, 0, (int)ARRAY_LEN(cases));
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
