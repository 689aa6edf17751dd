/* SPDX-License-Identifier: Apache-2.0 */
/* The program that acts, whole, but for the programs that its drivers run: those are written to the
 * file that RAN names, one command a line, and nothing of this machine is reloaded. While the file
 * that BAD names is there, they fail. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/err.h"
#include "pveagentd/act/act.h"
#include "pveagentd/act/snap.h"

static int record(const char *const *argv, struct buf *ret, int timeout_s, const char *tag,
                  struct err *e) {
    const char *path = getenv("RAN");
    const char *bad = getenv("BAD");
    FILE *f = path ? fopen(path, "ae") : NULL;

    (void)ret;
    (void)timeout_s;
    if (!f) {
        return err_tag(e, -EIO, tag, "nothing to record to");
    }
    for (size_t i = 0; argv[i]; i++) {
        fprintf(f, "%s%s", i ? " " : "", argv[i]);
    }
    fputc('\n', f);
    if (fclose(f)) {
        return err_tag(e, -EIO, tag, "not recorded");
    }
    return bad && access(bad, F_OK) == 0 ? err_tag(e, -EREMOTEIO, tag, "it does not load") : 0;
}

int main(int argc, char **argv) {
    snap_run = record;
    return act_main(argc, argv);
}
