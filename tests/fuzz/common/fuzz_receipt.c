/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts: what parses is written back to the same bytes. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    struct receipt r;

    if (receipt_parse((const char *)data, size, &r, NULL) == 0) {
        assert(receipt_text(&r, &b, NULL) == 0);
        assert(b.len == size && memcmp(b.data, data, size) == 0);
    }
    return 0;
}
