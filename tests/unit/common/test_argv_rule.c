/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/argv_rule.h"
#include "common/err.h"
#include "common/own.h"

START_TEST(every_argument_must_match) {
    static const char run[] = "/usr/bin/journalctl -u nginx.service -n {int 1-2000}";
    const char *arg[] = {"/usr/bin/journalctl", "-u", "nginx.service", "-n", "20", "--all"};

    ck_assert_int_eq(argv_rule_check(run, 1, NULL), 0);
    ck_assert(argv_rule_matches(run, arg, 5));
    ck_assert(!argv_rule_matches(run, arg, 4));
    ck_assert(!argv_rule_matches(run, arg, 6));
    ck_assert(!argv_rule_matches(run, arg, 0));
    arg[4] = "2001";
    ck_assert(!argv_rule_matches(run, arg, 5));
    arg[4] = "-1";
    ck_assert(!argv_rule_matches(run, arg, 5));
    arg[4] = "20 --all";
    ck_assert(!argv_rule_matches(run, arg, 5));
}
END_TEST

START_TEST(one_word_takes_one_word) {
    ck_assert(argv_word_check("{path /etc/motd.d}"));
    ck_assert(argv_word_check("/etc/motd"));
    ck_assert(argv_word_check("{name}"));
    ck_assert(!argv_word_check(""));
    ck_assert(!argv_word_check("/etc/a /etc/b"));
    ck_assert(!argv_word_check("{path etc}"));
    ck_assert(!argv_word_check("{path /etc"));
    ck_assert(argv_word_matches("{path /etc/motd.d}", "/etc/motd.d/10-web"));
    ck_assert(!argv_word_matches("{path /etc/motd.d}", "/etc/motd.d/../shadow"));
    ck_assert(!argv_word_matches("{path /etc/motd.d}", "/etc/motd.dx"));
    ck_assert(!argv_word_matches("{path /etc/motd.d}", "/etc//motd.d"));
    ck_assert(!argv_word_matches("/etc/motd", "/etc/motd2"));
}
END_TEST

START_TEST(says_the_line_of_what_it_cannot_read) {
    static const char *const bad[] = {"bin/true", "{path /bin}", "/bin/x {nope}", "/bin/x \"a", ""};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = {0};

        ck_assert_int_lt(argv_rule_check(bad[i], 7, &e), 0);
        ck_assert(strstr(e.msg, "line 7"));
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("argv_rule");
    TCase *t = tcase_create("all");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, every_argument_must_match);
    tcase_add_test(t, one_word_takes_one_word);
    tcase_add_test(t, says_the_line_of_what_it_cannot_read);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
