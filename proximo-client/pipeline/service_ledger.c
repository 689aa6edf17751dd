/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into the ledger. */
#include <errno.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/ledger/verify.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pipeline/ops.h"
#include "proximo-client/pipeline/plan.h"
#include "proximo-client/pipeline/service_int.h"

static int keys_of(struct session *s, struct verify_keys *k, struct err *e) {
    const struct config *conf;
    size_t n = s->nodes ? nodes_count(s->nodes) : 0;
    int r = app_config(s->app, &conf, e);

    if (r < 0) {
        return r;
    }
    k->node = calloc(n * (1 + 2 * NODE_FORMER) + 1, sizeof(*k->node));
    if (!k->node) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        const struct node_info *info = nodes_at(s->nodes, i);

        (void)snprintf(k->node[i].name, sizeof(k->node[i].name), "%s", info->name);
        k->node[i].witness = info->witness;
        k->node[i].receipt = info->receipt;
        k->node[i].trusted = info->trusted;
        if (node_is_stranger(info)) { /* it counts for nothing, also when it is believed itself */
            memset(&k->node[i].witness, 0, sizeof(k->node[i].witness));
            memset(&k->node[i].receipt, 0, sizeof(k->node[i].receipt));
        }
    }
    k->n_nodes = n;
    for (size_t i = 0; i < n; i++) { /* what keys signed that a node had before stays good */
        const struct node_info *info = nodes_at(s->nodes, i);

        for (size_t f = 0; f < info->n_former; f++) {
            struct verify_node *v = &k->node[k->n_nodes++];

            (void)snprintf(v->name, sizeof(v->name), "%s", info->name);
            v->receipt = info->former[f];
        }
        for (size_t f = 0; f < info->n_former_witness; f++) {
            struct verify_node *v = &k->node[k->n_nodes++];

            (void)snprintf(v->name, sizeof(v->name), "%s", info->name);
            v->witness = info->former_witness[f];
        }
    }
    k->witness = calloc(conf->n_witnesses + 1, sizeof(*k->witness));
    if (!k->witness) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < conf->n_witnesses; i++) {
        k->witness[i] = conf->witness[i].key;
    }
    k->n_witness = conf->n_witnesses;
    return 0;
}

static bool is_listed(const js *list, const char *witness) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "witness", ""), witness) == 0) {
            return true;
        }
    }
    return false;
}

/* The entries must lead to what each node has seen, too. Who cannot be asked is said, once. */
static int heads_of(struct session *s, struct verify_keys *k, struct node_head **ret, size_t *ret_n,
                    js *not_asked, struct err *e) {
    CLEANUP(js_freep) js *missing = js_array();
    const char **note;
    int r = nodes_heads(s->nodes, ledger_vkey(s->ledger), ret, ret_n, missing, e);

    for (size_t i = 0; i < js_len(missing); i++) {
        const char *node = js_str_or(js_at(missing, i), "node", "");

        if (!is_listed(not_asked, node)) {
            js *o = js_object();

            js_add(o, "witness", js_str(node));
            js_addf(o, "why", "its head could not be read: %s",
                    js_str_or(js_at(missing, i), "why", ""));
            js_push(not_asked, o);
        }
    }
    note = r < 0 ? NULL : calloc(*ret_n + 1, sizeof(*note));
    if (!note) {
        return r < 0 ? r : err_set(e, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < *ret_n; i++) {
        note[i] = (*ret)[i].note;
    }
    k->head = note;
    k->n_heads = *ret_n;
    return 0;
}

static void keys_done(struct verify_keys *k) {
    free(k->node);
    free(k->witness);
    free((void *)(uintptr_t)k->head);
}

int meta_ledger_verify(struct app *a, const struct call *c, js **ret, struct err *e) {
    CLEANUP(keys_done) struct verify_keys k = {0};
    CLEANUP(witnessing_done) struct witnessing w = {0};
    CLEANUP(js_freep) js *not_asked = js_array();
    struct node_head *head = NULL;
    struct err why = {0};
    size_t n_heads = 0;
    struct session s;
    int r = service_session(a, c, c->args, APP_LEDGER_READ | APP_NODES, &s, e);

    r = r < 0 ? r : keys_of(&s, &k, e);
    if (r < 0) {
        return r;
    }
    if (nodes_witness(s.nodes, s.ledger, NULL, WITNESS_WHOLE, &w, &why) < 0 && !w.missing) {
        js *o = js_object(); /* nobody could be asked: a damaged ledger shows no checkpoint */

        js_add(o, "witness", js_str("all"));
        js_add(o, "why", js_str(why.msg));
        js_push(not_asked, o);
    }
    for (size_t i = 0; i < js_len(w.missing); i++) {
        js_push(not_asked, js_ref(js_at(w.missing, i)));
    }
    r = heads_of(&s, &k, &head, &n_heads, not_asked, e);
    r = r < 0 ? r : verify_dir(ledger_dir(s.ledger), &k, clock_unix(), ret, e);
    if (r == 0) {
        js_add(js_get(*ret, "witness"), "missing", TAKE(not_asked));
    }
    node_heads_free(head, n_heads);
    return r;
}

static js *entry_json(uint64_t index, const char *bytes, size_t len) {
    CLEANUP(entry_done) struct entry en = {0};
    char text[HASH_HEX_LEN + 1];
    js *o = js_object();
    js *head = js_array();
    struct hash leaf;
    const char *p = bytes;
    const char *end = bytes + len;

    js_add(o, "index", js_int((int64_t)index));
    merkle_leaf(bytes, len, &leaf);
    hash_text(&leaf, text);
    js_add(o, "leaf", js_str(text));
    while (p < end && *p != '\n') { /* the header up to the empty line, as it stands */
        const char *nl = memchr(p, '\n', (size_t)(end - p));

        js_push(head, js_str_n(p, nl ? (size_t)(nl - p) : (size_t)(end - p)));
        p = nl ? nl + 1 : end;
    }
    js_add(o, "header", head);
    if (entry_parse(bytes, len, &en, NULL) == 0) {
        js_add(o, "kind", js_str(entry_kind_name(en.kind)));
        js_add(o, "body", js_str_n(en.body, en.body_len));
    }
    return o;
}

/* Entries that speak of one plan: by its digest, or by the leaf hash of its intent. */
struct related {
    js *list;
    char plan[HASH_HEX_LEN + 1];
    char intent[HASH_HEX_LEN + 1];
};

static bool names(const struct entry *en, const char *key, const char *value) {
    const char *v = *value ? entry_get(en, key) : NULL;

    return v && strcmp(v, value) == 0;
}

static int collect(void *ctx, uint64_t index, const struct entry *en, const char *bytes,
                   size_t len) {
    struct related *w = ctx;

    if (names(en, "plan", w->plan) || names(en, "intent", w->intent) ||
        names(en, "of", w->intent)) {
        js_push(w->list, entry_json(index, bytes, len));
    }
    return 0;
}

static int show_related(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(op_done) struct op o = {0};
    CLEANUP(plan_done) struct plan p = {0};
    struct related w = {.intent = ""};
    struct ledger_plan st;
    int r;

    if (js_get_str(args, "op_id")) {
        r = ops_find(s->ledger, js_get_str(args, "op_id"), &o, e);
        p.digest = o.plan;
    } else {
        r = plan_load(s->ledger, js_str_or(args, "plan_id", ""), &p, e);
    }
    if (r == 0) {
        r = ledger_plan_state(s->ledger, &p.digest, &st, e);
    }
    if (r < 0) {
        return r;
    }
    hash_text(&p.digest, w.plan);
    if (st.intent != UINT64_MAX) {
        hash_text(&st.intent_leaf, w.intent);
    }
    w.list = js_array();
    r = ledger_each(s->ledger, st.plan == UINT64_MAX ? 0 : st.plan, collect, &w, e);
    *ret = js_object();
    js_add(*ret, "returned", js_int((int64_t)js_len(w.list)));
    js_add(*ret, "entries", w.list);
    return r < 0 ? r : 0;
}

static int index_of(struct session *s, const js *args, uint64_t *ret, struct err *e) {
    int64_t index;

    if (!js_get_int(args, "index", &index) || index < 0) {
        return err_tag(e, -EINVAL, "bad_argument", "give index, plan_id or op_id");
    }
    if ((uint64_t)index >= ledger_size(s->ledger)) {
        return err_tag(e, -ENOENT, "no_such_entry", "the ledger has %llu entries",
                       (unsigned long long)ledger_size(s->ledger));
    }
    *ret = (uint64_t)index;
    return 0;
}

int meta_ledger_show(struct app *a, const struct call *c, js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct session s;
    uint64_t index = 0;
    int r = service_session(a, c, c->args, APP_LEDGER_READ, &s, e);

    if (r == 0 && (js_get(c->args, "plan_id") || js_get(c->args, "op_id"))) {
        return show_related(&s, c->args, ret, e);
    }
    if (r == 0) {
        r = index_of(&s, c->args, &index, e);
    }
    if (r == 0) {
        r = ledger_read(s.ledger, index, &b, e);
    }
    if (r < 0) {
        return r;
    }
    *ret = entry_json(index, buf_str(&b), b.len);
    js_add(*ret, "ledger_size", js_int((int64_t)ledger_size(s.ledger)));
    return 0;
}

/* C2SP tlog-proof: offline evidence for one entry. */
static int proof_text(struct session *s, uint64_t index, struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    struct checkpoint cp;
    struct proof p;
    int r = ledger_checkpoint(s->ledger, &note, &cp, e);

    if (r == 0 && index >= cp.size) {
        return err_tag(e, -EAGAIN, "not_signed_yet", "entry %llu is not under a checkpoint yet",
                       (unsigned long long)index);
    }
    if (r == 0) {
        r = ledger_inclusion(s->ledger, index, cp.size, &p, e);
    }
    if (r < 0) {
        return r;
    }
    r = buf_addf(ret, "c2sp.org/tlog-proof@v1\nindex %llu\n", (unsigned long long)index);
    for (size_t i = 0; r == 0 && i < p.n; i++) {
        r = b64_encode(ret, p.h[i].b, HASH_LEN);
        r = r < 0 ? r : buf_addc(ret, '\n');
    }
    r = r < 0 ? r : buf_addc(ret, '\n');
    r = r < 0 ? r : buf_add(ret, buf_str(&note), note.len);
    return r < 0 ? err_set(e, r, "proof too long") : 0;
}

int meta_ledger_proof(struct app *a, const struct call *c, js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_NOTE * 2);
    struct session s;
    uint64_t index = 0;
    int r = service_session(a, c, c->args, APP_LEDGER_READ, &s, e);

    if (r == 0) {
        r = index_of(&s, c->args, &index, e);
    }
    if (r == 0) {
        r = proof_text(&s, index, &text, e);
    }
    if (r < 0) {
        return r;
    }
    *ret = js_object();
    js_add(*ret, "index", js_int((int64_t)index));
    js_add(*ret, "proof", js_str_n(buf_str(&text), text.len));
    return 0;
}
