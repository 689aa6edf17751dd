/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/frame.h - one piece of an act's answer, in either of its two dresses: frames (type
 * byte, u32 big-endian length, payload) or, for people with curl, NDJSON with base64. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/js.h"

#define FRAME_TYPE  "application/vnd.pveagentd.stream"
#define NDJSON_TYPE "application/x-ndjson"

struct evbuffer;

enum frame_dress { FRAME_BINARY, FRAME_NDJSON };

/* By the Accept header; NULL and anything else that is not NDJSON mean frames. */
enum frame_dress frame_dress_of(const char *accept);
/* type: o e (raw output), s x r (JSON text). len <= AGENT_FRAME_MAX. 0 or -ENOMEM. */
int frame_put(struct evbuffer *out, enum frame_dress dress, char type, const void *data,
              size_t len);
int frame_put_js(struct evbuffer *out, enum frame_dress dress, char type, js *take);
