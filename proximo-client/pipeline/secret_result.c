/* SPDX-License-Identifier: Apache-2.0 */
/* A secret that PVE makes is told once, in the answer that makes it. It goes to a file that only
 * the account can read, never into the answer, the ledger or a log (formats.md 3). */
#include "proximo-client/pipeline/secret_result.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/pipeline/session.h"

/* Which answers hold one: a new token's. */
static bool holds_secret(const js *q, const js *data) {
    const char *path = js_str_or(q, "path", "");

    return strcmp(js_str_or(q, "method", ""), "POST") == 0 &&
           strncmp(path, "/access/users/", 14) == 0 && strstr(path, "/token/") &&
           js_get_str(data, "value");
}

/* As a token file is written: USER@REALM!ID=SECRET, of a backup server (whose answer names the
 * token otherwise) USER@REALM!ID:SECRET. */
static int write_file(const char *file, const js *data, struct err *e) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(1024);
    CLEANUP(freep) char *dir = strndup(file, (size_t)(strrchr(file, '/') - file));
    int r = dir ? dir_make(AT_FDCWD, dir, 0700, e) : err_set(e, -ENOMEM, "out of memory");

    if (r == 0) {
        const char *id = js_get_str(data, "full-tokenid");

        r = buf_addf(&b, "%s%c%s\n", id ? id : js_str_or(data, "tokenid", ""), id ? '=' : ':',
                     js_str_or(data, "value", ""));
    }
    return r < 0 ? r : file_replace(AT_FDCWD, file, buf_str(&b), b.len, 0600, e);
}

void secret_result_keep(struct change *c, const js *q, const js *data) {
    CLEANUP(freep) char *file = NULL;
    struct err why = {0};

    if (!holds_secret(q, data)) {
        return;
    }
    file = c->s->app ? app_result_file(c->s->app, c->op_id) : NULL;
    if (file && write_file(file, data, &why) == 0) {
        json_object_put(c->secret_file);
        c->secret_file = js_str(file);
        return;
    }
    js_push(c->leftover, js_str("the new secret could not be written to a file and is lost: revoke "
                                "the token and make another"));
}
