/* SPDX-License-Identifier: Apache-2.0 */
/* Texts as structures: what is written is read back, what is not of its kind is refused by name,
 * and what a list or a name has no room for is refused, not cut. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/fields.h"
#include "common/limits.h"
#include "common/own.h"

struct thing {
    const char *text;
    char name[6];
    const char *list[3];
    uint32_t small;
    uint64_t large;
    int64_t time;
    struct hash hash;
    uint8_t key[4];
};

static const struct field fields[] = {FIELD(struct thing, text, F_TEXT, false),
                                      FIELD(struct thing, name, F_NAME, true),
                                      FIELD_AS("item", struct thing, list, F_LIST, false),
                                      FIELD(struct thing, small, F_U32, false),
                                      FIELD(struct thing, large, F_U64, true),
                                      FIELD(struct thing, time, F_TIME, false),
                                      FIELD(struct thing, hash, F_HASH, false),
                                      FIELD(struct thing, key, F_HEX, true)};
static const struct form form = {"proximo-test/v1", fields, ARRAY_LEN(fields)};

static int take(const char *text, struct lines *l, struct thing *t, struct err *e) {
    memset(t, 0x5a, sizeof(*t)); /* nothing of what was there may stay */
    return fields_read(&form, text, strlen(text), l, t, e);
}

START_TEST(what_is_written_is_read_back) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(lines_done) struct lines l = {0};
    struct thing t = {.text = "a b%\n",
                      .name = "five5",
                      .list = {"one", "two"},
                      .small = 7,
                      .large = UINT64_MAX,
                      .time = 9,
                      .hash = {{1, 2}},
                      .key = {0xde, 0xad, 0, 1}};
    struct thing back;

    ck_assert_int_eq(fields_write(&form, &t, &b), 0);
    ck_assert_int_eq(take(buf_str(&b), &l, &back, NULL), 0);
    ck_assert_str_eq(back.text, t.text);
    ck_assert_str_eq(back.name, t.name);
    ck_assert_str_eq(back.list[0], "one");
    ck_assert_str_eq(back.list[1], "two");
    ck_assert_ptr_null(back.list[2]);
    ck_assert(back.small == 7 && back.large == UINT64_MAX && back.time == 9);
    ck_assert(hash_eq(&back.hash, &t.hash));
    ck_assert_mem_eq(back.key, t.key, sizeof(t.key));
}
END_TEST

START_TEST(what_is_left_out_is_nothing) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(lines_done) struct lines l = {0};
    struct thing t = {.name = "x"};
    struct thing back;

    ck_assert_int_eq(fields_write(&form, &t, &b), 0);
    ck_assert_str_eq(buf_str(&b), "proximo-test/v1\nname x\nlarge 0\nkey 00000000\n");
    ck_assert_int_eq(take(buf_str(&b), &l, &back, NULL), 0);
    ck_assert_str_eq(back.text, "");
    ck_assert_ptr_null(back.list[0]);
    ck_assert(!back.small && !back.time && !back.hash.b[0]);
}
END_TEST

START_TEST(what_is_not_of_its_kind_is_refused) {
    static const struct {
        const char *text, *names;
    } bad[] = {
        {"proximo-test/v1\nname sixsix\nlarge 0\nkey 00000000\n", "name"},
        {"proximo-test/v1\nname x\nlarge 00\nkey 00000000\n", "large"},
        {"proximo-test/v1\nname x\nlarge 18446744073709551616\nkey 00000000\n", "large"},
        {"proximo-test/v1\nname x\nlarge 0\nkey 000000\n", "key"},
        {"proximo-test/v1\nname x\nlarge 0\nkey 0000000G\n", "key"},
        {"proximo-test/v1\nname x\nsmall 4294967296\nlarge 0\nkey 00000000\n", "small"},
        {"proximo-test/v1\nname x\nlarge 0\nhash sha256:00\nkey 00000000\n", "hash"},
        {"proximo-test/v1\nname x%00y\nlarge 0\nkey 00000000\n", "name"},
        {"proximo-test/v1\nname x\nitem a\nitem b\nitem c\nlarge 0\nkey 00000000\n", "item"},
        {"proximo-test/v1\nlarge 0\nkey 00000000\n", "name"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP(lines_done) struct lines l = {0};
        struct err e = {0};
        struct thing t;

        ck_assert_msg(take(bad[i].text, &l, &t, &e) == -EBADMSG, "%s", bad[i].text);
        ck_assert_msg(strstr(e.msg, bad[i].names) != NULL, "%s: %s", bad[i].names, e.msg);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("fields");
    TCase *c = tcase_create("fields");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(c, what_is_written_is_read_back);
    tcase_add_test(c, what_is_left_out_is_nothing);
    tcase_add_test(c, what_is_not_of_its_kind_is_refused);
    suite_add_tcase(s, c);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
