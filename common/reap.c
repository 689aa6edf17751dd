/* SPDX-License-Identifier: Apache-2.0 */
/* Killing what a command started (in a child subreaper: whoever acts, and whoever waits for it).
 * Killing lxc-attach alone leaves the command alive under us, so we walk our own descendants: stop
 * them all first, that none can fork away, then kill, then look again. */
#include "common/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/dir.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/own.h"

#define PIDS_MAX 4096

struct pids {
    pid_t v[PIDS_MAX];
    size_t n;
};

static void add_pids(struct pids *ret, const char *list) {
    for (const char *s = list; *(s += strspn(s, " \n")); s += strcspn(s, " \n")) {
        uint64_t v;

        if (ident_u64n(s, strcspn(s, " \n"), &v) == 0 && v > 1 && v < INT32_MAX &&
            ret->n < PIDS_MAX) {
            ret->v[ret->n++] = (pid_t)v;
        }
    }
}

static void children_of(pid_t pid, struct pids *ret) {
    CLEANUP(dir_closep) DIR *d = NULL;
    const char *task;
    char path[400];

    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    d = dir_open(AT_FDCWD, path);
    while ((task = dir_next(d)) != NULL) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(64 * 1024);

        (void)snprintf(path, sizeof(path), "%s/children", task);
        if (file_read(dirfd(d), path, &b, NULL) == 0) {
            add_pids(ret, buf_str(&b));
        }
    }
}

/* Breadth first, so that going backwards is deepest first. */
static void descendants(struct pids *ret) {
    ret->n = 0;
    children_of(getpid(), ret);
    for (size_t i = 0; i < ret->n; i++) {
        children_of(ret->v[i], ret);
    }
}

/* True when there is no child at all, and so no descendant: orphans become our children. */
static bool collect_dead(void) {
    pid_t pid;

    do {
        pid = waitpid(-1, NULL, WNOHANG);
    } while (pid > 0);
    return pid < 0 && errno == ECHILD;
}

bool reap_all(void) {
    static struct pids all; /* single-threaded; too large for the stack */

    for (int round = 0; round < 200; round++) {
        if (collect_dead()) {
            return true;
        }
        descendants(&all);
        for (size_t i = 0; i < all.n; i++) {
            (void)kill(all.v[i], SIGSTOP);
        }
        descendants(&all);
        for (size_t i = all.n; i-- > 0;) {
            (void)kill(all.v[i], SIGKILL);
        }
        (void)collect_dead();
        clock_sleep_ms(round < 20 ? 2 : 25);
    }
    return false;
}
