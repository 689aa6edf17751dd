/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that were computed before there was anything to answer, held against those that came. Of
 * a value there is one form here, whoever wrote it: booleans and numbers as texts, lists of options
 * in one order. Of a guest's configuration what PVE makes up is left out on both sides: MAC
 * addresses, ids, names and sizes of volumes, the order of booting. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/blast/network.h"
#include "proximo-client/pipeline/draft_int.h"

#define OPTIONS_MAX 128 /* of one value; more are compared as they stand */

js *reduce_texts(const js *v) {
    js *out;

    if (js_is_array(v)) {
        out = js_array();
        for (size_t i = 0; i < js_len(v); i++) {
            js_push(out, reduce_texts(js_at(v, i)));
        }
        return out;
    }
    if (js_is_object(v)) {
        out = js_object();
        JS_FOREACH(v, key, val) {
            js_add(out, key, reduce_texts(val));
        }
        return out;
    }
    if (json_object_is_type(v, json_type_boolean)) {
        return js_str(json_object_get_boolean(v) ? "1" : "0");
    }
    return v ? js_str(json_object_get_string((js *)(uintptr_t)v)) : NULL;
}

static bool is_made_up(const char *key) {
    static const char *const keys[] = {"arch",   "boot",   "digest",  "lock",     "meta",
                                       "ostype", "parent", "smbios1", "snaptime", "vmgenid"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (strcmp(keys[i], key) == 0) {
            return true;
        }
    }
    return strncmp(key, "unused", 6) == 0;
}

/* What is not given PVE fills in, or leaves out: it is the same. */
static bool is_default(const char *key, const js *val) {
    const char *text = js_is_str(val) ? json_object_get_string((js *)(uintptr_t)val) : "";

    if (strcmp(key, "memory") == 0 || strcmp(key, "swap") == 0) {
        return strcmp(text, "512") == 0;
    }
    return strcmp(key, "hostname") == 0 && strncmp(text, "CT", 2) == 0 &&
           strspn(text + 2, "0123456789") == strlen(text + 2);
}

static bool is_mac(const char *s) {
    for (size_t i = 0; i < 17; i++) {
        if (i % 3 == 2 ? s[i] != ':' : !isxdigit((unsigned char)s[i])) {
            return false;
        }
    }
    return s[17] == '\0';
}

/* One option of an interface as it counts; false: not at all. */
static bool option_of_net(char *option) {
    char *eq = strchr(option, '=');

    if (strcmp(option, "type=veth") == 0 || strncmp(option, "hwaddr=", 7) == 0 ||
        strncmp(option, "macaddr=", 8) == 0) {
        return false;
    }
    if (eq && is_mac(eq + 1)) {
        *eq = '\0'; /* "virtio=BC:24:11:…" */
    }
    return true;
}

static bool option_of_disk(char *option) {
    char *colon = strchr(option, ':');

    if (strncmp(option, "size=", 5) == 0) {
        return false;
    }
    if (strncmp(option, "file=", 5) == 0 || strncmp(option, "volume=", 7) == 0) {
        memmove(option, strchr(option, '=') + 1, strlen(strchr(option, '=')));
        colon = strchr(option, ':');
    }
    if (colon && option[0] != '/' && !memchr(option, '=', (size_t)(colon - option))) {
        *colon = '\0'; /* the volume's storage */
    }
    return true;
}

static bool option_as_it_is(char *option) {
    (void)option;
    return true;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The options of a value, those that count, in one order. */
static js *options(const char *text, const char *sep, const char *join, bool (*counts)(char *)) {
    CLEANUP(freep) char *copy = strdup(text);
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
    const char *option[OPTIONS_MAX];
    char *save = NULL;
    size_t n = 0;

    if (!copy) {
        abort();
    }
    for (char *w = strtok_r(copy, sep, &save); w; w = strtok_r(NULL, sep, &save)) {
        if (n == OPTIONS_MAX) {
            return js_str(text);
        }
        if (counts(w)) {
            option[n++] = w;
        }
    }
    qsort(option, n, sizeof(*option), by_text);
    for (size_t i = 0; i < n; i++) {
        if (!i || strcmp(option[i], option[i - 1]) != 0) {
            (void)buf_addf(&b, "%s%s", b.len ? join : "", option[i]);
        }
    }
    return js_str(buf_str(&b));
}

static js *one_value(const char *key, const char *text) {
    size_t n = strlen(text);

    if (strcmp(key, "description") == 0) { /* PVE ends it with a line */
        while (n > 0 && text[n - 1] == '\n') {
            n--;
        }
        return js_str_n(text, n);
    }
    if (strcmp(key, "tags") == 0) {
        return options(text, ",; ", ";", option_as_it_is);
    }
    return options(text, ",", ",",
                   strncmp(key, "net", 3) == 0                                 ? option_of_net
                   : key_holds_disk("lxc", key) || key_holds_disk("qemu", key) ? option_of_disk
                                                                               : option_as_it_is);
}

js *reduce_config_then(const js *data) {
    CLEANUP(js_freep) js *texts = reduce_texts(data);
    js *out = js_object();

    JS_FOREACH(texts, key, val) {
        if (!is_made_up(key) && !is_default(key, val)) {
            js_add(out, key,
                   js_is_str(val) ? one_value(key, json_object_get_string(val)) : js_copy(val));
        }
    }
    return out;
}

/* ---- interfaces, the firewall ---- */

static bool is_word_list(const char *key) {
    static const char *const lists[] = {"bridge_ports", "slaves", "ovs_ports", "ovs_bonds"};

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (strcmp(lists[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static js *one_interface(const js *settings) {
    js *out = js_object();

    JS_FOREACH(settings, key, val) {
        const char *text = js_is_str(val) ? json_object_get_string(val) : NULL;
        size_t n = text ? strlen(text) : 0;

        if (text && is_word_list(key)) {
            js_add(out, key, options(text, ",; ", " ", option_as_it_is));
        } else if (text && strcmp(key, "comments") == 0) { /* the last line's end is the file's */
            js_add(out, key, js_str_n(text, n - (n > 0 && text[n - 1] == '\n')));
        } else {
            js_add(out, key, js_copy(val));
        }
    }
    return out;
}

js *reduce_interfaces_then(const js *data) {
    CLEANUP(js_freep) js *list = js_array();
    CLEANUP(js_freep) js *settings = NULL;
    js *plain = js_array();

    for (size_t i = 0; i < (js_is_array(data) ? js_len(data) : 1U); i++) {
        const js *row = js_is_array(data) ? js_at(data, i) : data;

        js_push(list, js_is_object(row) ? js_copy(row) : js_object());
    }
    settings = net_settings(list);
    for (size_t i = 0; i < js_len(settings); i++) {
        js_push(plain, one_interface(js_at(settings, i)));
    }
    return plain;
}

/* "ipversion" comes from a rule's addresses, "errors" from what they name. */
js *reduce_firewall_then(const js *data) {
    js *out = js_copy(data);

    for (size_t i = 0; i < (js_is_array(out) ? js_len(out) : 1U); i++) {
        js *row = js_is_array(out) ? js_at(out, i) : out;

        if (js_is_object(row)) {
            json_object_object_del(row, "ipversion");
            json_object_object_del(row, "errors");
        }
    }
    return out;
}

void reduce_then_name(const char *path, const char *reduce, char *ret, size_t size) {
    const char *end = strstr(path, "/network");
    bool whole = strcmp(reduce, "whole") == 0;

    if (whole && strncmp(path, "/nodes/", 7) == 0 && end && strchr("/", end[8])) {
        reduce = "interfaces";
    } else if (whole && strstr(path, "/firewall/")) {
        reduce = "firewall";
    }
    (void)snprintf(ret, size, "%.20s-then", reduce);
}
