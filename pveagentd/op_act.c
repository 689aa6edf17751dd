/* SPDX-License-Identifier: Apache-2.0 */
/* Network half: POST /v1/act. Two pipes carry the output from the root child, frames carry it on.
 * Invariants: while the client's socket is full the pipes are not read, so the command waits and
 * nothing piles up here; an end frame is sent only when the root half said how it ended and both
 * pipes are empty, so a stream without one is a broken stream. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "pveagentd/agent.h"
#include "pveagentd/answer.h"
#include "pveagentd/ask.h"
#include "pveagentd/conn.h"
#include "pveagentd/frame.h"
#include "pveagentd/http.h"
#include "common/msg.h"
#include "pveagentd/privcall.h"
#include "pveagentd/route.h"

struct stream {
    struct act *act;
    char frame; /* o or e */
    int fd;     /* -1 after its end */
    struct event *readable;
};

struct act {
    struct agent *a;
    struct req *q;
    struct privcall *call; /* NULL once the root child is done */
    struct stream s[2];
    enum frame_dress dress;
    struct evbuffer *out; /* framed, not yet given to the connection */
    bool is_started;      /* it is a stream now, not an error any more */
    bool is_head_out;
    bool is_sending;
    js *end;     /* payload of the end frame */
    js *receipt; /* NULL when there is none */
};

static void stream_close(struct stream *s) {
    if (s->readable) {
        event_free(s->readable);
        s->readable = NULL;
    }
    closep(&s->fd);
}

static struct req *act_free(struct act *t) {
    struct req *q = t->q;

    stream_close(&t->s[0]);
    stream_close(&t->s[1]);
    privcall_free(t->call);
    if (t->out) {
        evbuffer_free(t->out);
    }
    js_freep(&t->end);
    js_freep(&t->receipt);
    t->a->n_acts--;
    free(t);
    return q;
}

static void fail(struct act *t, const char *why) {
    bool is_started = t->is_started;
    struct req *q = act_free(t);

    agent_log(AE_STREAM_LOST, why, NULL);
    if (is_started) {
        req_break(q);
    } else {
        ask_no_answer(q, -EBADMSG);
    }
}

static void pump(struct act *t);

/* The head goes out together with the first piece and never alone: the library calls back for "all
 * written" some time after it is so, and would take a piece that was added in between for written.
 */
static void send_piece(struct act *t, void (*sent)(void *ctx)) {
    if (!t->is_head_out) {
        t->is_head_out = true;
        req_start(t->q, t->dress == FRAME_NDJSON ? NDJSON_TYPE : FRAME_TYPE);
    }
    req_chunk(t->q, t->out, sent, t);
}

static void on_sent(void *ctx) {
    struct act *t = ctx;

    t->is_sending = false;
    pump(t);
}

static void last_words(struct act *t) {
    struct req *q;
    int r = frame_put_js(t->out, t->dress, 'x', TAKE(t->end));

    if (r == 0 && t->receipt) {
        r = frame_put_js(t->out, t->dress, 'r', TAKE(t->receipt));
    }
    if (r < 0) {
        fail(t, "no memory for the end of a stream");
        return;
    }
    send_piece(t, NULL);
    q = act_free(t);
    req_end(q);
}

/* What can go on: send what is framed; else finish, if all is said; else wait for output. */
static void pump(struct act *t) {
    bool at_end = t->s[0].fd < 0 && t->s[1].fd < 0;

    if (!t->is_started || t->is_sending) {
        return;
    }
    if (at_end && t->end) {
        last_words(t);
    } else if (evbuffer_get_length(t->out) > 0) {
        t->is_sending = true;
        send_piece(t, on_sent);
    } else if (at_end && !t->call) {
        fail(t, "the root child ended without saying how the command did");
    } else {
        for (size_t i = 0; i < 2; i++) {
            if (t->s[i].readable) {
                (void)event_add(t->s[i].readable, NULL);
            }
        }
    }
}

static void on_output(evutil_socket_t fd, short what, void *arg) {
    struct stream *s = arg;
    struct act *t = s->act;
    char data[AGENT_FRAME_MAX];
    ssize_t n = read(fd, data, sizeof(data));

    (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        (void)event_add(s->readable, NULL);
        return;
    }
    if (n <= 0) {
        stream_close(s);
    } else if (frame_put(t->out, t->dress, s->frame, data, (size_t)n) < 0) {
        fail(t, "no memory for output");
        return;
    }
    pump(t);
}

static bool take_started(struct act *t, struct msg_rd *rd) {
    CLEANUP(freep) char *h = msg_str(rd, 2 * HASH_LEN + 8);
    CLEANUP(freep) char *cosignature = msg_str(rd, LIM_NOTE);
    uint64_t seq = msg_u64(rd);
    js *o;

    if (msg_done(rd) < 0 || !h || !cosignature || t->is_started) {
        return false;
    }
    t->is_started = true;
    o = js_object();
    js_addf(o, "request", "%s%s", strncmp(h, "sha256:", 7) == 0 ? "" : "sha256:", h);
    js_add(o, "seq", js_int((int64_t)seq));
    js_add(o, "cosignature", js_str(cosignature));
    return frame_put_js(t->out, t->dress, 's', o) == 0;
}

static bool take_end(struct act *t, struct msg_rd *rd) {
    CLEANUP(freep) char *receipt = msg_str(rd, LIM_NOTE);
    uint64_t out_bytes = msg_u64(rd);
    uint64_t err_bytes = msg_u64(rd);
    CLEANUP(freep) char *how = msg_str(rd, 32);
    uint64_t value = msg_u64(rd);

    if (msg_done(rd) < 0 || !receipt || !how || t->end) {
        return false;
    }
    t->is_started = true; /* what ended before it began has only an end and a receipt */
    t->end = js_object();
    js_add(t->end, "how", js_str(how));
    js_add(t->end, "value", js_int((int64_t)value));
    js_add(t->end, "stdout_bytes", js_int((int64_t)out_bytes));
    js_add(t->end, "stderr_bytes", js_int((int64_t)err_bytes));
    if (receipt[0]) {
        t->receipt = js_object();
        js_add(t->receipt, "receipt", js_str(receipt));
    }
    return true;
}

static void on_answer(void *ctx, uint16_t type, struct msg_rd *rd) {
    struct act *t = ctx;

    if (type == MSG_REFUSED && !t->is_started) {
        struct req *q = act_free(t);

        if (!ask_refused(q, rd)) {
            ask_no_answer(q, -EBADMSG);
        }
        return;
    }
    if ((type == MSG_ACT_STARTED && take_started(t, rd)) ||
        (type == MSG_ACT_END && take_end(t, rd))) {
        pump(t);
        return;
    }
    fail(t, "the root half gave an answer that does not belong here");
}

static void on_end(void *ctx, int r) {
    struct act *t = ctx;

    privcall_free(t->call);
    t->call = NULL;
    if (!t->is_started) {
        ask_no_answer(act_free(t), r);
        return;
    }
    if (r < 0) {
        fail(t, "the root half was lost while a command ran");
        return;
    }
    pump(t);
}

/* The client is gone. Closing pipes and socket tells the root child, which knows from the request
 * whether the command goes on without a listener. */
static void on_gone(void *ctx) {
    struct req *q = act_free(ctx);

    agent_log(AE_STREAM_LOST, "a client left its stream", NULL);
    req_end(q);
}

static int make_streams(struct act *t, int write_end[2]) {
    static const char frames[2] = {'o', 'e'};

    for (size_t i = 0; i < 2; i++) {
        int p[2];

        if (pipe2(p, O_CLOEXEC) < 0) {
            return -errno;
        }
        t->s[i].fd = p[0];
        write_end[i] = p[1];
        if (fcntl(p[0], F_SETFL, O_NONBLOCK) < 0) {
            return -errno;
        }
        t->s[i].act = t;
        t->s[i].frame = frames[i];
        t->s[i].readable = event_new(t->a->base, p[0], EV_READ, on_output, &t->s[i]);
        if (!t->s[i].readable) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int send_act(struct act *t, const struct buf *m) {
    static const struct privcall_ops ops = {on_answer, on_end};
    int write_end[2] = {-1, -1};
    int r = make_streams(t, write_end);

    if (r == 0) {
        r = privcall_start(t->a->base, t->a->o.priv_socket, m, write_end, MSG_FDS_OUTPUT,
                           AGENT_ACT_S, &ops, t, &t->call);
    }
    closep(&write_end[0]); /* the root child's copies are the only ones that keep a pipe open */
    closep(&write_end[1]);
    return r;
}

void op_act(struct req *q) {
    CLEANUP(buf_wipe) struct buf m = BUF_INIT(LIM_PRIV_MSG);
    struct agent *a = req_agent(q);
    struct err e = {0};
    struct act *t;
    size_t len;
    const void *body = req_body(q, &len);
    int r = body_act(body, len, req_peer(q), &m, &e);

    if (r == 0 && msg_add_u64(&m, conn_opened(req_ssl(q))) < 0) {
        r = err_tag(&e, -E2BIG, "body_too_large", "the request does not fit a message");
    }
    msg_end(&m);

    if (r == 0 && (a->n_acts >= AGENT_ACTS_MAX || a->is_stopping)) {
        r = err_tag(&e, -EBUSY, a->is_stopping ? "stopping" : "busy",
                    "this node daemon takes no further command now");
    }
    if (r < 0) {
        req_error(q, &e);
        return;
    }
    t = calloc(1, sizeof(*t));
    if (!t || !(t->out = evbuffer_new())) {
        free(t);
        ask_no_answer(q, -ENOMEM);
        return;
    }
    t->a = a;
    t->q = q;
    t->s[0].fd = t->s[1].fd = -1;
    t->dress = frame_dress_of(req_header(q, "Accept"));
    a->n_acts++;
    r = send_act(t, &m);
    if (r < 0) {
        ask_no_answer(act_free(t), r);
        return;
    }
    req_wait(q, t, on_gone);
}
