/* SPDX-License-Identifier: Apache-2.0 */
/* Captures: a file that anybody may have edited either is refused or becomes a cluster that passes
 * the check a second time. */
#include <stdint.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/sim/sim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(js_freep) js *root = NULL;

    if (import_capture_text((const char *)data, size, &root, NULL) == 0 &&
        sim_check(root, NULL) < 0) {
        abort();
    }
    return 0;
}
