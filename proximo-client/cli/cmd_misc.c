/* SPDX-License-Identifier: Apache-2.0 */
/* doctor, freeze, tools: thin over the service. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/cli/cli.h"
#include "proximo-client/pipeline/freeze.h"
#include "proximo-client/pipeline/service.h"
#include "proximo-client/tools/manual.h"
#include "proximo-client/tools/tool.h"

/* 1 for what is wrong; 6 when nothing that could be looked at is, and something could not be. */
static int doctor_says(const js *result) {
    const js *clusters = js_get(result, "clusters");

    if (js_bool_or(result, "ok", false)) {
        return EXIT_DONE;
    }
    for (size_t i = 0; i < js_len(clusters); i++) {
        const js *checks = js_get(js_at(clusters, i), "checks");

        for (size_t k = 0; k < js_len(checks); k++) {
            if (strcmp(js_str_or(js_at(checks, k), "status", ""), "finding") == 0) {
                return EXIT_FAILED;
            }
        }
    }
    return js_len(clusters) ? EXIT_INCOMPLETE : EXIT_FAILED;
}

static int run_doctor(struct cli *c) {
    CLEANUP(js_freep) js *result = NULL;
    struct err e = {0};

    if (!cli_words(c, &cmd_doctor, 0, 0)) {
        return EXIT_USAGE;
    }
    if (cli_call_quiet(c, "proximo_doctor", js_object(), false, &result, &e) < 0) {
        return cli_fail(c, &e);
    }
    cli_print(c, "proximo_doctor", result);
    return doctor_says(result);
}

static int run_freeze(struct cli *c) {
    const char *minutes = cli_option(c, "--minutes");
    const char *reason = cli_option(c, "--reason");
    struct err e = {0};
    uint32_t m = 0;
    js *result;
    bool on;

    if (!cli_words(c, &cmd_freeze, 1, 1)) {
        return EXIT_USAGE;
    }
    on = strcmp(c->argv[0], "on") == 0;
    if (!on && strcmp(c->argv[0], "off") != 0) {
        return cli_usage(c, &cmd_freeze, "on or off");
    }
    if (minutes && (ident_u32(minutes, &m) < 0 || !m || m > 525600)) {
        return cli_usage(c, &cmd_freeze, "--minutes takes 1-525600");
    }
    if (freeze_set(c->app, on, m ? clock_unix() + (int64_t)m * 60 : 0,
                   reason ? reason : "no reason given", &e) < 0) {
        return cli_fail(c, &e);
    }
    result = js_object();
    js_add(result, "frozen", js_bool(on));
    return cli_said(c, result, "%s\n",
                    on ? "frozen: nothing is applied from this account" : "no longer frozen");
}

static void put_size(const js *tools, const char *name, js *list) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PVE_ANSWER);
    js *one = js_object();

    (void)js_print(tools, &b);
    js_add(one, "toolset", js_str(name));
    js_add(one, "tools", js_int((int64_t)js_len(tools)));
    js_add(one, "bytes", js_int((int64_t)b.len));
    js_add(one, "tokens", js_int((int64_t)(b.len / 4)));
    js_push(list, one);
}

static int print_sizes(struct cli *c) {
    CLEANUP(js_freep) js *all = service_tools(c->app, "all");
    CLEANUP(js_freep) js *direct = service_tools(c->app, "");
    CLEANUP(js_freep) js *list = js_array();

    put_size(direct, "default", list);
    for (size_t i = 0; row_at(i); i++) {
        const char *plane = row_at(i)->plane;

        if (row_first_of_plane(i)) {
            CLEANUP(js_freep) js *one = service_tools(c->app, plane);

            put_size(one, plane, list);
        }
    }
    put_size(all, "all", list);
    if (c->json) {
        cli_print(c, "", list);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        const js *one = js_at(list, i);

        printf("%-10s %4lld tools %7lld bytes, about %6lld tokens (bytes/4)\n",
               js_str_or(one, "toolset", ""), (long long)js_int_or(one, "tools", 0),
               (long long)js_int_or(one, "bytes", 0), (long long)js_int_or(one, "tokens", 0));
    }
    return EXIT_DONE;
}

static int print_manual(void) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);

    if (tools_manual(&b) < 0) {
        return EXIT_FAILED;
    }
    (void)fwrite(buf_str(&b), 1, b.len, stdout);
    return EXIT_DONE;
}

/* What a program that walks the rows wants to know and a model need not. */
static void add_facts(js *tool) {
    const struct row *r = row_find(js_str_or(tool, "name", ""));
    static const char *const effects[] = {"read", "change", "meta"};

    if (!r) {
        return;
    }
    js_add(tool, "plane", js_str(r->plane));
    js_add(tool, "effect", js_str(effects[r->effect]));
    if (r->effect == EFFECT_CHANGE) {
        js_add(tool, "undo", js_str(r->undo ? r->undo : "none"));
        js_add(tool, "undo_none", js_str(r->undo_none ? r->undo_none : ""));
    }
}

static int run_tools(struct cli *c) {
    bool all = cli_flag(c, "--all");
    bool size = cli_flag(c, "--size");
    bool man = cli_flag(c, "--man");
    CLEANUP(js_freep) js *list = NULL;

    if (!cli_words(c, &cmd_tools, 0, 1)) {
        return EXIT_USAGE;
    }
    if (c->argc) {
        js *args = js_object();

        js_add(args, "row", js_str(c->argv[0]));
        return cli_call(c, "proximo_describe", args);
    }
    if (size) {
        return print_sizes(c);
    }
    if (man) {
        return print_manual();
    }
    list = service_tools(c->app, all ? "all" : "");
    if (c->json) {
        for (size_t i = 0; i < js_len(list); i++) {
            add_facts(js_at(list, i));
        }
        cli_print(c, "tools", list);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        printf("%-24s %s\n", js_str_or(js_at(list, i), "name", ""),
               js_str_or(js_at(list, i), "description", ""));
    }
    return EXIT_DONE;
}

const struct command cmd_doctor = {"doctor", "", "check configuration, API, ledger and nodes", NULL,
                                   run_doctor};
const struct command cmd_freeze = {"freeze", "on|off [--minutes N] [--reason TEXT]",
                                   "stop (or allow again) all changes from this account",
                                   "  --minutes N       ends by itself\n"
                                   "  --reason TEXT     shown with every refusal",
                                   run_freeze};
const struct command cmd_tools = {"tools", "[ROW] [--all] [--size] [--man]",
                                  "list the tools, or show what one takes",
                                  "  --all             every row, not only the default list\n"
                                  "  --size            size of each toolset in bytes and tokens\n"
                                  "  --man             the tools' manual page in mdoc",
                                  run_tools};
