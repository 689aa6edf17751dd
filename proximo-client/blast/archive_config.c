/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a guest's configuration file to its keys, as far as a restore reads it: "key: value"
 * lines up to the first section. Pure; fuzzed. */
#include "proximo-client/blast/archive_config.h"

#include <stdio.h>
#include <string.h>

js *archive_config(const char *text) {
    js *cfg = js_object();

    for (const char *s = text; *s && *s != '[';) {
        size_t len = strcspn(s, "\n");
        size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-.");
        char key[40];

        if (n > 0 && n < sizeof(key) && n < len && s[n] == ':') {
            const char *v = s + n + 1;

            (void)snprintf(key, sizeof(key), "%.*s", (int)n, s);
            v += strspn(v, " \t");
            if (v <= s + len) {
                js_add(cfg, key, js_str_n(v, (size_t)(s + len - v)));
            }
        }
        s += len + (s[len] == '\n');
    }
    return cfg;
}
