/* SPDX-License-Identifier: Apache-2.0 */
/* Forms: whatever goes in, what comes out is UTF-8 text without NUL bytes; a name that is given
 * more than once makes a list of such texts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/sim/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool whole(js *v) {
    return js_is_str(v) &&
           strlen(json_object_get_string(v)) == (size_t)json_object_get_string_len(v);
}

static bool whole_list(js *v) {
    if (!js_is_array(v) || json_object_array_length(v) < 2) {
        return false;
    }
    for (size_t i = 0; i < json_object_array_length(v); i++) {
        if (!whole(json_object_array_get_idx(v, i))) {
            return false;
        }
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(js_freep) js *o = js_object();

    if (form_parse((const char *)data, size, o, NULL) == 0) {
        JS_FOREACH(o, k, v) {
            if (!*k || (!whole(v) && !whole_list(v))) {
                abort();
            }
        }
    }
    return 0;
}
