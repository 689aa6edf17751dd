/* SPDX-License-Identifier: Apache-2.0 */
/* What is taken out of a capture. A closed table of keys: a key that is new to us and holds a
 * secret would stay, so keys that sound like one are taken out as well, and free text, where people
 * keep passwords, goes as a whole. */
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pipeline/capture.h"

#define SCRUBBED "(scrubbed)"

static bool is_secret(const char *key) {
    static const char *const exact[] = {
        "cipassword", "description", "notes",         "comment", "email",
        "firstname",  "lastname",    "keys",          "sshkeys", "bind_dn",
        "env",        "username",    "master-pubkey", "keyring", "tokenid-secret",
        "client-key", "token",       "key",           "header",  "otel-headers",
    };
    static const char *const parts[] = {"password",       "passwd", "secret", "private",
                                        "encryption-key", "apikey", "api-key"};

    if (strncmp(key, "lxc.environment", 15) == 0) {
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(exact); i++) {
        if (strcmp(exact[i], key) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (strcasestr(key, parts[i])) {
            return true;
        }
    }
    return false;
}

static void note(js *scrubbed, const char *path, const char *key) {
    js *o;

    for (size_t i = js_len(scrubbed); i > 0;
         i--) { /* one line a key and path, however many items */
        const js *old = js_at(scrubbed, i - 1);

        if (strcmp(js_str_or(old, "path", ""), path) != 0) {
            break;
        }
        if (strcmp(js_str_or(old, "key", ""), key) == 0) {
            return;
        }
    }
    o = js_object();
    js_add(o, "path", js_str(path));
    js_add(o, "key", js_str(key));
    js_push(scrubbed, o);
}

/* Raw lines of a container's configuration come as pairs: [["lxc.environment", "A=b"], …]. */
static void scrub_pair(const char *path, js *pair, js *scrubbed) {
    js *key = js_at(pair, 0), *value = js_at(pair, 1);

    if (js_len(pair) == 2 && js_is_str(key) && js_is_str(value) &&
        strncmp(json_object_get_string(key), "lxc.environment", 15) == 0) {
        (void)json_object_array_put_idx(pair, 1, js_str(SCRUBBED));
        note(scrubbed, path, "lxc.environment");
    }
}

static void scrub(const char *path, js *v, js *scrubbed, unsigned int depth);

/* Under a key of this process: which pool holds which disk stays to be seen, and nobody can try
 * serial numbers until one fits. */
static void alias_of(const char *text, size_t len, char ret[static 24]) {
    static uint8_t key[16];
    static bool has_key;
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    struct hash h;

    if (!has_key) {
        random_bytes(key, sizeof(key));
        has_key = true;
    }
    if (buf_add(&b, key, sizeof(key)) < 0 || buf_add(&b, text, len) < 0) {
        (void)snprintf(ret, 24, "scrubbed");
        return;
    }
    sha256(b.data, b.len, &h);
    (void)snprintf(ret, 24, "scrubbed");
    hex_encode(h.b, 6, ret + strlen(ret));
}

/* "/dev/disk/by-id/ata-MODEL_SERIAL-part3", "wwn-0x5000…", "eui.0025…": what is before and behind
 * the name stays, and the same name gets the same alias wherever it stands. */
static js *aliased(const char *text) {
    static const char *const kinds[] = {"nvme-eui.", "eui.",  "wwn-0x", "0x",      "ata-",
                                        "nvme-",     "scsi-", "usb-",   "virtio-", "mmc-"};
    const char *slash = strrchr(text, '/'), *base = slash ? slash + 1 : text, *part = NULL;
    char alias[24];

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strncmp(base, kinds[i], strlen(kinds[i])) == 0) {
            base += strlen(kinds[i]);
            break;
        }
    }
    part = strstr(base, "-part");
    if (!part || strspn(part + 5, "0123456789") != strlen(part + 5)) {
        part = base + strlen(base);
    }
    alias_of(base, (size_t)(part - base), alias);
    {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE);

        return buf_addf(&b, "%.*s%s%s", (int)(base - text), text, alias, part) < 0
                   ? js_str(SCRUBBED)
                   : js_str(buf_str(&b));
    }
}

/* A list of texts under a secret name: a webhook's headers carry its credentials. */
static void scrub_list(const char *path, const char *key, js *list, js *scrubbed) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (js_is_str(js_at(list, i))) {
            (void)json_object_set_string(js_at(list, i), SCRUBBED);
            note(scrubbed, path, key);
        }
    }
}

/* What is secret in one place only: an ACME plugin's data are its credentials; a webhook's address
 * and text may hold them. */
static bool is_secret_at(const char *path, const char *key) {
    return (strcmp(key, "data") == 0 && strncmp(path, "/cluster/acme/", 14) == 0) ||
           ((strcmp(key, "url") == 0 || strcmp(key, "body") == 0) &&
            strstr(path, "/endpoints/webhook"));
}

/* What tells one disk (or USB device) from all others in the world: numbers, and names that are
 * made of them (ZFS calls its members so: "ata-MODEL_SERIAL-part3"). */
static bool identifies(const char *path, const char *key, const js *v) {
    static const char *const by_id[] = {"ata-", "nvme-",   "scsi-", "wwn-",
                                        "usb-", "virtio-", "mmc-"};
    const char *text = js_is_str(v) ? json_object_get_string((js *)(uintptr_t)v) : "";
    const char *slash = strrchr(text, '/');

    if (strstr(path, "/hardware/usb")) {
        return strcmp(key, "serial") == 0;
    }
    if (!strstr(path, "/disks/") || strcmp(text, "unknown") == 0) {
        return false;
    }
    if (strcmp(key, "serial") == 0 || strcmp(key, "wwn") == 0 || strcmp(key, "by_id_link") == 0) {
        return true;
    }
    text = slash ? slash + 1 : text;
    for (size_t i = 0; i < ARRAY_LEN(by_id); i++) {
        if (strncmp(text, by_id[i], strlen(by_id[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void scrub_members(const char *path, js *o, js *scrubbed, unsigned int depth) {
    JS_FOREACH(o, key, val) {
        bool secret = is_secret(key) || is_secret_at(path, key) || identifies(path, key, val);

        if (secret && js_is_str(val) && *json_object_get_string(val)) {
            CLEANUP(js_freep)
            js *alias = strcmp(key, "serial") != 0 && identifies(path, key, val)
                            ? aliased(json_object_get_string(val))
                            : js_str(SCRUBBED);

            (void)json_object_set_string(val, json_object_get_string(alias));
            note(scrubbed, path, key);
        } else if (secret && js_is_array(val)) {
            scrub_list(path, key, val, scrubbed);
            scrub(path, val, scrubbed, depth + 1);
        } else {
            scrub(path, val, scrubbed, depth + 1);
        }
    }
}

static void scrub(const char *path, js *v, js *scrubbed, unsigned int depth) {
    if (depth > LIM_JSON_DEPTH) {
        return; /* deeper than any answer that was parsed */
    }
    if (js_is_array(v)) {
        scrub_pair(path, v, scrubbed);
        for (size_t i = 0; i < js_len(v); i++) {
            scrub(path, js_at(v, i), scrubbed, depth + 1);
        }
    } else if (js_is_object(v)) {
        scrub_members(path, v, scrubbed, depth);
    }
}

void capture_scrub(const char *path, js *answer, js *scrubbed) {
    scrub(path, answer, scrubbed, 0);
}
