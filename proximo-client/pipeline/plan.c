/* SPDX-License-Identifier: Apache-2.0 */
/* Freezing, recording and loading plans. The invariant: a plan_id names exactly one sequence of
 * bytes, those bytes are in the ledger, and nothing that is not in them is ever sent. */
#include "proximo-client/pipeline/plan.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/clock.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/pipeline/draft_int.h"
#include "proximo-client/pipeline/late.h"
#include "proximo-client/pipeline/policy_entry.h"
#include "proximo-client/pipeline/secrets.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pipeline/taint.h"

void plan_done(struct plan *p) {
    json_object_put(p->v);
    memset(p, 0, sizeof(*p));
}

/* One step up: what the brake does after guest-controlled text was returned (formats.md 8). */
static enum approval_need raised(enum approval_need n) {
    return n == NEED_NONE ? NEED_HOST : NEED_OPERATOR;
}

static bool undo_is_none(const struct draft *d) {
    return !d->undo || strcmp(js_str_or(d->undo, "kind", "none"), "none") == 0;
}

static void decide_need(struct draft *d, const struct policy *p, bool taint) {
    char why[160];

    (void)snprintf(why, sizeof(why), "risk is %s", risk_name(d->risk));
    draft_need(d, p->need[d->risk], why);
    if (!d->complete) {
        draft_need(d, NEED_OPERATOR, "the picture is incomplete");
    }
    if (undo_is_none(d) && d->risk >= RISK_MEDIUM) {
        draft_need(d, NEED_OPERATOR, "it cannot be undone");
    }
    if (taint) {
        draft_need(d, raised(d->need),
                   "text that a guest controls was returned a short while ago (taint)");
    }
}

static js *approval_json(const struct draft *d) {
    js *o = js_object();

    js_add(o, "required", js_str(need_name(d->need)));
    js_add(o, "why", js_str(d->need_why ? d->need_why : "policy"));
    if (d->anew) {
        js_add(o, "anew", js_bool(true));
    }
    return o;
}

static void add_nonce(js *plan) {
    uint8_t raw[16];
    char hex[33];

    random_bytes(raw, sizeof(raw));
    hex_encode(raw, sizeof(raw), hex);
    js_add(plan, "nonce", js_str(hex));
}

static int freeze(struct draft *d, const struct config *c, const struct hash *policy, int64_t now,
                  js **ret, struct err *e) {
    CLEANUP(js_freep) js *o = js_object();
    char digest[HASH_HEX_LEN + 1];
    bool taint = taint_is_on(d->s->ledger, now);
    int64_t ttl;

    if (!d->change || !d->target) {
        return err_set(e, -EPROTO, "row %s made a plan without change or target", d->tool);
    }
    decide_need(d, &c->policy, taint);
    ttl = d->need == NEED_OPERATOR ? c->policy.operator_ttl_s : c->policy.ttl_s;
    hash_text(policy, digest);
    js_add(o, "v", js_int(PLAN_VERSION));
    js_add(o, "tool", js_str(d->tool));
    js_add(o, "cluster", js_str(d->s->cluster));
    js_add(o, "log", js_str(ledger_origin(d->s->ledger)));
    js_add(o, "args", reduce_exact(d->args));
    js_add(o, "target", js_ref(d->target));
    js_add(o, "change", js_str(d->change));
    js_add(o, "requests", reduce_exact(d->requests));
    js_add(o, "preconditions", js_ref(d->preconditions));
    if (d->steps) {
        js_add(o, "steps", reduce_exact(d->steps));
    }
    js_add(o, "current", js_ref(d->current));
    js_add(o, "affected", js_ref(d->affected));
    js_add(o, "complete", js_bool(d->complete));
    js_add(o, "unread", js_ref(d->unread));
    if (d->coverage) {
        js_add(o, "coverage", js_ref(d->coverage));
    }
    if (js_len(d->sources) > 0) {
        js_add(o, "sources", js_ref(d->sources));
    }
    js_add(o, "risk", js_str(risk_name(d->risk)));
    js_add(o, "risk_reasons", js_ref(d->risk_reasons));
    if (!d->undo) {
        draft_undo(d, "none", "no way back was prepared", "");
    }
    js_add(o, "undo", js_ref(d->undo));
    if (d->undo_of) {
        js_add(o, "undo_of", js_ref(d->undo_of));
    }
    js_add(o, "approval", approval_json(d));
    js_add(o, "policy", js_str(digest));
    js_add(o, "made", js_int(now));
    js_add(o, "expires", js_int(now + ttl));
    js_add(o, "taint", js_bool(taint));
    add_nonce(o);
    *ret = js_members(d->late) ? late_put(o, d->late) : js_ref(o);
    return 0;
}

static int index_of(const char *const *names, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* Fills the derived members from p->v. */
static int plan_derive(struct plan *p, struct err *e) {
    static const char *const risks[] = {"none", "low", "medium", "high"};
    static const char *const needs[] = {"none", "host", "operator"};
    int risk = index_of(risks, ARRAY_LEN(risks), js_str_or(p->v, "risk", ""));
    int need =
        index_of(needs, ARRAY_LEN(needs), js_str_or(js_get(p->v, "approval"), "required", ""));

    p->version = (int)js_int_or(p->v, "v", 0);
    if (p->version < 1 || p->version > PLAN_VERSION) {
        (void)err_tag(e, -EBADMSG, "bad_plan", "plan of an unknown version");
        return err_hint(e, "it was made by a newer proximo-client: upgrade this one");
    }
    if (risk < 0 || need < 0 || !js_get_int(p->v, "expires", &p->expires) ||
        !js_is_array(js_get(p->v, "requests")) || !js_is_array(js_get(p->v, "preconditions"))) {
        return err_tag(e, -EBADMSG, "bad_plan", "the plan lacks a member it must have");
    }
    if (p->version == 1) {
        late_migrate(js_get(p->v, "requests"));
    }
    p->risk = (enum risk)risk;
    p->need = (enum approval_need)need;
    ident_plan_id(&p->digest, p->id);
    return 0;
}

static int write_entry(struct draft *d, const struct plan *p, int64_t now, struct err *e,
                       struct buf *ret) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_ENTRY);
    CLEANUP(js_freep) js *body = js_object();
    char digest[HASH_HEX_LEN + 1];
    int r;

    hash_text(&p->digest, digest);
    js_add(body, "v", js_int(1));
    js_add(body, "body", js_str(digest));
    js_addf(body, "summary", "%.400s", js_str_or(p->v, "change", ""));
    r = canon_write(body, &text, e);
    if (r < 0) {
        return r;
    }
    r = entry_begin(ret, ENTRY_PLAN, now, d->s->actor);
    if (r == 0) {
        r = lines_put(ret, "plan", digest);
    }
    if (r == 0) {
        r = lines_put(ret, "risk", risk_name(p->risk));
    }
    if (r == 0) {
        r = lines_put(ret, "approval", need_name(p->need));
    }
    if (r == 0) {
        r = lines_putf(ret, "expires", "%lld", (long long)p->expires);
    }
    if (r == 0) {
        r = lines_put(ret, "taint", js_bool_or(p->v, "taint", false) ? "yes" : "no");
    }
    return r < 0 ? err_set(e, r, "plan entry too long") : entry_end(ret, buf_str(&text), e);
}

int plan_record(struct draft *d, struct plan *ret, struct err *e) {
    CLEANUP(buf_done) struct buf bytes = BUF_INIT(LIM_PLAN_BODY);
    CLEANUP(buf_done) struct buf entry = BUF_INIT(LIM_ENTRY);
    CLEANUP(buf_done) struct buf policy = BUF_INIT(LIM_PLAN_BODY);
    CLEANUP(plan_done) struct plan p = {0};
    struct policy_entry first = {.actor = d->s->actor};
    struct ledger_pos pos;
    const struct config *c;
    struct hash stored, digest;
    int64_t now = clock_unix();
    int r = app_config(d->s->app, &c, e);

    r = r < 0 ? r : config_policy_text(c, &policy, e);
    if (r == 0) {
        sha256(buf_str(&policy), policy.len, &digest);
        first.text = buf_str(&policy);
        r = freeze(d, c, &digest, now, &p.v, e);
    }
    if (r == 0) {
        r = canon_write(p.v, &bytes, e);
    }
    if (r < 0) {
        return r;
    }
    sha256(buf_str(&bytes), bytes.len, &p.digest);
    r = plan_derive(&p, e);
    (void)secrets_sweep(d->s->ledger);
    if (r == 0) {
        r = secrets_save(d->s->ledger, p.id, d->secret_key, d->secrets, e);
    }
    if (r == 0) {
        r = ledger_body_put(d->s->ledger, buf_str(&bytes), bytes.len, &stored, e);
    }
    if (r == 0 && !hash_eq(&stored, &p.digest)) {
        r = err_set(e, -EIO, "the ledger stored other bytes than the plan's");
    }
    if (r == 0) {
        r = write_entry(d, &p, now, e, &entry);
    }
    if (r == 0) {
        r = ledger_append(d->s->ledger, buf_str(&entry), entry.len, LEDGER_SYNC, policy_entry_first,
                          &first, &pos, e);
    }
    if (r < 0) {
        (void)ledger_secret_drop(d->s->ledger, p.id);
        return err_wrap(e, "record the plan");
    }
    p.index = pos.index;
    *ret = p;
    memset(&p, 0, sizeof(p));
    return 0;
}

int plan_from_bytes(const char *bytes, size_t len, struct plan *ret, struct err *e) {
    CLEANUP(plan_done) struct plan p = {.index = UINT64_MAX};
    int r = canon_check(bytes, len, e);

    if (r == 0) {
        r = js_parse(bytes, len, &p.v, e);
    }
    if (r < 0) {
        return err_wrap(e, "plan");
    }
    sha256(bytes, len, &p.digest);
    r = plan_derive(&p, e);
    if (r < 0) {
        return r;
    }
    *ret = p;
    memset(&p, 0, sizeof(p));
    return 0;
}

int plan_load_digest(struct ledger *l, const struct hash *digest, uint64_t index, struct plan *ret,
                     struct err *e) {
    CLEANUP(buf_done) struct buf bytes = BUF_INIT(LIM_PLAN_BODY);
    int r = ledger_body_get(l, digest, &bytes, e);

    if (r == 0) {
        r = plan_from_bytes(buf_str(&bytes), bytes.len, ret, e);
    }
    if (r == 0) {
        ret->index = index;
    }
    return r;
}

int plan_load(struct ledger *l, const char *plan_id, struct plan *ret, struct err *e) {
    CLEANUP(buf_done) struct buf bytes = BUF_INIT(LIM_ENTRY);
    CLEANUP(entry_done) struct entry en = {0};
    struct hash digest;
    uint64_t index;
    int r;

    if (!ident_is_plan_id(plan_id)) {
        return err_tag(e, -EINVAL, "bad_argument", "not a plan id (P- and 26 characters)");
    }
    r = ledger_find_plan(l, plan_id, &index, e);
    if (r == -ENOENT) {
        (void)err_tag(e, r, "no_such_plan", "no plan %s in this ledger", plan_id);
        return err_hint(e, "make the plan again");
    }
    if (r == 0) {
        r = ledger_read(l, index, &bytes, e);
    }
    if (r == 0) {
        r = entry_parse(buf_str(&bytes), bytes.len, &en, e);
    }
    if (r == 0 && (en.kind != ENTRY_PLAN || hash_parse(entry_get(&en, "plan"), &digest) < 0)) {
        r = err_tag(e, -EBADMSG, "ledger_damaged", "entry %llu is not the plan it is indexed as",
                    (unsigned long long)index);
    }
    if (r == 0) {
        r = plan_load_digest(l, &digest, index, ret, e);
    }
    if (r == 0 && strcmp(ret->id, plan_id) != 0) {
        plan_done(ret);
        r = err_tag(e, -EBADMSG, "ledger_damaged", "the index gave another plan than %s", plan_id);
    }
    return r;
}

int plan_runs_here(const struct plan *p, struct err *e) {
    if (p->version == PLAN_VERSION) {
        return 0;
    }
    (void)err_tag(e, -ESTALE, "plan_outdated", "plan %s was made by an older proximo-client",
                  p->id);
    return err_hint(e, "make the plan again");
}

const js *plan_request(const struct plan *p, const char *phase, size_t i, size_t *ret_ordinal) {
    const js *list = js_get(p->v, "requests");

    for (size_t k = 0; k < js_len(list); k++) {
        const js *q = js_at(list, k);

        if (strcmp(js_str_or(q, "phase", ""), phase) == 0 && i-- == 0) {
            if (ret_ordinal) {
                *ret_ordinal = k;
            }
            return q;
        }
    }
    return NULL;
}

static void add_next(js *answer, const struct plan *p) {
    switch (p->need) {
    case NEED_NONE:
        js_addf(answer, "next",
                "proximo_apply with plan_id %s (in a shell: proximo-client apply %s)", p->id,
                p->id);
        break;
    case NEED_HOST:
        js_addf(answer, "next",
                "proximo_apply_high with plan_id %s, and the host asks a person (in a shell: "
                "proximo-client apply %s, which asks)",
                p->id, p->id);
        break;
    case NEED_OPERATOR:
    default:
        js_addf(answer, "next",
                "an operator runs on a terminal: proximo-client approve %s; then "
                "proximo_apply_high (in "
                "a shell: proximo-client apply %s)",
                p->id, p->id);
        break;
    }
}

js *plan_answer(const struct plan *p) {
    js *o = js_object();

    js_add(o, "plan_id", js_str(p->id));
    js_add(o, "status", js_str("planned"));
    js_add(o, "plan", js_ref(p->v));
    if (p->index != UINT64_MAX) {
        js_add(o, "ledger_index", js_int((int64_t)p->index));
    }
    add_next(o, p);
    return o;
}
