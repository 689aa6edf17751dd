/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a node request: what is taken must be the one text that its meaning has. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(request_done) struct node_request q = {0};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    struct err e;
    struct hash h;

    guest_config_hash((const char *)data, size, &h);
    if (request_parse((const char *)data, size, &q, &e) < 0) {
        return 0;
    }
    if (request_text(&q, &b, &e) < 0 || b.len != size || memcmp(b.data, data, size) != 0) {
        abort();
    }
    return 0;
}
