/* SPDX-License-Identifier: Apache-2.0 */
/* Invitations: a proof under the secret makes one client, once, in time; anything else is refused,
 * and thirty refusals burn it. */
#include "pveagentd/ctl/ctl.h"
#include "pveagentd/priv/join.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "pveagentd/priv/priv.h"
#include "tests/unit/priv/suite.h"

static char dir[64];
static struct priv p;
static uint8_t secret[16];
static struct join_in in;
static struct buf vkey = BUF_INIT(512);

static void empty(const char *sub) {
    char path[400];
    struct dirent *de;
    DIR *d;

    snprintf(path, sizeof(path), "%s/%s", dir, sub);
    d = opendir(path);
    while (d && (de = readdir(d)) != NULL) {
        char file[800];

        snprintf(file, sizeof(file), "%s/%s", path, de->d_name);
        (void)unlink(file);
    }
    if (d) {
        closedir(d);
    }
    (void)rmdir(path);
}

/* As the client makes it. */
static void prove(const struct join_in *what, struct hash *ret) {
    CLEANUP(buf_done) struct buf m = BUF_INIT(4096);

    buf_add(&m, "proximo-join/v1", sizeof("proximo-join/v1"));
    buf_add(&m, what->exporter, 32);
    buf_add(&m, what->spki.b, HASH_LEN);
    buf_add(&m, what->vkey, strlen(what->vkey) + 1);
    buf_adds(&m, what->name);
    hmac_sha256(secret, sizeof(secret), m.data, m.len, ret);
}

static void invite(void) {
    static const char *const addresses[] = {"192.0.2.1:8643", "[2001:db8::1]:8643"};
    CLEANUP(buf_done) struct buf line = BUF_INIT(LIM_LINE);
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINE);
    struct hash tls = {{7}};
    struct err e = {0};
    const char *at;

    ck_assert_int_eq(ctl_invitation(&p, "laptop", "witness", addresses, 2, &tls, &line, &e), 0);
    ck_assert_int_eq(strncmp(line.data, "proximo1.", 9), 0);
    ck_assert_int_eq(b64url_decode(line.data + 9, line.len - 9, &text), 0);
    ck_assert_ptr_nonnull(
        strstr(text.data, "address 192.0.2.1:8643\naddress [2001:db8::1]:8643\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "\nnode pve1\n"));
    at = strstr(text.data, "secret ");
    ck_assert_ptr_nonnull(at);
    ck_assert_int_eq(hex_decode(at + 7, 32, secret), 0);
}

static void setup(void) {
    uint8_t seed[32] = {3};
    struct skey log;
    struct err e = {0};

    snprintf(dir, sizeof(dir), "/tmp/pxjoin.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    p = (struct priv){.state_dir = dir, .cluster_fs = dir, .node = "pve1", .state_fd = -1};
    ck_assert_int_eq(priv_open(&p, &e), 0);
    ck_assert_int_eq(ctl_arm(&p, &e), 0);
    ck_assert_int_eq(skey_make("proximo/home/1", NOTE_ED25519, seed, &log), 0);
    buf_reset(&vkey);
    ck_assert_int_eq(vkey_text(&log.v, &vkey), 0);
    in = (struct join_in){.name = "laptop", .vkey = vkey.data, .exporter = {5}};
    ck_assert_int_eq(ed25519_public(seed, in.pub), 0);
    enrol_spki(in.pub, &in.spki);
    invite();
    prove(&in, &in.proof);
}

static void teardown(void) {
    static const char *const subs[] = {"journal",
                                       "clients",
                                       "revoked",
                                       "running",
                                       "ops",
                                       "points",
                                       "fork",
                                       "revert",
                                       "invites",
                                       "pveagentd/revoked",
                                       "pveagentd",
                                       "priv/pveagentd/clients",
                                       "priv/pveagentd",
                                       "priv",
                                       ""};

    priv_close(&p);
    for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
        empty(subs[i]);
    }
    ck_assert_int_ne(access(dir, F_OK), 0);
}

static const char *accept_it(const struct join_in *what) {
    static struct err e;
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    struct hash mac;

    memset(&e, 0, sizeof(e));
    return join_accept(&p, what, &text, &mac, &e) == 0 ? "ok" : e.tag;
}

START_TEST(a_proof_makes_one_client_once) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    CLEANUP(buf_done) struct buf m = BUF_INIT(LIM_LINES);
    struct hash mac;
    struct hash want;
    struct client c;
    struct err e = {0};

    ck_assert(join_open_until(&p) > 0);
    ck_assert_int_eq(join_accept(&p, &in, &text, &mac, &e), 0);
    buf_add(&m, "proximo-join-answer/v1", sizeof("proximo-join-answer/v1"));
    buf_add(&m, in.exporter, 32);
    buf_add(&m, text.data, text.len);
    hmac_sha256(secret, sizeof(secret), m.data, m.len, &want);
    ck_assert(hash_eq(&mac, &want));
    ck_assert_int_eq(client_by_spki(&p, &in.spki, &c, &e), 0);
    ck_assert_str_eq(c.name, "laptop");
    ck_assert_str_eq(c.rights, "witness");
    ck_assert_int_eq(join_open_until(&p), 0);
    ck_assert_str_eq(accept_it(&in), "join_closed");
}
END_TEST

START_TEST(every_field_is_under_the_proof) {
    struct join_in x = in;
    CLEANUP(buf_done) struct buf other = BUF_INIT(512);
    uint8_t seed[32] = {4};
    struct skey log;

    x.exporter[31] ^= 1; /* another connection */
    ck_assert_str_eq(accept_it(&x), "join_refused");
    x = in;
    x.spki.b[0] ^= 1;
    ck_assert_str_eq(accept_it(&x), "join_refused");
    x = in;
    ck_assert_int_eq(skey_make("proximo/home/1", NOTE_ED25519, seed, &log), 0);
    ck_assert_int_eq(vkey_text(&log.v, &other), 0);
    x.vkey = other.data;
    ck_assert_str_eq(accept_it(&x), "join_refused");
    x = in;
    x.name = "desktop";
    ck_assert_str_eq(accept_it(&x), "join_closed");
    x = in;
    x.name = "../laptop";
    ck_assert_str_eq(accept_it(&x), "join_closed");
    x = in;
    x.pub[0] ^= 1; /* proved one key, sent another */
    ck_assert_str_eq(accept_it(&x), "join_refused");
    ck_assert_str_eq(accept_it(&in), "ok");
}
END_TEST

START_TEST(thirty_failures_burn_it) {
    struct join_in x = in;

    x.proof.b[0] ^= 1;
    for (int i = 0; i < INVITE_FAILURES; i++) {
        ck_assert_str_eq(accept_it(&x), "join_refused");
    }
    ck_assert_str_eq(accept_it(&in), "join_closed");
}
END_TEST

START_TEST(one_failure_less_does_not) {
    struct join_in x = in;

    x.proof.b[0] ^= 1;
    for (int i = 0; i < INVITE_FAILURES - 1; i++) {
        ck_assert_str_eq(accept_it(&x), "join_refused");
    }
    ck_assert_str_eq(accept_it(&in), "ok");
}
END_TEST

START_TEST(time_burns_it) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(16384);
    CLEANUP(buf_done) struct buf out = BUF_INIT(16384);
    struct err e = {0};
    char *at;

    ck_assert_int_eq(file_read(p.state_fd, "invites/laptop", &b, &e), 0);
    at = strstr(b.data, "expires ");
    buf_add(&out, b.data, (size_t)(at - b.data));
    buf_adds(&out, "expires 1000");
    buf_adds(&out, at + strcspn(at, "\n"));
    ck_assert_int_eq(file_replace(p.state_fd, "invites/laptop", out.data, out.len, 0600, &e), 0);
    ck_assert_str_eq(accept_it(&in), "join_closed");
    ck_assert_int_eq(join_open_until(&p), 0);
}
END_TEST

START_TEST(what_another_has_is_not_given_away) {
    struct client other = {.name = "other", .joined = 1, .rights = ""};
    struct err e = {0};

    ck_assert_int_eq(vkey_parse(vkey.data, &other.log, &e), 0);
    ck_assert_int_eq(client_store(&p, &other, &e), 0); /* the same log */
    ck_assert_str_eq(accept_it(&in), "join_refused");
}
END_TEST

START_TEST(a_revoked_key_does_not_come_back) {
    struct err e = {0};

    ck_assert_int_eq(ctl_deny_key(&p, &in.spki, &e), 0);
    ck_assert_str_eq(accept_it(&in), "client_revoked");
}
END_TEST

int main(void) {
    Suite *s = suite_create("join");
    TCase *c = tcase_create("join");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_proof_makes_one_client_once);
    tcase_add_test(c, every_field_is_under_the_proof);
    tcase_add_test(c, thirty_failures_burn_it);
    tcase_add_test(c, one_failure_less_does_not);
    tcase_add_test(c, time_burns_it);
    tcase_add_test(c, what_another_has_is_not_given_away);
    tcase_add_test(c, a_revoked_key_does_not_come_back);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    buf_done(&vkey);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
