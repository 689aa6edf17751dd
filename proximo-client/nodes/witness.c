/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's heads to nodes and external witnesses, in the C2SP witness protocol, and their
 * cosignatures back. All are asked at once; a cosignature is checked against the known witness key
 * before the ledger gets it. */
#include <errno.h>
#include <string.h>

#include "common/checkpoint.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/submission.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes_int.h"

#define TRIES   8
#define QUICK_S 3L /* a change has ended and its answer waits */
#define WHOLE_S 15L

void jitter(unsigned int attempt) {
    uint8_t b;

    random_bytes(&b, sizeof(b));
    clock_sleep_ms(1 + b % (8 << (attempt < 5 ? attempt : 5)));
}

static bool is_good(const struct vkey *key, const struct note *head, const char *line, size_t len) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);
    CLEANUP(freep) struct note *one = malloc(sizeof(*one));

    return one && buf_add(&b, head->text, head->text_len) == 0 && buf_adds(&b, "\n") == 0 &&
           buf_add(&b, line, len) == 0 && note_parse(b.data, b.len, one, NULL) == 0 &&
           note_check(one, key, NULL) == 0;
}

size_t witness_sift(const struct node *node, const char *note, size_t len, const char *lines,
                    struct buf *good) {
    CLEANUP(freep) struct note *head = malloc(sizeof(*head));
    size_t n = 0;

    if (!head || note_parse(note, len, head, NULL) < 0) {
        return 0;
    }
    for (const char *p = lines; *p;) {
        const char *nl = strchr(p, '\n');
        size_t line = nl ? (size_t)(nl + 1 - p) : strlen(p);

        if (!nl) {
            break; /* a signature line ends with its newline */
        }
        n += is_good(&node->i.witness, head, p, line) && buf_add(good, p, line) == 0;
        p += line;
    }
    return n;
}

static void say_behind(const struct node *node, struct err *e) {
    if (!node->is_outside) {
        (void)err_hint(e,
                       "the ledger was restored from an older copy: proximo-client ledger recover");
        return;
    }
    (void)err_hint(
        e,
        "the ledger was restored from an older copy: proximo-client ledger recover, or "
        "without an export of it ledger restart --new-key; if the witness is wrong, take "
        "[witness %.60s] out of proximo.ini",
        node->name);
}

bool node_is_ahead(const struct node *node, uint64_t size, struct err *e) {
    if (node->head <= size) {
        return false;
    }
    (void)err_tag(e, -EILSEQ, "ledger_behind",
                  "%s %s has witnessed %llu entries of this ledger, which has %llu",
                  node->is_outside ? "witness" : "node", node->name, (unsigned long long)node->head,
                  (unsigned long long)size);
    say_behind(node, e);
    return true;
}

static bool is_behind(const struct err *e) {
    return strcmp(e->tag, "ledger_behind") == 0;
}

bool node_is_away(const struct node *node, int64_t now_ms) {
    return node->away_at && now_ms < node->away_at + AGAIN_S * 1000;
}

/* Who is asked, and what came of it. */
struct asking {
    struct node *node;
    struct buf body;
    bool waits; /* for an answer to the end */
    struct err why;
};

struct round {
    struct nodes *n;
    struct ledger *l;
    struct asking *a;
    size_t count;
    long timeout_s;
    struct buf note; /* the checkpoint that is shown */
    struct checkpoint cp;
    struct buf good; /* cosignatures of it */
};

static void round_done(struct round *w) {
    for (size_t i = 0; i < w->count; i++) {
        buf_done(&w->a[i].body);
    }
    free(w->a);
    buf_done(&w->note);
    buf_done(&w->good);
}

static void give_up(struct asking *a, int r) {
    a->waits = false;
    if (!a->why.code) { /* who gives an error without words */
        (void)err_set(&a->why, r, "%s was not asked", a->node->name);
    }
}

static int make_body(struct round *w, struct asking *a) {
    struct proof p = {.n = 0};
    int r;

    if (node_is_ahead(a->node, w->cp.size, &a->why)) {
        return -EILSEQ;
    }
    r = a->node->head ? ledger_consistency(w->l, a->node->head, w->cp.size, &p, &a->why) : 0;
    if (r < 0) {
        return r;
    }
    a->body = (struct buf)BUF_INIT(2 * LIM_NOTE);
    r = submission_text(a->node->head, p.h, p.n, w->note.data, w->note.len, &a->body);
    return r < 0 ? err_set(&a->why, r, "the checkpoint is too long") : 0;
}

/* The size that stands in a 409's body. */
static int read_size(const struct buf *b, uint64_t *ret) {
    size_t n = b->len;

    if (n && b->data[n - 1] == '\n') {
        n--;
    }
    return b->data ? ident_u64n(b->data, n, ret) : -EINVAL;
}

static int refused(const struct node *node, const struct reply *a, struct err *e) {
    int r = reply_refused(node, a, e);

    if (node->is_outside && a->status == 404) {
        (void)err_tag(e, r, "node_refused", "witness %s does not know this ledger", node->name);
        return err_hint(e, "give who runs it the key that proximo-client ledger verify shows");
    }
    return r;
}

/* An external witness has no head to fetch. By its protocol it says 409 when it knows another root
 * of the very size that is shown, and 422 when its own does not lead to what is shown. */
static bool knows_another_history(const struct round *w, const struct asking *a,
                                  uint64_t shown_from, const struct reply *reply) {
    return a->node->is_outside &&
           (reply->status == 422 ||
            (reply->status == 409 && a->node->head == shown_from && shown_from == w->cp.size));
}

/* 0: cosigned, 1: once more, with other proofs. */
static int take_answer(struct round *w, struct asking *a, const struct reply *reply) {
    uint64_t shown_from = a->node->head;
    bool is_conflict = reply->status == 409 && read_size(&reply->body, &a->node->head) == 0;

    if (knows_another_history(w, a, shown_from, reply)) {
        (void)err_tag(&a->why, -EILSEQ, "ledger_behind",
                      "witness %s has cosigned another history of this ledger", a->node->name);
        say_behind(a->node, &a->why);
        return -EILSEQ;
    }
    if (is_conflict) {
        return 1;
    }
    /* Another history: its head proves that, and is kept. */
    if (reply->status == 422 && !a->node->is_outside &&
        nodes_meet(w->n, a->node, w->l, &a->why) < 0 && is_behind(&a->why)) {
        return a->why.code;
    }
    if (reply->status != 200) {
        return refused(a->node, reply, &a->why);
    }
    a->node->head = w->cp.size;
    if (!witness_sift(a->node, w->note.data, w->note.len, buf_str(&reply->body), &w->good)) {
        (void)err_tag(&a->why, -EBADMSG, "node_refused",
                      "%s: a cosignature that its enrolled key did not make", a->node->name);
        return err_hint(&a->why, "if its witness key was rotated: proximo-client node refresh");
    }
    a->node->has_met = true; /* its last head leads to ours: it would not have cosigned else */
    return 0;
}

static void take_end(struct round *w, struct asking *a, struct flight *f) {
    int r = f->r;

    if (r == -EHOSTUNREACH) {
        a->node->away_at = clock_mono_ms();
    } else if (r == 0) {
        a->node->away_at = 0;
    }
    if (r < 0) {
        a->why = f->why;
    } else {
        r = take_answer(w, a, &f->reply);
    }
    if (r <= 0) {
        a->waits = false;
    }
    if (r < 0) {
        give_up(a, r);
    }
}

/* Asks all who wait, at once. 1: somebody has to be asked once more. */
static int ask_round(struct round *w, struct err *e) {
    CLEANUP(freep) struct flight *f = calloc(w->count + 1, sizeof(*f));
    CLEANUP(freep) size_t *who = calloc(w->count + 1, sizeof(*who));
    size_t n = 0;
    int r = f && who ? 0 : err_set(e, -ENOMEM, "out of memory");

    buf_reset(&w->note);
    buf_reset(&w->good);
    r = r < 0 ? r : ledger_checkpoint(w->l, &w->note, &w->cp, e);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < w->count; i++) {
        struct asking *a = &w->a[i];

        buf_done(&a->body);
        r = a->waits ? make_body(w, a) : 0;
        if (r == -EILSEQ && !a->node->is_outside) { /* a number proves nothing; its head does */
            (void)nodes_meet(w->n, a->node, w->l, NULL);
        }
        if (r < 0) {
            give_up(a, r);
        } else if (a->waits) {
            who[n] = i;
            f[n++] = (struct flight){
                .node = a->node,
                .c = {.method = "POST",
                      .path = a->node->is_outside ? "/add-checkpoint" : "/v1/add-checkpoint",
                      .type = "text/plain",
                      .timeout_s = w->timeout_s,
                      .body = a->body.data,
                      .len = a->body.len}};
        }
    }
    calls_run(w->n, f, n);
    r = 0;
    for (size_t i = 0; i < n; i++) {
        take_end(w, &w->a[who[i]], &f[i]);
        reply_done(&f[i].reply);
        r |= w->a[who[i]].waits;
    }
    if (w->good.len) {
        int k = ledger_cosignature(w->l, w->note.data, w->note.len, buf_str(&w->good), e);

        r = k < 0 ? k : r;
    }
    return r;
}

static int ask_all(struct round *w, struct err *e) {
    int r = 1;

    for (unsigned int attempt = 0; r == 1 && attempt < TRIES; attempt++) {
        if (attempt) {
            jitter(attempt);
        }
        r = ask_round(w, e);
    }
    for (size_t i = 0; i < w->count; i++) {
        if (w->a[i].waits) {
            (void)err_tag(&w->a[i].why, -EAGAIN, "ledger_busy",
                          "%s: the ledger grows faster than it can be witnessed",
                          w->a[i].node->name);
            give_up(&w->a[i], -EAGAIN);
        }
    }
    return r < 0 ? r : 0;
}

static int begin(struct round *w, struct nodes *n, struct ledger *l, enum witness_how how,
                 struct err *e) {
    *w = (struct round){.n = n,
                        .l = l,
                        .a = calloc(n->n + n->n_outside + 1, sizeof(*w->a)),
                        .timeout_s = how == WITNESS_QUICK ? QUICK_S : WHOLE_S,
                        .note = BUF_INIT(LIM_NOTE),
                        .good = BUF_INIT(LIM_NOTE)};
    return w->a ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static void add(struct round *w, struct node *node) {
    w->a[w->count++] = (struct asking){.node = node, .waits = true};
}

int witness_node(struct nodes *n, struct node *node, struct ledger *l, struct err *e) {
    CLEANUP(round_done) struct round w = {.count = 0};
    int r = begin(&w, n, l, WITNESS_WHOLE, e);

    if (r < 0) {
        return r;
    }
    add(&w, node);
    r = ask_all(&w, e);
    if (r == 0 && w.a[0].why.code) {
        if (e) {
            *e = w.a[0].why;
        }
        r = w.a[0].why.code;
    }
    return r < 0 ? r : receipts_acknowledge(n, node, l, &w.note, w.cp.size, e);
}

int outside_know_no_more(struct nodes *n, struct ledger *l, struct err *e) {
    CLEANUP(round_done) struct round w = {.count = 0};
    int r = begin(&w, n, l, WITNESS_QUICK, e);

    for (size_t i = 0; r == 0 && i < n->n_outside; i++) {
        if (node_to_be_met(&n->outside[i])) {
            add(&w, &n->outside[i]);
        }
    }
    if (r < 0 || !w.count) {
        return r;
    }
    (void)ask_all(&w, NULL); /* what cannot be asked or kept stops nothing */
    for (size_t i = 0; i < w.count; i++) {
        if (is_behind(&w.a[i].why)) {
            w.a[i].node->asked_at = 0;
            if (e) {
                *e = w.a[i].why;
            }
            return w.a[i].why.code;
        }
    }
    return 0;
}

void witnessing_done(struct witnessing *w) {
    json_object_put(w->missing);
    w->missing = NULL;
}

static void leave_out_who_is_away(struct round *w) {
    int64_t now = clock_mono_ms();

    for (size_t i = 0; i < w->count; i++) {
        struct asking *a = &w->a[i];

        if (node_is_away(a->node, now)) {
            (void)err_tag(&a->why, -EHOSTUNREACH, "node_unreachable",
                          "%s did not answer %lld s ago and was not asked again", a->node->name,
                          (long long)(now - a->node->away_at) / 1000);
            a->waits = false;
        }
    }
}

/* Receipts are proved against the checkpoint that the node has just cosigned. */
static void acknowledge(struct round *w) {
    for (size_t i = 0; i < w->count; i++) {
        struct asking *a = &w->a[i];
        int r = a->why.code || a->node->is_outside || a->node->head != w->cp.size
                    ? 0
                    : receipts_acknowledge(w->n, a->node, w->l, &w->note, w->cp.size, &a->why);

        if (r < 0) {
            give_up(a, r);
        }
    }
}

static int sum_up(const struct round *w, struct witnessing *ret, struct err *e) {
    int worst = 0;

    *ret = (struct witnessing){.size = w->cp.size, .missing = js_array()};
    for (size_t i = 0; i < w->count; i++) {
        const struct asking *a = &w->a[i];
        bool is_good = !a->why.code;

        ret->n += a->node->i.trusted;
        ret->k += a->node->i.trusted && is_good;
        ret->cosigned += is_good;
        if (!is_good) {
            js *o = js_object();

            js_add(o, "witness", js_str(a->node->name));
            js_add(o, "why", js_str(a->why.msg));
            js_push(ret->missing, o);
        }
        /* That the ledger is behind matters more than that some node is away. */
        if (!is_good && (!worst || is_behind(&a->why))) {
            worst = a->why.code;
            if (e) {
                *e = a->why;
            }
        }
    }
    return worst;
}

int nodes_witness(struct nodes *n, struct ledger *l, const char *only, enum witness_how how,
                  struct witnessing *ret, struct err *e) {
    CLEANUP(round_done) struct round w = {.count = 0};
    int r;

    *ret = (struct witnessing){0};
    if (only && !node_get(n, only)) {
        return err_tag(e, -ENOENT, "node_unknown", "no enrolled node is called `%s`", only);
    }
    r = begin(&w, n, l, how, e);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < n->n; i++) {
        if (only ? strcmp(only, n->v[i].name) == 0 : !node_is_stranger(&n->v[i].i)) {
            add(&w, &n->v[i]);
        }
    }
    for (size_t i = 0; !only && i < n->n_outside; i++) {
        add(&w, &n->outside[i]);
    }
    if (how == WITNESS_QUICK) {
        leave_out_who_is_away(&w);
    }
    r = ask_all(&w, e);
    if (r < 0) {
        return r;
    }
    if (how == WITNESS_WHOLE) {
        acknowledge(&w);
    }
    return sum_up(&w, ret, e);
}
