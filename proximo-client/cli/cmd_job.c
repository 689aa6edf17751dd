/* SPDX-License-Identifier: Apache-2.0 */
/* job O-…, job cancel O-…: operations that go on by themselves. */
#include <string.h>

#include "common/err.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/cli/cli.h"

/* The option as an integer argument, if it is there. */
static bool add_number(struct cli *c, const char *option, const char *key, js *args) {
    const char *text = cli_option(c, option);
    uint32_t v;

    if (!text) {
        return true;
    }
    if (ident_u32(text, &v) < 0) {
        return false;
    }
    js_add(args, key, js_int(v));
    return true;
}

static int show(struct cli *c, js *args) {
    CLEANUP(js_freep) js *result = NULL;
    struct err e = {0};
    const char *outcome;

    if (cli_call_quiet(c, "proximo_job", args, false, &result, &e) < 0) {
        return cli_fail(c, &e);
    }
    cli_print(c, "proximo_job", result);
    outcome = js_str_or(result, "outcome", "done");
    return strcmp(outcome, "done") == 0 || strcmp(outcome, "warnings") == 0 ? EXIT_DONE
                                                                            : EXIT_FAILED;
}

static int run_job(struct cli *c) {
    CLEANUP(js_freep) js *args = js_object();
    bool cancel;

    if (!add_number(c, "--wait", "wait", args) || !add_number(c, "--log", "log", args)) {
        return cli_usage(c, &cmd_job, "--wait and --log take numbers");
    }
    if (!cli_words(c, &cmd_job, 1, 2)) {
        return EXIT_USAGE;
    }
    cancel = strcmp(c->argv[0], "cancel") == 0;
    if (cancel != (c->argc == 2) || (cancel && json_object_object_length(args))) {
        return cli_usage(c, &cmd_job, "name one operation (O-…)");
    }
    js_add(args, "op_id", js_str(c->argv[cancel ? 1 : 0]));
    return cancel ? cli_call(c, "proximo_job_cancel", TAKE(args)) : show(c, TAKE(args));
}

const struct command cmd_job = {
    "job", "[cancel] OP_ID [--wait SECONDS] [--log LINES]",
    "show where an operation stands, wait for its end, or stop its running task",
    "  --wait SECONDS    wait for its end, at most 45\n"
    "  --log LINES       show so many last lines of its newest task's log",
    run_job};
