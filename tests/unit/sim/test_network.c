/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two files as pvesim tells it: applied to the one it must give the other, for
 * texts that were made at random and for those at the edges. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "proximo-client/sim/network.h"

/* Applies a unified difference; the two heads are left out. Every context and removed line must be
 * the one of `before`. */
static void patch(const char *before, const char *diff, struct buf *ret) {
    const char *a = before;
    size_t line = 1;

    while (*diff) {
        size_t n = strcspn(diff, "\n");

        if (*diff == '@') {
            for (size_t from = strtoul(diff + 4, NULL, 10); line < from; line++) {
                size_t m = strcspn(a, "\n") + 1;

                ck_assert_int_eq(buf_add(ret, a, m), 0);
                a += m;
            }
        } else if (*diff == '+') {
            ck_assert_int_eq(buf_add(ret, diff + 1, n), 0);
        } else {
            ck_assert_msg(strncmp(a, diff + 1, n) == 0, "%.*s", (int)n, diff);
            if (*diff == ' ') {
                ck_assert_int_eq(buf_add(ret, a, n), 0);
            }
            a += n;
            line++;
        }
        diff += n + 1;
    }
    ck_assert_int_eq(buf_adds(ret, a), 0);
}

static void compare(const char *before, const char *after) {
    CLEANUP(buf_done) struct buf diff = BUF_INIT(1 << 20);
    CLEANUP(buf_done) struct buf got = BUF_INIT(1 << 20);
    const char *hunks;

    ck_assert_int_eq(network_diff(1700000000, before, after, &diff), 0);
    if (strcmp(before, after) == 0) {
        ck_assert_uint_eq(diff.len, 0);
        return;
    }
    hunks = strstr(buf_str(&diff), "\n@@");
    ck_assert_msg(strncmp(buf_str(&diff), "--- ", 4) == 0 && hunks, "%s", buf_str(&diff));
    patch(before, hunks + 1, &got);
    ck_assert_msg(strcmp(buf_str(&got), after) == 0, "%s\n--\n%s\n--\n%s\n--\n%s", before, after,
                  buf_str(&diff), buf_str(&got));
}

static unsigned int seed = 7;

static unsigned int chance(unsigned int below) {
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % below;
}

/* Few different lines, so that many stand in both texts. */
static void text(struct buf *ret, unsigned int lines) {
    for (unsigned int n = chance(lines + 1); n > 0; n--) {
        (void)buf_addf(ret, "line %u\n", chance(5));
    }
}

START_TEST(any_two_texts) {
    for (unsigned int i = 0; i < 3000; i++) {
        CLEANUP(buf_done) struct buf a = BUF_INIT(1 << 16);
        CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 16);

        text(&a, 1 + i % 40);
        text(&b, 1 + i % 40);
        compare(buf_str(&a), buf_str(&b));
    }
}
END_TEST

START_TEST(far_apart_and_close_together) {
    CLEANUP(buf_done) struct buf a = BUF_INIT(1 << 16);
    CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 16);

    for (unsigned int i = 0; i < 100; i++) {
        (void)buf_addf(&a, "l%u\n", i);
        (void)buf_addf(&b, i % 9 == 5 ? "changed %u\n" : "l%u\n", i);
    }
    compare(buf_str(&a), buf_str(&b));
    compare("", buf_str(&b));
    compare(buf_str(&a), "");
    compare("x\n", "x\n");
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim network");
    TCase *t = tcase_create("difference");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_test(t, any_two_texts);
    tcase_add_test(t, far_apart_and_close_together);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
