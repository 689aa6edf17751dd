/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentctl freeze, revoke: denials are files that need nothing to parse, written here and on the
 * cluster file system (root, from a terminal). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/fd.h"
#include "common/put.h"
#include "pveagentd/ctl/ctl.h"

/* The local one first, because it always can. */
static int deny(const struct priv *p, const char *name, struct err *e) {
    char path[4096];
    char dir[4096];
    int r = file_replace(p->state_fd, name, "\n", 1, 0600, e);

    if (r < 0) {
        return r;
    }
    r = cluster_path(p, "pveagentd", strchr(name, '/') ? "revoked" : NULL, dir, e);
    r = r < 0 ? r : dir_make(AT_FDCWD, dir, 0755, e);
    r = r < 0 ? r : cluster_path(p, "pveagentd", name, path, e);
    return r < 0 ? r : file_replace(AT_FDCWD, path, "\n", 1, CLUSTER_MODE, e);
}

int ctl_freeze(const struct priv *p, bool on, struct err *e) {
    char path[4096];

    if (on) {
        return deny(p, "freeze", e);
    }
    if (cluster_path(p, "pveagentd", "freeze", path, e) < 0) {
        return e->code;
    }
    if ((unlinkat(p->state_fd, "freeze", 0) < 0 && errno != ENOENT) ||
        (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)) {
        return err_set(e, -errno, "remove the freeze file: %s", strerror(errno));
    }
    return 0;
}

int ctl_deny_key(const struct priv *p, const struct hash *spki, struct err *e) {
    char name[80];

    (void)snprintf(name, sizeof(name), "revoked/%s", HEX_STR(spki));
    return deny(p, name, e);
}
