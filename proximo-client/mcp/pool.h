/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/mcp/pool.h - a few worker processes, kept while there is work so that their
 * connections stay warm, and the bounded queue before them. Lives in the protocol process. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"

struct event_base;
struct mcp_backend;
struct mcp_options;
struct err;
struct pool;

struct pool_ops {
    void (*progress)(void *ctx, int64_t ticket, double done, double total, const char *message);
    void (*result)(void *ctx, int64_t ticket, js *body); /* consumes body */
    void (*lost)(void *ctx, int64_t ticket, const char *why);
};

/* `o` has every field filled in. Everything is borrowed. Nothing is forked yet. */
int pool_new(struct event_base *base, const struct mcp_backend *b, const struct mcp_options *o,
             const struct pool_ops *ops, void *ctx, struct pool **ret, struct err *e);
/* Lets go of every worker: idle ones end, running ones finish their call alone and end then. */
void pool_freep(struct pool **p);

/* Queues a call (of wire.h; consumed). No callback runs from inside. -EBUSY: the queue is full. */
int pool_start(struct pool *p, int64_t ticket, js *call, struct err *e);
/* Nothing more is reported for the ticket. A queued call is forgotten, a running one is told. */
void pool_cancel(struct pool *p, int64_t ticket);
/* Reports every queued call as lost. */
void pool_drop_queue(struct pool *p, const char *why);
