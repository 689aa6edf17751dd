/* SPDX-License-Identifier: Apache-2.0 */
/* Types of late values. A type is as narrow as what it stands for: whatever answers in the
 * cluster's name must not be able to put anything else into a request that somebody approved. */
#include "proximo-client/pipeline/late.h"

#include <string.h>

#include "common/own.h"

#define KEY "late"

/* SHA-1 in hex today; the API's description allows 64 characters. */
#define DIGEST_MAX 64

js *late_digest(void) {
    js *o = js_object();

    js_add(o, KEY, js_str("digest"));
    return o;
}

const char *late_type(const js *v) {
    return js_get_str(v, KEY);
}

static bool fits_digest(const js *late, const char *value) {
    size_t n = strlen(value);

    (void)late;
    return n > 0 && n <= DIGEST_MAX && strspn(value, "0123456789abcdefABCDEF") == n;
}

static const struct type {
    const char *name;
    bool (*fits)(const js *late, const char *value);
} types[] = {
    {"digest", fits_digest},
};

bool late_fits(const js *late, const char *value) {
    const char *name = late_type(late);

    for (size_t i = 0; name && i < ARRAY_LEN(types); i++) {
        if (strcmp(types[i].name, name) == 0) {
            return types[i].fits(late, value);
        }
    }
    return false;
}

void late_migrate(js *requests) {
    for (size_t i = 0; i < js_len(requests); i++) {
        const js *q = js_at(requests, i);
        js *form = js_get(q, "form");

        if (js_get_str(q, "fresh_of") && strcmp(js_str_or(form, "digest", ""), "@fresh") == 0) {
            js_add(form, "digest", late_digest());
        }
    }
}
