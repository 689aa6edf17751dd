/* SPDX-License-Identifier: Apache-2.0 */
/* The log's lock: one writer at a time among processes. It is a lock of the open file, so that it
 * goes when its holder dies; the pid in the file is for the message only. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "proximo-client/ledger/impl.h"

static int busy(struct ledger *l, struct err *e) {
    char who[17] = "";
    ssize_t n = pread(l->lock_fd, who, sizeof(who) - 1, 0);

    who[n > 0 ? n : 0] = '\0';
    who[strcspn(who, "\n")] = '\0';
    who[strspn(who, " 0123456789")] = '\0';
    (void)err_tag(e, -EBUSY, "ledger_busy", "the ledger is locked by process%s",
                  *who ? who : " (unknown)");
    return err_hint(e, "wait for that process, or end it: the lock goes with it");
}

int lock_take(struct ledger *l, struct err *e) {
    int64_t until = clock_mono_ms() + LOCK_WAIT_MS;
    char who[17];
    int n;

    if (l->locked) {
        l->locked++;
        return 0;
    }
    while (flock(l->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return err_set(e, -errno, "lock the ledger: %s", strerror(errno));
        }
        if (clock_mono_ms() >= until) {
            return busy(l, e);
        }
        clock_sleep_ms(1);
    }
    n = snprintf(who, sizeof(who), " %-10d\n", (int)getpid());
    (void)fd_pwrite_all(l->lock_fd, who, (size_t)n, 0); /* a full disk must not stop an outcome */
    l->locked = 1;
    return 0;
}

void lock_drop(struct ledger *l) {
    if (l->locked && --l->locked == 0) {
        (void)flock(l->lock_fd, LOCK_UN);
    }
}
