/* SPDX-License-Identifier: Apache-2.0 */
/* Frames between protocol process and worker, as bytes. What is taken has the members its kind
 * promises; what is refused ends the stream. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/mcp/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(WIRE_BUF);
    int r = 1;

    if (buf_add(&b, data, size) < 0) {
        return 0;
    }
    while (r > 0) {
        CLEANUP(wire_msg_done) struct wire_msg m = {0};
        struct err e;
        size_t before = b.len;

        r = wire_take(&b, &m, &e);
        if (r <= 0) {
            break;
        }
        if (b.len >= before || !m.root ||
            (m.kind == WIRE_CALL && (!m.tool || !m.actor || !js_is_object(m.args))) ||
            (m.kind == WIRE_PROGRESS && (!isfinite(m.done) || !isfinite(m.total))) ||
            (m.kind == WIRE_RESULT && !js_is_object(m.body))) {
            abort();
        }
    }
    return 0;
}
