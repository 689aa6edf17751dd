/* SPDX-License-Identifier: Apache-2.0 */
/* plan ROW …, read ROW …: rows from the command line, arguments by the row's own field table. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/cli/cli.h"
#include "proximo-client/tools/tool.h"

static int args_from_file(const char *path, js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    int r =
        strcmp(path, "-") == 0 ? fd_read_all(STDIN_FILENO, &b) : file_read(AT_FDCWD, path, &b, e);

    if (r < 0) {
        return strcmp(path, "-") == 0 ? err_set(e, r, "read standard input: %s", strerror(-r)) : r;
    }
    r = js_parse(buf_str(&b), b.len, ret, e);
    return r < 0 ? err_tag(e, r, "bad_argument", "%s does not hold one JSON object", path) : 0;
}

static int run_row(struct cli *c, const struct command *cmd, enum effect effect) {
    const char *file = cli_option(c, "--args");
    const struct row *row;
    js *args = NULL;
    struct err e = {0};
    int r;

    if (!cli_words(c, cmd, 1, 1000)) {
        return EXIT_USAGE;
    }
    row = row_find(c->argv[0]);
    if (!row || row->effect != effect) {
        (void)err_tag(&e, -ENOENT, "unknown_tool", "\"%.40s\" is not a row that %s", c->argv[0],
                      effect == EFFECT_READ ? "reads" : "changes something");
        (void)err_hint(&e, "proximo-client tools --all lists the rows");
        return cli_fail(c, &e);
    }
    r = file ? args_from_file(file, &args, &e)
             : row_args_from_words(row, c->argv + 1, (size_t)(c->argc - 1), &args, &e);
    return r < 0 ? cli_fail(c, &e) : cli_call(c, row->name, args);
}

static int run_plan(struct cli *c) {
    return run_row(c, &cmd_plan, EFFECT_CHANGE);
}

static int run_read(struct cli *c) {
    return run_row(c, &cmd_read, EFFECT_READ);
}

const struct command cmd_plan = {
    "plan", "ROW key=value… | key:=json… | --args FILE|-",
    "plan a change: nothing is changed, the plan is recorded",
    "  --args FILE       arguments as one JSON object (- = standard input)", run_plan};

const struct command cmd_read = {
    "read", "ROW key=value… | --args FILE|-", "read something of the cluster",
    "  --args FILE       arguments as one JSON object (- = standard input)", run_read};
