/* SPDX-License-Identifier: Apache-2.0 */
/* Forms: whatever goes in, what comes out is UTF-8 text without NUL bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/sim/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(js_freep) js *o = js_object();

    if (form_parse((const char *)data, size, o, NULL) == 0) {
        JS_FOREACH(o, k, v) {
            if (!*k || !js_is_str(v) ||
                strlen(json_object_get_string(v)) != (size_t)json_object_get_string_len(v)) {
                abort();
            }
        }
    }
    return 0;
}
