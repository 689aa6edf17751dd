/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input of planned commands. */
#include "proximo-client/pipeline/stdin_data.h"

#include <errno.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/request.h"
#include "proximo-client/pipeline/secrets.h"

int stdin_check(const js *request, struct err *e) {
    CLEANUP(request_done) struct node_request q = {0};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_STDIN);
    const char *text = js_str_or(request, "request", ""), *shown = js_get_str(request, "stdin");
    bool is_there = js_get(request, "stdin") != NULL, good;
    struct hash h = {0};
    int r = request_parse(text, strlen(text), &q, e);

    if (r < 0) {
        return err_tag(e, r, "bad_plan", "a node request of the plan is malformed");
    }
    if (shown && (b64_decode(shown, strlen(shown), &b) < 0 || !q.has_stdin || q.stdin_is_hmac)) {
        good = false;
    } else if (shown) {
        sha256(buf_str(&b), b.len, &h);
        good = b.len == q.stdin_bytes && hash_eq(&h, &q.stdin_hash);
    } else {
        good = is_there == q.has_stdin && is_there == q.stdin_is_hmac;
    }
    return good ? 0
                : err_tag(e, -EBADMSG, "bad_plan",
                          "the standard input in the plan is not the one its request names");
}

int stdin_load(struct ledger *l, const char *plan_id, const js *request, struct buf *ret,
               struct err *e) {
    CLEANUP(js_freep) js *form = NULL;
    CLEANUP(js_freep) js *filled = NULL;
    js *member = js_get(request, "stdin");
    const char *text;
    int r;

    if (!member) {
        return 0;
    }
    form = js_object();
    js_add(form, "stdin", js_ref(member));
    r = secrets_fill(l, plan_id, form, &filled, e);
    if (r < 0) {
        return r;
    }
    text = js_str_or(filled, "stdin", "");
    r = b64_decode(text, strlen(text), ret);
    return r < 0 ? err_tag(e, r, "bad_plan", "the plan's standard input is malformed") : 0;
}
