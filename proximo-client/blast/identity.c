/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a guest itself to others on its network, compared between two configurations. */
#include "proximo-client/blast/identity.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proximo-client/blast/config_int.h"

/* "virtio=BC:24:…,bridge=…", "name=eth0,hwaddr=BC:24:…": the address, or "". */
static void mac_of(const char *value, char ret[static 18]) {
    ret[0] = 0;
    for (const char *s = value; *s;) {
        size_t len = strcspn(s, ",");
        const char *eq = memchr(s, '=', len);

        if (eq && len - (size_t)(eq - s) - 1 == 17 && eq[3] == ':' && eq[6] == ':') {
            (void)snprintf(ret, 18, "%.17s", eq + 1);
            return;
        }
        s += len + (s[len] == ',');
    }
}

/* One trait of one guest against one entry of another: the same in both? */
static bool same_mac(const char *a, const char *b) {
    char x[18];
    char y[18];

    mac_of(a, x);
    mac_of(b, y);
    return x[0] && strcasecmp(x, y) == 0;
}

static bool same_option(const char *a, const char *b, const char *option) {
    char x[80];
    char y[80];

    return config_option(a, option, x, sizeof(x)) && config_option(b, option, y, sizeof(y)) &&
           strcmp(x, y) == 0 && strcmp(x, "dhcp") != 0 && strcmp(x, "manual") != 0 &&
           strcmp(x, "auto") != 0;
}

static bool is_net(const char *key) {
    return key_is(key, "net") && strcmp(key, "net") != 0;
}

static bool has_address(const char *key) {
    return is_net(key) || (key_is(key, "ipconfig") && strcmp(key, "ipconfig") != 0);
}

bool identity_shared(const js *a, const js *b, bool new_macs, struct identity *ret) {
    *ret = (struct identity){.uuid = !new_macs && same_option(js_str_or(a, "smbios1", ""),
                                                              js_str_or(b, "smbios1", ""), "uuid")};
    JS_FOREACH(a, key, value) {
        if (!js_is_str(value) || !has_address(key)) {
            continue;
        }
        JS_FOREACH(b, other, theirs) {
            const char *mine = json_object_get_string(value);

            if (!js_is_str(theirs) || !has_address(other)) {
                continue;
            }
            ret->mac = ret->mac || (!new_macs && is_net(key) && is_net(other) &&
                                    same_mac(mine, json_object_get_string(theirs)));
            ret->ip = ret->ip || same_option(mine, json_object_get_string(theirs), "ip") ||
                      same_option(mine, json_object_get_string(theirs), "ip6");
        }
    }
    return ret->mac || ret->ip || ret->uuid;
}

void identity_text(const struct identity *i, char *ret, size_t size) {
    (void)snprintf(ret, size, "%s%s%s%s%s", i->mac ? "MAC address" : "",
                   i->mac && (i->ip || i->uuid) ? ", " : "", i->ip ? "IP address" : "",
                   i->ip && i->uuid ? ", " : "", i->uuid ? "SMBIOS UUID" : "");
}

bool identity_given(const js *cfg) {
    JS_FOREACH(cfg, key, value) {
        const char *text = js_is_str(value) ? json_object_get_string(value) : "";
        char mac[18];

        if (!has_address(key)) {
            continue;
        }
        mac_of(text, mac);
        if (mac[0] || same_option(text, text, "ip") || same_option(text, text, "ip6")) {
            return true;
        }
    }
    return strstr(js_str_or(cfg, "smbios1", ""), "uuid=") != NULL;
}
