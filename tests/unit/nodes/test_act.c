/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a node: real ledger, real TLS, the real network half, and a root-half peer
 * that checks proofs and then lies as told. What the client believes of it is the question. */
#include "proximo-client/nodes/act.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/inventory.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/receipt.h"
#include "proximo-client/pipeline/grant.h"
#include "tests/unit/nodes/peer.h"
#include "tests/unit/priv/suite.h"

/* The test's own grant: the pipeline's is made by approving, which is not what is tested here. */
struct grant {
    struct hash request;
};

bool grant_covers_node(const struct grant *g, const char *node, const struct hash *request) {
    return strcmp(node, "pve1") == 0 && hash_eq(&g->request, request);
}

static struct fixture fx;
static struct peer peer;
static struct nodes *nodes;
static char request[] = "proximo-request/v1\nnode pve1 00000000\n";
static struct grant grant;
static uint64_t intent_index;
static struct buf out = BUF_INIT(4096);

static void take_output(void *ctx, int stream, const void *data, size_t len) {
    (void)ctx;
    ck_assert_int_eq(stream, 1);
    ck_assert_int_eq(buf_add(&out, data, len), 0);
}

static void open_nodes(void) {
    char file[128];
    char key[128];
    struct err e = {0};

    (void)snprintf(file, sizeof(file), "%s/nodes/c1.ini", fx.top);
    (void)snprintf(key, sizeof(key), "%s/conf/c1.key", fx.top);
    ck_assert_msg(nodes_open(file, key, &nodes, &e) == 0, "%s", e.msg);
}

static void begin(bool join) {
    CLEANUP(buf_wipe) struct buf line = BUF_INIT(LIM_LINE);
    struct hash plan = {{5}};
    struct err e = {0};
    bool rotated = true;
    char name[64];

    fx_start(&fx);
    peer_start(&peer, &fx);
    open_nodes();
    sha256(request, strlen(request), &grant.request);
    (void)fx_plan(&fx, &plan, "none");
    for (int i = 0; i < 5; i++) {
        (void)fx_read_entry(&fx, LEDGER_SYNC);
    }
    intent_index = fx_intent(&fx, &plan, "none", &grant.request).index;
    if (join) {
        peer_invitation(&peer, false, clock_unix() + 600, &line);
        ck_assert_msg(nodes_join(nodes, buf_str(&line), "laptop", fx.l, name, &rotated, &e) == 0,
                      "%s: %s", e.tag, e.msg);
        ck_assert_str_eq(name, "pve1");
        ck_assert(!rotated);
    }
    buf_reset(&out);
}

static void finish(void) {
    nodes_closep(&nodes);
    peer_stop(&peer);
    fx_stop(&fx);
}

static int act(enum scenario s, struct act_out *o, struct err *e) {
    struct act_in in = {
        .node = "pve1", .request = request, .intent_index = intent_index, .output = take_output};

    peer.sh->scenario = s;
    memset(o, 0, sizeof(*o));
    memset(e, 0, sizeof(*e));
    return node_act(nodes, &grant, fx.l, &in, o, e);
}

static size_t cosignatures(void) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);
    CLEANUP(freep) struct note *n = malloc(sizeof(*n));
    struct checkpoint cp;

    ck_assert_int_eq(ledger_checkpoint(fx.l, &b, &cp, NULL), 0);
    ck_assert_int_eq(note_parse(b.data, b.len, n, NULL), 0);
    return note_check(n, &fx.witness.v, NULL) == 0;
}

START_TEST(joins_by_an_invitation) {
    const struct node_info *i;

    begin(true);
    ck_assert_int_eq(peer.sh->joins, 1);
    i = nodes_find(nodes, "pve1");
    ck_assert_ptr_nonnull(i);
    ck_assert(i->trusted);
    ck_assert_str_eq(i->client, "laptop");
    ck_assert(vkey_eq(&i->witness, &fx.witness.v));
    ck_assert(vkey_eq(&i->receipt, &fx.receipt.v));
    nodes_closep(&nodes); /* and it is on disk */
    open_nodes();
    ck_assert_ptr_nonnull(nodes_find(nodes, "pve1"));
    finish();
}
END_TEST

static void join_fails(bool other_key, int64_t expires, enum scenario s, const char *tag) {
    CLEANUP(buf_wipe) struct buf line = BUF_INIT(LIM_LINE);
    struct err e = {0};
    bool rotated;
    char name[64];

    peer.sh->scenario = s;
    peer_invitation(&peer, other_key, expires, &line);
    ck_assert_int_lt(nodes_join(nodes, buf_str(&line), "laptop", fx.l, name, &rotated, &e), 0);
    ck_assert_str_eq(e.tag, tag);
    ck_assert_uint_eq(nodes_count(nodes), 0);
}

START_TEST(does_not_join_what_it_cannot_believe) {
    begin(false);
    join_fails(true, clock_unix() + 600, GOOD, "node_untrusted_key");
    ck_assert_int_eq(peer.sh->joins, 0); /* and it sent nothing to who has another key */
    join_fails(false, clock_unix() - 1, GOOD, "invitation_expired");
    ck_assert_int_eq(peer.sh->joins, 0);
    join_fails(false, clock_unix() + 600, ANSWER_WITH_WRONG_PROOF, "node_untrusted_key");
    finish();
}
END_TEST

START_TEST(asks) {
    CLEANUP(js_freep) js *o = NULL;
    CLEANUP(js_freep) js *x = NULL;
    struct err e = {0};

    begin(true);
    ck_assert_msg(node_status(nodes, "pve1", &o, &e) == 0, "%s", e.msg);
    ck_assert_str_eq(js_get_str(o, "client"), "laptop");
    ck_assert_int_eq(node_explain(nodes, "pve1", request, &x, &e), 0);
    ck_assert(js_bool_or(x, "allowed", false));
    ck_assert_str_eq(js_get_str(js_get(x, "undo"), "driver"), "btrfs");
    js_freep(&o);
    peer.sh->client.b[0] ^= 1; /* revoked, on the connection that is open */
    ck_assert_int_lt(node_status(nodes, "pve1", &o, &e), 0);
    ck_assert_str_eq(e.tag, "node_refused");
    ck_assert_int_eq(e.http_status, 403);
    ck_assert_ptr_nonnull(strstr(e.msg, "client_unknown"));
    finish();
}
END_TEST

static int on_file(void *ctx, const char *path, const char *text, size_t len) {
    (void)ctx;
    (void)path;
    (void)text;
    (void)len;
    return -EINVAL; /* it has no right to an inventory, so there are no files */
}

static int on_unread(void *ctx, const char *path, const char *why) {
    (void)ctx;
    (void)path;
    (void)why;
    return -EINVAL;
}

static int on_again(void *ctx) {
    (void)ctx;
    return -EINVAL;
}

/* Other calls do not disturb one that is under way, nor does it disturb them. */
START_TEST(asks_while_an_inventory_is_under_way) {
    static const struct inventory_ops ops = {on_file, on_unread, on_again};
    CLEANUP(inventory_call_freep) struct inventory_call *t = NULL;
    struct node_inventory got;
    struct err e = {0};
    struct pollfd fd[4];

    begin(true);
    for (int drop = 0; drop < 2; drop++) {
        int wait_ms = 1000;

        ck_assert_msg(node_inventory_begin(nodes, "pve1", &ops, NULL, &t, &e) == 0, "%s", e.msg);
        (void)node_inventory_turn(t, fd, 4, &wait_ms);
        ck_assert_int_le(wait_ms, 1000);
        for (int i = 0; i < 2; i++) {
            CLEANUP(js_freep) js *o = NULL;

            ck_assert_msg(node_status(nodes, "pve1", &o, &e) == 0, "%s", e.msg);
            ck_assert_ptr_nonnull(js_get_str(o, "client"));
        }
        if (drop) {
            inventory_call_freep(&t);
        } else {
            ck_assert_int_lt(node_inventory_end(&t, &got, &e), 0);
            ck_assert_msg(strcmp(e.tag, "node_refused") == 0, "%s: %s", e.tag, e.msg);
            ck_assert_msg(strstr(e.msg, "right_missing"), "%s", e.msg);
            ck_assert_ptr_null(t);
        }
    }
    ck_assert_int_lt(node_inventory_begin(nodes, "pve2", &ops, NULL, &t, &e), 0);
    ck_assert_str_eq(e.tag, "node_unknown");
    finish();
}
END_TEST

START_TEST(acts_and_believes_the_receipt) {
    struct act_out o;
    struct err e;

    begin(true);
    ck_assert_msg(act(GOOD, &o, &e) == 0, "%s", e.msg);
    ck_assert(o.started && o.ended && !o.receipt_bad);
    ck_assert_str_eq(o.refused, "");
    ck_assert_ptr_nonnull(o.receipt);
    ck_assert_str_eq(o.how, "exited");
    ck_assert_int_eq(o.value, 3); /* the front end's frame said 99 */
    ck_assert_str_eq(buf_str(&out), "hello\n");
    ck_assert_int_eq(act_check_output(o.receipt, 1, "hello\n", 6), 0);
    ck_assert_int_lt(act_check_output(o.receipt, 1, "hellO\n", 6), 0);
    ck_assert_int_eq(act_check_output(o.receipt, 2, "", 0), 0);
    ck_assert_uint_eq(cosignatures(), 1); /* the one that came with `started` */
    ck_assert_int_eq(peer.sh->conflicts, 0);
    act_out_done(&o);
    finish();
}
END_TEST

START_TEST(proves_again_from_the_size_that_the_node_names) {
    struct act_out o;
    struct err e;
    struct witnessing w;

    begin(true);
    ck_assert_int_eq(nodes_witness(nodes, fx.l, NULL, WITNESS_WHOLE, &w, &e), 0);
    ck_assert_uint_eq(w.cosigned, 1);
    witnessing_done(&w);
    nodes_closep(&nodes); /* forgets what the node has seen */
    open_nodes();
    (void)fx_read_entry(&fx, LEDGER_SYNC);
    ck_assert_int_eq(act(GOOD, &o, &e), 0);
    ck_assert(o.ended && o.receipt);
    ck_assert_int_eq(peer.sh->conflicts, 1);
    act_out_done(&o);
    ck_assert_int_eq(act(CONFLICT_ALWAYS, &o, &e), 0);
    ck_assert_str_eq(o.refused, "witness_conflict");
    ck_assert(!o.started);
    ck_assert_int_eq(peer.sh->conflicts, 1 + 8);
    act_out_done(&o);
    finish();
}
END_TEST

START_TEST(does_not_believe_a_receipt_for_something_else) {
    static const enum scenario lies[] = {RECEIPT_OTHER_KEY, RECEIPT_OTHER_REQUEST,
                                         RECEIPT_OTHER_INTENT};

    begin(true);
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct act_out o;
        struct err e;

        ck_assert_int_eq(act(lies[i], &o, &e), 0);
        ck_assert(o.started);
        ck_assert(!o.ended);
        ck_assert(o.receipt_bad);
        ck_assert_ptr_null(o.receipt);
        ck_assert_str_eq(e.tag, "receipt_bad");
        act_out_done(&o);
    }
    finish();
}
END_TEST

START_TEST(tells_a_broken_stream_from_an_end) {
    struct act_out o;
    struct err e;

    begin(true);
    ck_assert_int_eq(act(BREAKS_AFTER_START, &o, &e), 0);
    ck_assert(o.started && !o.ended);
    ck_assert_str_eq(o.refused, "");
    act_out_done(&o);
    ck_assert_int_eq(act(GOOD, &o, &e), 0); /* a fresh connection after it */
    ck_assert(o.ended && o.receipt);
    act_out_done(&o);
    finish();
}
END_TEST

START_TEST(reports_refusals_and_keeps_their_cosignature) {
    struct act_out o;
    struct err e;

    begin(true);
    ck_assert_int_eq(act(REFUSES, &o, &e), 0);
    ck_assert_str_eq(o.refused, "policy_denied");
    ck_assert_str_eq(o.step, "policy");
    ck_assert_ptr_nonnull(strstr(e.msg, "said no"));
    ck_assert(!o.started && !o.ended);
    ck_assert_uint_eq(cosignatures(), 1);
    act_out_done(&o);
    finish();
}
END_TEST

START_TEST(asks_what_became_of_a_request_that_was_spent) {
    struct act_out o;
    struct err e;

    begin(true);
    ck_assert_int_eq(act(SPENT_AND_ENDED, &o, &e), 0);
    ck_assert_str_eq(o.refused, ""); /* it did run: that is no refusal */
    ck_assert(o.started && o.ended && o.receipt);
    act_out_done(&o);
    ck_assert_int_eq(act(SPENT_AND_UNKNOWN, &o, &e), 0);
    ck_assert_str_eq(o.refused, "request_spent");
    act_out_done(&o);
    finish();
}
END_TEST

static bool yes(void *ctx) {
    return *(bool *)ctx && buf_str(&out)[0]; /* once it has begun to speak */
}

START_TEST(cancels_and_waits_for_the_receipt) {
    struct act_out o;
    struct err e;
    bool stop = true;

    begin(true);
    nodes_on_cancel(nodes, yes, &stop);
    ck_assert_int_eq(act(WAITS_FOR_CANCEL, &o, &e), 0);
    ck_assert_int_eq(peer.sh->cancels, 1);
    ck_assert(o.ended && o.receipt);
    ck_assert_str_eq(o.how, "cancelled");
    act_out_done(&o);
    finish();
}
END_TEST

START_TEST(takes_only_cosignatures_of_the_enrolled_key) {
    struct act_out o;
    struct err e;
    struct witnessing w;

    begin(true);
    ck_assert_int_eq(act(BAD_COSIGNATURE, &o, &e), 0);
    ck_assert_uint_eq(cosignatures(), 0);
    act_out_done(&o);
    (void)fx_read_entry(&fx, LEDGER_SYNC);
    ck_assert_int_lt(nodes_witness(nodes, fx.l, NULL, WITNESS_WHOLE, &w, &e), 0);
    ck_assert_uint_eq(w.cosigned, 0);
    witnessing_done(&w);
    ck_assert_uint_eq(cosignatures(), 0);
    finish();
}
END_TEST

START_TEST(proves_the_receipts_that_a_node_waits_for) {
    struct act_out o;
    struct err e;
    struct hash h;
    struct witnessing w;

    begin(true);
    ck_assert_int_eq(ledger_leaf(fx.l, intent_index, &h, NULL), 0);
    ck_assert_int_eq(act(WAITS_FOR_RECEIPTS, &o, &e), 0); /* there is none to prove */
    ck_assert_str_eq(o.refused, "receipts_pending");
    act_out_done(&o);
    (void)fx_receipt(&fx, &h, &grant.request);
    ck_assert_msg(act(WAITS_FOR_RECEIPTS, &o, &e) == 0, "%s", e.msg);
    ck_assert_str_eq(o.refused, "");
    ck_assert(o.ended && o.receipt);
    ck_assert_int_eq(peer.sh->acknowledged, 1);
    act_out_done(&o);
    (void)fx_read_entry(&fx, LEDGER_SYNC);
    ck_assert_int_eq(nodes_witness(nodes, fx.l, NULL, WITNESS_WHOLE, &w, &e), 0);
    ck_assert_int_eq(peer.sh->acknowledged, 1); /* not twice */
    witnessing_done(&w);
    finish();
}
END_TEST

START_TEST(says_when_a_node_has_seen_more) {
    struct act_out o;
    struct err e;
    struct witnessing w;

    begin(true);
    peer.sh->head = 1000;
    ck_assert_int_lt(nodes_witness(nodes, fx.l, "pve1", WITNESS_WHOLE, &w, &e), 0);
    ck_assert_str_eq(e.tag, "ledger_behind");
    ck_assert_int_lt(act(GOOD, &o, &e), 0);
    ck_assert_str_eq(e.tag, "ledger_behind");
    ck_assert_int_eq(peer.sh->acts, 0);
    witnessing_done(&w);
    finish();
}
END_TEST

START_TEST(does_nothing_with_who_is_not_trusted_or_not_pinned) {
    CLEANUP(js_freep) js *status = NULL;
    struct act_out o;
    struct err e;
    char file[128];
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    CLEANUP(fclosep) FILE *f = NULL;
    char *spki;

    begin(true);
    ck_assert_int_eq(nodes_trust(nodes, "pve1", false, &e), 0);
    ck_assert_int_lt(act(GOOD, &o, &e), 0);
    ck_assert_str_eq(e.tag, "node_untrusted");
    ck_assert_int_eq(nodes_trust(nodes, "pve1", true, &e), 0);
    nodes_closep(&nodes);
    (void)snprintf(file, sizeof(file), "%s/nodes/c1.ini", fx.top);
    f = fopen(file, "r+e");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(buf_reserve(&b, 8192), 0);
    b.len = fread(b.data, 1, 8000, f);
    b.data[b.len] = '\0';
    spki = strstr(b.data, "spki = sha256:") + strlen("spki = sha256:");
    *spki = *spki == '0' ? '1' : '0';
    rewind(f);
    ck_assert_uint_eq(fwrite(b.data, 1, b.len, f), b.len);
    ck_assert_int_eq(fflush(f), 0);
    open_nodes();
    ck_assert_int_lt(node_status(nodes, "pve1", &status, &e), 0);
    ck_assert_str_eq(e.tag, "node_untrusted_key");
    ck_assert_int_lt(act(GOOD, &o, &e), 0);
    ck_assert_int_eq(peer.sh->acts, 0);
    finish();
}
END_TEST

SUITE_MAIN("act", joins_by_an_invitation, does_not_join_what_it_cannot_believe, asks,
           asks_while_an_inventory_is_under_way, acts_and_believes_the_receipt,
           proves_again_from_the_size_that_the_node_names,
           does_not_believe_a_receipt_for_something_else, tells_a_broken_stream_from_an_end,
           reports_refusals_and_keeps_their_cosignature,
           asks_what_became_of_a_request_that_was_spent, cancels_and_waits_for_the_receipt,
           takes_only_cosignatures_of_the_enrolled_key, says_when_a_node_has_seen_more,
           proves_the_receipts_that_a_node_waits_for,
           does_nothing_with_who_is_not_trusted_or_not_pinned)
