/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of one host: lines to requests, answers to lines, and the calls in between. Keeps: every
 * request is answered exactly once unless it was cancelled, and nothing is sent for a call after
 * its answer or its cancellation. */
#include "proximo-client/mcp/peer_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"

/* A 2025-03-26 host sends a handful; an array of ten thousand pings is no host. */
#define BATCH_MAX 100

int peer_new(const struct mcp_backend *b, const struct peer_ops *ops, void *ctx, struct peer **ret,
             struct err *e) {
    struct peer *p = calloc(1, sizeof(*p));

    if (!p) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    p->b = b;
    p->ops = ops;
    p->ctx = ctx;
    p->era.version = era_negotiate("");
    era_actor(NULL, p->era.actor);
    *ret = p;
    return 0;
}

void peer_freep(struct peer **pp) {
    struct peer *p = *pp;

    if (!p) {
        return;
    }
    while (p->calls) {
        struct batch *b = p->calls->batch;

        if (b && --b->waiting == 0) {
            json_object_put(b->answers);
            free(b);
        }
        p->calls->batch = NULL;
        peer_call_drop(p, p->calls);
    }
    json_object_put(p->with_output);
    free(p);
    *pp = NULL;
}

/* One answer fewer to wait for; the last one sends the array. */
static void batch_release(struct peer *p, struct batch *b) {
    if (--b->waiting > 0) {
        return;
    }
    if (js_len(b->answers) > 0) {
        p->ops->send(p->ctx, TAKE(b->answers), false);
    }
    json_object_put(b->answers);
    free(b);
}

void peer_answer(struct peer *p, struct batch *b, js *msg) {
    if (b) {
        js_push(b->answers, msg);
    } else {
        p->ops->send(p->ctx, msg, false);
    }
}

struct open_call *peer_call_add(struct peer *p, const struct request *r) {
    struct open_call *c = calloc(1, sizeof(*c));
    js *token = era_meta(r->m->params, "progressToken");

    if (!c) {
        return NULL;
    }
    c->ticket = ++p->last_ticket;
    c->id = js_copy(r->m->id);
    c->era = r->era;
    c->last = -1;
    c->batch = r->batch;
    if (c->batch) {
        c->batch->waiting++;
    }
    if (js_is_str(token) || js_is_int(token)) {
        c->token = js_copy(token);
    }
    c->next = p->calls;
    p->calls = c;
    return c;
}

void peer_call_drop(struct peer *p, struct open_call *c) {
    struct open_call **at = &p->calls;

    while (*at && *at != c) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = c->next;
    }
    if (c->batch) {
        batch_release(p, c->batch);
    }
    json_object_put(c->id);
    json_object_put(c->token);
    free(c);
}

static struct open_call *call_find(struct peer *p, int64_t ticket) {
    struct open_call *c = p->calls;

    while (c && c->ticket != ticket) {
        c = c->next;
    }
    return c;
}

/* ---- progress ---------------------------------------------------------------------------------*/

/* A JSON number for a double, short and exact enough; *ret is what the text says. */
static js *number(double v, double *ret) {
    char text[40];
    js *n = NULL;

    (void)snprintf(text, sizeof(text), "%.9g", v);
    *ret = strtod(text, NULL);
    if (js_parse(text, strlen(text), &n, NULL) < 0) {
        *ret = 0;
        return js_int(0);
    }
    return n;
}

/* The value must rise with every note. A tool that only has something new to say moves by a
 * hundredth of what is left; where nothing is left there is no note. */
static bool next_value(const struct open_call *c, double done, double total, double *ret) {
    double left = total > c->last ? total - c->last : 1;

    if (done > c->last) {
        *ret = done;
        return true;
    }
    if (total > 0 && c->last >= total) {
        return false;
    }
    *ret = c->last + left / 100;
    return true;
}

void peer_call_note(struct peer *p, struct open_call *c, double done, double total,
                    const char *message) {
    double value;
    double sent;
    js *params;
    js *n;

    if (!c->token || !next_value(c, done, total, &value)) {
        return;
    }
    n = number(value, &sent);
    if (sent <= c->last) {
        json_object_put(n);
        return;
    }
    c->last = sent;
    c->total = total;
    c->is_quiet = false;
    params = js_object();
    js_add(params, "progressToken", js_copy(c->token));
    js_add(params, "progress", n);
    if (total > 0) {
        js_add(params, "total", number(total, &sent));
    }
    if (message && *message) {
        js_add(params, "message", js_str(message));
    }
    p->ops->send(p->ctx, rpc_notification("notifications/progress", params), true);
}

void peer_progress(struct peer *p, int64_t ticket, double done, double total, const char *message) {
    struct open_call *c = call_find(p, ticket);

    if (!c) {
        return;
    }
    if (message) {
        (void)snprintf(c->message, sizeof(c->message), "%s", message);
    }
    peer_call_note(p, c, done, total, message);
}

void peer_heartbeat(struct peer *p) {
    for (struct open_call *c = p->calls; c; c = c->next) {
        if (c->is_quiet) {
            peer_call_note(p, c, c->last, c->total, c->message[0] ? c->message : "still running");
        }
        c->is_quiet = true;
    }
}

/* ---- results ----------------------------------------------------------------------------------*/

void peer_result(struct peer *p, int64_t ticket, js *body) {
    CLEANUP(js_freep) js *owned = body;
    struct open_call *c = call_find(p, ticket);

    if (!c) {
        return;
    }
    peer_answer(p, c->batch, rpc_result(c->id, method_envelope(p, c->era, TAKE(owned))));
    peer_call_drop(p, c);
}

void peer_lost(struct peer *p, int64_t ticket, const char *why) {
    struct open_call *c = call_find(p, ticket);
    struct rpc_fail f = {0};

    if (!c) {
        return;
    }
    (void)rpc_fail(&f, RPC_INTERNAL, "Internal error: %s", why);
    peer_answer(p, c->batch, rpc_error(c->id, &f));
    peer_call_drop(p, c);
}

size_t peer_open(const struct peer *p) {
    size_t n = 0;

    for (const struct open_call *c = p->calls; c; c = c->next) {
        n++;
    }
    return n;
}

/* ---- lines ------------------------------------------------------------------------------------*/

static void refuse(struct peer *p, struct batch *b, const js *id, int code, const char *what,
                   const char *why) {
    struct rpc_fail f = {0};

    (void)rpc_fail(&f, code, "%s: %s", what, why);
    peer_answer(p, b, rpc_error(id, &f));
}

static bool id_is_open(const struct peer *p, const js *id) {
    for (const struct open_call *c = p->calls; c; c = c->next) {
        if (js_eq(c->id, id)) {
            return true;
        }
    }
    return false;
}

static void request(struct peer *p, struct batch *b, const struct rpc_msg *m) {
    struct request r = {.m = m, .batch = b};
    struct rpc_fail f = {0};

    if (id_is_open(p, m->id)) {
        /* Without the id: an answer that carried it would end the other request at the host. */
        refuse(p, b, NULL, RPC_INVALID, "Invalid Request", "id belongs to a request still open");
        return;
    }
    r.era = era_choose(&p->era, m->method, m->params, &f);
    if (r.era == ERA_NONE) {
        peer_answer(p, b, rpc_error(m->id, &f));
        return;
    }
    method_request(p, &r);
}

static void message(struct peer *p, struct batch *b, const js *v) {
    struct rpc_msg m;

    rpc_classify(v, &m);
    switch (m.kind) {
    case RPC_REQUEST:
        if (b && strcmp(m.method, "initialize") == 0) {
            refuse(p, b, m.id, RPC_INVALID, "Invalid Request", "initialize inside a batch");
            return;
        }
        request(p, b, &m);
        return;
    case RPC_NOTIFICATION:
        method_notification(p, &m);
        return;
    case RPC_RESPONSE:
        return;
    case RPC_BATCH:
        refuse(p, b, NULL, RPC_INVALID, "Invalid Request", "batches are not supported");
        return;
    case RPC_BAD:
    default:
        refuse(p, b, m.id, RPC_INVALID, "Invalid Request", m.why);
        return;
    }
}

static void batch(struct peer *p, const js *array) {
    struct batch *b;

    if (!era_allows_batch(&p->era)) {
        message(p, NULL, array);
        return;
    }
    if (js_len(array) == 0 || js_len(array) > BATCH_MAX) {
        refuse(p, NULL, NULL, RPC_INVALID, "Invalid Request", "a batch holds 1 to 100 messages");
        return;
    }
    b = calloc(1, sizeof(*b));
    if (!b) {
        abort();
    }
    b->answers = js_array();
    b->waiting = 1; /* ours, so that a quick first answer does not send the array */
    for (size_t i = 0; i < js_len(array); i++) {
        message(p, b, js_at(array, i));
    }
    batch_release(p, b);
}

static bool is_blank(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (!strchr(" \t\r", text[i]) || !text[i]) {
            return false;
        }
    }
    return true;
}

void peer_line(struct peer *p, const char *text, size_t len) {
    CLEANUP(js_freep) js *v = NULL;
    struct err e = {0};

    if (is_blank(text, len)) {
        return;
    }
    if (js_parse(text, len, &v, &e) < 0) {
        refuse(p, NULL, NULL, RPC_PARSE, "Parse error", e.msg);
        return;
    }
    if (js_is_array(v)) {
        batch(p, v);
    } else {
        message(p, NULL, v);
    }
}

void peer_oversize(struct peer *p) {
    char why[64];

    (void)snprintf(why, sizeof(why), "a line is longer than %d bytes", LIM_RPC_LINE);
    refuse(p, NULL, NULL, RPC_PARSE, "Parse error", why);
}
