/* SPDX-License-Identifier: Apache-2.0 */
/* common/own.h - one owner for every resource: a struct member, or a local that is cleaned up
 * when its scope ends. No goto, no cleanup by hand on some paths. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* The only way a local gives up ownership: yields the value and leaves NULL (or -1) behind. */
#define TAKE(p)                                                                                    \
    ({                                                                                             \
        __typeof__(p) take_tmp_ = (p);                                                             \
        (p) = NULL;                                                                                \
        take_tmp_;                                                                                 \
    })
#define TAKE_FD(fd)                                                                                \
    ({                                                                                             \
        int take_fd_tmp_ = (fd);                                                                   \
        (fd) = -1;                                                                                 \
        take_fd_tmp_;                                                                              \
    })

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* For CLEANUP(freep) on any malloc'ed pointer. */
static inline void freep(void *p) {
    void **pp = (void **)p;

    free(*pp);
    *pp = NULL;
}

/* For CLEANUP(closep) on a descriptor; -1 is "none". */
static inline void closep(int *fd) {
    if (*fd >= 0) {
        (void)close(*fd);
    }
    *fd = -1;
}

/* For CLEANUP(fclosep). */
static inline void fclosep(FILE **f) {
    if (*f) {
        (void)fclose(*f);
    }
    *f = NULL;
}
