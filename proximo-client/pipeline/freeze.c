/* SPDX-License-Identifier: Apache-2.0 */
/* The freeze file: "until <unix>|-" and a reason, one line each. A file that cannot be read
 * freezes. */
#include "proximo-client/pipeline/freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/lines.h"
#include "common/own.h"
#include "proximo-client/app.h"

#define FREEZE_HEAD "proximo-freeze/v1"
static const struct line_key keys[] = {{"until", false, true}, {"reason", false, true}};

int freeze_check(struct app *a, struct err *e) {
    CLEANUP(freep) char *path = app_freeze_file(a);
    CLEANUP(buf_done) struct buf b = BUF_INIT(8192);
    CLEANUP(lines_done) struct lines l = {0};
    uint64_t until = 0;

    if (!path) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    if (access(path, F_OK) < 0 && errno == ENOENT) {
        return 0;
    }
    if (file_read(AT_FDCWD, path, &b, e) < 0 ||
        lines_parse(buf_str(&b), b.len, FREEZE_HEAD, keys, ARRAY_LEN(keys), &l, e) < 0) {
        (void)err_tag(e, -EACCES, "frozen", "a freeze file is there and cannot be read");
        return err_hint(e, "look at %s, then: proximo-client freeze off", path);
    }
    if (ident_u64(lines_get(&l, keys, "until"), &until) == 0 && clock_unix() > (int64_t)until) {
        return 0;
    }
    (void)err_tag(e, -EACCES, "frozen", "frozen by the owner: %.200s",
                  lines_get(&l, keys, "reason"));
    return err_hint(e, "proximo-client freeze off (only the owner decides that)");
}

int freeze_set(struct app *a, bool on, int64_t until, const char *reason, struct err *e) {
    CLEANUP(freep) char *path = app_freeze_file(a);
    CLEANUP(buf_done) struct buf b = BUF_INIT(8192);
    int r;

    if (!path) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    if (!on) {
        return unlink(path) < 0 && errno != ENOENT
                   ? err_set(e, -errno, "remove %s: %s", path, strerror(errno))
                   : 0;
    }
    r = buf_adds(&b, FREEZE_HEAD "\n");
    if (r == 0) {
        r = until > 0 ? lines_putf(&b, "until", "%lld", (long long)until)
                      : lines_put(&b, "until", "-");
    }
    if (r == 0) {
        r = lines_put(&b, "reason", reason);
    }
    if (r < 0) {
        return err_tag(e, r, "bad_argument", "the reason is too long");
    }
    {
        CLEANUP(freep) char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));

        r = dir ? dir_make(AT_FDCWD, dir, 0700, e) : err_set(e, -ENOMEM, "out of memory");
    }
    return r < 0 ? r : file_replace(AT_FDCWD, path, buf_str(&b), b.len, 0600, e);
}
