/* SPDX-License-Identifier: Apache-2.0 */
/* Approvals. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/approval.h"
#include "common/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(approval_done) struct approval a = {0};
    struct hash h = {{0}};

    if (approval_parse((const char *)data, size, &a, NULL) == 0) {
        assert(a.log && strlen(a.nonce) == 32 && a.has_undo_until == (a.undo_until >= 0));
        (void)approval_names(&a, true, "pve1", &h);
    }
    return 0;
}
