/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of an act's answer: byte by byte and in one piece they must give the same. */
#include <stdint.h>
#include <stdlib.h>

#include "common/digest.h"
#include "common/own.h"
#include "proximo-client/nodes/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
    uint64_t out, err, json;
};

static uint64_t mix(uint64_t h, const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        h = (h ^ p[i]) * 1099511628211u;
    }
    return h;
}

static int on_frame(void *ctx, char type, const void *data, size_t len) {
    struct sum *s = ctx;

    if (type == 'o') {
        s->out = mix(s->out, data, len);
    } else if (type == 'e') {
        s->err = mix(s->err, data, len);
    } else {
        s->json = mix(s->json, (const uint8_t *)&type, 1);
        s->json = mix(s->json, data, len);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sum a = {1, 1, 1};
    struct sum b = {1, 1, 1};
    CLEANUP(frames_done) struct frames whole;
    CLEANUP(frames_done) struct frames single;
    int ra;
    int rb = 0;

    frames_init(&whole, on_frame, &a);
    frames_init(&single, on_frame, &b);
    ra = frames_feed(&whole, data, size);
    for (size_t i = 0; i < size && rb == 0; i++) {
        rb = frames_feed(&single, data + i, 1);
    }
    if (ra != rb || a.out != b.out || a.err != b.err || a.json != b.json ||
        (ra == 0 && frames_at_rest(&whole) != frames_at_rest(&single))) {
        abort();
    }
    return 0;
}
