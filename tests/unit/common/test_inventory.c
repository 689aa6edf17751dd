/* SPDX-License-Identifier: Apache-2.0 */
/* The inventory's stream, read in every cut, and every byte of it changed; which files there are,
 * and what is masked in them. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/inventory.h"
#include "common/limits.h"
#include "common/own.h"

struct seen {
    size_t files, unread, again;
    uint64_t bytes;
    char last[PVEPATH_MAX], why[64];
};

static int on_file(void *ctx, const char *path, const char *text, size_t len) {
    struct seen *s = ctx;

    ck_assert_int_eq(text[len], '\0');
    s->files++;
    s->bytes += len;
    (void)snprintf(s->last, sizeof(s->last), "%s", path);
    return 0;
}

static int on_unread(void *ctx, const char *path, const char *why) {
    struct seen *s = ctx;

    s->unread++;
    (void)snprintf(s->last, sizeof(s->last), "%s", path);
    (void)snprintf(s->why, sizeof(s->why), "%s", why);
    return 0;
}

static int on_again(void *ctx) {
    struct seen *s = ctx;

    s->again++;
    s->files = s->unread = s->bytes = 0;
    return 0;
}

static const struct inventory_ops ops = {on_file, on_unread, on_again};

static int read_in(const char *text, size_t len, size_t step, struct seen *s, struct err *e) {
    CLEANUP(inventory_done) struct inventory_rd rd;
    int r = inventory_init(&rd, &ops, s, e);

    for (size_t at = 0; r == 0 && at < len; at += step) {
        r = inventory_feed(&rd, text + at, at + step < len ? step : len - at, e);
    }
    return r < 0 ? r : inventory_end(&rd, e);
}

static int refused(const char *text, struct err *e) {
    struct seen s = {0};

    return read_in(text, strlen(text), strlen(text) + 1, &s, e);
}

/* Head, entries and the end that belongs to them. */
static void whole(struct buf *b, const char *entries, size_t files, size_t unread) {
    char text[HASH_HEX_LEN + 1];
    struct hash h;

    sha256(entries, strlen(entries), &h);
    hash_text(&h, text);
    ck_assert_int_eq(
        buf_addf(b, INVENTORY_MAGIC "node pve1\n%send %zu %zu %s\n", entries, files, unread, text),
        0);
}

static const char entries[] = "file .members 2\n{}\n"
                              "file nodes/a/lxc/101.conf 12\nhostname: x\n\n"
                              "unread nodes/b/lxc/ Input/output error\n"
                              "file storage.cfg 0\n\n";

START_TEST(every_cut_gives_the_same) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

    whole(&b, entries, 3, 1);
    for (size_t step = 1; step <= b.len; step++) {
        struct seen s = {0};
        struct err e = {0};

        ck_assert_msg(read_in(b.data, b.len, step, &s, &e) == 0, "%zu: %s", step, e.msg);
        ck_assert_uint_eq(s.files, 3);
        ck_assert_uint_eq(s.bytes, 14);
        ck_assert_uint_eq(s.unread, 1);
        ck_assert_str_eq(s.why, "Input/output error");
        ck_assert_str_eq(s.last, "storage.cfg");
    }
}
END_TEST

START_TEST(no_part_of_it_is_whole) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

    whole(&b, entries, 3, 1);
    for (size_t len = 0; len < b.len; len++) {
        struct seen s = {0};
        struct err e = {0};

        ck_assert_int_lt(read_in(b.data, len, len + 1, &s, &e), 0);
        ck_assert_str_eq(e.tag, "inventory_invalid");
    }
}
END_TEST

/* The first line's and the node's bytes are not in the sum: another node's name is another node's,
 * which the caller compares. */
START_TEST(no_byte_may_be_another) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    size_t node = sizeof(INVENTORY_MAGIC) - 1 + strlen("node ");

    whole(&b, entries, 3, 1);
    for (size_t i = 0; i < b.len; i++) {
        struct seen s = {0};

        if (i >= node && i < node + 4) {
            continue;
        }
        b.data[i] ^= 1;
        ck_assert_msg(read_in(b.data, b.len, b.len, &s, NULL) < 0, "byte %zu", i);
        b.data[i] ^= 1;
    }
}
END_TEST

START_TEST(begins_again) {
    CLEANUP(buf_done) struct buf good = BUF_INIT(4096);
    CLEANUP(buf_done) struct buf b = BUF_INIT(8192);
    struct seen s = {0};
    const char *body;

    whole(&good, entries, 3, 1);
    body = strstr(good.data, "file ");
    ck_assert_int_eq(buf_addf(&b, INVENTORY_MAGIC "node pve1\nfile user.cfg 1\nx\nagain\n%s", body),
                     0);
    ck_assert_int_eq(read_in(b.data, b.len, 7, &s, NULL), 0);
    ck_assert_uint_eq(s.again, 1);
    ck_assert_uint_eq(s.files, 3);
    ck_assert_int_lt(refused(INVENTORY_MAGIC "node pve1\nagain\nagain\nagain\nagain\n", NULL), 0);
}
END_TEST

START_TEST(what_is_not_an_inventory) {
    static const char *const bad[] = {
        "",
        "proximo-inventory/v2\nnode pve1\n",
        INVENTORY_MAGIC "nude pve1\n",
        INVENTORY_MAGIC "node ../x\n",
        INVENTORY_MAGIC "node pve1\nfile\n",
        INVENTORY_MAGIC "node pve1\nfile storage.cfg\n",
        INVENTORY_MAGIC "node pve1\nfile storage.cfg 01\nx\n",
        INVENTORY_MAGIC "node pve1\nfile storage.cfg -1\n",
        INVENTORY_MAGIC "node pve1\nfile storage.cfg 1048577\n",
        INVENTORY_MAGIC "node pve1\nfile storage.cfg 18446744073709551616\n",
        INVENTORY_MAGIC "node pve1\nfile storage.cfg 1 1\n",
        INVENTORY_MAGIC "node pve1\nfile storage.cfg 1\nxy\n",
        INVENTORY_MAGIC "node pve1\nfile ../storage.cfg 0\n\n",
        INVENTORY_MAGIC "node pve1\nfile nodes/../lxc/101.conf 0\n\n",
        INVENTORY_MAGIC "node pve1\nfile priv/token.cfg 0\n\n",
        INVENTORY_MAGIC "node pve1\nfile /etc/passwd 0\n\n",
        INVENTORY_MAGIC "node pve1\nfile nodes/a/lxc/ 0\n\n",
        INVENTORY_MAGIC "node pve1\nunread storage.cfg\n",
        INVENTORY_MAGIC "node pve1\nunread nodes/../ x\n",
        INVENTORY_MAGIC "node pve1\nunread / x\n",
        INVENTORY_MAGIC "node pve1\nfile user.cfg 0\n\nfile storage.cfg 0\n\n",
        INVENTORY_MAGIC "node pve1\nfile user.cfg 0\n\nfile user.cfg 0\n\n",
        INVENTORY_MAGIC "node pve1\n\n",
        INVENTORY_MAGIC "node pve1\nfile user.cfg\t0\n\n",
        INVENTORY_MAGIC "node pve1\nend 0 0 sha256:00\n",
        INVENTORY_MAGIC "node pve1\nend 1 0 "
                        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n",
        INVENTORY_MAGIC
        "node pve1\nend 0 0 "
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nx",
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = {0};

        ck_assert_msg(refused(bad[i], &e) < 0, "%zu: %s", i, bad[i]);
        ck_assert_str_eq(e.tag, "inventory_invalid");
    }
}
END_TEST

START_TEST(says_why_there_is_none) {
    struct err e = {0};

    ck_assert_int_eq(refused(INVENTORY_MAGIC "node pve1\nfail it moves\n", &e), -EAGAIN);
    ck_assert_str_eq(e.tag, "inventory_failed");
    ck_assert_ptr_nonnull(strstr(e.msg, "it moves"));
}
END_TEST

START_TEST(a_line_without_end_takes_no_memory) {
    CLEANUP(inventory_done) struct inventory_rd rd;
    struct seen s = {0};
    int r = inventory_init(&rd, &ops, &s, NULL);

    for (size_t i = 0; r == 0 && i < 4096; i++) {
        r = inventory_feed(&rd, "x", 1, NULL);
    }
    ck_assert_int_lt(r, 0);
    ck_assert_uint_le(rd.line.len, 1024);
}
END_TEST

START_TEST(the_list_is_closed) {
    static const char *const good[] = {"nodes/pve-1/lxc/101.conf",
                                       "nodes/a/qemu-server/100.conf",
                                       "firewall/cluster.fw",
                                       "nodes/a/host.fw",
                                       "etc/network/interfaces@a",
                                       "etc/network/interfaces.new@a",
                                       "storage.cfg",
                                       ".members"};
    static const char *const bad[] = {"priv/shadow.cfg",
                                      "nodes/a/pve-ssl.key",
                                      "nodes/a/pve-ssl.pem",
                                      "nodes/a/lxc/../../../priv/x.conf",
                                      "nodes/../lxc/101.conf",
                                      "nodes/.a/lxc/101.conf",
                                      "nodes/a/lxc/.conf",
                                      "nodes/a/lxc/a b.conf",
                                      "nodes/a/lxc/101.conf/",
                                      "nodes//lxc/101.conf",
                                      "/storage.cfg",
                                      "storage.cfg ",
                                      "pve-www.key",
                                      "authkey.pub",
                                      "etc/network/interfaces",
                                      ""};

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        ck_assert_msg(pvepath_find(good[i]) != NULL, "%s", good[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(pvepath_find(bad[i]) == NULL, "%s", bad[i]);
    }
}
END_TEST

START_TEST(secrets_are_masked) {
    static const struct {
        const char *path, *text, *want;
    } cases[] = {
        {"nodes/a/qemu-server/1.conf",
         "cipassword: s3\ncipasswordx: y\n#cipassword: z\n[a]\ncipassword:s3",
         "cipassword: **********\ncipasswordx: y\n#cipassword: z\n[a]\ncipassword:**********"},
        {"nodes/a/qemu-server/1.conf", "cipassword:\nname: cipassword: x\n",
         "cipassword:\nname: cipassword: x\n"},
        {"storage.cfg", "cifs: a\n\tpassword  s3 t\n\tusername u\n",
         "cifs: a\n\tpassword  **********\n\tusername u\n"},
        {"domains.cfg", "openid: a\n\tclient-key s3\n\tclient-id i\n",
         "openid: a\n\tclient-key **********\n\tclient-id i\n"},
        {"sdn/ipams.cfg", "netbox: n\n\ttoken s3\n", "netbox: n\n\ttoken **********\n"},
        {"user.cfg", "user:a@pam:1:0:::::x:\nuser:b@pam:1:0::::c:s3:\ntoken:a@pam!t:0:1::\n",
         "user:a@pam:1:0:::::x:\nuser:b@pam:1:0::::c:x:\ntoken:a@pam!t:0:1::\n"},
        {"user.cfg", "user:a@pam:1\nuser:b@pam:1:0::::c:", "user:a@pam:1\nuser:b@pam:1:0::::c:"},
        {"jobs.cfg", "vzdump: j\n\tpassword is kept here\n",
         "vzdump: j\n\tpassword is kept here\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
        size_t n = 0;

        ck_assert_int_eq(
            pvepath_mask(pvepath_find(cases[i].path), cases[i].text, strlen(cases[i].text), &b, &n),
            0);
        ck_assert_str_eq(buf_str(&b), cases[i].want);
        ck_assert_int_eq(n > 0, strcmp(cases[i].text, cases[i].want) != 0);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("inventory");
    TCase *c = tcase_create("inventory");
    SRunner *r;
    int failed;

    tcase_add_test(c, every_cut_gives_the_same);
    tcase_add_test(c, no_part_of_it_is_whole);
    tcase_add_test(c, no_byte_may_be_another);
    tcase_add_test(c, begins_again);
    tcase_add_test(c, what_is_not_an_inventory);
    tcase_add_test(c, says_why_there_is_none);
    tcase_add_test(c, a_line_without_end_takes_no_memory);
    tcase_add_test(c, the_list_is_closed);
    tcase_add_test(c, secrets_are_masked);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
