/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/mcp/mcp.h - an MCP server over stdio, as a library: protocol in this process,
 * every tools/call in a forked worker. What the tools are and do is behind struct mcp_backend, so
 * that the product and the test fixture share every line of the protocol. Knows no cluster, no
 * ledger. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"

struct err;

/* One tools/call, as the backend sees it inside the worker. Everything is borrowed for the call. */
struct mcp_call {
    const char *tool;
    const js *args; /* object, never NULL */
    const char
        *actor; /* "mcp:<client name>", cleaned to [A-Za-z0-9._-]; self-reported, never trusted */
    /* Always set. Cheap to call often: notes in quick succession are thinned out. total 0 =
     * unknown. */
    void (*progress)(void *cb, double done, double total, const char *message);
    bool (*cancelled)(void *cb); /* true once the client has withdrawn the request */
    /* Answers the call before its work has ended (consumes the result; at most once). The worker
     * finishes that work alone and serves no other call. */
    void (*hand_over)(void *cb, js *result);
    void *cb;
};

struct mcp_backend {
    const char *name, *title, *version; /* serverInfo */
    void *ctx;

    /* Run in the protocol process: they must do no I/O and always give the same answer. */
    js *(*tools)(void *ctx); /* array of {name, title, description, inputSchema, …}; caller owns */
    bool (*has_tool)(void *ctx, const char *name);
    const char *(*instructions)(void *ctx); /* borrowed; NULL = none */

    /* Runs in a worker, which serves many calls one after the other and may keep connections
     * between them. 0: *ret is the structured result, an object. Negative: *e says what the model
     * can mend; *ret may hold what is known all the same. */
    int (*call)(void *ctx, const struct mcp_call *c, js **ret, struct err *e);
    js *(*error)(void *ctx,
                 const struct err *e); /* the error's structured shape; NULL = built in */

    /* Optional. True for a tool whose result already is {content, structuredContent?, isError?}. */
    bool (*gives_content)(void *ctx, const char *tool);
};

/* 0 means the default in every field. */
struct mcp_options {
    unsigned int workers;  /* most worker processes: 4 */
    unsigned int queue;    /* most calls that wait for one: 64 */
    int64_t idle_ms;       /* a worker without work ends after: 60 s */
    int64_t heartbeat_ms;  /* a progress note at least every: 5 s */
    int64_t drain_eof_ms;  /* after end of input, wait for running and queued calls: 30 s */
    int64_t drain_term_ms; /* after SIGTERM, wait for running calls: 1.5 s */
};

/* Serves fd 0 and fd 1 until end of input or SIGTERM, SIGINT, SIGHUP. From here on fd 1 is a copy
 * of fd 2, so that nothing but the protocol can write into the protocol. Calls that outlast the
 * drain time are not killed: their workers finish alone. 0, or what made it impossible to go on. */
int mcp_run(const struct mcp_backend *b, const struct mcp_options *o, struct err *e);
