/* SPDX-License-Identifier: Apache-2.0 */
/* Framing and fields of the messages between protocol process and worker; used at both ends. Keeps:
 * a message is checked whole before any of it is believed, and anything unexpected ends the stream:
 * a worker that writes nonsense has been overrun, and there is nothing to repair. */
#include "proximo-client/mcp/wire.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"

static const char *const kinds[] = {
    [WIRE_CALL] = "call",
    [WIRE_CANCEL] = "cancel",
    [WIRE_PROGRESS] = "progress",
    [WIRE_RESULT] = "result",
};

static js *start(enum wire_kind kind, int64_t seq) {
    js *m = js_object();

    js_add(m, "t", js_str(kinds[kind]));
    js_add(m, "seq", js_int(seq));
    return m;
}

js *wire_call(int64_t seq, const char *tool, const js *args, const char *actor, bool has_schema) {
    js *m = start(WIRE_CALL, seq);

    js_add(m, "tool", js_str(tool));
    js_add(m, "args", args ? js_ref((js *)(uintptr_t)args) : js_object());
    js_add(m, "actor", js_str(actor));
    js_add(m, "schema", js_bool(has_schema));
    return m;
}

js *wire_cancel(int64_t seq) {
    return start(WIRE_CANCEL, seq);
}

/* Numbers travel as text: exact both ways, and common/js deals in integers only. */
js *wire_progress(int64_t seq, double done, double total, const char *message) {
    js *m = start(WIRE_PROGRESS, seq);

    js_addf(m, "done", "%.17g", done);
    js_addf(m, "total", "%.17g", total);
    if (message) {
        js_add(m, "message", js_str(message));
    }
    return m;
}

js *wire_result(int64_t seq, js *body, bool is_last) {
    js *m = start(WIRE_RESULT, seq);

    js_add(m, "body", body);
    if (is_last) {
        js_add(m, "last", js_bool(true));
    }
    return m;
}

int wire_put(struct buf *b, js *m) {
    CLEANUP(js_freep) js *owned = m;
    CLEANUP(buf_done) struct buf text = BUF_INIT(WIRE_MAX);
    uint32_t len;
    int r = js_print(owned, &text);

    if (r < 0) {
        return r;
    }
    len = (uint32_t)text.len;
    r = buf_reserve(b, sizeof(len) + text.len);
    if (r < 0) {
        return r;
    }
    (void)buf_add(b, &len, sizeof(len));
    return buf_add(b, text.data, text.len);
}

static bool get_real(const js *m, const char *key, double *ret) {
    const char *s = js_get_str(m, key);
    char *end = NULL;

    if (!s || !*s || strlen(s) > 40) {
        return false;
    }
    *ret = strtod(s, &end);
    return !*end && isfinite(*ret);
}

static bool fields_ok(struct wire_msg *m) {
    m->tool = js_get_str(m->root, "tool");
    m->actor = js_get_str(m->root, "actor");
    m->args = js_get(m->root, "args");
    m->has_schema = js_bool_or(m->root, "schema", false);
    m->message = js_get_str(m->root, "message");
    m->body = js_get(m->root, "body");
    m->is_last = js_bool_or(m->root, "last", false);
    switch (m->kind) {
    case WIRE_CALL:
        return m->tool && m->actor && js_is_object(m->args);
    case WIRE_CANCEL:
        return true;
    case WIRE_PROGRESS:
        return get_real(m->root, "done", &m->done) && get_real(m->root, "total", &m->total);
    case WIRE_RESULT:
        return js_is_object(m->body);
    default:
        return false;
    }
}

static int parse(const char *text, size_t len, struct wire_msg *ret, struct err *e) {
    CLEANUP(wire_msg_done) struct wire_msg m = {0};
    const char *t;
    int r = js_parse(text, len, &m.root, e);

    if (r < 0) {
        return r;
    }
    t = js_get_str(m.root, "t");
    for (size_t i = 0; t && i < ARRAY_LEN(kinds); i++) {
        if (strcmp(t, kinds[i]) != 0) {
            continue;
        }
        m.kind = (enum wire_kind)i;
        if (!js_is_int(js_get(m.root, "seq")) || !js_get_int(m.root, "seq", &m.seq) ||
            !fields_ok(&m)) {
            break;
        }
        *ret = m;
        m.root = NULL;
        return 1;
    }
    return err_set(e, -EBADMSG, "worker message with missing or wrong members");
}

int wire_take(struct buf *b, struct wire_msg *ret, struct err *e) {
    uint32_t len;
    int r;

    if (b->len < sizeof(len)) {
        return 0;
    }
    memcpy(&len, b->data, sizeof(len));
    if (len > WIRE_MAX) {
        return err_set(e, -E2BIG, "worker message of %u bytes", len);
    }
    if (b->len - sizeof(len) < len) {
        return 0;
    }
    r = parse(b->data + sizeof(len), len, ret, e);
    if (r > 0) {
        buf_cut(b, sizeof(len) + len);
    }
    return r;
}

void wire_msg_done(struct wire_msg *m) {
    json_object_put(m->root);
    m->root = NULL;
}
