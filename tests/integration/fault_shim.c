/* SPDX-License-Identifier: Apache-2.0 */
/* Put in front of libc with LD_PRELOAD by the fault tests: another time of day, and a death or a
 * full disk at the Nth call that changes a file. It lives outside the product on purpose: no
 * shipped binary can be told to die or to take another time. System calls are made directly, so
 * that it also stands in front of a sanitizer's own interceptors.
 *
 *   FAULT_CLOCK=SECONDS   added to CLOCK_REALTIME (may be negative)
 *   FAULT_KILL_AT=N       the process is killed (SIGKILL) instead of the Nth such call
 *   FAULT_KILL_CHILD=N    the same in each forked child that has not become another program, which
 * counts from its start; with FAULT_KILL_PARENT its parent is killed before it FAULT_FROM=TEXT
 * calls count from the first one on a file whose path holds that text FAULT_TALK=TYPE messages
 * (sendmsg, recvmsg) are such calls, too; not 1: nothing counts in a process whose first message is
 * not of this type FAULT_FULL_AT=N       from the Nth such call on there is no space (half a write
 * goes through) FAULT_COUNT=FILE      how many such calls there were, written at the end */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long kill_at, kill_child, full_at, calls, shift;
static int forked, begun;
static const char *from;

static long number(const char *name) {
    const char *v = getenv(name);

    return v ? strtol(v, NULL, 10) : 0;
}

static void in_child(void) {
    forked = 1;
    calls = 0;
}

__attribute__((constructor)) static void start(void) {
    kill_at = number("FAULT_KILL_AT");
    kill_child = number("FAULT_KILL_CHILD");
    from = getenv("FAULT_FROM");
    (void)pthread_atfork(NULL, NULL, in_child);
    full_at = number("FAULT_FULL_AT");
    shift = number("FAULT_CLOCK");
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("FAULT_COUNT");
    FILE *f = path ? fopen(path, "we") : NULL;

    if (f) {
        (void)fprintf(f, "%ld\n", calls);
        (void)fclose(f);
    }
}

static int is_from(int fd) {
    char link[64], path[512];
    ssize_t n;

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    return strstr(path, from) != NULL;
}

/* Counts this call; dies at the one that was named. fd: the file, or -1. */
static long count(int fd) {
    long n;

    begun = begun || !from || (fd >= 0 && is_from(fd));
    n = begun ? __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) : 0;
    if (forked && kill_child && n == kill_child && getenv("FAULT_KILL_PARENT")) {
        (void)syscall(SYS_kill, getppid(), SIGKILL);
    }
    if ((kill_at && n == kill_at) || (forked && kill_child && n == kill_child)) {
        (void)syscall(SYS_kill, getpid(), SIGKILL);
    }
    return n;
}

/* 1: this call fails for want of space. */
static int strikes(int fd) {
    long n = count(fd);

    if (full_at && n >= full_at) {
        errno = ENOSPC;
        return 1;
    }
    return 0;
}

static int is_file(int fd) {
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

ssize_t write(int fd, const void *data, size_t len) {
    if (is_file(fd) && strikes(fd)) {
        (void)!syscall(SYS_write, fd, data, len / 2);
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, fd, data, len);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at) {
    if (is_file(fd) && strikes(fd)) {
        (void)!syscall(SYS_pwrite64, fd, data, len / 2, at);
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, data, len, at);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at);
ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at) {
    return pwrite(fd, data, len, at);
}

int posix_fallocate(int fd, off_t at, off_t len) {
    if (strikes(fd)) {
        return ENOSPC;
    }
    return syscall(SYS_fallocate, fd, 0, at, len) < 0 ? errno : 0;
}

int posix_fallocate64(int fd, off64_t at, off64_t len) {
    return posix_fallocate(fd, at, len);
}

int mkdirat(int dir, const char *path, mode_t mode) {
    return strikes(-1) ? -1 : (int)syscall(SYS_mkdirat, dir, path, mode);
}

/* Syncing and renaming need no space on the file systems at hand, but a process can die at them. */
static void may_die(int fd) {
    (void)count(fd);
}

int fsync(int fd) {
    may_die(fd);
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    may_die(fd);
    return (int)syscall(SYS_fdatasync, fd);
}

int renameat(int a, const char *from, int b, const char *to) {
    may_die(-1);
    return (int)syscall(SYS_renameat2, a, from, b, to, 0);
}

int unlinkat(int dir, const char *path, int flags) {
    may_die(-1);
    return (int)syscall(SYS_unlinkat, dir, path, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags) {
    if (number("FAULT_TALK")) {
        may_die(-1);
    }
    return syscall(SYS_sendmsg, fd, m, flags);
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags) {
    ssize_t n = syscall(SYS_recvmsg, fd, m, flags);
    long want = number("FAULT_TALK");

    if (want > 1 && !calls && n > 4) {
        const unsigned char *p = m->msg_iov->iov_base;

        kill_at = (p[2] | p[3] << 8) == want ? kill_at : 0;
    }
    if (want) {
        may_die(-1);
    }
    return n;
}

int clock_gettime(clockid_t which, struct timespec *ret) {
    int r = (int)syscall(SYS_clock_gettime, which, ret);

    if (r == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) {
        ret->tv_sec += shift;
    }
    return r;
}

time_t time(time_t *ret) {
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now) < 0) {
        return -1;
    }
    if (ret) {
        *ret = now.tv_sec;
    }
    return now.tv_sec;
}

int gettimeofday(struct timeval *ret, void *zone) {
    struct timespec now;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) < 0) {
        return -1;
    }
    ret->tv_sec = now.tv_sec;
    ret->tv_usec = now.tv_nsec / 1000;
    return 0;
}
