/* SPDX-License-Identifier: Apache-2.0 */
/* The line grammar. A value has exactly one encoding: the decoder refuses what the writer would not
 * have written, so two different texts never mean the same and a hash of the text is a hash of the
 * meaning. */
#include "common/lines.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"

/* Whether the byte at position i of a value of `len` bytes goes through as it is. */
static bool plain(unsigned char c, size_t i, size_t len) {
    if (c == ' ') {
        return i != 0 && i + 1 != len;
    }
    return c > 0x20 && c < 0x7f && c != '%';
}

int lines_put_n(struct buf *b, const char *key, const char *value, size_t len) {
    size_t before = b->len;
    int r = buf_addf(b, "%s ", key);

    for (size_t i = 0; r == 0 && i < len; i++) {
        unsigned char c = (unsigned char)value[i];

        r = plain(c, i, len) ? buf_addc(b, value[i]) : buf_addf(b, "%%%02X", (unsigned int)c);
    }
    if (r == 0) {
        r = buf_addc(b, '\n');
    }
    if (r < 0 && b->data) { /* never half a line */
        b->len = before;
        b->data[before] = '\0';
    }
    return r;
}

int lines_put(struct buf *b, const char *key, const char *value) {
    return lines_put_n(b, key, value, strlen(value));
}

int lines_putf(struct buf *b, const char *key, const char *fmt, ...) {
    CLEANUP(buf_done) struct buf v = BUF_INIT(LIM_LINES);
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = buf_vaddf(&v, fmt, ap);
    va_end(ap);
    return r < 0 ? r : lines_put_n(b, key, buf_str(&v), v.len);
}

static int upper_hex(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes src[0..len) to dst (room for len + 1). The decoded length, or -1 when not canonical. */
static long decode_value(const char *src, size_t len, char *dst) {
    size_t n = 0;
    size_t decoded_len = 0;

    for (size_t i = 0; i < len; i++) {
        decoded_len++;
        if (src[i] == '%') {
            i += 2;
        }
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)src[i];

        if (c == '%') {
            int hi = i + 2 < len + 0 ? upper_hex(src[i + 1]) : -1;
            int lo = hi < 0 ? -1 : upper_hex(src[i + 2]);

            if (lo < 0) {
                return -1;
            }
            c = (unsigned char)(hi << 4 | lo);
            if (plain(c, n, decoded_len)) {
                return -1; /* would have gone through as it is */
            }
            i += 2;
        } else if (!plain(c, n, decoded_len)) {
            return -1;
        }
        dst[n++] = (char)c;
    }
    dst[n] = '\0';
    return (long)n;
}

void lines_done(struct lines *l) {
    free(l->v);
    free(l->store);
    memset(l, 0, sizeof(*l));
}

static int next_line(const char **p, const char *end, const char **line, size_t *len) {
    const char *nl = memchr(*p, '\n', (size_t)(end - *p));

    if (!nl) {
        return -EBADMSG;
    }
    *line = *p;
    *len = (size_t)(nl - *p);
    *p = nl + 1;
    return 0;
}

static bool key_is(const struct line_key *k, const char *line, size_t len) {
    size_t n = strlen(k->name);

    return len > n && memcmp(line, k->name, n) == 0 && line[n] == ' ';
}

/* Finds the key of the line at or after *at, refusing to pass over a required one. */
static int match_key(const struct line_key *keys, size_t n_keys, const char *line, size_t len,
                     size_t *at, bool *seen, size_t no, struct err *e) {
    for (size_t k = *at; k < n_keys; k++) {
        if (key_is(&keys[k], line, len)) {
            if (k == *at && *seen && !keys[k].repeats) {
                return err_set(e, -EBADMSG, "line %zu: %s is there twice", no, keys[k].name);
            }
            *at = k;
            *seen = true;
            return 0;
        }
        if (keys[k].required && !(k == *at && *seen)) {
            return err_set(e, -EBADMSG, "line %zu: expected %s", no, keys[k].name);
        }
    }
    return err_set(e, -EBADMSG, "line %zu: unknown, repeated or misplaced key", no);
}

static int parse_into(struct lines *l, const char *text, size_t len, const char *head,
                      const struct line_key *keys, size_t n_keys, struct err *e) {
    const char *p = text;
    const char *end = text + len;
    const char *line = NULL;
    char *dst = l->store;
    size_t line_len = 0;
    size_t at = 0;
    bool seen = false;
    size_t no = 1;

    if (next_line(&p, end, &line, &line_len) < 0 || line_len != strlen(head) ||
        memcmp(line, head, line_len) != 0) {
        return err_set(e, -EBADMSG, "line 1: expected \"%s\"", head);
    }
    while (p < end) {
        size_t key_len;
        long n;
        int r;

        no++;
        if (next_line(&p, end, &line, &line_len) < 0) {
            return err_set(e, -EBADMSG, "line %zu: not ended by a newline", no);
        }
        r = match_key(keys, n_keys, line, line_len, &at, &seen, no, e);
        if (r < 0) {
            return r;
        }
        key_len = strlen(keys[at].name) + 1;
        n = decode_value(line + key_len, line_len - key_len, dst);
        if (n < 0) {
            return err_set(e, -EBADMSG, "line %zu: value of %s is not in canonical form", no,
                           keys[at].name);
        }
        l->v[l->n++] = (struct line){.key = at, .value = dst, .len = (size_t)n};
        dst += n + 1;
    }
    for (size_t k = seen ? at + 1 : 0; k < n_keys; k++) {
        if (keys[k].required) {
            return err_set(e, -EBADMSG, "%s is missing", keys[k].name);
        }
    }
    return 0;
}

int lines_parse(const char *text, size_t len, const char *head, const struct line_key *keys,
                size_t n_keys, struct lines *ret, struct err *e) {
    CLEANUP(lines_done) struct lines l = {0};
    size_t count = 1;
    int r;

    if (len > LIM_LINES) {
        return err_set(e, -E2BIG, "longer than %d bytes", LIM_LINES);
    }
    for (size_t i = 0; i < len; i++) {
        count += text[i] == '\n';
    }
    l.v = calloc(count, sizeof(*l.v));
    l.store = malloc(len + count + 1);
    if (!l.v || !l.store) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    r = parse_into(&l, text, len, head, keys, n_keys, e);
    if (r < 0) {
        return r;
    }
    *ret = l;
    l = (struct lines){0};
    return 0;
}

const char *lines_nth(const struct lines *l, const struct line_key *keys, const char *name,
                      size_t i) {
    for (size_t k = 0; k < l->n; k++) {
        if (strcmp(keys[l->v[k].key].name, name) == 0 && i-- == 0) {
            return l->v[k].value;
        }
    }
    return NULL;
}

const char *lines_get(const struct lines *l, const struct line_key *keys, const char *name) {
    return lines_nth(l, keys, name, 0);
}

size_t lines_count(const struct lines *l, const struct line_key *keys, const char *name) {
    size_t n = 0;

    for (size_t k = 0; k < l->n; k++) {
        n += strcmp(keys[l->v[k].key].name, name) == 0;
    }
    return n;
}
