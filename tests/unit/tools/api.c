/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tools/api.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"

js *api_load(void) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PVE_ANSWER);
    const char *dir = getenv("SHARED_DATA");
    char file[1024];
    js *api = NULL;

    (void)snprintf(file, sizeof(file), "%s/pve-api-schema.json", dir ? dir : "");
    if (!dir || file_read(AT_FDCWD, file, &b, NULL) < 0) {
        printf("# skipped: no %s\n", file);
        return NULL;
    }
    if (js_parse(buf_str(&b), b.len, &api, NULL) < 0) {
        abort();
    }
    return api;
}

const js *api_method(const js *api, const char *method, const char *path) {
    const js *list = js_get(api, "api");

    for (size_t i = 0; i < js_len(list); i++) {
        const js *m = js_at(list, i);

        if (strcmp(js_str_or(m, "method", ""), method) == 0 &&
            strcmp(js_str_or(m, "path", ""), path) == 0) {
            return m;
        }
    }
    return NULL;
}

const js *api_param(const js *method, const char *key) {
    const js *props = js_get(js_get(method, "parameters"), "properties");
    size_t n = strcspn(key, "0123456789");
    char family[80];

    if (js_get(props, key)) {
        return js_get(props, key);
    }
    (void)snprintf(family, sizeof(family), "%.*s[n]", (int)n, key);
    return js_get(props, family);
}
