/* SPDX-License-Identifier: Apache-2.0 */
/* Lines in, messages out, and the frames between protocol process and worker. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "proximo-client/mcp/linein.h"
#include "proximo-client/mcp/outq.h"
#include "proximo-client/mcp/wire.h"

/* ---- lines ------------------------------------------------------------------------------------*/

struct seen {
    size_t lines, oversize, bytes;
    char last[64];
};

static void on_line(void *ctx, const char *text, size_t len) {
    struct seen *s = ctx;
    size_t n = len < sizeof(s->last) - 1 ? len : sizeof(s->last) - 1;

    s->lines++;
    s->bytes += len;
    memcpy(s->last, text, n);
    s->last[n] = '\0';
}

static void on_oversize(void *ctx) {
    struct seen *s = ctx;

    s->oversize++;
}

static const struct linein_ops line_ops = {on_line, on_oversize};

START_TEST(lines_however_they_are_cut) {
    static const char text[] = "one\n\ntwo\r\nthree\nrest";

    for (size_t step = 1; step < sizeof(text); step++) {
        CLEANUP(linein_done) struct linein in = LINEIN_INIT;
        struct seen s = {0};

        for (size_t at = 0; at < sizeof(text) - 1; at += step) {
            size_t n = sizeof(text) - 1 - at;

            ck_assert_int_eq(linein_feed(&in, text + at, n < step ? n : step, &line_ops, &s), 0);
        }
        ck_assert_uint_eq(s.lines, 4);
        ck_assert_uint_eq(s.bytes, 3 + 0 + 4 + 5);
        ck_assert_str_eq(s.last, "three");
    }
}
END_TEST

START_TEST(the_ceiling_is_exact_and_forgets) {
    CLEANUP(linein_done) struct linein in = LINEIN_INIT;
    CLEANUP(freep) char *big = malloc(LIM_RPC_LINE + 2);
    struct seen s = {0};

    ck_assert_ptr_nonnull(big);
    memset(big, 'x', LIM_RPC_LINE + 2);
    big[LIM_RPC_LINE] = '\n';
    ck_assert_int_eq(linein_feed(&in, big, 1000, &line_ops, &s), 0);
    ck_assert_int_eq(linein_feed(&in, big + 1000, LIM_RPC_LINE - 999, &line_ops, &s), 0);
    ck_assert_uint_eq(s.lines, 1);
    ck_assert_uint_eq(s.bytes, LIM_RPC_LINE);
    big[LIM_RPC_LINE] = 'x';
    big[LIM_RPC_LINE + 1] = '\n';
    ck_assert_int_eq(linein_feed(&in, big, 5000, &line_ops, &s), 0);
    ck_assert_int_eq(linein_feed(&in, big + 5000, LIM_RPC_LINE - 5000 + 1, &line_ops, &s), 0);
    ck_assert_uint_eq(s.oversize, 1);
    ck_assert_int_eq(linein_feed(&in, "xxx", 3, &line_ops, &s), 0);
    ck_assert_int_eq(linein_feed(&in, "xxx\nnext\n", 9, &line_ops, &s), 0);
    ck_assert_uint_eq(s.oversize, 1);
    ck_assert_uint_eq(s.lines, 2);
    ck_assert_str_eq(s.last, "next");
}
END_TEST

/* ---- outgoing ---------------------------------------------------------------------------------*/

static int push(struct outq *q, const char *text, bool droppable) {
    char *copy = strdup(text);

    ck_assert_ptr_nonnull(copy);
    return outq_push(q, copy, strlen(copy), droppable);
}

START_TEST(drops_notes_before_answers) {
    CLEANUP(outq_done) struct outq q;
    CLEANUP(closep) int rd = -1;
    CLEANUP(closep) int wr = -1;
    CLEANUP(buf_done) struct buf got = BUF_INIT(100);
    int pair[2];

    ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
    rd = pair[0];
    wr = pair[1];
    outq_init(&q, wr, 20);
    ck_assert_int_eq(push(&q, "note1", true), 0);
    ck_assert_int_eq(push(&q, "answer1", false), 0);
    ck_assert_int_eq(push(&q, "note2", true), 0);
    ck_assert_int_eq(push(&q, "answer2", false), 0); /* one note goes, the oldest */
    ck_assert_uint_eq(q.bytes, 7 + 5 + 7);
    ck_assert_int_eq(push(&q, "a3", false), 0); /* and the other */
    ck_assert_int_eq(push(&q, "answer4", false), -ENOBUFS);
    ck_assert_int_eq(push(&q, "n3", true),
                     0); /* still fits: the queue lost nothing by the refusal */
    ck_assert_int_eq(outq_flush(&q), 0);
    ck_assert_uint_eq(q.bytes, 0);
    closep(&wr);
    ck_assert_int_eq(fd_read_all(rd, &got), 0);
    ck_assert_str_eq(buf_str(&got), "answer1answer2a3n3");
}
END_TEST

/* `in_socket`: hosts give us a socket pair (node) or a pipe (most others). */
static void never_blocks(bool in_socket) {
    CLEANUP(outq_done) struct outq q;
    CLEANUP(closep) int rd = -1;
    CLEANUP(closep) int wr = -1;
    CLEANUP(freep) char *copy = malloc(4 * 1024 * 1024);
    size_t total = 4 * 1024 * 1024;
    size_t seen = 0;
    int pair[2];

    ck_assert_int_eq(in_socket ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)
                               : pipe2(pair, O_CLOEXEC),
                     0);
    rd = pair[0];
    wr = pair[1];
    memset(copy, 'a', total);
    outq_init(&q, wr, OUTQ_MAX);
    ck_assert_int_eq(q.is_socket, in_socket);
    ck_assert_int_eq(outq_push(&q, TAKE(copy), total, false), 0);
    while (seen < total) { /* would hang here if a write could block: nobody else reads */
        char chunk[100 * 1000];
        ssize_t n;

        ck_assert_int_eq(outq_flush(&q), 0);
        n = read(rd, chunk, sizeof(chunk));
        ck_assert_int_gt(n, 0);
        seen += (size_t)n;
    }
    ck_assert_uint_eq(q.bytes, 0);
    ck_assert_int_eq(fcntl(wr, F_GETFL) & O_NONBLOCK, 0); /* the flags are not ours to change */
    closep(&rd);
    ck_assert_int_eq(push(&q, "x", false), 0);
    ck_assert_int_eq(outq_flush(&q), -EPIPE);
}

START_TEST(never_blocks_on_a_pipe) {
    never_blocks(false);
}
END_TEST

START_TEST(never_blocks_on_a_socket) {
    never_blocks(true);
}
END_TEST

/* ---- frames -----------------------------------------------------------------------------------*/

START_TEST(frames_come_back_as_they_went) {
    CLEANUP(buf_done) struct buf all = BUF_INIT(65536);
    CLEANUP(buf_done) struct buf in = BUF_INIT(65536);
    size_t n = 0;

    ck_assert_int_eq(wire_put(&all, wire_call(5, "tool", NULL, "mcp:x", true)), 0);
    ck_assert_int_eq(wire_put(&all, wire_cancel(5)), 0);
    ck_assert_int_eq(wire_put(&all, wire_progress(5, 0.1, 1e300, "half")), 0);
    ck_assert_int_eq(wire_put(&all, wire_result(5, js_object(), false)), 0);
    for (size_t i = 0; i < all.len; i++) {
        CLEANUP(wire_msg_done) struct wire_msg m = {0};
        int r;

        ck_assert_int_eq(buf_addc(&in, all.data[i]), 0);
        r = wire_take(&in, &m, NULL);
        ck_assert_int_ge(r, 0);
        if (!r) {
            continue;
        }
        ck_assert_uint_eq(m.kind, n++);
        ck_assert_int_eq(m.seq, 5);
        if (m.kind == WIRE_CALL) {
            ck_assert_str_eq(m.tool, "tool");
            ck_assert_str_eq(m.actor, "mcp:x");
            ck_assert(js_is_object(m.args) && m.has_schema);
        } else if (m.kind == WIRE_PROGRESS) {
            ck_assert(m.done == 0.1 && m.total == 1e300);
            ck_assert_str_eq(m.message, "half");
        }
    }
    ck_assert_uint_eq(n, 4);
    ck_assert_uint_eq(in.len, 0);
}
END_TEST

START_TEST(refuses_frames_it_cannot_trust) {
    static const char *const bodies[] = {
        "",
        "7",
        "{}",
        "{\"t\":\"call\"}",
        "{\"t\":\"nothing\",\"seq\":1}",
        "{\"t\":\"cancel\"}",
        "{\"t\":\"cancel\",\"seq\":\"1\"}",
        "{\"t\":\"call\",\"seq\":1,\"tool\":\"a\",\"actor\":\"b\",\"args\":[]}",
        "{\"t\":\"call\",\"seq\":1,\"tool\":\"a\",\"args\":{}}",
        "{\"t\":\"progress\",\"seq\":1,\"done\":\"x\",\"total\":\"0\"}",
        "{\"t\":\"progress\",\"seq\":1,\"done\":\"inf\",\"total\":\"0\"}",
        "{\"t\":\"progress\",\"seq\":1,\"done\":\"1\"}",
        "{\"t\":\"result\",\"seq\":1,\"body\":7}",
        "{\"t\":\"result\",\"seq\":1,\"body\":{},\"body\":{}}",
    };
    uint32_t huge = WIRE_MAX + 1;
    CLEANUP(buf_done) struct buf over = BUF_INIT(100);
    struct wire_msg m = {0};
    struct err e;

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(1000);
        uint32_t len = (uint32_t)strlen(bodies[i]);

        ck_assert_int_eq(buf_add(&b, &len, sizeof(len)), 0);
        ck_assert_int_eq(buf_adds(&b, bodies[i]), 0);
        ck_assert_msg(wire_take(&b, &m, &e) < 0, "%s", bodies[i]);
    }
    ck_assert_int_eq(buf_add(&over, &huge, sizeof(huge)), 0);
    ck_assert_int_eq(wire_take(&over, &m, &e), -E2BIG);
}
END_TEST

int main(void) {
    Suite *s = suite_create("mcp streams");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    (void)signal(SIGPIPE, SIG_IGN);
    tcase_add_test(t, lines_however_they_are_cut);
    tcase_add_test(t, the_ceiling_is_exact_and_forgets);
    tcase_add_test(t, drops_notes_before_answers);
    tcase_add_test(t, never_blocks_on_a_pipe);
    tcase_add_test(t, never_blocks_on_a_socket);
    tcase_add_test(t, frames_come_back_as_they_went);
    tcase_add_test(t, refuses_frames_it_cannot_trust);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
