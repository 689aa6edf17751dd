/* SPDX-License-Identifier: Apache-2.0 */
/* `pvesim import DIR`: a cluster from a copy of its /etc/pve. Runtime facts (what runs, how full a
 * storage is) are not in the files and are made up by the server. Secrets are not read: priv/ is
 * left alone. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/sim/demo.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/sim.h"

int import_tree(const char *dir, js **ret, struct err *e) {
    (void)dir;
    (void)ret;
    return err_set(e, -ENOTSUP, "import: not built in yet");
}
