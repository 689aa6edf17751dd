/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration inside a backup: any text gives an object of texts, none of them over one line;
 * and a disk is in the backup only where the text holds its name. */
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
        if (archive_has_disk(text, key) && !strstr(text, "#qmdump#map:")) {
            abort();
        }
        if (backup_takes("qemu", key, json_object_get_string(value)) &&
            backup_takes("lxc", key, json_object_get_string(value))) {
            abort(); /* no key holds a disk of both kinds */
        }
    }
    return 0;
}
