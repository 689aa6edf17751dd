/* SPDX-License-Identifier: Apache-2.0 */
/* The invitation line: the input is taken as the line, and as the text inside a line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/nodes/invite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_line(const char *line) {
    CLEANUP(invite_done) struct invite v = {0};

    if (invite_parse(line, &v, NULL) < 0) {
        return;
    }
    if (!ident_is_node(v.node) || v.n_addresses == 0 || v.expires < 0) {
        abort();
    }
    for (size_t i = 0; i < v.n_addresses; i++) {
        if (strpbrk(invite_address(&v, i), " /@?#\r\n")) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(64 * 1024);
    CLEANUP(freep) char *line = strndup((const char *)data, size);

    if (line) {
        try_line(line);
    }
    if (buf_adds(&b, "proximo1.") == 0 && b64url_encode(&b, data, size) == 0) {
        try_line(buf_str(&b));
    }
    return 0;
}
