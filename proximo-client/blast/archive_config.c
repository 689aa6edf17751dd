/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a guest's configuration file to its keys, as far as a restore reads it: "key: value"
 * lines up to the first section; and what of the guest is in the backup. Pure; fuzzed. */
#include "proximo-client/blast/archive_config.h"

#include <stdio.h>
#include <string.h>

#include "proximo-client/blast/blast_int.h"
#include "proximo-client/blast/config_int.h"

#define DISK_NOTE "#qmdump#map:"

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

bool archive_has_disk(const char *text, const char *key) {
    size_t n = strlen(key);

    for (const char *s = text; *s;) {
        size_t len = strcspn(s, "\n");

        if (strncmp(s, DISK_NOTE, strlen(DISK_NOTE)) == 0) {
            const char *name = s + strlen(DISK_NOTE);

            if (strcspn(name, ":\n") == n && name[n] == ':' && strncmp(name, key, n) == 0) {
                return true;
            }
        }
        s += len + (s[len] == '\n');
    }
    return false;
}

/* "backup=1" among the options, in any of the ways in which PVE reads a boolean. */
static bool says_backup(const char *value, const char *const *words) {
    for (const char *at = value; (at = strstr(at, ",backup=")); at++) {
        const char *is = at + strlen(",backup=");
        size_t n = strcspn(is, ",");

        for (size_t i = 0; words[i]; i++) {
            if (strlen(words[i]) == n && strncasecmp(is, words[i], n) == 0) {
                return true;
            }
        }
    }
    return false;
}

bool backup_takes(const char *kind, const char *key, const char *value) {
    static const char *const yes[] = {"1", "on", "yes", "true", NULL};
    static const char *const no[] = {"0", "off", "no", "false", NULL};

    if (!key_holds_disk(kind, key) || key_is(key, "unused") || value[0] == '/' ||
        strcmp(key, "hookscript") == 0 || strcmp(key, "vmstate") == 0 ||
        strstr(value, "media=cdrom") || strncmp(value, "none", 4) == 0) {
        return false;
    }
    return strcmp(kind, "lxc") == 0 ? strcmp(key, "rootfs") == 0 || says_backup(value, yes)
                                    : !says_backup(value, no);
}

int64_t backup_disk_size(const char *value) {
    return value_size(value);
}
