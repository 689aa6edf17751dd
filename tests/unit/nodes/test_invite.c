/* SPDX-License-Identifier: Apache-2.0 */
/* The invitation line: what a person pastes is read strictly, and complaints never repeat it. */
#include "proximo-client/nodes/invite.h"

#include <errno.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "tests/unit/priv/suite.h"

#define TLS    "tls sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
#define SECRET "secret 00112233445566778899aabbccddeeff\n"
#define GOOD                                                                                       \
    "proximo-invite/v1\naddress 192.0.2.1:8643\naddress [2001:db8::1]:8643\n" TLS SECRET           \
    "expires 1700000000\nnode pve1\n"

static int parse(const char *text, struct invite *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(8192);

    ck_assert_int_eq(buf_adds(&b, " \tproximo1."), 0);
    ck_assert_int_eq(b64url_encode(&b, text, strlen(text)), 0);
    ck_assert_int_eq(buf_adds(&b, "\r\n"), 0);
    return invite_parse(buf_str(&b), ret, e);
}

START_TEST(reads_a_whole_line) {
    CLEANUP(invite_done) struct invite v = {0};
    struct err e = {0};

    ck_assert_int_eq(parse(GOOD, &v, &e), 0);
    ck_assert_str_eq(v.node, "pve1");
    ck_assert_uint_eq(v.n_addresses, 2);
    ck_assert_str_eq(invite_address(&v, 0), "192.0.2.1:8643");
    ck_assert_str_eq(invite_address(&v, 1), "[2001:db8::1]:8643");
    ck_assert_int_eq(v.expires, 1700000000);
    ck_assert_uint_eq(v.secret[0], 0x00);
    ck_assert_uint_eq(v.secret[15], 0xff);
    ck_assert_uint_eq(v.tls.b[0], 0xaa);
}
END_TEST

START_TEST(refuses_what_is_wrong_without_repeating_it) {
    static const char *const bad[] = {
        "",
        "proximo-invite/v2\n" TLS SECRET "expires 1\nnode pve1\n",
        "proximo-invite/v1\n" TLS SECRET "expires 1\nnode pve1\n", /* no address */
        "proximo-invite/v1\naddress a:1\n" SECRET "expires 1\nnode pve1\n",
        "proximo-invite/v1\naddress a:1\n" TLS "expires 1\nnode pve1\n",
        "proximo-invite/v1\naddress a:1\n" TLS "secret 0011\nexpires 1\nnode pve1\n",
        "proximo-invite/v1\naddress a:1\n" TLS SECRET SECRET "expires 1\nnode pve1\n",
        "proximo-invite/v1\naddress a:1\n" TLS SECRET "expires x\nnode pve1\n",
        "proximo-invite/v1\naddress a:1\n" TLS SECRET "expires 1\nnode ../x\n",
        "proximo-invite/v1\naddress a:0\n" TLS SECRET "expires 1\nnode pve1\n",
        "proximo-invite/v1\naddress a:65536\n" TLS SECRET "expires 1\nnode pve1\n",
        "proximo-invite/v1\naddress user@a:1\n" TLS SECRET "expires 1\nnode pve1\n",
        "proximo-invite/v1\naddress a/b:1\n" TLS SECRET "expires 1\nnode pve1\n",
        "proximo-invite/v1\naddress :1\n" TLS SECRET "expires 1\nnode pve1\n",
        "proximo-invite/v1\naddress a:1\n" TLS SECRET "expires 1\nnode pve1\nmore x\n",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CLEANUP(invite_done) struct invite v = {0};
        struct err e = {0};

        ck_assert_msg(parse(bad[i], &v, &e) < 0, "%zu is taken", i);
        ck_assert_str_eq(e.tag, "invitation_bad");
        ck_assert_ptr_eq(strstr(e.msg, "00112233"), NULL);
        ck_assert_ptr_eq(strstr(e.hint, "00112233"), NULL);
    }
}
END_TEST

START_TEST(refuses_what_is_no_line) {
    static const char *const bad[] = {
        "",           "  ",         "proximo1.",      "proximo2.AAAA", "proximo1.AA AA",
        "proximo1.A", "proximo1.*", "x proximo1.AAAA"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CLEANUP(invite_done) struct invite v = {0};

        ck_assert_int_lt(invite_parse(bad[i], &v, NULL), 0);
    }
}
END_TEST

SUITE_MAIN("invite", reads_a_whole_line, refuses_what_is_wrong_without_repeating_it,
           refuses_what_is_no_line)
