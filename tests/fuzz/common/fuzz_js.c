/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: what parses is printed to something that parses to the same. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/js.h"
#include "common/limits.h"
#include "common/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(8 * LIM_CONF);
    CLEANUP(js_freep) js *v = NULL;
    CLEANUP(js_freep) js *again = NULL;

    if (size > LIM_CONF || js_parse((const char *)data, size, &v, NULL) < 0) {
        return 0;
    }
    assert(js_print(v, &b) == 0);
    assert(js_parse(buf_str(&b), b.len, &again, NULL) == 0);
    assert(js_eq(v, again));
    return 0;
}
