/* SPDX-License-Identifier: Apache-2.0 */
/* One value of a guest's configuration. "lxc" or "qemu", key, value: three lines. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct picture_ask ask = {0};
    CLEANUP(picture_freep) struct picture *p = NULL;
    CLEANUP(freep) char *text = strndup((const char *)data, size);
    char *key = text ? strchr(text, '\n') : NULL;
    char *value = key ? strchr(key + 1, '\n') : NULL;
    struct volume v;

    if (!value || picture_new(&ask, &p, NULL) < 0) {
        return 0;
    }
    *key++ = 0;
    *value++ = 0;
    if (!volume_parse(p, text, key, value, &v)) {
        if (v.key[0]) {
            abort();
        }
        return 0;
    }
    if (strcmp(v.key, key) != 0 || !v.storage || !v.name || !v.mp) {
        abort();
    }
    if ((v.kind == VOLUME_STORAGE) && !ident_is_storage(v.storage)) {
        abort();
    }
    return 0;
}
