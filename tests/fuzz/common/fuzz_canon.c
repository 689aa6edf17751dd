/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical JSON: the canonical form of what parses is canonical, and its own form. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/limits.h"
#include "common/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(8 * LIM_CONF);
    CLEANUP(js_freep) js *v = NULL;

    if (size > LIM_CONF || js_parse((const char *)data, size, &v, NULL) < 0 ||
        canon_write(v, &b, NULL) < 0) {
        return 0;
    }
    assert(canon_check(buf_str(&b), b.len, NULL) == 0);
    if (canon_check((const char *)data, size, NULL) == 0) {
        assert(b.len == size && memcmp(buf_str(&b), data, size) == 0);
    }
    return 0;
}
