/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments: what is refused, what all of it says, words of the command line, the schema. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "tests/unit/tools/world.h"

static int validate(const char *row, const char *args, struct err *e) {
    CLEANUP(js_freep) js *v = NULL;

    ck_assert_int_eq(js_parse(args, strlen(args), &v, e), 0);
    return row_validate(row_find(row), v, e);
}

static const struct bad {
    const char *row, *args, *says;
} bad[] = {
    {"pve_guest_status", "{}", "vmid is missing"},
    {"pve_guest_status", "{\"vmid\":0}", "vmid must be 100 to 999999999"},
    {"pve_guest_status", "{\"vmid\":99}", "vmid must be"},
    {"pve_guest_status", "{\"vmid\":1000000000}", "vmid must be"},
    {"pve_guest_status", "{\"vmid\":-105}", "vmid must be"},
    {"pve_guest_status", "{\"vmid\":\"105\"}", "vmid must be an integer, not string"},
    {"pve_guest_status", "{\"vmid\":105.5}", "vmid must be an integer"},
    {"pve_guest_status", "{\"vmid\":null}", "vmid must be an integer"},
    {"pve_guest_status", "{\"vmid\":[105]}", "vmid must be an integer"},
    {"pve_guest_status", "{\"vmid\":105,\"extra\":1}", "unknown argument extra"},
    {"pve_guest_status", "{\"vmid\":105,\"confirm\":true}", "unknown argument confirm"},
    {"pve_guest_status", "{\"vmid\":105,\"a\\nb\":1}", "other than printable"},
    {"pve_guest_status", "{\"vmid\":105,\"node\":\"..\"}", "node is not a node name"},
    {"pve_guest_status", "{\"vmid\":105,\"node\":\"a/b\"}", "node is not a node name"},
    {"pve_guest_status", "{\"vmid\":105,\"node\":\"\"}", "node is not a node name"},
    {"pve_guest_status", "{\"vmid\":105,\"kind\":\"vm\"}", "kind must be one of lxc|qemu"},
    {"pve_guest_status", "{\"vmid\":105,\"kind\":\"lxc|qemu\"}", "kind must be one of"},
    {"pve_guest_status", "{\"vmid\":105,\"cluster\":\"../x\"}", "cluster is not"},
    {"pve_guest_status", "[]", "must be an object"},
    {"pve_storage_config_get", "{\"storage\":\"..\"}", "storage is not"},
    {"pve_storage_config_get", "{\"storage\":\"a/../b\"}", "storage is not"},
    {"pve_storage_config_get", "{\"storage\":\"1ocal\"}", "storage is not"},
    {"pve_storage_config_get", "{\"storage\":\"x\\u0000y\"}", "storage holds control"},
    {"pve_snapshot_create", "{\"vmid\":105,\"snapname\":\"current\"}", "snapname is not"},
    {"pve_snapshot_create", "{\"vmid\":105,\"snapname\":\"a\"}", "snapname is not"},
    {"pve_snapshot_create", "{\"vmid\":105,\"snapname\":\"1abc\"}", "snapname is not"},
    {"pve_snapshot_create", "{\"vmid\":105,\"snapname\":\"ab\",\"vmstate\":1}", "true or false"},
    {"pve_task_status", "{\"upid\":\"UPID:../x\"}", "upid is not"},
    {"pve_task_wait",
     "{\"upid\":\"UPID:c1:00000162:000BEDF7:6B04AC50:vzstart:311:root@pam:\",\"timeout\":46}",
     "timeout must be 1 to 45"},
    {"pve_guest_config_set", "{\"vmid\":105,\"set\":{\"a/b\":1}}", "member with a bad name"},
    {"pve_guest_config_set", "{\"vmid\":105,\"set\":{\"memory\":{}}}", "set.memory must be"},
    {"pve_guest_config_set", "{\"vmid\":105,\"set\":{\"memory\":1.5}}", "set.memory must be"},
    {"pve_guest_config_set", "{\"vmid\":105,\"set\":\"memory=1\"}", "set must be an object"},
    {"pve_guest_config_set", "{\"vmid\":105,\"delete\":\"net0\"}", "delete must be a list"},
    {"pve_guest_config_set", "{\"vmid\":105,\"delete\":[1]}", "delete[0] must be a string"},
    {"ct_exec", "{\"vmid\":105,\"argv\":[]}", "argv must have 1 to 128 items"},
    {"ct_exec", "{\"vmid\":105,\"argv\":[\"/bin/a\\u0001\"]}", "argv[0] must be a string"},
    {"proximo_plan", "{\"row\":\"Pve\",\"args\":{}}", "row is not"},
    {"proximo_plan", "{\"row\":\"pve_rollback\",\"args\":[]}", "args must be an object"},
    {"proximo_apply", "{\"plan_id\":\"P-short\"}", "plan_id is not"},
    {"proximo_undo", "{\"op_id\":\"P-aaaaaaaaaaaaaaaaaaaaaaaaaa\"}", "op_id is not"},
    {"pve_list_guests", "{\"limit\":0}", "limit must be 1 to 10000"},
    {"pve_list_guests", "{\"start\":-1}", "start must be 0"},
};

START_TEST(refuses_and_says_why) {
    struct err e = {0};

    ck_assert_int_eq(validate(bad[_i].row, bad[_i].args, &e), -EINVAL);
    ck_assert_str_eq(e.tag, "bad_argument");
    ck_assert_msg(strstr(e.msg, bad[_i].says), "%s for %s %s", e.msg, bad[_i].row, bad[_i].args);
}
END_TEST

START_TEST(names_every_problem_at_once) {
    struct err e = {0};

    ck_assert_int_lt(validate("pve_snapshot_create",
                              "{\"vmid\":7,\"snapname\":\"..\",\"zzz\":1,\"vmstate\":\"yes\"}", &e),
                     0);
    ck_assert(strstr(e.msg, "vmid must be"));
    ck_assert(strstr(e.msg, "snapname is not"));
    ck_assert(strstr(e.msg, "unknown argument zzz"));
    ck_assert(strstr(e.msg, "vmstate must be true or false"));
    ck_assert(strstr(e.hint, "proximo_describe"));
}
END_TEST

START_TEST(accepts_what_is_right) {
    static const struct {
        const char *row, *args;
    } good[] = {
        {"pve_guest_status", "{\"vmid\":100}"},
        {"pve_guest_status",
         "{\"vmid\":999999999,\"node\":\"c1\",\"kind\":\"qemu\",\"cluster\":\"lab\"}"},
        {"pve_version", "{}"},
        {"pve_version", "{\"cluster\":\"lab.1\"}"},
        {"pve_guest_config_set",
         "{\"vmid\":105,\"set\":{\"memory\":512,\"onboot\":true,\"description\":\"a\\nb\"},"
         "\"delete\":[\"net1\"]}"},
        {"ct_exec",
         "{\"vmid\":105,\"argv\":[\"/bin/sh\",\"-c\",\"echo \\u00e4\"],\"env\":{\"A\":\"b\"}}"},
        {"proximo_plan", "{\"row\":\"pve_rollback\",\"args\":{\"vmid\":1}}"},
        {"proximo_apply", "{\"plan_id\":\"P-abcdefghijklmnopqrstuvwxyz\"}"},
    };

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct err e = {0};

        ck_assert_msg(validate(good[i].row, good[i].args, &e) == 0, "%s: %s", good[i].row, e.msg);
    }
}
END_TEST

static js *words(const char *row, char *const *w, size_t n, struct err *e) {
    js *v = NULL;

    return row_args_from_words(row_find(row), w, n, &v, e) == 0 ? v : NULL;
}

START_TEST(words_become_typed_arguments) {
    char *const w[] = {(char[]){"vmid=105"},     (char[]){"set.memory=512"},
                       (char[]){"set.tags=a=b"}, (char[]){"delete=net1"},
                       (char[]){"delete=mp0"},   (char[]){"node=c1"}};
    struct err e = {0};
    CLEANUP(js_freep) js *v = words("pve_guest_config_set", w, ARRAY_LEN(w), &e);

    ck_assert_ptr_nonnull(v);
    ck_assert_int_eq(js_int_or(v, "vmid", 0), 105);
    ck_assert(js_is_int(js_get(v, "vmid")));
    ck_assert_str_eq(js_get_str(js_get(v, "set"), "memory"), "512");
    ck_assert_str_eq(js_get_str(js_get(v, "set"), "tags"), "a=b");
    ck_assert_uint_eq(js_len(js_get(v, "delete")), 2);
    ck_assert_int_eq(row_validate(row_find("pve_guest_config_set"), v, &e), 0);
}
END_TEST

START_TEST(words_take_json_too) {
    char *const w[] = {(char[]){"vmid:=105"}, (char[]){"argv:=[\"/bin/true\",\"a=b\"]"},
                       (char[]){"timeout=5"}};
    struct err e = {0};
    CLEANUP(js_freep) js *v = words("ct_exec", w, ARRAY_LEN(w), &e);

    ck_assert_ptr_nonnull(v);
    ck_assert_str_eq(json_object_get_string(js_at(js_get(v, "argv"), 1)), "a=b");
    ck_assert_int_eq(row_validate(row_find("ct_exec"), v, &e), 0);
}
END_TEST

START_TEST(bad_words_are_refused) {
    char *const w[] = {(char[]){"vmid"},     (char[]){"=1"},
                       (char[]){"nosuch=1"}, (char[]){"vmid.x=1"},
                       (char[]){"set=1"},    (char[]){"set:={"},
                       (char[]){"set.=1"},   (char[]){"vmid:={\"a\":1,\"a\":2}"}};
    char *const twice[] = {(char[]){"vmid=105"}, (char[]){"vmid=106"}};
    struct err e = {0};

    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        ck_assert_msg(!words("pve_guest_config_set", &w[i], 1, &e), "%s", w[i]);
    }
    ck_assert(!words("pve_guest_config_set", twice, 2, &e));
    ck_assert(strstr(e.msg, "twice"));
}
END_TEST

START_TEST(schema_says_what_validation_checks) {
    CLEANUP(js_freep) js *s = row_input_schema(row_find("pve_guest_power"), true);
    const js *p = js_get(s, "properties");

    ck_assert_str_eq(js_get_str(s, "type"), "object");
    ck_assert(!js_bool_or(s, "additionalProperties", true));
    ck_assert_int_eq(js_int_or(js_get(p, "vmid"), "minimum", 0), 100);
    ck_assert_uint_eq(js_len(js_get(js_get(p, "action"), "enum")), 4);
    ck_assert_ptr_nonnull(js_get(p, "cluster"));
    ck_assert_uint_eq(js_len(js_get(s, "required")), 2);
}
END_TEST

START_TEST(output_schema_from_its_short_form) {
    CLEANUP(js_freep) js *s = row_output_schema(row_find("pve_task_status"));
    const js *p = js_get(s, "properties");

    ck_assert_str_eq(js_get_str(js_get(p, "succeeded"), "type"), "boolean");
    ck_assert_str_eq(js_get_str(js_get(p, "exitstatus"), "type"), "string");
    ck_assert_uint_eq(js_len(js_get(s, "required")), 6);
    ck_assert_ptr_null(row_output_schema(row_find("proximo_apply")));
}
END_TEST

int main(void) {
    Suite *s = suite_create("validate");
    TCase *t = tcase_create("arguments");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, refuses_and_says_why, 0, (int)ARRAY_LEN(bad));
    tcase_add_test(t, names_every_problem_at_once);
    tcase_add_test(t, accepts_what_is_right);
    tcase_add_test(t, words_become_typed_arguments);
    tcase_add_test(t, words_take_json_too);
    tcase_add_test(t, bad_words_are_refused);
    tcase_add_test(t, schema_says_what_validation_checks);
    tcase_add_test(t, output_schema_from_its_short_form);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
