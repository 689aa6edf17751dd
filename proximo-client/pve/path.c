/* SPDX-License-Identifier: Apache-2.0 */
/* Paths, queries and forms. Everything that comes from a caller is percent-encoded here: PVE splits
 * forms at every '=', so an unencoded one cuts the value without an error, and a '/' or '..' from
 * an argument would address another object. */
#include "proximo-client/pve/wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/own.h"

static bool is_unreserved(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static int encode(struct buf *ret, const char *s, size_t len) {
    int r = 0;

    for (size_t i = 0; i < len && r == 0; i++) {
        unsigned char c = (unsigned char)s[i];

        r = is_unreserved(c) ? buf_addc(ret, (char)c) : buf_addf(ret, "%%%02X", (unsigned int)c);
    }
    return r;
}

static int bad_segment(const char *name, const char *why, struct err *e) {
    return err_tag(e, -EINVAL, "bad_argument", "%.60s: %s", name, why);
}

static int path_segment(const char *name, const js *args, struct buf *ret, struct err *e) {
    const js *v = js_get(args, name);
    char number[24];
    const char *s = NULL;
    size_t len;

    if (js_is_int(v)) {
        (void)snprintf(number, sizeof(number), "%lld",
                       (long long)json_object_get_int64((js *)(uintptr_t)v));
        s = number;
    } else {
        s = js_get_str(args, name);
    }
    if (!s || !s[0]) {
        return bad_segment(name, "is missing", e);
    }
    if (strcmp(s, ".") == 0 || strcmp(s, "..") == 0) {
        return bad_segment(name, "is not a name", e);
    }
    len = strlen(s);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f) {
            return bad_segment(name, "holds a control byte", e);
        }
    }
    return encode(ret, s, len) < 0 ? err_set(e, -E2BIG, "%.60s: too long", name) : 0;
}

int pve_path(const char *template, const js *args, struct buf *ret, struct err *e) {
    const char *p = template;

    if (p[0] != '/') {
        return err_set(e, -EINVAL, "template %.100s does not begin with /", template);
    }
    while (*p == '/') {
        const char *seg = ++p;
        size_t len = strcspn(seg, "/");
        char name[64];
        int r;

        if (buf_addc(ret, '/') < 0) {
            return err_set(e, -E2BIG, "path too long");
        }
        p = seg + len;
        if (len > 2 && seg[0] == '{' && seg[len - 1] == '}' && len - 2 < sizeof(name)) {
            memcpy(name, seg + 1, len - 2);
            name[len - 2] = 0;
            r = path_segment(name, args, ret, e);
        } else if (len == 0 || memchr(seg, '{', len) || memchr(seg, '}', len)) {
            r = err_set(e, -EINVAL, "template %.100s: malformed segment", template);
        } else {
            r = buf_add(ret, seg, len) < 0 ? err_set(e, -E2BIG, "path too long") : 0;
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int form_value(const char *key, const js *v, struct buf *ret, struct err *e) {
    js *m = (js *)(uintptr_t)v;
    int r;

    if (js_is_str(v)) {
        r = encode(ret, json_object_get_string(m), (size_t)json_object_get_string_len(m));
    } else if (js_is_int(v)) {
        r = buf_addf(ret, "%lld", (long long)json_object_get_int64(m));
    } else if (json_object_is_type(m, json_type_boolean)) {
        r = buf_addc(ret, json_object_get_boolean(m) ? '1' : '0');
    } else {
        return err_set(e, -EINVAL, "form value %.60s is a %s; only text, integers and booleans go",
                       key, js_type_name(v));
    }
    return r < 0 ? err_set(e, r, "form value %.60s: too long", key) : 0;
}

static int form_pair(const char *key, const js *v, bool *first, struct buf *ret, struct err *e) {
    int r = *first ? 0 : buf_addc(ret, '&');

    *first = false;
    if (r < 0 || encode(ret, key, strlen(key)) < 0 || buf_addc(ret, '=') < 0) {
        return err_set(e, -E2BIG, "form too long");
    }
    return form_value(key, v, ret, e);
}

int form_encode(const js *form, struct buf *ret, struct err *e) {
    bool first = true;

    if (!form) {
        return 0;
    }
    if (!js_is_object(form)) {
        return err_set(e, -EINVAL, "a form is an object, not a %s", js_type_name(form));
    }
    JS_FOREACH(form, key, value) {
        bool list = js_is_array(value); /* PVE takes an array as a name that is repeated */

        if (list && !js_len(value)) {
            return err_set(e, -EINVAL, "form value %.60s: an empty list cannot be sent", key);
        }
        for (size_t i = 0; i < (list ? js_len(value) : 1); i++) {
            int r = form_pair(key, list ? js_at(value, i) : value, &first, ret, e);

            if (r < 0) {
                return r;
            }
        }
    }
    return 0;
}

int pve_query(const js *params, struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf q = BUF_INIT(ret->max);
    int r = form_encode(params, &q, e);

    if (r < 0) {
        return r;
    }
    if (q.len > 0 && (buf_addc(ret, '?') < 0 || buf_add(ret, q.data, q.len) < 0)) {
        return err_set(e, -E2BIG, "query too long");
    }
    return 0;
}

/* Length of the dot spelled at s ('.', "%2e", "%2E"), 0 for anything else. */
static size_t dot_len(const char *s) {
    if (s[0] == '.') {
        return 1;
    }
    return strncasecmp(s, "%2e", 3) == 0 ? 3 : 0;
}

static bool is_dot_segment(const char *s) {
    size_t n = dot_len(s);

    if (n == 0) {
        return false;
    }
    s += n;
    s += dot_len(s);
    return *s == 0 || *s == '/' || *s == '?';
}

int path_check(const char *path, struct err *e) {
    bool in_query = false;

    if (path[0] != '/') {
        return err_tag(e, -EINVAL, "bad_argument", "an API path begins with /");
    }
    for (const char *p = path; *p; p++) {
        unsigned char c = (unsigned char)*p;

        if (c <= 0x20 || c >= 0x7f || c == '#' || c == '\\') {
            return err_tag(e, -EINVAL, "bad_argument", "an API path must be percent-encoded");
        }
        in_query = in_query || c == '?';
        if (c == '/' && !in_query && (p[1] == '/' || is_dot_segment(p + 1))) {
            return err_tag(e, -EINVAL, "bad_argument", "an API path has no empty, . or .. segment");
        }
    }
    return strlen(path) > 8192 ? err_tag(e, -E2BIG, "bad_argument", "API path too long") : 0;
}
