/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration inside a backup: any text gives an object of texts, none of them over one line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/archive_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(freep) char *text = strndup((const char *)data, size);
    CLEANUP(js_freep) js *cfg = text ? archive_config(text) : NULL;

    if (!text) {
        return 0;
    }
    if (!js_is_object(cfg)) {
        abort();
    }
    JS_FOREACH(cfg, key, value) {
        if (!key[0] || !js_is_str(value) || strchr(json_object_get_string(value), '\n')) {
            abort();
        }
    }
    return 0;
}
