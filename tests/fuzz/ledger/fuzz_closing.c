/* SPDX-License-Identifier: Apache-2.0 */
/* Closings: what parses can be written again, and means the same. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/closing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(closing_done) struct closing c = {0};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);

    if (closing_parse((const char *)data, size, &c, NULL) == 0) {
        assert(c.log && c.reason && *c.reason && strlen(c.reason) <= CLOSING_REASON_MAX);
        assert(closing_text(&c, &b, NULL) == 0);
        assert(b.len == size && memcmp(b.data, data, size) == 0);
    }
    return 0;
}
