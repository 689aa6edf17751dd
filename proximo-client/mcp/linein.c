/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to lines. Keeps: memory for one line at most, each byte looked at once, and after a line
 * that is too long the next line is read as if nothing had been. */
#include "proximo-client/mcp/linein.h"

#include <errno.h>
#include <string.h>

/* A host sends a 9 MiB line once in its life; the buffer for it does not stay. */
#define KEEP_BYTES (64 * 1024)

static int end_of_line(struct linein *in, const char *data, size_t len,
                       const struct linein_ops *ops, void *ctx) {
    int r;

    if (in->part.len == 0) {
        ops->line(ctx, data, len); /* the usual case: a whole line in one read, no copy */
        return 0;
    }
    r = buf_add(&in->part, data, len);
    if (r < 0) {
        return r;
    }
    ops->line(ctx, buf_str(&in->part), in->part.len);
    if (in->part.cap > KEEP_BYTES) {
        linein_done(in);
    } else {
        buf_reset(&in->part);
    }
    return 0;
}

int linein_feed(struct linein *in, const char *data, size_t len, const struct linein_ops *ops,
                void *ctx) {
    while (len > 0) {
        const char *lf = memchr(data, '\n', len);
        size_t n = lf ? (size_t)(lf - data) : len;
        int r = 0;

        if (in->is_skipping) {
            in->is_skipping = !lf;
        } else if (n > LIM_RPC_LINE - in->part.len) {
            ops->oversize(ctx);
            linein_done(in);
            in->is_skipping = !lf;
        } else if (lf) {
            r = end_of_line(in, data, n, ops, ctx);
        } else {
            r = buf_add(&in->part, data, n);
        }
        if (r < 0) {
            return r;
        }
        n += lf != NULL;
        data += n;
        len -= n;
    }
    return 0;
}

void linein_done(struct linein *in) {
    buf_done(&in->part);
    in->part = (struct buf)BUF_INIT(LIM_RPC_LINE);
}
