/* SPDX-License-Identifier: Apache-2.0 */
/* Types of late values. A type is as narrow as what it stands for: whatever answers in the
 * cluster's name must not be able to put anything else into a request that somebody approved. */
#include "proximo-client/pipeline/late.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/blast/retention.h"

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

js *late_archive(int64_t step, const js *of) {
    js *o = js_object();

    js_add(o, KEY, js_str("archive"));
    js_add(o, "step", js_int(step));
    js_add(o, "storage", js_str(js_str_or(of, "storage", "")));
    js_add(o, "kind", js_str(js_str_or(of, "kind", "")));
    js_add(o, "vmid", js_int(js_int_or(of, "vmid", 0)));
    return o;
}

/* By its name as vzdump gives it: the storage's word for what it is does not count. */
static bool fits_archive(const js *late, const char *value) {
    CLEANUP(js_freep) js *row = js_object();
    const char *storage = js_str_or(late, "storage", "");
    size_t n = strlen(storage);
    struct archive a;

    js_add(row, "volid", js_str(value));
    js_add(row, "content", js_str("backup"));
    return ident_is_volid(value) && strncmp(value, storage, n) == 0 && value[n] == ':' &&
           archive_of(row, storage, "", &a) && a.is_grouped &&
           a.vmid == js_int_or(late, "vmid", 0) && strcmp(a.type, js_str_or(late, "kind", "")) == 0;
}

static const struct type {
    const char *name;
    bool (*fits)(const js *late, const char *value);
} types[] = {
    {"digest", fits_digest},
    {"archive", fits_archive},
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

void late_say(const js *late, char *ret, size_t size) {
    (void)snprintf(ret, size, "the %.20s of step %lld", late_type(late) ? late_type(late) : "",
                   (long long)js_int_or(late, "step", 0));
}

void late_show(const js *late, struct buf *ret) {
    char words[80];

    late_say(late, words, sizeof(words));
    if (js_get(late, "step")) {
        (void)buf_addf(ret, "(%s: %.20s/%lld on %.100s)", words, js_str_or(late, "kind", ""),
                       (long long)js_int_or(late, "vmid", 0), js_str_or(late, "storage", ""));
    } else {
        (void)buf_addf(ret, "(the %.20s of then)", late_type(late));
    }
}

/* Each name in the text in words. */
static js *text_put(const char *text, const js *names) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);

    JS_FOREACH(names, name, late) {
        const char *at = strstr(text, name);
        char words[80];

        if (!at) {
            continue;
        }
        late_say(late, words, sizeof(words));
        (void)buf_add(&b, text, (size_t)(at - text));
        (void)buf_adds(&b, words);
        (void)buf_adds(&b, at + strlen(name));
        return text_put(buf_str(&b), names);
    }
    return js_str(text);
}

js *late_put(const js *v, const js *names) {
    const char *text = js_is_str(v) ? json_object_get_string((js *)(uintptr_t)v) : NULL;
    js *out;

    if (text) {
        return js_get(names, text) ? js_copy(js_get(names, text)) : text_put(text, names);
    }
    if (js_is_array(v)) {
        out = js_array();
        for (size_t i = 0; i < js_len(v); i++) {
            js_push(out, late_put(js_at(v, i), names));
        }
        return out;
    }
    if (js_is_object(v)) {
        out = js_object();
        JS_FOREACH(v, key, val) {
            js_add(out, key, late_put(val, names));
        }
        return out;
    }
    return v ? js_copy(v) : NULL;
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
