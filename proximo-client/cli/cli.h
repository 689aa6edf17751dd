/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/cli/cli.h - the command line: one file per subcommand, one table in main.c. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/js.h"

struct app;
struct err;
struct call;

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_REFUSED = 3,
    EXIT_APPROVAL = 4,
    EXIT_DRIFTED = 5,
    EXIT_INCOMPLETE = 6,
    EXIT_LEDGER = 7,
};

struct cli {
    struct app *app;
    bool json;
    bool quiet;
    const char *cluster; /* --cluster or NULL */
    int argc;            /* what follows the subcommand, options included */
    char **argv;
};

struct command {
    const char *name;
    const char *usage;   /* "ROW key=value…" */
    const char *summary; /* one line */
    const char *help;    /* more lines, or NULL; each option on a line of its own */
    int (*run)(struct cli *c);
};

extern const struct command cmd_mcp, cmd_plan, cmd_read, cmd_apply, cmd_approve, cmd_undo, cmd_ops,
    cmd_confirm, cmd_capture, cmd_job, cmd_op, cmd_show, cmd_ledger, cmd_node, cmd_join,
    cmd_operator, cmd_freeze, cmd_tools, cmd_doctor, cmd_rotate;

/* Takes the option "--name VALUE" (or "--name=VALUE") out of argv; NULL when it is not there. */
const char *cli_option(struct cli *c, const char *name);
bool cli_flag(struct cli *c, const char *name); /* takes "--name" out */
/* True when exactly min..max words are left and none is an option; else prints usage. */
bool cli_words(struct cli *c, const struct command *cmd, int min, int max);
int cli_usage(struct cli *c, const struct command *cmd, const char *what); /* EXIT_USAGE */
/* What a command did, where no tool's result says it: the object (consumed) with --json, else the
 * text. Returns EXIT_DONE. */
int cli_said(struct cli *c, js *result, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Runs a tool with the progress line, prints the result or the error, returns the exit code. */
int cli_call(struct cli *c, const char *tool, js *args /* consumed */);
/* The same without printing the result: *ret is owned by the caller. */
int cli_call_quiet(struct cli *c, const char *tool, js *args, bool host_asks, js **ret,
                   struct err *e);
/* The progress line of anything that takes longer than a second, on a terminal only: begin, hand
 * `cli_tick` and the ticker as progress function and its ctx, end. */
struct ticker {
    int64_t started;
    bool shown;
    bool on;
};
struct ticker cli_tick_begin(const struct cli *c);
void cli_tick(void *ctx, double done, double total, const char *message);
void cli_tick_end(const struct ticker *t);
int cli_fail(struct cli *c, const struct err *e); /* prints the error, returns its exit code */
void cli_print(struct cli *c, const char *tool, const js *result);
/* The exit status of an answer. Of an operation that was carried out: done, also with warnings of its
 * task; not when its output was not what the node attests. Of what was read: incomplete when the
 * answer says so itself (`complete` false, or `partial`: what the token may not see). */
int cli_outcome(const js *result);
int cli_exit_of(const char *tag);
const char *cli_actor(void);

/* tty.c: a terminal that is not stdin. "no_terminal". */
int tty_ask_yes(const char *question, bool *ret, struct err *e);
/* Without echo; *ret is malloc'ed: wipe and free it. */
int tty_passphrase(const char *prompt, char **ret, struct err *e);
void tty_passphrasep(char **p); /* for CLEANUP: wipes and frees */
