/* SPDX-License-Identifier: Apache-2.0 */
/* Network half: carries one message to the root half and its answers back. The connection is a
 * local SOCK_SEQPACKET, so sending never waits for a network; a root half that is gone shows as a
 * refused connection, one that hangs as a deadline. */
#include "pveagentd/privcall.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/msg.h"

struct privcall {
    int sock;
    struct event *readable;
    struct timeval left; /* of the deadline, counted by libevent as silence between answers */
    const struct privcall_ops *ops;
    void *ctx;
};

static void privcall_freep(struct privcall **c) {
    privcall_free(*c);
    *c = NULL;
}

void privcall_free(struct privcall *c) {
    if (!c) {
        return;
    }
    if (c->readable) {
        event_free(c->readable);
    }
    closep(&c->sock);
    free(c);
}

static void on_readable(evutil_socket_t sock, short what, void *arg) {
    struct privcall *c = arg;
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    struct msg_rd rd;
    uint16_t type = 0;
    int r;

    if (what & EV_TIMEOUT) {
        (void)event_del(c->readable);
        c->ops->end(c->ctx, -ETIMEDOUT);
        return;
    }
    r = msg_recv(sock, &b, NULL, 0);
    if (r == -EAGAIN || r == -EINTR) {
        return;
    }
    if (r == 0) {
        r = msg_open(b.data, b.len, &type, &rd);
        if (r == 0 && type % 2 == 0) {
            r = -EBADMSG; /* a request is no answer */
        }
    }
    if (r < 0) {
        (void)event_del(c->readable);
        c->ops->end(c->ctx, r == -ENODATA || r == -ECONNRESET ? 0 : r);
        return;
    }
    c->ops->answer(c->ctx, type, &rd); /* c may be gone now */
}

static int connect_to(const char *path, int *ret) {
    CLEANUP(closep) int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int size = LIM_PRIV_MSG + 4096;

    if (sock < 0) {
        return -errno;
    }
    if (strlen(path) >= sizeof(sa.sun_path)) {
        return -ENAMETOOLONG;
    }
    memcpy(sa.sun_path, path, strlen(path) + 1);
    if (setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0 ||
        connect(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
        return -errno;
    }
    *ret = TAKE_FD(sock);
    return 0;
}

int privcall_start(struct event_base *base, const char *socket_path, const struct buf *msg,
                   const int *fds, size_t n_fds, int timeout_s, const struct privcall_ops *ops,
                   void *ctx, struct privcall **ret) {
    CLEANUP(privcall_freep) struct privcall *c = calloc(1, sizeof(*c));
    int r;

    if (!c) {
        return -ENOMEM;
    }
    c->sock = -1;
    c->ops = ops;
    c->ctx = ctx;
    c->left.tv_sec = timeout_s;
    r = connect_to(socket_path, &c->sock);
    if (r < 0) {
        return r;
    }
    c->readable = event_new(base, c->sock, EV_READ | EV_PERSIST, on_readable, c);
    if (!c->readable || event_add(c->readable, &c->left) < 0) {
        return -ENOMEM;
    }
    r = msg_send(c->sock, msg->data, msg->len, fds, n_fds);
    if (r < 0) {
        return r;
    }
    *ret = TAKE(c);
    return 0;
}
