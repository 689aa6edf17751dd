/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing by a table. Every kind has one reader and one writer, side by side: what one
 * writes the other takes, and nothing else. */
#include "common/fields.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/form.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/note.h"
#include "common/own.h"
#include "common/put.h"

#define FIELDS_MOST 24

static void line_keys(const struct form *f, struct line_key keys[static FIELDS_MOST]) {
    for (size_t i = 0; i < f->n && i < FIELDS_MOST; i++) {
        keys[i] =
            (struct line_key){f->field[i].name, f->field[i].kind == F_LIST, f->field[i].required};
    }
}

static bool read_one(const struct field *f, const char *s, void *to) {
    switch (f->kind) {
    case F_TEXT:
        *(const char **)to = s;
        return true;
    case F_NAME:
        return (size_t)snprintf(to, f->size, "%s", s) < f->size;
    case F_U32:
        return ident_u32(s, to) == 0;
    case F_U64:
        return ident_u64(s, to) == 0;
    case F_TIME:
        return form_time(s, to) == 0;
    case F_HASH:
        return hash_parse(s, to) == 0;
    case F_VKEY:
        return vkey_parse(s, to, NULL) == 0;
    case F_HEX:
        return strlen(s) == 2 * f->size && hex_decode(s, 2 * f->size, to) == 0;
    case F_LIST:
        break;
    }
    return false;
}

static bool read_list(const struct field *f, const struct lines *l, const struct line_key *keys,
                      const char **to) {
    size_t n = lines_count(l, keys, f->name);

    for (size_t i = 0; i < n && n < f->size; i++) {
        to[i] = lines_nth(l, keys, f->name, i);
    }
    return n < f->size;
}

static int fill(const struct form *f, const struct lines *l, const struct line_key *keys, void *ret,
                struct err *e) {
    int r = form_no_nul(l, keys, e);

    for (size_t i = 0; r == 0 && i < f->n; i++) {
        const struct field *x = &f->field[i];
        void *to = (char *)ret + x->at;
        const char *s = lines_get(l, keys, x->name);

        memset(to, 0, x->kind == F_LIST ? x->size * sizeof(char *) : x->size);
        if (!(x->kind == F_LIST        ? read_list(x, l, keys, to)
              : s || x->kind == F_TEXT ? read_one(x, s ? s : "", to)
                                       : true)) {
            r = err_set(e, -EBADMSG, "%s is not what it must be", x->name);
        }
    }
    return r;
}

int fields_read(const struct form *f, const char *text, size_t len, struct lines *l, void *ret,
                struct err *e) {
    struct line_key keys[FIELDS_MOST];
    int r;

    line_keys(f, keys);
    r = f->n > FIELDS_MOST ? -EINVAL : lines_parse(text, len, f->head, keys, f->n, l, e);
    return r < 0 ? r : fill(f, l, keys, ret, e);
}

int fields_load(const struct form *f, int dirfd, const char *path, struct lines *l, void *ret,
                struct err *e) {
    struct line_key keys[FIELDS_MOST];
    int r;

    line_keys(f, keys);
    r = f->n > FIELDS_MOST ? -EINVAL : lines_file(dirfd, path, f->head, keys, f->n, l, e);
    r = r < 0 ? r : fill(f, l, keys, ret, e);
    return r == -EBADMSG ? err_wrap(e, "%s", path) : r;
}

static bool is_zero(const void *v, size_t n) {
    const char *s = v;

    return s[0] == '\0' && memcmp(s, s + 1, n - 1) == 0;
}

static int write_hex(const struct field *f, const void *v, struct buf *b) {
    CLEANUP(buf_wipe) struct buf hex = BUF_INIT(LIM_LINE);
    int r = buf_reserve(&hex, 2 * f->size + 1);

    if (r == 0) {
        hex_encode(v, f->size, hex.data);
        r = lines_put(b, f->name, hex.data);
    }
    return r;
}

static int write_list(const struct field *f, const char *const *v, struct buf *b) {
    int r = 0;

    for (size_t i = 0; r == 0 && i < f->size && v[i]; i++) {
        r = lines_put(b, f->name, v[i]);
    }
    return r;
}

static int write_one(const struct field *f, const void *v, struct buf *b) {
    const char *s = f->kind == F_TEXT ? *(const char *const *)v : v;

    if (f->kind != F_LIST && (f->kind == F_TEXT ? !s || !*s : is_zero(v, f->size)) &&
        !(f->required && s)) {
        return 0;
    }
    switch (f->kind) {
    case F_TEXT:
    case F_NAME:
        return lines_put(b, f->name, s);
    case F_LIST:
        return write_list(f, v, b);
    case F_U32:
        return lines_put(b, f->name, NUM_STR(*(const uint32_t *)v));
    case F_U64:
        return lines_put(b, f->name, NUM_STR(*(const uint64_t *)v));
    case F_TIME:
        return lines_put(b, f->name, NUM_STR(*(const int64_t *)v));
    case F_HASH:
        return lines_put(b, f->name, HASH_STR((const struct hash *)v));
    case F_VKEY:
        return lines_put_vkey(b, f->name, v);
    case F_HEX:
        return write_hex(f, v, b);
    }
    return -EINVAL;
}

int fields_write(const struct form *f, const void *v, struct buf *b) {
    int r = buf_addf(b, "%s\n", f->head);

    for (size_t i = 0; r == 0 && i < f->n; i++) {
        r = write_one(&f->field[i], (const char *)v + f->field[i].at, b);
    }
    return r;
}

int fields_save(const struct form *f, int dirfd, const char *path, const void *v, struct err *e) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(LIM_LINES);
    int r = fields_write(f, v, &b);

    return r < 0 ? err_set(e, r, "%s: does not fit", path)
                 : file_replace(dirfd, path, b.data, b.len, 0600, e);
}
