/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/nodes/act.h - the acting side: POST /v1/act and /v1/cancel. Only pipeline/
 * includes this (tests/lint). */
#pragma once
#include "proximo-client/nodes/nodes.h"

struct grant;

struct act_in {
    const char *node;
    const char *request; /* text; must be covered by the grant */
    const void *stdin_data;
    size_t stdin_len;
    uint64_t intent_index; /* in the ledger */
    const char *approval;  /* note text or NULL */
    bool new_connection;   /* over one that is opened for it: what a confirmation has to show */
    /* Output as it arrives; stream 1 or 2. May be NULL. */
    void (*output)(void *ctx, int stream, const void *data, size_t len);
    void *ctx;
};

struct act_out {
    bool started;     /* the node said `started` */
    bool ended;       /* an end frame came; false = the stream broke, outcome unknown */
    char refused[32]; /* refusal code of the gate, "" when it was not refused */
    char step[24];    /* the gate's step name */
    char how[16];     /* exited, signalled … */
    int value;
    char *receipt;    /* note text, verified against the node's receipt key; owned */
    bool asked_later; /* the end was asked for after a broken stream: its output was not received */
    uint64_t out_total, err_total; /* bytes the command wrote, also beyond the limit */
    char undo_name[41];
    bool receipt_bad; /* a receipt came that the node's key did not sign for this request: `ended`
                         is false then, whatever the stream said */
};
void act_out_done(struct act_out *o);

/* Runs one request. Rebuilds the proofs for the same intent on 409. A cosignature that comes with
 * the answer is put into the ledger. 0 also when the node refused (look at ret->refused) or the
 * stream broke after start; negative when nothing was started for certain. */
int node_act(struct nodes *n, const struct grant *g, struct ledger *l, const struct act_in *in,
             struct act_out *ret, struct err *e);
int node_cancel(struct nodes *n, const char *node, const struct hash *h, struct err *e);

/* Whether output is what the receipt (already verified) attests; only for output that was not cut.
 * 0 or -EBADMSG. */
int act_check_output(const char *receipt, int stream, const void *data, size_t len);
