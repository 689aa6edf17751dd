/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTPS face. Keeps pveproxy's habits: the reason phrase carries the message, an error closes
 * the connection, a DELETE with a body is refused, a 401 comes late. One answer leaves only after
 * the change behind it is on disk (sim_dispatch commits). */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/tls.h"
#include "proximo-client/sim/form.h"
#include "proximo-client/sim/sim.h"

/* One for each address: which was asked says as which node the answer is given. */
static struct listener {
    struct sim *s;
    struct evhttp *http;
    char node[64]; /* "": the cluster's `local` */
} listener[1 + SIM_ALSO_MAX];
static SSL_CTX *context;

struct reply {
    struct evhttp_request *req;
    int status;
    char reason[512];
    struct buf body;
    bool drop, pbs;
};

static void reply_free(struct reply *r) {
    buf_done(&r->body);
    free(r);
}

static void send_now(evutil_socket_t fd, short what, void *arg) {
    struct reply *r = arg;
    struct evkeyvalq *h = evhttp_request_get_output_headers(r->req);
    struct evbuffer *out;

    (void)fd;
    (void)what;
    if (r->drop) {
        evhttp_connection_free(evhttp_request_get_connection(r->req));
        reply_free(r);
        return;
    }
    out = evbuffer_new();
    if (out && r->body.len) {
        (void)evbuffer_add(out, r->body.data, r->body.len);
    }
    if (!r->pbs) {
        (void)evhttp_add_header(h, "Server", "pve-api-daemon/3.0");
    }
    (void)evhttp_add_header(h, "Cache-Control", "max-age=0");
    (void)evhttp_add_header(h, "Content-Type", "application/json;charset=UTF-8");
    if (r->status != 200) {
        (void)evhttp_add_header(h, "Connection", "close");
    }
    evhttp_send_reply(r->req, r->status, r->reason, out);
    if (out) {
        evbuffer_free(out);
    }
    reply_free(r);
}

static void send_after(struct sim *s, struct reply *r, int64_t ms) {
    struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

    if (event_base_once(s->base, -1, EV_TIMEOUT, send_now, r, &tv) < 0) {
        send_now(-1, 0, r);
    }
}

/* A status line holds one line of printable text. */
static void set_reason(struct reply *r, const char *msg) {
    size_t n = 0;

    while (msg[n] && n + 1 < sizeof(r->reason)) {
        unsigned char c = (unsigned char)msg[n];

        r->reason[n] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
        n++;
    }
    r->reason[n] = '\0';
}

/* A backup server's phrase is the status in words, and its message is the body. */
static const char *reason_of(int status) {
    switch (status) {
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    default:
        return status >= 500 ? "Internal Server Error" : "Bad Request";
    }
}

static void make_body(struct call *c, struct reply *r) {
    CLEANUP(js_freep) js *body = js_object();

    if (c->file) {
        c->file(&r->body);
        return;
    }
    if (c->raw || (c->s->o.pbs && c->status != 200)) {
        (void)buf_adds(&r->body, c->msg);
        if (c->errors) { /* of several parameters the form is not known: the first is told */
            JS_FOREACH(c->errors, param, text) {
                buf_reset(&r->body);
                (void)buf_addf(&r->body, "parameter verification failed - '%s': %s", param,
                               json_object_get_string(text));
            }
        }
        return;
    }
    js_add(body, "data", c->status == 200 ? js_ref(c->data) : NULL);
    if (c->status == 200 && c->extra) {
        JS_FOREACH(c->extra, k, v) {
            js_add(body, k, js_ref(v));
        }
    }
    if (c->status != 200) {
        js_addf(body, "message", "%s\n", c->msg);
    }
    if (c->errors) {
        js_add(body, "errors", js_ref(c->errors));
    }
    (void)js_print(body, &r->body);
}

static void finish(struct call *c, struct evhttp_request *req, int64_t delay) {
    struct reply *r = calloc(1, sizeof(*r));

    if (!r) {
        evhttp_send_error(req, 500, "out of memory");
        return;
    }
    r->body = (struct buf)BUF_INIT(LIM_PVE_ANSWER);
    r->req = req;
    r->status = c->status;
    r->drop = c->drop_after;
    r->pbs = c->s->o.pbs;
    set_reason(r, c->status == 200 ? "OK" : c->s->o.pbs ? reason_of(c->status) : c->msg);
    make_body(c, r);
    send_after(c->s, r,
               delay + c->s->o.latency_ms + (c->status == 401 ? c->s->o.auth_delay_ms : 0));
}

static bool read_params(struct call *c, struct evhttp_request *req) {
    const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));
    struct evbuffer *in = evhttp_request_get_input_buffer(req);
    size_t n = evbuffer_get_length(in);
    const char *type = evhttp_find_header(evhttp_request_get_input_headers(req), "Content-Type");
    struct err e = {0};

    if (c->method == M_DELETE || c->method == M_GET) {
        const char *len =
            evhttp_find_header(evhttp_request_get_input_headers(req), "Content-Length");

        if (n || (len && strcmp(len, "0") != 0)) {
            (void)call_fail(c, 501, "Unexpected content for method '%s'",
                            c->method == M_GET ? "GET" : "DELETE");
            c->raw = true;
            return false;
        }
    }
    if (query && form_parse(query, strlen(query), c->params, &e) < 0) {
        (void)call_fail(c, 400, "%s", e.msg);
        return false;
    }
    if (!n) {
        return true;
    }
    if (type && strncmp(type, "application/json", 16) == 0) {
        js *o = NULL;

        if (js_parse((const char *)evbuffer_pullup(in, -1), n, &o, &e) < 0 || !js_is_object(o)) {
            js_freep(&o);
            (void)call_fail(c, 400, "body is not a JSON object");
            return false;
        }
        JS_FOREACH(o, k, v) { /* values as text, as a form would bring them */
            enum json_type t = json_object_get_type(v);

            js_add(c->params, k,
                   js_str(t == json_type_boolean ? (json_object_get_boolean(v) ? "1" : "0")
                                                 : json_object_get_string(v)));
        }
        js_freep(&o);
        return true;
    }
    if (type && strncmp(type, "application/x-www-form-urlencoded", 33) != 0) {
        (void)call_fail(c, 501, "content type '%.80s' is not supported", type);
        c->raw = true;
        return false;
    }
    if (form_parse((const char *)evbuffer_pullup(in, -1), n, c->params, &e) < 0) {
        (void)call_fail(c, 400, "%s", e.msg);
        return false;
    }
    return true;
}

static bool method_of(struct evhttp_request *req, enum method *ret) {
    switch (evhttp_request_get_command(req)) {
    case EVHTTP_REQ_GET:
        *ret = M_GET;
        return true;
    case EVHTTP_REQ_POST:
        *ret = M_POST;
        return true;
    case EVHTTP_REQ_PUT:
        *ret = M_PUT;
        return true;
    case EVHTTP_REQ_DELETE:
        *ret = M_DELETE;
        return true;
    case EVHTTP_REQ_HEAD:
    case EVHTTP_REQ_OPTIONS:
    case EVHTTP_REQ_TRACE:
    case EVHTTP_REQ_CONNECT:
    case EVHTTP_REQ_PATCH:
    default:
        return false;
    }
}

static void answer(struct call *c, struct evhttp_request *req) {
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
    static const char prefix[] = "/api2/json";
    struct fault f;

    if (!method_of(req, &c->method)) {
        (void)call_fail(c, 501, "method not available");
        c->raw = true;
        finish(c, req, 0);
        return;
    }
    if (path && c->method == M_GET && !c->s->o.pbs && strcmp(path, APIDOC_PATH) == 0) {
        c->file = apidoc_write;
        finish(c, req, 0);
        return;
    }
    if (path && strncmp(path, prefix, sizeof(prefix) - 1) == 0) {
        path += sizeof(prefix) - 1;
    } else if (!path || strncmp(path, "/sim/", 5) != 0) {
        (void)call_fail(c, 501, "no such file '%.200s'", path ? path : "");
        c->raw = true;
        finish(c, req, 0);
        return;
    }
    c->path = path;
    f = strncmp(path, "/sim/", 5) == 0 ? (struct fault){0}
                                       : fault_take(c->s, c->method, path, false);
    if (f.kind == F_STATUS) {
        (void)call_fail(c, (int)f.value, "%s", f.text);
    } else if (f.kind == F_DROP_BEFORE) {
        c->drop_after = true;
    } else if (read_params(c, req) &&
               auth_check(
                   c, evhttp_find_header(evhttp_request_get_input_headers(req), "Authorization"))) {
        sim_dispatch(c);
        c->drop_after = f.kind == F_DROP_AFTER;
    }
    finish(c, req, f.kind == F_LATENCY ? f.value : 0);
}

static void on_request(struct evhttp_request *req, void *arg) {
    const struct listener *l = arg;
    struct call c = {.s = l->s, .status = 200, .at = l->node[0] ? l->node : NULL};

    c.params = js_object();
    c.in_path = js_object();
    answer(&c, req);
    js_freep(&c.params);
    js_freep(&c.in_path);
    js_freep(&c.errors);
    js_freep(&c.data);
    js_freep(&c.extra);
    free((char *)(uintptr_t)c.auth);
}

static struct bufferevent *new_connection(struct event_base *base, void *arg) {
    SSL *ssl = SSL_new(context);

    (void)arg;
    if (!ssl) {
        return NULL;
    }
    return bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                          BEV_OPT_CLOSE_ON_FREE);
}

static int make_certificate(struct sim *s, int dir, struct err *e) {
    CLEANUP(tls_key_freep) EVP_PKEY *key = NULL;
    CLEANUP(tls_cert_freep) X509 *cert = NULL;
    struct stat st;

    if (fstatat(dir, "key.pem", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        fstatat(dir, "cert.pem", &st, AT_SYMLINK_NOFOLLOW) == 0) {
        return 0;
    }
    if (tls_key_new_p256(&key, e) < 0 ||
        tls_self_signed(key, "pvesim", "IP:127.0.0.1,DNS:localhost", 3650, &cert, e) < 0 ||
        tls_write_key(dir, "key.pem", key, e) < 0 || tls_write_cert(dir, "cert.pem", cert, e) < 0) {
        return e->code;
    }
    (void)s;
    return 0;
}

static int load_tls(struct sim *s, struct err *e) {
    CLEANUP(closep) int dir = open(s->o.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(tls_key_freep) EVP_PKEY *key = NULL;
    CLEANUP(tls_cert_freep) X509 *cert = NULL;

    if (dir < 0) {
        return err_set(e, -errno, "open %s: %s", s->o.dir, strerror(errno));
    }
    if (make_certificate(s, dir, e) < 0 || tls_read_key(dir, "key.pem", &key, e) < 0 ||
        tls_read_cert(dir, "cert.pem", &cert, e) < 0 || tls_fingerprint(cert, s->fingerprint) < 0) {
        return e->code ? e->code : -EIO;
    }
    context = SSL_CTX_new(TLS_server_method());
    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_use_certificate(context, cert) != 1 || SSL_CTX_use_PrivateKey(context, key) != 1) {
        return err_set(e, -EIO, "certificate and key in %s do not fit", s->o.dir);
    }
    return 0;
}

/* "127.0.0.1:8006", "[::1]:0" */
static int split_listen(const char *listen, char *host, size_t size, uint16_t *port) {
    const char *colon = strrchr(listen, ':');
    size_t n = colon ? (size_t)(colon - listen) : 0;
    uint32_t p;

    if (n >= 2 && listen[0] == '[' && listen[n - 1] == ']') {
        listen++;
        n -= 2;
    }
    if (!colon || !n || n >= size || ident_u32(colon + 1, &p) < 0 || p > 65535) {
        return -EINVAL;
    }
    memcpy(host, listen, n);
    host[n] = '\0';
    *port = (uint16_t)p;
    return 0;
}

static char *bound_address(evutil_socket_t fd, const char *host) {
    struct sockaddr_storage a;
    socklen_t len = sizeof(a);
    unsigned int port = 0;
    CLEANUP(buf_done) struct buf b = BUF_INIT(256);

    if (getsockname(fd, (struct sockaddr *)&a, &len) == 0) {
        port = ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&a)->sin6_port
                                             : ((struct sockaddr_in *)(void *)&a)->sin_port);
    }
    (void)buf_addf(&b, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
    return buf_take(&b);
}

static int listen_at(struct listener *l, const char *where, char **ret_addr, struct err *e) {
    struct evhttp_bound_socket *sock;
    const int on = 1;
    char host[128];
    uint16_t port;
    int r = split_listen(where, host, sizeof(host), &port);

    if (r < 0) {
        return err_set(e, r, "an address to serve is ADDRESS:PORT, not '%s'", where);
    }
    l->http = evhttp_new(l->s->base);
    if (!l->http) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    evhttp_set_bevcb(l->http, new_connection, l->s);
    evhttp_set_gencb(l->http, on_request, l);
    evhttp_set_timeout(l->http, 120);
    evhttp_set_max_headers_size(l->http, 32 * 1024);
    evhttp_set_max_body_size(l->http, LIM_HTTP_BODY);
    sock = evhttp_bind_socket_with_handle(l->http, host, port);
    if (!sock) {
        return err_set(e, -errno, "listen on %s: %s", where, strerror(errno));
    }
    (void)fcntl(evhttp_bound_socket_get_fd(sock), F_SETFD, FD_CLOEXEC);
    /* Inherited by what is accepted: head and body are two writes, and would wait for each other.
     */
    (void)setsockopt(evhttp_bound_socket_get_fd(sock), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    *ret_addr = bound_address(evhttp_bound_socket_get_fd(sock), host);
    return 0;
}

static int listen_as(struct sim *s, size_t i, struct err *e) {
    struct listener *l = &listener[1 + i];
    const char *eq = strchr(s->o.also[i], '=');

    l->s = s;
    if (!eq || (size_t)(eq - s->o.also[i]) >= sizeof(l->node)) {
        return err_set(e, -EINVAL, "--also wants NODE=ADDRESS:PORT, not '%s'", s->o.also[i]);
    }
    memcpy(l->node, s->o.also[i], (size_t)(eq - s->o.also[i]));
    if (!state_get(&s->st, "nodes", l->node, NULL)) {
        return err_set(e, -ENOENT, "--also: the cluster has no node '%s'", l->node);
    }
    return listen_at(l, eq + 1, &s->also[i], e);
}

int http_start(struct sim *s, struct err *e) {
    int r = load_tls(s, e);

    listener[0].s = s;
    r = r < 0 ? r : listen_at(&listener[0], s->o.listen, &s->addr, e);
    for (size_t i = 0; r == 0 && i < s->o.n_also; i++) {
        r = listen_as(s, i, e);
    }
    return r;
}

void http_stop(struct sim *s) {
    (void)s;
    for (size_t i = 0; i < ARRAY_LEN(listener); i++) {
        if (listener[i].http) {
            evhttp_free(listener[i].http);
        }
    }
    memset(listener, 0, sizeof(listener));
    SSL_CTX_free(context);
    context = NULL;
}
