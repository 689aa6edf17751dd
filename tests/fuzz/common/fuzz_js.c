/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: what parses is printed to something that parses to the same, and is what json-c's own
 * parser makes of it. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
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

static const char *const only[] = {"vmid", "a", "", NULL};

static bool is_named(const char *key) {
    bool named = false;

    for (size_t i = 0; only[i]; i++) {
        named = named || strcmp(only[i], key) == 0;
    }
    return named;
}

/* What is left of a value when the members of objects on the third level go that are not named. */
static js *left_of(const js *v, unsigned int depth) {
    js *out;

    if (!js_is_object(v) && !js_is_array(v)) {
        return js_ref((js *)(uintptr_t)v);
    }
    out = js_is_object(v) ? js_object() : js_array();
    for (size_t i = 0; i < js_len(v); i++) {
        js_push(out, left_of(js_at(v, i), depth + 1));
    }
    JS_FOREACH(v, key, val) {
        if (depth != 3 || is_named(key)) {
            js_add(out, key, left_of(val, depth + 1));
        }
    }
    return out;
}

static void check_rows(const char *data, size_t size, bool is_json, const js *whole) {
    CLEANUP(js_freep) js *v = NULL;
    CLEANUP(js_freep) js *want = left_of(whole, 1);
    struct err e = {0}, why = {0};
    int r = js_parse_rows(data, size, only, &v, &e);

    if (is_json) {
        /* a key written with escapes is kept, and may be one of those that go */
        assert(r == 0 && (js_eq(v, want) || memchr(data, '\\', size)));
    } else if (r == 0) { /* only what goes may be there twice */
        CLEANUP(js_freep) js *none = NULL;

        assert(js_parse(data, size, &none, &why) < 0 && strstr(why.msg, "duplicate"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(8 * LIM_CONF);
    CLEANUP(js_freep) js *v = NULL;
    CLEANUP(js_freep) js *again = NULL;
    int r;

    if (size > LIM_CONF) {
        return 0;
    }
    r = js_parse((const char *)data, size, &v, NULL);
    check_rows((const char *)data, size, r == 0, v);
    if (r < 0) {
        return 0;
    }
    assert(is_as_json_c(v, (const char *)data, size));
    assert(js_print(v, &b) == 0);
    assert(js_parse(buf_str(&b), b.len, &again, NULL) == 0);
    assert(js_eq(v, again));
    return 0;
}
