/* SPDX-License-Identifier: Apache-2.0 */
/* common/dir.h - the names in a directory, one after the other. */
#pragma once
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

/* For CLEANUP(dir_closep). */
static inline void dir_closep(DIR **d) {
    if (*d) {
        (void)closedir(*d);
    }
    *d = NULL;
}

/* Takes the descriptor, also on failure; NULL then. */
static inline DIR *dir_of_fd(int fd) {
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (!d && fd >= 0) {
        (void)close(fd);
    }
    return d;
}

static inline DIR *dir_open(int dirfd, const char *path) {
    return dir_of_fd(openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* The next name that does not begin with a dot; NULL at the end, and when d is NULL. */
static inline const char *dir_next(DIR *d) {
    const struct dirent *de = NULL;

    while (d && (de = readdir(d)) != NULL && de->d_name[0] == '.') {
    }
    return de ? de->d_name : NULL;
}
