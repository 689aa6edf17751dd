/* SPDX-License-Identifier: Apache-2.0 */
/* Only what the operation itself has brought about is read: of a request that failed, or of which
 * nobody knows the end, what stands there may be another's, and an undo that took it for its own
 * would take it away. */
#include "proximo-client/pipeline/left.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/pipeline/change.h"
#include "proximo-client/pipeline/draft_int.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"

/* Whether all execute requests of the step (0: of a plan without steps) were carried out whole. */
static bool is_whole(const struct change *c, int64_t step) {
    const js *q;

    for (size_t i = 0; (q = plan_request(&c->p, "execute", i, NULL)); i++) {
        if (js_int_or(q, "step", 0) == step && (int64_t)i >= c->executed) {
            return false;
        }
    }
    return true;
}

static void take_one(const struct change *c, const js *one, js *ret) {
    CLEANUP(js_freep) js *data = NULL;
    const char *path = js_str_or(one, "read", "");
    js *reduced = NULL;

    if (pve_get(c->s->pve, path, &data, NULL) == 0 &&
        reduce_apply(js_str_or(one, "reduce", ""), data, &reduced) == 0) {
        js_add(ret, path, reduced);
    }
}

static void take_all(const struct change *c, const js *undo, int64_t step, js *ret) {
    const js *list = js_get(undo, "left");

    for (size_t i = 0; i < js_len(list) && is_whole(c, step); i++) {
        take_one(c, js_at(list, i), ret);
    }
}

void left_take(struct change *c) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
    CLEANUP(js_freep) js *all = js_object();
    const js *steps = js_get(c->p.v, "steps");

    if (!c->sent || c->executed <= 0 || !c->s->pve ||
        strcmp(c->why->tag, "plan_drifted") == 0) { /* another hand was there: whose is it now? */
        return;
    }
    take_all(c, js_get(c->p.v, "undo"), 0, all);
    for (size_t i = 0; i < js_len(steps); i++) {
        take_all(c, js_get(js_at(steps, i), "undo"), (int64_t)i + 1, all);
    }
    c->has_left = js_members(all) && canon_write(all, &b, NULL) == 0 &&
                  ledger_body_put(c->s->ledger, buf_str(&b), b.len, &c->left, NULL) == 0;
    if (js_members(all) && !c->has_left) {
        js_push(c->leftover, js_str("how it left things could not be kept in the ledger: what it "
                                    "made cannot be taken back by its undo"));
    }
}

js *left_load(struct ledger *l, const struct hash *body) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
    js *v = NULL;

    return ledger_body_get(l, body, &b, NULL) == 0 && js_parse(buf_str(&b), b.len, &v, NULL) == 0
               ? v
               : NULL;
}
