/* SPDX-License-Identifier: Apache-2.0 */
/* What the program that acts reads: whatever is taken as an order is written back as the same bytes,
 * so that no two orders mean the same and none means two things. */
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/own.h"
#include "pveagentd/act/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(buf_done) struct buf back = BUF_INIT(LIM_PRIV_MSG);
    struct order o;

    if (order_read(data, size, &o) < 0) {
        return 0;
    }
    if (order_make(&o, &back) < 0 || back.len != size || memcmp(back.data, data, size) != 0 ||
        order_fds(o.verb) > ORDER_FDS || order_has_request(o.verb) != (o.request_len > 0)) {
        abort();
    }
    return 0;
}
