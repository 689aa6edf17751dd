/* SPDX-License-Identifier: Apache-2.0 */
/* approve P-…: a person reads the requests, whole and counted, and signs. Works on an exported plan
 * file on another machine too. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/cli/cli.h"
#include "proximo-client/cli/operator_key.h"
#include "proximo-client/pipeline/approval_make.h"
#include "proximo-client/pipeline/plan.h"
#include "proximo-client/pipeline/recompute.h"
#include "proximo-client/pipeline/render.h"
#include "proximo-client/pipeline/switches.h"
#include "proximo-client/pipeline/witness_show.h"

#define UNDO_DAY 86400

static int load(struct cli *c, const char *file, const char *id, struct plan *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
    int r;

    if (!file) {
        return approval_load(c->app, c->cluster, id, ret, e);
    }
    r = file_read(AT_FDCWD, file, &b, e);
    if (r == 0) {
        r = plan_from_bytes(buf_str(&b), b.len, ret, e);
    }
    if (r == 0 && strcmp(ret->id, id) != 0) {
        plan_done(ret);
        r = err_tag(e, -EINVAL, "bad_plan", "%s holds another plan than %s", file, id);
    }
    return r;
}

static int sign(struct cli *c, const struct plan *p, const char *operator, struct buf * ret,
                struct err *e) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_NOTE);
    char what[80];
    int r = approval_for_plan(p, UNDO_DAY, &text, e);

    (void)snprintf(what, sizeof(what), "approve %s", p->id);
    return r < 0 ? r : operator_sign(c, operator, what, &text, ret, e);
}

static int import(struct cli *c, const char *id, const char *file, js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);
    int r = file_read(AT_FDCWD, file, &b, e);

    return r < 0 ? r : approval_record(c->app, c->cluster, id, buf_str(&b), ret, e);
}

/* A person reads the plan; a program that asked for JSON gets one line on stdout. */
static FILE *screen_of(const struct cli *c) {
    return c->json ? stderr : stdout;
}

/* What was planned, seen again with this account's eyes. Worse than it says: a person must have
 * read that before signing. */
static int look_again(struct cli *c, const struct plan *p, bool with_ledger, struct err *e) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_PLAN_BODY);
    bool worse = true, yes = false;
    int r = recompute_plan(c->app, c->cluster, p, with_ledger, &text, &worse, e);

    FILE *f = screen_of(c);

    fprintf(f, "\n-- computed again with the read access of this account --\n");
    if (r < 0) {
        buf_reset(&text);
        (void)buf_adds(&text, "  not done  ");
        render_safe(&text, e ? e->msg : "");
        (void)buf_addc(&text, '\n');
    }
    (void)fwrite(buf_str(&text), 1, text.len, f);
    fprintf(f, "%s", text.len ? "" : "  as planned\n");
    (void)fflush(f);
    if (!worse) {
        return 0;
    }
    r = tty_ask_yes(r < 0 ? "it could not be computed again: sign all the same?"
                          : "it is worse than planned: sign all the same?",
                    &yes, e);
    if (r < 0 || yes) {
        return r;
    }
    (void)err_tag(e, -EACCES, "recheck_worse", "plan %s is not what it says any more", p->id);
    return err_hint(e, "make a new plan");
}

static int approve(struct cli *c, const char *id, const char *file, const char *out,
                   const char *name, bool recheck, js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf screen = BUF_INIT(LIM_PVE_ANSWER);
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    CLEANUP(plan_done) struct plan p = {0};
    const char *operator= NULL;
    struct err refused = {0};
    int r = load(c, file, id, &p, e);

    if (r == 0) {
        r = operator_choose(c, name, &operator, e);
    }
    if (r < 0) {
        return r;
    }
    render_for_approval(&p, &screen);
    (void)fwrite(buf_str(&screen), 1, screen.len, screen_of(c));
    if (!file && switches_check(c->app, js_str_or(p.v, "cluster", ""), p.v, &refused) < 0) {
        CLEANUP(buf_done) struct buf why = BUF_INIT(LIM_LINES);

        render_safe(&why, refused.msg);
        fprintf(screen_of(c), "\n-- this account would refuse it now: %s --\n", buf_str(&why));
    }
    (void)fflush(screen_of(c));
    r = recheck ? look_again(c, &p, !file, e) : 0;
    if (r < 0) {
        return r;
    }
    r = sign(c, &p, operator, & note, e);
    if (r < 0) {
        return r;
    }
    if (out) {
        return file_replace(AT_FDCWD, out, buf_str(&note), note.len, 0600, e);
    }
    if (file) {
        js *o = js_object();

        js_add(o, "plan_id", js_str(id));
        js_add(o, "note", js_str(buf_str(&note)));
        (void)cli_said(c, o, "%s", buf_str(&note));
        return 0;
    }
    return approval_record(c->app, c->cluster, id, buf_str(&note), ret, e);
}

/* Consumes the result. */
static int say_recorded(struct cli *c, js *result) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
    long long index = (long long)js_int_or(result, "ledger_index", 0);
    long long size = (long long)js_int_or(result, "checkpoint", 0);

    witness_render(result, &b);
    js_add(result, "approved", js_bool(true));
    return cli_said(c, result, "approved: %s\n  ledger    #%lld of %lld%s\n", c->argv[0], index,
                    size, buf_str(&b));
}

static int run_approve(struct cli *c) {
    const char *file = cli_option(c, "--file");
    const char *out = cli_option(c, "--out");
    const char *note = cli_option(c, "--note");
    const char *operator= cli_option(c, "--operator");
    bool recheck = cli_flag(c, "--recheck");
    struct err e = {0};
    js *result = NULL;
    int r;

    if (!cli_words(c, &cmd_approve, 1, 1)) {
        return EXIT_USAGE;
    }
    r = note ? import(c, c->argv[0], note, &result, &e)
             : approve(c, c->argv[0], file, out, operator, recheck, &result, &e);
    if (r < 0) {
        return cli_fail(c, &e);
    }
    if (result) {
        return say_recorded(c, result);
    }
    if (!out) { /* the note was the answer */
        return EXIT_DONE;
    }
    result = js_object();
    js_add(result, "plan_id", js_str(c->argv[0]));
    js_add(result, "approved", js_bool(false));
    js_add(result, "note_file", js_str(out));
    return cli_said(c, result,
                    "signed: %s, the note is in %s; where the ledger is: proximo-client approve %s "
                    "--note FILE\n",
                    c->argv[0], out, c->argv[0]);
}

const struct command cmd_approve = {
    "approve",
    "PLAN_ID [--operator NAME] [--recheck] [--file PLAN] [--out NOTE] | PLAN_ID --note NOTE",
    "approve a plan with an operator's key (asks for the passphrase on the terminal)",
    "  --operator NAME   whose key signs\n"
    "  --recheck         compute the blast radius again with this account's read access, show "
    "what\n"
    "                    differs, and ask before signing what is worse than planned\n"
    "  --file PLAN       an exported plan (show --out), on a machine without the ledger\n"
    "  --out NOTE        write the signed note to a file instead of the ledger\n"
    "  --note NOTE       record a note that was signed elsewhere",
    run_approve};
