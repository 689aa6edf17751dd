/* SPDX-License-Identifier: Apache-2.0 */
/* apidoc.js, as a node serves it: "const apiSchema = [ … ]" and then the viewer's own code. Only
 * the literal is read, by the same strict parser as every answer; nothing is evaluated. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pve/schema.h"

#define PATHS_MAX 20000 /* PVE 9.1 has 431 */

static int bad(const char *why, struct err *e) {
    return err_tag(e, -EBADMSG, "no_schema", "apidoc.js: %s", why);
}

/* The array after "apiSchema =" (older: "pveapi ="). */
static const char *find_start(const char *text, size_t len) {
    static const char *const names[] = {"apiSchema", "pveapi"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *p = memmem(text, len, names[i], strlen(names[i]));
        const char *end = text + len;

        if (!p) {
            continue;
        }
        p += strlen(names[i]);
        while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r' || *p == '=')) {
            p++;
        }
        if (p < end && *p == '[') {
            return p;
        }
    }
    return NULL;
}

/* Length of the literal: to the bracket that closes the first one, strings skipped. 0: none. */
static size_t literal_len(const char *p, size_t len) {
    size_t depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < len; i++) {
        if (quoted) {
            if (p[i] == '\\') {
                i++; /* whatever is escaped does not end the string */
            } else {
                quoted = p[i] != '"';
            }
            continue;
        }
        quoted = p[i] == '"';
        depth += p[i] == '[' || p[i] == '{';
        if ((p[i] == ']' || p[i] == '}') && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* What a check of arguments needs of one parameter. */
static js *one_param(const js *p) {
    static const char *const keep[] = {"type",    "optional", "enum",     "minimum",
                                       "maximum", "format",   "maxLength"};
    js *o = js_object();

    for (size_t i = 0; i < ARRAY_LEN(keep); i++) {
        const js *v = js_get(p, keep[i]);

        if (v) {
            js_add(o, keep[i], js_copy(v));
        }
    }
    return o;
}

static js *one_method(const js *info) {
    const js *parameters = js_get(info, "parameters");
    js *o = js_object(), *params = js_object();

    JS_FOREACH(js_get(parameters, "properties"), name, p) {
        if (js_is_object(p)) {
            js_add(params, name, one_param(p));
        }
    }
    js_add(o, "params", params);
    if (js_bool_or(parameters, "additionalProperties", false)) {
        js_add(o, "more", js_bool(true));
    }
    return o;
}

static int one_node(const js *node, js *out, int depth, struct err *e);

static int all_nodes(const js *list, js *out, int depth, struct err *e) {
    int r = depth > LIM_JSON_DEPTH ? bad("nested too deep", e) : 0;

    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        r = one_node(js_at(list, i), out, depth + 1, e);
    }
    return r;
}

static int one_node(const js *node, js *out, int depth, struct err *e) {
    const char *path = js_get_str(node, "path");
    js *methods = js_object();

    if (!path || path[0] != '/' || strlen(path) > 512 || js_members(out) > PATHS_MAX) {
        json_object_put(methods);
        return bad("a node without a path, or too many", e);
    }
    JS_FOREACH(js_get(node, "info"), method, info) {
        if (js_is_object(info) && strlen(method) <= 6) {
            js_add(methods, method, one_method(info));
        }
    }
    if (js_members(methods)) {
        js_add(out, path, methods);
    } else {
        json_object_put(methods);
    }
    return all_nodes(js_get(node, "children"), out, depth, e);
}

int apidoc_parse(const char *text, size_t len, js **ret, struct err *e) {
    CLEANUP(js_freep) js *tree = NULL;
    CLEANUP(js_freep) js *out = js_object();
    const char *start = find_start(text, len);
    size_t n = start ? literal_len(start, len - (size_t)(start - text)) : 0;
    int r;

    if (!n) {
        return bad("it holds no description of an API", e);
    }
    r = js_parse(start, n, &tree, e);
    if (r < 0) {
        return bad(e ? e->msg : "it is not JSON", e);
    }
    r = all_nodes(tree, out, 0, e);
    if (r == 0 && !js_members(out)) {
        r = bad("it describes no path", e);
    }
    if (r == 0) {
        *ret = TAKE(out);
    }
    return r;
}
