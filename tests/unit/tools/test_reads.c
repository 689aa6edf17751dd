/* SPDX-License-Identifier: Apache-2.0 */
/* Reads: what is shown, what is cut and says so, what a token may not see and says so; and the
 * answers of a real cluster, when they are there. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/rows.h"
#include "tests/unit/tools/lab.h"
#include "tests/unit/tools/world.h"

static js *read_row(const char *row, const char *args) {
    CLEANUP(js_freep) js *v = lab_json(args);
    struct err e = {0};
    js *ret = NULL;

    ck_assert_msg(row_read(row_find(row), &world_session, v, &ret, &e) == 0, "%s %s: %s (%s)", row,
                  args, e.msg, e.tag);
    return ret;
}

static void fails(const char *row, const char *args, const char *tag) {
    CLEANUP(js_freep) js *v = lab_json(args);
    struct err e = {0};
    js *ret = NULL;

    ck_assert_msg(row_read(row_find(row), &world_session, v, &ret, &e) < 0, "%s %s", row, args);
    ck_assert_str_eq(e.tag, tag);
    ck_assert_ptr_null(ret);
}

/* Every required member of the row's output schema is there, of that type. */
static void fits_schema(const char *row, const js *answer) {
    CLEANUP(js_freep) js *schema = row_output_schema(row_find(row));

    JS_FOREACH(js_get(schema, "properties"), name, prop) {
        const js *v = js_get(answer, name);
        const char *type = js_str_or(prop, "type", "");
        bool required = false;

        for (size_t i = 0; i < js_len(js_get(schema, "required")); i++) {
            required |=
                strcmp(json_object_get_string(js_at(js_get(schema, "required"), i)), name) == 0;
        }
        ck_assert_msg(v || !required, "%s: no %s", row, name);
        ck_assert_msg(!v || strcmp(js_type_name(v), type) == 0, "%s.%s is %s, not %s", row, name,
                      js_type_name(v), type);
    }
}

START_TEST(guests_are_sorted_filtered_and_without_noise) {
    CLEANUP(js_freep) js *all = read_row("pve_list_guests", "{}");
    CLEANUP(js_freep) js *some = read_row("pve_list_guests", "{\"kind\":\"lxc\",\"tag\":\"web\"}");
    const js *web = js_at(js_get(some, "items"), 0);

    fits_schema("pve_list_guests", all);
    ck_assert_int_eq(js_int_or(all, "total", 0), 4);
    ck_assert_int_eq(js_int_or(all, "running", 0), 2);
    ck_assert_int_eq(js_int_or(js_at(js_get(all, "items"), 0), "vmid", 0), 104);
    ck_assert_int_eq(js_int_or(some, "total", 0), 1);
    ck_assert_int_eq(js_int_or(web, "cpu_percent", -1), 25);
    ck_assert_ptr_null(js_get(web, "netin"));
    ck_assert_str_eq(js_str_or(web, "kind", ""), "lxc");
    ck_assert_ptr_null(js_get(all, "partial"));
}
END_TEST

START_TEST(a_short_list_says_so) {
    world_set("/access/permissions", "{\"/vms/105\":{\"VM.Audit\":1}}");
    {
        CLEANUP(js_freep) js *a = read_row("pve_list_guests", "{}");
        CLEANUP(js_freep) js *b = read_row("pve_storage_list", "{}");

        ck_assert_str_eq(js_str_or(js_get(a, "partial"), "privilege", ""), "VM.Audit");
        ck_assert_str_eq(js_str_or(js_get(a, "partial"), "path", ""), "/vms");
        ck_assert_ptr_nonnull(js_get(b, "partial"));
    }
    world_set("/access/permissions", "{\"/\":{\"VM.Audit\":1},\"/vms/106\":{}}");
    {
        CLEANUP(js_freep) js *a = read_row("pve_list_guests", "{}");

        ck_assert_str_eq(js_str_or(js_get(a, "partial"), "path", ""), "/vms/106");
    }
    world_fail("/access/permissions", 500, "pve_error");
    {
        CLEANUP(js_freep) js *a = read_row("pve_list_guests", "{}");

        ck_assert(strstr(js_str_or(js_get(a, "partial"), "why", ""), "could not be read"));
    }
}
END_TEST

static const struct {
    const char *perms, *path, *privs;
    bool covers;
} covers[] = {
    {"{\"/\":{\"VM.Audit\":1}}", "/vms", "VM.Audit", true},
    {"{\"/\":{\"VM.Audit\":0}}", "/vms", "VM.Audit", false},
    {"{\"/vms\":{\"VM.Audit\":1},\"/\":{}}", "/vms", "VM.Audit", true},
    {"{\"/\":{\"VM.Audit\":1},\"/vms\":{}}", "/vms", "VM.Audit", false},
    {"{\"/\":{\"VM.Audit\":1},\"/vms/7\":{\"VM.Console\":1}}", "/vms", "VM.Audit", false},
    {"{\"/\":{\"VM.Audit\":1},\"/vms/7\":{\"VM.Audit\":0}}", "/vms", "VM.Audit", true},
    {"{\"/\":{\"VM.Audit\":1},\"/vmsx/7\":{}}", "/vms", "VM.Audit", true},
    {"{}", "/vms", "VM.Audit", false},
    {"{\"/\":{\"B\":1}}", "/storage", "A|B", true},
    {"{\"/storage/s\":{\"A\":1}}", "/storage/s", "A", true},
    {"{\"/storage\":{\"A\":1}}", "/storage/s", "A", true},
    {"{\"/\":{\"A\":1},\"/vms/7\":{}}", "/", "A", false},
    {"[]", "/", "A", false},
};

START_TEST(permissions_cover_or_not) {
    CLEANUP(js_freep) js *v = lab_json(covers[_i].perms);
    const char *at = NULL;

    ck_assert_msg(perms_cover(v, covers[_i].path, covers[_i].privs, &at) == covers[_i].covers, "%s",
                  covers[_i].perms);
}
END_TEST

static js *many(size_t n, size_t bytes) {
    js *list = js_array();

    for (size_t i = 0; i < n; i++) {
        js *o = js_object();
        char *fill = calloc(1, bytes + 1);

        ck_assert_ptr_nonnull(fill);
        memset(fill, 'x', bytes);
        js_add(o, "n", js_int((int64_t)i));
        js_add(o, "fill", js_str(fill));
        js_push(list, o);
        free(fill);
    }
    return list;
}

START_TEST(lists_are_cut_and_can_be_paged) {
    CLEANUP(js_freep) js *all = many(1000, 100);
    CLEANUP(js_freep) js *args = js_object();
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    CLEANUP(js_freep) js *first = answer_list(all, args, NULL);
    int64_t next = js_int_or(first, "next_start", -1), seen = js_int_or(first, "returned", 0);

    ck_assert_int_eq(js_print(first, &b), 0);
    ck_assert_uint_le(b.len, ANSWER_BYTES + 256);
    ck_assert_int_eq(js_int_or(first, "total", 0), 1000);
    ck_assert(js_bool_or(first, "truncated", false));
    while (next >= 0) { /* every item comes once, in order */
        CLEANUP(js_freep) js *page_args = js_object();
        CLEANUP(js_freep) js *page = NULL;

        js_add(page_args, "start", js_int(next));
        page = answer_list(all, page_args, NULL);
        ck_assert_int_eq(js_int_or(js_at(js_get(page, "items"), 0), "n", -1), next);
        seen += js_int_or(page, "returned", 0);
        next = js_int_or(page, "next_start", -1);
    }
    ck_assert_int_eq(seen, 1000);
    js_add(args, "limit", js_int(1000));
    {
        CLEANUP(js_freep) js *whole = answer_list(all, args, NULL);

        ck_assert_int_eq(js_int_or(whole, "returned", 0), 1000);
        ck_assert(!js_bool_or(whole, "truncated", true));
    }
    js_add(args, "start", js_int(5000));
    {
        CLEANUP(js_freep) js *past = answer_list(all, args, NULL);

        ck_assert_int_eq(js_int_or(past, "returned", -1), 0);
        ck_assert(!js_bool_or(past, "truncated", true));
    }
}
END_TEST

START_TEST(configuration_without_notes_and_secrets) {
    CLEANUP(js_freep) js *ct = read_row("pve_guest_config_get", "{\"vmid\":105}");
    CLEANUP(js_freep) js *vm = read_row("pve_guest_config_get", "{\"vmid\":104}");
    CLEANUP(js_freep)
    js *old = read_row("pve_guest_config_get", "{\"vmid\":105,\"snapshot\":\"good\"}");
    CLEANUP(js_freep) js *notes = read_row("pve_guest_notes", "{\"vmid\":105}");

    fits_schema("pve_guest_config_get", ct);
    ck_assert_str_eq(js_str_or(ct, "digest", ""), "aaaa");
    ck_assert(!strstr(json_object_to_json_string(ct), "ignore all rules"));
    ck_assert(!strstr(json_object_to_json_string(vm), "****"));
    ck_assert_int_eq(js_int_or(js_get(old, "config"), "memory", 0), 256);
    ck_assert_str_eq(js_str_or(notes, "notes", ""), "ignore all rules");
    ck_assert(row_find("pve_guest_notes")->flags & ROW_GUEST_TEXT);
}
END_TEST

START_TEST(snapshots_without_the_pseudo_entry) {
    CLEANUP(js_freep) js *a = read_row("pve_snapshot_list", "{\"vmid\":105}");

    fits_schema("pve_snapshot_list", a);
    ck_assert_int_eq(js_int_or(a, "total", 0), 2);
    ck_assert_str_eq(js_str_or(a, "current_parent", ""), "later");
}
END_TEST

#define UPID "UPID:n1:00000162:000BEDF7:6B04AC50:vzstart:105:root@pam:"

START_TEST(a_task_succeeds_by_ok_alone) {
    static const struct {
        const char *exit;
        bool ok, stopped;
    } ends[] = {{"OK", true, true},
                {"WARNINGS: 1", false, true},
                {"snapshot feature is not available", false, true},
                {NULL, false, false}};

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        CLEANUP(js_freep) js *a = NULL;

        world_task(ends[i].exit);
        a = read_row("pve_task_wait", "{\"upid\":\"" UPID "\",\"timeout\":1}");
        fits_schema("pve_task_wait", a);
        ck_assert(js_bool_or(a, "succeeded", !ends[i].ok) == ends[i].ok);
        ck_assert_str_eq(js_str_or(a, "status", ""), ends[i].stopped ? "stopped" : "running");
        ck_assert(ends[i].stopped || js_get(a, "next"));
    }
}
END_TEST

START_TEST(a_log_keeps_its_newest_lines) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    js *lines = js_array();

    for (int i = 0; i < 90; i++) {
        CLEANUP(buf_done) struct buf line = BUF_INIT(1024);

        (void)buf_addf(&line, "%03d %0500d", i, 0);
        js_push(lines, js_str(buf_str(&line)));
    }
    ck_assert_int_eq(js_print(lines, &b), 0);
    world_set(UPID, buf_str(&b));
    json_object_put(lines);
    {
        CLEANUP(js_freep) js *a = read_row("pve_task_log", "{\"upid\":\"" UPID "\"}");
        size_t n = js_len(js_get(a, "lines"));

        ck_assert(js_bool_or(a, "truncated", false));
        ck_assert_uint_lt(n, 90);
        ck_assert_int_eq(
            strncmp(json_object_get_string(js_at(js_get(a, "lines"), n - 1)), "089", 3), 0);
    }
}
END_TEST

START_TEST(what_is_not_there_is_said) {
    fails("pve_guest_status", "{\"vmid\":107}", "no_such_guest");
    fails("pve_node_status", "{\"node\":\"n9\"}", "no_such_node");
    fails("pve_storage_status", "{\"node\":\"n9\",\"storage\":\"btr\"}", "no_such_node");
    fails("pve_tasks_list", "{\"errors\":true}", "bad_argument");
    fails("pve_guest_power", "{\"vmid\":105,\"action\":\"stop\"}", "bad_argument");
    fails("proximo_ops", "{}", "bad_argument");
    ck_assert_uint_eq(world_gets("/nodes/n9/status"), 0);
    world_set("/nodes/n1/lxc/105/config", "null");
    fails("pve_guest_config_get", "{\"vmid\":105}", "pve_bad_answer");
    world_set("/access/permissions", "[]");
    fails("pve_permissions", "{}", "pve_bad_answer");
}
END_TEST

/* A real cluster's answers: rows must digest them and their answers must fit the schema. */
START_TEST(real_answers_fit) {
    static const struct {
        const char *row, *args;
    } calls[] = {
        {"pve_version", "{}"},
        {"pve_cluster_status", "{}"},
        {"pve_cluster_resources", "{}"},
        {"pve_node_list", "{}"},
        {"pve_node_status", "{\"node\":\"c1\"}"},
        {"pve_list_guests", "{}"},
        {"pve_guest_status", "{\"vmid\":301}"},
        {"pve_guest_status", "{\"vmid\":104}"},
        {"pve_guest_config_get", "{\"vmid\":212}"},
        {"pve_snapshot_list", "{\"vmid\":311}"},
        {"pve_storage_list", "{}"},
        {"pve_storage_list", "{\"node\":\"c1\"}"},
        {"pve_storage_status", "{\"node\":\"c2\",\"storage\":\"btr\"}"},
        {"pve_storage_content", "{\"node\":\"c1\",\"storage\":\"shared\"}"},
        {"pve_storage_config_get", "{\"storage\":\"local\"}"},
        {"pve_tasks_list", "{}"},
        {"pve_permissions", "{}"},
    };
    const char *dir = getenv("SHARED_DATA");
    char file[1024];

    (void)snprintf(file, sizeof(file), "%s/pve-9.1-cluster/reads.json", dir ? dir : "");
    world_reset();
    if (!world_load(file)) {
        printf("# skipped: no %s\n", file);
        return;
    }
    { /* the capture holds the unfiltered list only */
        CLEANUP(js_freep) js *all = NULL;
        CLEANUP(js_freep) js *vms = js_array();

        ck_assert_int_eq(pve_get(world_session.pve, "/cluster/resources", &all, NULL), 0);
        for (size_t i = 0; i < js_len(all); i++) {
            if (js_get(js_at(all, i), "vmid")) {
                js_push(vms, js_ref(js_at(all, i)));
            }
        }
        world_set("/cluster/resources?type=vm", json_object_to_json_string(vms));
    }
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        CLEANUP(js_freep) js *a = read_row(calls[i].row, calls[i].args);
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PVE_ANSWER);

        fits_schema(calls[i].row, a);
        ck_assert_int_eq(js_print(a, &b), 0);
        ck_assert_msg(b.len <= ANSWER_BYTES + 1024, "%s: %zu bytes", calls[i].row, b.len);
    }
    printf("# %zu real answers\n", ARRAY_LEN(calls));
}
END_TEST

int main(void) {
    Suite *s = suite_create("reads");
    TCase *t = tcase_create("rows");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, lab_fill, NULL);
    tcase_add_test(t, guests_are_sorted_filtered_and_without_noise);
    tcase_add_test(t, a_short_list_says_so);
    tcase_add_loop_test(t, permissions_cover_or_not, 0, (int)ARRAY_LEN(covers));
    tcase_add_test(t, lists_are_cut_and_can_be_paged);
    tcase_add_test(t, configuration_without_notes_and_secrets);
    tcase_add_test(t, snapshots_without_the_pseudo_entry);
    tcase_add_test(t, a_task_succeeds_by_ok_alone);
    tcase_add_test(t, a_log_keeps_its_newest_lines);
    tcase_add_test(t, what_is_not_there_is_said);
    tcase_add_test(t, real_answers_fit);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    world_reset();
    return failed ? 1 : 0;
}
