/* SPDX-License-Identifier: Apache-2.0 */
/* The client's own rules over commands in VMs: nothing by default, every argument counts, several
 * files only ever narrow each other; and the gate, which reads the request itself. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/agent_rules.h"
#include "proximo-client/config.h"
#include "proximo-client/pipeline/agent_gate.h"

#define RULE(name, more) "[agent-rule " name "]\ncluster = lab\nvm = 104 200-205\n" more
#define ON               "[cluster lab]\nurl = https://x:8006\nagent-exec = yes\n"

static int add(struct config *c, const char *text, const char *origin, struct err *e) {
    CLEANUP(conf_done) struct conf f = {0};
    int r = conf_parse(text, strlen(text), &f, e);

    for (size_t i = 0; r == 0 && i < f.n; i++) {
        r = strcmp(f.section[i].kind, "cluster") == 0
                ? agent_switch_read(c, &f.section[i], origin, e)
                : agent_rule_read(c, &f.section[i], origin, e);
    }
    return r;
}

/* The rules of a system's and a user's file; either may be NULL. */
static struct config from(const char *system, const char *user) {
    struct config c = {0};
    struct err e = {0};

    ck_assert_msg(!system || add(&c, system, "system", &e) == 0, "%s", e.msg);
    ck_assert_msg(!user || add(&c, user, "user", &e) == 0, "%s", e.msg);
    return c;
}

static struct agent_verdict ask(const char *system, const char *user, enum agent_act act,
                                uint32_t vmid, bool input, const char *const *arg) {
    struct config c = from(system, user);
    struct agent_ask q = {
        .cluster = "lab", .vmid = vmid, .act = act, .arg = arg, .has_input = input};
    struct agent_verdict v;

    while (arg[q.n_args]) {
        q.n_args++;
    }
    agent_decide(&c, &q, &v);
    agent_rules_done(&c);
    return v;
}

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

START_TEST(nothing_is_allowed_by_default) {
    const char *const *id = ARGV("/bin/id");

    ck_assert(!ask(NULL, NULL, AGENT_RUN, 104, false, id).allowed);
    ck_assert(!ask(ON, NULL, AGENT_RUN, 104, false, id).allowed);
    ck_assert(!ask(RULE("a", "run = /bin/id\n"), NULL, AGENT_RUN, 104, false, id).enabled);
    ck_assert(!ask(RULE("a", "run = /bin/id\n"), NULL, AGENT_RUN, 104, false, id).allowed);
    ck_assert(ask(ON RULE("a", "run = /bin/id\n"), NULL, AGENT_RUN, 104, false, id).allowed);
}
END_TEST

START_TEST(every_condition_counts) {
    static const char rules[] = ON RULE("log", "run = /bin/log {int 1-9}\nstdin = no\n")
        RULE("cat", "run = /bin/cat\nstdin = yes\n") RULE("motd", "write = {path /etc/motd.d}\n")
            RULE("web", "password = web deploy\n");

    ck_assert(ask(rules, NULL, AGENT_RUN, 104, false, ARGV("/bin/log", "5")).allowed);
    ck_assert(!ask(rules, NULL, AGENT_RUN, 104, false, ARGV("/bin/log", "10")).allowed);
    ck_assert(!ask(rules, NULL, AGENT_RUN, 104, false, ARGV("/bin/log", "5", "5")).allowed);
    ck_assert(!ask(rules, NULL, AGENT_RUN, 104, true, ARGV("/bin/log", "5")).allowed);
    ck_assert(ask(rules, NULL, AGENT_RUN, 104, true, ARGV("/bin/cat")).allowed);
    ck_assert(!ask(rules, NULL, AGENT_RUN, 105, true, ARGV("/bin/cat")).allowed);
    ck_assert(ask(rules, NULL, AGENT_RUN, 203, true, ARGV("/bin/cat")).allowed);
    ck_assert(ask(rules, NULL, AGENT_WRITE, 104, false, ARGV("/etc/motd.d/a")).allowed);
    ck_assert(!ask(rules, NULL, AGENT_WRITE, 104, false, ARGV("/bin/cat")).allowed);
    ck_assert(!ask(rules, NULL, AGENT_WRITE, 104, false, ARGV("/etc/motd.d/../a")).allowed);
    ck_assert(ask(rules, NULL, AGENT_PASSWORD, 104, false, ARGV("deploy")).allowed);
    ck_assert(!ask(rules, NULL, AGENT_PASSWORD, 104, false, ARGV("root")).allowed);
    ck_assert(!ask(rules, NULL, AGENT_PASSWORD, 104, false, ARGV("web deploy")).allowed);
    ck_assert_str_eq(ask(rules, NULL, AGENT_RUN, 104, true, ARGV("/bin/cat")).rule, "cat");
}
END_TEST

START_TEST(another_file_only_narrows) {
    static const char narrow[] = ON RULE("narrow", "run = /bin/id\n");
    static const char any[] = ON RULE("any", "run = ANY\n");
    static const char off[] = "[cluster lab]\nurl = https://x:8006\nagent-exec = no\n";
    static const char other[] = "[agent-rule o]\ncluster = other\nvm = 104\nrun = ANY\n";
    const char *const *id = ARGV("/bin/id"), *const *sh = ARGV("/bin/sh");
    static const char *const both[] = {narrow, any, off, other, ""};
    struct agent_verdict v = ask(narrow, any, AGENT_RUN, 104, false, id);

    ck_assert(v.allowed && !v.near_root);
    ck_assert_str_eq(v.rule, "narrow");
    ck_assert(!ask(narrow, any, AGENT_RUN, 104, false, sh).allowed);
    ck_assert(!ask(any, narrow, AGENT_RUN, 104, false, sh).allowed);
    ck_assert(!ask(off, any, AGENT_RUN, 104, false, sh).allowed);
    ck_assert(!ask(any, off, AGENT_RUN, 104, false, sh).allowed);
    ck_assert(ask(any, other, AGENT_RUN, 104, false, sh).near_root);
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        for (size_t k = 0; k < ARRAY_LEN(both); k++) {
            bool alone = ask(both[i], NULL, AGENT_RUN, 104, false, sh).allowed;
            bool has_yes = strstr(both[i], "= yes") != NULL;
            bool with = ask(both[i], both[k], AGENT_RUN, 104, false, sh).allowed;

            /* a file that has rules and a yes: no second file turns its no into a yes */
            ck_assert_msg(!with || alone || !has_yes || !strstr(both[i], "cluster = lab"),
                          "%s with %s", both[i], both[k]);
        }
    }
}
END_TEST

START_TEST(refuses_what_it_cannot_read_in_one_way) {
    static const char *const bad[] = {
        RULE("a", ""),
        RULE("a", "run = bin/id\n"),
        RULE("a", "run = {path /bin}\n"),
        RULE("a", "run = /bin/id\nwrite = /etc/motd\n"),
        RULE("a", "write = motd\n"),
        RULE("a", "write = /etc/a /etc/b\n"),
        RULE("a", "write = {name}\n"),
        RULE("a", "password =\n"),
        RULE("a", "password = web\nstdin = yes\n"),
        RULE("a", "run = /bin/id\nstdin = maybe\n"),
        "[agent-rule a]\ncluster = lab\nvm = *\nrun = /bin/id\n",
        "[agent-rule a]\ncluster = lab\nvm =\nrun = /bin/id\n",
        "[agent-rule a]\ncluster = lab\nvm = 99\nrun = /bin/id\n",
        "[cluster lab]\nurl = https://x:8006\nagent-exec = on\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct config c = {0};
        struct err e = {0};

        ck_assert_msg(add(&c, bad[i], "system", &e) < 0, "%s", bad[i]);
        ck_assert_str_eq(e.tag, "bad_config");
        agent_rules_done(&c);
    }
}
END_TEST

static int gate(const char *method, const char *path, const char *form, struct err *e) {
    struct config c = from(ON RULE("id", "run = /bin/id -u\n") RULE("one", "run = /bin/w\n"), NULL);
    CLEANUP(js_freep) js *q = js_object();
    struct agent_verdict v;
    js *f = NULL;
    int r;

    ck_assert_int_eq(js_parse(form, strlen(form), &f, NULL), 0);
    js_add(q, "via", js_str("api"));
    js_add(q, "method", js_str(method));
    js_add(q, "path", js_str(path));
    js_add(q, "form", f);
    ck_assert(agent_is_call(q));
    r = agent_gate(&c, "lab", q, &v, e);
    agent_rules_done(&c);
    return r;
}

START_TEST(the_gate_reads_the_request) {
    static const struct {
        const char *method, *path, *form, *tag; /* tag NULL: goes through */
    } c[] = {
        {"POST", "/nodes/n/qemu/104/agent/exec", "{\"command\":[\"/bin/id\",\"-u\"]}", NULL},
        {"POST", "/nodes/n/qemu/104/agent/exec", "{\"command\":\"/bin/w\"}", NULL},
        {"POST", "/nodes/n/qemu/104/agent/exec", "{\"command\":[\"/bin/id\"]}", "policy_denied"},
        {"POST", "/nodes/n/qemu/106/agent/exec", "{\"command\":\"/bin/w\"}", "policy_denied"},
        {"POST", "/nodes/n/qemu/104/agent/exec", "{\"input-data\":\"/bin/sh\"}", "policy_denied"},
        {"POST", "/nodes/n/qemu/104/agent/exec", "{\"command\":[\"/bin/id\",7]}", "policy_denied"},
        {"POST", "/nodes/n/qemu/104/agent/fstrim", "{}", NULL},
        {"POST", "/nodes/n/qemu/104/agent", "{\"command\":\"fstrim\"}", "api_refused"},
        {"POST", "/nodes/n/qemu/104/agent/shutdown", "{}", "api_refused"},
        {"PUT", "/nodes/n/qemu/104/agent/fstrim", "{}", "api_refused"},
        {"POST", "/nodes/n/qemu/104/agent/exec/more", "{\"command\":\"/bin/w\"}", "api_refused"},
        {"POST", "/nodes/n/qemu/104/%61gent/exec", "{\"command\":[\"/bin/id\"]}", "policy_denied"},
        {"POST", "/nodes/n/qemu/104/agent/%65xec", "{\"command\":[\"/bin/id\"]}", "policy_denied"},
        {"POST", "/nodes/n/qemu/%3104/agent/exec", "{\"command\":\"/bin/w\"}", "api_refused"},
    };

    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        struct err e = {0};
        int r = gate(c[i].method, c[i].path, c[i].form, &e);

        ck_assert_msg((r == 0) == (c[i].tag == NULL), "%zu: %s %s", i, c[i].path, e.msg);
        ck_assert_msg(r == 0 || strcmp(e.tag, c[i].tag) == 0, "%zu: %s", i, e.tag);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("agent_rules");
    TCase *t = tcase_create("all");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, nothing_is_allowed_by_default);
    tcase_add_test(t, every_condition_counts);
    tcase_add_test(t, another_file_only_narrows);
    tcase_add_test(t, refuses_what_it_cannot_read_in_one_way);
    tcase_add_test(t, the_gate_reads_the_request);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
