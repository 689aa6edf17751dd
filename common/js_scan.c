/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner in front of json-c, which lets through what is no JSON (js.h). */
#include "common/js_scan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"

struct scan {
    const unsigned char *p, *end, *start;
    size_t members;
    unsigned int depth;
    bool nul; /* an escaped one was seen; json-c cuts a key there, so that two could be one */
    const char *why;
    const char *const *only;   /* see js_parse_rows; NULL: everything is kept */
    const unsigned char *from; /* what is kept and not copied yet begins here */
    char *to;
};

static bool scan_value(struct scan *s);

static bool fail(struct scan *s, const char *why) {
    if (!s->why) {
        s->why = why;
    }
    return false;
}

static void blanks(struct scan *s) {
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r')) {
        s->p++;
    }
}

/* Length of the well-formed UTF-8 sequence at p, 0 when there is none (overlong forms and encoded
 * surrogates are not well-formed). */
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
    s->nul = s->nul || u == 0;
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

static bool scan_string(struct scan *s) {
    s->p++; /* the quote */
    while (s->p < s->end) {
        size_t n;

        if (*s->p == '"') {
            s->p++;
            return true;
        }
        if (*s->p < 0x20) {
            return fail(s, "control character in a string");
        }
        if (*s->p == '\\') {
            s->p++;
            if (!scan_escape(s)) {
                return false;
            }
            continue;
        }
        n = js_utf8_len(s->p, s->end);
        if (!n) {
            return fail(s, "invalid UTF-8");
        }
        s->p += n;
    }
    return fail(s, "string without end");
}

static size_t digits(struct scan *s) {
    const unsigned char *from = s->p;

    while (s->p < s->end && *s->p >= '0' && *s->p <= '9') {
        s->p++;
    }
    return (size_t)(s->p - from);
}

static bool scan_number(struct scan *s) {
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
        return n <= 19 ? true : fail(s, "number out of range");
    }
    if (ident_u64n((const char *)first, n, &v) < 0 || v > (uint64_t)INT64_MAX + negative) {
        return fail(s, "integer out of range");
    }
    return true;
}

static bool scan_word(struct scan *s, const char *word) {
    size_t n = strlen(word);

    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0) {
        return fail(s, "unknown word");
    }
    s->p += n;
    return true;
}

#define ROW 3 /* {"data":[{…}]} */

/* A key with an escape in it may be any: it is kept. */
static bool is_left_out(const struct scan *s, const unsigned char *key, size_t len) {
    if (!s->only || s->depth != ROW || memchr(key, '\\', len)) {
        return false;
    }
    for (size_t i = 0; s->only[i]; i++) {
        if (strlen(s->only[i]) == len && memcmp(s->only[i], key, len) == 0) {
            return false;
        }
    }
    return true;
}

/* Copies what is kept up to here. */
static void keep_to(struct scan *s, const unsigned char *end) {
    memcpy(s->to, s->from, (size_t)(end - s->from));
    s->to += end - s->from;
    s->from = end;
}

/* Leaves out the member that began at `member`, with a comma of it. What is inside lies deeper than
 * a row, so nothing in it was left out before. */
static void leave_out(struct scan *s, const unsigned char *member) {
    bool is_last = s->p >= s->end || *s->p != ',';

    keep_to(s, member);
    if (is_last && s->to[-1] == ',') {
        s->to--;
    }
    s->from = is_last ? s->p : s->p + 1;
}

static bool scan_object(struct scan *s) {
    s->p++;
    blanks(s);
    if (s->p < s->end && *s->p == '}') {
        s->p++;
        return true;
    }
    for (;;) {
        const unsigned char *member = s->p, *key;
        size_t members = s->members;
        bool out;

        blanks(s);
        if (s->p >= s->end || *s->p != '"') {
            return fail(s, "expected a key");
        }
        s->nul = false;
        key = s->p + 1;
        if (!scan_string(s)) {
            return false;
        }
        out = is_left_out(s, key, (size_t)(s->p - 1 - key));
        if (s->nul) {
            return fail(s, "NUL in a key");
        }
        s->members++;
        blanks(s);
        if (s->p >= s->end || *s->p != ':') {
            return fail(s, "expected ':'");
        }
        s->p++;
        if (!scan_value(s)) {
            return false;
        }
        blanks(s);
        if (out) {
            leave_out(s, member);
            s->members = members;
        }
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

static bool scan_array(struct scan *s) {
    s->p++;
    blanks(s);
    if (s->p < s->end && *s->p == ']') {
        s->p++;
        return true;
    }
    for (;;) {
        if (!scan_value(s)) {
            return false;
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

static bool scan_value(struct scan *s) {
    bool ok;

    blanks(s);
    if (s->p >= s->end) {
        return fail(s, "nothing where a value should be");
    }
    switch (*s->p) {
    case '"':
        return scan_string(s);
    case '{':
    case '[':
        if (++s->depth > LIM_JSON_DEPTH) {
            return fail(s, "nested too deep");
        }
        ok = *s->p == '{' ? scan_object(s) : scan_array(s);
        s->depth--;
        return ok;
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        return *s->p == '-' || (*s->p >= '0' && *s->p <= '9') ? scan_number(s)
                                                              : fail(s, "not a JSON value");
    }
}

int js_scan(const char *text, size_t len, const char *const *only, char *copy, size_t *ret_kept,
            size_t *ret_members, struct err *e) {
    const unsigned char *p = (const unsigned char *)text;
    struct scan s = {.p = p, .start = p, .end = p + len, .from = p, .to = copy, .only = only};

    if (scan_value(&s)) {
        blanks(&s);
        if (s.p != s.end) {
            (void)fail(&s, "bytes after the value");
        }
    }
    if (s.why) {
        return err_set(e, -EBADMSG, "not JSON at byte %zu: %s", (size_t)(s.p - s.start), s.why);
    }
    keep_to(&s, s.end);
    *s.to = '\0';
    *ret_kept = (size_t)(s.to - copy);
    *ret_members = s.members;
    return 0;
}
