/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client: one table of subcommands. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/cli/cli.h"

static const struct command *const commands[] = {
    &cmd_mcp,    &cmd_plan,     &cmd_read,   &cmd_apply, &cmd_approve, &cmd_undo,    &cmd_confirm,
    &cmd_ops,    &cmd_op,       &cmd_job,    &cmd_show,  &cmd_ledger,  &cmd_node,    &cmd_join,
    &cmd_rotate, &cmd_operator, &cmd_freeze, &cmd_tools, &cmd_doctor,  &cmd_capture,
};

static void help(FILE *f) {
    fprintf(f,
            "usage: proximo-client [--json] [--cluster NAME] [--quiet] COMMAND …\n\n"
            "Plans every change to a Proxmox VE cluster, records it, carries it out as planned,\n"
            "and takes it back.\n\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        fprintf(f, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    }
    fprintf(f,
            "\n  --json            results and errors as one line of JSON\n"
            "  --cluster NAME    which configured cluster (not needed when there is one)\n"
            "  --quiet           no progress line\n"
            "  --help            this text, or a command's\n"
            "  --version         the version\n\n"
            "exit: 0 done, 1 failed or findings, 2 usage, 3 refused by policy, 4 approval needed,\n"
            "      5 drifted, expired or spent, 6 incomplete evidence, 7 ledger defect\n");
}

static void help_command(const struct command *cmd) {
    printf("usage: proximo-client %s %s\n\n%s\n", cmd->name, cmd->usage, cmd->summary);
    if (cmd->help) {
        printf("\n%s\n", cmd->help);
    }
}

static const struct command *find(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static int run(struct cli *c) {
    CLEANUP(app_freep) struct app *app = NULL;
    const struct command *cmd;
    struct err e = {0};

    c->json = cli_flag(c, "--json");
    c->quiet = cli_flag(c, "--quiet");
    c->cluster = cli_option(c, "--cluster");
    if (c->argc && (strcmp(c->argv[0], "--help") == 0 || strcmp(c->argv[0], "help") == 0)) {
        help(stdout);
        return EXIT_DONE;
    }
    if (c->argc && strcmp(c->argv[0], "--version") == 0) {
        printf("proximo-client %s\n", PACKAGE_VERSION);
        return EXIT_DONE;
    }
    cmd = c->argc ? find(c->argv[0]) : NULL;
    if (!cmd) {
        if (c->argc) {
            fprintf(stderr, "proximo-client: no command %.60s\n\n", c->argv[0]);
        }
        help(stderr);
        return EXIT_USAGE;
    }
    c->argc--;
    c->argv++;
    if (cli_flag(c, "--help")) {
        help_command(cmd);
        return EXIT_DONE;
    }
    if (app_new(&app, &e) < 0) {
        return cli_fail(c, &e);
    }
    c->app = app;
    return cmd->run(c);
}

int main(int argc, char **argv) {
    struct cli c = {.argc = argc > 0 ? argc - 1 : 0, .argv = argv + 1};

    (void)signal(SIGPIPE, SIG_IGN);
    (void)umask(077);
    /* Trees of ten thousand guests are millions of small pieces. Kept apart for reuse, each of them
     * is visited again whenever a large piece is freed: a tenth of a plan's processor time. */
    (void)mallopt(M_MXFAST, 0);
    return run(&c);
}
