/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes: no byte outside the input is touched, signature lines lie within it. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vkey k;
    struct note n;

    if (note_parse((const char *)data, size, &n, NULL) < 0) {
        return 0;
    }
    assert(n.text == (const char *)data && n.text_len < size && n.n_sigs > 0);
    for (size_t i = 0; i < n.n_sigs; i++) {
        assert(n.sig[i].line > n.text && n.sig[i].line + n.sig[i].line_len <= n.text + size);
    }
    assert(vkey_parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", &k,
                      NULL) == 0);
    (void)note_check(&n, &k, NULL);
    return 0;
}
