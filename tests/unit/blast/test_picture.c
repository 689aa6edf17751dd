/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that the picture keeps under their paths: read, partial, refused, follow-up reads, and
 * what of it the draft is told. */
#include <check.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/blast_int.h"
#include "tests/unit/blast/world.h"

#define SEES_ALL                                                                                   \
    "\"/access/permissions\":{\"/\":{\"VM.Audit\":1,\"Sys.Audit\":1,\"Pool.Audit\":1}},"

static const struct answer_case {
    const char *world, *path;
    enum part_state state;
    int is_there;
    const char *told; /* of everything that was not read; "" = complete */
} answers[] = {
    {"{" SEES_ALL "\"/access/acl\":[{\"path\":\"/\"}]}", "/access/acl", PART_READ, 1, ""},
    {"{" SEES_ALL "\"/pools\":[{\"poolid\":\"a/b\"}],"
     "\"/pools?poolid=a/b\":[{\"poolid\":\"a/b\",\"members\":[]}]}",
     "/pools?poolid=a/b", PART_READ, 1, ""},
    /* never wanted: a pool whose name is no name leads nowhere */
    {"{" SEES_ALL "\"/pools\":[{\"poolid\":\"a&b\"}]}", "/pools?poolid=a&b", PART_NOT_ASKED, 0, ""},
    {"{" SEES_ALL "\"/access/acl\":{\"!\":403}}", "/access/acl", PART_DENIED, 0,
     "unread access lists | refused by the test | Sys.Audit on /access\n"},
    {"{" SEES_ALL "\"/access/roles\":{\"!\":500}}", "/access/roles", PART_FAILED, 0,
     "unread roles | refused by the test | -\n"},
    {"{" SEES_ALL "\"/pools\":[{\"poolid\":\"x\"},{\"poolid\":\"y\"}],"
     "\"/pools?poolid=x\":{\"!\":403},\"/pools?poolid=y\":{\"!\":403}}",
     "/pools?poolid=y", PART_DENIED, 0,
     "unread members of pools of 2 (x, y) | refused by the test | Pool.Audit on /pool/x\n"},
    /* answered, but cut by privileges without a sign */
    {"{\"/access/permissions\":{\"/\":{\"Sys.Audit\":1},\"/access/groups\":{}}}", "/access/groups",
     PART_PARTIAL, 1,
     "unread users | the token may see only some of them | Sys.Audit on /access/groups\n"},
};

START_TEST(answer) {
    const struct answer_case *c = &answers[_i];
    struct picture_ask ask = {.what = PIC_ACCESS | PIC_POOLS};
    CLEANUP(picture_freep) struct picture *p = world_picture(c->world, &ask);
    struct part part;
    const js *data = picture_answer(p, c->path, &part);

    ck_assert_int_eq(part.state, c->state);
    ck_assert_int_eq(data != NULL, c->is_there);
    blast_unread(p, ask.what, 0, record_reset());
    if (c->told[0]) {
        ck_assert_msg(strstr(buf_str(&record_rest), c->told) != NULL, "%s", buf_str(&record_rest));
    } else {
        ck_assert_ptr_null(strstr(buf_str(&record_rest), "unread"));
    }
    /* who asked for something else is not told */
    blast_unread(p, PIC_STORAGE, 0, record_reset());
    ck_assert_ptr_null(strstr(buf_str(&record_rest), "pools"));
}
END_TEST

START_TEST(only_what_was_asked) {
    struct picture_ask ask = {.what = PIC_POOLS};
    CLEANUP(picture_freep) struct picture *p = world_picture("{}", &ask);
    struct part part;

    ck_assert_ptr_null(picture_answer(p, "/access/acl", &part));
    ck_assert_int_eq(part.state, PART_NOT_ASKED);
    ck_assert_ptr_nonnull(picture_answer(p, "/pools", NULL));
}
END_TEST

int main(void) {
    Suite *s = suite_create("blast picture");
    TCase *t = tcase_create("answers");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, answer, 0, (int)ARRAY_LEN(answers));
    tcase_add_test(t, only_what_was_asked);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
