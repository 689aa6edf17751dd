/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_query: entries by kind, plan, operation, time and guest, the newest first. What an entry
 * is about (its plan) is followed through the ledger; what the plan is about is read from its body.
 */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/pipeline/ops.h"
#include "proximo-client/pipeline/plan.h"
#include "proximo-client/pipeline/service_int.h"

#define SHOWN     50
#define LOOKED_AT 20000 /* entries a call: then it says where to go on */

struct query {
    struct session *s;
    const char *kind; /* NULL: any */
    int64_t since, until, vmid, limit;
    bool by_plan; /* `plan` is what it must be about */
    struct hash plan;
    uint64_t looked_at, next;
    js *list;

    bool has_known; /* the last plan that was looked into: neighbours are mostly of one */
    struct hash known;
    bool known_names;
};

/* The plan that an entry is about. */
static bool plan_of(struct query *q, const struct entry *en, struct hash *ret) {
    CLEANUP(op_done) struct op o = {0};
    const char *plan = entry_get(en, "plan");
    const char *intent = entry_get(en, "intent");
    char id[IDENT_ID_LEN + 1];
    struct hash leaf;

    if (plan) {
        return hash_parse(plan, ret) == 0;
    }
    if (!intent || hash_parse(intent, &leaf) < 0) {
        return false;
    }
    ident_op_id(&leaf, id);
    if (ops_find(q->s->ledger, id, &o, NULL) < 0) {
        return false;
    }
    *ret = o.plan;
    return true;
}

static bool is_guest(const char *resource, int64_t vmid) {
    const char *slash = resource ? strrchr(resource, '/') : NULL;
    uint32_t v;

    return slash && ident_u32(slash + 1, &v) == 0 && v == vmid;
}

/* A guest is what the plan changes, or what it hits. */
static bool names_guest(const js *plan, int64_t vmid) {
    const js *target = js_get(plan, "target");
    const js *affected = js_get(plan, "affected");
    const char *kind = js_str_or(target, "kind", "");
    char id[24];

    (void)snprintf(id, sizeof(id), "%lld", (long long)vmid);
    if ((strcmp(kind, "guest") == 0 || strcmp(kind, "vm") == 0 || strcmp(kind, "ct") == 0) &&
        (strcmp(js_str_or(target, "id", ""), id) == 0 || js_int_or(target, "id", -1) == vmid)) {
        return true;
    }
    for (size_t i = 0; i < js_len(affected); i++) {
        if (is_guest(js_str_or(js_at(affected, i), "resource", ""), vmid)) {
            return true;
        }
    }
    return false;
}

static bool plan_names_guest(struct query *q, const struct hash *plan) {
    CLEANUP(plan_done) struct plan p = {.index = UINT64_MAX};
    char id[IDENT_ID_LEN + 1];

    if (!q->has_known || !hash_eq(&q->known, plan)) {
        ident_plan_id(plan, id);
        q->known_names = plan_load(q->s->ledger, id, &p, NULL) == 0 && names_guest(p.v, q->vmid);
        q->known = *plan;
        q->has_known = true;
    }
    return q->known_names;
}

static bool wanted(struct query *q, const struct entry *en, bool has_plan,
                   const struct hash *plan) {
    if ((q->kind && strcmp(entry_kind_name(en->kind), q->kind) != 0) || en->time < q->since ||
        en->time > q->until) {
        return false;
    }
    if (q->by_plan && (!has_plan || !hash_eq(plan, &q->plan))) {
        return false;
    }
    return q->vmid < 0 || (has_plan && plan_names_guest(q, plan));
}

static void show(struct query *q, uint64_t index, const struct entry *en, const char *bytes,
                 size_t len, const struct hash *plan) {
    static const char *const keys[] = {"risk", "approval", "result", "code",   "tool", "outcome",
                                       "node", "name",     "action", "digest", "cut",  "rehashed"};
    CLEANUP(js_freep) js *body = NULL;
    char id[IDENT_ID_LEN + 1];
    struct hash leaf;
    js *o = js_object();

    js_add(o, "index", js_int((int64_t)index));
    js_add(o, "kind", js_str(entry_kind_name(en->kind)));
    js_add(o, "time", js_int(en->time));
    js_add(o, "actor", js_str(entry_get(en, "actor")));
    if (plan) {
        ident_plan_id(plan, id);
        js_add(o, "plan_id", js_str(id));
    }
    if (en->kind == ENTRY_INTENT) {
        merkle_leaf(bytes, len, &leaf);
    }
    if (en->kind == ENTRY_INTENT ||
        (entry_get(en, "intent") && hash_parse(entry_get(en, "intent"), &leaf) == 0)) {
        ident_op_id(&leaf, id);
        js_add(o, "op_id", js_str(id));
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (entry_get(en, keys[i])) {
            js_add(o, keys[i], js_str(entry_get(en, keys[i])));
        }
    }
    if (js_parse(en->body, en->body_len, &body, NULL) == 0 && js_get_str(body, "summary")) {
        js_add(o, "summary", js_str(js_get_str(body, "summary")));
    }
    js_push(q->list, o);
}

static int look(void *ctx, uint64_t index, const struct entry *en, const char *bytes, size_t len) {
    struct query *q = ctx;
    struct hash plan;
    bool has_plan = (q->by_plan || q->vmid >= 0 || !q->kind || entry_get(en, "plan") ||
                     entry_get(en, "intent")) &&
                    plan_of(q, en, &plan);

    if (q->looked_at == LOOKED_AT || (int64_t)js_len(q->list) == q->limit) {
        q->next = index + 1;
        return 1;
    }
    q->looked_at++;
    if (wanted(q, en, has_plan, &plan)) {
        show(q, index, en, bytes, len, has_plan ? &plan : NULL);
    }
    return 0;
}

static int prepare(struct query *q, const js *args, struct err *e) {
    CLEANUP(plan_done) struct plan p = {0};
    CLEANUP(op_done) struct op o = {0};
    const char *plan_id = js_get_str(args, "plan_id");
    const char *op_id = js_get_str(args, "op_id");
    int r = 0;

    q->kind = js_get_str(args, "kind");
    q->since = js_int_or(args, "since", INT64_MIN);
    q->until = js_int_or(args, "until", INT64_MAX);
    q->vmid = js_int_or(args, "vmid", -1);
    q->limit = js_int_or(args, "limit", SHOWN);
    q->by_plan = plan_id || op_id;
    if (op_id) {
        r = ops_find(q->s->ledger, op_id, &o, e);
        q->plan = o.plan;
    }
    if (r == 0 && plan_id) {
        r = plan_load(q->s->ledger, plan_id, &p, e);
        if (r == 0 && op_id && !hash_eq(&p.digest, &q->plan)) {
            return err_tag(e, -EINVAL, "bad_argument", "%s is not an operation of %s", op_id,
                           plan_id);
        }
        q->plan = p.digest;
    }
    return r;
}

int meta_ledger_query(struct app *a, const struct call *c, js **ret, struct err *e) {
    struct session s;
    struct query q = {.s = &s};
    int64_t before = js_int_or(c->args, "before", INT64_MAX);
    int r = service_session(a, c, c->args, APP_LEDGER_READ, &s, e);

    r = r < 0 ? r : prepare(&q, c->args, e);
    if (r < 0) {
        return r;
    }
    q.list = js_array();
    *ret = js_object();
    r = before > 0 ? ledger_each_back(s.ledger, (uint64_t)before - 1, look, &q, e) : 0;
    js_add(*ret, "returned", js_int((int64_t)js_len(q.list)));
    js_add(*ret, "entries", q.list);
    js_add(*ret, "looked_at", js_int((int64_t)q.looked_at));
    if (q.next) {
        js_add(*ret, "next_before", js_int((int64_t)q.next));
    }
    return r < 0 ? r : 0;
}
