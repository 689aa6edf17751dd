/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/mcp/outq.h - messages on their way to a host that may read slowly or not at all.
 * Never blocks and never changes the descriptor's flags: they are shared with whoever gave it to us
 * (a terminal, our parent), who may not expect a non-blocking one. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define OUTQ_MAX (32 * 1024 * 1024)

struct outq_item;

struct outq {
    int fd;
    bool is_socket;
    size_t bytes; /* not written yet */
    size_t max;
    struct outq_item *head, **tail;
};

void outq_init(struct outq *q, int fd, size_t max); /* borrows fd */
void outq_done(struct outq *q);

/* Appends text[0..len) (owned from here on, also on failure). Past the ceiling, progress notes are
 * dropped, oldest first; if that is not enough -ENOBUFS and nothing is added. */
int outq_push(struct outq *q, char *text, size_t len, bool droppable);

/* Writes what the reader takes now. 0, or -errno (-EPIPE: nobody reads). Call again when the
 * descriptor is writable and `bytes` is not 0. */
int outq_flush(struct outq *q);
