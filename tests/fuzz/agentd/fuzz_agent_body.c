/* SPDX-License-Identifier: Apache-2.0 */
/* JSON bodies → messages: whatever is taken is one whole, well-formed message of its kind. */
#include <stdint.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/limits.h"
#include "common/own.h"
#include "pveagentd/answer.h"
#include "common/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hash peer = {{9}};
static const uint8_t exporter[32] = {8};

static void check(int r, const struct buf *m, uint16_t want) {
    struct msg_rd rd;
    uint16_t type;
    size_t len;

    if (r < 0) {
        return;
    }
    if (msg_open(m->data, m->len, &type, &rd) < 0 || type != want) {
        abort();
    }
    while (rd.p < rd.end) {
        (void)msg_field(&rd, LIM_PRIV_MSG, &len);
    }
    if (msg_done(&rd) < 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(buf_done) struct buf m = BUF_INIT(LIM_PRIV_MSG);
    const char *s = (const char *)data;

    check(body_act(s, size, &peer, &m, NULL), &m, MSG_ACT);
    check(body_explain(s, size, &peer, &m, NULL), &m, MSG_EXPLAIN);
    check(body_cancel(s, size, &peer, &m, NULL), &m, MSG_CANCEL);
    check(body_receipts_ack(s, size, &peer, &m, NULL), &m, MSG_RECEIPTS_ACK);
    check(body_join(s, size, &peer, exporter, &m, NULL), &m, MSG_JOIN);
    return 0;
}
