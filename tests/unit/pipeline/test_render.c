/* SPDX-License-Identifier: Apache-2.0 */
/* What a person reads before approving: no text of a plan, whoever wrote it, moves the cursor,
 * begins a line of its own or is there without being seen. A plan file may come from anybody. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pipeline/plan.h"
#include "proximo-client/pipeline/render.h"
#include "proximo-client/pipeline/service.h"

#define PLAN                                                                                       \
    "{\"risk\":\"high\",\"change\":\"c\",\"complete\":false,"                                      \
    "\"affected\":[{\"resource\":\"user/"                                                          \
    "x@pve\",\"effect\":\"lockout\",\"why\":\"w\",\"via\":\"scsi0\","                              \
    "\"name\":\"n\",\"only_copy\":true,\"running\":true}],"                                        \
    "\"coverage\":{\"nodes\":3,\"nodes_read\":3},\"sources\":[\"API\"],"                           \
    "\"unread\":[{\"what\":\"a\",\"why\":\"b\",\"privilege\":\"Sys.Audit\"}],"                     \
    "\"risk_reasons\":[\"r\",\"s\"],"                                                              \
    "\"undo\":{\"kind\":\"inverse\",\"guarantee\":\"g\",\"limits\":\"l\"},"                        \
    "\"requests\":[{\"phase\":\"execute\",\"via\":\"api\",\"method\":\"PUT\",\"path\":\"/a\","     \
    "\"form\":{\"KEY\":\"v\",\"late\":{\"late\":\"archive\",\"step\":1,\"kind\":\"vm\","           \
    "\"vmid\":1,\"storage\":\"s\"}}},"                                                             \
    "{\"phase\":\"undo\",\"via\":\"node\",\"node\":\"pve1\",\"digest\":\"d\","                     \
    "\"request\":\"one\\ntwo\",\"stdin\":\"G1syShsbCg==\"}],"                                      \
    "\"approval\":{\"required\":\"operator\",\"why\":\"y\"},\"expires\":1}"

static const char *const answers[] = {
    "{\"plan_id\":\"P-a\",\"status\":\"planned\",\"ledger_index\":1,\"next\":\"n\","
    "\"witness\":{\"verdict\":\"v\",\"missing\":[{\"witness\":\"a\",\"why\":\"b\"}]},"
    "\"plan\":" PLAN "}",
    "{\"op_id\":\"O-a\",\"outcome\":\"failed\",\"change\":\"c\",\"closed_by\":\"alice\","
    "\"reason\":\"r\",\"error\":\"e\",\"code\":\"k\","
    "\"tasks\":[{\"upid\":\"U\",\"exit\":\"x\"},{\"upid\":\"V\"}],"
    "\"receipts\":[{\"node\":\"n\",\"how\":\"exited\",\"value\":0,\"receipt\":\"t\"}],"
    "\"output\":{\"stdout\":\"o\",\"stderr\":\"e\",\"before\":[{\"step\":1,\"stdout\":\"o\"}]},"
    "\"post_check\":{\"status\":\"finding\",\"text\":\"t\"},\"left_over\":[\"l\"],"
    "\"confirm_with\":\"c\",\"undo_with\":\"u\",\"ledger_index\":2,\"checkpoint\":3,"
    "\"witness\":{\"verdict\":\"v\",\"missing\":[{\"witness\":\"a\",\"why\":\"b\"}]}}",
};

/* Texts of several lines keep them, each behind a mark; what else a text holds stays on its line.
 */
static bool has_lines(const char *key) {
    static const char *const those[] = {"request", "stdout", "stderr", "receipt"};

    for (size_t i = 0; i < ARRAY_LEN(those); i++) {
        if (strcmp(key, those[i]) == 0) {
            return true;
        }
    }
    return false;
}

static js *poisoned(const js *v, const char *key, const char *poison) {
    js *o;

    if (js_is_str(v) && strcmp(key, "stdin") != 0 && strcmp(key, "late") != 0) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);

        (void)buf_addf(&b, "%s%s", json_object_get_string((js *)(uintptr_t)v), poison);
        return js_str(buf_str(&b));
    }
    if (js_is_array(v)) {
        o = js_array();
        for (size_t i = 0; i < js_len(v); i++) {
            js_push(o, poisoned(js_at(v, i), key, poison));
        }
        return o;
    }
    if (!js_is_object(v)) {
        return js_copy(v);
    }
    o = js_object();
    JS_FOREACH(v, name, val) {
        CLEANUP(buf_done) struct buf k = BUF_INIT(LIM_LINES);

        (void)buf_addf(&k, "%s%s", name, strcmp(name, "KEY") == 0 ? poison : "");
        js_add_key(o, buf_str(&k),
                   poisoned(val, name, *poison == '\n' && has_lines(name) ? "" : poison), false);
    }
    return o;
}

static size_t lines(const struct buf *b) {
    size_t n = 0;

    for (size_t i = 0; i < b->len; i++) {
        unsigned char c = (unsigned char)b->data[i];

        ck_assert_msg(c == '\n' || (c >= 0x20 && c < 0x7f), "byte %02x at %zu of\n%s", c, i,
                      buf_str(b));
        n += c == '\n';
    }
    return n;
}

static const char *const poisons[] = {
    "\n  approval  none", "\033[2J\033[H",    "\r", "\b\b\b", "\x7f", "\xc2\x9b",
    "\xe2\x80\xae",       "\xf3\xa0\x81\x81", "\t",
};

static js *parsed(const char *text) {
    struct err e = {0};
    js *v = NULL;

    ck_assert_msg(js_parse(text, strlen(text), &v, &e) == 0, "%s", e.msg);
    return v;
}

START_TEST(no_text_of_an_answer_steers_the_screen) {
    CLEANUP(buf_done) struct buf clean = BUF_INIT(LIM_PLAN_BODY);
    CLEANUP(js_freep) js *v = parsed(answers[_i]);

    ck_assert_int_eq(service_render("", v, &clean), 0);
    for (size_t i = 0; i < ARRAY_LEN(poisons); i++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
        CLEANUP(js_freep) js *bad = poisoned(v, "", poisons[i]);

        ck_assert_int_eq(service_render("", bad, &b), 0);
        ck_assert_msg(lines(&b) == lines(&clean), "poison %zu:\n%s", i, buf_str(&b));
    }
}
END_TEST

START_TEST(nor_that_of_a_plan_that_is_to_be_approved) {
    CLEANUP(buf_done) struct buf clean = BUF_INIT(LIM_PLAN_BODY);
    CLEANUP(js_freep) js *v = parsed(PLAN);
    struct plan p = {.v = v, .id = "P-a"};

    render_for_approval(&p, &clean);
    for (size_t i = 0; i < ARRAY_LEN(poisons); i++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
        CLEANUP(js_freep) js *bad = poisoned(v, "", poisons[i]);

        p.v = bad;
        render_for_approval(&p, &b);
        ck_assert_msg(lines(&b) == lines(&clean), "poison %zu:\n%s", i, buf_str(&b));
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("render");
    TCase *t = tcase_create("render");
    SRunner *r;
    int failed;

    tcase_add_loop_test(t, no_text_of_an_answer_steers_the_screen, 0, (int)ARRAY_LEN(answers));
    tcase_add_test(t, nor_that_of_a_plan_that_is_to_be_approved);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
