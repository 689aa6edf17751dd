/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the daemon's halves (runs in both: it is the one thing that the root half reads
 * from a process that faces the network). The reader is bounded by the packet, remembers its first
 * failure and yields harmless values after it; a packet is whole or it is nothing. */
#include "common/msg.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/limits.h"

#define HEADER 8

static void put_le(uint8_t *p, uint64_t v, size_t n) {
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

static uint64_t get_le(const uint8_t *p, size_t n) {
    uint64_t v = 0;

    for (size_t i = n; i-- > 0;) {
        v = v << 8 | p[i];
    }
    return v;
}

int msg_begin(struct buf *b, enum msg_type type) {
    uint8_t h[HEADER] = {0};

    put_le(h, MSG_VERSION, 2);
    put_le(h + 2, (uint64_t)type, 2);
    buf_reset(b);
    return buf_add(b, h, sizeof(h));
}

int msg_add(struct buf *b, const void *data, size_t len) {
    uint8_t n[4];
    size_t before = b->len;
    int r;

    if (len > UINT32_MAX) {
        return -E2BIG;
    }
    put_le(n, len, sizeof(n));
    r = buf_add(b, n, sizeof(n));
    r = r < 0 ? r : buf_add(b, data, len);
    if (r < 0) {
        b->len = before; /* half a field is worse than none */
    }
    return r;
}

int msg_adds(struct buf *b, const char *s) {
    return msg_add(b, s, strlen(s));
}

int msg_add_u64(struct buf *b, uint64_t v) {
    uint8_t n[8];

    put_le(n, v, sizeof(n));
    return msg_add(b, n, sizeof(n));
}

void msg_end(struct buf *b) {
    uint8_t n[4];

    if (b->len >= HEADER) {
        put_le(n, b->len - HEADER, sizeof(n));
        memcpy(b->data + 4, n, sizeof(n));
    }
}

int msg_make(struct buf *b, enum msg_type type, const char *form, ...) {
    int r = msg_begin(b, type);
    va_list ap;

    va_start(ap, form);
    for (; r == 0 && *form; form++) {
        if (*form == 's') {
            r = msg_adds(b, va_arg(ap, const char *));
        } else if (*form == 'u') {
            r = msg_add_u64(b, va_arg(ap, uint64_t));
        } else {
            const void *data = va_arg(ap, const void *);

            r = msg_add(b, data, va_arg(ap, size_t));
        }
    }
    va_end(ap);
    msg_end(b);
    return r;
}

int msg_open(const void *data, size_t len, uint16_t *ret_type, struct msg_rd *ret) {
    const uint8_t *p = data;

    if (len < HEADER || len > LIM_PRIV_MSG || get_le(p, 2) != MSG_VERSION ||
        get_le(p + 4, 4) != len - HEADER) {
        return -EBADMSG;
    }
    *ret_type = (uint16_t)get_le(p + 2, 2);
    *ret = (struct msg_rd){.p = p + HEADER, .end = p + len, .bad = false};
    return 0;
}

static void fail(struct msg_rd *r) {
    r->bad = true;
    r->p = r->end;
}

const void *msg_field(struct msg_rd *r, size_t max, size_t *ret_len) {
    size_t left = (size_t)(r->end - r->p);
    size_t n;
    const void *at;

    *ret_len = 0;
    if (r->bad || left < 4) {
        fail(r);
        return "";
    }
    n = (size_t)get_le(r->p, 4);
    if (n > left - 4 || n > max) {
        fail(r);
        return "";
    }
    at = r->p + 4;
    r->p += 4 + n;
    *ret_len = n;
    return at;
}

char *msg_str(struct msg_rd *r, size_t max) {
    size_t n = 0;
    const char *at = msg_field(r, max, &n);
    char *s;

    if (r->bad || memchr(at, '\0', n)) {
        fail(r);
        return NULL;
    }
    s = malloc(n + 1);
    if (!s) {
        fail(r);
        return NULL;
    }
    memcpy(s, at, n);
    s[n] = '\0';
    return s;
}

void msg_exact(struct msg_rd *r, void *ret, size_t len) {
    size_t n = 0;
    const void *at = msg_field(r, len, &n);

    if (r->bad || n != len) {
        fail(r);
        memset(ret, 0, len);
        return;
    }
    memcpy(ret, at, len);
}

uint64_t msg_u64(struct msg_rd *r) {
    uint8_t n[8];

    msg_exact(r, n, sizeof(n));
    return get_le(n, sizeof(n));
}

int msg_done(const struct msg_rd *r) {
    return r->bad || r->p != r->end ? -EBADMSG : 0;
}

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * 8)];
};

int msg_send(int sock, const void *data, size_t len, const int *fds, size_t n_fds) {
    /* The kernel copies from the vector and never writes to it. */
    union {
        const void *in;
        void *out;
    } base = {.in = data};
    struct iovec iov = {.iov_base = base.out, .iov_len = len};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    union control c;
    int size = 2 * LIM_PRIV_MSG;
    ssize_t n;

    if (!len || len > LIM_PRIV_MSG || n_fds > 8) {
        return -E2BIG;
    }
    (void)setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    if (n_fds) {
        struct cmsghdr *h;

        memset(&c, 0, sizeof(c));
        m.msg_control = c.bytes;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        h = CMSG_FIRSTHDR(&m);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(h), fds, sizeof(int) * n_fds);
    }
    do {
        n = sendmsg(sock, &m, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return -errno;
    }
    return (size_t)n == len ? 0 : -EMSGSIZE;
}

/* Collects what came, at most `max`; more is closed and counted. */
static size_t take_fds(struct msghdr *m, int *fds, size_t max) {
    size_t n = 0;

    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
        size_t count;

        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++, n++) {
            int fd;

            memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(fd));
            if (n < max) {
                fds[n] = fd;
            } else {
                (void)close(fd);
            }
        }
    }
    return n;
}

int msg_recv(int sock, struct buf *ret, int *fds, size_t want_fds) {
    struct iovec iov;
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    union control c = {0};
    int got[8];
    size_t n_got;
    ssize_t n;
    int r;

    buf_reset(ret);
    r = buf_reserve(ret, LIM_PRIV_MSG);
    if (r < 0 || want_fds > 8) {
        return r < 0 ? r : -EINVAL;
    }
    iov = (struct iovec){.iov_base = ret->data, .iov_len = LIM_PRIV_MSG};
    m.msg_control = c.bytes;
    m.msg_controllen = sizeof(c.bytes);
    do {
        n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return -errno;
    }
    n_got = take_fds(&m, got, 8);
    if ((m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || n_got != want_fds || n == 0) {
        for (size_t i = 0; i < n_got && i < 8; i++) {
            (void)close(got[i]);
        }
        return n == 0 && !n_got && !want_fds ? -ENODATA : -EBADMSG;
    }
    ret->len = (size_t)n;
    ret->data[n] = '\0';
    for (size_t i = 0; i < want_fds; i++) {
        fds[i] = got[i];
    }
    return 0;
}
