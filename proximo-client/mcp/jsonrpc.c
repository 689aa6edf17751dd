/* SPDX-License-Identifier: Apache-2.0 */
/* JSON-RPC 2.0 messages. Keeps: a notification is never answered, however wrong it is; an id is
 * echoed with the type it came with, and only if it is a string or an integer. */
#include "proximo-client/mcp/jsonrpc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool id_ok(const js *id) {
    /* A host that needs a longer id than this is attacking our memory, not naming requests. */
    return js_is_int(id) || (js_is_str(id) && json_object_get_string_len(id) <= 1024);
}

static bool has(const js *object, const char *key) {
    return json_object_object_get_ex(object, key, NULL);
}

void rpc_classify(const js *v, struct rpc_msg *ret) {
    const char *version;

    memset(ret, 0, sizeof(*ret));
    ret->kind = RPC_BAD;
    if (js_is_array(v)) {
        ret->kind = RPC_BATCH;
        return;
    }
    if (!js_is_object(v)) {
        ret->why = "a message must be an object";
        return;
    }
    ret->method = js_get_str(v, "method");
    ret->params = js_get(v, "params");
    if (!has(v, "method") && (has(v, "result") || has(v, "error"))) {
        ret->kind = RPC_RESPONSE;
        return;
    }
    if (!has(v, "id") && ret->method) {
        ret->kind = RPC_NOTIFICATION;
        return;
    }
    if (!id_ok(js_get(v, "id"))) {
        ret->why = "id must be a string or an integer";
        return;
    }
    ret->id = js_get(v, "id");
    version = js_get_str(v, "jsonrpc");
    if (!version || strcmp(version, "2.0") != 0) {
        ret->why = "jsonrpc must be \"2.0\"";
    } else if (!ret->method) {
        ret->why = "method must be a string";
    } else {
        ret->kind = RPC_REQUEST;
    }
}

int rpc_fail(struct rpc_fail *f, int code, const char *fmt, ...) {
    va_list ap;

    f->code = code;
    va_start(ap, fmt);
    (void)vsnprintf(f->text, sizeof(f->text), fmt, ap);
    va_end(ap);
    return code;
}

const char *rpc_quote(const char *s, char *ret, size_t size) {
    size_t n = 0;

    while (s && s[n] && n + 1 < size) {
        ret[n] = s[n] >= 0x20 && s[n] < 0x7f ? s[n] : '?';
        n++;
    }
    ret[n] = '\0';
    return ret;
}

static js *envelope(void) {
    js *m = js_object();

    js_add(m, "jsonrpc", js_str("2.0"));
    return m;
}

static js *answer(const js *id) {
    js *m = envelope();

    if (id) {
        js_add(m, "id", js_copy(id));
    }
    return m;
}

js *rpc_result(const js *id, js *result) {
    js *m = answer(id);

    js_add(m, "result", result);
    return m;
}

js *rpc_error(const js *id, struct rpc_fail *f) {
    js *m = answer(id);
    js *error = js_object();

    js_add(error, "code", js_int(f->code));
    js_add(error, "message", js_str(f->text));
    if (f->data) {
        js_add(error, "data", f->data);
        f->data = NULL;
    }
    js_add(m, "error", error);
    return m;
}

js *rpc_notification(const char *method, js *params) {
    js *m = envelope();

    js_add(m, "method", js_str(method));
    js_add(m, "params", params);
    return m;
}
