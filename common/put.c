/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the line grammar, written and read whole: a record reads in the source as it does in the
 * file. */
#include "common/put.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/note.h"
#include "common/own.h"

int lines_puts(struct buf *b, const char *key, const char *value, ...) {
    va_list ap;
    int r = 0;

    va_start(ap, value);
    while (r == 0 && key) {
        r = value ? lines_put(b, key, value) : 0;
        key = va_arg(ap, const char *);
        value = key ? va_arg(ap, const char *) : NULL;
    }
    va_end(ap);
    return r;
}

int lines_put_vkey(struct buf *b, const char *key, const struct vkey *v) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINE);
    int r = vkey_text(v, &text);

    return r < 0 ? r : lines_put(b, key, buf_str(&text));
}

int lines_file(int dirfd, const char *path, const char *head, const struct line_key *keys,
               size_t n_keys, struct lines *ret, struct err *e) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(LIM_LINES);
    int r = file_read_private(dirfd, path, geteuid(), &b, e);

    r = r < 0 ? r : lines_parse(buf_str(&b), b.len, head, keys, n_keys, ret, e);
    return r;
}

const char *put_hash(const struct hash *h, char ret[static HASH_HEX_LEN + 1]) {
    hash_text(h, ret);
    return ret;
}

const char *put_hex(const struct hash *h, char ret[static 2 * HASH_LEN + 1]) {
    hex_encode(h->b, HASH_LEN, ret);
    return ret;
}

const char *put_num(uint64_t v, char ret[static 21]) {
    (void)snprintf(ret, 21, "%llu", (unsigned long long)v);
    return ret;
}
