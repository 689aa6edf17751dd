/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/mcp/jsonrpc.h - JSON-RPC 2.0 as MCP uses it: what a value is, and how answers are
 * built. Knows no methods and no eras. */
#pragma once
#include <stdbool.h>

#include "common/js.h"

enum rpc_code {
    RPC_PARSE = -32700,
    RPC_INVALID = -32600,
    RPC_NO_METHOD = -32601,
    RPC_BAD_PARAMS = -32602,
    RPC_INTERNAL = -32603,
    RPC_BAD_VERSION = -32022,
};

enum rpc_kind {
    RPC_REQUEST,
    RPC_NOTIFICATION, /* also a malformed one: those are never answered */
    RPC_RESPONSE,     /* an answer to something we never asked */
    RPC_BATCH,        /* an array; its elements are classified one by one */
    RPC_BAD,          /* not a request: why, and the id if one can be read */
};

struct rpc_msg {
    enum rpc_kind kind;
    js *id; /* all borrowed from the value that was classified; NULL = none */
    const char *method;
    js *params;
    const char *why; /* RPC_BAD: a constant sentence */
};

/* What a refusal says. `data` is owned by it until rpc_error takes it. */
struct rpc_fail {
    int code;
    char text[240];
    js *data;
};

void rpc_classify(const js *v, struct rpc_msg *ret);

/* Sets f and returns f->code. Text from outside goes through %s only after rpc_quote. */
int rpc_fail(struct rpc_fail *f, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Up to `size - 1` bytes of s with everything but printable ASCII as '?'; "" for NULL. Returns ret.
 */
const char *rpc_quote(const char *s, char *ret, size_t size);

/* Whole messages, to be printed on one line. `id` is borrowed; NULL leaves the member out (MCP's
 * form for input whose id could not be read). result, params and f->data are consumed. */
js *rpc_result(const js *id, js *result);
js *rpc_error(const js *id, struct rpc_fail *f);
js *rpc_notification(const char *method, js *params);
