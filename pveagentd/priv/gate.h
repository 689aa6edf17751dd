/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/gate.h - the way of one `act` message (formats.md 5.3). The steps are rows of one
 * table in its own object file (gate_table.c), so that a test binary can link the same objects with
 * a table that lacks a row. A step refuses by returning a negative value with a tag (the code). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/approval.h"
#include "common/buf.h"
#include "common/checkpoint.h"
#include "common/digest.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/request.h"
#include "pveagentd/priv/actor.h"
#include "pveagentd/priv/journal.h"
#include "pveagentd/priv/policy.h"
#include "pveagentd/priv/priv.h"
#include "pveagentd/priv/witness.h"

#define ACT_APPROVALS 16

struct act {
    struct priv *p;
    int sock;
    int out[2];
    int64_t now;

    /* as it came; borrowed from the message */
    struct hash spki;
    const char *request;
    size_t request_len;
    const char *stdin_data;
    size_t stdin_len;
    const char *intent;
    size_t intent_len;
    uint64_t index;
    struct hash inclusion[LIM_PROOF];
    size_t n_inclusion;
    const char *checkpoint;
    size_t checkpoint_len;
    uint64_t old;
    uint64_t opened_ms; /* when the client's connection came, monotonic, as the front end says */
    struct hash consistency[LIM_PROOF];
    size_t n_consistency;
    const char *approval[ACT_APPROVALS];
    size_t approval_len[ACT_APPROVALS];
    size_t n_approvals;

    /* what the steps found */
    struct hash h; /* of the request */
    bool has_client, has_q, has_entry, has_cp;
    struct client client;
    struct node_request q;
    struct entry entry;
    struct hash leaf, plan;
    struct checkpoint cp;
    struct origin *o;
    int lock;
    struct buf note, line; /* cosigned; not empty once step 3 passed */
    bool recorded;         /* the head of this message is in the journal */
    bool has_policy;
    struct policy policy;
    struct verdict verdict;
    char approval_nonce[33];
    int running; /* flock on running/<H>: alive means so is the action */
    char undo_driver[17];
    uint8_t salt[ORDER_SALT];
    struct order_answer done; /* of what acted; until then, and of what failed: nothing */
    const char *stdin_value;
    size_t stdin_value_len;
};

typedef int gate_fn(struct act *a, struct err *e);

struct gate_row {
    const char *step;
    gate_fn *fn;
    bool locked;      /* runs under the origin's lock; once given up it is not taken again */
    gate_fn *need[3]; /* facts that must be read before */
};

extern const struct gate_row gate_table[];
extern const size_t gate_rows;

/* -EBADMSG: our own front end is broken or captured; nothing is answered. */
int act_read(struct act *a, const void *data, size_t len);
void act_done(struct act *a);
/* Runs the rows, answers on a->sock. -ECONNABORTED from a step ends the child without an answer,
 * and so does -EOWNERDEAD once something is recorded, which is then returned. */
int gate_run(struct act *a, const struct gate_row *rows, size_t n);
/* Receives one `act` message and runs it. -EBADMSG: as act_read. -EOWNERDEAD: nobody knows how what
 * was recorded ended; who resolves orphans says so. */
int gate_handle(struct priv *p, int sock, const struct gate_row *rows, size_t n);

extern gate_fn step_peer, step_freeze, step_armed, step_clock, step_client, step_checkpoint,
    step_intent, step_request, step_stdin, step_policy, step_approval, step_world, step_unspent,
    step_room, step_record, step_undo, step_act;

/* Facts that several steps need, read once; syntax only, no judgement. */
extern gate_fn need_client, need_request, need_intent, need_checkpoint, need_origin, need_policy;

/* Is it for this node with its present receipt key, and this client and its log? */
int request_is_ours(const struct priv *p, const struct client *c, const struct node_request *q,
                    struct err *e);
/* Writes the receipt of a recorded action into the journal. */
int act_receipt(struct act *a, struct buf *note, struct err *e);
/* The receipt of an action that has no child any more, or never had one (a sweep); the lock is
 * held. unsure: value 1, left-behind unknown. A failure is logged. */
int receipt_close(struct priv *p, struct origin *o, const struct act_rec *x, enum receipt_how how,
                  bool unsure, const char *driver, const char *name);
/* What is all zeros, as what nobody ran: hashes of nothing under a new salt. */
void outcome_none(struct outcome *x, uint8_t ret_salt[static ORDER_SALT]);
/* Resolves `started` without `ended` whose process is gone: receipts with how = unknown (swept: of
 * a sweep). */
int resolve_orphans(struct priv *p);
/* Whether running/<hex of H> is held by a live process; which, in which container (0: it does not
 * say yet). */
struct running {
    pid_t pid;
    uint32_t ct;
};
bool running_find(const struct priv *p, const char *hex, struct running *ret);
/* How many are; ret_in_ct (may be NULL): how many of them in container ct. */
size_t running_count(const struct priv *p, uint32_t ct, size_t *ret_in_ct);
void running_release(struct act *a);
/* Time: 0, or "clock_suspect". */
int clock_check(const struct priv *p, int64_t now, bool any_clock, struct err *e);
