/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that fail and processes that die. The linker puts our own write, sync, rename and truncate
 * in front of the real ones (--wrap), so that each single call of an operation can be made to fail,
 * to write half, or to be the last thing the process does. After each: what was acknowledged is
 * there, the log is sound, and the error has its code. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "tests/unit/ledger/fixture.h"

enum mode { FAIL, HALF, DIE };

static struct {
    long at; /* the call that goes wrong, from 1; 0: none */
    long n;
    int error;
    enum mode mode;
} fault;

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __real_pwrite(int fd, const void *data, size_t len, off_t at);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_ftruncate(int fd, off_t len);
int __real_renameat(int a, const char *from, int b, const char *to);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t at);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_ftruncate(int fd, off_t len);
int __wrap_renameat(int a, const char *from, int b, const char *to);

static bool strikes(void) {
    if (!fault.at || ++fault.n != fault.at) {
        return false;
    }
    if (fault.mode == DIE) {
        _exit(42);
    }
    errno = fault.error;
    return true;
}

ssize_t __wrap_write(int fd, const void *data, size_t len) {
    if (strikes()) {
        if (fault.mode == HALF) {
            (void)!__real_write(fd, data, len / 2);
            errno = fault.error;
        }
        return -1;
    }
    return __real_write(fd, data, len);
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t at) {
    if (strikes()) {
        if (fault.mode == HALF) {
            (void)!__real_pwrite(fd, data, len / 2, at);
            errno = fault.error;
        }
        return -1;
    }
    return __real_pwrite(fd, data, len, at);
}

int __wrap_fsync(int fd) {
    return strikes() ? -1 : __real_fsync(fd);
}

int __wrap_fdatasync(int fd) {
    return strikes() ? -1 : __real_fdatasync(fd);
}

int __wrap_ftruncate(int fd, off_t len) {
    return strikes() ? -1 : __real_ftruncate(fd, len);
}

int __wrap_renameat(int a, const char *from, int b, const char *to) {
    return strikes() ? -1 : __real_renameat(a, from, b, to);
}

static struct fixture fx;
static char base[96];

static void start(void) {
    fault.at = 0;
    fx_start(&fx);
    (void)snprintf(base, sizeof(base), "%s/base", fx.top);
}

static void stop(void) {
    fault.at = 0;
    fx_stop(&fx);
}

/* Appends without asserting; returns the error. */
static int try_append(struct ledger *l, const struct buf *b, unsigned int flags,
                      struct ledger_pos *pos, struct err *e) {
    return ledger_append(l, buf_str(b), b->len, flags, NULL, NULL, pos, e);
}

struct acked {
    struct ledger_pos pos[3];
    int n;
};

/* Plan, intent, outcome; stops at the first error. Opens the log itself. */
static int operate(const char *dir, const struct hash *plan, struct acked *acked, struct err *e) {
    CLEANUP(ledger_closep) struct ledger *l = NULL;
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    int r = ledger_open(dir, &l, e);

    for (int step = 0; r == 0 && step < 3; step++) {
        if (step == 0) {
            fx_plan_bytes(plan, "none", &b);
        } else if (step == 1) {
            fx_intent_bytes(plan, "none", NULL, &b);
        } else {
            fx_outcome_bytes(&acked->pos[1].leaf, plan, "done", &b);
        }
        r = try_append(l, &b, step == 2 ? LEDGER_SYNC | LEDGER_RESERVE : LEDGER_SYNC,
                       &acked->pos[step], e);
        acked->n += r == 0;
    }
    return r;
}

static void check_after(const struct acked *acked, long at) {
    struct err e = {0};

    fault.at = 0;
    fx_open(&fx);
    ck_assert_msg(!ledger_damage(fx.l), "call %ld: %s", at, ledger_damage(fx.l));
    for (int i = 0; i < acked->n; i++) {
        struct hash leaf;

        ck_assert_msg(ledger_leaf(fx.l, acked->pos[i].index, &leaf, &e) == 0, "call %ld: %s", at,
                      e.msg);
        ck_assert(hash_eq(&leaf, &acked->pos[i].leaf));
    }
    (void)fx_read_entry(&fx, LEDGER_SYNC); /* and it goes on */
    ck_assert_msg(fx_is_sound(&fx, NULL), "call %ld", at);
    fx_close(&fx);
}

static void prepare(void) {
    for (int i = 0; i < 3; i++) {
        (void)fx_read_entry(&fx, i == 2 ? 0 : LEDGER_SYNC); /* an unsigned entry at the end */
    }
    fx_close(&fx);
    fx_copy(fx.dir, base);
}

/* Every call in turn, until the operation goes through untouched. */
static void every_call(int error, enum mode mode) {
    struct hash plan = {{1}};
    bool done = false;
    long at;

    prepare();
    for (at = 1; !done && at < 400; at++) {
        struct acked acked = {.n = 0};
        struct err e = {0};
        int r;

        fx_copy(base, fx.dir);
        fault.n = 0;
        fault.error = error;
        fault.mode = mode;
        fault.at = at;
        r = operate(fx.dir, &plan, &acked, &e);
        done = fault.n < at;
        fault.at = 0;
        ck_assert_msg(r == 0 || e.msg[0], "call %ld: no message", at);
        ck_assert_msg(r == 0 || strcmp(e.tag, "ledger_failed") == 0 ||
                          strcmp(e.tag, "ledger_space") == 0 || e.tag[0] == '\0',
                      "call %ld: %s", at, e.tag);
        ck_assert(!done || r == 0);
        check_after(&acked, at);
    }
    ck_assert_msg(done && at > 15, "%ld calls", at);
    fx_open(&fx);
}

START_TEST(every_call_fails) {
    every_call(EIO, FAIL);
}
END_TEST

START_TEST(every_write_stops_half_way) {
    every_call(EIO, HALF);
}
END_TEST

START_TEST(the_disk_is_full_at_every_call) {
    every_call(ENOSPC, HALF);
}
END_TEST

START_TEST(the_process_dies_at_every_call) {
    struct acked *acked = mmap(NULL, sizeof(*acked), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0); /* outlives the child */
    struct hash plan = {{1}};
    int status = 42;
    long at;

    ck_assert(acked != MAP_FAILED);
    prepare();
    for (at = 1; WEXITSTATUS(status) == 42 || at == 1; at++) {
        pid_t pid;

        fx_copy(base, fx.dir);
        memset(acked, 0, sizeof(*acked));
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (!pid) {
            fault.n = 0;
            fault.mode = DIE;
            fault.at = at;
            (void)operate(fx.dir, &plan, acked, NULL);
            _exit(0);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status));
        check_after(acked, at);
        ck_assert_int_lt(at, 400);
    }
    ck_assert_int_gt(at, 15);
    ck_assert_int_eq(acked->n, 3); /* the last round went through */
    (void)munmap(acked, sizeof(*acked));
    fx_open(&fx);
}
END_TEST

/* What a process was told is durable is there after it was killed at any moment. */
START_TEST(killed_while_appending) {
    for (int round = 0; round < 15; round++) {
        struct ledger_pos last = {0};
        struct hash leaf;
        struct err e = {0};
        int acks = 0;
        int p[2];
        pid_t pid;

        fx_close(&fx);
        ck_assert_int_eq(pipe(p), 0);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (!pid) {
            fx_open(&fx);
            for (int i = 0;; i++) {
                struct ledger_pos pos = fx_read_entry(&fx, i % 3 ? 0 : LEDGER_SYNC);

                if (i % 3 == 0 && __real_write(p[1], &pos, sizeof(pos)) != sizeof(pos)) {
                    _exit(1);
                }
            }
        }
        (void)close(p[1]);
        while (acks < 1 + round % 5 && read(p[0], &last, sizeof(last)) == sizeof(last)) {
            acks++;
        }
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        while (read(p[0], &last, sizeof(last)) == sizeof(last)) { /* told before it died */
        }
        (void)close(p[0]);
        fx_open(&fx);
        ck_assert_ptr_null(ledger_damage(fx.l));
        ck_assert_int_eq(ledger_leaf(fx.l, last.index, &leaf, &e), 0);
        ck_assert(hash_eq(&leaf, &last.leaf));
        (void)fx_read_entry(&fx, LEDGER_SYNC);
        ck_assert(fx_is_sound(&fx, NULL));
    }
}
END_TEST

/* Calls of one append: the pid in the lock, the entry, its offset, its hash. */
START_TEST(an_append_without_space_leaves_nothing_behind) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct hash plan = {{1}};

    fx_plan_bytes(&plan, "none", &b);
    for (long at = 2; at <= 4; at += 2) {
        uint64_t size = ledger_size(fx.l);
        struct err e = {0};
        int r;

        fault.n = 0;
        fault.error = ENOSPC;
        fault.mode = HALF;
        fault.at = at;
        r = try_append(fx.l, &b, LEDGER_SYNC, NULL, &e);
        fault.at = 0;
        ck_assert_int_eq(r, -ENOSPC);
        ck_assert_str_eq(e.tag, "ledger_space");
        fx_close(&fx);
        fx_open(&fx);
        ck_assert_uint_eq(ledger_size(fx.l), size); /* nothing had to be recovered */
        (void)fx_read_entry(&fx, LEDGER_SYNC);
    }
    ck_assert(fx_is_sound(&fx, NULL));
}
END_TEST

static int fill_up(struct fixture *full, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    int r = 0;

    for (int i = 0; r == 0 && i < 100000; i++) {
        struct hash plan;

        random_bytes(&plan, sizeof(plan));
        fx_plan_bytes(&plan, "none", &b);
        r = try_append(full->l, &b, i % 64 ? 0 : LEDGER_SYNC, NULL, e);
    }
    return r;
}

/* A real full file system, in a mount name space of our own. */
static void on_a_small_disk(void) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    char body[4096];
    struct fixture full = fx;
    struct hash plan = {{1}};
    struct hash late = {{2}};
    struct ledger_pos intent;
    struct hash h;
    struct err e = {0};

    (void)snprintf(full.dir, sizeof(full.dir), "%s/base/log", fx.top);
    fx_create(&full);
    (void)fx_plan(&full, &plan, "none");
    (void)fx_plan(&full, &late, "none");
    intent = fx_intent(&full, &plan, "none", NULL);
    ck_assert_int_eq(fill_up(&full, &e), -ENOSPC);
    ck_assert_str_eq(e.tag, "ledger_space");
    random_bytes(body, sizeof(body));
    ck_assert_int_lt(ledger_body_put(full.l, body, sizeof(body), &h, &e), 0);
    ck_assert_str_eq(e.tag, "ledger_space");
    (void)fx_outcome(&full, &intent.leaf, &plan, "done"); /* the reserve is for this */
    fx_intent_bytes(&late, "none", NULL, &b);
    ck_assert_int_eq(try_append(full.l, &b, LEDGER_SYNC, NULL, &e), -ENOSPC);
    ck_assert_str_eq(e.tag, "ledger_space");
    ck_assert_int_eq(ledger_read(full.l, intent.index, &b, &e), 0); /* reads go on */
    fx_close(&full);
    fx_open(&full);
    ck_assert_ptr_null(ledger_damage(full.l));
    ck_assert(fx_is_sound(&full, NULL));
    fx_close(&full);
}

START_TEST(a_full_disk) {
    int status = -1;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (!pid) {
        if (unshare(CLONE_NEWNS) < 0 || mkdir(base, 0700) < 0 ||
            mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", base, "tmpfs", 0, "size=2500k,mode=700") < 0) {
            _exit(77);
        }
        on_a_small_disk();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        (void)printf("a_full_disk: skipped, it needs root to mount a small file system\n");
        ck_assert_ptr_null(getenv("MUST_RUN"));
        return;
    }
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("faults");
    TCase *c = tcase_create("faults");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(c, start, stop);
    tcase_set_timeout(c, 600);
    tcase_add_test(c, every_call_fails);
    tcase_add_test(c, every_write_stops_half_way);
    tcase_add_test(c, the_disk_is_full_at_every_call);
    tcase_add_test(c, the_process_dies_at_every_call);
    tcase_add_test(c, killed_while_appending);
    tcase_add_test(c, an_append_without_space_leaves_nothing_behind);
    tcase_add_test(c, a_full_disk);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
