/* SPDX-License-Identifier: Apache-2.0 */
/* Node requests: what is written is read back, and no text that differs in any way from a canonical
 * one is taken. */
#include "common/err.h"
#include "common/request.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "tests/unit/priv/suite.h"

static const char *const sample_arg[] = {"/bin/echo", "", "a b ", "100%", "-n\n", NULL};
static const char *const sample_env[] = {"LANG=C", "EMPTY=", NULL};

static struct node_request sample(void) {
    struct node_request q = {
        .node = "pve1",
        .key_id = "0123abcd",
        .log = "proximo/home/0123456789abcdef",
        .client = "laptop",
        .op = OP_EXEC,
        .ct = 101,
        .has_config = true,
        .uid = 1000,
        .cwd = "/srv",
        .arg = (const char **)(uintptr_t)sample_arg,
        .n_args = 5,
        .env = (const char **)(uintptr_t)sample_env,
        .n_env = 2,
        .timeout_s = 30,
        .output_max = 1024,
        .undo = true,
        .undo_name = "px-1",
        .undo_ttl_s = 86400,
        .undo_set = "nightly",
        .nonce = "00112233445566778899aabbccddeeff",
    };

    memset(q.config.b, 7, HASH_LEN);
    return q;
}

static int parse(const char *text, size_t len) {
    CLEANUP(request_done) struct node_request q = {0};
    struct err e;

    return request_parse(text, len, &q, &e);
}

START_TEST(text_comes_back) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(buf_done) struct buf again = BUF_INIT(LIM_LINES);
    CLEANUP(request_done) struct node_request back = {0};
    struct node_request q = sample();
    struct err e;

    ck_assert_msg(request_text(&q, &b, &e) == 0, "%s", e.msg);
    ck_assert_msg(request_parse(b.data, b.len, &back, &e) == 0, "%s", e.msg);
    ck_assert_str_eq(back.node, "pve1");
    ck_assert_uint_eq(back.n_args, 5);
    ck_assert_str_eq(back.arg[1], "");
    ck_assert_str_eq(back.arg[2], "a b ");
    ck_assert_str_eq(back.arg[4], "-n\n");
    ck_assert_ptr_null(back.arg[5]);
    ck_assert_str_eq(back.env[1], "EMPTY=");
    ck_assert_str_eq(back.undo_set, "nightly");
    ck_assert_uint_eq(back.undo_ttl_s, 86400);
    ck_assert_int_eq(request_text(&back, &again, &e), 0);
    ck_assert_str_eq(again.data, b.data);
}
END_TEST

START_TEST(stdin_forms) {
    struct node_request q = sample();
    struct err e;

    for (int hmac = 0; hmac < 2; hmac++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
        CLEANUP(request_done) struct node_request back = {0};

        q.has_stdin = true;
        q.stdin_bytes = LIM_STDIN;
        q.stdin_is_hmac = hmac;
        memset(q.stdin_hash.b, 9, HASH_LEN);
        ck_assert_int_eq(request_text(&q, &b, &e), 0);
        ck_assert_int_eq(request_parse(b.data, b.len, &back, &e), 0);
        ck_assert(back.has_stdin && back.stdin_is_hmac == hmac);
        ck_assert(hash_eq(&back.stdin_hash, &q.stdin_hash));
    }
    q.stdin_bytes = LIM_STDIN + 1;
    {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);

        ck_assert_int_eq(request_text(&q, &b, &e), -EBADMSG);
        ck_assert_uint_eq(b.len, 0);
    }
}
END_TEST

START_TEST(timers_are_whole) {
    static const char *const two[] = {"network", "firewall-guest", NULL};
    static const char *const twice[] = {"network", "network", NULL};
    static const char *const wrong[] = {"networks", NULL};
    static const char *const hash[] = {
        "sha256:0707070707070707070707070707070707070707070707070707070707070707", NULL};
    static const struct {
        enum request_op op;
        const char *const *arg;
        size_t n;
        uint32_t ct, timeout_s, output_max;
        bool good;
    } cases[] = {
        {OP_ARM, two, 2, 101, 90, 0, true},    {OP_ARM, two, 1, 0, 30, 0, true},
        {OP_ARM, two, 1, 0, 600, 0, true},     {OP_ARM, two, 1, 0, 29, 0, false},
        {OP_ARM, two, 1, 0, 601, 0, false},    {OP_ARM, two, 1, 101, 90, 0, false},
        {OP_ARM, two, 2, 0, 90, 0, false},     {OP_ARM, two, 0, 0, 90, 0, false},
        {OP_ARM, twice, 2, 0, 90, 0, false},   {OP_ARM, wrong, 1, 0, 90, 0, false},
        {OP_ARM, two, 1, 0, 90, 1, false},     {OP_CONFIRM, hash, 1, 0, 30, 0, true},
        {OP_CANCEL, hash, 1, 0, 30, 0, true},  {OP_CANCEL, hash, 1, 101, 30, 0, false},
        {OP_CONFIRM, two, 1, 0, 30, 0, false}, {OP_CONFIRM, hash, 0, 0, 30, 0, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
        CLEANUP(request_done) struct node_request back = {0};
        struct node_request q = sample();
        struct err e = {0};

        q.has_config = q.undo = false;
        q.n_env = q.uid = 0;
        q.cwd = NULL;
        q.op = cases[i].op;
        q.arg = (const char **)(uintptr_t)cases[i].arg;
        q.n_args = cases[i].n;
        q.ct = cases[i].ct;
        q.timeout_s = cases[i].timeout_s;
        q.output_max = cases[i].output_max;
        ck_assert_msg((request_text(&q, &b, &e) == 0) == cases[i].good, "%zu: %s", i, e.msg);
        if (cases[i].good) {
            ck_assert_int_eq(request_parse(b.data, b.len, &back, &e), 0);
            ck_assert_int_eq(back.timer.b[31], cases[i].op == OP_ARM ? 0 : 7);
            ck_assert_uint_eq(back.sets != 0, cases[i].op == OP_ARM);
            ck_assert_uint_eq((back.sets & 1u << SET_FW_GUEST) != 0, back.ct != 0);
        }
    }
}
END_TEST

/* Every line dropped, doubled or swapped with its neighbour, and every cut. */
START_TEST(no_other_text_is_taken) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    struct node_request q = sample();
    struct err e;
    size_t start[32];
    size_t n = 0;

    q.n_args = 1; /* repeated keys may be dropped or doubled and still be a request: another one */
    q.n_env = 0;
    ck_assert_int_eq(request_text(&q, &b, &e), 0);
    for (size_t i = 0; i < b.len; i++) {
        if (i == 0 || b.data[i - 1] == '\n') {
            start[n++] = i;
        }
    }
    start[n] = b.len;
    for (size_t len = 0; len < b.len; len++) {
        ck_assert_int_eq(parse(b.data, len), -EBADMSG);
    }
    for (size_t i = 0; i < n; i++) {
        CLEANUP(buf_done) struct buf x = BUF_INIT(LIM_LINES);

        buf_add(&x, b.data, start[i]);
        buf_add(&x, b.data + start[i + 1], b.len - start[i + 1]);
        ck_assert_int_eq(parse(buf_str(&x), x.len), -EBADMSG);
        buf_reset(&x);
        buf_add(&x, b.data, start[i + 1]);
        buf_add(&x, b.data + start[i], b.len - start[i]);
        if (strncmp(b.data + start[i], "arg ", 4) != 0) {
            ck_assert_int_eq(parse(buf_str(&x), x.len), -EBADMSG);
        }
        if (i + 1 < n) {
            buf_reset(&x);
            buf_add(&x, b.data, start[i]);
            buf_add(&x, b.data + start[i + 1], start[i + 2] - start[i + 1]);
            buf_add(&x, b.data + start[i], start[i + 1] - start[i]);
            buf_add(&x, b.data + start[i + 2], b.len - start[i + 2]);
            ck_assert_int_eq(parse(buf_str(&x), x.len), -EBADMSG);
        }
    }
}
END_TEST

START_TEST(values_are_strict) {
    static const struct {
        const char *from, *to;
    } bad[] = {
        {"ct 101\n", "ct 0\n"},
        {"ct 101\n", "ct 0101\n"},
        {"ct 101\n", "ct -\n"},
        {"op exec\n", "op run\n"},
        {"op exec\n", "op snapshot\n"}, /* takes no command */
        {"uid 1000\n", "uid 4294967295\n"},
        {"uid 1000\n", "uid -1\n"},
        {"cwd /srv\n", "cwd srv\n"},
        {"arg /bin/echo\n", "arg echo\n"},
        {"timeout 30\n", "timeout 0\n"},
        {"timeout 30\n", "timeout 3601\n"},
        {"output 1024\n", "output 67108865\n"},
        {"job no\n", "job maybe\n"},
        {"on-disconnect run\n", "on-disconnect stop\n"},
        {"nonce 0", "nonce G"},
        {"pve1 0123abcd", "pve1 0123ABCD"},
        {"pve1 0123abcd", "../x 0123abcd"},
        {"env LANG=C\n", "env LANG\n"},
        {"env LANG=C\n", "env 1A=C\n"},
        {"env EMPTY=\n", "env LANG=\n"},
        {"snapshot px-1 ttl", "snapshot current ttl"},
        {"ttl 86400", "ttl"},
        {"arg a b%20\n", "arg a%00b\n"},
        {"arg 100%25\n", "arg 100%\n"},
        {"client laptop\n", "client lap/top\n"},
    };
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    struct node_request q = sample();
    struct err e;

    ck_assert_int_eq(request_text(&q, &b, &e), 0);
    ck_assert_int_eq(parse(b.data, b.len), 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP(buf_done) struct buf x = BUF_INIT(LIM_LINES);
        const char *at = strstr(b.data, bad[i].from);

        ck_assert_msg(at != NULL, "%s is not in the sample", bad[i].from);
        buf_add(&x, b.data, (size_t)(at - b.data));
        buf_adds(&x, bad[i].to);
        buf_adds(&x, at + strlen(bad[i].from));
        ck_assert_msg(parse(buf_str(&x), x.len) == -EBADMSG, "%s was taken", bad[i].to);
    }
}
END_TEST

START_TEST(config_hash_ignores_what_a_snapshot_changes) {
    static const char plain[] = "arch: amd64\nrootfs: local:vm-1\n";
    static const char snapped[] =
        "arch: amd64\nlock: snapshot\nparent: s1\nrootfs: local:vm-1\n[s1]\nhostname: x\n";
    static const char other[] = "arch: amd64\nrootfs: local:vm-2\n";
    struct hash a;
    struct hash b;
    struct hash c;

    guest_config_hash(plain, strlen(plain), &a);
    guest_config_hash(snapped, strlen(snapped), &b);
    guest_config_hash(other, strlen(other), &c);
    ck_assert(hash_eq(&a, &b));
    ck_assert(!hash_eq(&a, &c));
    sha256(plain, strlen(plain), &b);
    ck_assert(hash_eq(&a, &b));
}
END_TEST

SUITE_MAIN("request", text_comes_back, stdin_forms, no_other_text_is_taken, timers_are_whole,
           values_are_strict, config_hash_ignores_what_a_snapshot_changes)
