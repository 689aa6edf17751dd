/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/mcp/peer_int.h - what peer.c (messages) and methods.c (their meaning) share.
 * Nobody else includes it. */
#pragma once
#include "proximo-client/mcp/era.h"
#include "proximo-client/mcp/jsonrpc.h"
#include "proximo-client/mcp/mcp.h"
#include "proximo-client/mcp/peer.h"

/* Answers to one JSON array, sent as one array when the last of them is there. */
struct batch {
    js *answers;
    size_t waiting;
};

/* A tools/call without an answer yet. */
struct open_call {
    int64_t ticket;
    js *id;
    enum era era;
    struct batch *batch; /* NULL = answered alone */
    js *token;           /* progressToken, NULL = nobody asked */
    double last, total;  /* of the last progress note sent */
    bool is_quiet;       /* no note since the last heartbeat */
    char message[400];
    struct open_call *next;
};

struct peer {
    const struct mcp_backend *b;
    const struct peer_ops *ops;
    void *ctx;
    struct era_state era;
    js *with_output; /* {tool: 1} of those with an output schema; made at the first call */
    int64_t last_ticket;
    struct open_call *calls;
};

/* One request on its way to a method. */
struct request {
    const struct rpc_msg *m;
    enum era era;
    struct batch *batch;
};

/* peer.c */
void peer_answer(struct peer *p, struct batch *b, js *msg); /* consumes msg */
struct open_call *peer_call_add(struct peer *p, const struct request *r);
void peer_call_drop(struct peer *p, struct open_call *c);
void peer_call_note(struct peer *p, struct open_call *c, double done, double total,
                    const char *message);

/* methods.c: the table. Answers the request, or leaves an open call behind. */
void method_request(struct peer *p, const struct request *r);
void method_notification(struct peer *p, const struct rpc_msg *m);
/* What a result carries in its era. Consumes and returns `result`. */
js *method_envelope(const struct peer *p, enum era era, js *result);
