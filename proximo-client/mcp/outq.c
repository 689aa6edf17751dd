/* SPDX-License-Identifier: Apache-2.0 */
/* The outgoing queue. Keeps: a host that stops reading costs at most `max` bytes and never stops a
 * call; a message is written whole or, if its first byte is not out yet, not at all. */
#include "proximo-client/mcp/outq.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/own.h"

/* What a pipe that polls writable is sure to take without blocking (a page; PIPE_BUF). */
#define PIPE_CHUNK 4096

struct outq_item {
    struct outq_item *next;
    char *text;
    size_t len, off;
    bool droppable;
};

void outq_init(struct outq *q, int fd, size_t max) {
    int type;
    socklen_t size = sizeof(type);

    *q = (struct outq){.fd = fd, .max = max};
    q->tail = &q->head;
    q->is_socket = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

static void item_free(struct outq_item *item) {
    free(item->text);
    free(item);
}

void outq_done(struct outq *q) {
    while (q->head) {
        struct outq_item *item = q->head;

        q->head = item->next;
        item_free(item);
    }
    q->tail = &q->head;
    q->bytes = 0;
}

static void drop_notes(struct outq *q, size_t need) {
    struct outq_item **at = &q->head;

    while (*at && q->bytes + need > q->max) {
        struct outq_item *item = *at;

        if (!item->droppable || item->off > 0) {
            at = &item->next;
            continue;
        }
        *at = item->next;
        if (q->tail == &item->next) {
            q->tail = at;
        }
        q->bytes -= item->len;
        item_free(item);
    }
}

int outq_push(struct outq *q, char *text, size_t len, bool droppable) {
    CLEANUP(freep) char *owned = text;
    struct outq_item *item;

    if (len > q->max || q->bytes > q->max - len) {
        drop_notes(q, len);
    }
    if (len > q->max || q->bytes > q->max - len) {
        return -ENOBUFS;
    }
    item = calloc(1, sizeof(*item));
    if (!item) {
        return -ENOMEM;
    }
    item->text = TAKE(owned);
    item->len = len;
    item->droppable = droppable;
    *q->tail = item;
    q->tail = &item->next;
    q->bytes += len;
    return 0;
}

/* One write that cannot block: bytes written, 0 when the reader is not ready, or -errno. */
static ssize_t write_some(const struct outq *q, const char *data, size_t len) {
    struct pollfd p = {.fd = q->fd, .events = POLLOUT};
    ssize_t n;

    if (q->is_socket) {
        n = send(q->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else {
        if (poll(&p, 1, 0) <= 0) {
            return 0;
        }
        n = write(q->fd, data, len < PIPE_CHUNK ? len : PIPE_CHUNK);
    }
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
    return n;
}

int outq_flush(struct outq *q) {
    while (q->head) {
        struct outq_item *item = q->head;
        ssize_t n = write_some(q, item->text + item->off, item->len - item->off);

        if (n <= 0) {
            return (int)n;
        }
        item->off += (size_t)n;
        q->bytes -= (size_t)n;
        if (item->off == item->len) {
            q->head = item->next;
            if (!q->head) {
                q->tail = &q->head;
            }
            item_free(item);
        }
    }
    return 0;
}
