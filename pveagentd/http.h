/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/http.h - one HTTP request being answered, without the library's types, so that the
 * server below could be exchanged. Every `struct req` is ended by exactly one of req_json,
 * req_bytes, req_error, req_end or req_break; after that it is gone. */
#pragma once
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/js.h"

struct agent;
struct buf;
struct err;
struct evbuffer;
struct req;
struct route;

struct agent *req_agent(struct req *q);
const char *req_method(const struct req *q);
const char *req_path(const struct req *q);                     /* without the query */
const char *req_query(const struct req *q);                    /* "" when there is none */
const char *req_header(const struct req *q, const char *name); /* NULL */
const void *req_body(struct req *q, size_t *ret_len);
const struct hash *req_peer(const struct req *q); /* SHA-256 of the client's public key */
SSL *req_ssl(struct req *q);
uint64_t req_id(const struct req *q);
const struct route *req_route(const struct req *q);

/* What waits for this request: called when the client goes away first; `free` when it ends. */
void req_wait(struct req *q, void *ctx, void (*gone)(void *ctx));

void req_json(struct req *q, int status, js *take);
void req_bytes(struct req *q, int status, const char *type, const void *data, size_t len);
void req_error(struct req *q, const struct err *e); /* status and shape by route.c's table */
void req_error_js(struct req *q, int status, js *take);

/* A stream: start, chunks (the next one only after `sent`), then end or break. req_break cuts the
 * connection, so that the client cannot take what it has for whole. */
void req_add_header(struct req *q, const char *name, const char *value); /* before the start */
void req_start(struct req *q, const char *type);
void req_chunk(struct req *q, struct evbuffer *data, void (*sent)(void *ctx), void *ctx);
void req_end(struct req *q);
void req_break(struct req *q);
