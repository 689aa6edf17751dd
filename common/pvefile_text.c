/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and words out of bytes that nobody has checked: no NUL terminator, any encoding. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/pvefile_int.h"

void pve_note(const struct pve_text *t, const char *fmt, ...) {
    char what[200];
    char text[240];
    va_list ap;

    if (js_len(t->notes) >= PVEFILE_NOTES) {
        return;
    }
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    (void)snprintf(text, sizeof(text), "line %u: %s", t->line, what);
    js_push(t->notes, js_str_n(text, strlen(text)));
}

bool pve_line(struct pve_text *t, const char **ret, size_t *ret_len) {
    while (t->at < t->len) {
        const char *line = t->text + t->at;
        const char *end = memchr(line, '\n', t->len - t->at);
        size_t n = end ? (size_t)(end - line) : t->len - t->at;

        t->line++;
        t->at += n + 1;
        /* of a comment, which is somebody's text, PVE keeps blanks at its end */
        while (n && line[0] != '#' && pve_is_blank(line[n - 1])) {
            n--;
        }
        if (n && memchr(line, '\0', n)) {
            pve_note(t, "holds a NUL byte and is left out");
        } else if (n) {
            *ret = line;
            *ret_len = n;
            return true;
        }
    }
    return false;
}

js *pve_value(const struct pve_text *t, const char *s, size_t len) {
    js *v = js_str_n(s, len);

    if ((size_t)json_object_get_string_len(v) != len ||
        memcmp(json_object_get_string(v), s, len) != 0) {
        pve_note(t, "holds bytes that are no UTF-8");
    }
    return v;
}

static int nibble(char c) {
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c) : NULL;

    return at ? (int)(at - digits) : -1;
}

js *pve_decoded(const struct pve_text *t, const char *s, size_t len) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);

    (void)t;
    for (size_t i = 0; i < len; i++) {
        int high = s[i] == '%' && i + 2 < len ? nibble(s[i + 1]) : -1;
        int low = high >= 0 ? nibble(s[i + 2]) : -1;

        if (low >= 0 && (high | low)) {
            (void)buf_addc(&b, (char)(high << 4 | low));
            i += 2;
        } else {
            (void)buf_addc(&b, s[i]);
        }
    }
    return js_str_n(buf_str(&b), b.len);
}

void pve_add(js *object, const char *key, size_t key_len, js *value) {
    js *text = js_str_n(key, key_len);

    js_add(object, json_object_get_string(text), value);
    js_freep(&text);
}

js *pve_member(js *parent, const char *name) {
    js *o = js_get(parent, name);

    if (!o) {
        o = js_object();
        js_add(parent, name, o);
    }
    return o;
}

size_t pve_word(const char *s, size_t len) {
    size_t n = 0;

    while (n < len && !pve_is_blank(s[n])) {
        n++;
    }
    return n;
}

size_t pve_blanks(const char *s, size_t len) {
    size_t n = 0;

    while (n < len && pve_is_blank(s[n])) {
        n++;
    }
    return n;
}

bool pve_is(const char *s, size_t len, const char *word) {
    return strlen(word) == len && strncasecmp(s, word, len) == 0;
}
