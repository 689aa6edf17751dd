/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the halves: whatever is short, long, left over or carries the wrong descriptors
 * is refused, and nothing leaks. */
#include "common/msg.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "tests/unit/priv/suite.h"

static size_t open_fds(void) {
    DIR *d = opendir("/proc/self/fd");
    size_t n = 0;

    ck_assert_ptr_nonnull(d);
    while (readdir(d)) {
        n++;
    }
    closedir(d);
    return n;
}

static void sample(struct buf *b) {
    ck_assert_int_eq(msg_begin(b, MSG_OP), 0);
    ck_assert_int_eq(msg_add(b, "0123456789abcdef0123456789abcdef", 32), 0);
    ck_assert_int_eq(msg_adds(b, "hello"), 0);
    ck_assert_int_eq(msg_add_u64(b, 0x1122334455667788), 0);
    msg_end(b);
}

/* Reads the sample's three fields and says whether all was well. */
static int read_sample(const void *data, size_t len) {
    struct msg_rd r;
    uint16_t type;
    char spki[32];
    CLEANUP(freep) char *s = NULL;
    uint64_t v;

    if (msg_open(data, len, &type, &r) < 0) {
        return -EBADMSG;
    }
    msg_exact(&r, spki, sizeof(spki));
    s = msg_str(&r, 16);
    v = msg_u64(&r);
    if (msg_done(&r) < 0) {
        return -EBADMSG;
    }
    ck_assert_int_eq(type, MSG_OP);
    ck_assert_str_eq(s, "hello");
    ck_assert(v == 0x1122334455667788);
    return 0;
}

START_TEST(fields_come_back) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);

    sample(&b);
    ck_assert_int_eq(read_sample(b.data, b.len), 0);
}
END_TEST

START_TEST(every_cut_and_every_tail_is_refused) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);

    sample(&b);
    for (size_t n = 0; n < b.len; n++) {
        CLEANUP(freep) char *exact = malloc(n ? n : 1); /* so that a sanitizer sees the edge */

        memcpy(exact, b.data, n);
        ck_assert_int_eq(read_sample(exact, n), -EBADMSG);
        if (n >= 8) { /* and with a length that matches the cut */
            exact[4] = (char)(n - 8);
            ck_assert_int_eq(read_sample(exact, n), -EBADMSG);
        }
    }
    ck_assert_int_eq(buf_addc(&b, 'x'), 0);
    ck_assert_int_eq(read_sample(b.data, b.len), -EBADMSG);
    msg_end(&b);
    ck_assert_int_eq(read_sample(b.data, b.len), -EBADMSG); /* left over within the length */
}
END_TEST

START_TEST(header_and_lengths_are_checked) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);

    sample(&b);
    b.data[0] = 2;
    ck_assert_int_eq(read_sample(b.data, b.len), -EBADMSG);
    sample(&b);
    memset(b.data + 8, 0xff, 4); /* a field of 4 GiB */
    ck_assert_int_eq(read_sample(b.data, b.len), -EBADMSG);
    sample(&b);
    b.data[8] = 31; /* a hash of 31 bytes */
    ck_assert_int_eq(read_sample(b.data, b.len), -EBADMSG);
    sample(&b);
    b.data[8 + 4 + 32 + 4 + 1] = '\0'; /* a NUL inside text */
    ck_assert_int_eq(read_sample(b.data, b.len), -EBADMSG);
}
END_TEST

START_TEST(writer_stops_at_the_ceiling) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(64);

    ck_assert_int_eq(msg_begin(&b, MSG_OP), 0);
    ck_assert_int_eq(msg_add(&b, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789", 58),
                     -E2BIG);
    ck_assert_uint_eq(b.len, 8);
}
END_TEST

START_TEST(largest_packet_travels_with_its_descriptors) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(buf_done) struct buf got = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(freep) char *big = calloc(1, LIM_PRIV_MSG);
    int sv[2];
    int p[2];
    int fds[2] = {-1, -1};

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
    ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
    ck_assert_int_eq(msg_begin(&b, MSG_ACT), 0);
    ck_assert_int_eq(msg_add(&b, big, LIM_PRIV_MSG - 12), 0);
    msg_end(&b);
    ck_assert_uint_eq(b.len, LIM_PRIV_MSG);
    ck_assert_int_eq(msg_send(sv[0], b.data, b.len, p, 2), 0);
    ck_assert_int_eq(msg_recv(sv[1], &got, fds, 2), 0);
    ck_assert_uint_eq(got.len, b.len);
    ck_assert_mem_eq(got.data, b.data, b.len);
    ck_assert_int_eq(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    close(sv[0]);
    ck_assert_int_eq(msg_recv(sv[1], &got, NULL, 0), -ENODATA);
    close(sv[1]);
    for (int i = 0; i < 2; i++) {
        close(fds[i]);
        close(p[i]);
    }
}
END_TEST

START_TEST(wrong_descriptors_are_refused_and_closed) {
    static const size_t sent[] = {0, 1, 3, 8, 2};
    static const size_t want[] = {2, 2, 2, 2, 0};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(buf_done) struct buf got = BUF_INIT(LIM_PRIV_MSG);
    int sv[2];
    int fds[8];
    size_t before;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
    for (int i = 0; i < 8; i++) {
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    sample(&b);
    before = open_fds();
    for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
        int out[2];

        ck_assert_int_eq(msg_send(sv[0], b.data, b.len, fds, sent[i]), 0);
        ck_assert_int_eq(msg_recv(sv[1], &got, out, want[i]), -EBADMSG);
        ck_assert_uint_eq(open_fds(), before);
    }
    for (int i = 0; i < 8; i++) {
        close(fds[i]);
    }
    close(sv[0]);
    close(sv[1]);
}
END_TEST

START_TEST(over_long_packet_is_refused) {
    CLEANUP(buf_done) struct buf got = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(freep) char *big = calloc(1, LIM_PRIV_MSG + 1);
    int size = 4 * LIM_PRIV_MSG;
    int sv[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
    ck_assert_int_eq(msg_send(sv[0], big, LIM_PRIV_MSG + 1, NULL, 0), -E2BIG);
    ck_assert_int_eq(setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
    ck_assert_int_eq(send(sv[0], big, LIM_PRIV_MSG + 1, 0), LIM_PRIV_MSG + 1);
    ck_assert_int_eq(msg_recv(sv[1], &got, NULL, 0), -EBADMSG);
    close(sv[0]);
    close(sv[1]);
}
END_TEST

SUITE_MAIN("msg", fields_come_back, every_cut_and_every_tail_is_refused,
           header_and_lengths_are_checked, writer_stops_at_the_ceiling,
           largest_packet_travels_with_its_descriptors, wrong_descriptors_are_refused_and_closed,
           over_long_packet_is_refused)
