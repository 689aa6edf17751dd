/* SPDX-License-Identifier: Apache-2.0 */
/* Runs. A run is written beside its place, synced and renamed, so a name that exists is whole; a
 * reader that has one open keeps it while others merge it away. */
#include "proximo-client/ledger/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/own.h"

#define REC   sizeof(struct index_rec)
#define CHUNK 512 /* records read or written at a time */

_Static_assert(sizeof(struct index_rec) == 24, "records have no padding");

void run_name(unsigned int level, uint64_t number, char ret[static RUN_NAME]) {
    (void)snprintf(ret, RUN_NAME, "index/%u-%llu", level, (unsigned long long)number);
}

int run_open(int dirfd, unsigned int level, uint64_t number, uint64_t n, struct run *ret) {
    CLEANUP(closep) int fd = -1;
    char name[RUN_NAME];
    struct stat st;

    run_name(level, number, name);
    fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0) {
        return -errno;
    }
    if ((uint64_t)st.st_size != n * REC) {
        return -EBADMSG;
    }
    ret->fd = TAKE_FD(fd);
    ret->n = n;
    return 0;
}

void run_close(struct run *r) {
    closep(&r->fd);
    r->n = 0;
}

int run_read(const struct run *r, uint64_t i, struct index_rec *ret) {
    return fd_pread_all(r->fd, ret, REC, i * REC);
}

int run_lower_bound(const struct run *r, const struct index_rec *from, uint64_t *ret) {
    uint64_t low = 0;
    uint64_t high = r->n;

    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        struct index_rec rec;
        int x = run_read(r, mid, &rec);

        if (x < 0) {
            return x;
        }
        if (memcmp(&rec, from, REC) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    *ret = low;
    return 0;
}

/* One input of a merge: a window over a run, or records in memory. */
struct input {
    const struct run *run; /* NULL: all of it is in `rec` */
    const struct index_rec *rec;
    struct index_rec *window;
    uint64_t pos, len, next;
};

static int input_fill(struct input *in) {
    uint64_t n;
    int r;

    if (in->pos < in->len || !in->run || in->next == in->run->n) {
        return 0;
    }
    n = in->run->n - in->next < CHUNK ? in->run->n - in->next : CHUNK;
    r = fd_pread_all(in->run->fd, in->window, n * REC, in->next * REC);
    in->rec = in->window;
    in->pos = 0;
    in->len = n;
    in->next += n;
    return r;
}

static int merge_into(int fd, struct input *in, unsigned int n_in, uint64_t *ret_n) {
    struct index_rec out[CHUNK];
    uint64_t n = 0;
    size_t k = 0;
    int r = 0;

    for (;;) {
        const struct index_rec *least = NULL;
        unsigned int from = 0;

        for (unsigned int i = 0; i < n_in; i++) {
            r = input_fill(&in[i]);
            if (r < 0) {
                return r;
            }
            if (in[i].pos < in[i].len &&
                (!least || memcmp(&in[i].rec[in[i].pos], least, REC) < 0)) {
                least = &in[i].rec[in[i].pos];
                from = i;
            }
        }
        if (least) {
            out[k++] = *least;
            in[from].pos++;
            n++;
        }
        if (k == CHUNK || !least) {
            r = fd_write_all(fd, out, k * REC);
            k = 0;
        }
        if (r < 0 || !least) {
            *ret_n = n;
            return r;
        }
    }
}

int run_merge(int dirfd, const struct run *in, unsigned int n_in, const struct index_rec *rec,
              uint64_t n_rec, unsigned int level, uint64_t number, uint64_t *ret_n) {
    CLEANUP(freep) struct index_rec *windows = calloc((size_t)n_in * CHUNK + 1, REC);
    CLEANUP(closep) int fd = -1;
    struct input inputs[65] = {0};
    char name[RUN_NAME];
    char tmp[RUN_NAME + 16];
    int r;

    if (!windows) {
        return -ENOMEM;
    }
    for (unsigned int i = 0; i < n_in; i++) {
        inputs[i] = (struct input){.run = &in[i], .window = windows + (size_t)i * CHUNK};
    }
    inputs[n_in] = (struct input){.rec = rec, .len = n_rec};
    run_name(level, number, name);
    (void)snprintf(tmp, sizeof(tmp), "%s.tmp.%d", name, (int)getpid());
    fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return -errno;
    }
    r = merge_into(fd, inputs, n_in + 1, ret_n);
    if (r == 0 && (fsync(fd) < 0 || renameat(dirfd, tmp, dirfd, name) < 0)) {
        r = -errno;
    }
    if (r < 0) {
        (void)unlinkat(dirfd, tmp, 0);
        return r;
    }
    return dir_sync(dirfd, "index");
}
