/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/mcp/peer.h - the protocol with one host: lines in, messages out, calls handed on.
 * Knows no descriptors, no processes and no clock, so tests and the fuzzer drive it directly. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"

struct err;
struct mcp_backend;
struct peer;

struct peer_ops {
    /* Consumes `msg`. A droppable message is a progress note: it may be lost. */
    void (*send)(void *ctx, js *msg, bool droppable);
    /* Starts a tools/call; its end is reported by peer_result or peer_lost with the same ticket,
     * not from inside this function. `call` (of wire.h, seq = ticket) is consumed. */
    int (*start)(void *ctx, int64_t ticket, js *call, struct err *e);
    void (*cancel)(void *ctx, int64_t ticket);
};

int peer_new(const struct mcp_backend *b, const struct peer_ops *ops, void *ctx, struct peer **ret,
             struct err *e);
void peer_freep(struct peer **p);

/* One line without its LF; a CR at the end and blank lines are ignored. */
void peer_line(struct peer *p, const char *text, size_t len);
/* A line past LIM_RPC_LINE was thrown away. */
void peer_oversize(struct peer *p);

/* From the workers. Unknown tickets (cancelled calls) are ignored. */
void peer_progress(struct peer *p, int64_t ticket, double done, double total, const char *message);
void peer_result(struct peer *p, int64_t ticket, js *body); /* consumes body */
void peer_lost(struct peer *p, int64_t ticket, const char *why);
/* A sign of life for every open call that asked for progress. */
void peer_heartbeat(struct peer *p);

size_t peer_open(const struct peer *p); /* calls without an answer yet */
