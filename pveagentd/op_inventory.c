/* SPDX-License-Identifier: Apache-2.0 */
/* Network half: GET /v1/inventory. The reader (pveagentd-reader) may see the cluster's files, this
 * half passes on what it is given: one question over a local socket, its answer piece by piece to
 * the client, packed if it asked for that. While the client's socket is full the reader's is not
 * read, so nothing piles up here. What the reader leaves unsaid, the end above all, is missing at
 * the client too, who looks for it. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <zlib.h>

#include "common/digest.h"
#include "common/err.h"
#include "common/inventory.h"
#include "common/own.h"
#include "pveagentd/agent.h"
#include "pveagentd/http.h"
#include "pveagentd/route.h"

#define PIECE     (64 * 1024)
#define GZIP_MARK (15 + 16) /* zlib: the largest window, in a gzip wrapper */
#define FAST      1         /* level: the text is plain, and the node has other work */

struct inv {
    struct agent *a;
    struct req *q;
    int sock;
    struct event *readable;
    char head[128]; /* the reader's first line */
    size_t n_head;
    bool is_started, is_at_end, is_packed;
    bool is_head_out; /* it goes out with the first piece, never alone (see op_act.c) */
    z_stream z;
    struct evbuffer *out;
};

static struct req *inv_free(struct inv *t) {
    struct req *q = t->q;

    if (t->readable) {
        event_free(t->readable);
    }
    closep(&t->sock);
    if (t->is_packed) {
        (void)deflateEnd(&t->z);
    }
    if (t->out) {
        evbuffer_free(t->out);
    }
    t->a->n_inventories--;
    free(t);
    return q;
}

static void refuse(struct inv *t, const char *code, const char *why) {
    struct err e = {0};

    /* why may be what the reader said, which goes with t */
    agent_log(AE_READER, why, NULL);
    (void)err_tag(&e, -EIO, code, "%s", why);
    if (strcmp(code, "busy") != 0) {
        (void)err_hint(&e, "on the node: systemctl status pveagentd-reader");
    }
    req_error(inv_free(t), &e);
}

static void fail(struct inv *t, const char *why) {
    if (!t->is_head_out) {
        refuse(t, "inventory_unavailable", why);
        return;
    }
    agent_log(AE_READER, why, NULL);
    req_break(inv_free(t));
}

/* Bytes of the inventory into what is sent; flush at the end. */
static int put(struct inv *t, const char *data, size_t len, bool last) {
    static unsigned char packed[PIECE]; /* one loop, no threads: never two at a time */

    if (!t->is_packed) {
        return evbuffer_add(t->out, data, len) < 0 ? -ENOMEM : 0;
    }
    t->z.next_in = (Bytef *)(uintptr_t)data;
    t->z.avail_in = (uInt)len;
    do {
        t->z.next_out = packed;
        t->z.avail_out = sizeof(packed);
        if (deflate(&t->z, last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR ||
            evbuffer_add(t->out, packed, sizeof(packed) - t->z.avail_out) < 0) {
            return -ENOMEM;
        }
    } while (t->z.avail_out == 0);
    return 0;
}

static void wait_for_more(struct inv *t) {
    static const struct timeval silence = {AGENT_READER_S, 0};

    (void)event_add(t->readable, &silence);
}

static void on_sent(void *ctx) {
    struct inv *t = ctx;

    if (!t->is_at_end) {
        wait_for_more(t);
    } else if (!t->is_head_out) {
        fail(t, "the reader gave an empty answer");
    } else {
        req_end(inv_free(t));
    }
}

/* Sends what there is; packing may hold everything back for now. */
static void pump(struct inv *t) {
    if (evbuffer_get_length(t->out) > 0) {
        if (!t->is_head_out) {
            t->is_head_out = true;
            req_start(t->q, INVENTORY_TYPE);
        }
        req_chunk(t->q, t->out, on_sent, t);
    } else {
        on_sent(t);
    }
}

static bool wants_gzip(struct req *q) {
    const char *s = req_header(q, "Accept-Encoding");

    for (; s && *s; s += strcspn(s, ",") + (s[strcspn(s, ",")] == ',')) {
        s += strspn(s, " ");
        if (strncasecmp(s, "gzip", 4) == 0 && strchr(",; ", s[4])) { /* or the end of all */
            const char *weight = strstr(s, "q=");

            /* a weight of zero, however written, says no */
            return !weight || weight > s + strcspn(s, ",") ||
                   !strchr(",; ", weight[2 + strspn(weight + 2, "0.")]);
        }
    }
    return false;
}

static int begin(struct inv *t, const char *version) {
    char etag[HASH_HEX_LEN + 3];

    (void)snprintf(etag, sizeof(etag), "\"%s\"", version);
    req_add_header(t->q, "ETag", etag);
    req_add_header(t->q, "Vary", "Accept-Encoding");
    if (wants_gzip(t->q)) {
        if (deflateInit2(&t->z, FAST, Z_DEFLATED, GZIP_MARK, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
            return -ENOMEM;
        }
        t->is_packed = true;
        req_add_header(t->q, "Content-Encoding", "gzip");
    }
    t->is_started = true;
    return 0;
}

/* The first line. True: the request goes on. */
static bool take_head(struct inv *t, char *line) {
    struct hash h;

    if (strncmp(line, "same ", 5) == 0 && hash_parse(line + 5, &h) == 0) {
        req_bytes(inv_free(t), 304, INVENTORY_TYPE, "", 0);
    } else if (strcmp(line, "error busy") == 0) {
        refuse(t, "busy", "the reader is busy with other inventories");
    } else if (strncmp(line, "error ", 6) == 0) {
        fail(t, line + 6);
    } else if (strncmp(line, "ok ", 3) != 0 || hash_parse(line + 3, &h) < 0) {
        fail(t, "the reader answers with something else");
    } else if (begin(t, line + 3) < 0) {
        fail(t, "no memory for packing");
    } else {
        return true;
    }
    return false;
}

/* Takes the first line off a piece; false: the request is over, or the line is not whole yet. */
static bool need_head(struct inv *t, const char **data, size_t *len) {
    const char *nl = memchr(*data, '\n', *len);
    size_t n = nl ? (size_t)(nl - *data) : *len;

    if (t->n_head + n >= sizeof(t->head)) {
        fail(t, "the reader answers with something else");
        return false;
    }
    memcpy(t->head + t->n_head, *data, n);
    t->n_head += n;
    t->head[t->n_head] = '\0';
    if (!nl) {
        wait_for_more(t);
        return false;
    }
    *data += n + 1;
    *len -= n + 1;
    return take_head(t, t->head);
}

static void on_readable(evutil_socket_t sock, short what, void *arg) {
    static char piece[PIECE];
    struct inv *t = arg;
    const char *data = piece;
    ssize_t n = what & EV_TIMEOUT ? -1 : read(sock, piece, sizeof(piece));
    size_t len;

    if (n < 0 && !(what & EV_TIMEOUT) && (errno == EAGAIN || errno == EINTR)) {
        wait_for_more(t);
        return;
    }
    if (n < 0 || (n == 0 && !t->is_started)) {
        fail(t, n < 0 ? "the reader does not answer" : "the reader gave no answer");
        return;
    }
    len = (size_t)n;
    if (!t->is_started && !need_head(t, &data, &len)) {
        return;
    }
    t->is_at_end = n == 0;
    if (put(t, data, len, t->is_at_end) < 0) {
        fail(t, "no memory for an inventory");
        return;
    }
    pump(t);
}

static void on_gone(void *ctx) {
    req_end(inv_free(ctx));
}

/* A local stream socket connects at once or not at all. */
static int connect_to(const char *path, int *ret) {
    CLEANUP(closep) int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un sa = {.sun_family = AF_UNIX};

    if (sock < 0) {
        return -errno;
    }
    if (strlen(path) >= sizeof(sa.sun_path)) {
        return -ENAMETOOLONG;
    }
    memcpy(sa.sun_path, path, strlen(path) + 1);
    if (connect(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
        return -errno;
    }
    *ret = TAKE_FD(sock);
    return 0;
}

/* The version in If-None-Match, or "-": one strong tag, as we give it out. */
static void asked_version(struct req *q, char ret[static HASH_HEX_LEN + 1]) {
    const char *tag = req_header(q, "If-None-Match");
    struct hash h;

    (void)snprintf(ret, HASH_HEX_LEN + 1, "%s", "-");
    if (tag && strlen(tag) == HASH_HEX_LEN + 2 && tag[0] == '"') {
        char text[HASH_HEX_LEN + 1];

        (void)snprintf(text, sizeof(text), "%.*s", HASH_HEX_LEN, tag + 1);
        if (hash_parse(text, &h) == 0) {
            memcpy(ret, text, sizeof(text));
        }
    }
}

static int ask_reader(struct inv *t) {
    char version[HASH_HEX_LEN + 1], question[HASH_HEX_LEN + 16];
    int n;
    int r = connect_to(t->a->o.reader_socket, &t->sock);

    if (r < 0) {
        return r;
    }
    asked_version(t->q, version);
    n = snprintf(question, sizeof(question), "inventory %s\n", version);
    t->readable = event_new(t->a->base, t->sock, EV_READ, on_readable, t);
    return t->readable && send(t->sock, question, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -EIO;
}

void op_inventory(struct req *q) {
    struct agent *a = req_agent(q);
    struct inv *t = calloc(1, sizeof(*t));
    struct err e = {0};

    if (!t || a->n_inventories >= AGENT_INVENTORIES_MAX || !(t->out = evbuffer_new())) {
        free(t);
        (void)err_tag(&e, -EBUSY, "busy", "this node daemon sends other inventories now");
        req_error(q, &e);
        return;
    }
    t->a = a;
    t->q = q;
    t->sock = -1;
    a->n_inventories++;
    if (ask_reader(t) < 0) {
        fail(t, "the node's reader cannot be reached");
        return;
    }
    wait_for_more(t);
    req_wait(q, t, on_gone);
}
