/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: what was acted on is there after any end of the process, a torn end is cut, anything
 * else that is not as written closes it. */
#include "pveagentd/priv/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "pveagentd/ctl/ctl.h"
#include "pveagentd/priv/priv.h"
#include "tests/unit/priv/suite.h"

static char dir[64];
static struct priv p;

static void open_fresh(void) {
    struct err e = {0};

    p = (struct priv){
        .state_dir = dir, .cluster_fs = "/nonexistent", .node = "pve1", .state_fd = -1};
    ck_assert_msg(priv_open(&p, &e) == 0, "%s", e.msg);
}

static void setup(void) {
    snprintf(dir, sizeof(dir), "/tmp/pxjou.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    open_fresh();
}

static void forget(void) {
    priv_close(&p);
}

static void teardown(void) {
    DIR *d;
    static const char *const subs[] = {"journal", "clients", "revoked", "running", "ops",
                                       "points",  "fork",    "revert",  ""};

    forget();
    for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
        char path[400];
        struct dirent *de;

        snprintf(path, sizeof(path), "%s/%s", dir, subs[i]);
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
    ck_assert_int_ne(access(dir, F_OK), 0);
}

/* As after a restart. */
static struct origin *again(void) {
    struct err e = {0};

    forget();
    open_fresh();
    ck_assert_int_eq(journal_replay_all(&p, &e), 0);
    return origin_get(&p, "log/a");
}

static void hash_of(uint8_t n, struct hash *h) {
    memset(h->b, n, HASH_LEN);
}

static void start(struct origin *o, uint8_t n) {
    struct act_rec a = {.index = n, .ct = 101, .head = 5, .approval = "", .client = "laptop"};
    struct err e = {0};

    hash_of(n, &a.plan);
    hash_of((uint8_t)(n + 100), &a.request);
    hash_of((uint8_t)(n + 50), &a.intent);
    ck_assert_msg(journal_start(&p, o, NULL, &a, 1000 + n, &e) == 0, "%s", e.msg);
}

static int end(struct origin *o, uint8_t n, const char *text) {
    struct hash plan;
    struct hash request;

    hash_of(n, &plan);
    hash_of((uint8_t)(n + 100), &request);
    return journal_end(&p, o, &request, &plan, text, false, 2000 + n, NULL);
}

static const struct act_rec *look(const struct origin *o, uint8_t n) {
    struct hash plan;
    struct hash request;

    hash_of(n, &plan);
    hash_of((uint8_t)(n + 100), &request);
    return journal_find(o, &plan, &request);
}

static void path_of(const struct origin *o, char ret[static 300]) {
    snprintf(ret, 300, "%s/journal/%s", dir, o->id);
}

START_TEST(what_was_written_is_there_again) {
    struct origin *o = origin_get(&p, "log/a");
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    struct err e = {0};

    start(o, 1);
    start(o, 2);
    ck_assert_int_eq(end(o, 2, "receipt two\n"), 0);
    ck_assert_int_eq(journal_ack(&p, o, 1, 3000, &e), 0);
    o = again();
    ck_assert_ptr_nonnull(look(o, 1));
    ck_assert_uint_eq(look(o, 1)->seq, 0);
    ck_assert_uint_eq(look(o, 2)->seq, 1);
    ck_assert(look(o, 2)->acked && !look(o, 1)->acked);
    ck_assert_str_eq(look(o, 2)->client, "laptop");
    ck_assert_ptr_null(look(o, 3));
    ck_assert_int_eq(journal_receipt(&p, o, look(o, 2), &note, &e), 0);
    ck_assert_str_eq(note.data, "receipt two\n");
    ck_assert_uint_eq(journal_open_receipts(o), 1);
    ck_assert(p.mark == 3000);
}
END_TEST

START_TEST(an_end_needs_its_start_and_comes_once) {
    struct origin *o = origin_get(&p, "log/a");

    ck_assert_int_eq(end(o, 1, "x\n"), -EINVAL);
    start(o, 1);
    ck_assert_int_eq(end(o, 1, "x\n"), 0);
    ck_assert_int_eq(end(o, 1, "x\n"), -EINVAL);
    ck_assert(!again()->damaged);
}
END_TEST

START_TEST(a_torn_end_is_cut_at_every_byte) {
    struct origin *o = origin_get(&p, "log/a");
    char path[300];
    off_t first;
    off_t whole;

    start(o, 1);
    path_of(o, path);
    first = (off_t)o->replayed;
    start(o, 2);
    whole = (off_t)o->replayed;
    ck_assert_int_gt(whole, first + 100);
    for (off_t n = whole - 1; n > first; n--) {
        ck_assert_int_eq(truncate(path, n), 0);
        o = again();
        ck_assert(!o->damaged);
        ck_assert_ptr_nonnull(look(o, 1));
        ck_assert_ptr_null(look(o, 2));
    }
    start(o, 3); /* the next record follows the last good one */
    o = again();
    ck_assert(!o->damaged && look(o, 1) && look(o, 3) && !look(o, 2));
}
END_TEST

/* In the room behind the records a write may have lost its end, its beginning, or both: the disk
 * writes sectors in any order. */
START_TEST(a_write_torn_in_the_room_is_cut) {
    static const char zeros[2048];
    struct origin *o = origin_get(&p, "log/a");
    CLEANUP(closep) int fd = -1;
    char was[2048];
    char path[300];
    struct stat st;
    struct stat now;
    size_t len;
    off_t at;

    start(o, 1);
    path_of(o, path);
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(fstat(fd, &st), 0);
    at = (off_t)o->replayed;
    start(o, 2);
    len = (size_t)((off_t)o->replayed - at);
    ck_assert_uint_lt(len, sizeof(was));
    ck_assert_int_eq(fstat(fd, &now), 0);
    ck_assert_int_eq(now.st_size, st.st_size); /* no metadata: that is what the room is for */
    ck_assert_int_eq(pread(fd, was, len, at), (ssize_t)len);
    for (size_t n = 1; n < len; n++) {
        ck_assert_int_eq(pwrite(fd, n % 2 ? zeros : was, n, at), (ssize_t)n);
        ck_assert_int_eq(pwrite(fd, n % 2 ? was + n : zeros, len - n, at + (off_t)n),
                         (ssize_t)(len - n));
        o = again();
        ck_assert_msg(!o->damaged && look(o, 1) && !look(o, 2), "byte %zu", n);
    }
    memset(was, 'x', sizeof(was));
    ck_assert_int_eq(pwrite(fd, was, sizeof(was), at), (ssize_t)sizeof(was));
    o = again();
    start(o, 3); /* over what was left, which is longer */
    start(o, 4);
    o = again();
    ck_assert(!o->damaged && look(o, 1) && !look(o, 2) && look(o, 3) && look(o, 4));
}
END_TEST

/* A record whose first bytes were wiped is no end of the journal when another one follows. */
START_TEST(a_wiped_record_before_another_closes_it) {
    struct origin *o = origin_get(&p, "log/a");
    CLEANUP(closep) int lock = -1;
    CLEANUP(closep) int fd = -1;
    char path[300];
    struct err e = {0};
    off_t at;

    start(o, 1);
    path_of(o, path);
    at = (off_t)o->replayed;
    start(o, 2);
    start(o, 3);
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(pwrite(fd, (const char[64]){0}, 64, at), 64);
    o = again();
    ck_assert_int_lt(origin_lock(&p, o, &lock, &e), 0);
    ck_assert_str_eq(e.tag, "journal_damaged");
}
END_TEST

START_TEST(any_changed_byte_before_the_end_closes_it) {
    struct origin *o = origin_get(&p, "log/a");
    CLEANUP(closep) int lock = -1;
    char path[300];
    struct err e = {0};
    off_t first;

    start(o, 1);
    path_of(o, path);
    first = (off_t)o->replayed;
    start(o, 2);
    for (off_t n = 0; n < first; n += 7) {
        CLEANUP(closep) int fd = open(path, O_RDWR | O_CLOEXEC);
        char was;
        char is;

        ck_assert_int_eq(pread(fd, &was, 1, n), 1);
        is = (char)(was ^ 1);
        ck_assert_int_eq(pwrite(fd, &is, 1, n), 1);
        o = again();
        ck_assert_msg(!look(o, 1), "byte %ld", (long)n);
        ck_assert_int_lt(origin_lock(&p, o, &lock, &e), 0);
        ck_assert_str_eq(e.tag, "journal_damaged");
        ck_assert_int_eq(pwrite(fd, &was, 1, n), 1);
    }
    o = again();
    ck_assert(!o->damaged);
}
END_TEST

/* In a child, because the limit would hold for the test framework's own files too. Starts until one
 * does not fit: how many did, or -1. */
static int write_up_to_a_limit(struct origin *o, off_t room) {
    struct act_rec a = {.index = 9, .plan = {{1}}, .request = {{2}}, .intent = {{3}}};
    struct rlimit small = {(rlim_t)room, (rlim_t)room};
    struct err e = {0};
    int n = 0;

    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &small) < 0) {
        return -1;
    }
    while (n < 250 && journal_start(&p, o, NULL, &a, 5000, &e) == 0) {
        n++;
    }
    return o->n_acts == (size_t)n + 1 ? n : -1;
}

START_TEST(a_full_disk_leaves_it_as_it_was) {
    struct origin *o = origin_get(&p, "log/a");
    char path[300];
    struct stat st;
    struct stat now;
    int status = -1;
    pid_t pid;

    start(o, 1);
    path_of(o, path);
    ck_assert_int_eq(stat(path, &st), 0);
    pid = fork();
    if (pid == 0) {
        _exit(write_up_to_a_limit(o, st.st_size + 20)); /* in the middle of a record */
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_gt(WEXITSTATUS(status), 0); /* the room was used */
    ck_assert_int_lt(WEXITSTATUS(status), 250);
    ck_assert_int_eq(stat(path, &now), 0);
    ck_assert_int_le(now.st_size, st.st_size);
    o = again();
    ck_assert_int_eq(now.st_size, (off_t)o->replayed); /* nothing of the one that did not fit */
    ck_assert_uint_eq(o->n_acts, (size_t)WEXITSTATUS(status) + 1);
    start(o, 2);
    o = again();
    ck_assert(!o->damaged && look(o, 1) && look(o, 2));
}
END_TEST

START_TEST(pruning_keeps_a_floor_and_the_chain) {
    struct origin *o = origin_get(&p, "log/a");
    struct err e = {0};
    struct priv stale;
    struct hash last;

    for (uint8_t i = 1; i <= 5; i++) {
        start(o, i);
        ck_assert_int_eq(end(o, i, "r\n"), 0);
    }
    ck_assert_int_eq(journal_prune(&p, o, 4, 9000, &e), -EBUSY); /* receipts are open */
    ck_assert_int_eq(journal_ack(&p, o, 5, 8000, &e), 0);
    last = o->last;
    stale = (struct priv){
        .state_dir = dir, .cluster_fs = "/nonexistent", .node = "pve1", .state_fd = -1};
    ck_assert_int_eq(priv_open(&stale, &e), 0); /* a process that has the old file in memory */
    ck_assert_int_eq(journal_replay_all(&stale, &e), 0);
    ck_assert_int_eq(journal_prune(&p, o, 4, 9000, &e), 0);
    ck_assert_int_eq(journal_replay_all(&stale, &e), 0);
    ck_assert(!stale.origins->damaged);
    ck_assert_uint_eq(stale.origins->floor, 4);
    ck_assert(!look(stale.origins, 3) && look(stale.origins, 4));
    priv_close(&stale);
    o = again();
    ck_assert(!o->damaged);
    ck_assert_uint_eq(o->floor, 4);
    ck_assert_uint_eq(o->seq, 5);
    ck_assert(hash_eq(&o->last, &last));
    ck_assert(!look(o, 3) && look(o, 4) && look(o, 5));
    start(o, 6);
    ck_assert_int_eq(end(o, 6, "r\n"), 0);
    ck_assert_uint_eq(again()->seq, 6);
}
END_TEST

/* An allowance for arming: key and journal belong together. */
START_TEST(arming_binds_key_and_journal) {
    struct err e = {0};
    char path[300];

    ck_assert(!priv_armed(&p));
    ck_assert_int_eq(ctl_arm(&p, &e), 0);
    ck_assert(priv_armed(&p));
    forget();
    open_fresh();
    ck_assert(priv_armed(&p));
    snprintf(path, sizeof(path), "%s/journal/id", dir);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert(!priv_armed(&p));
    ck_assert_int_eq(ctl_arm(&p, &e), 0);
    snprintf(path, sizeof(path), "%s/receipt.key", dir);
    ck_assert_int_eq(unlink(path), 0);
    forget();
    open_fresh();
    ck_assert(!priv_armed(&p));
}
END_TEST

int main(void) {
    Suite *s = suite_create("journal");
    TCase *c = tcase_create("journal");
    SRunner *r;
    int failed;

    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, what_was_written_is_there_again);
    tcase_add_test(c, an_end_needs_its_start_and_comes_once);
    tcase_add_test(c, a_torn_end_is_cut_at_every_byte);
    tcase_add_test(c, a_write_torn_in_the_room_is_cut);
    tcase_add_test(c, a_wiped_record_before_another_closes_it);
    tcase_add_test(c, any_changed_byte_before_the_end_closes_it);
    tcase_add_test(c, a_full_disk_leaves_it_as_it_was);
    tcase_add_test(c, pruning_keeps_a_floor_and_the_chain);
    tcase_add_test(c, arming_binds_key_and_journal);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
