/* SPDX-License-Identifier: Apache-2.0 */
/* Entry bundles of somebody's export: what is given out lies within the file and is not too long.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/entry.h"
#include "common/own.h"
#include "proximo-client/ledger/tiles.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(BUNDLE_MAX);
    const char *bytes = NULL;
    size_t total = 0;
    size_t pos = 0;
    size_t len = 0;
    int r;

    if (buf_add(&b, data, size) < 0) {
        return 0; /* such a file is refused when it is read */
    }
    while ((r = bundle_next(&b, &pos, &bytes, &len)) == 1) {
        CLEANUP(entry_done) struct entry en = {0};

        assert(len > 0 && len <= LIM_ENTRY && len == ((size_t)data[total] << 8 | data[total + 1]));
        assert(memcmp(bytes, data + total + 2, len) == 0);
        total += 2 + len;
        assert(pos == total && total <= size);
        (void)entry_parse(bytes, len, &en, NULL);
    }
    assert(r == 0 ? total == size : r == -EBADMSG);
    return 0;
}
