/* SPDX-License-Identifier: Apache-2.0 */
/* Network half: requests as evhttp delivers them, made safe to answer late. Invariants: a peer
 * without a certificate never gets here (the handshake failed); every request counts against its
 * client until it is ended; a client that goes away while nothing is sent is noticed. */
#include "pveagentd/http.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/tls.h"
#include "pveagentd/agent.h"
#include "pveagentd/conn.h"
#include "pveagentd/route.h"

struct req {
    struct agent *a;
    struct evhttp_request *ev;
    struct evhttp_connection *con; /* NULL once the client is gone */
    const struct route *route;
    SSL *ssl;
    struct hash peer;
    uint64_t id;
    void *wait_ctx;
    void (*gone)(void *ctx);
    bool is_counted;
    void (*sent)(void *ctx); /* of the chunk under way */
    void *sent_ctx;
};

struct agent *req_agent(struct req *q) {
    return q->a;
}

const char *req_method(const struct req *q) {
    switch (evhttp_request_get_command(q->ev)) { /* NOLINT(clang-diagnostic-switch-enum) */
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_HEAD:
    case EVHTTP_REQ_PUT:
    case EVHTTP_REQ_DELETE:
    case EVHTTP_REQ_OPTIONS:
    case EVHTTP_REQ_TRACE:
    case EVHTTP_REQ_CONNECT:
    case EVHTTP_REQ_PATCH:
    default:
        return "";
    }
}

const char *req_path(const struct req *q) {
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(q->ev);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;

    return path ? path : "";
}

const char *req_query(const struct req *q) {
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(q->ev);
    const char *query = uri ? evhttp_uri_get_query(uri) : NULL;

    return query ? query : "";
}

const char *req_header(const struct req *q, const char *name) {
    return evhttp_find_header(evhttp_request_get_input_headers(q->ev), name);
}

const void *req_body(struct req *q, size_t *ret_len) {
    struct evbuffer *in = evhttp_request_get_input_buffer(q->ev);

    *ret_len = evbuffer_get_length(in);
    return *ret_len ? (const void *)evbuffer_pullup(in, -1) : "";
}

const struct hash *req_peer(const struct req *q) {
    return &q->peer;
}

SSL *req_ssl(struct req *q) {
    return q->ssl;
}

uint64_t req_id(const struct req *q) {
    return q->id;
}

const struct route *req_route(const struct req *q) {
    return q->route;
}

void req_wait(struct req *q, void *ctx, void (*gone)(void *ctx)) {
    q->wait_ctx = ctx;
    q->gone = gone;
}

/* The last of a request on our side; evhttp owns its own part from here on. */
static void finish(struct req *q) {
    if (q->con) {
        evhttp_connection_set_closecb(q->con, NULL, NULL);
        conn_idle(q->ssl);
    }
    if (q->is_counted) {
        load_drop(q->a->load, AGENT_CLIENTS_MAX, &q->peer);
    }
    q->a->n_busy--;
    q->a->n_requests++;
    free(q);
}

static void on_closed(struct evhttp_connection *con, void *arg) {
    struct req *q = arg;

    (void)con;
    q->con = NULL;
    q->ssl = NULL;
    if (q->gone) {
        void (*gone)(void *) = q->gone;

        q->gone = NULL;
        gone(q->wait_ctx);
    }
}

static void header(struct req *q, const char *name, const char *value) {
    (void)evhttp_add_header(evhttp_request_get_output_headers(q->ev), name, value);
}

void req_bytes(struct req *q, int status, const char *type, const void *data, size_t len) {
    struct evbuffer *out = evhttp_request_get_output_buffer(q->ev);
    struct evhttp_request *ev = q->ev;

    header(q, "Content-Type", type);
    header(q, "Cache-Control", "no-store");
    if (out) {
        (void)evbuffer_add(out, data, len);
    }
    finish(q);
    evhttp_send_reply(ev, status, NULL, NULL); /* frees ev when the client is gone */
}

void req_json(struct req *q, int status, js *take) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(2 * LIM_HTTP_BODY);
    int r = js_print(take, &b);

    js_freep(&take);
    if (r == 0) {
        r = buf_addc(&b, '\n');
    }
    if (r < 0) {
        req_bytes(q, 500, "text/plain", "", 0);
        return;
    }
    req_bytes(q, status, "application/json", b.data, b.len);
}

void req_error_js(struct req *q, int status, js *take) {
    q->a->n_refused++;
    req_json(q, status, take);
}

void req_error(struct req *q, const struct err *e) {
    req_error_js(q, route_status(e->tag), route_error_json(e));
}

void req_add_header(struct req *q, const char *name, const char *value) {
    header(q, name, value);
}

void req_start(struct req *q, const char *type) {
    header(q, "Content-Type", type);
    header(q, "Cache-Control", "no-store");
    evhttp_send_reply_start(q->ev, 200, "OK");
}

static void on_sent(struct evhttp_connection *con, void *arg) {
    struct req *q = arg;
    void (*sent)(void *) = q->sent;

    (void)con;
    q->sent = NULL;
    if (sent) {
        sent(q->sent_ctx);
    }
}

void req_chunk(struct req *q, struct evbuffer *data, void (*sent)(void *ctx), void *ctx) {
    assert(!q->sent);
    q->sent = sent;
    q->sent_ctx = ctx;
    evhttp_send_reply_chunk_with_cb(q->ev, data, on_sent, q);
}

void req_end(struct req *q) {
    struct evhttp_request *ev = q->ev;

    finish(q);
    evhttp_send_reply_end(ev);
}

/* Cutting the descriptor and not the library's objects: it then takes its own way through the end
 * of a connection, from the loop. */
void req_break(struct req *q) {
    struct evhttp_request *ev = q->ev;

    if (q->con) {
        conn_cut(q->ssl);
    }
    finish(q);
    evhttp_send_reply_end(ev);
}

/* While we answer, the library must go on reading, or it never learns that the client left; but its
 * own read callback treats bytes that come then as a fault of the program and exits. So the bytes
 * stay in the buffer, a bounded number of them, until the answer is out. */
static void keep_reading(struct bufferevent *bev) {
    static const struct timeval write_limit = {AGENT_WRITE_S, 0};
    bufferevent_data_cb writable = NULL;
    bufferevent_event_cb event = NULL;
    void *arg = NULL;

    bufferevent_getcb(bev, NULL, &writable, &event, &arg);
    bufferevent_setcb(bev, NULL, writable, event, arg);
    (void)bufferevent_set_timeouts(bev, NULL, &write_limit);
    (void)bufferevent_enable(bev, EV_READ);
}

static bool admit(struct req *q, struct err *e) {
    size_t len;

    if (!q->ssl || tls_peer_spki(q->ssl, &q->peer) < 0) {
        (void)err_tag(e, -EACCES, "no_certificate", "a client certificate is needed");
        return false;
    }
    q->is_counted = load_take(q->a->load, AGENT_CLIENTS_MAX, &q->peer);
    if (!q->is_counted) {
        agent_log(AE_LIMIT, "a client has too many requests under way", NULL);
        (void)err_tag(e, -EBUSY, "too_many_requests", "this client has %d requests under way",
                      AGENT_CLIENT_BUSY);
        return false;
    }
    (void)req_body(q, &len);
    q->route = route_find(req_method(q), req_path(q), len, e);
    return true;
}

void http_request(struct evhttp_request *ev, void *arg) {
    struct agent *a = arg;
    struct req *q = calloc(1, sizeof(*q));
    struct bufferevent *bev;
    struct err e = {0};

    if (!q) {
        evhttp_send_error(ev, 503, NULL);
        return;
    }
    q->a = a;
    q->ev = ev;
    q->id = ++a->next_id;
    q->con = evhttp_request_get_connection(ev);
    bev = evhttp_connection_get_bufferevent(q->con);
    q->ssl = bufferevent_openssl_get_ssl(bev);
    a->n_busy++;
    evhttp_connection_set_closecb(q->con, on_closed, q);
    conn_busy(q->ssl);
    keep_reading(bev);
    if (!admit(q, &e)) {
        req_error(q, &e);
    } else if (!q->route || q->route->ask_first) {
        op_ask_first(q); /* a stranger shall not even learn which paths there are */
    } else {
        q->route->run(q);
    }
}
