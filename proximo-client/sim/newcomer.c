/* SPDX-License-Identifier: Apache-2.0 */
/* A guest that was not there before, and what has to be its own from the first moment: two guests
 * with one MAC address or one UUID disturb each other. */
#include "proximo-client/sim/newcomer.h"

#include <ctype.h>
#include <string.h>

#include "common/buf.h"
#include "common/own.h"

#define MAC_LEN 17

void newcomer_add(struct sim *s, uint32_t vmid, bool lxc, const char *node, js *cfg) {
    js *obj = js_object();
    char key[16];

    js_add(obj, "type", js_str(lxc ? "lxc" : "qemu"));
    js_add(obj, "node", js_str(node));
    js_add(obj, "running", js_int(0));
    js_add(obj, "config", cfg);
    js_add(obj, "snapshots", js_object());
    js_add(obj, "pending", js_object());
    (void)snprintf(key, sizeof(key), "%u", vmid);
    state_set(&s->st, obj, "guests", key, NULL);
}

void newcomer_pool(struct sim *s, uint32_t vmid, const char *pool) {
    char key[16];

    (void)snprintf(key, sizeof(key), "%u", vmid);
    state_set(&s->st, js_int(1), "pools", pool, "vms", key, NULL);
}

static bool is_mac(const char *at) {
    for (size_t i = 0; i < MAC_LEN; i++) {
        if (i % 3 == 2 ? at[i] != ':' : !isxdigit((unsigned char)at[i])) {
            return false;
        }
    }
    return at[MAC_LEN] == '\0' || at[MAC_LEN] == ',';
}

/* Behind a '=', as in "virtio=BC:24:11:00:01:04" and "hwaddr=…". */
static const char *mac_in(const char *value) {
    for (const char *at = strchr(value, '='); at; at = strchr(at + 1, '=')) {
        if (is_mac(at + 1)) {
            return at + 1;
        }
    }
    return NULL;
}

void config_new_macs(struct sim *s, js *cfg) {
    CLEANUP(js_freep) js *old = js_copy(cfg);
    const char *prefix = js_str_or(state_get(&s->st, "options", NULL), "mac_prefix", "BC:24:11");

    JS_FOREACH(old, key, value) {
        const char *text = json_object_get_string(value);
        const char *at = strncmp(key, "net", 3) == 0 ? mac_in(text) : NULL;
        CLEANUP(buf_done) struct buf mac = BUF_INIT(64);

        if (!at) {
            continue;
        }
        (void)buf_addf(&mac, "%.14s", prefix);
        while (mac.len < MAC_LEN) {
            (void)buf_addf(&mac, "%s%02X", mac.len % 3 == 2 ? ":" : "",
                           (unsigned int)(sim_random(s) & 0xff));
        }
        js_addf(cfg, key, "%.*s%.17s%s", (int)(at - text), text, buf_str(&mac), at + MAC_LEN);
    }
}

void config_new_genid(struct sim *s, js *cfg) {
    char uuid[37];

    sim_uuid(s, uuid);
    js_add(cfg, "vmgenid", js_str(uuid));
}

void config_new_uuid(struct sim *s, js *cfg) {
    CLEANUP(freep) char *old = strdup(js_str_or(cfg, "smbios1", ""));
    CLEANUP(buf_done) struct buf b = BUF_INIT(2048);
    char uuid[37];

    sim_uuid(s, uuid);
    (void)buf_addf(&b, "uuid=%s", uuid);
    for (const char *at = old; at && *at;) {
        size_t n = strcspn(at, ",");

        if (n && strncmp(at, "uuid=", 5) != 0) {
            (void)buf_addf(&b, ",%.*s", (int)n, at);
        }
        at += n + (at[n] == ',');
    }
    js_add(cfg, "smbios1", js_str(buf_str(&b)));
}
