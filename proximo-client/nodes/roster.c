/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes tell of each other. Invariants: an entry counts only under the receipt key in it, and
 * only when the asked node's root half lists it; of a node that we know, only what the receipt key
 * that we know leads to is taken; a node that we did not know is a stranger until a person says
 * otherwise. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/roster.h"
#include "proximo-client/nodes/nodes_int.h"

#define ROSTER_S 10

struct take {
    const js *entries;
    const struct hash *listed;
    size_t n_listed;
    const char *via;    /* who was asked */
    const char *client; /* our name there, which the other nodes learnt from it */
    struct seen {
        char node[64];
        unsigned int change;
    } seen[LIM_NODES];
    size_t n_seen;
};

static const char *js_text(const js *v) { /* NULL: not a string */
    return js_is_str(v) ? json_object_get_string((js *)(uintptr_t)v) : NULL;
}

static bool is_listed(const struct take *t, const char *note) {
    struct hash h;

    sha256(note, strlen(note), &h);
    for (size_t i = 0; i < t->n_listed; i++) {
        if (hash_eq(&h, &t->listed[i])) {
            return true;
        }
    }
    return false;
}

static bool is_at(const struct roster_entry *r, const char *address) {
    for (size_t i = 0; i < r->n_addresses; i++) {
        if (strcmp(r->address[i], address) == 0) {
            return true;
        }
    }
    return false;
}

/* The keys that came between and the one before them stay good for what they signed. */
static int take_receipt_key(struct node_info *i, const struct roster_entry *r) {
    struct vkey step[ROSTER_FORMER];
    int n = roster_leads(r, &i->receipt, step);

    for (int k = 0; k < n; k++) {
        keys_push(i->former, &i->n_former, &i->receipt, &step[k]);
        i->receipt = step[k];
    }
    return n;
}

/* Of a node that we know; `i` is a copy of what we know. */
static unsigned int update(struct node_info *i, const struct roster_entry *r) {
    unsigned int change = 0;
    int steps;

    if (r->serial <= i->serial) {
        return 0; /* old, or shown again */
    }
    steps = take_receipt_key(i, r);
    if (steps < 0) {
        return NODE_BROKEN;
    }
    change |= steps ? NODE_NEW_RECEIPT : 0;
    change |= vkey_eq(&i->witness, &r->witness) ? 0 : NODE_NEW_WITNESS;
    keys_push(i->former_witness, &i->n_former_witness, &i->witness, &r->witness);
    change |= hash_eq(&i->spki, &r->tls) ? 0 : NODE_NEW_TLS;
    change |= i->has_next == r->has_tls_next && (!i->has_next || hash_eq(&i->next, &r->tls_next))
                  ? 0
                  : NODE_NEXT_TLS;
    if (!is_at(r, i->address)) {
        change |= NODE_MOVED;
        i->address = r->address[0];
    }
    i->witness = r->witness;
    i->spki = r->tls;
    i->has_next = r->has_tls_next;
    i->next = r->tls_next;
    i->serial = r->serial;
    return change;
}

static struct node_info stranger(const struct take *t, const struct roster_entry *r) {
    return (struct node_info){.name = r->node,
                              .address = r->address[0],
                              .spki = r->tls,
                              .witness = r->witness,
                              .receipt = r->receipt,
                              .client = t->client,
                              .next = r->tls_next,
                              .has_next = r->has_tls_next,
                              .serial = r->serial,
                              .from = t->via};
}

static int take_one(struct nodes *n, struct take *t, const char *note, struct err *e) {
    CLEANUP(roster_entry_done) struct roster_entry r = {.node = NULL};
    struct seen *seen = &t->seen[t->n_seen];
    const struct node *known;
    struct node_info i;
    struct node own;
    unsigned int change;

    if (!note || !is_listed(t, note) || roster_entry_open(note, strlen(note), &r, NULL) < 0 ||
        t->n_seen == LIM_NODES) {
        return 0; /* the network half between has added something: nobody vouches for it */
    }
    known = node_get(n, r.node);
    if (!known || (node_is_stranger(&known->i) && r.serial > known->i.serial)) {
        i = stranger(t, &r);
        change = NODE_LEARNT;
    } else {
        own = *known; /* its strings move when the list changes */
        i = own.i;
        i.name = r.node;
        i.address = own.address;
        i.client = own.client;
        i.from = own.from;
        change = update(&i, &r);
    }
    if (change) {
        (void)snprintf(seen->node, sizeof(seen->node), "%s", r.node);
        seen->change = change;
        t->n_seen++;
    }
    return change == NODE_BROKEN || (known && i.serial == known->i.serial) ? 0
                                                                           : state_put(n, &i, e);
}

static int take_all(struct nodes *n, void *ctx, struct err *e) {
    struct take *t = ctx;
    int r = 0;

    for (size_t i = 0; r == 0 && i < js_len(t->entries) && i < LIM_NODES; i++) {
        r = take_one(n, t, js_text(js_at(t->entries, i)), e);
    }
    return r;
}

/* The key that the node's answer has to be signed by: the one that we know, or one that it leads to
 * in the node's own entry. */
static struct vkey signer(const struct node *node, const js *entries) {
    struct vkey step[ROSTER_FORMER];

    for (size_t k = 0; k < js_len(entries); k++) {
        CLEANUP(roster_entry_done) struct roster_entry r = {.node = NULL};
        const char *note = js_text(js_at(entries, k));

        if (note && roster_entry_open(note, strlen(note), &r, NULL) == 0 &&
            strcmp(r.node, node->name) == 0 && roster_leads(&r, &node->i.receipt, step) > 0) {
            return r.receipt;
        }
    }
    return node->i.receipt;
}

/* One node's answer. Its root half signs which entries belong to it. */
static int refresh_from(struct nodes *n, struct node *node, struct take *t, struct err *e) {
    CLEANUP(reply_done) struct reply a = {0};
    CLEANUP(js_freep) js *o = NULL;
    struct hash listed[LIM_NODES];
    struct call c = {.method = "GET", .path = "/v1/roster", .timeout_s = ROSTER_S};
    char via[64];
    char client[64];
    const char *roster;
    struct vkey key;
    int r = call_run(n, node, &c, &a, e);

    if (r < 0 || a.status != 200) {
        return r < 0 ? r : reply_refused(node, &a, e);
    }
    r = reply_json(node, &a, &o, e);
    roster = r < 0 ? NULL : js_get_str(o, "roster");
    if (r < 0 || !roster) {
        return r < 0 ? r
                     : err_tag(e, -EBADMSG, "node_refused", "%s: an answer without a roster",
                               node->name);
    }
    /* The list is re-read before it is changed: the node may be elsewhere in memory then. */
    (void)snprintf(via, sizeof(via), "%s", node->name);
    (void)snprintf(client, sizeof(client), "%s", node->client);
    t->entries = js_get(o, "entries");
    key = signer(node, t->entries);
    if (roster_answer_open(roster, strlen(roster), via, &key, listed, &t->n_listed, NULL) < 0) {
        return err_tag(e, -EBADMSG, "node_refused",
                       "%s: a roster that its enrolled receipt key did not sign", via);
    }
    t->listed = listed;
    t->via = via;
    t->client = client;
    t->n_seen = 0;
    return state_change(n, take_all, t, e);
}

int nodes_refresh(struct nodes *n, const char *via, node_change_fn *fn, void *ctx, struct err *e) {
    CLEANUP(freep) struct take *t = calloc(1, sizeof(*t));
    char(*names)[64] = t ? calloc(n->n + 1, sizeof(*names)) : NULL;
    size_t count = n->n;
    size_t answered = 0;
    int r = 0;

    if (!t || !names) {
        free(names);
        return err_set(e, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) { /* the list changes under the loop */
        (void)snprintf(names[i], sizeof(*names), "%s", n->v[i].name);
    }
    for (size_t i = 0; r == 0 && i < count; i++) {
        struct node *node = node_get(n, names[i]);
        struct err why = {0};

        if (!node || (via ? strcmp(via, names[i]) != 0 : node_is_stranger(&node->i))) {
            continue;
        }
        if (refresh_from(n, node, t, &why) < 0) {
            r = fn(ctx, names[i], NODE_UNASKED, why.msg);
            if (e && !answered) {
                *e = why;
            }
            continue;
        }
        answered++;
        for (size_t k = 0; r == 0 && k < t->n_seen; k++) {
            r = fn(ctx, t->seen[k].node, t->seen[k].change, NULL);
        }
    }
    free(names);
    if (r == 0 && !answered) {
        r = e && e->tag[0] ? e->code
                           : err_tag(e, -ENOENT, "not_enrolled", "no node could be asked");
    }
    return r;
}
