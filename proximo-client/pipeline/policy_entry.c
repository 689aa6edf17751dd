/* SPDX-License-Identifier: Apache-2.0 */
/* The policy that a plan was made under, in the ledger before it. */
#include "proximo-client/pipeline/policy_entry.h"

#include <string.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/js.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/ledger.h"

static int write_entry(const struct policy_entry *p, const struct hash *digest, uint64_t before,
                       struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *body = js_object();
    char hex[HASH_HEX_LEN + 1];
    int r;

    hash_text(digest, hex);
    js_add(body, "v", js_int(1));
    js_add(body, "body", js_str(hex));
    js_addf(body, "summary", "plans from here on were made under another policy than entry %llu's",
            (unsigned long long)before);
    r = canon_write(body, &text, e);
    if (r < 0) {
        return r;
    }
    r = entry_begin(ret, ENTRY_POLICY, clock_unix(), p->actor);
    r = r < 0 ? r : lines_put(ret, "digest", hex);
    return r < 0 ? err_set(e, r, "policy entry too long") : entry_end(ret, buf_str(&text), e);
}

int policy_entry_first(struct ledger *l, void *ctx, struct err *e) {
    CLEANUP(buf_done) struct buf entry = BUF_INIT(LIM_ENTRY);
    const struct policy_entry *p = ctx;
    struct hash digest, last, stored;
    uint64_t at = 0;
    int r = ledger_policy(l, &last, &at, e);

    sha256(p->text, strlen(p->text), &digest);
    if (r < 0 || hash_eq(&digest, &last)) {
        return r;
    }
    r = ledger_body_put(l, p->text, strlen(p->text), &stored, e);
    r = r < 0 ? r : write_entry(p, &digest, at, &entry, e);
    return r < 0 ? r : ledger_append(l, buf_str(&entry), entry.len, 0, NULL, NULL, NULL, e);
}
