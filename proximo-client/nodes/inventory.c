/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/inventory of a node daemon: unpacked and parsed while it arrives, so that nothing is held
 * twice. A packed stream that grows without end stops at the reader's ceiling. */
#include "common/inventory.h"

#include <errno.h>
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

int node_inventory(struct nodes *n, const char *name, const struct inventory_ops *ops, void *ctx,
                   struct node_inventory *ret, struct err *e) {
    CLEANUP(reply_done) struct reply a = {0};
    CLEANUP(stream_done) struct stream s = {0};
    struct node *node = node_get(n, name);
    struct call c = {.method = "GET",
                     .path = "/v1/inventory",
                     .timeout_s = INVENTORY_S,
                     .sink = on_bytes,
                     .ctx = &s,
                     .packed = true};
    int r = inventory_init(&s.rd, ops, ctx, e);

    r = r < 0 ? r : call_run(n, node, &c, &a, e);
    if (r < 0 && s.why.code) {
        if (e) {
            *e = s.why;
        }
        return err_wrap(e, "node %.63s", name);
    }
    if (r == 0 && a.status != 200) {
        r = reply_refused(node, &a, e);
    }
    if (r < 0) {
        return r;
    }
    r = check(node, &s, e);
    if (r < 0) {
        return err_wrap(e, "node %.63s", name);
    }
    ret->digest = s.rd.digest;
    ret->files = s.rd.files;
    ret->unread = s.rd.unread;
    return 0;
}
