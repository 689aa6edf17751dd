/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers that run zfs and lvm, with a recorder in place of the programs: what they would run,
 * and how they read answers of the real programs' form. No pool and no volume group is touched:
 * that the real programs do what is meant is not shown here. */
#include "pveagentd/act/snap.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "tests/unit/priv/suite.h"

static struct buf ran = BUF_INIT(65536);
static const char *answer;
static int fail_at; /* the n-th command from now fails */

static int record(const char *const *argv, struct buf *ret, int timeout_s, const char *tag,
                  struct err *e) {
    ck_assert_int_gt(timeout_s, 0);
    for (size_t i = 0; argv[i]; i++) {
        buf_addf(&ran, "%s%s", i ? " " : "", argv[i]);
    }
    buf_addc(&ran, '\n');
    if (fail_at && --fail_at == 0) {
        return err_tag(e, -EREMOTEIO, tag, "it failed");
    }
    if (ret && answer) {
        buf_adds(ret, answer);
    }
    return 0;
}

static void reset(const char *with) {
    snap_run = record;
    buf_reset(&ran);
    answer = with;
    fail_at = 0;
}

static struct volume zfs = {
    .key = "rootfs", .driver = &snap_zfs, .at = "rpool/data/subvol-101-disk-0"};
static struct volume lvm = {.key = "rootfs", .driver = &snap_lvmthin, .at = "pve/vm-101-disk-0"};

START_TEST(zfs_commands) {
    struct err e = {0};

    reset("8589934592\n");
    ck_assert_int_eq(snap_zfs.create(&zfs, "u1", &e), 0);
    ck_assert_int_eq(snap_zfs.rollback(&zfs, "u1", "s1", &e), 0);
    ck_assert_int_eq(snap_zfs.remove(&zfs, "u1", &e), 0);
    ck_assert_str_eq(ran.data,
                     "/usr/sbin/zfs snapshot rpool/data/subvol-101-disk-0@pveagentd-u1\n"
                     "/usr/sbin/zfs get -H -p -o value refquota rpool/data/subvol-101-disk-0\n"
                     "/usr/sbin/zfs rename -u rpool/data/subvol-101-disk-0 "
                     "rpool/data/subvol-101-disk-0-pveagentd-s1\n"
                     "/usr/sbin/zfs clone -o refquota=8589934592 -o acltype=posixacl -o xattr=sa "
                     "rpool/data/subvol-101-disk-0-pveagentd-s1@pveagentd-u1 "
                     "rpool/data/subvol-101-disk-0\n"
                     "/usr/sbin/zfs promote rpool/data/subvol-101-disk-0\n"
                     "/usr/sbin/zfs destroy rpool/data/subvol-101-disk-0@pveagentd-u1\n");
    /* never `zfs rollback`: it destroys the present, and with -r newer snapshots */
    ck_assert_ptr_null(strstr(ran.data, "zfs rollback"));
}
END_TEST

START_TEST(zfs_rollback_that_fails_puts_the_present_back) {
    struct err e = {0};

    reset("0\n");
    fail_at = 3;
    ck_assert_int_lt(snap_zfs.rollback(&zfs, "u1", "s1", &e), 0);
    ck_assert_ptr_nonnull(strstr(ran.data, "rename -u rpool/data/subvol-101-disk-0-pveagentd-s1 "
                                           "rpool/data/subvol-101-disk-0\n"));
}
END_TEST

START_TEST(marks_differ_with_the_answer) {
    const struct snap_driver *const drivers[] = {&snap_zfs, &snap_lvmthin};
    const struct volume *const volumes[] = {&zfs, &lvm};
    char a[65];
    char b[65];
    struct err e = {0};

    for (int i = 0; i < 2; i++) {
        reset("12345678901234567890\n");
        ck_assert_int_eq(drivers[i]->mark(volumes[i], "u1", a, &e), 0);
        reset("12345678901234567891\n");
        ck_assert_int_eq(drivers[i]->mark(volumes[i], "u1", b, &e), 0);
        ck_assert_str_ne(a, b);
        reset(NULL);
        fail_at = 1;
        ck_assert_int_lt(drivers[i]->mark(volumes[i], "u1", b, &e), 0);
    }
}
END_TEST

START_TEST(lvm_commands) {
    struct err e = {0};

    reset(NULL);
    ck_assert_int_eq(snap_lvmthin.create(&lvm, "u1", &e), 0);
    ck_assert_int_eq(snap_lvmthin.rollback(&lvm, "u1", "s1", &e), 0);
    ck_assert_int_eq(snap_lvmthin.remove(&lvm, "u1", &e), 0);
    ck_assert_str_eq(
        ran.data, "/usr/sbin/lvcreate -s -n pveagentd-vm-101-disk-0-u1 -pr -kn pve/vm-101-disk-0\n"
                  "/usr/sbin/lvrename pve/vm-101-disk-0 pve/pveagentd-vm-101-disk-0-s1\n"
                  "/usr/sbin/lvcreate -s -n vm-101-disk-0 -prw -kn pve/pveagentd-vm-101-disk-0-u1\n"
                  "/usr/sbin/lvremove -f pve/pveagentd-vm-101-disk-0-u1\n");
}
END_TEST

START_TEST(lvm_rollback_that_fails_puts_the_present_back) {
    struct err e = {0};

    reset(NULL);
    fail_at = 2;
    ck_assert_int_lt(snap_lvmthin.rollback(&lvm, "u1", "s1", &e), 0);
    ck_assert_str_eq(e.tag, "undo_failed");
    ck_assert_ptr_nonnull(
        strstr(ran.data, "/usr/sbin/lvrename pve/pveagentd-vm-101-disk-0-s1 pve/vm-101-disk-0\n"));
}
END_TEST

START_TEST(only_thin_volumes_are_possible) {
    struct err e = {0};

    reset("  thin\n");
    ck_assert_int_eq(snap_lvmthin.possible(&lvm, &e), 0);
    reset("  linear\n");
    ck_assert_int_lt(snap_lvmthin.possible(&lvm, &e), 0);
    ck_assert_str_eq(e.tag, "undo_impossible");
}
END_TEST

START_TEST(all_volumes_or_none) {
    struct volumes v = {.n = 3};
    struct err e = {0};

    for (size_t i = 0; i < 3; i++) {
        v.v[i] = zfs;
        v.v[i].at[strlen(v.v[i].at) - 1] = (char)('0' + i);
    }
    reset(NULL);
    fail_at = 3;
    ck_assert_int_lt(volumes_create(&v, "u1", &e), 0);
    ck_assert_str_eq(ran.data, "/usr/sbin/zfs snapshot rpool/data/subvol-101-disk-0@pveagentd-u1\n"
                               "/usr/sbin/zfs snapshot rpool/data/subvol-101-disk-1@pveagentd-u1\n"
                               "/usr/sbin/zfs snapshot rpool/data/subvol-101-disk-2@pveagentd-u1\n"
                               "/usr/sbin/zfs destroy rpool/data/subvol-101-disk-1@pveagentd-u1\n"
                               "/usr/sbin/zfs destroy rpool/data/subvol-101-disk-0@pveagentd-u1\n");
}
END_TEST

SUITE_MAIN("snap_cmd", zfs_commands, zfs_rollback_that_fails_puts_the_present_back,
           marks_differ_with_the_answer, lvm_commands,
           lvm_rollback_that_fails_puts_the_present_back, only_thin_volumes_are_possible,
           all_volumes_or_none)
