/* SPDX-License-Identifier: Apache-2.0 */
/* What all subcommands share: options, running a tool, printing, exit codes. stdout carries
 * results, stderr progress and errors; colour and progress only on a terminal. */
#include "proximo-client/cli/cli.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/unseen.h"
#include "proximo-client/pipeline/service.h"

static void take_out(struct cli *c, int at, int n) {
    memmove(c->argv + at, c->argv + at + n, (size_t)(c->argc - at - n) * sizeof(*c->argv));
    c->argc -= n;
}

const char *cli_option(struct cli *c, const char *name) {
    size_t len = strlen(name);

    for (int i = 0; i < c->argc; i++) {
        const char *arg = c->argv[i];

        if (strcmp(arg, "--") == 0) {
            return NULL;
        }
        if (strncmp(arg, name, len) != 0) {
            continue;
        }
        if (arg[len] == '=') {
            take_out(c, i, 1);
            return arg + len + 1;
        }
        if (arg[len] == '\0' && i + 1 < c->argc) {
            const char *value = c->argv[i + 1];

            take_out(c, i, 2);
            return value;
        }
    }
    return NULL;
}

bool cli_flag(struct cli *c, const char *name) {
    for (int i = 0; i < c->argc && strcmp(c->argv[i], "--") != 0; i++) {
        if (strcmp(c->argv[i], name) == 0) {
            take_out(c, i, 1);
            return true;
        }
    }
    return false;
}

int cli_usage(struct cli *c, const struct command *cmd, const char *what) {
    struct err e = {0};

    if (c->json) {
        (void)err_tag(&e, -EINVAL, "bad_argument", "%s: %s", cmd->name, what ? what : "usage");
        (void)err_hint(&e, "usage: proximo-client %s %s", cmd->name, cmd->usage);
        return cli_fail(c, &e);
    }
    if (what) {
        fprintf(stderr, "proximo-client %s: %s\n", cmd->name, what);
    }
    fprintf(stderr, "usage: proximo-client %s %s\n", cmd->name, cmd->usage);
    return EXIT_USAGE;
}

bool cli_words(struct cli *c, const struct command *cmd, int min, int max) {
    for (int i = 0; i < c->argc; i++) {
        if (strcmp(c->argv[i], "--") == 0) {
            take_out(c, i, 1);
            break;
        }
        if (c->argv[i][0] == '-' && c->argv[i][1]) {
            char what[120];

            (void)snprintf(what, sizeof(what), "unknown option or option without value: %.60s",
                           c->argv[i]);
            (void)cli_usage(c, cmd, what);
            return false;
        }
    }
    if (c->argc < min || c->argc > max) {
        (void)cli_usage(c, cmd, c->argc < min ? "too few words" : "too many words");
        return false;
    }
    return true;
}

static const struct {
    const char *tag;
    int code;
} exits[] = {
    {"bad_argument", EXIT_USAGE},
    {"unknown_tool", EXIT_USAGE},
    {"which_cluster", EXIT_USAGE},
    {"no_such_cluster", EXIT_USAGE},
    {"wrong_target", EXIT_USAGE},
    {"policy_denied", EXIT_REFUSED},
    {"exec_disabled", EXIT_REFUSED},
    {"read_only", EXIT_REFUSED},
    {"frozen", EXIT_REFUSED},
    {"pve_denied", EXIT_REFUSED},
    {"approval_invalid", EXIT_REFUSED},
    {"approval_needed", EXIT_APPROVAL},
    {"approval_expired", EXIT_APPROVAL},
    {"plan_drifted", EXIT_DRIFTED},
    {"plan_expired", EXIT_DRIFTED},
    {"plan_spent", EXIT_DRIFTED},
    {"already_undone", EXIT_DRIFTED},
    {"ledger_damaged", EXIT_LEDGER},
    {"ledger_behind", EXIT_LEDGER},
    {"mirror_bad", EXIT_LEDGER},
    {"ledger_forked", EXIT_LEDGER},
    {"steps_conflict", EXIT_USAGE},
    {"plan_outdated", EXIT_DRIFTED},
    {"recheck_worse", EXIT_REFUSED},
    {"api_refused", EXIT_REFUSED},
    {"undo_conflict", EXIT_DRIFTED},
};

int cli_exit_of(const char *tag) {
    for (size_t i = 0; i < ARRAY_LEN(exits); i++) {
        if (strcmp(exits[i].tag, tag) == 0) {
            return exits[i].code;
        }
    }
    return EXIT_FAILED;
}

const char *cli_actor(void) {
    static char actor[80];
    const struct passwd *pw = getpwuid(getuid());

    (void)snprintf(actor, sizeof(actor), "cli:%.60s", pw ? pw->pw_name : "?");
    return actor;
}

/* Bytes from outside never steer the terminal. */
static void print_safe(FILE *f, const char *s) {
    CLEANUP(js_freep) js *valid = js_str(s);
    const unsigned char *p = (const unsigned char *)json_object_get_string(valid);
    size_t left = (size_t)json_object_get_string_len(valid);

    while (left) {
        size_t n = *p == '\n' ? 0 : unseen(p, left, NULL);

        for (size_t i = 0; i < n; i++) {
            (void)fprintf(f, "\\x%02x", p[i]);
        }
        if (!n) {
            n = 1;
            (void)fputc(*p, f);
        }
        p += n;
        left -= n;
    }
}

int cli_fail(struct cli *c, const struct err *e) {
    if (c->json) {
        CLEANUP(js_freep) js *o = js_object();
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);

        js_add(o, "error", service_error(e));
        (void)js_print(o, &b);
        printf("%s\n", buf_str(&b));
    } else {
        fprintf(stderr, "proximo-client: %s: ", e->tag[0] ? e->tag : "error");
        print_safe(stderr, e->msg);
        fputc('\n', stderr);
        if (e->hint[0]) {
            fprintf(stderr, "  -> ");
            print_safe(stderr, e->hint);
            fputc('\n', stderr);
        }
    }
    return cli_exit_of(e->tag);
}

void cli_print(struct cli *c, const char *tool, const js *result) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PVE_ANSWER);

    if (c->json) {
        (void)js_print(result, &b);
        (void)buf_addc(&b, '\n');
    } else {
        (void)service_render(tool, result, &b);
    }
    (void)fwrite(buf_str(&b), 1, b.len, stdout);
    (void)fflush(stdout);
}

int cli_said(struct cli *c, js *result, const char *fmt, ...) {
    CLEANUP(js_freep) js *own = result;
    va_list ap;

    if (c->json) {
        cli_print(c, "", own);
        return EXIT_DONE;
    }
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    (void)fflush(stdout);
    return EXIT_DONE;
}

struct ticker cli_tick_begin(const struct cli *c) {
    return (struct ticker){.started = clock_mono_ms(), .on = isatty(STDERR_FILENO) && !c->quiet};
}

void cli_tick(void *ctx, double done, double total, const char *message) {
    struct ticker *t = ctx;

    (void)done;
    (void)total;
    if (t->on && clock_mono_ms() - t->started > 1000) {
        fprintf(stderr, "\r\033[K%.70s", message);
        fflush(stderr);
        t->shown = true;
    }
}

void cli_tick_end(const struct ticker *t) {
    if (t->shown) {
        fprintf(stderr, "\r\033[K");
    }
}

int cli_call_quiet(struct cli *c, const char *tool, js *args, bool host_asks, js **ret,
                   struct err *e) {
    CLEANUP(js_freep) js *own = args;
    struct ticker t = cli_tick_begin(c);
    struct call call = {
        .tool = tool,
        .args = own,
        .actor = cli_actor(),
        .host_asks = host_asks,
        .progress = cli_tick,
        .ctx = &t,
    };
    int r;

    if (c->cluster && !js_get(own, "cluster")) {
        js_add(own, "cluster", js_str(c->cluster));
    }
    r = service_call(c->app, &call, ret, e);
    cli_tick_end(&t);
    return r;
}

int cli_outcome(const js *result) {
    const char *outcome = js_get_str(result, "outcome");
    /* looked at afterwards, it is not what was asked for: a task's OK alone is no success */
    const char *check = js_str_or(js_get(result, "post_check"), "status", "");
    bool good = !outcome || strcmp(outcome, "done") == 0 ||
                (strcmp(outcome, "warnings") == 0 &&
                 strcmp(js_str_or(result, "code", ""), "output_mismatch") != 0);

    if (!good || strcmp(check, "finding") == 0) {
        return EXIT_FAILED;
    }
    return js_bool_or(result, "complete", true) && !js_get(result, "partial") &&
                   strcmp(check, "failed") != 0
               ? EXIT_DONE
               : EXIT_INCOMPLETE;
}

int cli_call(struct cli *c, const char *tool, js *args) {
    CLEANUP(js_freep) js *result = NULL;
    struct err e = {0};
    int r = cli_call_quiet(c, tool, args, false, &result, &e);

    if (result) {
        cli_print(c, tool, result);
    }
    return r < 0 ? cli_fail(c, &e) : cli_outcome(result);
}
