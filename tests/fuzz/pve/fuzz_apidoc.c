/* SPDX-License-Identifier: Apache-2.0 */
/* The API's description as a cluster serves it, and paths against it: the first line is a path, the
 * rest the file. A template that is found really matches, and its values build the path again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/pve/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(js_freep) js *schema = NULL;
    CLEANUP(js_freep) js *args = js_object();
    CLEANUP(freep) char *path = NULL;
    const char *text = (const char *)data;
    const char *lf = memchr(text, '\n', size);
    const char *found;

    if (!lf) {
        return 0;
    }
    path = strndup(text, (size_t)(lf - text));
    if (!path) {
        abort();
    }
    if (apidoc_parse(lf + 1, size - 1 - (size_t)(lf - text), &schema, NULL) < 0) {
        if (schema) {
            abort();
        }
        return 0;
    }
    JS_FOREACH(schema, template, methods) {
        if (template[0] != '/' || !js_members(methods)) {
            abort();
        }
    }
    found = schema_match(schema, path, args);
    if (found && !segments_match(found, path, NULL)) {
        abort();
    }
    return 0;
}
