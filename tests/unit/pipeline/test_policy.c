/* SPDX-License-Identifier: Apache-2.0 */
/* Client policy: the strictest wins, whoever says it. Drives the real configuration reader over
 * real files and environment. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/config.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/policy_rules.h"

static char dir[] = "/tmp/proximo-policy-XXXXXX";

static int read_with(const char *ini, struct config *c, struct err *e) {
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/proximo", dir);
    (void)mkdir(path, 0700);
    (void)snprintf(path, sizeof(path), "%s/proximo/proximo.ini", dir);
    ck_assert_int_eq(file_replace(AT_FDCWD, path, ini, strlen(ini), 0600, NULL), 0);
    return config_read(c, e);
}

static void env(const char *exec, const char *allow) {
    (void)unsetenv("PROXIMO_ENABLE_EXEC");
    (void)unsetenv("PROXIMO_CT_ALLOWLIST");
    if (exec) {
        (void)setenv("PROXIMO_ENABLE_EXEC", exec, 1);
    }
    if (allow) {
        (void)setenv("PROXIMO_CT_ALLOWLIST", allow, 1);
    }
}

START_TEST(defaults_need_more_with_risk) {
    CLEANUP(config_done) struct config c = {0};

    env(NULL, NULL);
    ck_assert_int_eq(read_with("", &c, NULL), 0);
    ck_assert_int_eq((int)c.policy.need[RISK_LOW], NEED_NONE);
    ck_assert_int_eq((int)c.policy.need[RISK_MEDIUM], NEED_HOST);
    ck_assert_int_eq((int)c.policy.need[RISK_HIGH], NEED_OPERATOR);
    ck_assert(!c.policy.exec);
    ck_assert(!config_ct_allowed(&c, 101));
}
END_TEST

START_TEST(approvals_only_rise) {
    CLEANUP(config_done) struct config c = {0};

    env(NULL, NULL);
    ck_assert_int_eq(read_with("[policy]\napprove-high = none\napprove-low = host\n", &c, NULL), 0);
    ck_assert_int_eq((int)c.policy.need[RISK_HIGH], NEED_OPERATOR);
    ck_assert_int_eq((int)c.policy.need[RISK_LOW], NEED_HOST);
}
END_TEST

START_TEST(exec_needs_a_yes_and_no_no) {
    CLEANUP(config_done) struct config c = {0};
    CLEANUP(config_done) struct config d = {0};

    env("1", "101-105");
    ck_assert_int_eq(read_with("[policy]\nexec = no\n", &c, NULL), 0);
    ck_assert(!c.policy.exec);
    ck_assert_int_eq(read_with("[policy]\nexec = yes\nct-allow = 104 200\n", &d, NULL), 0);
    ck_assert(d.policy.exec);
    ck_assert(config_ct_allowed(&d, 104));  /* in both lists */
    ck_assert(!config_ct_allowed(&d, 101)); /* only in the environment's */
    ck_assert(!config_ct_allowed(&d, 200)); /* only in the file's */
}
END_TEST

START_TEST(no_list_allows_nothing) {
    CLEANUP(config_done) struct config c = {0};

    env("1", NULL);
    ck_assert_int_eq(read_with("", &c, NULL), 0);
    ck_assert(c.policy.exec);
    ck_assert(!config_ct_allowed(&c, 101));
}
END_TEST

START_TEST(times_only_shrink_and_taint_only_grows) {
    CLEANUP(config_done) struct config c = {0};

    env(NULL, NULL);
    ck_assert_int_eq(
        read_with("[policy]\nplan-minutes = 60\noperator-hours = 1\ntaint-minutes = 1\n", &c, NULL),
        0);
    ck_assert_int_eq(c.policy.ttl_s, 900);
    ck_assert_int_eq(c.policy.operator_ttl_s, 3600);
    ck_assert_int_eq(c.policy.taint_s, 3600);
}
END_TEST

START_TEST(a_file_that_does_not_parse_is_an_error) {
    static const char *const bad[] = {"[policy]\nexec = maybe\n",
                                      "[policy]\nnonsense = 1\n",
                                      "exec = yes\n",
                                      "[policy]\n exec = yes\n",
                                      "[policy]\nexec = yes\nexec = no\n",
                                      "[cluster x]\ntoken = /t\n",
                                      "[cluster env]\nurl = https://x\n",
                                      "[policy]\nct-allow = 5\n",
                                      "[operator a]\nkey = nonsense\n",
                                      "[proximo]\n",
                                      "[proximo]\nversion = 0\n",
                                      "[proximo]\nversion = one\n",
                                      "[proximo]\nversion = 1\nread-only = yes\n",
                                      "[proximo x]\nversion = 1\n"};

    env(NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP(config_done) struct config c = {0};
        struct err e = {0};

        ck_assert_msg(read_with(bad[i], &c, &e) < 0, "%s", bad[i]);
        ck_assert_str_eq(e.tag, "bad_config");
    }
}
END_TEST

/* A newer file may have keys that are unknown here, and "mend it" would be bad advice. */
START_TEST(a_newer_file_asks_for_an_upgrade) {
    static const char old[] = "[policy]\nread-only = yes\n";
    CLEANUP(config_done) struct config c = {0};
    struct err e = {0};
    char file[64];

    env(NULL, NULL);
    ck_assert_int_eq(read_with(old, &c, NULL), 0);
    ck_assert(c.policy.read_only);
    (void)snprintf(file, sizeof(file), "[proximo]\nversion = 1\n\n%s", old);
    ck_assert_int_eq(read_with(file, &c, NULL), 0);
    ck_assert(c.policy.read_only);
    ck_assert_int_lt(read_with("[proximo]\nversion = 2\n[more]\nnew = 1\n", &c, &e), 0);
    ck_assert_str_eq(e.tag, "bad_config");
    ck_assert_ptr_nonnull(
        strstr(e.msg, "line 1: written for a newer version (2; this one reads 1)"));
    ck_assert_str_eq(e.hint, "upgrade proximo-client");
    ck_assert_int_lt(read_with("[proximo]\nversion = 1\n[more]\nnew = 1\n", &c, &e), 0);
    ck_assert_ptr_nonnull(strstr(e.hint, "mend the file"));
}
END_TEST

/* A section of a witness whose key is well formed. */
static int read_witness(const char *url, const char *ca, struct config *c, struct err *e) {
    static const uint8_t pub[32] = {1};
    CLEANUP(buf_done) struct buf ini = BUF_INIT(8192);
    struct vkey key;

    ck_assert_int_eq(vkey_make("w", NOTE_COSIGN, pub, &key), 0);
    (void)buf_adds(&ini, "[witness w]\nkey = ");
    (void)vkey_text(&key, &ini);
    (void)buf_addf(&ini, "\nurl = %s\nca = %s\n", url, ca);
    env(NULL, NULL);
    return read_with(buf_str(&ini), c, e);
}

/* Wherever the program was started: the test runs in another directory. */
START_TEST(relative_files_are_beside_the_file) {
    static const char cluster[] = "[cluster lab]\nurl = https://lab:8006\nca = lab.crt\n"
                                  "token = lab.secret\n";
    CLEANUP(config_done) struct config c = {0};
    char want[160];

    ck_assert_int_eq(read_witness("https://w.example/x", "w.crt", &c, NULL), 0);
    (void)snprintf(want, sizeof(want), "%s/proximo/w.crt", dir);
    ck_assert_str_eq(c.witness[0].ca, want);
    ck_assert_int_eq(read_witness("https://w.example/x", "/etc/w.crt", &c, NULL), 0);
    ck_assert_str_eq(c.witness[0].ca, "/etc/w.crt");
    ck_assert_int_eq(read_with(cluster, &c, NULL), 0);
    (void)snprintf(want, sizeof(want), "%s/proximo/lab.crt", dir);
    ck_assert_str_eq(config_cluster(&c, "lab")->ca, want);
    (void)snprintf(want, sizeof(want), "%s/proximo/lab.secret", dir);
    ck_assert_str_eq(config_cluster(&c, "lab")->token, want);
}
END_TEST

/* What configuration takes can be asked: both sides have one rule. */
START_TEST(addresses_of_witnesses) {
    CLEANUP(config_done) struct config c = {0};
    CLEANUP(nodes_closep) struct nodes *n = NULL;
    char url[400] = "https://";

    ck_assert_int_eq(nodes_open("/nonexistent/n.ini", "/nonexistent/n.key", &n, NULL), 0);
    for (size_t len = strlen(url); len < sizeof(url) - 1; len++) {
        struct err e = {0};
        bool may;

        url[len] = 'w';
        url[len + 1] = '\0';
        may = read_witness(url, "/w.crt", &c, &e) == 0;
        ck_assert(may || strcmp(e.tag, "bad_config") == 0);
        ck_assert(may || strstr(e.msg, "proximo.ini: [witness w] url is longer"));
        ck_assert_int_eq(may, nodes_may_add_witness(0, "w", url, NULL) == 0);
        ck_assert_int_eq(may, len < 8 + 271);
    }
    for (size_t i = 0; i < LIM_NODES; i++) {
        ck_assert_int_eq(nodes_may_add_witness(i, "w", "https://w", NULL), 0);
        ck_assert_int_eq(nodes_add_witness(n, "w", "https://w", NULL, &c.witness[0].key, NULL), 0);
    }
    ck_assert_int_lt(nodes_may_add_witness(LIM_NODES, "w", "https://w", NULL), 0);
    ck_assert_int_lt(nodes_add_witness(n, "w", "https://w", NULL, &c.witness[0].key, NULL), 0);
    ck_assert_int_lt(read_witness("http://w", "/w.crt", &c, NULL), 0);
    ck_assert_int_lt(read_witness("https://w https://v", "/w.crt", &c, NULL), 0);
}
END_TEST

START_TEST(environment_defines_a_cluster) {
    CLEANUP(config_done) struct config c = {0};

    env(NULL, NULL);
    (void)setenv("PROXIMO_API_BASE_URL", "https://127.0.0.1:8006", 1);
    (void)setenv("PROXIMO_TOKEN_PATH", "/nowhere", 1);
    ck_assert_int_eq(read_with("[cluster lab]\nurl = https://lab:8006\n", &c, NULL), 0);
    (void)unsetenv("PROXIMO_API_BASE_URL");
    (void)unsetenv("PROXIMO_TOKEN_PATH");
    ck_assert_uint_eq(c.n_clusters, 2);
    ck_assert_ptr_nonnull(config_cluster(&c, "env"));
    ck_assert_ptr_nonnull(strstr(config_cluster(&c, "lab")->token, "/proximo/lab.token"));
}
END_TEST

START_TEST(lists_of_containers) {
    ck_assert(vmid_list_has("101 105-109", 107));
    ck_assert(vmid_list_has("101,105-109", 101));
    ck_assert(!vmid_list_has("101 105-109", 110));
    ck_assert(vmid_list_has("*", 999999999));
    ck_assert_int_lt(vmid_list_check("99"), 0);
    ck_assert_int_lt(vmid_list_check("109-105"), 0);
    ck_assert_int_lt(vmid_list_check("101-"), 0);
    ck_assert_int_lt(vmid_list_check("* 101"), 0);
    ck_assert_int_lt(vmid_list_check("0101"), 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("policy");
    TCase *t = tcase_create("policy");
    char path[128];
    SRunner *r;
    int failed;

    if (!mkdtemp(dir)) {
        return 1;
    }
    (void)setenv("XDG_CONFIG_HOME", dir, 1);
    (void)setenv("XDG_STATE_HOME", dir, 1);
    tcase_add_test(t, defaults_need_more_with_risk);
    tcase_add_test(t, approvals_only_rise);
    tcase_add_test(t, exec_needs_a_yes_and_no_no);
    tcase_add_test(t, no_list_allows_nothing);
    tcase_add_test(t, times_only_shrink_and_taint_only_grows);
    tcase_add_test(t, a_file_that_does_not_parse_is_an_error);
    tcase_add_test(t, a_newer_file_asks_for_an_upgrade);
    tcase_add_test(t, relative_files_are_beside_the_file);
    tcase_add_test(t, addresses_of_witnesses);
    tcase_add_test(t, environment_defines_a_cluster);
    tcase_add_test(t, lists_of_containers);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    (void)snprintf(path, sizeof(path), "%s/proximo/proximo.ini", dir);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/proximo", dir);
    (void)rmdir(path);
    (void)rmdir(dir);
    return failed ? 1 : 0;
}
