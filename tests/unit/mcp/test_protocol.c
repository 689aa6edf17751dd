/* SPDX-License-Identifier: Apache-2.0 */
/* JSON-RPC classification, the choice of the era, and the protocol with one host, driven without
 * processes: lines in, messages collected. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/mcp/content.h"
#include "proximo-client/mcp/era.h"
#include "proximo-client/mcp/jsonrpc.h"
#include "proximo-client/mcp/mcp.h"
#include "proximo-client/mcp/peer.h"

static js *parsed(const char *text) {
    js *v = NULL;

    ck_assert_int_eq(js_parse(text, strlen(text), &v, NULL), 0);
    return v;
}

START_TEST(classifies_what_a_value_is) {
    static const struct {
        const char *text;
        enum rpc_kind kind;
        bool has_id;
    } rows[] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}", RPC_REQUEST, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"\",\"method\":\"a\"}", RPC_REQUEST, true},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"a\"}", RPC_NOTIFICATION, false},
        {"{\"method\":\"a\"}", RPC_NOTIFICATION, false},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", RPC_RESPONSE, false},
        {"{\"jsonrpc\":\"2.0\",\"error\":{}}", RPC_RESPONSE, false},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"a\"}", RPC_BAD, false},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.0,\"method\":\"a\"}", RPC_BAD, false},
        {"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"a\"}", RPC_BAD, false},
        {"{\"jsonrpc\":\"2.1\",\"id\":1,\"method\":\"a\"}", RPC_BAD, true},
        {"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"a\"}", RPC_BAD, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\\u0000b\"}", RPC_BAD, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1}", RPC_BAD, true},
        {"{}", RPC_BAD, false},
        {"7", RPC_BAD, false},
        {"[]", RPC_BATCH, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(js_freep) js *v = parsed(rows[i].text);
        struct rpc_msg m;

        rpc_classify(v, &m);
        ck_assert_msg(m.kind == rows[i].kind && (m.id != NULL) == rows[i].has_id, "%s: kind %u",
                      rows[i].text, m.kind);
        ck_assert((m.kind == RPC_BAD) == (m.why != NULL));
    }
}
END_TEST

START_TEST(chooses_the_era_by_message) {
#define V "\"io.modelcontextprotocol/protocolVersion\":"
#define C "\"io.modelcontextprotocol/clientCapabilities\":"
    static const struct {
        bool is_shaken;
        const char *method, *params;
        enum era era;
        int code;
    } rows[] = {
        {false, "tools/list", "{\"_meta\":{" V "\"2026-07-28\"," C "{}}}", ERA_MODERN, 0},
        {true, "tools/list", "{\"_meta\":{" V "\"2026-07-28\"," C "{}}}", ERA_MODERN, 0},
        {true, "initialize", "{\"_meta\":{" V "\"2026-07-28\"," C "{}}}", ERA_MODERN, 0},
        {true, "tools/list", "{\"_meta\":{" V "\"2025-11-25\"," C "{}}}", ERA_NONE, -32022},
        {true, "tools/list", "{\"_meta\":{" V "\"\"," C "{}}}", ERA_NONE, -32022},
        {false, "tools/list", "{\"_meta\":{" V "\"2026-07-28\"}}", ERA_NONE, -32602},
        {false, "tools/list", "{\"_meta\":{" V "\"2026-07-28\"," C "[]}}", ERA_NONE, -32602},
        {false, "tools/list", "{\"_meta\":{" V "20260728," C "{}}}", ERA_NONE, -32602},
        {false, "tools/list", "{\"_meta\":{" C "{}}}", ERA_NONE, -32602},
        {false, "tools/list", "{\"_meta\":7}", ERA_NONE, -32602},
        {false, "tools/list", "{}", ERA_NONE, -32602},
        {false, "server/discover", "{}", ERA_NONE, -32602},
        {true, "tools/list", "{}", ERA_LEGACY, 0},
        {true, "tools/list", "[]", ERA_LEGACY, 0},
        {false, "initialize", "{}", ERA_LEGACY, 0},
        {false, "ping", "{}", ERA_LEGACY, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(js_freep) js *params = parsed(rows[i].params);
        struct era_state s = {.is_shaken = rows[i].is_shaken, .version = "2025-11-25"};
        struct rpc_fail f = {0};

        ck_assert_msg(era_choose(&s, rows[i].method, params, &f) == rows[i].era, "row %zu", i);
        ck_assert_int_eq(f.code, rows[i].code);
        ck_assert((f.data != NULL) == (f.code == -32022));
        json_object_put(f.data);
    }
}
END_TEST

START_TEST(never_answers_a_handshake_with_the_modern_version) {
    ck_assert_str_eq(era_negotiate("2025-11-25"), "2025-11-25");
    ck_assert_str_eq(era_negotiate("2025-06-18"), "2025-06-18");
    ck_assert_str_eq(era_negotiate("2025-03-26"), "2025-03-26");
    ck_assert_str_eq(era_negotiate("2024-11-05"), "2024-11-05");
    ck_assert_str_eq(era_negotiate("2024-10-07"), "2025-11-25");
    ck_assert_str_eq(era_negotiate("2026-07-28"), "2025-11-25");
    ck_assert_str_eq(era_negotiate(""), "2025-11-25");
}
END_TEST

START_TEST(cleans_the_actor) {
    static const char *const rows[][2] = {
        {"{\"name\":\"claude-code\"}", "mcp:claude-code"},
        {"{\"name\":\"a\\nkind intent\"}", "mcp:a_kind_intent"},
        {"{\"name\":\"\xc3\xa4\"}", "mcp:__"},
        {"{\"name\":\"\"}", "mcp:unknown"},
        {"{\"name\":7}", "mcp:unknown"},
        {"{\"name\":\"a\\u0000b\"}", "mcp:unknown"},
        {"{}", "mcp:unknown"},
        {"{\"name\":\"0123456789012345678901234567890123456789xyzxyz\"}",
         "mcp:0123456789012345678901234567890123456789xyz"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(js_freep) js *info = parsed(rows[i][0]);
        char actor[48];

        era_actor(info, actor);
        ck_assert_str_eq(actor, rows[i][1]);
    }
}
END_TEST

/* ---- a host in memory -------------------------------------------------------------------------*/

struct host {
    struct peer *peer;
    js *sent; /* array of {m, drop} */
    int64_t started, cancelled;
    js *call;
    bool is_full;
};

static void host_send(void *ctx, js *msg, bool droppable) {
    struct host *h = ctx;

    ck_assert_int_eq(droppable, js_get(msg, "method") != NULL);
    js_push(h->sent, msg);
}

static int host_start(void *ctx, int64_t ticket, js *call, struct err *e) {
    struct host *h = ctx;

    json_object_put(h->call);
    h->call = call;
    if (h->is_full) {
        return err_set(e, -EBUSY, "full");
    }
    h->started = ticket;
    return 0;
}

static void host_cancel(void *ctx, int64_t ticket) {
    struct host *h = ctx;

    h->cancelled = ticket;
}

static js *two_tools(void *ctx) {
    (void)ctx;
    return parsed("[{\"name\":\"a\",\"inputSchema\":{\"type\":\"object\"}},"
                  "{\"name\":\"b\",\"inputSchema\":{\"type\":\"object\"},\"outputSchema\":{}}]");
}

static bool has(void *ctx, const char *name) {
    (void)ctx;
    return strcmp(name, "a") == 0 || strcmp(name, "b") == 0;
}

static const struct mcp_backend backend = {
    .name = "t", .version = "1", .tools = two_tools, .has_tool = has};
static const struct peer_ops ops = {host_send, host_start, host_cancel};

static void host_init(struct host *h) {
    *h = (struct host){.sent = js_array()};
    ck_assert_int_eq(peer_new(&backend, &ops, h, &h->peer, NULL), 0);
}

static void host_done(struct host *h) {
    peer_freep(&h->peer);
    json_object_put(h->sent);
    json_object_put(h->call);
}

static void say(struct host *h, const char *line) {
    peer_line(h->peer, line, strlen(line));
}

/* The n-th message as text. */
static const char *sent(struct host *h, size_t n, struct buf *b) {
    buf_reset(b);
    ck_assert_msg(n < js_len(h->sent), "no message %zu", n);
    ck_assert_int_eq(js_print(js_at(h->sent, n), b), 0);
    return buf_str(b);
}

#define META "\"_meta\":{" V "\"2026-07-28\"," C "{}}"
#define CALL(id, name, more)                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{\"name\":\"" name    \
    "\"" more "}}"
#define SHAKE                                                                                      \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":"                          \
    "{\"protocolVersion\":\"2025-03-26\"}}"
#define TOKEN ",\"_meta\":{\"progressToken\":\"p\"}"

START_TEST(answers_once_and_says_nothing_after) {
    CLEANUP(host_done) struct host h;
    CLEANUP(buf_done) struct buf b = BUF_INIT(65536);

    host_init(&h);
    say(&h, SHAKE);
    say(&h, CALL("1", "a", TOKEN));
    ck_assert_int_eq(h.started, 1);
    ck_assert_uint_eq(peer_open(h.peer), 1);
    ck_assert_str_eq(sent(&h, 1, &b),
                     "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
                     "{\"progressToken\":\"p\",\"progress\":0,\"message\":\"accepted\"}}");
    peer_result(h.peer, 1, js_object());
    ck_assert_str_eq(sent(&h, 2, &b), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    peer_progress(h.peer, 1, 5, 10, "late");
    peer_result(h.peer, 1, js_object());
    peer_lost(h.peer, 1, "late");
    peer_heartbeat(h.peer);
    peer_heartbeat(h.peer);
    ck_assert_uint_eq(js_len(h.sent), 3);
    ck_assert_uint_eq(peer_open(h.peer), 0);
}
END_TEST

START_TEST(progress_only_rises) {
    CLEANUP(host_done) struct host h;
    double last = -1;

    host_init(&h);
    say(&h, SHAKE);
    say(&h, CALL("1", "a", TOKEN));
    peer_progress(h.peer, 1, 3, 10, "three");
    peer_progress(h.peer, 1, 3, 10, "three again");
    peer_progress(h.peer, 1, 2, 10, "back");
    peer_heartbeat(h.peer);
    peer_heartbeat(h.peer);
    peer_progress(h.peer, 1, 10, 10, "all");
    peer_progress(h.peer, 1, 10, 10, "all again");
    peer_heartbeat(h.peer);
    peer_heartbeat(h.peer);
    for (size_t i = 1; i < js_len(h.sent); i++) {
        double v = json_object_get_double(js_get(js_get(js_at(h.sent, i), "params"), "progress"));

        ck_assert_msg(v > last, "note %zu: %f after %f", i, v, last);
        last = v;
    }
    /* accepted, three, again, back, one heartbeat (the first only arms), all; nothing past the
     * total */
    ck_assert_uint_eq(js_len(h.sent), 1 + 6);
    ck_assert(last == 10);
}
END_TEST

/* Nine digits are shown: what does not move them is not worth a note, and would repeat the value.
 */
START_TEST(progress_rises_as_it_is_printed) {
    CLEANUP(host_done) struct host h;

    host_init(&h);
    say(&h, SHAKE);
    say(&h, CALL("1", "a", TOKEN));
    peer_progress(h.peer, 1, 1e12, 0, NULL);
    peer_progress(h.peer, 1, 1e12 + 1, 0, NULL);
    peer_progress(h.peer, 1, 1e12, 0, "still there");
    ck_assert_uint_eq(js_len(h.sent), 3);
    peer_progress(h.peer, 1, 2e12, 0, NULL);
    ck_assert_uint_eq(js_len(h.sent), 4);
}
END_TEST

START_TEST(cancel_hits_the_id_with_its_type) {
    CLEANUP(host_done) struct host h;

    host_init(&h);
    say(&h, SHAKE);
    say(&h, CALL("7", "a", ""));
    say(&h, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":"
            "{\"requestId\":\"7\"}}");
    ck_assert_int_eq(h.cancelled, 0);
    say(&h, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":"
            "{\"requestId\":7}}");
    ck_assert_int_eq(h.cancelled, 1);
    peer_result(h.peer, 1, js_object());
    ck_assert_uint_eq(js_len(h.sent), 1);
}
END_TEST

START_TEST(hands_on_what_the_worker_needs) {
    CLEANUP(host_done) struct host h;

    host_init(&h);
    say(&h, CALL("1", "b", ",\"arguments\":{\"x\":1}," META));
    ck_assert_str_eq(js_get_str(h.call, "tool"), "b");
    ck_assert_str_eq(js_get_str(h.call, "actor"), "mcp:unknown");
    ck_assert_int_eq(js_int_or(js_get(h.call, "args"), "x", 0), 1);
    ck_assert(js_bool_or(h.call, "schema", false));
    say(&h, CALL("2", "a", "," META));
    ck_assert(!js_bool_or(h.call, "schema", true));
    ck_assert(js_is_object(js_get(h.call, "args")));
}
END_TEST

START_TEST(a_full_queue_is_one_answer) {
    CLEANUP(host_done) struct host h;
    CLEANUP(buf_done) struct buf b = BUF_INIT(65536);

    host_init(&h);
    h.is_full = true;
    say(&h, CALL("1", "a", "," META));
    ck_assert_uint_eq(js_len(h.sent), 1);
    ck_assert_ptr_nonnull(strstr(sent(&h, 0, &b), "-32603"));
    ck_assert_uint_eq(peer_open(h.peer), 0);
}
END_TEST

START_TEST(a_batch_waits_for_its_last_call) {
    CLEANUP(host_done) struct host h;

    host_init(&h);
    say(&h, SHAKE);
    say(&h, "[" CALL("1", "a", "") "," CALL(
                "2", "a", "") ","
                              "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\"}]");
    ck_assert_uint_eq(js_len(h.sent), 1);
    peer_lost(h.peer, 2, "crash");
    ck_assert_uint_eq(js_len(h.sent), 1);
    peer_result(h.peer, 1, js_object());
    ck_assert_uint_eq(js_len(h.sent), 2);
    ck_assert_uint_eq(js_len(js_at(h.sent, 1)), 3);
    /* One of two cancelled: the array holds the other. All cancelled: there is none. */
    say(&h, "[" CALL("4", "a", "") "," CALL("5", "a", "") "]");
    say(&h, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
            "\"params\":{\"requestId\":4}}");
    peer_result(h.peer, 4, js_object());
    ck_assert_uint_eq(js_len(js_at(h.sent, 2)), 1);
    say(&h, "[" CALL("6", "a", "") "]");
    say(&h, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
            "\"params\":{\"requestId\":6}}");
    ck_assert_uint_eq(js_len(h.sent), 3);
    say(&h, "[" CALL("7", "a", "") "]"); /* still open when the host goes: freed with the peer */
}
END_TEST

/* ---- results ----------------------------------------------------------------------------------*/

START_TEST(text_and_structure_hold_the_same) {
    CLEANUP(js_freep) js *r = content_result(parsed("{\"a\":[1,\"\\u2028\"]}"));
    CLEANUP(js_freep) js *wrapped = content_result(parsed("[1]"));
    const char *text = js_get_str(js_at(js_get(r, "content"), 0), "text");
    CLEANUP(js_freep) js *again = parsed(text);

    ck_assert(js_eq(again, js_get(r, "structuredContent")));
    ck_assert(!js_bool_or(r, "isError", true));
    ck_assert_uint_eq(js_len(js_get(js_get(wrapped, "structuredContent"), "result")), 1);
}
END_TEST

START_TEST(an_error_says_code_message_and_hint) {
    struct err e = {0};
    CLEANUP(js_freep) js *r = NULL;

    (void)err_tag(&e, -ESTALE, "plan_drifted", "moved\xff");
    (void)err_hint(&e, "look again");
    r = content_error(&e, NULL, NULL, true);
    ck_assert_str_eq(js_get_str(js_at(js_get(r, "content"), 0), "text"),
                     "plan_drifted: moved\xef\xbf\xbd\nlook again");
    ck_assert_str_eq(js_get_str(js_get(r, "structuredContent"), "code"), "plan_drifted");
    ck_assert_uint_eq(js_len(js_get(r, "content")), 1);
    ck_assert(js_bool_or(r, "isError", false));
}
END_TEST

int main(void) {
    Suite *s = suite_create("mcp protocol");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_add_test(t, classifies_what_a_value_is);
    tcase_add_test(t, chooses_the_era_by_message);
    tcase_add_test(t, never_answers_a_handshake_with_the_modern_version);
    tcase_add_test(t, cleans_the_actor);
    tcase_add_test(t, answers_once_and_says_nothing_after);
    tcase_add_test(t, progress_only_rises);
    tcase_add_test(t, progress_rises_as_it_is_printed);
    tcase_add_test(t, cancel_hits_the_id_with_its_type);
    tcase_add_test(t, hands_on_what_the_worker_needs);
    tcase_add_test(t, a_full_queue_is_one_answer);
    tcase_add_test(t, a_batch_waits_for_its_last_call);
    tcase_add_test(t, text_and_structure_hold_the_same);
    tcase_add_test(t, an_error_says_code_message_and_hint);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
