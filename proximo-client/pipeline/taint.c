/* SPDX-License-Identifier: Apache-2.0 */
/* The taint mark: one file holding the time until which it counts. Unreadable means on. */
#include "proximo-client/pipeline/taint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/ledger/ledger.h"

static int taint_path(struct ledger *l, char *ret, size_t size) {
    int n = snprintf(ret, size, "%s/taint", ledger_dir(l));

    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

bool taint_is_on(struct ledger *l, int64_t now) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(64);
    char path[4096];
    uint64_t until;

    if (taint_path(l, path, sizeof(path)) < 0) {
        return true;
    }
    if (access(path, F_OK) < 0 && errno == ENOENT) {
        return false;
    }
    if (file_read(AT_FDCWD, path, &b, NULL) < 0 || ident_u64(buf_str(&b), &until) < 0) {
        return true;
    }
    return now < (int64_t)until;
}

int taint_set(struct ledger *l, int64_t until, struct err *e) {
    CLEANUP(closep) int fd = -1;
    char path[4096];
    char text[32];
    int r = taint_path(l, path, sizeof(path));

    (void)snprintf(text, sizeof(text), "%lld", (long long)until);
    r = r < 0 ? r : file_replace(AT_FDCWD, path, text, strlen(text), 0600, NULL);
    if (r < 0) {
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        r = fd < 0 ? -errno : 0;
    }
    if (r < 0) {
        (void)err_tag(e, r, "ledger_space",
                      "it cannot be noted that text which a guest controls is returned: %s",
                      strerror(-r));
        return err_hint(e, "make room in %.200s", ledger_dir(l));
    }
    return 0;
}
