/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest, through its agent and PVE, says of a command's end. What was characters for bytes
 * must be those bytes again, and nothing must be invented. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/pve/agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void execp(struct pve_exec *x) {
    pve_exec_done(x);
}

static size_t length(const js *data, const char *key) {
    const js *v = js_get(data, key);

    return js_is_str(v) ? (size_t)json_object_get_string_len(v) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(execp) struct pve_exec x;
    CLEANUP(js_freep) js *v = NULL;

    pve_exec_init(&x);
    if (js_parse((const char *)data, size, &v, NULL) < 0 || !js_is_object(v) ||
        pve_exec_read(v, &x, NULL) < 0) {
        return 0;
    }
    if (x.out.len > length(v, "out-data") || x.err.len > length(v, "err-data")) {
        abort();
    }
    if (!x.ended && (x.out.len || x.value)) {
        abort();
    }
    return 0;
}
