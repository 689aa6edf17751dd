/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes have seen of the log. A head counts only with the log's own signature, and as a
 * witness's word only with the cosignature of the enrolled key. */
#include <errno.h>
#include <string.h>

#include "common/checkpoint.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/care.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes_int.h"

#define HEAD_S  4  /* a node that is away must not hold up a plan for long */
#define AGAIN_S 60 /* and is not asked again at once */
#define ALL_S   8  /* nor do many that are away */

void node_heads_free(struct node_head *h, size_t n) {
    for (size_t i = 0; i < n; i++) {
        free(h[i].note);
        free(h[i].who);
    }
    free(h);
}

/* What a node cosigned with a key that it had before is its word, too. */
static bool node_cosigned(const struct node_info *i, const struct note *note) {
    bool yes = note_check(note, &i->witness, NULL) == 0;

    for (size_t k = 0; !yes && k < i->n_former_witness; k++) {
        yes = note_check(note, &i->former_witness[k], NULL) == 0;
    }
    return yes;
}

/* 1: *ret is its head; 0: it has none of this log. */
static int fetch(struct nodes *n, struct node *node, const struct vkey *log, struct buf *ret,
                 struct checkpoint *ret_cp, struct err *e) {
    CLEANUP(freep) struct note *note = malloc(sizeof(*note));
    CLEANUP(reply_done) struct reply a = {0};
    char path[32 + 2 * HASH_LEN + 1] = "/v1/checkpoint/";
    struct call c = {.method = "GET", .path = path, .timeout_s = HEAD_S};
    struct hash id;
    int r;

    if (!note) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    sha256(log->name, strlen(log->name), &id);
    hex_encode(id.b, HASH_LEN, path + strlen(path));
    r = call_run(n, node, &c, &a, e);
    if (r < 0) {
        return r;
    }
    if (a.status == 404) {
        return 0;
    }
    if (a.status != 200) {
        return reply_refused(node, &a, e);
    }
    if (checkpoint_open(buf_str(&a.body), a.body.len, log, note, ret_cp, NULL) < 0 ||
        !node_cosigned(&node->i, note)) {
        return err_tag(e, -EBADMSG, "node_refused",
                       "%s: a head that the log or its enrolled witness key did not sign",
                       node->name);
    }
    r = buf_add(ret, buf_str(&a.body), a.body.len);
    return r < 0 ? err_set(e, r, "head of %s: too long", node->name) : 1;
}

int nodes_heads(struct nodes *n, const struct vkey *log, struct node_head **ret, size_t *ret_n,
                js *missing, struct err *e) {
    struct node_head *list = calloc(n->n + 1, sizeof(*list));
    size_t count = 0;

    if (!list) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n->n; i++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);
        struct node_head *h = &list[count];
        struct err why = {0};
        int r = node_is_stranger(&n->v[i].i) ? 0 : fetch(n, &n->v[i], log, &b, &h->cp, &why);

        if (r < 0) {
            js *o = js_object();

            js_add(o, "node", js_str(n->v[i].name));
            js_add(o, "why", js_str(why.msg));
            js_push(missing, o);
        }
        if (r <= 0) {
            continue;
        }
        h->note = buf_take(&b);
        h->who = strdup(n->v[i].name);
        h->trusted = n->v[i].i.trusted;
        count++;
        if (!h->note || !h->who) {
            node_heads_free(list, count);
            return err_set(e, -ENOMEM, "out of memory");
        }
    }
    *ret = list;
    *ret_n = count;
    return 0;
}

int nodes_meet(struct nodes *n, struct node *node, struct ledger *l, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);
    char who[96];
    struct checkpoint cp;
    int r = fetch(n, node, ledger_vkey(l), &b, &cp, e);

    (void)snprintf(who, sizeof(who), "node %s", node->name);
    return r <= 0 ? r : ledger_meet(l, buf_str(&b), b.len, who, e);
}

int nodes_know_no_more(struct nodes *n, struct ledger *l, struct err *e) {
    int64_t begun = clock_mono_ms();
    int64_t now = begun;

    for (size_t i = 0; i < n->n && now < begun + ALL_S * 1000; i++, now = clock_mono_ms()) {
        struct node *node = &n->v[i];
        struct err why = {0};
        int r;

        if (node->has_met || (node->asked_at && now < node->asked_at + AGAIN_S * 1000)) {
            continue;
        }
        node->asked_at = now;
        r = nodes_meet(n, node, l, &why);
        if (r < 0 && strcmp(why.tag, "ledger_behind") == 0) {
            node->asked_at = 0;
            if (e) {
                *e = why;
            }
            return r;
        }
        node->has_met = r == 0; /* one that is away cannot be asked; it will refuse later */
    }
    return 0;
}
