/* SPDX-License-Identifier: Apache-2.0 */
/* node list|trust|distrust|forget, join LINE: the enrolled node daemons. Trusting a node as a
 * witness is a person's decision, so it asks on the terminal. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/cli/cli.h"
#include "proximo-client/pipeline/enrol.h"

static int trust(struct cli *c, const char *name, bool on) {
    struct err e = {0};
    bool yes = !on;
    char question[160];

    (void)snprintf(question, sizeof(question), "count node %.60s as a witness of the ledger?",
                   name);
    if (on && tty_ask_yes(question, &yes, &e) < 0) {
        return cli_fail(c, &e);
    }
    if (!yes) {
        fprintf(stderr, "nothing was changed\n");
        return EXIT_APPROVAL;
    }
    return enrol_trust(c->app, c->cluster, name, on, &e) < 0 ? cli_fail(c, &e) : EXIT_DONE;
}

static int run_node(struct cli *c) {
    struct err e = {0};

    if (!cli_words(c, &cmd_node, 1, 2)) {
        return EXIT_USAGE;
    }
    if (strcmp(c->argv[0], "list") == 0 && c->argc == 1) {
        return cli_call(c, "proximo_nodes", js_object());
    }
    if (c->argc == 2 && strcmp(c->argv[0], "trust") == 0) {
        return trust(c, c->argv[1], true);
    }
    if (c->argc == 2 && strcmp(c->argv[0], "distrust") == 0) {
        return trust(c, c->argv[1], false);
    }
    if (c->argc == 2 && strcmp(c->argv[0], "forget") == 0) {
        return enrol_forget(c->app, c->cluster, c->argv[1], &e) < 0 ? cli_fail(c, &e) : EXIT_DONE;
    }
    return cli_usage(&cmd_node, "list, trust NAME, distrust NAME or forget NAME");
}

static int run_join(struct cli *c) {
    const char *name = cli_option(c, "--name");
    char node[64];
    struct err e = {0};

    if (!cli_words(c, &cmd_join, 1, 1)) {
        return EXIT_USAGE;
    }
    if (!name) {
        return cli_usage(&cmd_join, "--name NAME is the name the invitation was made for");
    }
    if (enrol_join(c->app, c->cluster, c->argv[0], name, node, &e) < 0) {
        return cli_fail(c, &e);
    }
    printf("enrolled with node %s\n", node);
    return EXIT_DONE;
}

const struct command cmd_node = {"node", "list | trust NAME | distrust NAME | forget NAME",
                                 "the enrolled node daemons", NULL, run_node};
const struct command cmd_join = {"join", "LINE --name NAME",
                                 "enrol with a node daemon by its invitation line",
                                 "  --name NAME       this client's name on the node", run_join};
