/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical JSON. There is one sequence of bytes for one value; whoever hashes it twice gets the
 * same hash. */
#include "common/canon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"

static int write_value(const js *v, struct buf *ret, unsigned int depth, struct err *e);

static int full(int r, struct err *e) {
    return r < 0 ? err_set(e, r, "canonical form: %s", strerror(-r)) : 0;
}

/* Bytes that stand for themselves go in one piece: most strings are nothing else. */
static int write_string(const char *s, size_t len, struct buf *ret, struct err *e) {
    static const char names[] = "\b\t\n\f\r\"\\";
    static const char escapes[] = "btnfr\"\\";
    int r = buf_addc(ret, '"');

    for (size_t i = 0; r == 0 && i < len;) {
        size_t n = i;
        const char *at;

        while (n < len && (unsigned char)s[n] >= 0x20 && s[n] != '"' && s[n] != '\\') {
            n++;
        }
        r = buf_add(ret, s + i, n - i);
        i = n;
        if (r < 0 || i == len) {
            break;
        }
        at = s[i] ? strchr(names, s[i]) : NULL;
        r = at ? buf_addf(ret, "\\%c", escapes[at - names])
               : buf_addf(ret, "\\u%04x", (unsigned int)(unsigned char)s[i]);
        i++;
    }
    return full(r < 0 ? r : buf_addc(ret, '"'), e);
}

static int write_int(int64_t v, struct buf *ret) {
    uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    char text[21];
    size_t at = sizeof(text);

    do {
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (v < 0) {
        text[--at] = '-';
    }
    return buf_add(ret, text + at, sizeof(text) - at);
}

struct member {
    const char *key;
    const js *value;
};

static int by_bytes(const void *a, const void *b) {
    return strcmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

#define FEW 16

/* Most objects have few members, which come nearly in order. */
static void sort_members(struct member *m, size_t n) {
    if (n > FEW) {
        qsort(m, n, sizeof(*m), by_bytes);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        struct member one = m[i];
        size_t k = i;

        for (; k > 0 && by_bytes(&one, &m[k - 1]) < 0; k--) {
            m[k] = m[k - 1];
        }
        m[k] = one;
    }
}

static int write_object(const js *v, bool (*skip)(const char *key), struct buf *ret,
                        unsigned int depth, struct err *e) {
    struct member few[FEW];
    CLEANUP(freep) struct member *many = NULL;
    struct member *m = few;
    size_t n = 0;
    int r = full(buf_addc(ret, '{'), e);

    if (js_members(v) > FEW) {
        m = many = calloc((size_t)js_members(v), sizeof(*m));
        if (!m) {
            return err_set(e, -ENOMEM, "out of memory");
        }
    }
    JS_FOREACH(v, key, val) {
        if (!skip || !skip(key)) {
            m[n++] = (struct member){key, val};
        }
    }
    sort_members(m, n);
    for (size_t i = 0; r == 0 && i < n; i++) {
        if (i) {
            r = full(buf_addc(ret, ','), e);
        }
        if (r == 0) {
            r = write_string(m[i].key, strlen(m[i].key), ret, e);
        }
        if (r == 0) {
            r = full(buf_addc(ret, ':'), e);
        }
        if (r == 0) {
            r = write_value(m[i].value, ret, depth, e);
        }
    }
    return r < 0 ? r : full(buf_addc(ret, '}'), e);
}

static int write_array(const js *v, struct buf *ret, unsigned int depth, struct err *e) {
    int r = full(buf_addc(ret, '['), e);

    for (size_t i = 0; r == 0 && i < js_len(v); i++) {
        if (i) {
            r = full(buf_addc(ret, ','), e);
        }
        if (r == 0) {
            r = write_value(js_at(v, i), ret, depth, e);
        }
    }
    return r < 0 ? r : full(buf_addc(ret, ']'), e);
}

static int write_value(const js *v, struct buf *ret, unsigned int depth, struct err *e) {
    if (depth > LIM_CANON_DEPTH) {
        return err_set(e, -EINVAL, "canonical form: nested deeper than %d", LIM_CANON_DEPTH);
    }
    switch (json_object_get_type(v)) {
    case json_type_null:
        return full(buf_adds(ret, "null"), e);
    case json_type_boolean:
        return full(buf_adds(ret, json_object_get_boolean(v) ? "true" : "false"), e);
    case json_type_int:
        return full(write_int(json_object_get_int64(v), ret), e);
    case json_type_string:
        return write_string(json_object_get_string((js *)(uintptr_t)v),
                            (size_t)json_object_get_string_len(v), ret, e);
    case json_type_object:
        return write_object(v, NULL, ret, depth + 1, e);
    case json_type_array:
        return write_array(v, ret, depth + 1, e);
    case json_type_double:
    default:
        return err_set(e, -EINVAL, "canonical form: fractions must be strings");
    }
}

int canon_write(const js *v, struct buf *ret, struct err *e) {
    size_t from = ret->len;
    int r = write_value(v, ret, 0, e);

    if (r < 0 && ret->data) { /* nothing half done */
        ret->len = from;
        ret->data[from] = '\0';
    }
    return r;
}

int canon_write_without(const js *object, bool (*skip)(const char *key), struct buf *ret,
                        struct err *e) {
    return write_object(object, skip, ret, 1, e);
}

int canon_hash_without(const js *object, bool (*skip)(const char *key), struct hash *ret,
                       struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
    int r = canon_write_without(object, skip, &b, e);

    if (r == 0) {
        sha256(buf_str(&b), b.len, ret);
    }
    return r;
}

int canon_hash(const js *v, struct hash *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
    int r = canon_write(v, &b, e);

    if (r == 0) {
        sha256(buf_str(&b), b.len, ret);
    }
    return r;
}

int canon_check(const char *text, size_t len, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
    CLEANUP(js_freep) js *v = NULL;
    int r = js_parse(text, len, &v, e);

    if (r == 0) {
        r = canon_write(v, &b, e);
    }
    if (r == 0 && (b.len != len || memcmp(buf_str(&b), text, len) != 0)) {
        r = err_set(e, -EBADMSG, "JSON is not in canonical form");
    }
    return r;
}
