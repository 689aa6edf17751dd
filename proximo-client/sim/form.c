/* SPDX-License-Identifier: Apache-2.0 */
/* Forms and queries. Everything that enters the simulator from a client as parameters passes
 * here once; what comes out is valid UTF-8 without NUL bytes, whatever went in. */
#include "proximo-client/sim/form.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"

static int hex(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int form_decode(const char *text, size_t len, bool plus, struct buf *ret) {
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        int hi, lo;

        if (c == '%') {
            bool whole = i + 2 < len;

            hi = whole ? hex(text[i + 1]) : -1;
            lo = whole ? hex(text[i + 2]) : -1;
            if (hi < 0 || lo < 0) {
                return -EBADMSG;
            }
            c = (char)(hi * 16 + lo);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0') {
            return -EBADMSG;
        }
        if (buf_addc(ret, c) < 0) {
            return -E2BIG;
        }
    }
    return 0;
}

/* A name that is given again makes a list of its values. */
static void add_value(js *into, const char *name, js *value) {
    js *was = js_get(into, name), *list;

    if (!was) {
        js_add(into, name, value);
    } else if (js_is_array(was)) {
        js_push(was, value);
    } else {
        list = js_array();
        js_push(list, js_ref(was));
        js_push(list, value);
        js_add(into, name, list);
    }
}

static int add_pair(const char *text, size_t len, js *into, struct err *e) {
    CLEANUP(buf_done) struct buf key = BUF_INIT(256);
    CLEANUP(buf_done) struct buf value = BUF_INIT(1024 * 1024);
    const char *eq = memchr(text, '=', len);
    size_t key_len = eq ? (size_t)(eq - text) : len;
    const char *v = eq ? eq + 1 : text + len;
    size_t v_len = len - key_len - (eq ? 1 : 0);
    const char *cut = memchr(v, '=', v_len);
    js *clean;

    if (cut) {
        v_len = (size_t)(cut - v);
    }
    if (form_decode(text, key_len, true, &key) < 0 || !key.len ||
        form_decode(v, v_len, true, &value) < 0) {
        return err_set(e, -EBADMSG, "bad parameter encoding");
    }
    clean = js_str_n(buf_str(&value), value.len);
    if (strlen(json_object_get_string(clean)) != value.len) {
        js_freep(&clean);
        return err_set(e, -EBADMSG, "a parameter is not UTF-8");
    }
    {
        CLEANUP(js_freep) js *name = js_str_n(key.data, key.len);

        if (strcmp(json_object_get_string(name), key.data) != 0) {
            js_freep(&clean);
            return err_set(e, -EBADMSG, "a parameter's name is not UTF-8");
        }
    }
    add_value(into, key.data, clean);
    return 0;
}

int form_parse(const char *text, size_t len, js *into, struct err *e) {
    size_t at = 0, pairs = 0;

    while (at < len) {
        size_t end = at;

        while (end < len && text[end] != '&' && text[end] != ';') {
            end++;
        }
        if (end > at) {
            int r;

            if (++pairs > FORM_MAX_PAIRS) {
                return err_set(e, -EBADMSG, "more than %d parameters", FORM_MAX_PAIRS);
            }
            r = add_pair(text + at, end - at, into, e);
            if (r < 0) {
                return r;
            }
        }
        at = end + 1;
    }
    return 0;
}
