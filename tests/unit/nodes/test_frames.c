/* SPDX-License-Identifier: Apache-2.0 */
/* The frame parser: the same frames come out in whatever pieces the bytes arrive. */
#include "proximo-client/nodes/frames.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "common/own.h"
#include "tests/unit/priv/suite.h"

struct got {
    struct buf out, err, json; /* json: type byte, text, newline */
    int stop_at;
};

static int on_frame(void *ctx, char type, const void *data, size_t len) {
    struct got *g = ctx;

    if (type == 'o') {
        return buf_add(&g->out, data, len);
    }
    if (type == 'e') {
        return buf_add(&g->err, data, len);
    }
    if (g->stop_at == type) {
        return -ECANCELED;
    }
    ck_assert_int_eq(buf_addc(&g->json, type), 0);
    ck_assert_int_eq(buf_add(&g->json, data, len), 0);
    return buf_addc(&g->json, '\n');
}

static void put(struct buf *b, char type, const void *data, size_t len) {
    unsigned char head[5] = {(unsigned char)type, (unsigned char)(len >> 24),
                             (unsigned char)(len >> 16), (unsigned char)(len >> 8),
                             (unsigned char)len};

    ck_assert_int_eq(buf_add(b, head, sizeof(head)), 0);
    ck_assert_int_eq(buf_add(b, data, len), 0);
}

static void got_done(struct got *g) {
    buf_done(&g->out);
    buf_done(&g->err);
    buf_done(&g->json);
}

START_TEST(gives_the_same_in_pieces_of_any_size) {
    CLEANUP(buf_done) struct buf in = BUF_INIT(1 << 20);
    static char big[FRAME_PAYLOAD_MAX];

    memset(big, 'B', sizeof(big));
    put(&in, 's', "{\"a\":1}", 7);
    put(&in, 'o', "one\0two", 7);
    put(&in, 'o', "", 0);
    put(&in, 'e', "oops", 4);
    put(&in, 'o', big, sizeof(big));
    put(&in, 'x', "{}", 2);
    put(&in, 'r', "{\"r\":2}", 7);
    for (size_t piece = 1; piece < 40; piece += piece < 12 ? 1 : 7) {
        CLEANUP(got_done) struct got g = {BUF_INIT(1 << 20), BUF_INIT(100), BUF_INIT(100), 0};
        CLEANUP(frames_done) struct frames f;

        frames_init(&f, on_frame, &g);
        for (size_t at = 0; at < in.len; at += piece) {
            size_t n = in.len - at < piece ? in.len - at : piece;

            ck_assert_int_eq(frames_feed(&f, in.data + at, n), 0);
        }
        ck_assert(frames_at_rest(&f));
        ck_assert_uint_eq(g.out.len, 7 + sizeof(big));
        ck_assert_int_eq(memcmp(g.out.data, "one\0two", 7), 0);
        ck_assert_int_eq(memcmp(g.out.data + 7, big, sizeof(big)), 0);
        ck_assert_str_eq(buf_str(&g.err), "oops");
        ck_assert_str_eq(buf_str(&g.json), "s{\"a\":1}\nx{}\nr{\"r\":2}\n");
    }
}
END_TEST

static int feed_one(char type, uint32_t len) {
    CLEANUP(got_done) struct got g = {BUF_INIT(100), BUF_INIT(100), BUF_INIT(100), 0};
    CLEANUP(frames_done) struct frames f;
    unsigned char head[5] = {(unsigned char)type, (unsigned char)(len >> 24),
                             (unsigned char)(len >> 16), (unsigned char)(len >> 8),
                             (unsigned char)len};

    frames_init(&f, on_frame, &g);
    return frames_feed(&f, head, sizeof(head));
}

START_TEST(refuses_unknown_types_and_lengths) {
    ck_assert_int_eq(feed_one('o', FRAME_PAYLOAD_MAX), 0);
    ck_assert_int_eq(feed_one('o', FRAME_PAYLOAD_MAX + 1), -EBADMSG);
    ck_assert_int_eq(feed_one('o', UINT32_MAX), -EBADMSG);
    ck_assert_int_eq(feed_one('q', 1), -EBADMSG);
    ck_assert_int_eq(feed_one('\0', 1), -EBADMSG);
}
END_TEST

START_TEST(tells_a_cut_frame) {
    CLEANUP(got_done) struct got g = {BUF_INIT(100), BUF_INIT(100), BUF_INIT(100), 0};
    CLEANUP(frames_done) struct frames f;

    frames_init(&f, on_frame, &g);
    ck_assert(frames_at_rest(&f));
    ck_assert_int_eq(frames_feed(&f, "x\0\0\0\2{", 6), 0);
    ck_assert(!frames_at_rest(&f));
    ck_assert_str_eq(buf_str(&g.json), "");
    ck_assert_int_eq(frames_feed(&f, "}", 1), 0);
    ck_assert(frames_at_rest(&f));
    ck_assert_str_eq(buf_str(&g.json), "x{}\n");
}
END_TEST

START_TEST(stops_when_told) {
    CLEANUP(got_done) struct got g = {BUF_INIT(100), BUF_INIT(100), BUF_INIT(100), 'x'};
    CLEANUP(frames_done) struct frames f;

    frames_init(&f, on_frame, &g);
    ck_assert_int_eq(frames_feed(&f, "x\0\0\0\2{}o\0\0\0\1q", 13), -ECANCELED);
    ck_assert_uint_eq(g.out.len, 0);
}
END_TEST

SUITE_MAIN("frames", gives_the_same_in_pieces_of_any_size, refuses_unknown_types_and_lengths,
           tells_a_cut_frame, stops_when_told)
