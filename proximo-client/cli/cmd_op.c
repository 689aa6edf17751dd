/* SPDX-License-Identifier: Apache-2.0 */
/* op close O-…: what nothing tells, an operator decides, after having seen how it stands. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/cli/cli.h"
#include "proximo-client/cli/operator_key.h"
#include "proximo-client/pipeline/op_close.h"
#include "proximo-client/pipeline/render.h"

#define NOW_MAX 600 /* characters of one live answer on the screen */

static void put_request(struct buf *b, const js *q) {
    (void)buf_addf(b, "  %-8s  ", js_str_or(q, "phase", ""));
    if (js_get_str(q, "request")) {
        (void)buf_addf(b, "command on node %s (whole: proximo-client show)",
                       js_str_or(q, "node", ""));
    } else {
        (void)buf_addf(b, "%s ", js_str_or(q, "method", ""));
        render_safe(b, js_str_or(q, "path", ""));
        (void)buf_addc(b, ' ');
        render_safe(b, js_get(q, "form") ? json_object_to_json_string(js_get(q, "form")) : "");
    }
    (void)buf_addc(b, '\n');
}

static void put_live(struct buf *b, const js *one) {
    static const struct {
        const char *state, *word;
    } words[] = {{"changed", "changed"}, {"same", "as before"}, {"unread", "NOT READ"}};
    const char *state = js_str_or(one, "state", "");
    char now[NOW_MAX + 1];

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(state, words[i].state) == 0) {
            (void)buf_addf(b, "  %-9s ", words[i].word);
        }
    }
    render_safe(b, js_str_or(one, "read", ""));
    (void)buf_adds(b, "\n            ");
    (void)snprintf(now, sizeof(now), "%s",
                   js_get(one, "now") ? json_object_to_json_string(js_get(one, "now"))
                                      : js_str_or(one, "why", ""));
    render_safe(b, now);
    (void)buf_adds(b, strlen(now) == NOW_MAX ? " (cut)\n" : "\n");
}

/* The screen; true when all of it could be read. */
static bool show(FILE *f, const js *v) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PVE_ANSWER);
    const js *live = js_get(v, "live"), *requests = js_get(v, "requests");
    bool all = true;

    (void)buf_addf(&b, "OPERATION %s of plan %s\n  change    ", js_str_or(v, "op_id", ""),
                   js_str_or(v, "plan_id", ""));
    render_safe(&b, js_str_or(v, "change", ""));
    (void)buf_adds(&b, "\n  open      ");
    render_safe(&b, js_str_or(v, "why", ""));
    (void)buf_adds(&b, "\n\nIts requests\n");
    for (size_t i = 0; i < js_len(requests); i++) {
        put_request(&b, js_at(requests, i));
    }
    (void)buf_addf(&b, "\nRead now: %lld answers as when it was planned\n",
                   (long long)js_int_or(v, "same", 0));
    for (size_t i = 0; i < js_len(live); i++) {
        put_live(&b, js_at(live, i));
        all = all && strcmp(js_str_or(js_at(live, i), "state", ""), "unread") != 0;
    }
    (void)buf_addc(&b, '\n');
    (void)fwrite(buf_str(&b), 1, b.len, f);
    (void)fflush(f);
    return all;
}

static int sign(struct cli *c, const struct op_close *in, bool done, const char *reason,
                const char *name, struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_NOTE);
    CLEANUP(js_freep) js *seen = NULL;
    const char *who = NULL;
    char what[80];
    bool yes = true;
    int r = operator_choose(c, name, &who, e);

    r = r < 0 ? r : op_close_look(in, &seen, e);
    if (r < 0) {
        return r;
    }
    cli_tick_end(in->ctx);
    if (!show(c->json ? stderr : stdout, seen)) {
        r = tty_ask_yes("not all of it can be read: go on all the same?", &yes, e);
    }
    if (r == 0 && !yes) {
        return err_tag(e, -ECANCELED, "cancelled", "nothing was signed or recorded");
    }
    r = r < 0 ? r : op_close_text(in, done, reason, &text, e);
    (void)snprintf(what, sizeof(what), "close %s as %s", in->op_id, done ? "done" : "not-done");
    return r < 0 ? r : operator_sign(c, who, what, &text, ret, e);
}

static int close_op(struct cli *c, const struct op_close *in, bool done, const char *reason,
                    const char *note, const char *name) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);
    CLEANUP(js_freep) js *result = NULL;
    struct err e = {0};
    int r = note ? file_read(AT_FDCWD, note, &b, &e) : sign(c, in, done, reason, name, &b, &e);

    cli_tick_end(in->ctx);
    r = r < 0 ? r : op_close_record(in, buf_str(&b), &result, &e);
    cli_tick_end(in->ctx);
    if (r < 0) {
        return cli_fail(c, &e);
    }
    cli_print(c, "op", result);
    return EXIT_DONE;
}

static int run_op(struct cli *c) {
    const char *as = cli_option(c, "--as");
    const char *reason = cli_option(c, "--reason");
    const char *note = cli_option(c, "--note");
    const char *name = cli_option(c, "--operator");
    struct ticker t = cli_tick_begin(c);
    struct op_close in = {.app = c->app, .cluster = c->cluster, .progress = cli_tick, .ctx = &t};
    bool done = as && strcmp(as, "done") == 0;

    if (!cli_words(c, &cmd_op, 2, 2)) {
        return EXIT_USAGE;
    }
    if (strcmp(c->argv[0], "close") != 0) {
        return cli_usage(c, &cmd_op, "close is the only thing to do with one");
    }
    if (note ? as || reason || name : !reason || (!done && (!as || strcmp(as, "not-done") != 0))) {
        return cli_usage(c, &cmd_op,
                         "give --as done or --as not-done, and --reason; or --note alone");
    }
    in.op_id = c->argv[1];
    return close_op(c, &in, done, reason, note, name);
}

const struct command cmd_op = {
    "op",
    "close OP_ID --as done|not-done --reason TEXT [--operator NAME] | close OP_ID --note NOTE",
    "decide how an operation ended that nothing else tells (needs an operator's key)",
    "  --as done|not-done  whether the change is in effect\n"
    "  --reason TEXT     how that was found out; it is signed and stays in the ledger\n"
    "  --operator NAME   whose key signs\n"
    "  --note NOTE       record a decision that was signed elsewhere",
    run_op};
