/* SPDX-License-Identifier: Apache-2.0 */
/* Line texts → JSON and JSON bodies → messages, both pure. */
#include "pveagentd/answer.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/msg.h"
#include "tests/unit/priv/suite.h"

static const struct hash me = {{7}};

START_TEST(explains_by_its_table) {
    static const char text[] = "allowed yes\nrule nginx\nwhy two%20\nrunning no\nconfig -\n"
                               "undo no\nundo-why none here\nmount mp0 /a\nunknown-key x\n";
    CLEANUP(js_freep) js *o = NULL;

    ck_assert_int_eq(answer_explain(text, strlen(text), &o, NULL), 0);
    ck_assert(js_bool_or(o, "allowed", false));
    ck_assert_str_eq(js_get_str(o, "rule"), "nginx");
    ck_assert_str_eq(js_get_str(o, "why"), "two ");
    ck_assert(!js_bool_or(o, "running", true));
    ck_assert_ptr_null(js_get(o, "config"));
    ck_assert(!js_bool_or(js_get(o, "undo"), "possible", true));
    ck_assert_str_eq(js_get_str(js_get(o, "undo"), "why"), "none here");
    ck_assert_uint_eq(js_len(js_get(o, "mounts")), 1);
    ck_assert_ptr_null(js_get(o, "unknown-key"));
}
END_TEST

/* No line is no mount where there is a container, and no knowledge where there is none. */
START_TEST(no_mounts_is_an_answer) {
    static const char there[] = "allowed yes\nexists yes\n", gone[] = "allowed yes\nexists no\n";
    CLEANUP(js_freep) js *o = NULL;
    CLEANUP(js_freep) js *none = NULL;

    ck_assert_int_eq(answer_explain(there, strlen(there), &o, NULL), 0);
    ck_assert(js_is_array(js_get(o, "mounts")) && js_len(js_get(o, "mounts")) == 0);
    ck_assert_int_eq(answer_explain(gone, strlen(gone), &none, NULL), 0);
    ck_assert_ptr_null(js_get(none, "mounts"));
}
END_TEST

START_TEST(refuses_malformed_texts) {
    static const char *const bad[] = {
        "allowed yes", "allowed yes\nrule\n", "allowed yes\n\nrule a\n",
        "rule a%2\n",  "rule a%20b\n",        "rule \n \n",
        "rule a\tb\n"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CLEANUP(js_freep) js *o = NULL;

        ck_assert_msg(answer_explain(bad[i], strlen(bad[i]), &o, NULL) == -EBADMSG, "%zu", i);
    }
}
END_TEST

START_TEST(status_takes_numbers_and_words) {
    static const char text[] =
        "node pve1\nrights inventory witness\nhead 12\nrunning x\narmed yes\n";
    CLEANUP(js_freep) js *o = NULL;
    int64_t n = 0;

    ck_assert_int_eq(answer_status(text, strlen(text), &o, NULL), 0);
    ck_assert_uint_eq(js_len(js_get(o, "rights")), 2);
    ck_assert(js_get_int(o, "head", &n));
    ck_assert_int_eq(n, 12);
    ck_assert_ptr_null(js_get(o, "running"));
    ck_assert(js_bool_or(o, "armed", false));
}
END_TEST

START_TEST(an_act_body_becomes_one_message) {
    static const char body[] =
        "{\"index\":3,\"request\":\"cmVx\",\"intent\":\"AAE=\",\"inclusion\":["
        "\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\"],\"checkpoint\":\"c\\n\",\"old\":0,"
        "\"consistency\":[],\"approvals\":[\"n1\",\"n2\"]}";
    CLEANUP(buf_done) struct buf m = BUF_INIT(LIM_PRIV_MSG);
    struct msg_rd rd;
    uint16_t type;
    struct hash who;
    size_t len;

    ck_assert_int_eq(body_act(body, strlen(body), &me, &m, NULL), 0);
    ck_assert_int_eq(msg_open(m.data, m.len, &type, &rd), 0);
    ck_assert_uint_eq(type, MSG_ACT);
    msg_exact(&rd, who.b, sizeof(who.b));
    ck_assert(hash_eq(&who, &me));
    ck_assert_int_eq(memcmp(msg_field(&rd, 9, &len), "req", 3), 0);
    ck_assert_uint_eq(len, 3);
    (void)msg_field(&rd, 9, &len); /* stdin: absent, so empty */
    ck_assert_uint_eq(len, 0);
    ck_assert_int_eq(memcmp(msg_field(&rd, 9, &len), "\0\1", 2), 0);
    ck_assert_uint_eq(msg_u64(&rd), 3);
    (void)msg_field(&rd, 99, &len);
    ck_assert_uint_eq(len, 32);
    ck_assert_int_eq(memcmp(msg_field(&rd, 9, &len), "c\n", 2), 0);
    ck_assert_uint_eq(msg_u64(&rd), 0);
    (void)msg_field(&rd, 99, &len);
    ck_assert_uint_eq(len, 0);
    ck_assert_uint_eq(msg_u64(&rd), 2);
    ck_assert_int_eq(memcmp(msg_field(&rd, 9, &len), "n1", 2), 0);
    ck_assert_int_eq(memcmp(msg_field(&rd, 9, &len), "n2", 2), 0);
    ck_assert_int_eq(msg_done(&rd), 0);
}
END_TEST

START_TEST(a_join_body_keeps_the_order_of_the_message) {
    static const char body[] =
        "{\"hmac\":\"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\",\"name\":\"laptop\",\"vkey\":"
        "\"v\",\"key\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\"}";
    CLEANUP(buf_done) struct buf m = BUF_INIT(LIM_PRIV_MSG);
    static const uint8_t exporter[32] = {3};
    struct msg_rd rd;
    uint16_t type;
    uint8_t f[32];
    size_t len;

    ck_assert_int_eq(body_join(body, strlen(body), &me, exporter, &m, NULL), 0);
    ck_assert_int_eq(msg_open(m.data, m.len, &type, &rd), 0);
    ck_assert_uint_eq(type, MSG_JOIN);
    ck_assert_int_eq(memcmp(msg_field(&rd, 9, &len), "laptop", 6), 0);
    msg_exact(&rd, f, 32);
    ck_assert_uint_eq(f[0], 1);
    msg_exact(&rd, f, 32);
    ck_assert_uint_eq(f[0], 7);
    ck_assert_int_eq(memcmp(msg_field(&rd, 9, &len), "v", 1), 0);
    msg_exact(&rd, f, 32);
    ck_assert_uint_eq(f[0], 3);
    msg_exact(&rd, f, 32);
    ck_assert_uint_eq(f[0], 2);
    ck_assert_int_eq(msg_done(&rd), 0);
}
END_TEST

START_TEST(refuses_bodies_that_are_not_in_the_table) {
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"request\":1}",
        "{\"request\":null}",
        "{\"request\":\"sha256:00\"}",
        "{\"request\":\"sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
        "{\"request\":\"x\",\"request\":\"x\"}",
        "{\"request\":\"x\",\"more\":1}",
        "{'request':'x'}",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CLEANUP(buf_done) struct buf m = BUF_INIT(LIM_PRIV_MSG);
        struct err e = {0};

        ck_assert_msg(body_cancel(bad[i], strlen(bad[i]), &me, &m, &e) < 0, "%zu is taken", i);
        ck_assert_str_eq(e.tag, "bad_request");
    }
}
END_TEST

SUITE_MAIN("answer", explains_by_its_table, no_mounts_is_an_answer, refuses_malformed_texts,
           status_takes_numbers_and_words, an_act_body_becomes_one_message,
           a_join_body_keeps_the_order_of_the_message, refuses_bodies_that_are_not_in_the_table)
