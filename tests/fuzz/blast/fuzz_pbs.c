/* SPDX-License-Identifier: Apache-2.0 */
/* A backup server that answers anything: questions to the analysers of its plane (pbs_ask.h) about
 * users, roles, entries, snapshots, jobs and remotes of any shape. No crash, and every hit has its
 * words. */
#include <stdint.h>

#include "tests/fuzz/blast/draft.h"
#include "tests/model/pbs_ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(js_freep) js *c = NULL;

    if (js_parse((const char *)data, size, &c, NULL) == 0) {
        draft_told = 0;
        (void)pbs_ask(c, NULL);
    }
    return 0;
}
