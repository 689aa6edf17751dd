/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: the first three lines come back as they were. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/checkpoint.h"
#include "common/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(1000);
    struct checkpoint c;

    if (checkpoint_parse((const char *)data, size, &c, NULL) < 0) {
        return 0;
    }
    assert(checkpoint_text(&c, &b) == 0);
    assert(b.len <= size && memcmp(b.data, data, b.len) == 0);
    return 0;
}
