/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of an inventory's stream. Whoever sends it may be wrong or lie: lengths are bounded
 * before memory is taken, names are those of a closed list, and what is not said in full, with the
 * right sum at the end, is an error. */
#include "common/inventory.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"

#define LINE_MAX_BYTES 1024 /* a path, a length, a reason */

static int invalid(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int invalid(struct err *e, const char *fmt, ...) {
    char text[300];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return err_tag(e, -EBADMSG, "inventory_invalid", "the inventory is not valid: %s", text);
}

int inventory_init(struct inventory_rd *r, const struct inventory_ops *ops, void *ctx,
                   struct err *e) {
    *r = (struct inventory_rd){.ops = ops, .ctx = ctx, .line = BUF_INIT(LIM_CONF + 1)};
    r->sum = sha256_new();
    return r->sum ? 0 : err_set(e, -ENOMEM, "out of memory");
}

void inventory_done(struct inventory_rd *r) {
    sha256_freep(&r->sum);
    r->sum = NULL;
    buf_done(&r->line);
}

/* The next word of a line, cut off with its blank; NULL when there is none. */
static char *word(char **rest) {
    char *s = *rest;
    size_t n;

    if (!s) {
        return NULL;
    }
    n = strcspn(s, " ");
    *rest = s[n] ? s + n + 1 : NULL;
    s[n] = '\0';
    return n ? s : NULL;
}

/* A folder may be named where a file of the list could be in it. */
static bool is_folder(const char *path) {
    size_t n = strlen(path);

    if (n < 2 || n >= PVEPATH_MAX || path[n - 1] != '/') {
        return false;
    }
    for (const char *s = path; *s; s += strcspn(s, "/") + 1) {
        char piece[PVEPATH_MAX];

        (void)snprintf(piece, sizeof(piece), "%.*s", (int)strcspn(s, "/"), s);
        if (!pvepath_is_name(piece)) {
            return false;
        }
    }
    return true;
}

static int on_path(struct inventory_rd *r, const char *path, bool folder, struct err *e) {
    if (!path || strlen(path) >= sizeof(r->path) ||
        (!pvepath_find(path) && !(folder && is_folder(path)))) {
        return invalid(e, "a name that is not on the list of files");
    }
    if (strcmp(r->path, path) >= 0) {
        return invalid(e, "%.100s comes after %.100s", path, r->path);
    }
    (void)snprintf(r->path, sizeof(r->path), "%s", path);
    return 0;
}

static int on_file(struct inventory_rd *r, char *rest, struct err *e) {
    const char *path = word(&rest);
    const char *length = word(&rest);
    uint64_t n = 0;
    int v = on_path(r, path, false, e);

    if (v < 0) {
        return v;
    }
    if (!length || rest || ident_u64(length, &n) < 0 || n > LIM_CONF) {
        return invalid(e, "%.100s is of no length that a cluster file may have", path);
    }
    r->body = (size_t)n + 1;
    r->in_body = true;
    return 0;
}

static int on_unread(struct inventory_rd *r, char *rest, struct err *e) {
    const char *path = word(&rest);
    int v = on_path(r, path, true, e);

    if (v == 0 && !rest) {
        v = invalid(e, "%.100s is unread for no reason", path);
    }
    r->unread++;
    return v < 0 ? v : r->ops->unread(r->ctx, path, rest);
}

static int on_again(struct inventory_rd *r, struct err *e) {
    if (++r->n_again > INVENTORY_AGAIN) {
        return invalid(e, "it begins again and again");
    }
    r->files = r->unread = 0;
    r->path[0] = '\0';
    sha256_end(r->sum, &r->digest);
    return r->ops->again(r->ctx);
}

static int on_end(struct inventory_rd *r, char *rest, struct err *e) {
    const char *files = word(&rest), *unread = word(&rest), *sum = word(&rest);
    uint64_t n_files = 0, n_unread = 0;
    struct hash said;

    if (!files || !unread || !sum || rest || ident_u64(files, &n_files) < 0 ||
        ident_u64(unread, &n_unread) < 0 || hash_parse(sum, &said) < 0) {
        return invalid(e, "its last line is malformed");
    }
    sha256_end(r->sum, &r->digest);
    if (n_files != r->files || n_unread != r->unread || !hash_eq(&said, &r->digest)) {
        return invalid(e, "its sum is not that of its bytes");
    }
    r->ended = true;
    return 0;
}

static int on_head(struct inventory_rd *r, char *line, struct err *e) {
    if (r->lines++ == 0) {
        return strcmp(line, "proximo-inventory/v1") == 0
                   ? 0
                   : invalid(e, "it is of no version that is known here");
    }
    if (strncmp(line, "node ", 5) != 0 || !ident_is_node(line + 5)) {
        return invalid(e, "it does not say whose it is");
    }
    (void)snprintf(r->node, sizeof(r->node), "%.63s", line + 5);
    return 0;
}

static int on_line(struct inventory_rd *r, char *line, size_t len, struct err *e) {
    char *rest = line;
    const char *kind;

    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)line[i] < 0x20 || (unsigned char)line[i] > 0x7e) {
            return invalid(e, "a line holds a byte that does not belong there");
        }
    }
    if (r->lines >= 2 && strcmp(line, "again") != 0 && strncmp(line, "end ", 4) != 0) {
        sha256_add(r->sum, line, len);
        sha256_add(r->sum, "\n", 1);
    }
    if (r->lines < 2) {
        return on_head(r, line, e);
    }
    kind = word(&rest);
    if (!kind) {
        return invalid(e, "an empty line");
    }
    return strcmp(kind, "file") == 0             ? on_file(r, rest, e)
           : strcmp(kind, "unread") == 0         ? on_unread(r, rest, e)
           : strcmp(kind, "again") == 0 && !rest ? on_again(r, e)
           : strcmp(kind, "end") == 0            ? on_end(r, rest, e)
           : strcmp(kind, "fail") == 0 && rest
               ? err_tag(e, -EAGAIN, "inventory_failed", "no inventory: %.200s", rest)
               : invalid(e, "a line of an unknown kind");
}

/* Takes what belongs to the file under way; its last byte is the line feed behind it. */
static int take_body(struct inventory_rd *r, const char *data, size_t len, size_t *ret_used,
                     struct err *e) {
    size_t n = len < r->body ? len : r->body;
    int v = buf_add(&r->line, data, n);

    *ret_used = n;
    r->body -= n;
    if (v < 0 || r->body > 0) {
        return v < 0 ? err_set(e, v, "out of memory") : 0;
    }
    if (r->line.data[r->line.len - 1] != '\n') {
        return invalid(e, "%.100s is longer than it says", r->path);
    }
    sha256_add(r->sum, r->line.data, r->line.len);
    r->line.data[--r->line.len] = '\0';
    r->files++;
    r->in_body = false;
    v = r->ops->file(r->ctx, r->path, r->line.data, r->line.len);
    buf_reset(&r->line);
    return v;
}

static int take_line(struct inventory_rd *r, const char *data, size_t len, size_t *ret_used,
                     struct err *e) {
    const char *nl = memchr(data, '\n', len);
    size_t n = nl ? (size_t)(nl - data) : len;
    int v;

    *ret_used = n + (nl != NULL);
    if (r->line.len + n > LINE_MAX_BYTES) {
        return invalid(e, "a line is too long");
    }
    v = buf_add(&r->line, data, n);
    if (v < 0 || !nl) {
        return v < 0 ? err_set(e, v, "out of memory") : 0;
    }
    if (r->line.len == 0) {
        return invalid(e, "an empty line");
    }
    v = on_line(r, r->line.data, r->line.len, e);
    buf_reset(&r->line);
    return v;
}

int inventory_feed(struct inventory_rd *r, const void *data, size_t len, struct err *e) {
    const char *p = data;
    int v = 0;

    r->total += len;
    if (r->total > LIM_INVENTORY) {
        return err_tag(e, -E2BIG, "inventory_invalid", "the inventory is larger than %d MiB",
                       LIM_INVENTORY >> 20);
    }
    while (v == 0 && len > 0) {
        size_t used = 0;

        if (r->ended) {
            return invalid(e, "something stands behind its end");
        }
        v = r->in_body ? take_body(r, p, len, &used, e) : take_line(r, p, len, &used, e);
        p += used;
        len -= used;
    }
    return v;
}

int inventory_end(const struct inventory_rd *r, struct err *e) {
    return r->ended ? 0 : invalid(e, "it is cut off");
}
