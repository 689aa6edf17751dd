/* SPDX-License-Identifier: Apache-2.0 */
/* A log that is behind, damaged or forked: what it takes back it has proved, a mirror that lies is
 * never believed, and nobody's kill leaves half of anything. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/care.h"
#include "proximo-client/ledger/export.h"
#include "tests/unit/ledger/fixture.h"

static struct fixture fx;
static char older[96], mirror[96];
static struct buf head; /* the newest checkpoint, as a node has it */

static void grow(unsigned int n) {
    for (unsigned int i = 1; i < n; i++) {
        (void)fx_read_entry(&fx, 0);
    }
    (void)fx_read_entry(&fx, LEDGER_SYNC);
}

static void export(void) {
    struct export_result x;
    struct err e = {0};

    ck_assert_msg(ledger_export(fx.l, mirror, true, &x, &e) == 0, "%s: %s", e.tag, e.msg);
}

static void keep_head(void) {
    struct err e = {0};

    buf_reset(&head);
    ck_assert_int_eq(ledger_checkpoint(fx.l, &head, NULL, &e), 0);
}

/* 300 entries, of which `older` has 100; the mirror and the nodes have all of them. */
static void start(void) {
    fx_start(&fx);
    head = (struct buf)BUF_INIT(LIM_NOTE);
    (void)snprintf(older, sizeof(older), "%s/older", fx.top);
    (void)snprintf(mirror, sizeof(mirror), "%s/mirror", fx.top);
    (void)fx_operation(&fx);
    grow(94);
    fx_copy(fx.dir, older);
    (void)fx_operation(&fx);
    grow(195);
    keep_head();
    export();
    ck_assert_uint_eq(ledger_size(fx.l), 300);
}

static void stop(void) {
    fx_stop(&fx);
    buf_done(&head);
}

static void restore_older(void) {
    fx_close(&fx);
    fx_copy(older, fx.dir);
}

static int recover_with(const char *from, const char *note, struct ledger_recovered *ret,
                        struct err *e) {
    struct ledger_head h = {note, "node pve1"};
    struct ledger_recovery in = {
        .mirror = from, .head = &h, .n_heads = note ? 1 : 0, .reason = "a test"};

    return ledger_recover(fx.dir, &in, ret, e);
}

static struct ledger_recovered recovered(const char *from) {
    struct ledger_recovered ret;
    struct err e = {0};

    ck_assert_msg(recover_with(from, buf_str(&head), &ret, &e) == 0, "%s: %s", e.tag, e.msg);
    ck_assert(fx_is_sound(&fx, NULL));
    return ret;
}

static unsigned int beside(void) {
    DIR *d = opendir(fx.top);
    const struct dirent *de;
    unsigned int n = 0;

    ck_assert_ptr_nonnull(d);
    while ((de = readdir(d))) {
        n += strncmp(de->d_name, "log.before-", 11) == 0;
    }
    (void)closedir(d);
    return n;
}

/* Refused, and nothing is other than before. */
static void refused(const char *from, const char *tag) {
    CLEANUP(buf_done) struct buf before = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf after = BUF_INIT(LIM_NOTE);
    struct ledger_recovered ret;
    char path[128];
    struct err e = {0};
    bool had;

    (void)snprintf(path, sizeof(path), "%s/checkpoint", fx.dir);
    had = file_read(AT_FDCWD, path, &before, NULL) == 0;
    ck_assert_int_lt(recover_with(from, buf_str(&head), &ret, &e), 0);
    ck_assert_msg(strcmp(e.tag, tag) == 0, "%s: %s", e.tag, e.msg);
    ck_assert_str_ne(e.hint, "");
    ck_assert_uint_eq(beside(), 0);
    ck_assert_int_eq(file_read(AT_FDCWD, path, &after, NULL) == 0, had);
    ck_assert_str_eq(buf_str(&before), buf_str(&after));
}

static void write_at(const char *dir, const char *name, off_t at, const void *data, size_t len) {
    char path[200];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, data, len, at), (ssize_t)len);
    (void)close(fd);
}

static void cut_file(const char *dir, const char *name, off_t size) {
    char path[200];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    ck_assert_int_eq(truncate(path, size), 0);
}

static void append_refused(const char *tag) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct hash plan = {{9}};
    struct ledger_pos pos;
    struct err e = {0};

    fx_plan_bytes(&plan, "none", &b);
    ck_assert_int_lt(ledger_append(fx.l, buf_str(&b), b.len, LEDGER_SYNC, NULL, NULL, &pos, &e), 0);
    ck_assert_str_eq(e.tag, tag);
}

START_TEST(a_larger_head_stops_every_process) {
    struct err e = {0};

    restore_older();
    fx_open(&fx);
    ck_assert_int_lt(ledger_meet(fx.l, buf_str(&head), head.len, "node pve1", &e), 0);
    ck_assert_str_eq(e.tag, "ledger_behind");
    ck_assert_ptr_nonnull(strstr(e.hint, "ledger recover"));
    append_refused("ledger_behind");
    fx_close(&fx);
    fx_open(&fx);
    append_refused("ledger_behind");
    ck_assert_uint_eq(ledger_size(fx.l), 100);
}
END_TEST

START_TEST(only_the_logs_own_signature_stops_it) {
    struct skey other;
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    struct checkpoint c = {.size = 900};
    uint8_t seed[NOTE_SEED_LEN] = {5};
    struct err e = {0};

    ck_assert_int_eq(skey_make(ledger_origin(fx.l), NOTE_ED25519, seed, &other), 0);
    (void)snprintf(c.origin, sizeof(c.origin), "%s", ledger_origin(fx.l));
    ck_assert_int_eq(checkpoint_text(&c, &text), 0);
    ck_assert_int_eq(note_sign(buf_str(&text), text.len, &other, &note, &e), 0);
    ck_assert_int_lt(ledger_meet(fx.l, buf_str(&note), note.len, "a liar", &e), 0);
    ck_assert_str_ne(e.tag, "ledger_behind");
    (void)fx_read_entry(&fx, LEDGER_SYNC);
    ck_assert_int_eq(ledger_meet(fx.l, buf_str(&head), head.len, "node pve1", &e), 0);
    skey_done(&other);
}
END_TEST

START_TEST(missing_entries_come_from_the_mirror) {
    struct ledger_recovered ret;
    struct hash root;
    struct hash want;
    struct err e = {0};

    ck_assert_int_eq(ledger_root(fx.l, 300, &want, &e), 0);
    restore_older();
    fx_open(&fx);
    (void)fx_read_entry(&fx, 0); /* unsigned: nobody but us knows it */
    (void)fx_read_entry(&fx, 0);
    (void)ledger_meet(fx.l, buf_str(&head), head.len, "node pve1", &e);
    fx_close(&fx);
    ret = recovered(mirror);
    ck_assert_uint_eq(ret.before, 100);
    ck_assert_uint_eq(ret.size, 301);
    ck_assert_uint_eq(ret.fetched, 200);
    ck_assert_uint_eq(ret.cut, 2);
    ck_assert(fx_is_sound(&fx, ret.kept)); /* the older copy, as it was */
    fx_open(&fx);
    ck_assert_int_eq(ledger_root(fx.l, 300, &root, &e), 0);
    ck_assert(hash_eq(&root, &want));
    (void)fx_operation(&fx);
    fx_close(&fx);
    ck_assert(fx_is_sound(&fx, NULL));
}
END_TEST

/* The entry says what was done, and that it was. */
START_TEST(recovery_is_recorded) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct err e = {0};

    restore_older();
    (void)recovered(mirror);
    fx_open(&fx);
    ck_assert_int_eq(ledger_read(fx.l, 300, &b, &e), 0);
    ck_assert_ptr_nonnull(strstr(buf_str(&b), "kind recovery\n"));
    ck_assert_ptr_nonnull(strstr(buf_str(&b), "\ncut 0\nrehashed 200\n"));
    ck_assert_ptr_nonnull(strstr(buf_str(&b), "node pve1 at 300; a test"));
}
END_TEST

START_TEST(a_mirror_ahead_of_the_nodes_counts) {
    grow(50);
    export();
    restore_older();
    ck_assert_uint_eq(recovered(mirror).size, 351);
}
END_TEST

START_TEST(without_a_mirror_it_stays_behind) {
    restore_older();
    refused(NULL, "ledger_behind");
}
END_TEST

START_TEST(a_short_mirror_is_not_enough) {
    grow(20);
    keep_head(); /* nodes have seen 320, the mirror 300 */
    restore_older();
    refused(mirror, "mirror_bad");
}
END_TEST

START_TEST(a_mirror_that_lies) {
    char copy[96];
    char path[160];
    struct stat st;
    static char bundle[1 << 20];
    size_t first;
    size_t second;
    int fd;

    restore_older();
    (void)snprintf(copy, sizeof(copy), "%s/liar", fx.top);
    (void)snprintf(path, sizeof(path), "%s/tile/entries/001.p/44", mirror);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_int_eq(read(fd, bundle, sizeof(bundle)), st.st_size);
    (void)close(fd);
    fx_copy(mirror, copy); /* edited */
    write_at(copy, "tile/entries/001.p/44", 40, "~", 1);
    refused(copy, "mirror_bad");
    fx_copy(mirror, copy); /* truncated */
    cut_file(copy, "tile/entries/001.p/44", st.st_size - 7);
    refused(copy, "mirror_bad");
    cut_file(copy, "tile/entries/001.p/44", 0);
    refused(copy, "mirror_bad");
    fx_copy(mirror, copy); /* reordered */
    first = 2 + (size_t)((unsigned char)bundle[0] << 8 | (unsigned char)bundle[1]);
    second = 2 + (size_t)((unsigned char)bundle[first] << 8 | (unsigned char)bundle[first + 1]);
    write_at(copy, "tile/entries/001.p/44", 0, bundle + first, second);
    write_at(copy, "tile/entries/001.p/44", (off_t)second, bundle, first);
    refused(copy, "mirror_bad");
    fx_copy(mirror, copy); /* a checkpoint that nobody signed */
    fx_flip(copy, "checkpoint", 40, 1);
    refused(copy, "mirror_bad");
    refused(fx.dir, "mirror_bad"); /* no export at all */
    ck_assert_uint_eq(recovered(mirror).size, 301);
}
END_TEST

/* A mirror of another branch, signed by the log itself: the owner of the key rewrote history. */
START_TEST(a_forked_mirror) {
    restore_older();
    fx_open(&fx);
    grow(200);
    fx_remove(mirror);
    export();
    restore_older();
    refused(mirror, "ledger_forked");
    ck_assert(fx_is_sound(&fx, NULL));
}
END_TEST

START_TEST(a_copy_that_went_its_own_way) {
    restore_older();
    fx_open(&fx);
    grow(5); /* signed: it can never be taken back */
    fx_close(&fx);
    refused(mirror, "ledger_forked");
    fx_open(&fx);
    grow(250); /* longer than what the nodes have seen */
    fx_close(&fx);
    refused(NULL, "ledger_forked");
}
END_TEST

START_TEST(damage_is_mended_from_the_mirror) {
    static const struct {
        const char *file;
        off_t at; /* -1: removed; -2: cut to 1000 bytes */
    } cases[] = {
        {"entries/000000", 5000}, {"entries/000000", -2}, {"entries/000000", -1},
        {"level/0", 320},         {"level/0", -1},        {"level/3", 64},
        {"checkpoint", 40},       {"checkpoint", -1},
    };
    char whole[96];

    fx_close(&fx);
    (void)snprintf(whole, sizeof(whole), "%s/whole", fx.top);
    fx_copy(fx.dir, whole);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ledger_recovered ret;
        char path[160];

        fx_copy(whole, fx.dir);
        (void)snprintf(path, sizeof(path), "%s/%s", fx.dir, cases[i].file);
        if (cases[i].at == -1) {
            ck_assert_int_eq(unlink(path), 0);
        } else if (cases[i].at == -2) {
            ck_assert_int_eq(truncate(path, 1000), 0);
        } else {
            write_at(fx.dir, cases[i].file, cases[i].at, "~~", 2);
        }
        ret = recovered(mirror);
        ck_assert_msg(ret.size == 301, "%s: %llu", cases[i].file, (unsigned long long)ret.size);
        ck_assert_str_ne(ret.kept, "");
        fx_remove(ret.kept);
    }
}
END_TEST

START_TEST(hashes_are_made_anew_without_a_mirror) {
    fx_close(&fx);
    write_at(fx.dir, "level/4", 32, "~~", 2);
    ck_assert_uint_eq(recovered(NULL).fetched, 0);
    fx_open(&fx);
    grow(1);
    fx_close(&fx);
    write_at(fx.dir, "entries/000000", 5000, "~~", 2);
    {
        struct ledger_recovered ret;
        struct err e = {0};

        ck_assert_int_lt(recover_with(NULL, NULL, &ret, &e), 0);
        ck_assert_str_eq(ret.kept, "");
    }
}
END_TEST

START_TEST(bodies_come_along) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE);
    struct hash here;
    struct hash there;
    struct err e = {0};

    ck_assert_int_eq(ledger_body_put(fx.l, "in the mirror", 13, &there, &e), 0);
    export();
    restore_older();
    fx_open(&fx);
    ck_assert_int_eq(ledger_body_put(fx.l, "only here", 9, &here, &e), 0);
    fx_close(&fx);
    (void)recovered(mirror);
    fx_open(&fx);
    ck_assert_int_eq(ledger_body_get(fx.l, &here, &b, &e), 0);
    ck_assert_int_eq(ledger_body_get(fx.l, &there, &b, &e), 0);
    ck_assert_str_eq(buf_str(&b), "only herein the mirror");
}
END_TEST

START_TEST(a_sound_log_is_left_alone) {
    fx_close(&fx);
    ck_assert_str_eq(recovered(mirror).kept, "");
    ck_assert_uint_eq(beside(), 0);
}
END_TEST

START_TEST(nobody_else_may_have_it_open) {
    struct ledger_recovered ret;
    struct err e = {0};

    ck_assert_int_lt(recover_with(mirror, buf_str(&head), &ret, &e), 0);
    ck_assert_str_eq(e.tag, "ledger_busy");
}
END_TEST

/* Killed at any moment: the log is the old one or the new one, and the next try ends it. */
START_TEST(killed_while_recovering) {
    for (unsigned int i = 0; i < 40; i++) {
        struct ledger_recovered ret;
        struct err e = {0};
        pid_t pid;

        fx_close(&fx);
        fx_remove(fx.dir);
        fx_copy(older, fx.dir);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
            _exit(recover_with(mirror, buf_str(&head), &ret, &e) == 0 ? 0 : 1);
        }
        clock_sleep_ms(i);
        (void)kill(pid, SIGKILL);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        ck_assert(fx_is_sound(&fx, NULL));
        ret = recovered(mirror);
        fx_open(&fx);
        ck_assert_uint_eq(ledger_size(fx.l), 301);
        grow(1);
    }
}
END_TEST

static void restart_with(const char *note, struct ledger_restarted *ret) {
    struct hash policy = {{7}};
    struct ledger_head h = {note, "node pve1"};
    struct ledger_restart in = {.cluster = "c1",
                                .policy = &policy,
                                .head = &h,
                                .n_heads = note ? 1 : 0,
                                .reason = "the disk died"};
    struct err e = {0};

    ck_assert_msg(ledger_restart(fx.dir, &in, ret, &e) == 0, "%s: %s", e.tag, e.msg);
}

START_TEST(a_restart_says_so_for_ever) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(buf_done) struct buf second = BUF_INIT(LIM_NOTE);
    CLEANUP(js_freep) js *report = NULL;
    struct ledger_restarted ret;
    const js *list;
    char first[160];
    struct err e = {0};

    (void)snprintf(first, sizeof(first), "%s", ledger_origin(fx.l));
    fx_close(&fx);
    restart_with(buf_str(&head), &ret);
    ck_assert_str_eq(ret.old_origin, first);
    ck_assert_str_ne(ret.log.name, first);
    ck_assert(fx_is_sound(&fx, ret.kept));
    fx_open(&fx);
    ck_assert_str_eq(ledger_origin(fx.l), ret.log.name);
    ck_assert_int_eq(ledger_read(fx.l, 0, &b, &e), 0);
    ck_assert_ptr_nonnull(strstr(buf_str(&b), "{\"summary\":\"the disk died\",\"v\":1}"));
    (void)fx_read_entry(&fx, LEDGER_SYNC);
    ck_assert_int_eq(ledger_checkpoint(fx.l, &second, NULL, &e), 0);
    fx_close(&fx);
    restart_with(NULL, &ret); /* no node: its own last checkpoint */
    report = fx_verify(&fx, NULL);
    ck_assert(js_bool_or(report, "ok", false));
    list = js_get(report, "restarted");
    ck_assert_uint_eq(js_len(list), 2);
    ck_assert_str_eq(js_str_or(js_at(list, 0), "origin", ""), first);
    ck_assert_int_eq(js_int_or(js_at(list, 0), "size", 0), 300);
    ck_assert_int_eq(js_int_or(js_at(list, 1), "size", 0), 2);
}
END_TEST

static bool is_there(const char *dir, const char *name) {
    char path[4600];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

START_TEST(secrets_move_and_leave_no_copy) {
    static const char name[] = "secrets/P-aaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct ledger_recovered ret;
    struct ledger_restarted again;
    struct err e = {0};

    export();
    restore_older();
    fx_open(&fx);
    ck_assert_int_eq(ledger_secret_put(fx.l, name + 8, "x", 1, &e), 0);
    fx_close(&fx);
    ret = recovered(mirror);
    ck_assert(is_there(fx.dir, name));
    ck_assert(is_there(ret.kept, "secrets"));
    ck_assert(!is_there(ret.kept, name));
    restart_with(NULL, &again); /* its plans are void, and so are their values */
    ck_assert(!is_there(fx.dir, name));
    ck_assert(!is_there(again.kept, name));
}
END_TEST

/* What a process leaves that dies before it has forgotten: the next one that opens the ledger ends
 * it, in the copy and nowhere else. */
START_TEST(secrets_in_a_copy_go_at_the_next_opening) {
    static const char name[] = "secrets/P-aaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct ledger_recovered ret;
    char path[4600];
    struct err e = {0};
    int fd;

    export();
    restore_older();
    ret = recovered(mirror);
    fx_open(&fx);
    ck_assert_int_eq(ledger_secret_put(fx.l, name + 8, "x", 1, &e), 0);
    (void)snprintf(path, sizeof(path), "%s/%s", ret.kept, name);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
    fx_close(&fx);
    ck_assert(is_there(ret.kept, name));
    fx_open(&fx);
    ck_assert(!is_there(ret.kept, name));
    ck_assert(is_there(ret.kept, "origin"));
    ck_assert(is_there(fx.dir, name));
    fx_close(&fx);
}
END_TEST

START_TEST(no_restart_without_a_note) {
    struct hash policy = {{7}};
    struct ledger_restart in = {.cluster = "c1", .policy = &policy, .reason = "x"};
    struct ledger_restarted ret;
    char path[128];
    struct err e = {0};

    (void)snprintf(path, sizeof(path), "%s/checkpoint", fx.dir);
    ck_assert_int_lt(ledger_restart(fx.dir, &in, &ret, &e), 0);
    ck_assert_str_eq(e.tag, "ledger_busy"); /* it is open here */
    fx_close(&fx);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_lt(ledger_restart(fx.dir, &in, &ret, &e), 0);
    ck_assert_str_eq(e.tag, "ledger_damaged");
    ck_assert_uint_eq(beside(), 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("recover");
    TCase *c = tcase_create("recover");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(c, start, stop);
    tcase_set_timeout(c, 300);
    tcase_add_test(c, a_larger_head_stops_every_process);
    tcase_add_test(c, only_the_logs_own_signature_stops_it);
    tcase_add_test(c, missing_entries_come_from_the_mirror);
    tcase_add_test(c, recovery_is_recorded);
    tcase_add_test(c, a_mirror_ahead_of_the_nodes_counts);
    tcase_add_test(c, without_a_mirror_it_stays_behind);
    tcase_add_test(c, a_short_mirror_is_not_enough);
    tcase_add_test(c, a_mirror_that_lies);
    tcase_add_test(c, a_forked_mirror);
    tcase_add_test(c, a_copy_that_went_its_own_way);
    tcase_add_test(c, damage_is_mended_from_the_mirror);
    tcase_add_test(c, hashes_are_made_anew_without_a_mirror);
    tcase_add_test(c, bodies_come_along);
    tcase_add_test(c, secrets_move_and_leave_no_copy);
    tcase_add_test(c, secrets_in_a_copy_go_at_the_next_opening);
    tcase_add_test(c, a_sound_log_is_left_alone);
    tcase_add_test(c, nobody_else_may_have_it_open);
    tcase_add_test(c, killed_while_recovering);
    tcase_add_test(c, a_restart_says_so_for_ever);
    tcase_add_test(c, no_restart_without_a_note);
    suite_add_tcase(s, c);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
