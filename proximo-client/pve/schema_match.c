/* SPDX-License-Identifier: Apache-2.0 */
/* Paths against templates, segment by segment. Pure. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pve/schema.h"

static int hex(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* A segment's %XX decoded; false for a bad one, a NUL or too long. */
static bool decode(const char *s, size_t len, char *ret, size_t size) {
    size_t at = 0;

    for (size_t i = 0; i < len; i++) {
        char c = s[i];

        if (c == '%') {
            int high = i + 2 < len ? hex(s[i + 1]) : -1;
            int low = i + 2 < len ? hex(s[i + 2]) : -1;

            if (high < 0 || low < 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (!c || at + 1 >= size) {
            return false;
        }
        ret[at++] = c;
    }
    ret[at] = '\0';
    return at > 0;
}

static bool segment(const char *t, size_t tn, const char *p, size_t pn, js *args) {
    char name[80], value[600];

    if (!pn || !decode(p, pn, value, sizeof(value))) {
        return false;
    }
    if (tn == 1 && *t == '*') {
        return true;
    }
    if (*t != '{') {
        return strlen(value) == tn && memcmp(t, value, tn) == 0;
    }
    if (args && tn > 2 && tn - 2 < sizeof(name)) {
        (void)snprintf(name, sizeof(name), "%.*s", (int)tn - 2, t + 1);
        js_add(args, name, js_str(value));
    }
    return true;
}

bool segments_match(const char *template, const char *path, js *args) {
    const char *t = template, *p = path;

    while (*t == '/' && *p == '/') {
        size_t tn = strcspn(++t, "/"), pn = strcspn(++p, "/");

        if (tn == 2 && t[0] == '*' && t[1] == '*') {
            return true;
        }
        if (!segment(t, tn, p, pn, args)) {
            return false;
        }
        t += tn;
        p += pn;
    }
    return !*t && !*p;
}

/* Of two templates that match, the one with the literal where they differ first. */
static bool more_exact(const char *a, const char *b) {
    for (; *a && *b; a++, b++) {
        if (*a != *b) {
            return *b == '{';
        }
    }
    return false;
}

const char *schema_match(const js *schema, const char *path, js *args) {
    const char *best = NULL;

    JS_FOREACH(schema, template, methods) {
        (void)methods;
        if (segments_match(template, path, NULL) && (!best || more_exact(template, best))) {
            best = template;
        }
    }
    if (best && args) {
        (void)segments_match(best, path, args);
    }
    return best;
}

const js *schema_method(const js *schema, const char *template, const char *method) {
    return js_get(js_get(schema, template), method);
}

const js *schema_param(const js *method, const char *name) {
    const js *params = js_get(method, "params");
    size_t n = strcspn(name, "0123456789");
    char family[80];

    if (js_get(params, name)) {
        return js_get(params, name);
    }
    (void)snprintf(family, sizeof(family), "%.*s[n]", (int)n, name);
    return name[n] && strspn(name + n, "0123456789") == strlen(name + n) ? js_get(params, family)
                                                                         : NULL;
}
