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

void taint_set(struct ledger *l, int64_t until) {
    char path[4096];
    char text[32];

    if (taint_path(l, path, sizeof(path)) == 0) {
        (void)snprintf(text, sizeof(text), "%lld", (long long)until);
        (void)file_replace(AT_FDCWD, path, text, strlen(text), 0600, NULL);
    }
}
