/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on copies of lists. PUT sets the keys of the form and takes away those of its `delete`;
 * everything else of a section stays. */
#include "proximo-client/blast/after.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/limits.h"
#include "common/own.h"

js *form_words(const js *form, const char *key) {
    const js *v = js_get(form, key);
    js *list = js_array();

    for (size_t i = 0; i < js_len(v); i++) {
        js *one = js_at(v, i);

        if (one) { /* null is no word */
            js_push(list, js_is_str(one) ? js_ref(one) : js_str(json_object_get_string(one)));
        }
    }
    if (js_is_int(v)) {
        js_push(list, js_str(json_object_get_string((js *)(uintptr_t)v)));
    }
    for (const char *s = js_is_str(v) ? js_str_or(form, key, "") : ""; *s;) {
        size_t n = strcspn(s, ",; ");

        if (n) {
            js_push(list, js_str_n(s, n));
        }
        s += n + (s[n] != 0);
    }
    return list;
}

js *words_joined(const js *words) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PVE_ANSWER);

    for (size_t i = 0; i < js_len(words); i++) {
        (void)buf_addf(&b, "%s%s", b.len ? "," : "", json_object_get_string(js_at(words, i)));
    }
    return js_str(buf_str(&b));
}

js *options_apart(const char *text) {
    js *o = js_object();

    while (*text) {
        size_t n = strcspn(text, ","), k = strcspn(text, "=,");
        char name[40];

        if (k < n && k < sizeof(name)) {
            (void)snprintf(name, sizeof(name), "%.*s", (int)k, text);
            js_add(o, name, js_str_n(text + k + 1, n - k - 1));
        }
        text += n + (text[n] != '\0');
    }
    return o;
}

js *list_row(const js *list, const char *key, const char *id) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), key, ""), id) == 0) {
            return js_at(list, i);
        }
    }
    return NULL;
}

js *list_without(const js *list, const char *key, const char *id) {
    js *out = js_array();

    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), key, ""), id) != 0) {
            js_push(out, js_ref(js_at(list, i)));
        }
    }
    return out;
}

/* A path of the API is percent-encoded: "a%40pve". */
static void decode(const char *s, size_t n, char ret[static AFTER_ID]) {
    size_t len = 0;

    for (size_t i = 0; i < n && len + 1 < AFTER_ID; i++) {
        uint8_t byte = 0;
        char two[3] = "";

        if (s[i] == '%' && i + 2 < n) {
            two[0] = (char)(s[i + 1] >= 'A' && s[i + 1] <= 'F' ? s[i + 1] | 0x20 : s[i + 1]);
            two[1] = (char)(s[i + 2] >= 'A' && s[i + 2] <= 'F' ? s[i + 2] | 0x20 : s[i + 2]);
        }
        if (two[0] && hex_decode(two, 2, &byte) == 0 && byte) {
            ret[len++] = (char)byte;
            i += 2;
        } else {
            ret[len++] = s[i];
        }
    }
    ret[len] = '\0';
}

bool path_fits(const char *pattern, const char *path, char id[static 2][AFTER_ID]) {
    size_t which = 0;

    id[0][0] = id[1][0] = '\0';
    while (*pattern) {
        size_t n = strcspn(path, "/?");

        if (*pattern != '*') {
            if (*pattern++ != *path++) {
                return false;
            }
            continue;
        }
        if (n == 0 || n >= AFTER_ID || which > 1) {
            return false;
        }
        decode(path, n, id[which++]);
        pattern++;
        path += n;
    }
    return !*path || *path == '?';
}

js *form_over(const js *row, const js *form) {
    CLEANUP(js_freep) js *gone = form_words(form, "delete");
    js *o = js_is_object(row) ? js_copy(row) : js_object();

    for (size_t i = 0; i < js_len(gone); i++) {
        json_object_object_del(o, json_object_get_string(js_at(gone, i)));
    }
    JS_FOREACH(form, k, v) {
        if (strcmp(k, "delete") != 0 && strcmp(k, "digest") != 0) {
            js_add(o, k, js_is_array(v) ? js_copy(v) : js_ref(v));
        }
    }
    return o;
}

static js *with_new(const js *list, const char *key, const char *id, const js *form) {
    js *out = js_array();
    js *o;

    for (size_t i = 0; i < js_len(list); i++) {
        js_push(out, js_ref(js_at(list, i)));
    }
    o = form_over(NULL, form);
    js_add(o, key, js_str(id));
    js_push(out, o);
    return out;
}

js *sections_after(const js *list, const char *key, const char *base, const char *method,
                   const char *path, const js *form, char ret_id[AFTER_ID]) {
    char pattern[100], id[2][AFTER_ID];
    bool is_delete = strcmp(method, "DELETE") == 0;
    const js *row;
    js *out;

    if (strcmp(method, "POST") == 0) {
        (void)snprintf(id[0], AFTER_ID, "%.199s", js_str_or(form, key, ""));
        if (strcmp(path, base) != 0 || !id[0][0] || list_row(list, key, id[0])) {
            return NULL;
        }
        (void)snprintf(ret_id, AFTER_ID, "%s", id[0]);
        return with_new(list, key, id[0], form);
    }
    (void)snprintf(pattern, sizeof(pattern), "%.90s/*", base);
    if ((!is_delete && strcmp(method, "PUT") != 0) || !path_fits(pattern, path, id) ||
        !(row = list_row(list, key, id[0]))) {
        return NULL;
    }
    (void)snprintf(ret_id, AFTER_ID, "%s", id[0]);
    out = js_array();
    for (size_t i = 0; i < js_len(list); i++) {
        if (js_at(list, i) != row) {
            js_push(out, js_ref(js_at(list, i)));
        } else if (!is_delete) {
            js_push(out, form_over(row, form));
        }
    }
    return out;
}

static void drop(js *job, const char *const *keys) {
    for (; *keys; keys++) {
        json_object_object_del(job, *keys);
    }
}

void backup_job_choose(js *job, const js *form) {
    static const char *const not_vmid[] = {"all", "exclude", "pool", NULL};
    static const char *const not_all[] = {"vmid", "pool", NULL};
    static const char *const not_pool[] = {"vmid", "all", "exclude", NULL};

    if (js_get(job, "exclude") && !js_get(job, "pool")) {
        js_add(job, "all", js_int(1));
    }
    if (js_get(form, "vmid")) {
        drop(job, not_vmid);
    } else if (js_bool_or(form, "all", false) ||
               (js_get(form, "exclude") && !js_get(form, "pool"))) {
        drop(job, not_all);
    } else if (js_get(job, "pool")) {
        drop(job, not_pool);
    }
}
