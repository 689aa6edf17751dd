/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of an act's answer. Output goes on as it comes and is held nowhere; the three JSON frames
 * are collected whole, to a ceiling. */
#include "proximo-client/nodes/frames.h"

#include <errno.h>
#include <string.h>

void frames_init(struct frames *f, int (*frame)(void *, char, const void *, size_t), void *ctx) {
    *f = (struct frames){.frame = frame, .ctx = ctx, .text = BUF_INIT(FRAME_PAYLOAD_MAX)};
}

void frames_done(struct frames *f) {
    buf_done(&f->text);
}

bool frames_at_rest(const struct frames *f) {
    return f->head_len == 0;
}

static bool is_raw(char type) {
    return type == 'o' || type == 'e';
}

static int take_head(struct frames *f) {
    f->left = (uint32_t)f->head[1] << 24 | (uint32_t)f->head[2] << 16 | (uint32_t)f->head[3] << 8 |
              f->head[4];
    return f->left > FRAME_PAYLOAD_MAX || !f->head[0] || !strchr("oesxr", f->head[0]) ? -EBADMSG
                                                                                      : 0;
}

static int take_payload(struct frames *f, const uint8_t *p, size_t n) {
    char type = (char)f->head[0];
    int r = 0;

    f->left -= (uint32_t)n;
    if (is_raw(type)) {
        r = n ? f->frame(f->ctx, type, p, n) : 0;
    } else {
        r = buf_add(&f->text, p, n);
        if (r == 0 && f->left == 0) {
            r = f->frame(f->ctx, type, buf_str(&f->text), f->text.len);
            buf_reset(&f->text);
        }
    }
    if (f->left == 0) {
        f->head_len = 0;
    }
    return r;
}

int frames_feed(struct frames *f, const void *data, size_t len) {
    const uint8_t *p = data;
    const uint8_t *end = p + len;
    int r = 0;

    while (r == 0 && p < end) {
        size_t n;

        if (f->head_len < sizeof(f->head)) {
            f->head[f->head_len++] = *p++;
            if (f->head_len == sizeof(f->head)) {
                r = take_head(f);
                if (r == 0 && f->left == 0) {
                    r = take_payload(f, p, 0);
                }
            }
            continue;
        }
        n = (size_t)(end - p) < f->left ? (size_t)(end - p) : f->left;
        r = take_payload(f, p, n);
        p += n;
    }
    return r;
}
