/* SPDX-License-Identifier: Apache-2.0 */
/* The generic rows: what they refuse, what the cluster's description decides, and that together
 * with the typed rows they reach every method of the API or say why not. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/pve/schema.h"
#include "proximo-client/tools/api.h"
#include "proximo-client/tools/send.h"
#include "tests/unit/tools/api.h"
#include "tests/unit/tools/endpoints.h"
#include "tests/unit/tools/lab.h"
#include "tests/unit/tools/world.h"

static const char apidoc[] =
    "// made by a generator\nconst apiSchema = [\n"
    "{\"path\":\"/cluster\",\"text\":\"cluster\",\"leaf\":0,\"children\":["
    "{\"path\":\"/cluster/options\",\"leaf\":1,\"info\":{"
    "\"GET\":{\"method\":\"GET\",\"parameters\":{\"additionalProperties\":0}},"
    "\"PUT\":{\"method\":\"PUT\",\"parameters\":{\"additionalProperties\":0,\"properties\":{"
    "\"keyboard\":{\"type\":\"string\",\"optional\":1,\"enum\":[\"de\",\"fr\"]},"
    "\"max_workers\":{\"type\":\"integer\",\"optional\":1,\"description\":\"a [ \\\" ] {\"},"
    "\"net[n]\":{\"type\":\"string\",\"optional\":1},"
    "\"password\":{\"type\":\"string\",\"optional\":1},"
    "\"delete\":{\"type\":\"string\",\"optional\":1},"
    "\"digest\":{\"type\":\"string\",\"optional\":1}}}}}},"
    "{\"path\":\"/cluster/{name}\",\"info\":{\"GET\":{\"parameters\":{\"properties\":{\"name\":{"
    "\"type\":\"string\"}}}}}},"
    "{\"path\":\"/cluster/things\",\"info\":{\"GET\":{},\"POST\":{\"parameters\":{\"properties\":{"
    "\"id\":{\"type\":\"string\"}}}}}}]}]\n;\n\nlet method2cmd = { GET: 'get' };\n";

static void set_up(void) {
    lab_fill();
    world_schema(apidoc, sizeof(apidoc) - 1);
    world_set("/cluster/options", "{\"keyboard\":\"de\",\"digest\":\"d1\",\"net1\":\"old\"}");
    world_set("/cluster/things", "[]");
}

START_TEST(description_is_read_strictly) {
    static const char *const no[] = {"",
                                     "const apiSchema = ",
                                     "const apiSchema = {}",
                                     "const apiSchema = [",
                                     "const apiSchema = []",
                                     "const apiSchema = [1]",
                                     "const apiSchema = [{\"path\":\"x\",\"info\":{\"GET\":{}}}]",
                                     "const apiSchema = [{'path':'/x'}]",
                                     "var other = [{\"path\":\"/x\",\"info\":{\"GET\":{}}}]"};
    CLEANUP(js_freep) js *s = NULL;
    struct err e = {0};

    ck_assert_msg(apidoc_parse(apidoc, sizeof(apidoc) - 1, &s, &e) == 0, "%s", e.msg);
    ck_assert_int_eq(js_members(s), 3);
    ck_assert_str_eq(schema_match(s, "/cluster/options", NULL), "/cluster/options");
    ck_assert_str_eq(schema_match(s, "/cluster/other", NULL), "/cluster/{name}");
    ck_assert_ptr_null(schema_match(s, "/cluster/a/b", NULL));
    ck_assert_ptr_null(schema_match(s, "/cluster/", NULL));
    ck_assert_ptr_null(schema_match(s, "/cluster/%zz", NULL));
    ck_assert_ptr_null(schema_match(s, "/cluster/%0", NULL));
    ck_assert_ptr_nonnull(schema_param(schema_method(s, "/cluster/options", "PUT"), "net12"));
    ck_assert_ptr_null(schema_param(schema_method(s, "/cluster/options", "PUT"), "net1x"));
    for (size_t i = 0; i < ARRAY_LEN(no); i++) {
        js *bad = NULL;

        ck_assert_msg(apidoc_parse(no[i], strlen(no[i]), &bad, &e) < 0, "%s", no[i]);
        ck_assert_str_eq(e.tag, "no_schema");
        ck_assert_ptr_null(bad);
    }
}
END_TEST

static void refused_with(const char *row, const char *args, const char *tag) {
    CLEANUP(js_freep) js *v = lab_json(args);
    CLEANUP(js_freep) js *p = NULL;
    struct err e = {0};
    const struct row *r = row_find(row);
    int code = r->effect == EFFECT_READ ? row_read(r, &world_session, v, &p, &e)
                                        : world_plan(row, v, &p, &e);

    ck_assert_msg(code < 0, "%s %s", row, args);
    ck_assert_msg(strcmp(e.tag, tag) == 0, "%s: %s (%s)", args, e.msg, e.tag);
}

START_TEST(what_escapes_the_ledger_is_refused) {
    static const char *const both[] = {"/nodes/n1/termproxy",
                                       "/nodes/n1/qemu/104/vncproxy",
                                       "/nodes/n1/lxc/105/termproxy",
                                       "/nodes/n1/qemu/104/agent/exec",
                                       "/nodes/n1/qemu/104/agent",
                                       "/nodes/n1/execute",
                                       "/access/ticket",
                                       "/access/tfa/root@pam",
                                       "/nodes/n1/qemu/104/monitor",
                                       "/nodes/n1/qemu/104/sendkey",
                                       "/nodes/n1/storage/a/file-restore/download",
                                       "/nodes/n1/%74ermproxy"};
    static const char *const changing[] = {"/access/acl", "/access/users/a@pve/token/t",
                                           "/access/roles/r", "/access/domains/pve",
                                           "/access/groups"};
    char args[300];

    set_up();
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        (void)snprintf(args, sizeof(args), "{\"path\":\"%s\"}", both[i]);
        refused_with("pve_api_get", args, "api_refused");
        (void)snprintf(args, sizeof(args), "{\"method\":\"POST\",\"path\":\"%s\"}", both[i]);
        refused_with("pve_api_plan", args, "api_refused");
    }
    for (size_t i = 0; i < ARRAY_LEN(changing); i++) {
        (void)snprintf(args, sizeof(args), "{\"method\":\"PUT\",\"path\":\"%s\"}", changing[i]);
        refused_with("pve_api_plan", args, "api_refused");
        ck_assert_ptr_null(api_refused("GET", changing[i]));
    }
}
END_TEST

START_TEST(form_is_checked_against_the_cluster) {
    set_up();
    refused_with("pve_api_get", "{\"path\":\"/cluster/a/b\"}", "bad_argument");
    refused_with("pve_api_get", "{\"path\":\"/cluster/x?y=1\"}", "bad_argument");
    refused_with("pve_api_get", "{\"path\":\"/cluster/../access\"}", "bad_argument");
    refused_with("pve_api_plan", "{\"method\":\"DELETE\",\"path\":\"/cluster/options\"}",
                 "bad_argument");
    refused_with("pve_api_plan", "{\"method\":\"POST\",\"path\":\"/cluster/things\"}",
                 "bad_argument");
    refused_with("pve_api_plan",
                 "{\"method\":\"PUT\",\"path\":\"/cluster/options\",\"params\":{\"x\":1}}",
                 "bad_argument");
    refused_with(
        "pve_api_plan",
        "{\"method\":\"PUT\",\"path\":\"/cluster/options\",\"params\":{\"keyboard\":\"xx\"}"
        "}",
        "bad_argument");
    refused_with("pve_api_plan",
                 "{\"method\":\"PUT\",\"path\":\"/cluster/options\",\"params\":{\"max_workers\":"
                 "\"a\"}}",
                 "bad_argument");
    refused_with(
        "pve_api_plan",
        "{\"method\":\"PUT\",\"path\":\"/cluster/options\",\"params\":{\"password\":\"x\"}}",
        "bad_argument");
    lab_fill();
    world_schema(NULL, 0);
    refused_with("pve_api_get", "{\"path\":\"/cluster/options\"}", "no_schema");
}
END_TEST

START_TEST(generic_change_is_planned_like_any_other) {
    CLEANUP(js_freep)
    js *args =
        lab_json("{\"method\":\"PUT\",\"path\":\"/cluster/options\",\"params\":{\"keyboard\":"
                 "\"fr\",\"max_workers\":4,\"delete\":\"net1\"},\"secret_param\":\"password\","
                 "\"secret\":\"hush\"}");
    CLEANUP(js_freep) js *p = NULL;
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    struct err e = {0};
    const js *q, *undo;

    set_up();
    ck_assert_msg(world_plan("pve_api_plan", args, &p, &e) == 0, "%s", e.msg);
    q = js_at(js_get(p, "requests"), 0);
    undo = js_at(js_get(p, "requests"), 1);
    ck_assert_str_eq(js_str_or(q, "path", ""), "/cluster/options");
    ck_assert_str_eq(js_str_or(js_get(js_get(q, "form"), "digest"), "late", ""), "digest");
    ck_assert_str_eq(js_str_or(js_get(undo, "form"), "keyboard", ""), "de");
    ck_assert_str_eq(js_str_or(js_get(undo, "form"), "net1", ""), "old");
    ck_assert_str_eq(js_str_or(js_get(undo, "form"), "delete", ""), "max_workers");
    ck_assert_str_eq(js_str_or(p, "risk", ""), "high");
    ck_assert(!js_bool_or(p, "complete", true));
    ck_assert_uint_ge(js_len(js_get(p, "preconditions")), 1);
    (void)js_print(p, &text);
    ck_assert(!strstr(buf_str(&text), "hush"));
}
END_TEST

START_TEST(generic_create_has_no_way_back) {
    CLEANUP(js_freep)
    js *args =
        lab_json("{\"method\":\"POST\",\"path\":\"/cluster/things\",\"params\":{\"id\":\"x\"}}");
    CLEANUP(js_freep) js *p = NULL;
    struct err e = {0};

    set_up();
    ck_assert_msg(world_plan("pve_api_plan", args, &p, &e) == 0, "%s", e.msg);
    ck_assert_str_eq(js_str_or(js_get(p, "undo"), "kind", ""), "none");
    ck_assert_uint_eq(js_len(js_get(p, "requests")), 1);
}
END_TEST

START_TEST(generic_read) {
    CLEANUP(js_freep) js *args = lab_json("{\"path\":\"/cluster/options\"}");
    CLEANUP(js_freep) js *ret = NULL;
    struct err e = {0};

    set_up();
    ck_assert_msg(row_read(row_find("pve_api_get"), &world_session, args, &ret, &e) == 0, "%s",
                  e.msg);
    ck_assert_str_eq(js_str_or(js_get(ret, "value"), "keyboard", ""), "de");
}
END_TEST

/* --- coverage --- */

static bool same_template(const char *ours, const char *theirs) {
    while (*ours && *theirs) {
        if (strncmp(ours, "{kind}", 6) == 0) {
            size_t n = strcspn(theirs, "/");

            if (!(n == 3 && strncmp(theirs, "lxc", 3) == 0) &&
                !(n == 4 && strncmp(theirs, "qemu", 4) == 0)) {
                return false;
            }
            ours += 6;
            theirs += n;
        } else if (*ours++ != *theirs++) {
            return false;
        }
    }
    return !*ours && !*theirs;
}

static bool typed(const char *method, const char *path) {
    const struct row *r;

    for (size_t i = 0; (r = row_at(i)); i++) {
        if ((r->send && strcmp(r->send->method, method) == 0 &&
             same_template(r->send->path, path)) ||
            (r->path && strcmp(method, "GET") == 0 && same_template(r->path, path))) {
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
        if (strcmp(endpoints[i].method, method) == 0 && strcmp(endpoints[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

/* "/a/{b}" -> "/a/x1": an instance. */
static void instance(const char *template, char *ret, size_t size) {
    size_t at = 0;

    for (const char *p = template; *p && at + 3 < size; p++) {
        if (*p == '{') {
            ret[at++] = 'x';
            ret[at++] = '1';
            p += strcspn(p, "}");
        } else {
            ret[at++] = *p;
        }
    }
    ret[at] = '\0';
}

static js *as_schema(const js *api) {
    js *out = js_object();

    for (size_t i = 0; i < js_len(js_get(api, "api")); i++) {
        const js *m = js_at(js_get(api, "api"), i);
        const char *path = js_str_or(m, "path", "");

        if (!js_get(out, path)) {
            js_add(out, path, js_object());
        }
        js_add(js_get(out, path), js_str_or(m, "method", ""), js_object());
    }
    return out;
}

START_TEST(every_method_is_reached_or_refused) {
    CLEANUP(js_freep) js *api = api_load();
    CLEANUP(js_freep) js *schema = api ? as_schema(api) : NULL;
    unsigned int n_typed = 0, n_generic = 0, n_refused = 0;
    bool print = getenv("COVERAGE") != NULL;

    for (size_t i = 0; i < js_len(js_get(api, "api")); i++) {
        const js *m = js_at(js_get(api, "api"), i);
        const char *method = js_str_or(m, "method", ""), *path = js_str_or(m, "path", "");
        const char *found, *why;
        char one[300];

        if (typed(method, path)) {
            n_typed++;
            continue;
        }
        instance(path, one, sizeof(one));
        why = api_refused(method, one);
        if (why) {
            n_refused++;
        } else {
            found = schema_match(schema, one, NULL);
            ck_assert_msg(found && strcmp(found, path) == 0, "%s is taken for %s", one,
                          found ? found : "nothing");
            n_generic++;
        }
        if (print) {
            printf("# %-7s %-60s %s\n", method, path, why ? why : "generic");
        }
    }
    printf("# coverage: %u methods by typed rows, %u by the generic row, %u refused (COVERAGE=1 "
           "lists them)\n",
           n_typed, n_generic, n_refused);
}
END_TEST

int main(void) {
    Suite *s = suite_create("api");
    TCase *t = tcase_create("generic");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, description_is_read_strictly);
    tcase_add_test(t, what_escapes_the_ledger_is_refused);
    tcase_add_test(t, form_is_checked_against_the_cluster);
    tcase_add_test(t, generic_change_is_planned_like_any_other);
    tcase_add_test(t, generic_create_has_no_way_back);
    tcase_add_test(t, generic_read);
    tcase_add_test(t, every_method_is_reached_or_refused);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
