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

#define HEAD_S    3 /* a node that is away must not hold up a plan for long */
#define HEAD_PATH 96

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

static struct call ask_for_head(const struct vkey *log, char path[static HEAD_PATH]) {
    struct hash id;

    (void)snprintf(path, HEAD_PATH, "/v1/checkpoint/");
    sha256(log->name, strlen(log->name), &id);
    hex_encode(id.b, HASH_LEN, path + strlen(path));
    return (struct call){.method = "GET", .path = path, .timeout_s = HEAD_S};
}

/* 1: *ret is its head; 0: it has none of this log. */
static int take_head(struct node *node, const struct vkey *log, const struct reply *a,
                     struct checkpoint *ret_cp, struct err *e) {
    CLEANUP(freep) struct note *note = malloc(sizeof(*note));

    if (!note) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    if (a->status == 404) {
        return 0;
    }
    if (a->status != 200) {
        return reply_refused(node, a, e);
    }
    if (checkpoint_open(buf_str(&a->body), a->body.len, log, note, ret_cp, NULL) < 0 ||
        !node_cosigned(&node->i, note)) {
        return err_tag(e, -EBADMSG, "node_refused",
                       "%s: a head that the log or its enrolled witness key did not sign",
                       node->name);
    }
    return 1;
}

/* Asks many at once. what: of each node that is asked, its flight. */
struct ask_heads {
    char path[HEAD_PATH];
    struct flight *f;
    size_t n;
};

static void ask_heads_done(struct ask_heads *a) {
    for (size_t i = 0; i < a->n; i++) {
        reply_done(&a->f[i].reply);
    }
    free(a->f);
}

static int ask_heads_begin(struct ask_heads *a, const struct nodes *n, struct err *e) {
    *a = (struct ask_heads){.f = calloc(n->n + 1, sizeof(*a->f))};
    return a->f ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static void ask_heads_add(struct ask_heads *a, struct node *node, const struct vkey *log) {
    a->f[a->n++] = (struct flight){.node = node, .c = ask_for_head(log, a->path)};
}

static void ask_heads_run(struct ask_heads *a, struct nodes *n) {
    calls_run(n, a->f, a->n);
    for (size_t i = 0; i < a->n; i++) {
        a->f[i].node->away_at = a->f[i].r == -EHOSTUNREACH ? clock_mono_ms() : 0;
    }
}

static void say_missing(js *missing, const char *node, const char *why) {
    js *o = js_object();

    js_add(o, "node", js_str(node));
    js_add(o, "why", js_str(why));
    js_push(missing, o);
}

int nodes_heads(struct nodes *n, const struct vkey *log, struct node_head **ret, size_t *ret_n,
                js *missing, struct err *e) {
    CLEANUP(ask_heads_done) struct ask_heads asked = {.n = 0};
    struct node_head *list = calloc(n->n + 1, sizeof(*list));
    size_t count = 0;
    int r = list ? ask_heads_begin(&asked, n, e) : err_set(e, -ENOMEM, "out of memory");

    for (size_t i = 0; r == 0 && i < n->n; i++) {
        if (!node_is_stranger(&n->v[i].i)) {
            ask_heads_add(&asked, &n->v[i], log);
        }
    }
    if (r < 0) {
        free(list);
        return r;
    }
    ask_heads_run(&asked, n);
    for (size_t i = 0; i < asked.n; i++) {
        struct flight *f = &asked.f[i];
        struct node_head *h = &list[count];

        r = f->r < 0 ? f->r : take_head(f->node, log, &f->reply, &h->cp, &f->why);
        if (r < 0) {
            say_missing(missing, f->node->name, f->why.msg);
        }
        if (r <= 0) {
            continue;
        }
        h->note = buf_take(&f->reply.body);
        h->who = strdup(f->node->name);
        h->trusted = f->node->i.trusted;
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

static int meet(struct node *node, struct ledger *l, const struct reply *a, struct err *e) {
    char who[96];
    struct checkpoint cp;
    int r = take_head(node, ledger_vkey(l), a, &cp, e);

    if (r <= 0) {
        return r;
    }
    (void)snprintf(who, sizeof(who), "node %s", node->name);
    r = ledger_meet(l, buf_str(&a->body), a->body.len, who, e);
    if (r == 0) {
        node->head = cp.size; /* so the next proof begins where it stands */
    }
    return r;
}

int nodes_meet(struct nodes *n, struct node *node, struct ledger *l, struct err *e) {
    CLEANUP(reply_done) struct reply a = {0};
    char path[HEAD_PATH];
    struct call c = ask_for_head(ledger_vkey(l), path);
    int r = call_run(n, node, &c, &a, e);

    return r < 0 ? r : meet(node, l, &a, e);
}

bool node_to_be_met(struct node *node) {
    int64_t now = clock_mono_ms();

    if (node->has_met || (node->asked_at && now < node->asked_at + AGAIN_S * 1000)) {
        return false;
    }
    node->asked_at = now;
    return true;
}

void nodes_unmet(const struct nodes *n, js *names) {
    for (size_t i = 0; i < n->n; i++) {
        if (!n->v[i].has_met && !node_is_stranger(&n->v[i].i)) {
            js_push(names, js_str(n->v[i].name));
        }
    }
    for (size_t i = 0; i < n->n_outside; i++) {
        if (!n->outside[i].has_met) {
            js_push(names, js_str(n->outside[i].name));
        }
    }
}

int nodes_know_no_more(struct nodes *n, struct ledger *l, struct err *e) {
    CLEANUP(ask_heads_done) struct ask_heads asked = {.n = 0};
    int r = ask_heads_begin(&asked, n, e);

    for (size_t i = 0; r == 0 && i < n->n; i++) {
        struct node *node = &n->v[i];

        if (!node_is_stranger(&node->i) && node_to_be_met(node)) {
            ask_heads_add(&asked, node, ledger_vkey(l));
        }
    }
    if (r < 0) {
        return r;
    }
    ask_heads_run(&asked, n);
    for (size_t i = 0; i < asked.n; i++) {
        struct flight *f = &asked.f[i];
        int met = f->r < 0 ? f->r : meet(f->node, l, &f->reply, &f->why);

        if (met < 0 && strcmp(f->why.tag, "ledger_behind") == 0) {
            f->node->asked_at = 0;
            if (e) {
                *e = f->why;
            }
            return met;
        }
        f->node->has_met = met == 0; /* one that is away cannot be asked; it will refuse later */
    }
    return outside_know_no_more(n, l, e);
}
