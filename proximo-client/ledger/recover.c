/* SPDX-License-Identifier: Apache-2.0 */
/* What a process does before it trusts the files: the state at the stored checkpoint, then every
 * entry past it. The invariant: bytes under a signed checkpoint are never changed here - if they do
 * not match it the log is damaged; bytes past it may be cut or re-hashed, and an entry says so. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "proximo-client/ledger/impl.h"

int recover_damage(struct ledger *l, const char *fmt, ...) {
    va_list ap;

    if (!l->damaged) { /* the first finding is the cause */
        va_start(ap, fmt);
        (void)vsnprintf(l->damage, sizeof(l->damage), fmt, ap);
        va_end(ap);
        l->damaged = true;
    }
    return -EUCLEAN;
}

int recover_sound(const struct ledger *l, struct err *e) {
    if (!l->damaged) {
        return 0;
    }
    (void)err_tag(e, -EUCLEAN, "ledger_damaged", "the ledger is damaged: %s", l->damage);
    return err_hint(e, "run: proximo-client ledger verify, then ledger recover");
}

int recover_head(struct ledger *l, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);
    struct checkpoint c;
    struct note n;
    int r = file_read(l->dir, "checkpoint", &b, e);

    if (r < 0) {
        return r;
    }
    if (b.len == l->note.len && memcmp(buf_str(&b), buf_str(&l->note), b.len) == 0) {
        return 0; /* checked before; a signature check costs more than an append */
    }
    r = checkpoint_open(buf_str(&b), b.len, &l->vkey, &n, &c, e);
    if (r < 0) {
        return r;
    }
    buf_reset(&l->note);
    r = buf_add(&l->note, buf_str(&b), b.len);
    if (r < 0) {
        return err_set(e, r, "checkpoint: %s", strerror(-r));
    }
    l->head = c;
    return 0;
}

/* Counts every slot that was not there or was wrong. */
struct reconcile {
    struct ledger *l;
    bool wrote;
};

static int reconcile(void *ctx, unsigned int level, uint64_t index, const struct hash *h) {
    struct reconcile *rc = ctx;
    struct ledger *l = rc->l;
    struct hash old;
    int fd;

    l->dirty_levels |= (uint64_t)1 << level; /* written by whom ever, not known to be synced */
    if (tree_read(l, level, index, &old) == 0 && hash_eq(&old, h)) {
        return 0;
    }
    if (l->edge.size < l->head.size) {
        return recover_damage(l, "entry %llu does not match the stored hashes",
                              (unsigned long long)l->edge.size);
    }
    fd = tree_level(l, level, true);
    if (fd < 0) {
        return fd;
    }
    rc->wrote = true;
    return fd_pwrite_all(fd, h->b, HASH_LEN, index * HASH_LEN);
}

static int adopt(struct ledger *l, const char *bytes, size_t len) {
    struct reconcile rc = {.l = l};
    struct hash leaf;
    struct hash root;
    uint32_t at = htobe32((uint32_t)l->seg_end);
    int r;

    merkle_leaf(bytes, len, &leaf);
    (void)fd_pwrite_all(l->offset_fd, &at, sizeof(at), l->edge.size * sizeof(at));
    r = merkle_edge_add(&l->edge, &leaf, reconcile, &rc);
    if (r < 0) {
        return r;
    }
    l->seg_end += 4 + len;
    l->rehashed += rc.wrote;
    l->dirty_seg = true;
    if (l->edge.size == l->head.size) {
        merkle_edge_root(&l->edge, &root);
        if (!hash_eq(&root, &l->head.root)) {
            return recover_damage(l, "the tree at %llu entries is not the signed one",
                                  (unsigned long long)l->edge.size);
        }
    }
    return 0;
}

/* Cuts the tail at seg_end: what follows is no whole entry. */
static int cut_tail(struct ledger *l) {
    if (l->edge.size < l->head.size) {
        return recover_damage(l, "entry %llu is cut or unreadable, the checkpoint covers %llu",
                              (unsigned long long)l->edge.size, (unsigned long long)l->head.size);
    }
    l->cut++;
    l->dirty_seg = true;
    return ftruncate(l->seg_fd, (off_t)l->seg_end) < 0 ? -errno : 0;
}

static bool is_entry(const char *bytes, size_t len) {
    CLEANUP(entry_done) struct entry en = {0};

    return entry_parse(bytes, len, &en, NULL) == 0;
}

/* Adopts what is in the tail segment from seg_end on. */
static int adopt_tail(struct ledger *l) {
    CLEANUP(seg_done) struct seg_reader rd = {.fd = -1};
    int r = seg_start(&rd, l->seg_fd, l->seg_end);

    while (r == 0 && l->edge.size / SEG_ENTRIES == l->seg) {
        const char *bytes = NULL;
        size_t len = 0;
        int n = seg_next(&rd, &bytes, &len);

        if (n == 0) {
            return 0;
        }
        if (n == -EBADMSG || (n == 1 && !is_entry(bytes, len))) {
            return cut_tail(l);
        }
        r = n < 0 ? n : adopt(l, bytes, len);
    }
    return r;
}

static int next_segment(struct ledger *l) {
    struct stat st;

    if (fstat(l->seg_fd, &st) < 0) {
        return -errno;
    }
    if ((uint64_t)st.st_size > l->seg_end) {
        return recover_damage(l, "segment %llu holds more than %u entries",
                              (unsigned long long)l->seg, SEG_ENTRIES);
    }
    if (tree_sync(l) < 0) { /* its writer may not have come to it: nothing follows it yet */
        return -EIO;
    }
    closep(&l->seg_fd);
    l->seg++;
    l->seg_end = 0;
    return 0;
}

/* True when the files say that nothing happened since we last looked. */
static int unchanged(struct ledger *l, bool *ret) {
    struct stat level = {0};
    struct stat seg = {0};
    int fd = tree_level(l, 0, false);

    if (fd < 0 || fstat(fd, &level) < 0) {
        return recover_damage(l, "level/0 is missing");
    }
    if (l->edge.size / SEG_ENTRIES == l->seg) {
        (void)tree_open_tail(l, false); /* absent until its first entry */
    }
    if (l->seg_fd >= 0 && fstat(l->seg_fd, &seg) < 0) {
        return -errno;
    }
    if ((uint64_t)level.st_size < l->edge.size * HASH_LEN || (uint64_t)seg.st_size < l->seg_end) {
        return recover_damage(l, "the log became shorter: %llu entries were here",
                              (unsigned long long)l->edge.size);
    }
    *ret =
        (uint64_t)level.st_size == l->edge.size * HASH_LEN && (uint64_t)seg.st_size == l->seg_end;
    return 0;
}

static int adopt_all(struct ledger *l) {
    struct stat st;
    int r = 0;
    int fd;

    while (r == 0) {
        if (l->edge.size / SEG_ENTRIES != l->seg) {
            r = l->seg_fd >= 0 ? next_segment(l) : -EUCLEAN;
            if (r < 0) {
                break;
            }
        }
        r = tree_open_tail(l, false);
        if (r == -ENOENT) {
            r = 0;
            break;
        }
        r = r < 0 ? r : adopt_tail(l);
        if (r < 0 || l->edge.size / SEG_ENTRIES == l->seg) {
            break; /* not full: this is the last one */
        }
    }
    if (r < 0) {
        return r;
    }
    if (l->edge.size < l->head.size) {
        return recover_damage(l, "only %llu entries are here, the checkpoint covers %llu",
                              (unsigned long long)l->edge.size, (unsigned long long)l->head.size);
    }
    fd = tree_level(l, 0, false);
    if (fd >= 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_size > l->edge.size * HASH_LEN) {
        uint64_t more = ((uint64_t)st.st_size - l->edge.size * HASH_LEN + HASH_LEN - 1) / HASH_LEN;

        l->cut = l->cut > more ? l->cut : more;
    }
    return tree_trim(l, l->edge.size);
}

int recover_catch_up(struct ledger *l, struct err *e) {
    bool same = false;
    int r = l->damaged ? -EUCLEAN : unchanged(l, &same);

    if (r == 0 && same) {
        return 0;
    }
    if (r == 0 && recover_head(l, e) < 0) { /* somebody may have signed further than we know */
        r = recover_damage(l, "checkpoint: %.200s", e ? e->msg : "unreadable");
    }
    r = r < 0 ? r : adopt_all(l);
    if (r == -EUCLEAN) {
        return recover_sound(l, e);
    }
    return r < 0 ? err_set(e, r, "read the ledger: %s", strerror(-r)) : 0;
}

int recover_refresh(struct ledger *l, struct err *e) {
    CLEANUP(lock_dropp) struct ledger *held = NULL;
    bool same = false;
    int r;

    if (l->locked || l->damaged || (unchanged(l, &same) == 0 && same)) {
        return 0;
    }
    r = lock_take(l, e);
    if (r < 0) {
        return r;
    }
    held = l;
    r = recover_catch_up(l, e);
    return r == -EUCLEAN ? 0 : r; /* reads go on */
}

/* Best effort for a damaged log: what the level files say is there. */
static void damaged_state(struct ledger *l) {
    int fd = tree_level(l, 0, false);
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0) {
        l->edge.size = (uint64_t)st.st_size / HASH_LEN;
    }
}

int recover_open(struct ledger *l, struct err *e) {
    struct hash root;
    int r = recover_head(l, e);

    if (r < 0) {
        r = recover_damage(l, "checkpoint: %.200s", e ? e->msg : "unreadable");
    } else if (merkle_edge_at(l->head.size, tree_read, l, &l->edge) < 0) {
        r = recover_damage(l, "the level files are shorter than the checkpoint (%llu entries)",
                           (unsigned long long)l->head.size);
    } else {
        merkle_edge_root(&l->edge, &root);
        r = hash_eq(&root, &l->head.root)
                ? 0
                : recover_damage(l, "the tree at %llu entries is not the signed one",
                                 (unsigned long long)l->head.size);
    }
    if (r == 0) {
        l->seg = l->edge.size / SEG_ENTRIES;
        if (l->edge.size % SEG_ENTRIES && read_end_of(l, l->edge.size - 1, &l->seg_end) < 0) {
            r = recover_damage(l, "entry %llu, the newest that is signed, is not readable",
                               (unsigned long long)l->edge.size - 1);
        }
    }
    r = r < 0 ? r : recover_catch_up(l, e);
    if (r == -EUCLEAN) {
        damaged_state(l);
        return 0;
    }
    return r;
}
