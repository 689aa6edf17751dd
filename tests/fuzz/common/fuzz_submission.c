/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the body of an add-checkpoint request: what is taken is written back as it came. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "common/submission.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(size);
    struct submission s;

    if (submission_parse((const char *)data, size, &s) < 0) {
        return 0;
    }
    if (submission_text(s.old, s.proof, s.n_proof, s.note, s.note_len, &b) < 0 || b.len != size ||
        memcmp(b.data, data, size) != 0) {
        abort();
    }
    return 0;
}
