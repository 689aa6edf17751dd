/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/inventory of a node daemon: unpacked and parsed while it arrives, so that nothing is held
 * twice. A packed stream that grows without end stops at the reader's ceiling. */
#include "common/inventory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/nodes/nodes_int.h"

#define INVENTORY_S 120 /* as long as the node's reader takes at most */

struct stream {
    struct inventory_rd rd;
    struct err why; /* of the reader, when it stopped the transfer */
};

static void stream_done(struct stream *s) {
    inventory_done(&s->rd);
}

static int on_bytes(void *ctx, const void *data, size_t len) {
    struct stream *s = ctx;

    return inventory_feed(&s->rd, data, len, &s->why);
}

/* Whole, and of the node that was asked. */
static int check(const struct node *node, const struct stream *s, struct err *e) {
    int r = inventory_end(&s->rd, e);

    if (r == 0 && strcmp(s->rd.node, node->name) != 0) {
        r = err_tag(e, -EBADMSG, "inventory_invalid", "the inventory is that of %.63s", s->rd.node);
    }
    return r;
}

struct inventory_call {
    const struct node *node;
    struct call c;
    struct reply reply;
    struct stream s;
    struct call_under_way *u;
};

void inventory_call_free(struct inventory_call *t) {
    if (t) {
        call_drop(&t->u);
        stream_done(&t->s);
        reply_done(&t->reply);
        free(t);
    }
}

int node_inventory_begin(struct nodes *n, const char *name, const struct inventory_ops *ops,
                         void *ctx, struct inventory_call **ret, struct err *e) {
    CLEANUP(inventory_call_freep) struct inventory_call *t = calloc(1, sizeof(*t));
    struct node *node = node_get(n, name);
    int r;

    if (!t) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    t->node = node;
    t->c = (struct call){.method = "GET",
                         .path = "/v1/inventory",
                         .timeout_s = INVENTORY_S,
                         .sink = on_bytes,
                         .ctx = &t->s,
                         .packed = true};
    r = inventory_init(&t->s.rd, ops, ctx, e);
    r = r < 0 ? r : call_begin(n, node, &t->c, &t->reply, &t->u, e);
    if (r == 0) {
        *ret = TAKE(t);
    }
    return r;
}

size_t node_inventory_turn(struct inventory_call *t, struct pollfd *fd, size_t max, int *wait_ms) {
    return call_turn(t->u, fd, max, wait_ms);
}

int node_inventory_end(struct inventory_call **call, struct node_inventory *ret, struct err *e) {
    CLEANUP(inventory_call_freep) struct inventory_call *t = TAKE(*call);
    int r = call_end(&t->u, e);

    if (r < 0 && t->s.why.code) {
        if (e) {
            *e = t->s.why;
        }
        return err_wrap(e, "node %.63s", t->node->name);
    }
    if (r == 0 && t->reply.status != 200) {
        r = reply_refused(t->node, &t->reply, e);
    }
    if (r < 0) {
        return r;
    }
    r = check(t->node, &t->s, e);
    if (r < 0) {
        return err_wrap(e, "node %.63s", t->node->name);
    }
    ret->digest = t->s.rd.digest;
    ret->files = t->s.rd.files;
    ret->unread = t->s.rd.unread;
    return 0;
}
