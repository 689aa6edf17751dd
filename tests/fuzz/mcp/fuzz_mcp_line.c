/* SPDX-License-Identifier: Apache-2.0 */
/* Lines from a host, as bytes. The first byte says how the calls they start end. Checked beside
 * memory safety: whatever comes in, what goes out is JSON with an id, an error or a batch, and
 * never more than one answer an id of an open call. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/mcp/linein.h"
#include "proximo-client/mcp/mcp.h"
#include "proximo-client/mcp/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct peer *peer;
static uint8_t ending;
static int64_t last;

static void demand(bool cond) {
    if (!cond) {
        abort();
    }
}

static void on_send(void *ctx, js *msg, bool droppable) {
    CLEANUP(js_freep) js *owned = msg;
    CLEANUP(js_freep) js *again = NULL;
    CLEANUP(buf_done) struct buf b = BUF_INIT(64 * 1024 * 1024);

    (void)ctx;
    demand(js_print(owned, &b) == 0);
    demand(!memchr(b.data, '\n', b.len));
    demand(js_parse(b.data, b.len, &again, NULL) == 0);
    if (js_is_array(owned)) {
        return;
    }
    demand(droppable == (js_get(owned, "method") != NULL));
    demand(droppable || js_get(owned, "result") || js_get(owned, "error"));
    demand(droppable || js_get(owned, "id") || js_get(owned, "error"));
}

static int on_start(void *ctx, int64_t ticket, js *call, struct err *e) {
    (void)ctx;
    json_object_put(call);
    last = ticket;
    return ending % 4 == 3 ? err_set(e, -16, "full") : 0;
}

static void on_cancel(void *ctx, int64_t ticket) {
    (void)ctx;
    demand(ticket > 0 && ticket <= last);
}

static void on_line(void *ctx, const char *text, size_t len) {
    (void)ctx;
    peer_line(peer, text, len);
    peer_progress(peer, last, 1, 3, "on its way");
    peer_heartbeat(peer);
    if (ending % 4 == 1) {
        peer_result(peer, last, js_object());
    } else if (ending % 4 == 2) {
        peer_lost(peer, last, "gone");
    }
}

static void on_oversize(void *ctx) {
    (void)ctx;
    peer_oversize(peer);
}

static js *tools(void *ctx) {
    js *list = js_array();
    js *t = js_object();

    (void)ctx;
    js_add(t, "name", js_str("a"));
    js_push(list, t);
    return list;
}

static bool has_tool(void *ctx, const char *name) {
    (void)ctx;
    return strcmp(name, "a") == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct mcp_backend backend = {
        .name = "fuzz", .version = "1", .tools = tools, .has_tool = has_tool};
    static const struct peer_ops ops = {on_send, on_start, on_cancel};
    static const struct linein_ops line_ops = {on_line, on_oversize};
    CLEANUP(linein_done) struct linein in = LINEIN_INIT;

    if (size < 1) {
        return 0;
    }
    ending = data[0];
    last = 0;
    demand(peer_new(&backend, &ops, NULL, &peer, NULL) == 0);
    demand(linein_feed(&in, (const char *)data + 1, size - 1, &line_ops, NULL) == 0);
    peer_freep(&peer);
    return 0;
}
