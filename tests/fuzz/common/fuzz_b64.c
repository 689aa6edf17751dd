/* SPDX-License-Identifier: Apache-2.0 */
/* Encodings and verifier keys: one value, one text. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/note.h"
#include "common/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(buf_done) struct buf raw = BUF_INIT(size + 1);
    CLEANUP(buf_done) struct buf back = BUF_INIT(2 * size + 8);
    CLEANUP(freep) char *text = strndup((const char *)data, size);
    struct vkey k;

    if (b64_decode((const char *)data, size, &raw) == 0) {
        assert(b64_encode(&back, buf_str(&raw), raw.len) == 0);
        assert(back.len == size && memcmp(buf_str(&back), data, size) == 0);
    }
    buf_reset(&raw);
    buf_reset(&back);
    if (b64url_decode((const char *)data, size, &raw) == 0) {
        assert(b64url_encode(&back, buf_str(&raw), raw.len) == 0);
        assert(back.len == size && memcmp(buf_str(&back), data, size) == 0);
    }
    buf_reset(&back);
    if (text && vkey_parse(text, &k, NULL) == 0) {
        assert(vkey_text(&k, &back) == 0 && strcmp(buf_str(&back), text) == 0);
    }
    return 0;
}
