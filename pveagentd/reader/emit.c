/* SPDX-License-Identifier: Apache-2.0 */
/* The inventory: one pass over the listed files between two looks at the list. What changed in
 * between makes it begin anew, a few times; then it fails and says so. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/inventory.h"
#include "common/limits.h"
#include "common/own.h"
#include "pveagentd/reader/reader.h"

#define FLUSH_AT (256 * 1024)

struct out {
    const struct reader_opts *o;
    int sock, root;
    struct folder last;
    struct buf b; /* not sent yet; its bytes from summed on are not in the sum */
    size_t summed;
    struct sha256 *sum;
    size_t files, unread;
};

static void sum_up(struct out *t) {
    sha256_add(t->sum, buf_str(&t->b) + t->summed, t->b.len - t->summed);
    t->summed = t->b.len;
}

static int flush(struct out *t) {
    int r;

    sum_up(t);
    r = fd_write_all(t->sock, buf_str(&t->b), t->b.len);
    buf_reset(&t->b);
    t->summed = 0;
    return r;
}

/* 0, and *ret_changed when it is not the file that was listed. What changes while it is read is
 * seen by the second look at the list, which comes after every read. */
static int slurp(struct out *t, const struct item *i, struct buf *ret, bool *ret_changed) {
    CLEANUP(closep) int fd = item_open(t->o, t->root, &t->last, i);
    struct stat st;
    int r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;

    if (r == 0 && !S_ISREG(st.st_mode)) {
        r = -EINVAL;
    }
    *ret_changed = r == 0 && !item_is(i, &st);
    if (r == 0 && !*ret_changed) {
        r = fd_read_all(fd, ret);
    }
    if (r == -ENOENT) {
        *ret_changed = true;
        r = 0;
    }
    return r;
}

static int put_file(struct out *t, const struct item *i, bool *ret_changed) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_CONF);
    CLEANUP(buf_done) struct buf masked = BUF_INIT(LIM_CONF);
    size_t n_masked = 0;
    int r = i->error ? -i->error : slurp(t, i, &text, ret_changed);

    if (r == 0 && *ret_changed) {
        return 0;
    }
    r = r < 0 ? r : pvepath_mask(i->kind, buf_str(&text), text.len, &masked, &n_masked);
    if (r < 0) {
        t->unread++;
        return buf_addf(&t->b, "unread %s %s\n", i->path,
                        r == -E2BIG ? "is too large" : strerror(-r));
    }
    t->files++;
    r = buf_addf(&t->b, "file %s %zu\n", i->path, masked.len);
    r = r < 0 ? r : buf_add(&t->b, buf_str(&masked), masked.len);
    return r < 0 ? r : buf_addc(&t->b, '\n');
}

static bool same_list(const struct items *a, const struct items *b) {
    for (size_t i = 0; i < a->n && a->n == b->n; i++) {
        struct stat st = {.st_ino = b->v[i].ino,
                          .st_size = b->v[i].size,
                          .st_mtim = b->v[i].mtime,
                          .st_ctim = b->v[i].ctime};

        if (strcmp(a->v[i].path, b->v[i].path) != 0 || a->v[i].error != b->v[i].error ||
            !item_is(&a->v[i], &st)) {
            return false;
        }
    }
    return a->n == b->n;
}

/* One pass; *ret_changed: not everything is as it was listed. */
static int pass(struct out *t, const struct items *l, bool *ret_changed) {
    CLEANUP(items_done) struct items then = {NULL, 0};
    int r = 0;

    *ret_changed = false;
    for (size_t i = 0; r == 0 && i < l->n && !*ret_changed; i++) {
        r = put_file(t, &l->v[i], ret_changed);
        if (r == 0 && t->b.len >= FLUSH_AT) {
            r = flush(t);
        }
    }
    folder_done(&t->last);
    if (r == 0 && !*ret_changed) {
        r = items_list(t->o, t->root, &then);
        *ret_changed = r == 0 && !same_list(l, &then);
    }
    return r;
}

static int put_end(struct out *t) {
    char text[HASH_HEX_LEN + 1];
    struct hash sum;
    int r;

    sum_up(t);
    sha256_end(t->sum, &sum);
    hash_text(&sum, text);
    r = buf_addf(&t->b, "end %zu %zu %s\n", t->files, t->unread, text);
    t->summed = t->b.len;
    return r < 0 ? r : flush(t);
}

/* What was summed up so far is of a pass that does not count. */
static int put_again(struct out *t) {
    struct hash ignored;
    int r;

    sum_up(t);
    sha256_end(t->sum, &ignored);
    t->files = t->unread = 0;
    r = buf_adds(&t->b, "again\n");
    t->summed = t->b.len;
    return r;
}

static int emit(struct out *t, struct items *l) {
    bool changed = true;
    int r = buf_addf(&t->b, INVENTORY_MAGIC "node %s\n", t->o->node);

    t->summed = t->b.len;
    for (unsigned int n = 0; r == 0 && changed && n <= INVENTORY_AGAIN; n++) {
        if (n > 0) {
            items_done(l);
            r = put_again(t);
            r = r < 0 ? r : items_list(t->o, t->root, l);
        }
        r = r < 0 ? r : pass(t, l, &changed);
    }
    if (r == 0 && changed) {
        r = buf_adds(&t->b, "fail the files change faster than they can be read\n");
        return r < 0 ? r : flush(t);
    }
    return r < 0 ? r : put_end(t);
}

static int say(int sock, const char *word, const char *what) {
    char text[200];
    int n = snprintf(text, sizeof(text), "%s %s\n", word, what);

    return fd_write_all(sock, text, (size_t)n);
}

/* The version that the asker has, or "-". One short line, from our own network half. */
static int read_question(int sock, char ret[static 80]) {
    static const char word[] = "inventory ";
    char text[128] = "";
    size_t n = 0, len = sizeof(word) - 1;

    while (n < sizeof(text) - 1 && !strchr(text, '\n')) {
        ssize_t got = read(sock, text + n, sizeof(text) - 1 - n);

        if (got <= 0) {
            return -EBADMSG;
        }
        n += (size_t)got;
        text[n] = '\0';
    }
    if (strncmp(text, word, len) != 0 || n < len + 2 || n - len > 80 || text[n - 1] != '\n' ||
        strlen(text) != n) {
        return -EBADMSG;
    }
    text[n - 1] = '\0';
    memcpy(ret, text + len, n - len);
    return 0;
}

void reader_answer(const struct reader_opts *o, int sock) {
    CLEANUP(closep) int root = open(o->cluster_fs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(items_done) struct items l = {NULL, 0};
    struct out t = {.o = o,
                    .sock = sock,
                    .root = root,
                    .last = {.fd = -1},
                    .b = BUF_INIT(FLUSH_AT + 2 * LIM_CONF)};
    char asked[80], version[HASH_HEX_LEN + 1];
    struct hash h;
    int r = read_question(sock, asked);

    if (r < 0) {
        return;
    }
    if (root < 0) {
        (void)say(sock, "error", "the cluster file system cannot be opened");
        return;
    }
    r = items_list(o, root, &l);
    if (r < 0) {
        return;
    }
    items_version(&l, o, &h);
    hash_text(&h, version);
    if (strcmp(asked, version) == 0) {
        (void)say(sock, "same", version);
        return;
    }
    t.sum = sha256_new();
    r = say(sock, "ok", version);
    if (t.sum && r == 0) {
        (void)emit(&t, &l); /* whoever cannot read to the end sees that the end is missing */
    }
    sha256_free(t.sum);
    buf_done(&t.b);
}
