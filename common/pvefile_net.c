/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/network/interfaces and corosync.conf: how nodes reach each other and the world. */
#include <string.h>

#include "common/own.h"
#include "common/pvefile_int.h"

/* The next word of a line. */
static size_t next_word(const char **s, size_t *n, const char **ret) {
    size_t skip = pve_blanks(*s, *n);
    size_t word = pve_word(*s + skip, *n - skip);

    *ret = *s + skip;
    *s += skip + word;
    *n -= skip + word;
    return word;
}

static js *interface_of(js *all, const struct pve_text *t, const char *s, size_t n) {
    CLEANUP(js_freep) js *name = pve_value(t, s, n);
    js *o = pve_member(all, json_object_get_string(name));

    if (!js_get(o, "families")) {
        js_add(o, "families", js_array());
        js_add(o, "options", js_object());
        js_add(o, "options6", js_object());
    }
    return o;
}

/* "iface vmbr0 inet static": where its options go. */
static js *iface_line(js *all, const struct pve_text *t, const char *s, size_t n) {
    const char *name, *family, *method;
    size_t name_len = next_word(&s, &n, &name);
    size_t family_len = next_word(&s, &n, &family);
    size_t method_len = next_word(&s, &n, &method);
    bool is_6 = pve_is(family, family_len, "inet6");
    js *o;

    if (!name_len || (family_len && !is_6 && !pve_is(family, family_len, "inet"))) {
        pve_note(t, "is no interface that we can read");
        return NULL;
    }
    o = interface_of(all, t, name, name_len);
    if (family_len) {
        js_push(js_get(o, "families"), js_str(is_6 ? "inet6" : "inet"));
        js_add(o, is_6 ? "method6" : "method",
               method_len ? pve_value(t, method, method_len) : js_str("manual"));
    }
    return js_get(o, is_6 ? "options6" : "options");
}

static void auto_line(js *all, const struct pve_text *t, const char *s, size_t n) {
    const char *name;
    size_t len;

    while ((len = next_word(&s, &n, &name)) > 0) {
        js_add(interface_of(all, t, name, len), "auto", js_int(1));
    }
}

/* An option that stands several times ("address", "up") becomes a list, joined by line ends. */
static void option_line(js *options, const struct pve_text *t, const char *s, size_t n) {
    const char *key;
    size_t key_len = next_word(&s, &n, &key);
    size_t skip = pve_blanks(s, n);
    CLEANUP(js_freep) js *name = pve_value(t, key, key_len);
    CLEANUP(js_freep) js *value = pve_value(t, s + skip, n - skip);
    const char *have = js_str_or(options, json_object_get_string(name), "");

    if (have[0]) {
        js_addf(options, json_object_get_string(name), "%s\n%s", have,
                json_object_get_string(value));
    } else {
        js_add(options, json_object_get_string(name), TAKE(value));
    }
}

/* Options that belong to a type are written with '_' by the API. */
static const char *const renamed[][2] = {
    {"bridge-ports", "bridge_ports"},
    {"bridge-stp", "bridge_stp"},
    {"bridge-fd", "bridge_fd"},
    {"bridge-vlan-aware", "bridge_vlan_aware"},
    {"bridge-vids", "bridge_vids"},
    {"bond-slaves", "slaves"},
    {"bond_slaves", "slaves"},
    {"bond-mode", "bond_mode"},
    {"bond-miimon", "bond_miimon"},
    {"bond-xmit-hash-policy", "bond_xmit_hash_policy"},
    {"vlan_raw_device", "vlan-raw-device"},
    {"ovs_mtu", "mtu"},
};

const char *pvefile_net_key(const char *key) {
    for (size_t i = 0; i < ARRAY_LEN(renamed); i++) {
        if (strcmp(renamed[i][0], key) == 0) {
            return renamed[i][1];
        }
    }
    return key;
}

js *pvefile_interfaces(const char *text, size_t len, js *notes) {
    struct pve_text t = {.text = text, .len = len, .notes = notes};
    js *all = js_object();
    js *options = NULL;
    const char *s;
    size_t n;

    while (pve_line(&t, &s, &n)) {
        const char *word, *line = s;
        size_t rest = n;
        size_t len1 = next_word(&s, &n, &word);

        if (*word == '#') {
            continue;
        }
        if (pve_is(word, len1, "iface")) {
            options = iface_line(all, &t, s, n);
        } else if (pve_is(word, len1, "auto") || (len1 > 6 && pve_is(word, 6, "allow-"))) {
            auto_line(all, &t, s, n);
            options = NULL;
        } else if (pve_is(word, len1, "source") || pve_is(word, len1, "source-directory") ||
                   pve_is(word, len1, "mapping")) {
            pve_note(&t, "'%.*s' is not followed", (int)(rest < 100 ? rest : 100), line);
            options = NULL;
        } else if (options) {
            option_line(options, &t, line, rest);
        } else {
            pve_note(&t, "stands outside of an interface");
        }
    }
    return all;
}

#define DEPTH 8

/* A section that is there twice becomes a list of both. */
static js *put_section(js *parent, const char *name, js *section) {
    js *have = js_get(parent, name);

    if (!have) {
        js_add(parent, name, section);
    } else if (js_is_array(have)) {
        js_push(have, section);
    } else {
        js *list = js_array();

        js_push(list, js_ref(have));
        js_push(list, section);
        js_add(parent, name, list);
    }
    return section;
}

js *pvefile_corosync(const char *text, size_t len, js *notes) {
    struct pve_text t = {.text = text, .len = len, .notes = notes};
    js *open[DEPTH] = {js_object()};
    size_t depth = 0, skipped = 0;
    const char *s;
    size_t n;

    while (pve_line(&t, &s, &n)) {
        size_t blank = pve_blanks(s, n);
        const char *colon;
        size_t key;

        s += blank;
        n -= blank;
        colon = memchr(s, ':', n);
        key = colon ? (size_t)(colon - s) : pve_word(s, n);
        if (*s == '#') {
            continue;
        }
        if (n == 1 && *s == '}') {
            if (skipped) {
                skipped--;
            } else if (depth) {
                depth--;
            } else {
                pve_note(&t, "closes nothing");
            }
        } else if (s[n - 1] == '{') {
            CLEANUP(js_freep) js *name = pve_value(&t, s, pve_word(s, n));

            if (skipped || depth + 1 == DEPTH || pve_word(s, n) == n) {
                pve_note(&t, "is no section that we can read");
                skipped++;
                continue;
            }
            open[depth + 1] = put_section(open[depth], json_object_get_string(name), js_object());
            depth++;
        } else if (colon && key && pve_word(s, key) == key && !skipped) {
            size_t at = key + 1 + pve_blanks(colon + 1, n - key - 1);

            pve_add(open[depth], s, key, pve_value(&t, s + at, n - at));
        } else if (!skipped) {
            pve_note(&t, "is no \"key: value\"");
        }
    }
    if (depth || skipped) {
        pve_note(&t, "a section is not closed");
    }
    return open[0];
}
