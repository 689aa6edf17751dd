/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the log: plans, operations, what is open. Every hit of the index is checked against
 * the entry, whose bytes are checked against the tree. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/ledger/body.h"
#include "proximo-client/ledger/impl.h"
#include "proximo-client/ledger/index.h"

/* The leading bytes that an id's 26 characters fix. */
static void id_key(const char *id, uint8_t ret[static INDEX_KEY]) {
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

    memset(ret, 0, INDEX_KEY);
    for (size_t i = 0; i < 26; i++) {
        unsigned int v = (unsigned int)(strchr(alphabet, id[2 + i]) - alphabet);

        for (size_t bit = 0; bit < 5; bit++) {
            size_t at = 5 * i + bit;

            if (at < 8 * INDEX_KEY && (v >> (4 - bit) & 1)) {
                ret[at / 8] |= (uint8_t)(0x80 >> at % 8);
            }
        }
    }
}

struct search {
    struct ledger *l;
    struct err *e;
    const char *id;          /* of a plan or an operation, or */
    const struct hash *plan; /* the plan digest, or */
    const struct hash *leaf; /* the intent's leaf hash that is looked for */
    enum entry_kind kind;
    bool newest;
    uint64_t found; /* UINT64_MAX: none yet */
    struct hash found_leaf;
};

static bool matches(const struct search *s, const struct entry *en, const struct hash *leaf) {
    char id[IDENT_ID_LEN + 1];
    struct hash h;

    if (en->kind != s->kind) {
        return false;
    }
    if (s->leaf) {
        return hash_parse(entry_get(en, "intent"), &h) == 0 && hash_eq(&h, s->leaf);
    }
    if (s->kind == ENTRY_INTENT && s->id) {
        ident_op_id(leaf, id);
        return strcmp(id, s->id) == 0;
    }
    if (hash_parse(entry_get(en, "plan"), &h) < 0) {
        return false;
    }
    if (s->id) {
        ident_plan_id(&h, id);
        return strcmp(id, s->id) == 0;
    }
    return hash_eq(&h, s->plan);
}

static int consider(void *ctx, uint64_t at) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(entry_done) struct entry en = {0};
    struct search *s = ctx;
    struct hash leaf;
    int r;

    if (at >= s->l->edge.size) {
        return 0; /* an index of other times */
    }
    r = read_entry(s->l, at, &b, s->e);
    r = r < 0 ? r : entry_parse(buf_str(&b), b.len, &en, s->e);
    if (r < 0) {
        return r;
    }
    merkle_leaf(buf_str(&b), b.len, &leaf);
    if (matches(s, &en, &leaf) &&
        (s->found == UINT64_MAX || (s->newest ? at > s->found : at < s->found))) {
        s->found = at;
        s->found_leaf = leaf;
    }
    return 0;
}

static int search(struct search *s, enum index_type type, const uint8_t *key) {
    s->found = UINT64_MAX;
    return index_find(s->l, type, key, consider, s, s->e);
}

static int not_found(const char *id, struct err *e) {
    return err_tag(e, -ENOENT, "not_found", "the ledger knows no %s", id);
}

int ledger_find_plan(struct ledger *l, const char *plan_id, uint64_t *ret_index, struct err *e) {
    struct search s = {.l = l, .e = e, .id = plan_id, .kind = ENTRY_PLAN};
    uint8_t key[INDEX_KEY];
    int r;

    if (!ident_is_plan_id(plan_id)) {
        return err_set(e, -EINVAL, "not a plan's id");
    }
    id_key(plan_id, key);
    r = search(&s, INDEX_PLAN, key);
    if (r < 0) {
        return r;
    }
    if (s.found == UINT64_MAX) {
        return not_found(plan_id, e);
    }
    *ret_index = s.found;
    return 0;
}

int ledger_find_op(struct ledger *l, const char *op_id, uint64_t *ret_index, struct err *e) {
    struct search s = {.l = l, .e = e, .id = op_id, .kind = ENTRY_INTENT};
    uint8_t key[INDEX_KEY];
    int r;

    if (!ident_is_op_id(op_id)) {
        return err_set(e, -EINVAL, "not an operation's id");
    }
    id_key(op_id, key);
    r = search(&s, INDEX_OP, key);
    if (r < 0) {
        return r;
    }
    if (s.found == UINT64_MAX) {
        return not_found(op_id, e);
    }
    *ret_index = s.found;
    return 0;
}

int ledger_plan_state(struct ledger *l, const struct hash *plan, struct ledger_plan *ret,
                      struct err *e) {
    struct search s = {.l = l, .e = e, .plan = plan};
    struct ledger_plan p = {.plan = UINT64_MAX};
    int r;

    s.kind = ENTRY_PLAN;
    r = search(&s, INDEX_PLAN, plan->b);
    p.plan = s.found;
    s.kind = ENTRY_INTENT;
    r = r < 0 ? r : search(&s, INDEX_INTENT, plan->b);
    p.intent = s.found;
    p.intent_leaf = s.found_leaf;
    s.kind = ENTRY_OUTCOME;
    r = r < 0 ? r : search(&s, INDEX_OUTCOME, plan->b);
    p.outcome = s.found;
    s.kind = ENTRY_APPROVAL;
    s.newest = true;
    r = r < 0 ? r : search(&s, INDEX_APPROVAL, plan->b);
    p.approval = s.found;
    if (r == 0) {
        *ret = p;
    }
    return r;
}

static int newest(void *ctx, uint64_t at) {
    struct search *s = ctx;

    if (at < s->l->edge.size && (s->found == UINT64_MAX || at > s->found)) {
        s->found = at;
    }
    return 0;
}

int ledger_policy(struct ledger *l, struct hash *ret, uint64_t *ret_index, struct err *e) {
    static const uint8_t none[INDEX_KEY];
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(entry_done) struct entry en = {0};
    struct search s = {.l = l, .e = e, .found = UINT64_MAX};
    const char *digest = NULL;
    uint64_t at;
    int r = index_find(l, INDEX_POLICY, none, newest, &s, e);

    at = s.found == UINT64_MAX ? 0 : s.found;
    r = r < 0 ? r : read_entry(l, at, &b, e);
    r = r < 0 ? r : entry_parse(buf_str(&b), b.len, &en, e);
    if (r < 0) {
        return r;
    }
    if (en.kind == ENTRY_POLICY || en.kind == ENTRY_GENESIS) {
        digest = entry_get(&en, en.kind == ENTRY_POLICY ? "digest" : "policy");
    }
    if (!digest || hash_parse(digest, ret) < 0) {
        return err_tag(e, -EBADMSG, "ledger_damaged", "entry %llu names no policy",
                       (unsigned long long)at);
    }
    *ret_index = at;
    return 0;
}

/* An outcome of this intent, or UINT64_MAX. */
static int find_outcome(struct ledger *l, const struct hash *leaf, uint64_t *ret, struct err *e) {
    struct search s = {.l = l, .e = e, .leaf = leaf, .kind = ENTRY_OUTCOME};
    int r = search(&s, INDEX_DONE, leaf->b);

    *ret = s.found;
    return r;
}

static int rule_intent(struct ledger *l, const struct entry *en, struct err *e) {
    struct ledger_plan p;
    struct hash plan;
    int r = hash_parse(entry_get(en, "plan"), &plan);

    r = r < 0 ? r : ledger_plan_state(l, &plan, &p, e);
    if (r < 0) {
        return r;
    }
    if (p.plan == UINT64_MAX) {
        return err_tag(e, -ENOENT, "not_found", "an intent needs a recorded plan");
    }
    if (p.intent != UINT64_MAX) {
        (void)err_tag(e, -EEXIST, "plan_spent", "the plan was used by entry %llu",
                      (unsigned long long)p.intent);
        return err_hint(e, "make a new plan");
    }
    return 0;
}

static int rule_outcome(struct ledger *l, const struct entry *en, struct err *e) {
    struct ledger_plan p;
    struct hash intent;
    struct hash plan;
    uint64_t other;
    int r = hash_parse(entry_get(en, "intent"), &intent);

    r = r < 0 ? r : hash_parse(entry_get(en, "plan"), &plan);
    r = r < 0 ? r : ledger_plan_state(l, &plan, &p, e);
    if (r < 0) {
        return r;
    }
    if (p.intent == UINT64_MAX || !hash_eq(&p.intent_leaf, &intent)) {
        return err_tag(e, -ENOENT, "not_found", "an outcome needs its intent");
    }
    r = find_outcome(l, &intent, &other, e);
    if (r == 0 && other != UINT64_MAX) {
        r = err_tag(e, -EEXIST, "outcome_recorded", "the outcome is entry %llu already",
                    (unsigned long long)other);
    }
    return r;
}

int find_rules(struct ledger *l, const struct entry *en, struct err *e) {
    if (en->kind == ENTRY_INTENT) {
        return rule_intent(l, en, e);
    }
    /* an operator closes what has no outcome, and nothing else */
    return en->kind == ENTRY_OUTCOME || en->kind == ENTRY_CLOSING ? rule_outcome(l, en, e) : 0;
}

static bool op_is_over(struct ledger *l, const char *op_id) {
    struct hash leaf;
    uint64_t at = 0;

    return ledger_find_op(l, op_id, &at, NULL) == 0 && tree_read(l, 0, at, &leaf) == 0 &&
           find_outcome(l, &leaf, &at, NULL) == 0 && at != UINT64_MAX;
}

int ledger_open_intents(struct ledger *l, ledger_open_fn *fn, void *ctx, struct err *e) {
    CLEANUP(freep) struct index_open *list = NULL;
    const struct index_open *open = NULL;
    size_t n = 0;
    int r = index_open_intents(l, &open, &n, e);

    if (r < 0) {
        return r;
    }
    list = calloc(n + 1, sizeof(*list)); /* fn may append, which changes the index */
    if (!list) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    if (n) {
        memcpy(list, open, n * sizeof(*list));
    }
    running_sweep(l, op_is_over);
    for (size_t i = 0; r == 0 && i < n; i++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
        CLEANUP(entry_done) struct entry en = {0};
        char op_id[IDENT_ID_LEN + 1];
        struct hash leaf;

        r = read_entry(l, list[i].at, &b, e);
        r = r < 0 ? r : entry_parse(buf_str(&b), b.len, &en, e);
        if (r < 0) {
            return r;
        }
        merkle_leaf(buf_str(&b), b.len, &leaf);
        if (en.kind == ENTRY_INTENT && hash_eq(&leaf, &list[i].leaf)) {
            ident_op_id(&leaf, op_id);
            r = fn(ctx, list[i].at, &en, &leaf, ledger_running_held(l, op_id));
        }
    }
    return r;
}
