/* SPDX-License-Identifier: Apache-2.0 */
/* One way to read both layouts, in pieces: memory does not grow with the log. */
#include "proximo-client/ledger/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/own.h"
#include "proximo-client/ledger/tiles.h"

#define WINDOW 2048 /* hashes of a level file read at a time */

static bool is_there(int dirfd, const char *name) {
    struct stat st;

    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

void source_open(int dirfd, uint64_t size, struct source *ret) {
    *ret = (struct source){.dir = dirfd, .size = size, .fd = -1, .bundle = BUF_INIT(BUNDLE_MAX)};
    ret->rd.fd = -1;
    ret->is_tiles = !is_there(dirfd, "entries") && is_there(dirfd, "tile");
    ret->has_hashes = is_there(dirfd, ret->is_tiles ? "tile/0" : "level");
    for (size_t i = 0; i < ARRAY_LEN(ret->level); i++) {
        ret->level[i].fd = -1;
    }
}

void source_done(struct source *s) {
    for (size_t i = 0; i < ARRAY_LEN(s->level); i++) {
        closep(&s->level[i].fd);
        freep(&s->level[i].window);
    }
    seg_done(&s->rd);
    closep(&s->fd);
    buf_done(&s->bundle);
}

static int open_segment(struct source *s) {
    char name[SEG_NAME];

    s->seg = s->at / SEG_ENTRIES;
    seg_done(&s->rd);
    closep(&s->fd);
    seg_name(s->seg, name);
    s->fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (s->fd < 0) {
        return -errno;
    }
    return seg_start(&s->rd, s->fd, 0);
}

static int next_in_segment(struct source *s, const char **ret, size_t *ret_len) {
    int r;

    if (s->fd >= 0 && s->at / SEG_ENTRIES != s->seg) { /* it is full: nothing may follow in it */
        r = seg_next(&s->rd, ret, ret_len);
        if (r) {
            return r < 0 ? r : -E2BIG;
        }
    }
    if (s->fd < 0 || s->at / SEG_ENTRIES != s->seg) {
        r = open_segment(s);
        if (r < 0) {
            return r == -ENOENT ? 0 : r;
        }
    }
    r = seg_next(&s->rd, ret, ret_len);
    s->at += r == 1;
    return r;
}

static int next_in_bundle(struct source *s, const char **ret, size_t *ret_len) {
    unsigned int width = tile_width(s->size, TILE_ENTRIES, s->at / TILE_WIDTH);
    int r;

    if (s->at % TILE_WIDTH == 0) {
        if (s->pos < s->bundle.len) {
            return -E2BIG;
        }
        if (s->at == s->size) {
            return 0;
        }
        s->pos = 0;
        r = bundle_read(s->dir, s->at / TILE_WIDTH, width, &s->bundle);
        if (r < 0) {
            buf_reset(&s->bundle);
            return r == -ENOENT ? 0 : r;
        }
    }
    if (s->at == s->size) { /* a full bundle may stand in for a partial one that was removed */
        return 0;
    }
    r = bundle_next(&s->bundle, &s->pos, ret, ret_len);
    s->at += r == 1;
    return r;
}

int source_next(struct source *s, const char **ret, size_t *ret_len) {
    return s->is_tiles ? next_in_bundle(s, ret, ret_len) : next_in_segment(s, ret, ret_len);
}

int source_skip(struct source *s, uint64_t at) {
    const char *bytes;
    size_t len;

    s->at = at - at % TILE_WIDTH;
    while (s->at < at) {
        int r = source_next(s, &bytes, &len);

        if (r != 1) {
            return r < 0 ? r : -ENODATA;
        }
    }
    return 0;
}

static size_t fill_from_tile(struct source *s, unsigned int level, struct source_level *v) {
    uint64_t n = v->next / TILE_WIDTH;
    unsigned int width =
        v->next % TILE_WIDTH ? 0 : tile_width(s->size, level / TILE_HEIGHT, n); /* partial: last */

    return width && tile_read(s->dir, level / TILE_HEIGHT, n, width, v->window) == 0 ? width : 0;
}

static size_t fill_from_file(struct source *s, unsigned int level, struct source_level *v) {
    char name[16];
    ssize_t n;

    if (v->fd < 0) {
        (void)snprintf(name, sizeof(name), "level/%u", level);
        v->fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
    if (v->fd < 0) {
        return 0;
    }
    n = pread(v->fd, v->window, WINDOW * sizeof(*v->window), (off_t)(v->next * HASH_LEN));
    return n > 0 ? (size_t)n / HASH_LEN : 0;
}

int source_hash(struct source *s, unsigned int level, struct hash *ret) {
    struct source_level *v = &s->level[level];

    if (s->is_tiles && level % TILE_HEIGHT) {
        return -ENODATA;
    }
    if (!v->window) {
        v->window = malloc(WINDOW * sizeof(*v->window));
        if (!v->window) {
            abort(); /* an audit that skips a comparison is worse than none */
        }
    }
    if (v->pos == v->len) {
        v->pos = 0;
        v->len = s->is_tiles ? fill_from_tile(s, level, v) : fill_from_file(s, level, v);
        v->next += v->len;
    }
    if (!v->len) {
        return 0;
    }
    *ret = v->window[v->pos++];
    return 1;
}
