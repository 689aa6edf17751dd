/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/privcall.h - one question to the root half: connect, one message, its answers, end.
 * Never blocks the loop. Knows message framing, not what messages mean. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct buf;
struct event_base;
struct msg_rd;
struct privcall;

struct privcall_ops {
    /* Each answer in order. May free the call (and then `end` does not come). */
    void (*answer)(void *ctx, uint16_t type, struct msg_rd *rd);
    /* Once: 0 the root child closed in order, -ETIMEDOUT, -EBADMSG, -errno. The owner frees. */
    void (*end)(void *ctx, int r);
};

/* Sends `msg` (made by msg_begin … msg_end) with the descriptors, which stay the caller's. -errno:
 * the root half cannot be reached, and no callback follows. */
int privcall_start(struct event_base *base, const char *socket_path, const struct buf *msg,
                   const int *fds, size_t n_fds, int timeout_s, const struct privcall_ops *ops,
                   void *ctx, struct privcall **ret);
void privcall_free(struct privcall *c); /* NULL allowed; closes the socket */
