/* SPDX-License-Identifier: Apache-2.0 */
/* Reducers: what must not count does not, what must count does. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/canon.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/pipeline/draft_int.h"

static void digest(const char *reduce, const char *json, char ret[HASH_HEX_LEN + 1]) {
    CLEANUP(js_freep) js *v = NULL;
    struct err e = {0};
    struct hash h;

    ck_assert_msg(js_parse(json, strlen(json), &v, &e) == 0, "%s", e.msg);
    ck_assert_msg(reduce_digest(reduce, v, &h, &e) == 0, "%s", e.msg);
    hash_text(&h, ret);
}

static void same(const char *reduce, const char *a, const char *b, bool want) {
    char x[HASH_HEX_LEN + 1];
    char y[HASH_HEX_LEN + 1];

    digest(reduce, a, x);
    digest(reduce, b, y);
    ck_assert_msg((strcmp(x, y) == 0) == want, "%s: %s ~ %s", reduce, a, b);
}

START_TEST(counters_do_not_drift) {
    /* a backup job's next run moves by itself */
    /* PVE prints these sets in the order of a hash */
    same("whole", "[{\"content\":\"iso,images\",\"nodes\":\"b,a\"}]",
         "[{\"content\":\"images,iso\",\"nodes\":\"a,b\"}]", true);
    same("whole", "[{\"content\":\"iso\"}]", "[{\"content\":\"iso,images\"}]", false);
    same("whole", "[{\"id\":\"j\",\"next-run\":1}]", "[{\"id\":\"j\",\"next-run\":2}]", true);
    same("whole", "{\"status\":\"running\",\"uptime\":5,\"cpu\":0.1,\"mem\":1}",
         "{\"mem\":2,\"cpu\":0.9,\"uptime\":6,\"status\":\"running\"}", true);
    same("whole", "{\"status\":\"running\"}", "{\"status\":\"stopped\"}", false);
}
END_TEST

START_TEST(order_of_lists_is_not_a_fact) {
    same("whole", "[{\"a\":1},{\"a\":2}]", "[{\"a\":2},{\"a\":1}]", true);
    same("guests", "[{\"vmid\":1,\"cpu\":1},{\"vmid\":2}]", "[{\"vmid\":2},{\"vmid\":1,\"cpu\":3}]",
         true);
    same("guests", "[{\"vmid\":1,\"node\":\"a\"}]", "[{\"vmid\":1,\"node\":\"b\"}]", false);
    same("places", "[{\"vmid\":1,\"status\":\"running\",\"name\":\"x\"}]",
         "[{\"vmid\":1,\"status\":\"stopped\"}]", true);
    same("places", "[{\"vmid\":1,\"node\":\"a\"}]", "[{\"vmid\":1,\"node\":\"b\"}]", false);
    same("places", "[{\"vmid\":1}]", "[{\"vmid\":1},{\"vmid\":2}]", false);
}
END_TEST

START_TEST(ceph_is_what_is_there_and_works_not_how_full) {
    static const char tree[] =
        "{\"flags\":\"sortbitwise\",\"root\":{\"children\":[{\"type\":\"root\",\"children\":["
        "{\"type\":\"host\",\"name\":\"c1\",\"children\":[{\"type\":\"osd\",\"id\":%s,"
        "\"status\":\"%s\",\"in\":%s,\"bytes_used\":%s}]}]}]}}";
    char now[400], then[400];

    (void)snprintf(now, sizeof(now), tree, "3", "up", "1", "100");
    (void)snprintf(then, sizeof(then), tree, "3", "up", "1", "999");
    same("ceph", now, then, true);
    (void)snprintf(then, sizeof(then), tree, "3", "down", "1", "100");
    same("ceph", now, then, false);
    (void)snprintf(then, sizeof(then), tree, "3", "up", "0", "100");
    same("ceph", now, then, false);
    (void)snprintf(then, sizeof(then), tree, "4", "up", "1", "100");
    same("ceph", now, then, false);
    same("ceph", "[{\"name\":\"c1\",\"quorum\":1,\"rank\":0},{\"name\":\"c2\"}]",
         "[{\"name\":\"c2\"},{\"name\":\"c1\",\"quorum\":1,\"rank\":1}]", true);
    same("ceph", "[{\"name\":\"c1\",\"quorum\":1}]", "[{\"name\":\"c1\"}]", false);
    same("ceph", "[{\"pool_name\":\"a\",\"size\":3,\"bytes_used\":1}]",
         "[{\"pool_name\":\"a\",\"size\":3,\"bytes_used\":2}]", true);
    same("ceph", "[{\"pool_name\":\"a\",\"size\":3,\"min_size\":2}]",
         "[{\"pool_name\":\"a\",\"size\":3,\"min_size\":1}]", false);
}
END_TEST

START_TEST(config_sees_every_key_but_the_bookkeeping) {
    same("config", "{\"memory\":512,\"digest\":\"x\",\"lock\":\"snapshot\",\"parent\":\"s1\"}",
         "{\"memory\":512,\"digest\":\"y\"}", true);
    same("config", "{\"memory\":512}", "{\"memory\":513}", false);
    same("config", "{\"memory\":512}", "{\"memory\":512,\"hookscript\":\"x\"}", false);
}
END_TEST

START_TEST(snapshots_ignore_the_pseudo_entry) {
    same("snapshots", "[{\"name\":\"s1\",\"snaptime\":5},{\"name\":\"current\",\"running\":1}]",
         "[{\"name\":\"s1\",\"snaptime\":5}]", true);
    same("snapshots", "[{\"name\":\"s1\"}]", "[{\"name\":\"s1\"},{\"name\":\"s2\"}]", false);
}
END_TEST

START_TEST(power_sees_status_lock_and_ha) {
    same("power", "{\"status\":\"running\",\"uptime\":1,\"ha\":{\"managed\":0}}",
         "{\"status\":\"running\",\"uptime\":2,\"ha\":{\"managed\":0}}", true);
    same("power", "{\"status\":\"running\"}", "{\"status\":\"running\",\"lock\":\"backup\"}",
         false);
    same("power", "{\"status\":\"running\",\"ha\":{\"managed\":0}}",
         "{\"status\":\"running\",\"ha\":{\"managed\":1}}", false);
}
END_TEST

START_TEST(fractions_become_strings) {
    CLEANUP(js_freep) js *v = NULL;
    CLEANUP(js_freep) js *x = NULL;
    struct hash h;

    ck_assert_int_eq(js_parse("{\"cpulimit\":0.5}", 16, &v, NULL), 0);
    x = reduce_exact(v);
    ck_assert_str_eq(js_get_str(x, "cpulimit"), "0.5");
    ck_assert_int_eq(reduce_digest("config", v, &h, NULL), 0);
}
END_TEST

/* Digests are made without a copy when nothing in an answer needs one. */
START_TEST(a_digest_is_that_of_what_is_reduced) {
    static const char *const reducers[] = {"config", "whole",   "guests",  "places",
                                           "nodes",  "storage", "members", "snapshots"};
    static const char *const answers[] = {
        "{}",
        "[]",
        "[{}]",
        "[{},{}]",
        "{\"digest\":\"x\",\"lock\":\"backup\",\"parent\":\"a\",\"snaptime\":1}",
        "{\"name\":\"a\",\"digest\":\"x\",\"cores\":2,\"scsi0\":\"local:1,size=4G\"}",
        "{\"z\":\"\\\"\\\\ \\u0001\\n\\u00fc\",\"a\":-5,\"\":\"\"}",
        "{\"nodes\":\"b,a\",\"content\":\"iso,backup\",\"digest\":\"x\"}",
        "{\"a\":1.5,\"digest\":\"x\"}",
        "{\"lxc\":[[\"b\",\"c\"],[\"a\",\"c\"]],\"digest\":\"x\"}",
        "{\"a\":{\"digest\":\"x\",\"b\":null},\"c\":true}",
        "[{\"digest\":\"x\"},1]",
        "null",
        "[{\"vmid\":9223372036854775807,\"type\":\"lxc\",\"node\":\"b\",\"cpu\":0.25,\"uptime\":5},"
        "{\"vmid\":-9223372036854775808,\"type\":\"qemu\",\"node\":\"a\",\"cpu\":0,\"mem\":7}]",
        "[{\"vmid\":100,\"name\":\"a\\u0000b\"},{\"vmid\":100,\"name\":\"a\"},{\"vmid\":100,"
        "\"name\":\"a\"}]",
        "[{\"vmid\":2,\"template\":true},{\"vmid\":1}]",
        "[{\"vmid\":2,\"name\":null},{\"vmid\":1}]",
        "[{\"vmid\":2,\"name\":1.5},{\"vmid\":1}]",
        "[{\"vmid\":2},[{\"vmid\":1}],\"x\",null,7]",
        "[{\"volid\":\"l:2\",\"content\":\"iso\",\"used\":3},{\"volid\":\"l:1\",\"content\":"
        "\"images\"}]",
        "[{\"storage\":\"b\",\"content\":\"iso,images\"},{\"storage\":\"a\",\"content\":\"images,,"
        "iso\"}]",
        "[{\"storage\":\"b\",\"content\":\"\"},{\"storage\":\"a\",\"content\":\",\"}]",
        "[{\"name\":\"current\",\"running\":1}]",
        "[{\"name\":\"b\",\"snaptime\":5,\"vmstate\":0,\"description\":\"x\"},{\"name\":"
        "\"current\",\"parent\":\"b\"},{\"name\":\"a\",\"parent\":\"b\"}]",
        "[{\"name\":\"s\",\"vmstate\":true},{\"name\":\"current\"}]",
        "[{\"name\":\"current\"},\"current\",7]",
    };

    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        for (size_t k = 0; k < ARRAY_LEN(reducers); k++) {
            CLEANUP(js_freep) js *v = NULL;
            CLEANUP(js_freep) js *reduced = NULL;
            struct hash made, want;

            ck_assert_int_eq(js_parse(answers[i], strlen(answers[i]), &v, NULL), 0);
            ck_assert_int_eq(reduce_apply(reducers[k], v, &reduced), 0);
            ck_assert_int_eq(canon_hash(reduced, &want, NULL), 0);
            ck_assert_int_eq(reduce_digest(reducers[k], v, &made, NULL), 0);
            ck_assert_msg(hash_eq(&made, &want), "%s of %s", reducers[k], answers[i]);
        }
    }
}
END_TEST

START_TEST(unknown_reducer_is_an_error) {
    struct err e = {0};
    struct hash h;

    ck_assert_int_lt(reduce_digest("nonsense", NULL, &h, &e), 0);
    ck_assert_ptr_nonnull(strstr(e.msg, "nonsense"));
}
END_TEST

int main(void) {
    Suite *s = suite_create("reduce");
    TCase *t = tcase_create("reduce");
    SRunner *r;
    int failed;

    tcase_add_test(t, ceph_is_what_is_there_and_works_not_how_full);
    tcase_add_test(t, counters_do_not_drift);
    tcase_add_test(t, order_of_lists_is_not_a_fact);
    tcase_add_test(t, config_sees_every_key_but_the_bookkeeping);
    tcase_add_test(t, snapshots_ignore_the_pseudo_entry);
    tcase_add_test(t, power_sees_status_lock_and_ha);
    tcase_add_test(t, fractions_become_strings);
    tcase_add_test(t, a_digest_is_that_of_what_is_reduced);
    tcase_add_test(t, unknown_reducer_is_an_error);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
