/* SPDX-License-Identifier: Apache-2.0 */
/* A file of a VM as its guest agent gives it. It is asked for in base64: PVE would make characters
 * of its bytes, and text would not come back as it is there. */
#include <errno.h>
#include <string.h>

#include "common/b64.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/agent.h"

#define COUNT   16384
#define B64_MAX (32 * 1024 * 1024)

static bool is_text(const struct buf *b) {
    CLEANUP(js_freep) js *v = js_str_n(b->len ? b->data : "", b->len);

    return !(b->len && memchr(b->data, '\0', b->len)) &&
           (size_t)json_object_get_string_len(v) == b->len &&
           memcmp(json_object_get_string(v), b->len ? b->data : "", b->len) == 0;
}

int read_agent_file(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINES), bytes = BUF_INIT(B64_MAX);
    CLEANUP(js_freep) js *query = answer_pick(args, "file offset");
    CLEANUP(js_freep) js *answer = NULL;
    const char *content;
    struct guest_ref g;
    int r = resolve_guest(s, args, &g, e);

    if (r == 0 && strcmp(g.kind, "qemu") != 0) {
        return err_tag(e, -EINVAL, "bad_argument", "guest %u is a container: it has no guest agent",
                       g.vmid);
    }
    r = r < 0 ? r : guest_path(&g, "/agent/file-read", &path, e);
    js_add(query, "decode", js_bool(false));
    js_add(query, "count", js_int(js_int_or(args, "count", COUNT)));
    r = r < 0 ? r : pve_query(query, &path, e);
    r = r < 0 ? r : pve_get(s->pve, buf_str(&path), &answer, e);
    if (r < 0) {
        return r;
    }
    content = js_get_str(answer, "content");
    if (!content || b64_decode(content, strlen(content), &bytes) < 0) {
        return bad_answer("a file's content", e);
    }
    *ret = js_object();
    js_add(*ret, "file", js_str(js_str_or(args, "file", "")));
    js_add(*ret, "bytes", js_int((int64_t)bytes.len));
    js_add(*ret, "truncated", js_bool(js_bool_or(answer, "truncated", false)));
    if (is_text(&bytes)) {
        js_add(*ret, "content", js_str_n(buf_str(&bytes), bytes.len));
    } else {
        js_add(*ret, "base64", js_str(content));
    }
    return 0;
}
