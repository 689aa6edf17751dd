/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from outside, in one pass: a strict scanner decides what is JSON and builds json-c's tree of
 * it. (json-c's own parser takes more than JSON, drops duplicate keys and cuts keys at a NUL; and
 * asking it after a scan costs a large answer twice.) Only fractions are handed to it, for their
 * text is kept. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/js.h"
#include "common/js_int.h"
#include "common/limits.h"
#include "common/own.h"

struct scan {
    const unsigned char *p, *end, *start;
    unsigned int depth;
    const char *why;
    struct buf text;      /* of the string in hand */
    json_tokener *number; /* for fractions; made when there is one */
};

/* Between the quotes. */
struct span {
    const unsigned char *p;
    size_t len;
    bool has_escapes;
};

static bool value(struct scan *s, js **ret);

static bool fail(struct scan *s, const char *why) {
    if (!s->why) {
        s->why = why;
    }
    return false;
}

static bool no_memory(struct scan *s) {
    return fail(s, "out of memory");
}

static void blanks(struct scan *s) {
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r')) {
        s->p++;
    }
}

size_t js_utf8_len(const unsigned char *p, const unsigned char *end) {
    size_t n = *p < 0x80                  ? 1
               : *p >= 0xc2 && *p <= 0xdf ? 2
               : *p >= 0xe0 && *p <= 0xef ? 3
               : *p >= 0xf0 && *p <= 0xf4 ? 4
                                          : 0;

    if (!n || n > (size_t)(end - p)) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) {
        return 0;
    }
    return n;
}

static bool scan_hex4(struct scan *s, unsigned int *ret) {
    unsigned int v = 0;

    if (s->end - s->p < 4) {
        return fail(s, "cut escape");
    }
    for (int i = 0; i < 4; i++) {
        unsigned char c = *s->p++;

        if (c >= '0' && c <= '9') {
            v = v << 4 | (unsigned int)(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            v = v << 4 | (unsigned int)((c | 0x20) - 'a' + 10);
        } else {
            return fail(s, "bad escape");
        }
    }
    *ret = v;
    return true;
}

static bool scan_escape(struct scan *s) {
    unsigned int u;

    if (s->p >= s->end) {
        return fail(s, "cut escape");
    }
    if (*s->p != 'u') {
        return strchr("\"\\/bfnrt", *s->p) && *s->p ? (s->p++, true) : fail(s, "bad escape");
    }
    s->p++;
    if (!scan_hex4(s, &u)) {
        return false;
    }
    if (u >= 0xdc00 && u <= 0xdfff) {
        return fail(s, "lone surrogate");
    }
    if (u >= 0xd800 && u <= 0xdbff) {
        if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u') {
            return fail(s, "lone surrogate");
        }
        s->p += 2;
        if (!scan_hex4(s, &u) || u < 0xdc00 || u > 0xdfff) {
            return fail(s, "lone surrogate");
        }
    }
    return true;
}

/* Finds its end and holds it to the grammar. */
static bool scan_string(struct scan *s, struct span *ret) {
    ret->p = ++s->p; /* past the quote */
    ret->has_escapes = false;
    while (s->p < s->end) {
        size_t n = 1;

        if (*s->p == '"') {
            ret->len = (size_t)(s->p++ - ret->p);
            return true;
        }
        if (*s->p < 0x20) {
            return fail(s, "control character in a string");
        }
        if (*s->p == '\\') {
            ret->has_escapes = true;
            s->p++;
            if (!scan_escape(s)) {
                return false;
            }
            continue;
        }
        if (*s->p >= 0x80) {
            n = js_utf8_len(s->p, s->end);
        }
        if (!n) {
            return fail(s, "invalid UTF-8");
        }
        s->p += n;
    }
    return fail(s, "string without end");
}

static int put_utf8(unsigned int u, struct buf *ret) {
    char c[4];

    if (u < 0x80) {
        return buf_addc(ret, (char)u);
    }
    c[3] = (char)(0x80 | (u & 0x3f));
    c[2] = (char)(u < 0x800 ? 0xc0 | u >> 6 : 0x80 | (u >> 6 & 0x3f));
    c[1] = (char)(u < 0x10000 ? 0xe0 | u >> 12 : 0x80 | (u >> 12 & 0x3f));
    c[0] = (char)(0xf0 | u >> 18);
    return u < 0x800     ? buf_add(ret, c + 2, 2)
           : u < 0x10000 ? buf_add(ret, c + 1, 3)
                         : buf_add(ret, c, 4);
}

/* The text of a span that scan_string let through, in s->text. */
static bool unescape(struct scan *s, const struct span *from) {
    static const char names[] = "bfnrt";
    static const char bytes[] = "\b\f\n\r\t";
    struct scan in = {.p = from->p, .end = from->p + from->len};
    int r = 0;

    buf_reset(&s->text);
    while (r == 0 && in.p < in.end) {
        const unsigned char *back = memchr(in.p, '\\', (size_t)(in.end - in.p));
        size_t n = (size_t)((back ? back : in.end) - in.p);
        unsigned int u = 0;
        unsigned int low = 0;
        const char *name;

        r = buf_add(&s->text, in.p, n);
        in.p += n;
        if (r < 0 || !back) {
            break;
        }
        in.p += 2;
        name = strchr(names, back[1]);
        if (back[1] != 'u') {
            r = buf_addc(&s->text, name ? bytes[name - names] : (char)back[1]);
            continue;
        }
        (void)scan_hex4(&in, &u);
        if (u >= 0xd800 && u <= 0xdbff) {
            in.p += 2;
            (void)scan_hex4(&in, &low);
            u = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
        }
        r = put_utf8(u, &s->text);
    }
    return r == 0 ? true : no_memory(s);
}

static bool string(struct scan *s, js **ret) {
    struct span at;

    if (!scan_string(s, &at) || (at.has_escapes && !unescape(s, &at))) {
        return false;
    }
    *ret = at.has_escapes ? json_object_new_string_len(buf_str(&s->text), (int)s->text.len)
                          : json_object_new_string_len((const char *)at.p, (int)at.len);
    return *ret ? true : no_memory(s);
}

static size_t digits(struct scan *s) {
    const unsigned char *from = s->p;

    while (s->p < s->end && *s->p >= '0' && *s->p <= '9') {
        s->p++;
    }
    return (size_t)(s->p - from);
}

/* json-c keeps the text beside the value, and prints it again. */
static bool fraction(struct scan *s, const unsigned char *from, js **ret) {
    buf_reset(&s->text);
    if (!s->number) {
        s->number = json_tokener_new_ex(2);
    }
    if (!s->number || buf_add(&s->text, from, (size_t)(s->p - from)) < 0) {
        return no_memory(s);
    }
    json_tokener_reset(s->number);
    *ret = json_tokener_parse_ex(s->number, s->text.data, (int)s->text.len + 1); /* and its end */
    return *ret ? true : fail(s, "bad number");
}

static bool number(struct scan *s, js **ret) {
    const unsigned char *from = s->p;
    bool negative = *s->p == '-';
    bool integer = true;
    const unsigned char *first;
    uint64_t v = 0;
    size_t n;

    s->p += negative;
    first = s->p;
    n = digits(s);
    if (!n || (n > 1 && *first == '0')) {
        return fail(s, "bad number");
    }
    if (s->p < s->end && *s->p == '.') {
        integer = false;
        s->p++;
        if (!digits(s)) {
            return fail(s, "bad number");
        }
    }
    if (s->p < s->end && (*s->p | 0x20) == 'e') {
        size_t exponent;

        integer = false;
        s->p++;
        s->p += s->p < s->end && (*s->p == '+' || *s->p == '-');
        exponent = digits(s);
        if (!exponent || exponent > 2) { /* 1e400 would become infinite */
            return fail(s, "number out of range");
        }
    }
    if (!integer) {
        return n <= 19 ? fraction(s, from, ret) : fail(s, "number out of range");
    }
    if (ident_u64n((const char *)first, n, &v) < 0 || v > (uint64_t)INT64_MAX + negative) {
        return fail(s, "integer out of range");
    }
    *ret = negative ? json_object_new_int64((int64_t)(0 - v)) : json_object_new_uint64(v);
    return *ret ? true : no_memory(s);
}

static bool scan_word(struct scan *s, const char *word) {
    size_t n = strlen(word);

    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0) {
        return fail(s, "unknown word");
    }
    s->p += n;
    return true;
}

/* Takes the value. */
static bool add_member(struct scan *s, js *o, const struct span *key, js *v) {
    int before = json_object_object_length(o);

    if (key->has_escapes) {
        if (!unescape(s, key)) {
            json_object_put(v);
            return false;
        }
    } else {
        buf_reset(&s->text);
        if (buf_add(&s->text, key->p, key->len) < 0) {
            json_object_put(v);
            return no_memory(s);
        }
    }
    if (strlen(buf_str(&s->text)) != s->text.len) {
        json_object_put(v);
        return fail(s, "a key with a NUL");
    }
    if (json_object_object_add(o, buf_str(&s->text), v) < 0) {
        json_object_put(v);
        return no_memory(s);
    }
    return json_object_object_length(o) > before ? true : fail(s, "duplicate key in a JSON object");
}

static bool members(struct scan *s, js *o) {
    s->p++;
    blanks(s);
    if (s->p < s->end && *s->p == '}') {
        s->p++;
        return true;
    }
    for (;;) {
        struct span key;
        js *v = NULL;

        blanks(s);
        if (s->p >= s->end || *s->p != '"') {
            return fail(s, "expected a key");
        }
        if (!scan_string(s, &key)) {
            return false;
        }
        blanks(s);
        if (s->p >= s->end || *s->p != ':') {
            return fail(s, "expected ':'");
        }
        s->p++;
        if (!value(s, &v) || !add_member(s, o, &key, v)) {
            return false;
        }
        blanks(s);
        if (s->p < s->end && *s->p == ',') {
            s->p++;
            continue;
        }
        if (s->p < s->end && *s->p == '}') {
            s->p++;
            return true;
        }
        return fail(s, "expected ',' or '}'");
    }
}

static bool elements(struct scan *s, js *a) {
    s->p++;
    blanks(s);
    if (s->p < s->end && *s->p == ']') {
        s->p++;
        return true;
    }
    for (;;) {
        js *v = NULL;

        if (!value(s, &v)) {
            return false;
        }
        if (json_object_array_add(a, v) < 0) {
            json_object_put(v);
            return no_memory(s);
        }
        blanks(s);
        if (s->p < s->end && *s->p == ',') {
            s->p++;
            continue;
        }
        if (s->p < s->end && *s->p == ']') {
            s->p++;
            return true;
        }
        return fail(s, "expected ',' or ']'");
    }
}

static bool collection(struct scan *s, js **ret) {
    bool is_object = *s->p == '{';
    CLEANUP(js_freep) js *made = is_object ? json_object_new_object() : json_object_new_array();

    if (!made) {
        return no_memory(s);
    }
    if (++s->depth > LIM_JSON_DEPTH) {
        return fail(s, "nested too deep");
    }
    if (!(is_object ? members(s, made) : elements(s, made))) {
        return false;
    }
    s->depth--;
    if (!is_object) {
        (void)json_object_array_shrink(made, 0); /* most are short and 32 places would be kept */
    }
    *ret = TAKE(made);
    return true;
}

/* On failure *ret is NULL. */
static bool value(struct scan *s, js **ret) {
    bool is_true;

    *ret = NULL;
    blanks(s);
    if (s->p >= s->end) {
        return fail(s, "nothing where a value should be");
    }
    switch (*s->p) {
    case '"':
        return string(s, ret);
    case '{':
    case '[':
        return collection(s, ret);
    case 't':
    case 'f':
        is_true = *s->p == 't';
        if (!scan_word(s, is_true ? "true" : "false")) {
            return false;
        }
        *ret = json_object_new_boolean(is_true);
        return *ret ? true : no_memory(s);
    case 'n':
        return scan_word(s, "null");
    default:
        return *s->p == '-' || (*s->p >= '0' && *s->p <= '9') ? number(s, ret)
                                                              : fail(s, "not a JSON value");
    }
}

static void scan_done(struct scan *s) {
    buf_done(&s->text);
    if (s->number) {
        json_tokener_free(s->number);
    }
}

int js_parse(const char *text, size_t len, js **ret, struct err *e) {
    CLEANUP(scan_done)
    struct scan s = {.p = (const unsigned char *)text,
                     .start = (const unsigned char *)text,
                     .text = BUF_INIT(LIM_PVE_ANSWER)};
    CLEANUP(js_freep) js *v = NULL;

    if (len > LIM_PVE_ANSWER) {
        return err_set(e, -E2BIG, "JSON longer than %d bytes", LIM_PVE_ANSWER);
    }
    s.end = s.p + len;
    if (value(&s, &v)) {
        blanks(&s);
        if (s.p != s.end) {
            (void)fail(&s, "bytes after the value");
        }
    }
    if (s.why) {
        return err_set(e, -EBADMSG, "not JSON at byte %zu: %s", (size_t)(s.p - s.start), s.why);
    }
    *ret = TAKE(v);
    return 0;
}
