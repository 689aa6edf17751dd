/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment. The ledger must exist first: its key is what the node will hold us to. */
#include "proximo-client/pipeline/enrol.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/put.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes.h"

/* summary NULL: the action says it all. Only words of our own: they need no escaping. */
static int record(struct session *s, const char *node, const char *action, const char *summary,
                  struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(buf_done) struct buf body = BUF_INIT(1024);
    int r = entry_begin(&b, ENTRY_NODE, clock_unix(), s->actor);

    r = r < 0 ? r
              : buf_addf(&body, summary ? "{\"summary\":\"%s\",\"v\":1}" : "{}%s",
                         summary ? summary : "");

    if (r == 0) {
        r = lines_put(&b, "name", node);
    }
    if (r == 0) {
        r = lines_put(&b, "action", action);
    }
    if (r == 0) {
        r = entry_end(&b, buf_str(&body), e);
    }
    return r < 0 ? r
                 : ledger_append(s->ledger, buf_str(&b), b.len, LEDGER_SYNC, NULL, NULL,
                                 &(struct ledger_pos){0}, e);
}

static int begin(struct app *a, const char *cluster, struct session *s, struct err *e) {
    *s = (struct session){.app = a, .actor = "cli:enrol"};
    return app_session(a, cluster, APP_LEDGER | APP_NODES, s, e);
}

int enrol_join(struct app *a, const char *cluster, const char *line, const char *name,
               char ret_node[static 64], struct err *e) {
    CLEANUP(witnessing_done) struct witnessing w = {0};
    struct session s;
    bool rotated = false;
    int r;

    if (!ident_is_client(name)) {
        return err_tag(e, -EINVAL, "bad_argument", "\"%.60s\" cannot name a client", name);
    }
    r = begin(a, cluster, &s, e);
    if (r == 0) {
        r = nodes_join(s.nodes, line, name, s.ledger, ret_node, &rotated, e);
    }
    if (r == 0) {
        r = record(&s, ret_node, rotated ? "rotated" : "joined", NULL, e);
    }
    if (r == 0) { /* the first checkpoint it sees is part of enrolment */
        r = nodes_witness(s.nodes, s.ledger, ret_node, WITNESS_WHOLE, &w, e);
        r = r < 0 ? err_wrap(e, "enrolled, but the node did not witness the ledger") : 0;
    }
    return r;
}

static const struct {
    unsigned int change;
    const char *what;
} changes[] = {{NODE_LEARNT, "is told of by an enrolled node; not trusted"},
               {NODE_NEW_TLS, "another TLS key"},
               {NODE_NEXT_TLS, "another next TLS key"},
               {NODE_NEW_WITNESS, "another witness key"},
               {NODE_NEW_RECEIPT, "another receipt key"},
               {NODE_MOVED, "another address"},
               {NODE_BROKEN, "other keys, for which nothing vouches that we know: not taken"},
               {NODE_UNASKED, "could not be asked"}};

struct refresh {
    struct session *s;
    js *answer, *list;
    struct err *e;
};

static void add_node(js *list, const char *node, const char *what, const char *why) {
    js *o = js_object();

    js_add(o, "node", js_str(node));
    js_add(o, "what", js_str(what));
    if (why) {
        js_add(o, "why", js_str(why));
    }
    js_push(list, o);
}

static int on_change(void *ctx, const char *node, unsigned int change, const char *why) {
    const unsigned int keys = NODE_NEW_TLS | NODE_NEW_WITNESS | NODE_NEW_RECEIPT;
    struct refresh *f = ctx;
    CLEANUP(buf_done) struct buf b = BUF_INIT(512);

    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        if (change & changes[i].change) {
            (void)buf_addf(&b, "%s%s", b.len ? ", " : "", changes[i].what);
        }
    }
    add_node(f->list, node, buf_str(&b), why);
    if (change & NODE_UNASKED) {
        js_add(f->answer, "complete", js_bool(false));
    }
    return change & keys ? record(f->s, node, "rotated", buf_str(&b), f->e) : 0;
}

/* The list of nodes that an answer is, filled as they are asked. */
static int begin_list(struct app *a, const char *cluster, struct session *s, struct refresh *f,
                      js **ret, struct err *e) {
    int r = begin(a, cluster, s, e);

    if (r == 0) {
        f->s = s;
        f->e = e;
        f->list = js_array();
        f->answer = *ret = js_object();
        js_add(*ret, "nodes", f->list);
    }
    return r;
}

int enrol_refresh(struct app *a, const char *cluster, const char *via, js **ret, struct err *e) {
    struct session s;
    struct refresh f = {0};
    int r = begin_list(a, cluster, &s, &f, ret, e);

    if (r < 0) {
        return r;
    }
    js_add(*ret, "complete", js_bool(true)); /* until a node could not be asked */
    return nodes_refresh(s.nodes, via, on_change, &f, e);
}

static int on_told(void *ctx, const char *node, const char *why) {
    struct refresh *f = ctx;

    add_node(f->list, node, why ? "has not heard of the next key" : "takes the next key", why);
    return why ? 0 : record(f->s, node, "rotated", "our own TLS key", f->e);
}

int enrol_rotate(struct app *a, const char *cluster, js **ret, struct err *e) {
    struct session s;
    struct refresh f = {0};
    int r = begin_list(a, cluster, &s, &f, ret, e);

    return r < 0 ? r : nodes_rotate_key(s.nodes, s.ledger, on_told, &f, e);
}

static int put_digest(struct buf *b, const char *what, const struct vkey *k) {
    struct hash h;
    int r = vkey_digest(k, &h);

    return r < 0 ? r : buf_addf(b, "  %s %s\n", what, HASH_STR(&h));
}

int enrol_describe(struct app *a, const char *cluster, const char *node, struct buf *ret,
                   struct err *e) {
    const struct node_info *i;
    struct session s;
    int r = begin(a, cluster, &s, e);

    i = r < 0 ? NULL : nodes_find(s.nodes, node);
    if (!i) {
        return r < 0 ? r
                     : err_tag(e, -ENOENT, "node_unknown", "no enrolled node is called `%s`", node);
    }
    r = buf_addf(ret, "node %s at %s, %s%s\n  TLS key     %s\n", i->name, i->address,
                 i->from[0] ? "told of by node " : "joined by an invitation", i->from,
                 HASH_STR(&i->spki));
    r = r < 0 ? r : put_digest(ret, "witness key", &i->witness);
    r = r < 0 ? r : put_digest(ret, "receipt key", &i->receipt);
    return r < 0 ? r : buf_adds(ret, "  compare with what root sees there: pveagentctl roster\n");
}

int enrol_trust(struct app *a, const char *cluster, const char *node, bool on, struct err *e) {
    CLEANUP(witnessing_done) struct witnessing w = {0};
    const struct node_info *info;
    struct session s;
    int r = begin(a, cluster, &s, e);

    if (r == 0) {
        r = nodes_trust(s.nodes, node, on, e);
    }
    r = r < 0 ? r : record(&s, node, on ? "trusted" : "revoked", NULL, e);
    info = r < 0 ? NULL : nodes_find(s.nodes, node);
    if (on && info && info->from[0]) { /* as with join: it knows the ledger from now on */
        r = nodes_witness(s.nodes, s.ledger, node, WITNESS_WHOLE, &w, e);
        r = r < 0 ? err_wrap(e, "trusted, but the node did not witness the ledger: ") : 0;
    }
    return r;
}

int enrol_forget(struct app *a, const char *cluster, const char *node, struct err *e) {
    struct session s;
    int r = begin(a, cluster, &s, e);

    if (r == 0) {
        r = nodes_forget(s.nodes, node, e);
    }
    return r == 0 ? record(&s, node, "revoked", NULL, e) : r;
}
