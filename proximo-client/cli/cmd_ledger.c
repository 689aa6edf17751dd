/* SPDX-License-Identifier: Apache-2.0 */
/* ledger: looking into it (thin over the service), and its care: export, recovery, restart. The
 * care is a person's: it has no tool, and what replaces a log asks on the terminal. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/cli/cli.h"
#include "proximo-client/pipeline/ledger_care.h"
#include "proximo-client/pipeline/ledger_foreign.h"
#include "proximo-client/tools/tool.h"

static int run_verify(struct cli *c) {
    CLEANUP(js_freep) js *result = NULL;
    struct err e = {0};

    if (cli_call_quiet(c, "ledger_verify", js_object(), false, &result, &e) < 0) {
        return cli_fail(c, &e);
    }
    cli_print(c, "ledger_verify", result);
    return js_bool_or(result, "ok", false) ? EXIT_DONE : EXIT_LEDGER;
}

static int run_entry(struct cli *c) {
    js *args = js_object();
    uint64_t index;

    if (c->argc == 2 && ident_is_plan_id(c->argv[1])) {
        js_add(args, "plan_id", js_str(c->argv[1]));
    } else if (c->argc == 2 && ident_is_op_id(c->argv[1])) {
        js_add(args, "op_id", js_str(c->argv[1]));
    } else if (c->argc == 2 && ident_u64(c->argv[1], &index) == 0 && index <= INT64_MAX) {
        js_add(args, "index", js_int((int64_t)index));
    } else {
        json_object_put(args);
        return cli_usage(c, &cmd_ledger, "name an entry by number, plan id or operation id");
    }
    if (strcmp(c->argv[0], "show") == 0) {
        return cli_call(c, "ledger_show", args);
    }
    if (js_get(args, "index")) {
        return cli_call(c, "ledger_proof", args);
    }
    json_object_put(args);
    return cli_usage(c, &cmd_ledger, "proof takes the number of an entry");
}

/* key=value words, by the row's own fields. */
static int run_query(struct cli *c) {
    struct err e = {0};
    js *args = NULL;

    if (!cli_words(c, &cmd_ledger, 1, 9)) {
        return EXIT_USAGE;
    }
    if (row_args_from_words(row_find("ledger_query"), c->argv + 1, (size_t)c->argc - 1, &args, &e) <
        0) {
        return cli_fail(c, &e);
    }
    return cli_call(c, "ledger_query", args);
}

/* A result of the care, printed like any other. */
static int done(struct cli *c, const char *what, int r, js *result, const struct err *e) {
    CLEANUP(js_freep) js *owned = result;

    if (r < 0) {
        return cli_fail(c, e);
    }
    cli_print(c, what, owned);
    return EXIT_DONE;
}

static int run_export(struct cli *c) {
    bool bodies = cli_flag(c, "--bodies");
    struct err e = {0};
    js *result = NULL;
    int r;

    if (!cli_words(c, &cmd_ledger, 1, 2)) {
        return EXIT_USAGE;
    }
    r = ledger_care_export(c->app, c->cluster, c->argc == 2 ? c->argv[1] : NULL, bodies, &result,
                           &e);
    return done(c, "ledger_export", r, result, &e);
}

/* A person says yes on the terminal, or says why beforehand; the reason is recorded for ever.
 * Returns an exit code, EXIT_DONE to go on. */
static int ask_person(struct cli *c, const char *question, const char **reason) {
    struct err e = {0};
    bool yes = false;

    if (*reason) {
        return EXIT_DONE;
    }
    if (tty_ask_yes(question, &yes, &e) < 0) {
        (void)err_hint(&e, "run this on a terminal, or give --reason TEXT");
        return cli_fail(c, &e);
    }
    if (!yes) {
        fprintf(stderr, "nothing was changed\n");
        return EXIT_APPROVAL;
    }
    *reason = "said yes on a terminal";
    return EXIT_DONE;
}

static int run_asked(struct cli *c, bool restart) {
    static const char *const question[] = {
        "bring the ledger back to the largest state that it ever signed?\n"
        "Entries that nobody signed are left out; the ledger as it is now is kept.",
        "end this ledger and begin a new one? Every verification will say so for ever,\n"
        "recorded plans are void, and the root of each node has to agree.",
    };
    const char *mirror = restart ? NULL : cli_option(c, "--mirror");
    const char *reason = cli_option(c, "--reason");
    bool new_key = restart && cli_flag(c, "--new-key");
    struct err e = {0};
    js *result = NULL;
    int r;

    if (!cli_words(c, &cmd_ledger, 1, 1)) {
        return EXIT_USAGE;
    }
    r = ask_person(c, question[restart], &reason);
    if (r != EXIT_DONE) {
        return r;
    }
    r = restart ? ledger_care_restart(c->app, c->cluster, reason, new_key, &result, &e)
                : ledger_care_recover(c->app, c->cluster, mirror, reason, &result, &e);
    return done(c, restart ? "ledger_restart" : "ledger_recover", r, result, &e);
}

/* Tasks that nobody recorded are a finding; a list that was not read whole proves nothing. */
static int run_foreign(struct cli *c) {
    CLEANUP(js_freep) js *result = NULL;
    struct err e = {0};

    if (!cli_words(c, &cmd_ledger, 1, 1)) {
        return EXIT_USAGE;
    }
    if (ledger_foreign(c->app, c->cluster, &result, &e) < 0) {
        return cli_fail(c, &e);
    }
    cli_print(c, "ledger_foreign", result);
    return js_len(js_get(result, "foreign")) ? EXIT_FAILED : cli_outcome(result);
}

static int run_ledger(struct cli *c) {
    const char *what = c->argc ? c->argv[0] : "";

    if (strcmp(what, "export") == 0) {
        return run_export(c);
    }
    if (strcmp(what, "query") == 0) {
        return run_query(c);
    }
    if (strcmp(what, "foreign") == 0) {
        return run_foreign(c);
    }
    if (strcmp(what, "recover") == 0 || strcmp(what, "restart") == 0) {
        return run_asked(c, what[2] == 's');
    }
    if (!cli_words(c, &cmd_ledger, 1, 2)) {
        return EXIT_USAGE;
    }
    if (strcmp(what, "verify") == 0 && c->argc == 1) {
        return run_verify(c);
    }
    if (strcmp(what, "show") == 0 || strcmp(what, "proof") == 0) {
        return run_entry(c);
    }
    return cli_usage(c, &cmd_ledger,
                     "verify, show, proof, query, foreign, export, recover or restart");
}

const struct command cmd_ledger = {
    "ledger",
    "verify | show NUMBER|PLAN_ID|OP_ID | proof NUMBER | query [KEY=VALUE…] | foreign | "
    "export [DIR] [--bodies] | "
    "recover [--mirror DIR] [--reason TEXT] | restart [--new-key] [--reason TEXT]",
    "verify the ledger, look into it, copy it, recover it",
    "  --bodies          export whole plans and outputs too, not only their hashes\n"
    "  --mirror DIR      recover from this export, not from the configured mirror\n"
    "  --reason TEXT     recorded for ever; answers the question that is asked on the terminal",
    run_ledger};
