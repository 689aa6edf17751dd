/* SPDX-License-Identifier: Apache-2.0 */
/* The intent: on disk, under a signed checkpoint, before the first request of any phase. Under the
 * ledger's lock it is written only if the plan has none, so of two processes one loses. */
#include <errno.h>
#include <string.h>

#include "common/canon.h"
#include "common/clock.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/pipeline/change.h"
#include "proximo-client/pipeline/grant_int.h"
#include "proximo-client/pipeline/session.h"

/* A node accepts an intent for 15 minutes at most (gate step 4); two are left for clocks. */
#define INTENT_TTL_S 780

static int put_requests(struct buf *b, const struct change *c) {
    const js *list = js_get(c->p.v, "requests");
    int r = 0;

    for (size_t i = 0; r == 0 && i < js_len(list); i++) { /* node requests first: the key order */
        const js *q = js_at(list, i);

        if (js_get_str(q, "request") && strcmp(js_str_or(q, "phase", ""), "undo") != 0) {
            r = lines_putf(b, "request", "%s %s", js_str_or(q, "node", ""),
                           js_str_or(q, "digest", ""));
        }
    }
    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        const js *q = js_at(list, i);
        char text[HASH_HEX_LEN + 1];
        struct hash h;

        if (js_get_str(q, "request") || strcmp(js_str_or(q, "phase", ""), "undo") == 0) {
            continue;
        }
        r = grant_api_hash(js_str_or(q, "method", ""), js_str_or(q, "path", ""), js_get(q, "form"),
                           &h);
        if (r == 0) {
            hash_text(&h, text);
            r = lines_putf(b, "api", "%zu %s", i, text);
        }
    }
    return r;
}

static int build(const struct change *c, struct buf *b, struct err *e) {
    char text[HASH_HEX_LEN + 1];
    int r = entry_begin(b, ENTRY_INTENT, clock_unix(), c->s->actor);

    hash_text(&c->p.digest, text);
    if (r == 0) {
        r = lines_put(b, "plan", text);
    }
    if (r == 0 && c->note) {
        hash_text(&c->note_hash, text);
        r = lines_put(b, "approval", text);
    } else if (r == 0) {
        r = lines_put(b, "approval", c->host ? "host" : "none");
    }
    if (r == 0) {
        r = lines_putf(b, "expires", "%lld", (long long)c->expires);
    }
    if (r == 0) {
        r = lines_put(b, "taint", js_bool_or(c->p.v, "taint", false) ? "yes" : "no");
    }
    if (r == 0) {
        r = put_requests(b, c);
    }
    return r < 0 ? err_set(e, r, "intent entry too long") : entry_end(b, "{}", e);
}

static int not_spent(struct ledger *l, void *ctx, struct err *e) {
    const struct change *c = ctx;
    struct ledger_plan st;
    int r = ledger_plan_state(l, &c->p.digest, &st, e);

    if (r < 0) {
        return r;
    }
    if (st.intent != UINT64_MAX) {
        (void)err_tag(e, -EALREADY, "plan_spent",
                      "another process carried plan %s out at the same moment", c->p.id);
        return err_hint(e, "proximo-client ops shows what became of it");
    }
    return 0;
}

int stage_intent(struct change *c, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct ledger_pos pos;
    int r;

    c->expires = clock_unix() + INTENT_TTL_S;
    r = build(c, &b, e);
    if (r < 0) {
        return r;
    }
    /* The running lock is taken before the entry is there: nobody can see an open intent that looks
     * abandoned while its process lives. */
    merkle_leaf(buf_str(&b), b.len, &c->leaf);
    ident_op_id(&c->leaf, c->op_id);
    r = ledger_running_take(c->s->ledger, c->op_id, &c->running, e);
    if (r == 0) {
        r = ledger_append(c->s->ledger, buf_str(&b), b.len, LEDGER_SYNC, not_spent, c, &pos, e);
    }
    if (r < 0) {
        return r;
    }
    c->index = pos.index;
    c->recorded = true;
    return 0;
}

const js *change_task(const struct change *c, size_t ordinal) {
    for (size_t i = 0; i < js_len(c->tasks); i++) {
        if (js_int_or(js_at(c->tasks, i), "ordinal", -1) == (int64_t)ordinal) {
            return js_at(c->tasks, i);
        }
    }
    return NULL;
}

int change_progress(struct change *c, size_t ordinal, const char *upid, const char *key,
                    const js *found, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(buf_done) struct buf body = BUF_INIT(LIM_ENTRY);
    CLEANUP(js_freep) js *o = js_object();
    char text[HASH_HEX_LEN + 1];
    int r = entry_begin(&b, ENTRY_PROGRESS, clock_unix(), c->s->actor);

    if (key) {
        js_add(o, "v", js_int(1));
        js_add(o, key, js_copy(found));
    }
    hash_text(&c->leaf, text);
    r = r < 0 ? r : lines_put(&b, "intent", text);
    r = r < 0 ? r : lines_putf(&b, "task", "%zu %s", ordinal, upid);
    r = r < 0 ? r : canon_write(o, &body, e);
    r = r < 0 ? r : entry_end(&b, buf_str(&body), e);
    r = r < 0 ? r
              : ledger_append(c->s->ledger, buf_str(&b), b.len, LEDGER_SYNC | LEDGER_RESERVE, NULL,
                              NULL, &(struct ledger_pos){0}, e);
    return r < 0 && key ? err_wrap(e, "record what %s has left", upid) : r;
}
