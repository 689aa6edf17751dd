/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/nodes/frames.h - the parser of an act's answer: frames of a type byte, a u32
 * big-endian length and the payload, in pieces of any size. Knows no HTTP. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

#define FRAME_PAYLOAD_MAX (64 * 1024)

struct frames {
    /* Each whole frame, or for o and e also parts of one as they arrive. Negative stops. */
    int (*frame)(void *ctx, char type, const void *data, size_t len);
    void *ctx;
    uint8_t head[5];
    size_t head_len;
    uint32_t left;   /* of the payload */
    struct buf text; /* payload of s, x, r so far */
};

void frames_init(struct frames *f, int (*frame)(void *, char, const void *, size_t), void *ctx);
/* 0, -EBADMSG (unknown type, too long) or what `frame` returned. After an error: no more. */
int frames_feed(struct frames *f, const void *data, size_t len);
bool frames_at_rest(const struct frames *f); /* not inside a frame */
void frames_done(struct frames *f);
