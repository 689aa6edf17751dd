/* SPDX-License-Identifier: Apache-2.0 */
/* The line grammar: what parses is written back to the same bytes. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/lines.h"
#include "common/limits.h"
#include "common/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct line_key keys[] = {
    {"a", false, true}, {"b", true, false}, {"c", false, false}, {"d", true, true}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(lines_done) struct lines l = {0};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);

    if (lines_parse((const char *)data, size, "h/v1", keys, ARRAY_LEN(keys), &l, NULL) < 0) {
        return 0;
    }
    assert(buf_adds(&b, "h/v1\n") == 0);
    for (size_t i = 0; i < l.n; i++) {
        assert(lines_put_n(&b, keys[l.v[i].key].name, l.v[i].value, l.v[i].len) == 0);
    }
    assert(b.len == size && memcmp(b.data, data, size) == 0);
    return 0;
}
