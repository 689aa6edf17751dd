/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: what parses is printed to something that parses to the same, and is what json-c's own
 * parser makes of it. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/js.h"
#include "common/limits.h"
#include "common/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_as_json_c(const js *v, const char *data, size_t size) {
    json_tokener *t = json_tokener_new_ex(LIM_JSON_DEPTH + 2);
    CLEANUP(freep) char *text = strndup(data, size);
    CLEANUP(js_freep) js *other = t && text ? json_tokener_parse_ex(t, text, (int)size + 1) : NULL;
    bool same = t && json_tokener_get_error(t) == json_tokener_success && js_eq(v, other);

    json_tokener_free(t);
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(8 * LIM_CONF);
    CLEANUP(js_freep) js *v = NULL;
    CLEANUP(js_freep) js *again = NULL;

    if (size > LIM_CONF || js_parse((const char *)data, size, &v, NULL) < 0) {
        return 0;
    }
    assert(is_as_json_c(v, (const char *)data, size));
    assert(js_print(v, &b) == 0);
    assert(js_parse(buf_str(&b), b.len, &again, NULL) == 0);
    assert(js_eq(v, again));
    return 0;
}
