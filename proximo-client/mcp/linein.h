/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/mcp/linein.h - bytes to lines, with a ceiling (LIM_RPC_LINE) after which the rest
 * of the line is thrown away and reading goes on at the next one. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/limits.h"

struct linein {
    struct buf part; /* the beginning of a line whose end has not come yet */
    bool is_skipping;
};
#define LINEIN_INIT                                                                                \
    { BUF_INIT(LIM_RPC_LINE), false }

struct linein_ops {
    void (*line)(void *ctx, const char *text, size_t len); /* without its LF; borrowed */
    void (*oversize)(void *ctx);                           /* once for each line past the ceiling */
};

/* 0 or -ENOMEM. */
int linein_feed(struct linein *in, const char *data, size_t len, const struct linein_ops *ops,
                void *ctx);
void linein_done(struct linein *in);
