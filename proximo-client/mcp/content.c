/* SPDX-License-Identifier: Apache-2.0 */
/* Results of tools/call. Keeps: no answer grows past what a host reads, no fact is in only one of
 * the two places, no byte is anything but UTF-8 (common/js cleans strings on the way in and out).
 */
#include "proximo-client/mcp/content.h"

#include <stdio.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"

/* The service cuts lists to its budget. This only stops a defect from filling the pipe: the text
 * block repeats the data with every quote escaped, and hosts give up at 10 MiB a line. */
#define CONTENT_MAX (2 * 1024 * 1024)

static js *text_block(const char *text, size_t len) {
    js *block = js_object();

    js_add(block, "type", js_str("text"));
    js_add(block, "text", js_str_n(text, len));
    return block;
}

/* NULL when it does not fit. */
static js *json_block(const js *data) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(CONTENT_MAX);

    return js_print(data, &b) < 0 ? NULL : text_block(buf_str(&b), b.len);
}

static js *shape_of(const struct err *e) {
    js *shape = js_object();

    js_add(shape, "code", js_str(e->tag[0] ? e->tag : "internal"));
    js_add(shape, "message", js_str(e->msg));
    if (e->hint[0]) {
        js_add(shape, "hint", js_str(e->hint));
    }
    return shape;
}

js *content_result(js *data) {
    js *result;
    js *content;
    js *block;

    if (!js_is_object(data)) {
        js *wrapped = js_object();

        js_add(wrapped, "result", data);
        data = wrapped;
    }
    block = json_block(data);
    if (!block) {
        struct err e;

        json_object_put(data);
        (void)err_tag(&e, -7, "result_too_large", "the result is larger than %d bytes",
                      CONTENT_MAX);
        (void)err_hint(&e, "ask for less: a smaller limit, one node, one guest");
        return content_error(&e, NULL, NULL, false);
    }
    result = js_object();
    content = js_array();
    js_push(content, block);
    js_add(result, "content", content);
    js_add(result, "structuredContent", data);
    js_add(result, "isError", js_bool(false));
    return result;
}

js *content_error(const struct err *e, js *shape, js *extra, bool with_structured) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(8 * 1024);
    js *result = js_object();
    js *content = js_array();
    js *block;

    if (!shape) {
        shape = shape_of(e);
    }
    (void)buf_addf(&text, "%s: %s", e->tag[0] ? e->tag : "internal", e->msg);
    if (e->hint[0]) {
        (void)buf_addf(&text, "\n%s", e->hint);
    }
    js_push(content, text_block(buf_str(&text), text.len));
    if (extra) {
        js_add(shape, "result", extra);
    }
    /* Where the structured form may not be sent, its facts go into a second text block. */
    block = extra || !with_structured ? json_block(shape) : NULL;
    if (block) {
        js_push(content, block);
    }
    js_add(result, "content", content);
    if (with_structured) {
        js_add(result, "structuredContent", shape);
    } else {
        json_object_put(shape);
    }
    js_add(result, "isError", js_bool(true));
    return result;
}
