/* SPDX-License-Identifier: Apache-2.0 */
/* The grant covers what was recorded and nothing that differs from it in any other way than the two
 * that are allowed. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "common/js.h"
#include "proximo-client/pipeline/grant_int.h"

static js *form(const char *json) {
    js *v = NULL;

    ck_assert_int_eq(js_parse(json, strlen(json), &v, NULL), 0);
    return v;
}

static struct grant *grant_for(const char *method, const char *path, const js *f) {
    struct grant *g = grant_new();
    struct hash h;

    ck_assert_int_eq(grant_api_hash(method, path, f, &h), 0);
    grant_add(g, NULL, &h);
    return g;
}

static bool covered(struct grant *g, const char *method, const char *path, const char *json) {
    CLEANUP(js_freep) js *f = form(json);
    struct hash h;

    ck_assert_int_eq(grant_api_hash(method, path, f, &h), 0);
    return grant_covers_api(g, &h);
}

START_TEST(covers_only_the_same_bytes) {
    CLEANUP(js_freep) js *f = form("{\"disable\":1}");
    CLEANUP(grant_freep) struct grant *g = grant_for("PUT", "/storage/x", f);

    ck_assert(covered(g, "PUT", "/storage/x", "{\"disable\":1}"));
    ck_assert(!covered(g, "PUT", "/storage/x", "{\"disable\":0}"));
    ck_assert(!covered(g, "PUT", "/storage/x", "{\"disable\":\"1\"}"));
    ck_assert(!covered(g, "PUT", "/storage/y", "{\"disable\":1}"));
    ck_assert(!covered(g, "POST", "/storage/x", "{\"disable\":1}"));
    ck_assert(!covered(g, "PUT", "/storage/x", "{}"));
    ck_assert(!grant_covers_api(NULL, &(struct hash){{0}}));
}
END_TEST

START_TEST(node_and_api_do_not_mix) {
    CLEANUP(grant_freep) struct grant *g = grant_new();
    struct hash h = {{1}};

    grant_add(g, "c1", &h);
    ck_assert(grant_covers_node(g, "c1", &h));
    ck_assert(!grant_covers_node(g, "c2", &h));
    ck_assert(!grant_covers_api(g, &h));
}
END_TEST

START_TEST(fills_late_values_and_secrets_alone) {
    CLEANUP(js_freep)
    js *planned = form("{\"digest\":{\"late\":\"digest\"},\"password\":{\"secret\":\"hmac-sha256:"
                       "00\"},\"memory\":512}");
    CLEANUP(js_freep) js *good = form("{\"digest\":\"abc\",\"password\":\"pw\",\"memory\":512}");
    CLEANUP(js_freep) js *more = form("{\"digest\":\"abc\",\"password\":\"pw\",\"memory\":513}");
    CLEANUP(js_freep)
    js *extra = form("{\"digest\":\"abc\",\"password\":\"pw\",\"memory\":512,\"args\":\"x\"}");
    CLEANUP(js_freep) js *less = form("{\"digest\":\"abc\",\"memory\":512}");
    CLEANUP(js_freep)
    js *no_digest = form("{\"digest\":\"abc,x\",\"password\":\"pw\",\"memory\":512}");
    CLEANUP(grant_freep) struct grant *g = grant_for("PUT", "/p", planned);

    ck_assert_int_lt(grant_fill(g, "PUT", "/p", planned, no_digest), 0);
    ck_assert_int_lt(grant_fill(g, "PUT", "/p", planned, more), 0);
    ck_assert_int_lt(grant_fill(g, "PUT", "/p", planned, extra), 0);
    ck_assert_int_lt(grant_fill(g, "PUT", "/p", planned, less), 0);
    ck_assert_int_lt(grant_fill(g, "PUT", "/other", planned, good), 0);
    ck_assert(!covered(g, "PUT", "/p", "{\"digest\":\"abc\",\"password\":\"pw\",\"memory\":512}"));
    ck_assert_int_eq(grant_fill(g, "PUT", "/p", planned, good), 0);
    ck_assert(covered(g, "PUT", "/p", "{\"digest\":\"abc\",\"password\":\"pw\",\"memory\":512}"));
    ck_assert(!covered(g, "PUT", "/p", "{\"digest\":\"abc\",\"password\":\"pw\",\"memory\":513}"));
}
END_TEST

/* What a caller writes can look like anything, and stays what it is. */
START_TEST(a_text_is_no_late_value) {
    static const char *const texts[] = {"{\"digest\":\"@fresh\"}",
                                        "{\"digest\":\"{\\\"late\\\":\\\"digest\\\"}\"}",
                                        "{\"digest\":{\"late\":\"nothing\"}}"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CLEANUP(js_freep) js *planned = form(texts[i]);
        CLEANUP(js_freep) js *filled = form("{\"digest\":\"abc\"}");
        CLEANUP(grant_freep) struct grant *g = grant_for("PUT", "/p", planned);

        ck_assert_int_lt(grant_fill(g, "PUT", "/p", planned, filled), 0);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("grant");
    TCase *t = tcase_create("grant");
    SRunner *r;
    int failed;

    tcase_add_test(t, covers_only_the_same_bytes);
    tcase_add_test(t, node_and_api_do_not_mix);
    tcase_add_test(t, fills_late_values_and_secrets_alone);
    tcase_add_test(t, a_text_is_no_late_value);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
