/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of an API and its status lines: whatever comes, the error object stays valid UTF-8
 * without control bytes. Byte 0-1: the status; up to the first LF: the phrase; the rest: the body.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/pve/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_clean(const char *s, size_t size) {
    size_t len = strnlen(s, size);

    if (len == size) {
        abort();
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(js_freep) js *body = NULL;
    const char *text = (const char *)data + 2;
    const char *lf;
    char line[PVE_REASON_MAX];
    char path[64], privs[64];
    char *reason;
    struct err e = {0};
    int status, r;

    if (size < 2 || !(lf = memchr(text, '\n', size - 2))) {
        return 0;
    }
    status = (data[0] << 8 | data[1]) % 1000;
    if (answer_status_line(text, (size_t)(lf - text), line, sizeof(line))) {
        must_be_clean(line, sizeof(line));
    }
    reason = strndup(text, (size_t)(lf - text));
    if (!reason) {
        abort();
    }
    (void)pve_permissions_hint(reason, path, sizeof(path), privs, sizeof(privs));
    r = answer_read(status, reason, lf + 1, size - 3 - (size_t)(lf - text), "GET /x", &body, &e);
    free(reason);
    if ((r == 0) != (body != NULL && status >= 200 && status < 300)) {
        abort();
    }
    if (r < 0 && (!e.tag[0] || e.code != r)) {
        abort();
    }
    must_be_clean(e.msg, sizeof(e.msg));
    must_be_clean(e.hint, sizeof(e.hint));
    return 0;
}
