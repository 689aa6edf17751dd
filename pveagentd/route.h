/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/route.h - what may be asked: one table; and how errors look outside: one table. */
#pragma once
#include <stddef.h>

#include "common/js.h"

struct err;
struct req;

enum route_right { /* what the root half has granted; it checks where it gets the message itself */
                   RIGHT_CLIENT, /* any enrolled client */
                   RIGHT_RULE,   /* a rule of the node's policy */
                   RIGHT_WITNESS,
                   RIGHT_INVENTORY,
                   RIGHT_EVIDENCE,
                   RIGHT_INVITATION, /* nobody's yet: an open invitation */
};

struct route {
    const char *method;
    const char *path; /* a final '/' takes one more segment */
    enum route_right right;
    size_t body_max;
    bool ask_first; /* the root half never sees the peer on this route otherwise: ask it before */
    void (*run)(struct req *q);
};

extern const struct route routes[];
extern const size_t n_routes;

/* The row, or NULL with the tag "not_found", "method_not_allowed" or "body_too_large" in *e. */
const struct route *route_find(const char *method, const char *path, size_t body_len,
                               struct err *e);
const char *route_right_name(enum route_right r);

/* Status for a closed-list code; unknown ones are 500. */
int route_status(const char *code);
/* The same for a refusal of the root half: one whose code the table lacks is still a refusal. */
int route_refusal_status(const char *code);
/* {code, message, hint, who:"node", step?}. An error without a tag is `internal`, and its message,
 * which may hold a path or a system's text, stays inside. */
js *route_error_json(const struct err *e);

/* The operations: ops.c, op_act.c, op_inventory.c. */
void op_status(struct req *q);
void op_explain(struct req *q);
void op_receipts(struct req *q);
void op_receipts_ack(struct req *q);
void op_result(struct req *q);
void op_cancel(struct req *q);
void op_witness(struct req *q);
void op_checkpoint(struct req *q);
void op_roster(struct req *q);
void op_rotate(struct req *q);
void op_metrics(struct req *q);
void op_join(struct req *q);
void op_act(struct req *q);
void op_inventory(struct req *q);
void op_later(struct req *q); /* rows of a later version: 501, and says so */
/* Asks the root half about the peer, then runs the row (or answers the refusal). */
void op_ask_first(struct req *q);
