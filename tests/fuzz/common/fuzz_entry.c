/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger entries: every key of what parses can be asked for. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/entry.h"
#include "common/limits.h"
#include "common/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(entry_done) struct entry en = {0};

    if (entry_parse((const char *)data, size, &en, NULL) == 0) {
        assert(en.kind < ENTRY_KINDS && en.time >= 0 && size <= LIM_ENTRY);
        assert(strcmp(entry_get(&en, "kind"), entry_kind_name(en.kind)) == 0);
        assert(en.body + en.body_len == (const char *)data + size);
        for (size_t i = 0; i < entry_count(&en, "request"); i++) {
            assert(entry_nth(&en, "request", i));
        }
    }
    return 0;
}
