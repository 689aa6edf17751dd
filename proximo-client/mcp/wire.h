/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/mcp/wire.h - the messages between the protocol process and a worker: a 4-byte
 * length (native order: both ends are the same program on the same machine) and a JSON object.
 *
 *   parent → worker  {"t":"call","seq":n,"tool":…,"args":{…},"actor":…,"schema":bool}
 *                    {"t":"cancel","seq":n}
 *   worker → parent  {"t":"progress","seq":n,"done":"…","total":"…","message":…}
 *                    {"t":"result","seq":n,"body":{…},"last":bool}   last: the worker leaves */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/js.h"

struct buf;
struct err;

/* A call's line is at most LIM_RPC_LINE, a result at most content.c's ceiling, both escaped anew.
 */
#define WIRE_MAX (32 * 1024 * 1024)
/* For buffers that collect input: one whole message and the beginning of the next. */
#define WIRE_BUF (WIRE_MAX + 128 * 1024)

enum wire_kind {
    WIRE_CALL,
    WIRE_CANCEL,
    WIRE_PROGRESS,
    WIRE_RESULT,
};

struct wire_msg {
    enum wire_kind kind;
    int64_t seq;
    js *root; /* owned; everything below is borrowed from it */
    const char *tool, *actor;
    js *args;
    bool has_schema;
    double done, total;
    const char *message;
    js *body;
    bool is_last;
};

/* Appends one framed message. Consumes `m`. -E2BIG when it is too long (nothing is added then). */
int wire_put(struct buf *b, js *m);

/* Takes one message off the front of `b`. 1: *ret is filled; 0: it is not complete yet; negative:
 * the stream cannot be trusted any more. */
int wire_take(struct buf *b, struct wire_msg *ret, struct err *e);
void wire_msg_done(struct wire_msg *m); /* for CLEANUP(wire_msg_done) */

js *wire_call(int64_t seq, const char *tool, const js *args, const char *actor, bool has_schema);
js *wire_cancel(int64_t seq);
js *wire_progress(int64_t seq, double done, double total, const char *message);
js *wire_result(int64_t seq, js *body, bool is_last); /* consumes body */
