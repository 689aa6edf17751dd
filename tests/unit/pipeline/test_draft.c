/* SPDX-License-Identifier: Apache-2.0 */
/* A draft: observations are kept once each whatever their number, standard input stands in the plan
 * as it will be sent, and what an approver reads must be what the request names. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/request.h"
#include "proximo-client/pipeline/draft_int.h"
#include "proximo-client/pipeline/late.h"
#include "proximo-client/pipeline/plan.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pipeline/stdin_data.h"

static struct session session;

static struct draft *begin(void) {
    CLEANUP(js_freep) js *args = js_object();

    return draft_new(&session, "ct_exec", args);
}

START_TEST(many_observations) {
    CLEANUP(draft_freep) struct draft *d = begin();
    CLEANUP(js_freep) js *data = js_object();
    struct err e = {0};
    char path[64];

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 20000; i++) {
            (void)snprintf(path, sizeof(path), "/nodes/n/qemu/%d/config", 100 + i);
            ck_assert_int_eq(draft_precondition(d, path, "config", data, &e), 0);
        }
    }
    ck_assert_uint_eq(js_len(d->preconditions), 20000);
    /* the same path seen through another reducer is another observation */
    ck_assert_int_eq(draft_precondition(d, path, "whole", data, &e), 0);
    ck_assert_uint_eq(js_len(d->preconditions), 20001);
    ck_assert_int_lt(draft_precondition(d, path, "no such reducer", data, &e), 0);
    ck_assert_uint_eq(js_len(d->preconditions), 20001);
}
END_TEST

/* A request whose stdin line says what is given. */
static void request(struct draft *d, const char *data, bool hmac, const uint8_t key[32]) {
    static const char *const argv[] = {"/bin/sh", NULL};
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    struct node_request q = {.node = "pve1",
                             .key_id = "0011aabb",
                             .log = "proximo/demo/0011223344556677",
                             .client = "laptop",
                             .op = OP_EXEC,
                             .ct = 105,
                             .arg = (const char **)(uintptr_t)argv,
                             .n_args = 1,
                             .timeout_s = 30,
                             .nonce = "00112233445566778899aabbccddeeff"};
    struct err e = {0};

    if (data) {
        q.has_stdin = true;
        q.stdin_bytes = (uint32_t)strlen(data);
        q.stdin_is_hmac = hmac;
        if (hmac) {
            hmac_sha256(key, 32, data, strlen(data), &q.stdin_hash);
        } else {
            sha256(data, strlen(data), &q.stdin_hash);
        }
    }
    ck_assert_msg(request_text(&q, &text, &e) == 0, "%s", e.msg);
    ck_assert_int_eq(draft_node_request(d, PHASE_EXECUTE, "pve1", buf_str(&text), &e), 0);
}

START_TEST(standard_input) {
    static const uint8_t key[32] = {7};
    const struct {
        const char *asked, *there; /* in the request; in the plan */
        bool hmac, secret, good;
    } row[] = {
        {NULL, NULL, false, false, true},          {"echo a", "echo a", false, false, true},
        {"echo a", "echo b", false, false, false}, {"echo a", "echo a\n", false, false, false},
        {"echo a", NULL, false, false, false},     {NULL, "echo a", false, false, false},
        {"echo a", "echo a", true, true, true},    {"echo a", "echo a", true, false, false},
        {"echo a", "echo a", false, true, false},  {NULL, "echo a", false, true, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        CLEANUP(draft_freep) struct draft *d = begin();
        struct err e = {0};

        request(d, row[i].asked, row[i].hmac, key);
        if (row[i].there) {
            draft_stdin(d, row[i].there, strlen(row[i].there), row[i].secret);
        }
        ck_assert_msg((stdin_check(js_at(d->requests, 0), &e) == 0) == row[i].good, "row %zu: %s",
                      i, e.msg);
        ck_assert_int_eq(js_members(d->secrets), row[i].secret && row[i].there);
    }
}
END_TEST

START_TEST(the_largest_input) {
    CLEANUP(draft_freep) struct draft *d = begin();
    size_t len = LIM_STDIN + HASH_LEN;
    CLEANUP(freep) char *data = calloc(1, len + 1);

    request(d, NULL, false, NULL);
    draft_stdin(d, data, len, true);
    ck_assert_int_eq(js_members(d->secrets), 1);
    draft_stdin(d, data, LIM_STDIN, false);
    ck_assert(js_get_str(js_at(d->requests, 0), "stdin"));
}
END_TEST

/* Recorded before late values had a type: to be read and undone, never to be run. */
START_TEST(an_old_plan_is_no_longer_run) {
    static const char text[] =
        "{\"approval\":{\"required\":\"none\"},\"expires\":1,\"preconditions\":[],\"requests\":["
        "{\"form\":{\"description\":\"@fresh\",\"digest\":\"@fresh\"},\"fresh_of\":\"/c\","
        "\"method\":\"PUT\",\"path\":\"/c\",\"phase\":\"undo\",\"via\":\"api\"},"
        "{\"form\":{\"digest\":\"@fresh\"},\"method\":\"PUT\",\"path\":\"/d\",\"phase\":\"undo\","
        "\"via\":\"api\"}],\"risk\":\"low\",\"v\":1}";
    CLEANUP(plan_done) struct plan p = {0};
    struct err e = {0};
    const js *form;

    ck_assert_msg(plan_from_bytes(text, sizeof(text) - 1, &p, &e) == 0, "%s", e.msg);
    form = js_get(plan_request(&p, "undo", 0, NULL), "form");
    ck_assert_str_eq(late_type(js_get(form, "digest")), "digest");
    ck_assert_str_eq(js_str_or(form, "description", ""), "@fresh"); /* what somebody wrote */
    form = js_get(plan_request(&p, "undo", 1, NULL), "form");
    ck_assert_ptr_null(late_type(js_get(form, "digest"))); /* nothing to take it from */
    ck_assert_int_lt(plan_runs_here(&p, &e), 0);
    ck_assert_str_eq(e.tag, "plan_outdated");
}
END_TEST

int main(void) {
    Suite *s = suite_create("draft");
    TCase *t = tcase_create("draft");
    SRunner *sr;
    int failed;

    tcase_set_timeout(t, 0);
    tcase_add_test(t, many_observations);
    tcase_add_test(t, standard_input);
    tcase_add_test(t, the_largest_input);
    tcase_add_test(t, an_old_plan_is_no_longer_run);
    suite_add_tcase(s, t);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
