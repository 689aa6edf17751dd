/* SPDX-License-Identifier: Apache-2.0 */
/* What an append costs does not grow with the log. The linker puts counters in front of the calls
 * to the kernel and to the hash function (--wrap); appends to a log of about 1,000 entries and to
 * one of about 100,000 then need exactly the same calls and bytes. What may differ is said by a
 * formula: a signed checkpoint writes the size in decimal and hashes its way to the root. No clock
 * is read. */
#include <check.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "common/own.h"
#include "tests/unit/ledger/fixture.h"

/* Leaf i completes as many nodes of the tree as i + 1 can be halved, so windows begin at multiples
 * of their length and end at an odd one: then they complete the same nodes wherever they are. */
#define WINDOW   256
#define SYNCED   16
#define SMALL    (4ul * WINDOW)
#define LARGE    (392ul * WINDOW)
#define NODE_LEN (1 + 2 * HASH_LEN) /* what is hashed for a node (RFC 6962) */

static struct cost {
    size_t opens, stats, reads, writes, syncs, renames, other;
    size_t bytes_read, bytes_written, bytes_hashed;
} cost;

ssize_t __real_read(int fd, void *data, size_t len);
ssize_t __real_pread(int fd, void *data, size_t len, off_t at);
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __real_pwrite(int fd, const void *data, size_t len, off_t at);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_openat(int dir, const char *path, int flags, ...);
int __real_fstat(int fd, struct stat *st);
int __real_fstatat(int dir, const char *path, struct stat *st, int flags);
int __real_faccessat(int dir, const char *path, int mode, int flags);
int __real_renameat(int a, const char *from, int b, const char *to);
int __real_unlinkat(int dir, const char *path, int flags);
int __real_ftruncate(int fd, off_t len);
int __real_flock(int fd, int operation);
int __real_EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *data, size_t len);
ssize_t __wrap_read(int fd, void *data, size_t len);
ssize_t __wrap_pread(int fd, void *data, size_t len, off_t at);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t at);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstatat(int dir, const char *path, struct stat *st, int flags);
int __wrap_faccessat(int dir, const char *path, int mode, int flags);
int __wrap_renameat(int a, const char *from, int b, const char *to);
int __wrap_unlinkat(int dir, const char *path, int flags);
int __wrap_ftruncate(int fd, off_t len);
int __wrap_flock(int fd, int operation);
int __wrap_EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *data, size_t len);

static ssize_t did_read(ssize_t n) {
    cost.reads++;
    cost.bytes_read += n > 0 ? (size_t)n : 0;
    return n;
}

static ssize_t did_write(ssize_t n) {
    cost.writes++;
    cost.bytes_written += n > 0 ? (size_t)n : 0;
    return n;
}

ssize_t __wrap_read(int fd, void *data, size_t len) {
    return did_read(__real_read(fd, data, len));
}

ssize_t __wrap_pread(int fd, void *data, size_t len, off_t at) {
    return did_read(__real_pread(fd, data, len, at));
}

ssize_t __wrap_write(int fd, const void *data, size_t len) {
    return did_write(__real_write(fd, data, len));
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t at) {
    return did_write(__real_pwrite(fd, data, len, at));
}

int __wrap_fsync(int fd) {
    cost.syncs++;
    return __real_fsync(fd);
}

int __wrap_fdatasync(int fd) {
    cost.syncs++;
    return __real_fdatasync(fd);
}

int __wrap_openat(int dir, const char *path, int flags, ...) {
    mode_t mode = 0;
    va_list ap;

    if (flags & O_CREAT) {
        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
    }
    cost.opens++;
    return __real_openat(dir, path, flags, mode);
}

int __wrap_fstat(int fd, struct stat *st) {
    cost.stats++;
    return __real_fstat(fd, st);
}

int __wrap_fstatat(int dir, const char *path, struct stat *st, int flags) {
    cost.stats++;
    return __real_fstatat(dir, path, st, flags);
}

int __wrap_faccessat(int dir, const char *path, int mode, int flags) {
    cost.stats++;
    return __real_faccessat(dir, path, mode, flags);
}

int __wrap_renameat(int a, const char *from, int b, const char *to) {
    cost.renames++;
    return __real_renameat(a, from, b, to);
}

int __wrap_unlinkat(int dir, const char *path, int flags) {
    cost.other++;
    return __real_unlinkat(dir, path, flags);
}

int __wrap_ftruncate(int fd, off_t len) {
    cost.other++;
    return __real_ftruncate(fd, len);
}

int __wrap_flock(int fd, int operation) {
    cost.other++;
    return __real_flock(fd, operation);
}

int __wrap_EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *data, size_t len) {
    cost.bytes_hashed += len;
    return __real_EVP_DigestUpdate(ctx, data, len);
}

static struct fixture fx;

static void start(void) {
    fx_start(&fx);
}

static void stop(void) {
    fx_stop(&fx);
}

/* One that is always as long. */
static void entry(struct buf *ret) {
    char args[HASH_HEX_LEN + 1];
    struct hash h = {{5}};
    int r = entry_begin(ret, ENTRY_READ, 1700000000, "mcp:test");

    hash_text(&h, args);
    r = r < 0 ? r : lines_put(ret, "tool", "pve_version");
    r = r < 0 ? r : lines_put(ret, "args", args);
    r = r < 0 ? r : lines_put(ret, "outcome", "ok");
    ck_assert_int_eq(r < 0 ? r : entry_end(ret, "{}", NULL), 0);
}

/* Appends until the log has that many; the last one is synced, so that nothing is left over. */
static void fill(uint64_t size) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);

    entry(&b);
    while (ledger_size(fx.l) < size) {
        (void)fx_append(&fx, &b, ledger_size(fx.l) + 1 == size ? LEDGER_SYNC : 0);
    }
    ck_assert_uint_eq(ledger_size(fx.l), size);
}

static struct cost window(size_t n, unsigned int flags) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);

    entry(&b);
    cost = (struct cost){0};
    for (size_t i = 0; i < n; i++) {
        (void)fx_append(&fx, &b, flags);
    }
    return cost;
}

static size_t digits(uint64_t n) {
    return n < 10 ? 1 : 1 + digits(n / 10);
}

/* What `n` signed checkpoints from size `from` on write in decimal, and hash to get at the root: a
 * node less than the tree has complete subtrees. */
static void signed_terms(uint64_t from, size_t n, size_t *ret_digits, size_t *ret_hashed) {
    *ret_digits = 0;
    *ret_hashed = 0;
    for (uint64_t size = from + 1; size <= from + n; size++) {
        *ret_digits += digits(size);
        *ret_hashed += ((size_t)__builtin_popcountll(size) - 1) * NODE_LEN;
    }
}

static void same_calls(const struct cost *a, const struct cost *b) {
    ck_assert_uint_eq(a->opens, b->opens);
    ck_assert_uint_eq(a->stats, b->stats);
    ck_assert_uint_eq(a->reads, b->reads);
    ck_assert_uint_eq(a->writes, b->writes);
    ck_assert_uint_eq(a->syncs, b->syncs);
    ck_assert_uint_eq(a->renames, b->renames);
    ck_assert_uint_eq(a->other, b->other);
    ck_assert_uint_eq(a->bytes_read, b->bytes_read);
}

START_TEST(an_append_costs_the_same_in_a_long_log) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct cost small, large, small_signed, large_signed;
    size_t wrote[2], hashed[2];

    fill(SMALL);
    small = window(WINDOW, 0);
    small_signed = window(SYNCED, LEDGER_SYNC);
    fill(LARGE);
    large = window(WINDOW, 0);
    large_signed = window(SYNCED, LEDGER_SYNC);

    same_calls(&small, &large);
    ck_assert_uint_eq(small.bytes_written, large.bytes_written);
    ck_assert_uint_eq(small.bytes_hashed, large.bytes_hashed);
    ck_assert_uint_eq(small.syncs, 0);

    same_calls(&small_signed, &large_signed);
    ck_assert_uint_gt(small_signed.syncs, SYNCED);
    signed_terms(SMALL + WINDOW, SYNCED, &wrote[0], &hashed[0]);
    signed_terms(LARGE + WINDOW, SYNCED, &wrote[1], &hashed[1]);
    ck_assert_uint_eq(large_signed.bytes_written - small_signed.bytes_written, wrote[1] - wrote[0]);
    ck_assert_uint_eq(large_signed.bytes_hashed - hashed[1] + hashed[0], small_signed.bytes_hashed);

    /* and nothing passes by the counters: each entry with its length, its place in the segment, its
     * hashes, and who holds the lock */
    entry(&b);
    ck_assert_uint_eq(small.bytes_written,
                      WINDOW * (4 + b.len + sizeof(uint32_t) + strlen(" 1234567890\n")) +
                          (2 * WINDOW - 1) * HASH_LEN);
    ck_assert_uint_ge(small.bytes_hashed, WINDOW * b.len + (WINDOW - 1) * NODE_LEN);
}
END_TEST

int main(void) {
    Suite *s = suite_create("cost");
    TCase *t = tcase_create("cost");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 0);
    tcase_add_checked_fixture(t, start, stop);
    tcase_add_test(t, an_append_costs_the_same_in_a_long_log);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
