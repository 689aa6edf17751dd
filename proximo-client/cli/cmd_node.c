/* SPDX-License-Identifier: Apache-2.0 */
/* node list|trust|distrust|forget, join LINE: the enrolled node daemons. Trusting a node as a
 * witness is a person's decision, so it asks on the terminal. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/cli/cli.h"
#include "proximo-client/pipeline/enrol.h"

static int trust(struct cli *c, const char *name, bool on) {
    CLEANUP(buf_done) struct buf about = BUF_INIT(LIM_LINE);
    struct err e = {0};
    bool yes = !on;
    char question[160];
    js *result;

    if (enrol_describe(c->app, c->cluster, name, &about, &e) < 0) {
        return cli_fail(c, &e);
    }
    if (on) {
        fputs(buf_str(&about), stderr);
    }
    (void)snprintf(question, sizeof(question),
                   "trust node %.60s: use it, and count it as a witness of the ledger?", name);
    if (on && tty_ask_yes(question, &yes, &e) < 0) {
        return cli_fail(c, &e);
    }
    if (!yes) {
        fprintf(stderr, "nothing was changed\n");
        return EXIT_APPROVAL;
    }
    if (enrol_trust(c->app, c->cluster, name, on, &e) < 0) {
        return cli_fail(c, &e);
    }
    result = js_object();
    js_add(result, "node", js_str(name));
    js_add(result, "trusted", js_bool(on));
    return cli_said(c, result, "node %s %s\n", name, on ? "is trusted" : "is not trusted any more");
}

static int forget(struct cli *c, const char *name) {
    struct err e = {0};
    js *result;

    if (enrol_forget(c->app, c->cluster, name, &e) < 0) {
        return cli_fail(c, &e);
    }
    result = js_object();
    js_add(result, "node", js_str(name));
    js_add(result, "forgotten", js_bool(true));
    return cli_said(c, result, "node %s is forgotten\n", name);
}

static int told(struct cli *c, const char *what, int r, js *result, const struct err *e) {
    CLEANUP(js_freep) js *o = result;

    if (o) { /* also of what failed half way: which nodes have heard matters then */
        cli_print(c, what, o);
    }
    return r < 0 ? cli_fail(c, e) : cli_outcome(o);
}

static int refresh(struct cli *c) {
    struct err e = {0};
    js *result = NULL;
    int r = enrol_refresh(c->app, c->cluster, NULL, &result, &e);

    return told(c, "node_refresh", r, result, &e);
}

static int run_rotate(struct cli *c) {
    struct err e = {0};
    js *result = NULL;
    int r;

    if (!cli_words(c, &cmd_rotate, 1, 1) || strcmp(c->argv[0], "tls") != 0) {
        return cli_usage(c, &cmd_rotate, "tls");
    }
    r = enrol_rotate(c->app, c->cluster, &result, &e);
    return told(c, "rotate", r, result, &e);
}

static int run_node(struct cli *c) {
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
        return forget(c, c->argv[1]);
    }
    if (c->argc == 1 && strcmp(c->argv[0], "refresh") == 0) {
        return refresh(c);
    }
    return cli_usage(c, &cmd_node, "list, refresh, trust NAME, distrust NAME or forget NAME");
}

static int run_join(struct cli *c) {
    const char *name = cli_option(c, "--name");
    CLEANUP(js_freep) js *others = NULL;
    char node[64];
    struct err e = {0};
    js *result;
    int r;

    if (!cli_words(c, &cmd_join, 1, 1)) {
        return EXIT_USAGE;
    }
    if (!name) {
        return cli_usage(c, &cmd_join, "--name NAME is the name the invitation was made for");
    }
    if (enrol_join(c->app, c->cluster, c->argv[0], name, node, &e) < 0) {
        return cli_fail(c, &e);
    }
    /* Its cluster's other nodes; that they cannot be had now takes nothing from the enrolment. */
    r = enrol_refresh(c->app, c->cluster, node, &others, &e);
    result = js_object();
    js_add(result, "node", js_str(node));
    if (r == 0) {
        js_add(result, "others", js_ref(js_get(others, "nodes")));
    }
    (void)cli_said(c, result, "enrolled with node %s\n", node);
    if (!c->json && r == 0 && js_len(js_get(others, "nodes"))) {
        cli_print(c, "node_refresh", others);
        printf("each of them: proximo-client node trust NAME\n");
    }
    return EXIT_DONE;
}

const struct command cmd_rotate = {
    "rotate", "tls", "this client's TLS key: another one",
    "  every enrolled node is told; used when all have heard; run it "
    "again to go on",
    run_rotate};
const struct command cmd_node = {"node",
                                 "list | refresh | trust NAME | distrust NAME | forget NAME",
                                 "the enrolled node daemons", NULL, run_node};
const struct command cmd_join = {"join", "LINE --name NAME",
                                 "enrol with a node daemon by its invitation line",
                                 "  --name NAME       this client's name on the node", run_join};
