/* SPDX-License-Identifier: Apache-2.0 */
/* Who said yes. This file alone makes a grant. It is called with a plan whose bytes were checked
 * against the ledger; what it decides is whether policy's demand is met by what is recorded. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/approval.h"
#include "common/clock.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/pipeline/change.h"
#include "proximo-client/pipeline/grant_int.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pipeline/switches.h"
#include "proximo-client/pipeline/taint.h"

/* What the plan must have now: what it said, or more when policy became stricter or text of a guest
 * was returned since it was made. Never less. */
static enum approval_need need_now(const struct change *c, const struct config *conf) {
    enum approval_need need = c->p.need;

    if (conf->policy.need[c->p.risk] > need) {
        need = conf->policy.need[c->p.risk];
    }
    if (!js_bool_or(c->p.v, "taint", false) && taint_is_on(c->s->ledger, clock_unix())) {
        need = need == NEED_NONE ? NEED_HOST : NEED_OPERATOR;
    }
    return need;
}

/* A clock that was set back further than clocks drift apart: as on a node (gate step 2). */
#define CLOCK_SLACK_S 120

static int newest_time(void *ctx, uint64_t index, const struct entry *en, const char *bytes,
                       size_t len) {
    int64_t *newest = ctx;

    (void)index;
    (void)bytes;
    (void)len;
    *newest = en->time > *newest ? en->time : *newest;
    return 0;
}

/* The time that expiries are held against. What the ledger has recorded since the plan was made
 * tells a clock that was set back, so that what has expired stays expired. Older entries do not
 * count: one wrong time in the past must not bar plans that are made with the right one. */
static int time_now(struct change *c, struct err *e) {
    int64_t now = clock_unix();
    int64_t newest = 0;
    int r = ledger_each(c->s->ledger, c->p.index, newest_time, &newest, e);

    if (r < 0) {
        return r;
    }
    if (newest > now + CLOCK_SLACK_S) {
        (void)err_tag(e, -EPERM, "clock_suspect",
                      "the clock is %lld s behind what the ledger recorded since plan %s was made",
                      (long long)(newest - now), c->p.id);
        return err_hint(e, "set the clock right; if it is right now, make a new plan");
    }
    c->now = newest > now ? newest : now;
    return 0;
}

static int approval_missing(const struct change *c, enum approval_need need, struct err *e) {
    (void)err_tag(e, -EACCES, "approval_needed", "plan %s needs approval: %s (%s)", c->p.id,
                  need_name(need), js_str_or(js_get(c->p.v, "approval"), "why", "policy"));
    if (need == NEED_HOST) {
        return err_hint(e, "call proximo_apply_high, which the host can ask a person about");
    }
    return err_hint(e, "an operator runs on a terminal: proximo-client approve %s", c->p.id);
}

/* All node requests of the phases named must be in the note (with undo: as undo-request). */
static bool note_covers(const struct change *c, const struct approval *a, bool undo) {
    const js *list = js_get(c->p.v, "requests");

    for (size_t i = 0; i < js_len(list); i++) {
        const js *q = js_at(list, i);
        struct hash h;

        if (strcmp(js_str_or(q, "via", ""), "node") != 0 ||
            strcmp(js_str_or(q, "phase", ""), "undo") == 0) {
            continue;
        }
        if (hash_parse(js_str_or(q, "digest", ""), &h) < 0 ||
            !approval_names(a, undo, js_str_or(q, "node", ""), &h)) {
            return false;
        }
    }
    return true;
}

/* The newest approval note recorded for a plan, into *ret (malloc'ed). */
static int newest_note(struct ledger *l, const struct hash *plan, char **ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(entry_done) struct entry en = {0};
    struct ledger_plan st;
    int r = ledger_plan_state(l, plan, &st, e);

    if (r < 0) {
        return r;
    }
    if (st.approval == UINT64_MAX) {
        return -ENOENT;
    }
    r = ledger_read(l, st.approval, &b, e);
    if (r == 0) {
        r = entry_parse(buf_str(&b), b.len, &en, e);
    }
    if (r < 0) {
        return r;
    }
    *ret = strdup(en.kind == ENTRY_APPROVAL ? entry_get(&en, "note") : "");
    return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static int open_note(const struct config *conf, const char *note, struct approval *ret,
                     struct err *e) {
    for (size_t i = 0; i < conf->n_operators; i++) {
        int r = approval_open(note, strlen(note), &conf->operator[i].key, ret, e);

        if (r != -ENOENT) {
            return r;
        }
    }
    return err_tag(e, -EACCES, "approval_invalid",
                   "the approval is not signed by an operator of this configuration");
}

static void approvalp(struct approval *a) {
    approval_done(a);
}

/* The plan's own approval, or, for an undo, that of the operation it undoes. */
static int operator_note(struct change *c, const struct config *conf, const struct hash *plan,
                         bool undo, struct err *e) {
    CLEANUP(approvalp) struct approval a = {0};
    CLEANUP(freep) char *note = NULL;
    int r = newest_note(c->s->ledger, plan, &note, e);

    if (r == 0) {
        r = open_note(conf, note, &a, e);
    }
    if (r < 0) {
        return r;
    }
    if (strcmp(a.log, ledger_origin(c->s->ledger)) != 0 || !hash_eq(&a.plan, plan)) {
        return err_tag(e, -EACCES, "approval_invalid", "the approval is for another plan or log");
    }
    if (undo ? !a.has_undo_until || c->now > a.undo_until : c->now > a.not_after) {
        return err_tag(e, -EACCES, "approval_expired", "the approval has expired");
    }
    if (!note_covers(c, &a, undo)) {
        return err_tag(e, -EACCES, "approval_invalid",
                       "the approval does not name every node request of the plan");
    }
    sha256(note, strlen(note), &c->note_hash);
    c->note = TAKE(note);
    return 0;
}

static int want_operator(struct change *c, const struct config *conf, enum approval_need need,
                         struct err *e) {
    bool anew = js_bool_or(js_get(c->p.v, "approval"), "anew", false);
    struct hash of;
    int r = operator_note(c, conf, &c->p.digest, false, e);

    if (r == -ENOENT && !anew &&
        hash_parse(js_str_or(js_get(c->p.v, "undo_of"), "plan", ""), &of) == 0) {
        /* an approval that says nothing of the undo, or no longer, is none for it */
        r = operator_note(c, conf, &of, true, e);
        r = r == -EACCES ? -ENOENT : r;
    }
    return r == -ENOENT ? approval_missing(c, need, e) : r;
}

/* The grant lists what the intent will list: all requests of the phases prepare and execute. */
static int make_grant(struct change *c, struct err *e) {
    const js *list = js_get(c->p.v, "requests");

    c->grant = grant_new();
    for (size_t i = 0; i < js_len(list); i++) {
        const js *q = js_at(list, i);
        const char *request = js_get_str(q, "request");
        struct hash h;

        if (strcmp(js_str_or(q, "phase", ""), "undo") == 0) {
            continue;
        }
        if (request) {
            sha256(request, strlen(request), &h);
            grant_add(c->grant, js_str_or(q, "node", ""), &h);
        } else if (grant_api_hash(js_str_or(q, "method", ""), js_str_or(q, "path", ""),
                                  js_get(q, "form"), &h) == 0) {
            grant_add(c->grant, NULL, &h);
        } else {
            return err_tag(e, -EBADMSG, "bad_plan", "request %zu of the plan is malformed", i);
        }
    }
    return 0;
}

int stage_approve(struct change *c, struct err *e) {
    const struct config *conf;
    struct ledger_plan st;
    enum approval_need need;
    int r = app_config(c->s->app, &conf, e);

    if (r == 0) {
        r = switches_check(c->s->app, c->s->cluster, c->p.v, e);
    }
    if (r == 0) {
        r = ledger_plan_state(c->s->ledger, &c->p.digest, &st, e);
    }
    if (r < 0) {
        return r;
    }
    if (st.intent != UINT64_MAX) {
        (void)err_tag(e, -EALREADY, "plan_spent", "plan %s was already carried out (entry %llu)",
                      c->p.id, (unsigned long long)st.intent);
        return err_hint(e, "make a new plan");
    }
    r = time_now(c, e);
    if (r < 0) {
        return r;
    }
    if (c->now > c->p.expires) {
        (void)err_tag(e, -ETIMEDOUT, "plan_expired", "plan %s has expired", c->p.id);
        return err_hint(e, "make a new plan");
    }
    r = plan_runs_here(&c->p, e);
    if (r < 0) {
        return r;
    }
    need = need_now(c, conf);
    if (need == NEED_OPERATOR) {
        r = want_operator(c, conf, need, e);
        if (r < 0) {
            return r;
        }
    } else if (need == NEED_HOST) {
        if (c->as == APPLY_PLAIN) {
            return approval_missing(c, need, e);
        }
        c->host = true;
    } else if (c->as == APPLY_PLAIN) {
        c->host = false;
    }
    return make_grant(c, e);
}
