/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/agent.h - the network half's one state, and what its files need of each other.
 * It runs as its own user without capabilities. It speaks TLS, HTTP and JSON and decides nothing:
 * every answer that matters comes from the root half (priv/msg.h). */
#pragma once
#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/digest.h"
#include "pveagentd/limits.h"

struct err;
struct evhttp;
struct evhttp_bound_socket;
struct watch;

struct agent_addr {
    struct sockaddr_storage sa;
    socklen_t len;
};

struct agent_opts {
    struct agent_addr listen[AGENT_LISTEN_MAX];
    size_t n_listen;
    const char *priv_socket;
    const char *reader_socket;
    const char *state; /* directory of tls.key and tls.crt */
};

struct agent {
    struct agent_opts o;
    struct event_base *base;
    SSL_CTX *tls;
    struct evhttp *http;
    struct evhttp_bound_socket *bound[AGENT_LISTEN_MAX];
    size_t n_listeners;
    struct watch *watch;
    bool is_activated; /* the listeners came from systemd: they stay open */
    bool is_open;      /* ours are open */
    bool is_full;      /* connections at the ceiling: not accepting for now */
    bool is_stopping;
    size_t n_conns;
    size_t n_busy; /* requests being answered */
    size_t n_acts; /* streams among them */
    size_t n_inventories;
    struct client_load load[AGENT_CLIENTS_MAX];
    uint64_t next_id;    /* of requests, for the log */
    uint64_t n_requests; /* answered since start, for /v1/metrics */
    uint64_t n_refused;
};

/* listen.c: TLS, listeners, connections. */
int agent_tls_load(struct agent *a, struct err *e); /* (re)reads key and certificate */
/* Makes tls.key and tls.crt unless they are there; next: the pair that will follow them. */
int agent_init_key(const char *state, bool next, struct err *e);
int agent_parse_addr(const char *text, struct agent_addr *ret); /* "1.2.3.4:8643", "[::1]:8643" */
int agent_http_start(struct agent *a, struct err *e);
void agent_finish(struct agent *a);                      /* frees server, watch and loop */
int agent_adopt(struct agent *a, int fd, struct err *e); /* a listening socket from systemd */
int agent_open(struct agent *a, struct err *e);          /* opens the configured addresses */
void agent_shut(struct agent *a);                        /* closes them */
void agent_pause(struct agent *a);                       /* accepts or not, by n_conns */

/* gatekeep.c: asks the root half whether anybody may connect at all, and opens or closes. */
int agent_watch_start(struct agent *a, struct err *e);
void agent_watch_stop(struct agent *a);
int agent_mark_enrolled(struct agent *a,
                        struct err *e); /* the port opens at every start from now on */

/* log.c */
enum agent_event {
    AE_STARTED,
    AE_OPENED,
    AE_CLOSED,
    AE_REFUSED,
    AE_ACT,
    AE_STREAM_LOST,
    AE_ROOT_HALF,
    AE_JOINED,
    AE_LIMIT,
    AE_CERTIFICATE,
    AE_READER,
    AE_COUNT
};
/* log_event of common/systemd.h, with the event's priority and MESSAGE_ID. */
void agent_log(enum agent_event event, const char *text, ...) __attribute__((sentinel));
