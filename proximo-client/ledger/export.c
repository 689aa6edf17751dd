/* SPDX-License-Identifier: Apache-2.0 */
/* Exporting. The invariant: a checkpoint in the export covers nothing that is not there and whole.
 * Tiles get their names before they are synced; the one sync comes before the checkpoint, so after
 * a crash the old checkpoint stands and the next export writes from there again. */
#include "proximo-client/ledger/export.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/checkpoint.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "proximo-client/ledger/body.h"
#include "proximo-client/ledger/impl.h"
#include "proximo-client/ledger/tiles.h"
#include "proximo-client/ledger/witnessed.h"

struct export {
    struct ledger *l;
    const char *path;
    int dir;
    uint64_t from, size;
    struct buf bundle;
    struct err *e;
};

static void export_done(struct export *x) {
    buf_done(&x->bundle);
    closep(&x->dir);
}

static int failed(const struct export *x, int r, const char *name) {
    if (r == -ENOSPC || r == -EDQUOT) {
        (void)err_tag(x->e, r, "ledger_space", "no space in %s", x->path);
        return err_hint(x->e, "free space there; the export before this one still stands");
    }
    return err_set(x->e, r, "write %s/%s: %s", x->path, name, strerror(-r));
}

static int not_ours(const struct export *x, const char *what) {
    (void)err_tag(x->e, -EEXIST, "mirror_bad", "%s %s", x->path, what);
    return err_hint(x->e, "give an empty directory, or the one this ledger was exported to");
}

/* A file that appears whole or not at all; durable only after syncfs. */
static int put_file(const struct export *x, const char *name, const void *data, size_t len) {
    CLEANUP(closep) int fd = -1;
    char parent[TILE_NAME];
    int r;

    (void)snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(name, '/') - name), name);
    r = dir_make(x->dir, parent, 0700, x->e);
    if (r < 0) {
        return r;
    }
    fd = openat(x->dir, "tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    r = fd < 0 ? -errno : fd_write_all(fd, data, len);
    if (r == 0 && renameat(x->dir, "tmp", x->dir, name) < 0) {
        r = -errno;
    }
    return r < 0 ? failed(x, r, name) : 0;
}

static int altered(const struct export *x, unsigned int level, uint64_t n) {
    (void)err_tag(x->e, -EUCLEAN, "ledger_damaged",
                  "the hashes above entry %llu are not those of the entries",
                  (unsigned long long)(n << (level + 1) * TILE_HEIGHT));
    return err_hint(x->e, "run: proximo-client ledger verify; nothing was exported");
}

static int put_tile(const struct export *x, unsigned int level, uint64_t n, unsigned int width) {
    struct hash h[TILE_WIDTH];
    struct hash above;
    char name[TILE_NAME];
    int fd = tree_level(x->l, level * TILE_HEIGHT, false);
    int r = fd < 0 ? fd : fd_pread_all(fd, h, width * HASH_LEN, n * TILE_WIDTH * HASH_LEN);

    tile_name(level, n, width, name);
    r = r < 0 ? failed(x, r, name) : put_file(x, name, h, width * HASH_LEN);
    if (r < 0 || width < TILE_WIDTH) {
        return r;
    }
    tiles_fold(h, width);
    r = tree_read(x->l, (level + 1) * TILE_HEIGHT, n, &above);
    return r < 0 || !hash_eq(&above, h) ? altered(x, level, n) : 0;
}

static int put_tiles(const struct export *x) {
    for (unsigned int level = 0; tile_width(x->size, level, 0); level++) {
        uint64_t n = (x->from >> level * TILE_HEIGHT) / TILE_WIDTH;
        unsigned int width;

        for (; (width = tile_width(x->size, level, n)); n++) {
            int r = width == tile_width(x->from, level, n) ? 0 : put_tile(x, level, n, width);

            if (r < 0) {
                return r;
            }
        }
    }
    return 0;
}

/* Entries come checked against level 0 of the tree. */
static int add_entry(void *ctx, uint64_t index, const struct entry *en, const char *bytes,
                     size_t len) {
    struct export *x = ctx;
    char name[TILE_NAME];
    int r = buf_addc(&x->bundle, (char)(len >> 8));

    (void)en;
    r = r < 0 ? r : buf_addc(&x->bundle, (char)(len & 0xff));
    r = r < 0 ? r : buf_add(&x->bundle, bytes, len);
    if (r < 0) {
        return err_set(x->e, r, "bundle of entry %llu: %s", (unsigned long long)index,
                       strerror(-r));
    }
    if ((index + 1) % TILE_WIDTH && index + 1 != x->size) {
        return 0;
    }
    tile_name(TILE_ENTRIES, index / TILE_WIDTH, (unsigned int)(index % TILE_WIDTH + 1), name);
    r = put_file(x, name, buf_str(&x->bundle), x->bundle.len);
    buf_reset(&x->bundle);
    return r;
}

/* What an earlier export left must be an earlier state of this very log. */
static int look_at_old(struct export *x, const struct buf *identity) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);
    struct checkpoint c;
    struct hash root;
    struct note n;
    struct stat st;
    int r;

    if (fstatat(x->dir, "entries", &st, AT_SYMLINK_NOFOLLOW) == 0 ||
        fstatat(x->dir, "key", &st, AT_SYMLINK_NOFOLLOW) == 0) {
        return not_ours(x, "is a ledger itself");
    }
    r = file_read(x->dir, "origin", &b, x->e);
    if (r == -ENOENT) {
        return 0;
    }
    if (r < 0 || b.len != identity->len || memcmp(b.data, identity->data, b.len) != 0) {
        return not_ours(x, "holds the export of another log");
    }
    buf_reset(&b);
    r = file_read(x->dir, "checkpoint", &b, x->e);
    if (r == -ENOENT) {
        return 0; /* the first export did not come to its end */
    }
    if (r < 0 || checkpoint_open(buf_str(&b), b.len, &x->l->vkey, &n, &c, x->e) < 0) {
        return not_ours(x, "has a checkpoint that this log did not sign");
    }
    if (c.size > x->size) {
        (void)err_tag(x->e, -EEXIST, "ledger_behind", "%s holds %llu entries, this ledger has %llu",
                      x->path, (unsigned long long)c.size, (unsigned long long)x->size);
        return err_hint(x->e,
                        "the ledger was restored from an older copy: proximo-client ledger "
                        "recover --mirror %s",
                        x->path);
    }
    r = ledger_root(x->l, c.size, &root, x->e);
    if (r < 0) {
        return r;
    }
    x->from = c.size;
    return hash_eq(&root, &c.root) ? 0 : not_ours(x, "holds another history of this log");
}

static int copy_body(const struct export *x, const char *name, uint64_t *count) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(BODY_FILE_MAX);
    struct stat st;
    int r;

    if (fstatat(x->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        return 0; /* the name is the content */
    }
    r = file_read(x->l->dir, name, &b, x->e);
    r = r < 0 ? r : put_file(x, name, buf_str(&b), b.len);
    *count += r == 0;
    return r;
}

struct copy {
    const struct export *x;
    uint64_t count;
};

static int copy_one(void *ctx, const char *name) {
    struct copy *c = ctx;

    return copy_body(c->x, name, &c->count);
}

static void drop_partial(const struct export *x, unsigned int level, uint64_t n) {
    char name[TILE_NAME];

    tile_name(level, n, 0, name);
    *strrchr(name, '/') = '\0'; /* the folder of widths */
    dir_remove(x->dir, name, 0);
}

/* The layout lets partial tiles go once the full one is there. */
static void drop_partials(const struct export *x) {
    for (unsigned int level = 0; tile_width(x->size, level, 0); level++) {
        uint64_t n = (x->from >> level * TILE_HEIGHT) / TILE_WIDTH;

        if (tile_width(x->size, level, n) == TILE_WIDTH &&
            tile_width(x->from, level, n) < TILE_WIDTH) {
            drop_partial(x, level, n);
            if (!level) {
                drop_partial(x, TILE_ENTRIES, n);
            }
        }
    }
}

/* The right edge as it can be read back: the copy leads to the signed root, or gets no checkpoint.
 */
static int check_copy(struct export *x, const struct checkpoint *head) {
    struct tiles t = {.dir = x->dir, .size = x->size};
    struct hash root;
    int r = merkle_root_at(x->size, tiles_hash, &t, &root);

    if (r < 0 || !hash_eq(&root, &head->root)) {
        (void)err_tag(x->e, r < 0 ? r : -EUCLEAN, "mirror_bad",
                      "the tiles in %s do not lead to the signed root", x->path);
        return err_hint(x->e, "remove that directory and export again");
    }
    return 0;
}

static int open_target(struct export *x) {
    int r = dir_make(AT_FDCWD, x->path, 0700, x->e);

    if (r < 0) {
        return r;
    }
    x->dir = open(x->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (x->dir < 0) {
        return err_set(x->e, -errno, "open %s: %s", x->path, strerror(errno));
    }
    if (flock(x->dir, LOCK_EX | LOCK_NB) < 0) {
        (void)err_tag(x->e, -EBUSY, "ledger_busy", "another export into %s is at work", x->path);
        return err_hint(x->e, "wait for it");
    }
    return 0;
}

int ledger_export(struct ledger *l, const char *dir, bool bodies, struct export_result *ret,
                  struct err *e) {
    CLEANUP(export_done)
    struct export x = {.l = l, .path = dir, .dir = -1, .bundle = BUF_INIT(BUNDLE_MAX), .e = e};
    CLEANUP(buf_done) struct buf identity = BUF_INIT(LIM_LINE);
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf kept = BUF_INIT(LIM_LINES);
    struct copy copy = {.x = &x};
    struct checkpoint head;
    int r = recover_sound(l, e);

    /* Before the checkpoint, so that it speaks of nothing larger. */
    r = r < 0 ? r : file_read(l->dir, WITNESSED_FILE, &kept, e);
    r = r == -ENOENT ? 0 : r;
    r = r < 0 ? r : ledger_checkpoint(l, &note, &head, e);
    r = r < 0 ? r : file_read(l->dir, "origin", &identity, e);
    r = r < 0 ? r : open_target(&x);
    if (r < 0) {
        return r;
    }
    x.size = head.size;
    r = look_at_old(&x, &identity);
    r = r < 0 ? r : file_replace(x.dir, "origin", buf_str(&identity), identity.len, 0600, e);
    if (r == 0 && x.from < x.size) {
        r = read_each(l, x.from - x.from % TILE_WIDTH, x.size, add_entry, &x, e);
        r = r < 0 ? r : put_tiles(&x);
    }
    r = r < 0 || !bodies ? r : body_each(l->dir, copy_one, &copy);
    r = r < 0 ? r : check_copy(&x, &head);
    if (r == 0 && syncfs(x.dir) < 0) {
        r = failed(&x, -errno, ".");
    }
    r = r < 0 ? r : file_replace(x.dir, "checkpoint", buf_str(&note), note.len, 0600, e);
    if (r == 0 && kept.len) { /* after the checkpoint, for the same reason */
        r = file_replace(x.dir, WITNESSED_FILE, buf_str(&kept), kept.len, 0600, e);
    }
    if (r < 0) {
        return r;
    }
    drop_partials(&x);
    *ret = (struct export_result){x.from, x.size, copy.count};
    return 0;
}
