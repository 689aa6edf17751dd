/* SPDX-License-Identifier: Apache-2.0 */
/* /pve-docs/api-viewer/apidoc.js, as a node serves it: made from the one table of routes, so that
 * what is described is what is served. */
#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "proximo-client/sim/sim.h"

static const char *const verbs[] = {"GET", "POST", "PUT", "DELETE"};

/* "name!=type": what the real description would say of it. */
static js *param(const char *type, size_t len, bool required) {
    js *o = js_object();
    bool is_int =
        (len == 3 && strncmp(type, "int", 3) == 0) || (len == 4 && strncmp(type, "vmid", 4) == 0);
    bool is_bool = len == 4 && strncmp(type, "bool", 4) == 0;

    js_add(o, "type", js_str(is_int ? "integer" : is_bool ? "boolean" : "string"));
    if (!required) {
        js_add(o, "optional", js_int(1));
    }
    if (len > 6 && strncmp(type, "enum(", 5) == 0) {
        js *list = js_array();

        for (const char *p = type + 5; p < type + len - 1;) {
            size_t n = strcspn(p, ",)");

            js_push(list, js_str_n(p, n));
            p += n + 1;
        }
        js_add(o, "enum", list);
    }
    return o;
}

static js *params_of(const struct route *r) {
    js *props = js_object();

    for (const char *p = r->path; (p = strchr(p, '{')); p++) {
        char name[64];

        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(p + 1, "}"), p + 1);
        if (strcmp(name, "kind") != 0) {
            js_add(props, name, param("string", 6, true));
        }
    }
    for (const char *at = r->params; *at && *at != '*';) {
        size_t len = strcspn(at, " "), key = strcspn(at, "!=");
        const char *eq = memchr(at, '=', len);
        char name[64];

        (void)snprintf(name, sizeof(name), "%.*s", (int)key, at);
        js_add(props, name, param(eq + 1, len - (size_t)(eq + 1 - at), at[key] == '!'));
        at += len + (at[len] == ' ');
    }
    return props;
}

static js *info_of(const struct route *r) {
    js *parameters = js_object(), *o = js_object();

    js_add(parameters, "additionalProperties", js_int(r->params[0] == '*'));
    js_add(parameters, "properties", params_of(r));
    js_add(o, "method", js_str(verbs[r->method]));
    js_add(o, "parameters", parameters);
    return o;
}

/* {kind} is a word of the path in the real description. */
static void add(js *nodes, const struct route *r, const char *kind) {
    const char *p = strstr(r->path, "{kind}");
    CLEANUP(buf_done) struct buf path = BUF_INIT(1024);
    js *node;

    (void)buf_addf(&path, "%.*s%s%s", p ? (int)(p - r->path) : (int)strlen(r->path), r->path,
                   p ? kind : "", p ? p + 6 : "");
    node = js_get(nodes, buf_str(&path));
    if (!node) {
        node = js_object();
        js_add(node, "path", js_str(buf_str(&path)));
        js_add(node, "info", js_object());
        js_add(nodes, buf_str(&path), node);
    }
    js_add(js_get(node, "info"), verbs[r->method], info_of(r));
}

void apidoc_write(struct buf *ret) {
    CLEANUP(js_freep) js *nodes = js_object();
    CLEANUP(js_freep) js *list = js_array();

    const struct route *r;

    for (size_t i = 0; (r = sim_route(i)); i++) {
        if (strncmp(r->path, "/sim/", 5) == 0) {
            continue;
        }
        add(nodes, r, "lxc");
        if (strstr(r->path, "{kind}")) {
            add(nodes, r, "qemu");
        }
    }
    JS_FOREACH(nodes, path, node) {
        (void)path;
        js_push(list, js_ref(node));
    }
    (void)buf_adds(ret, "const apiSchema = ");
    (void)js_print(list, ret);
    (void)buf_adds(ret, "\n;\n\nlet method2cmd = { GET: 'get', POST: 'create' };\n");
}
