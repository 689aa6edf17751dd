/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input of planned commands. */
#include "proximo-client/pipeline/stdin_data.h"

#include <errno.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/pipeline/secrets.h"

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
