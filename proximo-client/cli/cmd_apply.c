/* SPDX-License-Identifier: Apache-2.0 */
/* apply P-…, undo O-…, confirm O-…, ops, show P-…. On a terminal a plan that needs the host's yes
 * is shown and asked for; that is recorded as "host", it is not an operator's approval. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/cli/cli.h"
#include "proximo-client/pipeline/service.h"

static js *one_arg(const char *key, const char *value) {
    js *o = js_object();

    js_add(o, key, js_str(value));
    return o;
}

static int finish(struct cli *c, int r, js *result, const struct err *e) {
    if (result) {
        cli_print(c, "proximo_apply", result);
    }
    if (r < 0) {
        return cli_fail(c, e);
    }
    if (strcmp(js_str_or(result, "status", ""), "awaiting_approval") == 0) {
        return EXIT_APPROVAL;
    }
    return cli_outcome(result);
}

/* The whole plan is on the screen before the question. */
static int ask(struct cli *c, const char *plan_id, bool *ret, struct err *e) {
    CLEANUP(js_freep) js *plan = NULL;
    int r = cli_call_quiet(c, "proximo_plan_show", one_arg("plan_id", plan_id), false, &plan, e);

    if (r < 0) {
        return r;
    }
    if (!c->json) {
        cli_print(c, "proximo_plan_show", plan);
    }
    return tty_ask_yes("carry this plan out?", ret, e);
}

static int run_apply(struct cli *c) {
    CLEANUP(js_freep) js *result = NULL;
    struct err e = {0};
    bool yes = false;
    int r;

    if (!cli_words(c, &cmd_apply, 1, 1)) {
        return EXIT_USAGE;
    }
    r = cli_call_quiet(c, "proximo_apply", one_arg("plan_id", c->argv[0]), false, &result, &e);
    if (r < 0 && strcmp(e.tag, "approval_needed") == 0 && strstr(e.hint, "proximo_apply_high")) {
        struct err asked = {0};

        if (ask(c, c->argv[0], &yes, &asked) < 0) {
            return strcmp(asked.tag, "no_terminal") == 0 ? cli_fail(c, &e) : cli_fail(c, &asked);
        }
        if (!yes) {
            fprintf(stderr, "nothing was done; the plan stays open\n");
            return EXIT_APPROVAL;
        }
        r = cli_call_quiet(c, "proximo_apply_high", one_arg("plan_id", c->argv[0]), true, &result,
                           &e);
    }
    return finish(c, r, result, &e);
}

static int run_confirm(struct cli *c) {
    CLEANUP(js_freep) js *result = NULL;
    struct err e = {0};
    int r;

    if (!cli_words(c, &cmd_confirm, 1, 1)) {
        return EXIT_USAGE;
    }
    r = cli_call_quiet(c, "proximo_confirm", one_arg("op_id", c->argv[0]), false, &result, &e);
    return finish(c, r, result, &e);
}

/* The whole undo plan is on the screen before the question. Without a terminal, or with no, the
 * plan is the answer. */
static int undo_asked(struct cli *c, const js *plan) {
    CLEANUP(js_freep) js *result = NULL;
    struct err e = {0};
    bool yes = false;
    int r;

    if (!c->json) {
        cli_print(c, "proximo_undo", plan);
    }
    r = tty_ask_yes("take the operation back as planned?", &yes, &e);
    if (!yes) {
        if (c->json) {
            cli_print(c, "proximo_undo", plan);
        } else if (r == 0) {
            fprintf(stderr, "nothing was done; the plan stays open\n");
        }
        return EXIT_APPROVAL;
    }
    r = cli_call_quiet(c, "proximo_apply_high", one_arg("plan_id", js_str_or(plan, "plan_id", "")),
                       true, &result, &e);
    return finish(c, r, result, &e);
}

static int run_undo(struct cli *c) {
    CLEANUP(js_freep) js *result = NULL;
    struct err e = {0};
    int r;

    if (!cli_words(c, &cmd_undo, 1, 1)) {
        return EXIT_USAGE;
    }
    r = cli_call_quiet(c, "proximo_undo", one_arg("op_id", c->argv[0]), false, &result, &e);
    if (r == 0 &&
        strstr(js_str_or(js_get(js_get(result, "plan"), "approval"), "required", ""), "host")) {
        return undo_asked(c, result);
    }
    return finish(c, r, result, &e);
}

static int run_ops(struct cli *c) {
    const char *limit = cli_option(c, "--limit");
    js *args = js_object();
    struct err e = {0};

    if (!cli_words(c, &cmd_ops, 0, 0)) {
        json_object_put(args);
        return EXIT_USAGE;
    }
    if (limit) {
        js *v = NULL;

        if (js_parse(limit, strlen(limit), &v, &e) < 0) {
            json_object_put(args);
            return cli_usage(c, &cmd_ops, "--limit takes a number");
        }
        js_add(args, "limit", v);
    }
    return cli_call(c, "proximo_ops", args);
}

/* The exact bytes that were hashed, for approving on another machine. */
static int export_plan(const js *result, const char *path, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
    int r = canon_write(js_get(result, "plan"), &b, e);

    return r < 0 ? r : file_replace(AT_FDCWD, path, buf_str(&b), b.len, 0600, e);
}

static int run_show(struct cli *c) {
    CLEANUP(js_freep) js *result = NULL;
    const char *out = cli_option(c, "--out");
    struct err e = {0};
    js *said;
    int r;

    if (!cli_words(c, &cmd_show, 1, 1)) {
        return EXIT_USAGE;
    }
    r = cli_call_quiet(c, "proximo_plan_show", one_arg("plan_id", c->argv[0]), false, &result, &e);
    r = r == 0 && out ? export_plan(result, out, &e) : r;
    if (r < 0) {
        return cli_fail(c, &e);
    }
    if (!out) {
        cli_print(c, "proximo_plan_show", result);
        return EXIT_DONE;
    }
    said = js_object();
    js_add(said, "plan_id", js_str(c->argv[0]));
    js_add(said, "file", js_str(out));
    return cli_said(c, said, "plan %s is in %s\n", c->argv[0], out);
}

const struct command cmd_apply = {
    "apply", "PLAN_ID", "carry out a recorded plan (asks on the terminal where policy says host)",
    NULL, run_apply};
const struct command cmd_undo = {"undo", "OP_ID", "take a finished operation back", NULL, run_undo};
const struct command cmd_confirm = {
    "confirm", "OP_ID", "keep what would revert by itself: over a new connection to the node", NULL,
    run_confirm};
const struct command cmd_ops = {"ops", "[--limit N]",
                                "list operations; resolves those a dead process left open",
                                "  --limit N         at most so many (default 20)", run_ops};
const struct command cmd_show = {
    "show", "PLAN_ID [--out FILE]", "show a recorded plan",
    "  --out FILE        write the plan's exact bytes, to approve them elsewhere", run_show};
