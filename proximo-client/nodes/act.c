/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/act: sends a request with the proof that its intent is in the ledger, follows the
 * stream, and believes of its end only what the node's receipt key has signed. Invariants: nothing
 * is sent that the grant does not cover; a doubt whether a command started is never reported as
 * "refused". */
#include "proximo-client/nodes/act.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/receipt.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/frames.h"
#include "proximo-client/nodes/nodes_int.h"
#include "proximo-client/pipeline/grant.h"

#define TRIES    8
#define ACT_S    4500L /* the longest timeout of a request, its undo point and the clean-up */
#define CANCEL_S 15L

struct run {
    struct nodes *n;
    struct node *node;
    struct ledger *l;
    const struct act_in *in;
    struct act_out *ret;
    struct hash request;
    struct hash leaf; /* of the intent */
    bool has_acknowledged;
    struct frames f;
    struct buf note; /* the checkpoint that was sent */
    struct checkpoint cp;
};

void act_out_done(struct act_out *o) {
    free(o->receipt);
    o->receipt = NULL;
}

/* The same intent proved against the newest checkpoint, from what the node has seen. */
static int make_body(struct run *t, struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf entry = BUF_INIT(LIM_ENTRY);
    CLEANUP(js_freep) js *o = js_object();
    const struct act_in *in = t->in;
    struct proof in_proof = {.n = 0};
    struct proof con_proof = {.n = 0};
    int r;

    buf_reset(&t->note);
    r = ledger_checkpoint(t->l, &t->note, &t->cp, e);
    if (r == 0 && node_is_ahead(t->node, t->cp.size, e)) {
        return -EILSEQ;
    }
    if (r == 0) {
        r = ledger_read(t->l, in->intent_index, &entry, e);
    }
    if (r == 0) {
        r = ledger_inclusion(t->l, in->intent_index, t->cp.size, &in_proof, e);
    }
    if (r == 0 && t->node->head) {
        r = ledger_consistency(t->l, t->node->head, t->cp.size, &con_proof, e);
    }
    if (r < 0) {
        return r;
    }
    merkle_leaf(entry.data, entry.len, &t->leaf);
    js_add(o, "request", b64_js(in->request, strlen(in->request)));
    if (in->stdin_len) {
        js_add(o, "stdin", b64_js(in->stdin_data, in->stdin_len));
    }
    js_add(o, "intent", b64_js(entry.data, entry.len));
    js_add(o, "index", js_int((int64_t)in->intent_index));
    js_add(o, "inclusion", proof_js(&in_proof));
    js_add(o, "checkpoint", js_str_n(buf_str(&t->note), t->note.len));
    js_add(o, "old", js_int((int64_t)t->node->head));
    js_add(o, "consistency", proof_js(&con_proof));
    js_add(o, "approvals", js_array());
    if (in->approval) {
        js_push(js_get(o, "approvals"), js_str(in->approval));
    }
    return js_print(o, ret);
}

static void take_cosignature(struct run *t, const js *o) {
    CLEANUP(buf_done) struct buf good = BUF_INIT(LIM_NOTE);
    const char *lines = js_get_str(o, "cosignature");

    if (lines && *lines && witness_sift(t->node, t->note.data, t->note.len, lines, &good)) {
        t->node->head = t->cp.size;
        (void)ledger_cosignature(t->l, t->note.data, t->note.len, buf_str(&good), NULL);
    }
}

/* The receipt is the node's word; all else in the stream is only the front end's. */
static void take_receipt(struct run *t, const char *note) {
    struct act_out *ret = t->ret;
    struct receipt rc;

    if (!note || receipt_open(note, strlen(note), &t->node->i.receipt, &rc, NULL) < 0 ||
        !hash_eq(&rc.request, &t->request) || !hash_eq(&rc.intent, &t->leaf) ||
        strcmp(rc.log, ledger_origin(t->l)) != 0 || strcmp(rc.node, t->node->name) != 0) {
        ret->receipt_bad = true;
        return;
    }
    free(ret->receipt);
    ret->receipt = strdup(note);
    ret->value = rc.value;
    ret->out_total = rc.out_bytes;
    ret->err_total = rc.err_bytes;
    (void)snprintf(ret->how, sizeof(ret->how), "%s", receipt_how_name(rc.how));
    (void)snprintf(ret->undo_name, sizeof(ret->undo_name), "%s", rc.undo_name);
}

static void take_end(struct run *t, const js *o) {
    t->ret->ended = true;
    t->ret->value = (int)js_int_or(o, "value", -1);
    t->ret->out_total = (uint64_t)js_int_or(o, "stdout_bytes", 0);
    t->ret->err_total = (uint64_t)js_int_or(o, "stderr_bytes", 0);
    (void)snprintf(t->ret->how, sizeof(t->ret->how), "%s", js_str_or(o, "how", "unknown"));
}

static int on_frame(void *ctx, char type, const void *data, size_t len) {
    CLEANUP(js_freep) js *o = NULL;
    struct run *t = ctx;

    if (type == 'o' || type == 'e') {
        if (t->in->output) {
            t->in->output(t->in->ctx, type == 'o' ? 1 : 2, data, len);
        }
        return 0;
    }
    if (js_parse(data, len, &o, NULL) < 0) {
        return -EBADMSG;
    }
    if (type == 's') {
        t->ret->started = true;
        take_cosignature(t, o);
    } else if (type == 'x') {
        take_end(t, o);
    } else {
        take_receipt(t, js_get_str(o, "receipt"));
    }
    return 0;
}

static int on_bytes(void *ctx, const void *data, size_t len) {
    struct run *t = ctx;

    return frames_feed(&t->f, data, len);
}

static void on_cancel(void *ctx) {
    struct run *t = ctx;

    (void)node_cancel(t->n, t->node->name, &t->request, NULL);
}

/* The node says that this very request was spent: so it arrived before, by a connection that broke
 * before we heard of it. What became of it, the node knows. */
static bool ask_afterwards(struct run *t) {
    CLEANUP(js_freep) js *o = NULL;

    if (node_op(t->n, t->node->name, &t->request, &o, NULL) < 0 ||
        strcmp(js_str_or(o, "state", "unknown"), "unknown") == 0) {
        return false;
    }
    t->ret->started = true;
    t->ret->asked_later = true;
    if (js_get_str(o, "receipt")) {
        take_receipt(t, js_get_str(o, "receipt"));
        t->ret->ended = t->ret->receipt != NULL;
    }
    return true;
}

/* 1: again with new proofs; 0: refused, or found to have run. */
static int take_refusal(struct run *t, const struct reply *a, bool may_repeat, struct err *e) {
    CLEANUP(js_freep) js *o = NULL;
    struct act_out *ret = t->ret;
    const char *code;
    int64_t size;

    if (js_parse(buf_str(&a->body), a->body.len, &o, NULL) < 0 || !js_get_str(o, "code")) {
        return reply_refused(t->node, a, e);
    }
    code = js_get_str(o, "code");
    take_cosignature(t, o);
    if (strcmp(code, "witness_conflict") == 0 && may_repeat && js_get_int(o, "size", &size) &&
        size >= 0) {
        t->node->head = (uint64_t)size;
        return 1;
    }
    if (strcmp(code, "receipts_pending") == 0 && may_repeat && !t->has_acknowledged) {
        t->has_acknowledged = true;
        if (witness_node(t->n, t->node, t->l, NULL) == 0) {
            return 1;
        }
    }
    if (strcmp(code, "request_spent") == 0 && ask_afterwards(t)) {
        return 0;
    }
    (void)reply_refused(t->node, a, e);
    (void)snprintf(ret->refused, sizeof(ret->refused), "%s", code);
    (void)snprintf(ret->step, sizeof(ret->step), "%s", js_str_or(o, "step", ""));
    return 0;
}

static int attempt(struct run *t, bool may_repeat, struct err *e) {
    CLEANUP(buf_wipe) struct buf body = BUF_INIT(LIM_HTTP_BODY);
    CLEANUP(reply_done) struct reply a = {0};
    struct call c = {.method = "POST",
                     .path = "/v1/act",
                     .type = "application/json",
                     .timeout_s = ACT_S,
                     .sink = on_bytes,
                     .ctx = t,
                     .on_cancel = on_cancel,
                     .alone = t->in->new_connection};
    int r = make_body(t, &body, e);

    if (r < 0) {
        return r;
    }
    c.body = body.data;
    c.len = body.len;
    frames_done(&t->f);
    frames_init(&t->f, on_frame, t);
    r = call_run(t->n, t->node, &c, &a, e);
    if (r < 0) {
        if (!a.is_sent) {
            return r; /* it cannot have started */
        }
        t->ret->started = true; /* as far as we know */
        t->ret->ended = false;
        return 0;
    }
    if (a.status != 200) {
        return take_refusal(t, &a, may_repeat, e);
    }
    if (t->ret->receipt_bad || !frames_at_rest(&t->f)) {
        t->ret->ended = false;
        (void)err_tag(e, -EBADMSG, "receipt_bad",
                      "node %s gave a receipt that its key did not sign for this request",
                      t->node->name);
    }
    return 0;
}

int node_act(struct nodes *n, const struct grant *g, struct ledger *l, const struct act_in *in,
             struct act_out *ret, struct err *e) {
    struct run t = {.n = n, .node = node_get(n, in->node), .l = l, .in = in, .ret = ret};
    int r = 1;

    t.note = (struct buf)BUF_INIT(LIM_NOTE);
    frames_init(&t.f, on_frame, &t);
    sha256(in->request, strlen(in->request), &t.request);
    assert(grant_covers_node(g, in->node, &t.request)); /* not a refusal: our own defect */
    if (!t.node) {
        return err_tag(e, -ENOENT, "node_unknown", "no enrolled node is called `%s`", in->node);
    }
    if (!t.node->i.trusted) {
        (void)err_tag(e, -EACCES, "node_untrusted", "node %s is enrolled but not trusted yet",
                      in->node);
        return err_hint(e, "proximo-client node trust %s", in->node);
    }
    for (unsigned int k = 0; r == 1 && k < TRIES; k++) {
        if (k) {
            jitter(k);
        }
        r = attempt(&t, k + 1 < TRIES, e);
    }
    frames_done(&t.f);
    buf_done(&t.note);
    return r;
}

int node_cancel(struct nodes *n, const char *node, const struct hash *h, struct err *e) {
    CLEANUP(buf_done) struct buf body = BUF_INIT(256);
    CLEANUP(reply_done) struct reply a = {0};
    struct node *d = node_get(n, node);
    char text[HASH_HEX_LEN + 1];
    /* The node's own connection is busy with the stream that is to be stopped. */
    struct call c = {.method = "POST", .path = "/v1/cancel", .timeout_s = CANCEL_S, .alone = true};
    bool (*cancelled)(void *) = n->cancelled;
    int r;

    hash_text(h, text);
    r = buf_addf(&body, "{\"request\":\"%s\"}", text);
    if (r < 0) {
        return err_set(e, r, "out of memory");
    }
    c.body = body.data;
    c.len = body.len;
    n->cancelled = NULL; /* else cancelling would cancel itself */
    r = call_run(n, d, &c, &a, e);
    n->cancelled = cancelled;
    return r < 0 ? r : a.status == 200 ? 0 : reply_refused(d, &a, e);
}

int act_check_output(const char *receipt, int stream, const void *data, size_t len) {
    const char *text = receipt ? receipt : "";
    struct receipt rc;
    const char *end = strstr(text, "\n\n");
    uint8_t salt[16];
    struct hash h;
    struct sha256 *s;

    if (!end || receipt_parse(text, (size_t)(end + 1 - text), &rc, NULL) < 0 ||
        hex_decode(rc.salt, 32, salt) < 0) {
        return -EBADMSG;
    }
    s = sha256_new();
    if (!s) {
        return -ENOMEM;
    }
    sha256_add(s, salt, sizeof(salt));
    sha256_add(s, data, len);
    sha256_end(s, &h);
    sha256_free(s);
    return hash_eq(&h, stream == 1 ? &rc.out_hash : &rc.err_hash) ? 0 : -EBADMSG;
}
