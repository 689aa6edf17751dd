/* SPDX-License-Identifier: Apache-2.0 */
/* Line texts of the root half → JSON that can be printed and read back. */
#include <stdint.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/own.h"
#include "pveagentd/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int r, js *o) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 22);
    CLEANUP(js_freep) js *again = NULL;

    if (r < 0) {
        return;
    }
    if (js_print(o, &b) < 0 || js_parse(b.data, b.len, &again, NULL) < 0) {
        abort();
    }
    js_freep(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    js *o = NULL;
    js *p = NULL;
    int r = answer_explain((const char *)data, size, &o, NULL);

    check(r, o);
    r = answer_status((const char *)data, size, &p, NULL);
    check(r, p);
    return 0;
}
