/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/change.h - carrying out one recorded plan (architecture.md 6): approve,
 * recheck, record the intent, prepare, recheck, execute, outcome, post-check. */
#pragma once
#include <stdbool.h>

#include "common/buf.h"
#include "common/digest.h"
#include "proximo-client/pipeline/plan.h"

struct err;
struct grant;
struct session;

enum apply_as {
    APPLY_PLAIN, /* proximo_apply: plans that need no approval */
    APPLY_HOST,  /* proximo_apply_high: the host could ask a person */
    APPLY_TTY,   /* y typed on a terminal; recorded as host */
};

enum outcome { OUT_DONE, OUT_WARNINGS, OUT_FAILED, OUT_NOT_STARTED, OUT_UNKNOWN };
const char *outcome_name(enum outcome o);

struct change {
    struct session *s;
    struct plan p;
    enum apply_as as;
    struct grant *grant;
    /* approve */
    int64_t now; /* Unix seconds, never before what the ledger has seen since the plan */
    bool host;   /* approved by the host */
    char *note;  /* the operator's note, or NULL */
    struct hash note_hash;
    /* intent */
    bool recorded;
    char op_id[IDENT_ID_LEN + 1];
    struct hash leaf;
    uint64_t index;
    int64_t expires;
    int running; /* descriptor of running/<op_id>, -1 */
    /* execution */
    js *fresh;            /* path -> digest, from the last recheck */
    js *tasks;            /* [{ordinal, upid, exit}] */
    js *receipts;         /* [{node, seq, how, value, receipt}] */
    js *late;             /* array of {step, type, value}: late values that were found, or NULL */
    js *output;           /* {stdout, stderr, truncated…} of a command, or NULL */
    bool keeps_output;    /* nobody but this client has what a command wrote */
    bool has_output_body; /* the ledger keeps it as the body output_body */
    struct hash output_body;
    bool has_left; /* the ledger keeps what it left as the body `left`, for its undo */
    struct hash left;
    bool guest_text;  /* the answer holds text that a guest may have written, output or not */
    bool prepared;    /* some prepare request was sent */
    bool sent;        /* some execute request was sent */
    int64_t executed; /* execute requests that were carried out whole */
    enum outcome out;
    struct err *why; /* where the first failure is kept (for the answer), never NULL */
    js *secret_file; /* path of the file with a secret that PVE made, or NULL */
    js *leftover;    /* array of sentences */
    js *post;        /* {status, text} or NULL */
    /* job */
    int64_t began_ms, job_after_ms; /* monotonic; how long a caller waits before it becomes a job */
    bool handed_over;
};

/* Runs the plan. 0: *ret is the answer (also for outcome failed: look at its "outcome"). Negative:
 * refused before anything was recorded; on "plan_drifted" *ret holds the new plan's answer. */
int change_apply(struct session *s, const char *plan_id, enum apply_as as, js **ret, struct err *e);

/* Stages, in order; each in a file of its own. Negative = stop, with *e saying why. */
int stage_approve(struct change *c, struct err *e);
int stage_recheck(struct change *c, struct err *e);
int stage_intent(struct change *c, struct err *e);
/* The task that the request of that ordinal has made; NULL: none. */
const js *change_task(const struct change *c, size_t ordinal);
/* A request's task, as soon as PVE has named it; and, under `key` (may be NULL), what was found
 * when it had ended. Synced. */
int change_progress(struct change *c, size_t ordinal, const char *upid, const char *key,
                    const js *found, struct err *e);
int stage_prepare(struct change *c, struct err *e);
int stage_verify(struct change *c, struct err *e); /* prepared.c; "backup_unverified" */
int stage_recheck_prepared(struct change *c, struct err *e);
int stage_execute(struct change *c, struct err *e);
/* Always runs once an intent is recorded. */
int stage_outcome(struct change *c, struct err *e);

/* recheck.c: before a later step of a plan of several: is the world as the steps before were to
 * leave it? "plan_drifted" when anything else changed. */
int change_recheck_step(struct change *c, int64_t step, struct err *e);

/* prepared.c: whether the archives that the plan made itself are all that is new in a storage's
 * content since it was observed. */
bool prepared_is_all(const struct change *c, const js *pre, const js *data);
/* What a plan that was not executed leaves behind of its preparation, into leftover. */
void prepared_left_over(struct change *c);

/* late_find.c: the text that takes a late value's place, from what its step has left; recorded in
 * the ledger before it is returned. "late_value" when there is none, or it does not fit its type.
 */
int change_late(struct change *c, const js *late, const char **ret, struct err *e);

/* job.c: polled while anything is waited for after the intent. Never asks to stop; hands the
 * operation over as a job when it has taken too long for its caller. ctx is the change. */
bool change_pulse(void *ctx);

/* execute.c: sends the requests of one phase in order; stops at the first failure. */
int change_run_phase(struct change *c, const char *phase, struct err *e);
