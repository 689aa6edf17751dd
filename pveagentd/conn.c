/* SPDX-License-Identifier: Apache-2.0 */
/* Network half: connections. The ceiling on their number and the clock on a client's slowness hang
 * on the life of the SSL object, because that is the one thing that exactly one connection has from
 * accept to the end, whichever way it ends. */
#include "pveagentd/conn.h"

#include <event2/bufferevent_ssl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "pveagentd/agent.h"

struct conn {
    struct agent *a;
    struct event *clock;
    uint64_t opened_ms;
};

static int conn_index = -1;

static struct conn *conn_of(SSL *ssl) {
    return ssl ? SSL_get_ex_data(ssl, conn_index) : NULL;
}

static void on_ssl_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
                        void *argp) {
    struct conn *c = ptr;

    (void)parent;
    (void)ad;
    (void)idx;
    (void)argl;
    (void)argp;
    if (c) {
        event_free(c->clock);
        c->a->n_conns--;
        agent_pause(c->a);
        free(c);
    }
}

static void clock_set(struct conn *c, int seconds) {
    struct timeval tv = {seconds, 0};

    if (c) {
        (void)event_add(c->clock, &tv);
    }
}

uint64_t conn_opened(SSL *ssl) {
    const struct conn *c = conn_of(ssl);

    return c ? c->opened_ms : 0;
}

void conn_busy(SSL *ssl) {
    struct conn *c = conn_of(ssl);

    if (c) {
        (void)event_del(c->clock);
    }
}

void conn_idle(SSL *ssl) {
    clock_set(conn_of(ssl), AGENT_IDLE_S);
}

void conn_cut(SSL *ssl) {
    int fd = ssl ? SSL_get_fd(ssl) : -1;

    if (fd >= 0) {
        (void)shutdown(fd, SHUT_RDWR);
    }
}

static void on_clock(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    conn_cut(arg);
}

struct bufferevent *conn_new(struct event_base *base, void *ctx) {
    struct agent *a = ctx;
    struct conn *c = calloc(1, sizeof(*c));
    SSL *ssl = SSL_new(a->tls);
    struct bufferevent *bev;

    if (conn_index < 0) {
        conn_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_ssl_free);
    }
    if (!c || !ssl || conn_index < 0) {
        abort(); /* without memory for TLS there is no connection, and certainly not a plain one */
    }
    c->a = a;
    c->opened_ms = (uint64_t)clock_mono_ms();
    c->clock = event_new(base, -1, 0, on_clock, ssl);
    bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                         BEV_OPT_CLOSE_ON_FREE);
    if (!c->clock || !bev || SSL_set_ex_data(ssl, conn_index, c) != 1) {
        abort();
    }
    /* A peer that ends TCP without a TLS end is common and harmless here: answers have their own
     * lengths and streams their own end frame. */
    bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    a->n_conns++;
    agent_pause(a);
    clock_set(c, AGENT_FIRST_S);
    return bev;
}
