/* SPDX-License-Identifier: Apache-2.0 */
/* Reading over several addresses of one cluster: which is asked what, and what becomes of a reading
 * when one of them fails, lies about who it is or was never configured. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "proximo-client/pipeline/grant.h"
#include "proximo-client/pipeline/grant_int.h"
#include "proximo-client/pve/change.h"
#include "tests/unit/pve/api_server.h"

#define TOKEN "me@pve!t=11111111-2222-canary-4444-555555555555\n"
enum { SERVERS = 3, READS = 240 };

static char dir[] = "/tmp/proximo-spread-XXXXXX";
static char path_token[64];
static struct api_server server[SERVERS];
static struct pve_job job[READS];
static struct err why[READS];
static char path[READS][64];

static void start(void) {
    struct err e;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path_token, sizeof(path_token), "%s/token", dir);
    ck_assert_int_eq(file_replace(AT_FDCWD, path_token, TOKEN, strlen(TOKEN), 0600, &e), 0);
}

static void stop(void) {
    unlink(path_token);
    rmdir(dir);
}

static void servers_start(const char *const *cluster) {
    for (int i = 0; i < SERVERS; i++) {
        char name[16], node[16];

        snprintf(name, sizeof(name), "s%d", i);
        snprintf(node, sizeof(node), "n%d", i + 1);
        api_server_start(&server[i], dir, name, node, cluster[i]);
    }
}

static const char *const alike[SERVERS] = {"lab", "lab", "lab"};

static void servers_stop(void) {
    for (int i = 0; i < SERVERS; i++) {
        api_server_stop(&server[i]);
    }
}

/* The first n addresses, four connections to each. */
static struct pve *open_all(size_t n) {
    char urls[SERVERS * 80] = "", pins[SERVERS * 100] = "";
    struct pve_conf c = {.name = "lab",
                         .base_url = urls,
                         .token_path = path_token,
                         .fingerprint = pins,
                         .connections = 4,
                         .timeout_ms = 4000};
    struct pve *p = NULL;
    struct err e = {0};

    for (size_t i = 0; i < n; i++) {
        strcat(strcat(urls, i ? " " : ""), server[i].url);
        strcat(strcat(pins, i ? " " : ""), server[i].pin);
    }
    ck_assert_msg(pve_open(&c, &p, &e) == 0, "%s", e.msg);
    for (int i = 0; i < SERVERS; i++) {
        api_server_forget(&server[i]);
    }
    return p;
}

/* Configurations of guests on n1..n5; of the last two no address is known. */
static void reads(void) {
    for (int i = 0; i < READS; i++) {
        snprintf(path[i], sizeof(path[i]), "/nodes/n%d/lxc/%d/config", 1 + i % 5, 1000 + i);
        why[i] = (struct err){0};
        job[i] = (struct pve_job){.path = path[i], .err = &why[i]};
    }
}

static void run(struct pve *p) {
    struct err e = {0};

    ck_assert_msg(pve_get_spread(p, job, READS, &e) == 0, "%s", e.msg);
}

/* Every read is there, and is the one that was asked for. */
static void all_answered(void) {
    for (int i = 0; i < READS; i++) {
        ck_assert_msg(job[i].result == 0, "%s: %s", path[i], why[i].msg);
        ck_assert_ptr_nonnull(strstr(js_get_str(job[i].data, "path"), path[i]));
    }
}

/* Three addresses of these clusters, and all reads over them. */
static struct pve *read_over(const char *const *clusters) {
    struct pve *p;

    servers_start(clusters);
    p = open_all(3);
    reads();
    run(p);
    return p;
}

static void drop_answers(void) {
    for (int i = 0; i < READS; i++) {
        js_freep(&job[i].data);
    }
}

START_TEST(spread) {
    CLEANUP(pve_closep) struct pve *p = NULL;
    CLEANUP(js_freep) js *one = NULL;
    struct pve_endpoint at;
    struct err e = {0};

    p = read_over(alike);
    all_answered();
    for (size_t i = 0; i < SERVERS; i++) {
        char node[8];

        snprintf(node, sizeof(node), "n%zu", i + 1);
        pve_endpoint_at(p, i, &at);
        ck_assert_str_eq(at.node, node);
        ck_assert_ptr_null(at.why);
        ck_assert_uint_ge(api_server_count(&server[i], "/config"), READS / 6);
        /* not one more connection to any than is allowed */
        ck_assert_uint_le(api_server_count(&server[i], "{\"connection\""), 4);
    }
    drop_answers();
    /* a single read, and all that is not a node's own word, is the first's */
    for (int i = 0; i < READS; i++) {
        snprintf(path[i], sizeof(path[i]),
                 i % 2 ? "/nodes/n2/lxc/%d/firewall/rules" : "/nodes/localhost/lxc/%d/config", i);
    }
    for (int i = 0; i < SERVERS; i++) {
        api_server_forget(&server[i]);
    }
    run(p);
    all_answered();
    drop_answers();
    ck_assert_int_eq(pve_get(p, "/nodes/n2/lxc/5/config", &one, &e), 0);
    ck_assert_str_eq(js_get_str(one, "by"), "n1");
    ck_assert_uint_eq(api_server_count(&server[0], "method"), READS + 1);
    ck_assert_uint_eq(api_server_count(&server[1], "method"), 0);
    ck_assert_uint_eq(api_server_count(&server[2], "method"), 0);
    servers_stop();
}
END_TEST

/* Few reads do not ask anybody else who he is. */
START_TEST(few_stay_on_the_first) {
    CLEANUP(pve_closep) struct pve *p = NULL;
    struct err e = {0};

    servers_start(alike);
    p = open_all(3);
    reads();
    ck_assert_int_eq(pve_get_spread(p, job, 16, &e), 0);
    drop_answers();
    ck_assert_uint_eq(api_server_count(&server[0], "method"), 16);
    ck_assert_uint_eq(api_server_count(&server[1], "connection"), 0);
    servers_stop();
}
END_TEST

/* A change goes to the first, and to nobody else when that is away. */
START_TEST(changes_stay_on_the_first) {
    CLEANUP(pve_closep) struct pve *p = NULL;
    struct grant *g = grant_new();
    struct pve_answer a = {0};
    struct err e = {0};
    struct hash h;

    p = read_over(alike);
    drop_answers();
    ck_assert_int_eq(grant_api_hash("POST", "/echo", NULL, &h), 0);
    grant_add(g, NULL, &h);
    ck_assert_int_eq(pve_change(p, g, "POST", "/echo", NULL, &a, &e), 0);
    pve_answer_done(&a);
    ck_assert_uint_eq(api_server_count(&server[0], "POST"), 1);
    api_server_kill(&server[0]);
    ck_assert_int_lt(pve_change(p, g, "POST", "/echo", NULL, &a, &e), 0);
    ck_assert(!a.sent);
    pve_answer_done(&a);
    ck_assert_uint_eq(api_server_count(&server[1], "POST"), 0);
    ck_assert_uint_eq(api_server_count(&server[2], "POST"), 0);
    grant_free(g);
    servers_stop();
}
END_TEST

/* Who is not of the first's cluster answers nothing, however alike its nodes are called. */
START_TEST(not_of_this_cluster) {
    static const struct {
        const char *cluster, *says;
    } odd[] = {{"other", "does not show the cluster"},
               {"lab-minority", "no quorum"},
               {"lab-mute", "Sys.Audit"}};

    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        const char *const clusters[SERVERS] = {"lab", odd[i].cluster, "lab"};
        CLEANUP(pve_closep) struct pve *p = NULL;
        struct pve_endpoint at;

        p = read_over(clusters);
        all_answered();
        drop_answers();
        pve_endpoint_at(p, 1, &at);
        ck_assert_ptr_nonnull(at.why);
        ck_assert_msg(strstr(at.why->msg, odd[i].says), "%s", at.why->msg);
        ck_assert_uint_eq(api_server_count(&server[1], "/nodes/"), 0);
        ck_assert_uint_gt(api_server_count(&server[2], "/nodes/"), 0);
        servers_stop();
    }
}
END_TEST

/* Nothing to hold the others against: they are not asked, and it is said why. */
START_TEST(the_first_is_mute) {
    static const char *const clusters[SERVERS] = {"lab-mute", "lab", "lab"};
    CLEANUP(pve_closep) struct pve *p = NULL;
    struct pve_endpoint at;

    p = read_over(clusters);
    all_answered();
    drop_answers();
    ck_assert_uint_eq(pve_spreads(p), 1);
    for (size_t i = 1; i < SERVERS; i++) {
        pve_endpoint_at(p, i, &at);
        ck_assert_ptr_nonnull(at.why);
        ck_assert_ptr_nonnull(strstr(at.why->msg, "first address does not say"));
        ck_assert_uint_eq(api_server_count(&server[i], "/nodes/"), 0);
    }
    servers_stop();
}
END_TEST

/* Two addresses of one node are twice the connections to it. */
START_TEST(one_node_twice) {
    CLEANUP(pve_closep) struct pve *p = NULL;
    struct pve_endpoint at;
    char name[] = "s1";

    servers_start(alike);
    api_server_stop(&server[1]);
    api_server_start(&server[1], dir, name, "n1", "lab");
    p = open_all(3);
    reads();
    run(p);
    all_answered();
    drop_answers();
    pve_endpoint_at(p, 1, &at);
    ck_assert_ptr_nonnull(at.why);
    ck_assert_ptr_nonnull(strstr(at.why->msg, "it is node n1"));
    ck_assert_uint_eq(api_server_count(&server[1], "/nodes/"), 0);
    servers_stop();
}
END_TEST

static void one_dies(int which, struct pve **ret) {
    struct pve_endpoint at;

    *ret = read_over(alike);
    drop_answers();
    api_server_kill(&server[which]);
    reads();
    run(*ret);
    pve_endpoint_at(*ret, (size_t)which, &at);
    ck_assert_ptr_nonnull(at.why);
    ck_assert_str_eq(at.why->tag, "pve_unreachable");
}

START_TEST(a_dead_one_is_left_out) {
    CLEANUP(pve_closep) struct pve *p = NULL;

    one_dies(1, &p);
    all_answered();
    drop_answers();
    /* and not asked again for a while: it is back, and nobody notices */
    api_server_stop(&server[1]);
    reads();
    run(p);
    all_answered();
    drop_answers();
    servers_stop();
}
END_TEST

START_TEST(the_first_dies) {
    CLEANUP(pve_closep) struct pve *p = NULL;

    one_dies(0, &p);
    all_answered(); /* what any may answer is answered */
    drop_answers();
    reads();
    snprintf(path[3], sizeof(path[3]), "/storage"); /* what only it may answer is not */
    run(p);
    ck_assert_int_lt(job[3].result, 0);
    ck_assert_str_eq(why[3].tag, "pve_unreachable");
    drop_answers();
    servers_stop();
}
END_TEST

START_TEST(all_die) {
    CLEANUP(pve_closep) struct pve *p = NULL;
    struct err e = {0};

    p = read_over(alike);
    drop_answers();
    for (int i = 0; i < SERVERS; i++) {
        api_server_kill(&server[i]);
    }
    reads();
    ck_assert_int_eq(pve_get_spread(p, job, READS, &e), 0);
    for (int i = 0; i < READS; i++) {
        ck_assert_int_lt(job[i].result, 0);
        ck_assert_int_ne(job[i].result, -EINPROGRESS);
        ck_assert_str_eq(why[i].tag, "pve_unreachable");
    }
    servers_stop();
}
END_TEST

/* One read breaks the connection of whoever is asked: it fails, after two, and the rest is read. */
START_TEST(a_deadly_read) {
    CLEANUP(pve_closep) struct pve *p = NULL;
    unsigned int asked = 0;

    servers_start(alike);
    p = open_all(3);
    reads();
    snprintf(path[40], sizeof(path[40]), "/nodes/n3/lxc/666/config");
    run(p);
    ck_assert_int_lt(job[40].result, 0);
    for (int i = 0; i < READS; i++) {
        ck_assert_msg(i == 40 || job[i].result == 0, "%s: %s", path[i], why[i].msg);
    }
    for (int i = 0; i < SERVERS; i++) {
        /* on a kept connection each asks once more by itself */
        asked += api_server_count(&server[i], "/666/");
    }
    ck_assert_uint_ge(asked, 2);
    ck_assert_uint_le(asked, 4);
    drop_answers();
    servers_stop();
}
END_TEST

/* The same at one address only: that one is left out, the read is answered by another. A 401 of one
 * that is not the first is its own affair, too. */
START_TEST(bad_at_one_only) {
    static const char *const bad[] = {"/nodes/n2/lxc/777/config", "/nodes/n2/lxc/401/config"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP(pve_closep) struct pve *p = NULL;
        struct pve_endpoint at;

        servers_start(alike);
        p = open_all(3);
        reads();
        snprintf(path[1], sizeof(path[1]), "%s", bad[i]);
        run(p);
        all_answered();
        drop_answers();
        pve_endpoint_at(p, 1, &at);
        ck_assert_ptr_nonnull(at.why);
        servers_stop();
    }
}
END_TEST

START_TEST(configuration) {
    struct pve *p = NULL;
    struct err e = {0};
    char twice[200], pins[300];

    servers_start(alike);
    snprintf(twice, sizeof(twice), "%s  %s", server[0].url, server[0].url);
    snprintf(pins, sizeof(pins), "%s", server[0].pin);
    {
        struct pve_conf c = {.base_url = twice, .token_path = path_token};

        ck_assert_int_lt(pve_open(&c, &p, &e), 0);
        ck_assert_ptr_nonnull(strstr(e.msg, "twice"));
    }
    snprintf(twice, sizeof(twice), "%s %s", server[0].url, server[1].url);
    {
        struct pve_conf c = {.base_url = twice, .token_path = path_token, .fingerprint = pins};

        ck_assert_int_lt(pve_open(&c, &p, &e), 0);
        ck_assert_str_eq(e.tag, "config_invalid");
        ck_assert_ptr_nonnull(strstr(e.msg, "1 for 2"));
    }
    { /* the pins the wrong way round: neither is read, and no token leaves */
        struct pve_conf c = {.base_url = twice, .token_path = path_token, .fingerprint = pins};
        js *data = NULL;

        snprintf(pins, sizeof(pins), "%s %s", server[1].pin, server[0].pin);
        ck_assert_int_eq(pve_open(&c, &p, &e), 0);
        ck_assert_int_lt(pve_get(p, "/version", &data, &e), 0);
        ck_assert_str_eq(e.tag, "pve_tls");
        reads();
        run(p);
        for (int i = 0; i < READS; i++) {
            ck_assert_int_lt(job[i].result, 0);
        }
        ck_assert_uint_eq(api_server_count(&server[0], "canary"), 0);
        ck_assert_uint_eq(api_server_count(&server[1], "canary"), 0);
        pve_closep(&p);
    }
    servers_stop();
}
END_TEST

int main(void) {
    Suite *s = suite_create("pve spread");
    TCase *t = tcase_create("loopback");
    SRunner *r = srunner_create(s);
    int failed;

    signal(SIGPIPE, SIG_IGN);
    tcase_set_timeout(t, 120);
    tcase_add_unchecked_fixture(t, start, stop);
    tcase_add_test(t, spread);
    tcase_add_test(t, few_stay_on_the_first);
    tcase_add_test(t, changes_stay_on_the_first);
    tcase_add_test(t, not_of_this_cluster);
    tcase_add_test(t, the_first_is_mute);
    tcase_add_test(t, one_node_twice);
    tcase_add_test(t, a_dead_one_is_left_out);
    tcase_add_test(t, the_first_dies);
    tcase_add_test(t, all_die);
    tcase_add_test(t, a_deadly_read);
    tcase_add_test(t, bad_at_one_only);
    tcase_add_test(t, configuration);
    suite_add_tcase(s, t);
    srunner_set_fork_status(r, CK_NOFORK);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
