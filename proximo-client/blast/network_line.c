/* SPDX-License-Identifier: Apache-2.0 */
/* What one line of /etc/network/interfaces says, in the API's words. */
#include "proximo-client/blast/network_diff.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "common/pvefile.h"

void netline_split(const char *text, char *key, size_t size, const char **ret_value) {
    const char *s = text + strspn(text, " \t");
    size_t n = strcspn(s, " \t");

    (void)snprintf(key, size, "%.*s", (int)n, s);
    *ret_value = s + n + strspn(s + n, " \t");
}

bool netline_is_remark(const char *text) {
    return text[0] == '#' || !text[strspn(text, " \t")];
}

void netline_setting(const char *text, bool six, char *key, size_t size, char *value,
                     size_t value_size) {
    char word[80];
    const char *v;

    netline_split(text, word, sizeof(word), &v);
    if (strcmp(word, "address") == 0 || strcmp(word, "gateway") == 0 ||
        strcmp(word, "netmask") == 0) {
        (void)snprintf(key, size, "%.60s%s", strcmp(word, "address") == 0 ? "cidr" : word,
                       six || strchr(v, ':') ? "6" : "");
    } else {
        (void)snprintf(key, size, "%s", pvefile_net_key(word));
    }
    v = strcmp(key, "bridge_ports") == 0 && strcmp(v, "none") == 0 ? "" : v;
    v = strcmp(key, "bridge_vlan_aware") == 0 ? "1" : v;
    (void)snprintf(value, value_size, "%s", v);
}

bool netline_is_head(const char *text, char *name, size_t size, char *family, size_t family_size,
                     char *method, size_t method_size) {
    char key[16];
    const char *v;

    netline_split(text, key, sizeof(key), &v);
    if (strcmp(key, "iface") != 0) {
        return false;
    }
    netline_split(v, name, size, &v);
    netline_split(v, family, family_size, &v);
    netline_split(v, method, method_size, &v);
    return true;
}

bool netline_is_other_head(const char *text) {
    static const char *const words[] = {"auto", "source", "mapping", "source-directory",
                                        "allow-auto"};
    char key[40];
    const char *v;

    netline_split(text, key, sizeof(key), &v);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(words[i], key) == 0) {
            return true;
        }
    }
    return strncmp(key, "allow-", 6) == 0;
}

bool netline_ends_before(const char *text) {
    char word[64];

    return netline_is_head(text, word, sizeof(word), word, sizeof(word), word, sizeof(word)) ||
           netline_is_other_head(text);
}
