/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from outside: a strict scanner (js_scan.c) decides what is JSON, json-c builds the tree. The
 * scanner counts object members; a tree with fewer had duplicate keys, which json-c drops silently.
 */
#include "common/js.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/js_scan.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/unseen.h"

static size_t count_members(const js *v) {
    size_t n = 0;

    switch (json_object_get_type(v)) { /* asked once: most values are neither */
    case json_type_object: {
        json_object_object_foreach((js *)(uintptr_t)v, key, val) {
            (void)key;
            n += 1 + count_members(val);
        }
        break;
    }
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(v); i++) {
            n += count_members(json_object_array_get_idx(v, i));
        }
        break;
    case json_type_null:
    case json_type_boolean:
    case json_type_double:
    case json_type_int:
    case json_type_string:
    default:
        break;
    }
    return n;
}

static void tokener_freep(json_tokener **t) {
    if (*t) {
        json_tokener_free(*t);
    }
}

int js_parse(const char *text, size_t len, js **ret, struct err *e) {
    return js_parse_rows(text, len, NULL, ret, e);
}

int js_parse_rows(const char *text, size_t len, const char *const *only, js **ret, struct err *e) {
    CLEANUP(tokener_freep) json_tokener *t = NULL;
    CLEANUP(js_freep) js *v = NULL;
    CLEANUP(freep) char *copy = NULL;
    size_t kept, members;
    int r;

    if (len > LIM_PVE_ANSWER) {
        return err_set(e, -E2BIG, "JSON longer than %d bytes", LIM_PVE_ANSWER);
    }
    copy = malloc(len + 1); /* json-c wants to see the end of a bare number */
    if (!copy) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    r = js_scan(text, len, only, copy, &kept, &members, e);
    if (r < 0) {
        return r;
    }
    t = json_tokener_new_ex(LIM_JSON_DEPTH + 2);
    if (!t) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    /* Not JSON_TOKENER_STRICT: that of json-c 0.18 (Debian 13) refuses every string with a byte
     * above 127 (json-c issue 875). The scan above has held all of it to the grammar already. */
    json_tokener_set_flags(t, JSON_TOKENER_VALIDATE_UTF8);
    v = json_tokener_parse_ex(t, copy, (int)kept + 1);
    if (json_tokener_get_error(t) != json_tokener_success) {
        return err_set(e, -EBADMSG, "not JSON: %s",
                       json_tokener_error_desc(json_tokener_get_error(t)));
    }
    if (count_members(v) != members) {
        return err_set(e, -EBADMSG, "duplicate key in a JSON object");
    }
    *ret = TAKE(v);
    return 0;
}

/* A character of a string in JSON text, in the form that has nothing but ASCII. */
static int put_escape(struct buf *b, uint32_t c) {
    if (c < 0x10000) {
        return buf_addf(b, "\\u%04x", (unsigned int)c);
    }
    c -= 0x10000;
    return buf_addf(b, "\\u%04x\\u%04x", 0xd800 + (unsigned int)(c >> 10),
                    0xdc00 + (unsigned int)(c & 0x3ff));
}

/* Copies text and replaces what is not UTF-8; `escape` writes what would steer a screen as \uXXXX
 * (in JSON text: there such characters stand in strings alone, but for the line feeds between). */
static int clean_utf8(const char *text, size_t len, bool escape, struct buf *ret) {
    const unsigned char *p = (const unsigned char *)text;
    const unsigned char *end = p + len;
    int r = 0;

    while (r == 0 && p < end) {
        size_t n = js_utf8_len(p, end);
        uint32_t c;

        if (!n) {
            r = buf_adds(ret, "\xef\xbf\xbd");
            p++;
            continue;
        }
        if (escape && *p != '\n' && unseen(p, n, &c)) {
            r = put_escape(ret, c);
        } else {
            const unsigned char *from = p;

            /* runs of ASCII in one piece */
            while (n == 1 && p + 1 < end && p[1] < 0x80 && p[1] != 0x7f) {
                p++;
            }
            r = buf_add(ret, from, (size_t)(p - from) + n);
        }
        p += n;
    }
    return r;
}

static int print(const js *v, int flags, struct buf *ret) {
    size_t len = 0;
    const char *s = json_object_to_json_string_length((js *)(uintptr_t)v, flags, &len);

    return s ? clean_utf8(s, len, true, ret) : -ENOMEM;
}

int js_print(const js *v, struct buf *ret) {
    return print(v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, ret);
}

int js_print_pretty(const js *v, struct buf *ret) {
    return print(
        v, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE, ret);
}

/* Building an answer without memory is not something a caller can act on: end the process. */
static js *need(js *v) {
    if (!v) {
        abort();
    }
    return v;
}

js *js_object(void) {
    return need(json_object_new_object());
}

js *js_array(void) {
    return need(json_object_new_array());
}

static bool is_ascii(const char *s, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)s[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

js *js_str_n(const char *s, size_t len) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(3 * len + 1);

    if (len <= INT_MAX && is_ascii(s, len)) { /* nearly all: nothing to replace, no copy */
        return need(json_object_new_string_len(s, (int)len));
    }
    if (clean_utf8(s, len, false, &b) < 0) {
        abort();
    }
    return need(json_object_new_string_len(buf_str(&b), (int)b.len));
}

js *js_str(const char *s) {
    return s ? js_str_n(s, strlen(s)) : NULL;
}

js *js_int(int64_t v) {
    return need(json_object_new_int64(v));
}

js *js_bool(bool v) {
    return need(json_object_new_boolean(v));
}

js *js_copy(const js *v) {
    js *copy = NULL;

    if (v && json_object_deep_copy((js *)(uintptr_t)v, &copy, NULL) < 0) {
        abort();
    }
    return copy;
}

void js_add_key(js *object, const char *key, js *value, bool is_literal) {
    /* json-c copies a key unless it is told that the text stays */
    if (json_object_object_add_ex(object, key, value,
                                  is_literal ? JSON_C_OBJECT_ADD_CONSTANT_KEY : 0) < 0) {
        abort();
    }
}

void js_push(js *array, js *value) {
    if (json_object_array_add(array, value) < 0) {
        abort();
    }
}

void js_addf(js *object, const char *key, const char *fmt, ...) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = buf_vaddf(&b, fmt, ap);
    va_end(ap);
    js_add(object, key, js_str(r < 0 ? "(too long)" : buf_str(&b)));
}

js *js_get(const js *object, const char *key) {
    js *v = NULL;

    if (!json_object_is_type(object, json_type_object)) {
        return NULL;
    }
    return json_object_object_get_ex(object, key, &v) ? v : NULL;
}

const char *js_get_str(const js *object, const char *key) {
    js *v = js_get(object, key);

    if (!json_object_is_type(v, json_type_string)) {
        return NULL;
    }
    if (strlen(json_object_get_string(v)) != (size_t)json_object_get_string_len(v)) {
        return NULL; /* a NUL inside would hide what follows it */
    }
    return json_object_get_string(v);
}

bool js_get_int(const js *object, const char *key, int64_t *ret) {
    js *v = js_get(object, key);
    const char *s;
    uint64_t u;
    bool negative;

    if (json_object_is_type(v, json_type_int)) {
        *ret = json_object_get_int64(v);
        return true;
    }
    s = js_get_str(object, key);
    if (!s) {
        return false;
    }
    negative = *s == '-';
    if (ident_u64(s + negative, &u) < 0 || u > INT64_MAX) {
        return false;
    }
    *ret = negative ? -(int64_t)u : (int64_t)u;
    return true;
}

int64_t js_int_or(const js *object, const char *key, int64_t fallback) {
    int64_t v = fallback;

    (void)js_get_int(object, key, &v);
    return v;
}

bool js_bool_or(const js *object, const char *key, bool fallback) {
    js *v = js_get(object, key);
    int64_t n;

    if (json_object_is_type(v, json_type_boolean)) {
        return json_object_get_boolean(v);
    }
    return js_get_int(object, key, &n) ? n != 0 : fallback;
}

const char *js_str_or(const js *object, const char *key, const char *fallback) {
    const char *s = js_get_str(object, key);

    return s ? s : fallback;
}

size_t js_len(const js *array) {
    return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

js *js_at(const js *array, size_t i) {
    return i < js_len(array) ? json_object_array_get_idx(array, i) : NULL;
}

int js_members(const js *v) {
    return json_object_is_type(v, json_type_object) ? json_object_object_length(v) : 0;
}

js *js_object_or_empty(const js *v) {
    static js *empty;

    if (json_object_is_type(v, json_type_object)) {
        return (js *)(uintptr_t)v;
    }
    if (!empty) {
        empty = js_object();
    }
    return empty;
}

bool js_is_str(const js *v) {
    return json_object_is_type(v, json_type_string);
}

bool js_is_int(const js *v) {
    return json_object_is_type(v, json_type_int);
}

bool js_is_object(const js *v) {
    return json_object_is_type(v, json_type_object);
}

bool js_is_array(const js *v) {
    return json_object_is_type(v, json_type_array);
}

bool js_eq(const js *a, const js *b) {
    return json_object_equal((js *)(uintptr_t)a, (js *)(uintptr_t)b);
}

const char *js_type_name(const js *v) {
    switch (json_object_get_type(v)) {
    case json_type_boolean:
        return "boolean";
    case json_type_int:
        return "integer";
    case json_type_double:
        return "number";
    case json_type_string:
        return "string";
    case json_type_array:
        return "array";
    case json_type_object:
        return "object";
    case json_type_null:
    default:
        return "null";
    }
}
