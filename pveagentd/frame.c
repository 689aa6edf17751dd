/* SPDX-License-Identifier: Apache-2.0 */
/* Network half: writes the pieces of an act's answer. Output bytes are never interpreted: they are
 * framed by length, or base64. */
#include "pveagentd/frame.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/own.h"
#include "pveagentd/limits.h"

enum frame_dress frame_dress_of(const char *accept) {
    size_t n = strlen(NDJSON_TYPE);

    return accept && strncasecmp(accept, NDJSON_TYPE, n) == 0 &&
                   (accept[n] == '\0' || accept[n] == ';' || accept[n] == ',' || accept[n] == ' ')
               ? FRAME_NDJSON
               : FRAME_BINARY;
}

static const char *member_of(char type) {
    switch (type) {
    case 'o':
        return "out";
    case 'e':
        return "err";
    case 's':
        return "started";
    case 'x':
        return "end";
    default:
        return "receipt";
    }
}

static int put_ndjson(struct evbuffer *out, char type, const void *data, size_t len) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(2 * AGENT_FRAME_MAX);
    bool is_raw = type == 'o' || type == 'e';
    int r = buf_addf(&b, is_raw ? "{\"%s\":\"" : "{\"%s\":", member_of(type));

    if (r == 0) {
        r = is_raw ? b64_encode(&b, data, len) : buf_add(&b, data, len);
    }
    if (r == 0) {
        r = buf_adds(&b, is_raw ? "\"}\n" : "}\n");
    }
    return r == 0 && evbuffer_add(out, b.data, b.len) < 0 ? -ENOMEM : r;
}

int frame_put(struct evbuffer *out, enum frame_dress dress, char type, const void *data,
              size_t len) {
    unsigned char head[5] = {(unsigned char)type, (unsigned char)(len >> 24),
                             (unsigned char)(len >> 16), (unsigned char)(len >> 8),
                             (unsigned char)len};

    assert(len <= AGENT_FRAME_MAX);
    if (dress == FRAME_NDJSON) {
        return put_ndjson(out, type, data, len);
    }
    return evbuffer_add(out, head, sizeof(head)) < 0 || evbuffer_add(out, data, len) < 0 ? -ENOMEM
                                                                                         : 0;
}

int frame_put_js(struct evbuffer *out, enum frame_dress dress, char type, js *take) {
    CLEANUP(js_freep) js *v = take;
    CLEANUP(buf_done) struct buf b = BUF_INIT(AGENT_FRAME_MAX);
    int r = js_print(v, &b);

    return r < 0 ? r : frame_put(out, dress, type, b.data, b.len);
}
