/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/conn.h - one TLS connection: counted, and cut when it dawdles. */
#pragma once
#include <openssl/ssl.h>
#include <stdint.h>

struct agent;
struct bufferevent;
struct event_base;
struct evhttp_request;

/* evhttp's maker of connections (ctx: struct agent). Never returns NULL: the library would then
 * speak plain HTTP. */
struct bufferevent *conn_new(struct event_base *base, void *ctx);
uint64_t conn_opened(SSL *ssl); /* monotonic ms; 0: unknown, which proves nothing */
void conn_busy(SSL *ssl);       /* a whole request is here: the clock stops */
void conn_idle(SSL *ssl);       /* it is answered: the next one has AGENT_IDLE_S */
void conn_cut(SSL *ssl);        /* no more bytes in or out; the loop sees the end */

void http_request(struct evhttp_request *ev, void *ctx); /* http.c: evhttp's callback */
