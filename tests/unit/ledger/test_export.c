/* SPDX-License-Identifier: Apache-2.0 */
/* Exports: public names, only what is new, nothing under a checkpoint that is not there, and never
 * over somebody else's copy. What verifiers say of them is asked in tests/verify. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/export.h"
#include "proximo-client/ledger/tiles.h"
#include "tests/unit/ledger/fixture.h"

static struct fixture fx;
static char out[96];

static void start(void) {
    fx_start(&fx);
    (void)snprintf(out, sizeof(out), "%s/export", fx.top);
}

static void stop(void) {
    fx_stop(&fx);
}

static void grow(unsigned int n) {
    for (unsigned int i = 1; i < n; i++) {
        (void)fx_read_entry(&fx, 0);
    }
    (void)fx_read_entry(&fx, LEDGER_SYNC);
}

static struct export_result exported(bool bodies) {
    struct export_result x = {0};
    struct err e = {0};

    ck_assert_msg(ledger_export(fx.l, out, bodies, &x, &e) == 0, "%s: %s", e.tag, e.msg);
    return x;
}

static void refused(const char *tag) {
    struct export_result x = {0};
    struct err e = {0};

    ck_assert_int_lt(ledger_export(fx.l, out, false, &x, &e), 0);
    ck_assert_str_eq(e.tag, tag);
    ck_assert_str_ne(e.hint, "");
}

static bool there(const char *name) {
    char path[200];
    struct stat st;

    (void)snprintf(path, sizeof(path), "%s/%s", out, name);
    return lstat(path, &st) == 0;
}

static ino_t inode(const char *name) {
    char path[200];
    struct stat st;

    (void)snprintf(path, sizeof(path), "%s/%s", out, name);
    ck_assert_int_eq(lstat(path, &st), 0);
    return st.st_ino;
}

START_TEST(names_are_the_public_ones) {
    char name[TILE_NAME];

    tile_name(0, 1234067, TILE_WIDTH, name); /* the example of the specification */
    ck_assert_str_eq(name, "tile/0/x001/x234/067");
    tile_name(3, 7, 112, name);
    ck_assert_str_eq(name, "tile/3/007.p/112");
    tile_name(TILE_ENTRIES, 1000, 1, name);
    ck_assert_str_eq(name, "tile/entries/x001/000.p/1");
    tile_name(0, UINT64_MAX, 1, name);
    ck_assert_str_eq(name, "tile/0/x018/x446/x744/x073/x709/x551/615.p/1");
    ck_assert_uint_eq(tile_width(70000, 0, 273), 112);
    ck_assert_uint_eq(tile_width(70000, 1, 1), 17);
    ck_assert_uint_eq(tile_width(70000, 2, 0), 1);
    ck_assert_uint_eq(tile_width(70000, 3, 0), 0);
    ck_assert_uint_eq(tile_width(UINT64_MAX, 8, 0), 0);
}
END_TEST

START_TEST(only_what_is_new_is_written) {
    struct export_result x;
    ino_t full;

    grow(299);
    x = exported(false);
    ck_assert_uint_eq(x.before, 0);
    ck_assert_uint_eq(x.size, 300);
    ck_assert(there("tile/0/000") && there("tile/0/001.p/44") && there("tile/1/000.p/1"));
    ck_assert(there("tile/entries/000") && there("tile/entries/001.p/44"));
    ck_assert(fx_is_sound(&fx, out));
    full = inode("tile/entries/000");
    grow(300);
    x = exported(false);
    ck_assert_uint_eq(x.before, 300);
    ck_assert_uint_eq(x.size, 600);
    ck_assert_uint_eq(inode("tile/entries/000"), full);
    ck_assert(there("tile/0/001") && there("tile/entries/002.p/88"));
    ck_assert(!there("tile/0/001.p") && !there("tile/entries/001.p"));
    ck_assert(fx_is_sound(&fx, out));
    x = exported(false);
    ck_assert_uint_eq(x.before, x.size);
}
END_TEST

START_TEST(only_what_is_signed) {
    (void)fx_read_entry(&fx, LEDGER_SYNC);
    (void)fx_read_entry(&fx, 0);
    ck_assert_uint_eq(exported(false).size, 2);
    ck_assert(fx_is_sound(&fx, out));
}
END_TEST

/* The first export dies before its checkpoint: what lies there is nobody's copy yet. */
START_TEST(a_crash_before_the_checkpoint) {
    char path[200];

    grow(300);
    (void)exported(false);
    (void)snprintf(path, sizeof(path), "%s/checkpoint", out);
    ck_assert_int_eq(unlink(path), 0);
    (void)snprintf(path, sizeof(path), "%s/tile/entries/000", out);
    ck_assert_int_eq(truncate(path, 0), 0); /* named, but its bytes did not reach the disk */
    ck_assert_uint_eq(exported(false).before, 0);
    ck_assert(fx_is_sound(&fx, out));
}
END_TEST

START_TEST(bodies_when_asked) {
    struct err e = {0};
    char name[96];
    struct hash h;

    ck_assert_int_eq(ledger_body_put(fx.l, "a whole plan", 12, &h, &e), 0);
    grow(2);
    ck_assert_uint_eq(exported(false).bodies, 0);
    ck_assert(!there("bodies"));
    ck_assert_uint_eq(exported(true).bodies, 1);
    hash_text(&h, name);
    memmove(name + strlen("bodies/xx/"), name + strlen("sha256:"), 65);
    memcpy(name, "bodies/", 7);
    memcpy(name + 7, name + 10, 2);
    name[9] = '/';
    ck_assert(there(name));
    ck_assert_uint_eq(exported(true).bodies, 0);
}
END_TEST

START_TEST(never_over_something_else) {
    CLEANUP(ledger_closep) struct ledger *other = NULL;
    struct hash policy = {{1}};
    char dir[96];
    struct err e = {0};
    struct export_result x;

    (void)snprintf(dir, sizeof(dir), "%s/other", fx.top);
    ck_assert_int_eq(ledger_create(dir, "c2", &policy, &e), 0);
    ck_assert_int_eq(ledger_open(dir, &other, &e), 0);
    ck_assert_int_eq(ledger_export(other, out, false, &x, &e), 0);
    refused("mirror_bad");
    (void)snprintf(out, sizeof(out), "%s", dir);
    refused("mirror_bad"); /* a ledger */
    (void)snprintf(out, sizeof(out), "%s", fx.dir);
    refused("mirror_bad"); /* this one */
}
END_TEST

START_TEST(never_backwards_nor_sideways) {
    char older[96];

    grow(5);
    (void)snprintf(older, sizeof(older), "%s/older", fx.top);
    fx_copy(fx.dir, older);
    grow(5);
    (void)exported(false);
    fx_close(&fx);
    fx_copy(older, fx.dir);
    fx_open(&fx);
    refused("ledger_behind");
    grow(9); /* the older copy went its own way */
    refused("mirror_bad");
    ck_assert(fx_is_sound(&fx, out));
}
END_TEST

START_TEST(never_from_a_damaged_ledger) {
    struct hash zero = {{0}};
    char path[200];
    int fd;

    grow(600);
    (void)snprintf(path, sizeof(path), "%s/level/8", fx.dir);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(pwrite(fd, &zero, sizeof(zero), 0), sizeof(zero));
    (void)close(fd);
    refused("ledger_damaged");
    ck_assert(!there("checkpoint"));
}
END_TEST

int main(void) {
    Suite *s = suite_create("export");
    TCase *c = tcase_create("export");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(c, start, stop);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, names_are_the_public_ones);
    tcase_add_test(c, only_what_is_new_is_written);
    tcase_add_test(c, only_what_is_signed);
    tcase_add_test(c, a_crash_before_the_checkpoint);
    tcase_add_test(c, bodies_when_asked);
    tcase_add_test(c, never_over_something_else);
    tcase_add_test(c, never_backwards_nor_sideways);
    tcase_add_test(c, never_from_a_damaged_ledger);
    suite_add_tcase(s, c);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
