/* SPDX-License-Identifier: Apache-2.0 */
/* What a volume can, case by case as PVE's storage plugins say it. */
#include "common/volfeature.h"

#include <check.h>
#include <errno.h>

#include "common/own.h"

static const struct {
    const char *type, *name, *feature;
    bool snap, in_ct;
    int can;
} cases[] = {
    {"zfspool", "vm-1-disk-0", "copy", false, false, 1},
    {"zfspool", "vm-1-disk-0", "copy", true, false, 0}, /* only rolled back to */
    {"zfspool", "vm-1-disk-0", "clone", false, false, 0},
    {"zfspool", "base-1-disk-0", "clone", false, false, 1},
    {"zfspool", "basevol-1-disk-0", "clone", false, true, 1},
    {"zfspool", "basevol-1-disk-0/subvol-2-disk-0", "clone", false, true, 0}, /* is no base */
    {"lvmthin", "vm-1-disk-0", "clone", true, false, 1}, /* of a snapshot, too */
    {"lvm", "vm-1-disk-0", "template", false, false, 0},
    {"lvm", "vm-1-disk-0", "copy", false, false, 1},
    {"dir", "1/base-1-disk-0.raw", "clone", false, false, 1},
    {"dir", "1/base-1-disk-0.raw", "clone", false, true, 0}, /* would be a qcow2 */
    {"nfs", "1/vm-1-disk-0.raw", "snapshot", false, false, 0},
    {"nfs", "1/base-1-disk-0.raw/2/vm-2-disk-0.qcow2", "snapshot", false, false, 1},
    {"btrfs", "1/vm-1-disk-0.raw", "clone", false, true, 1},
    {"btrfs", "1/vm-1-disk-0.qcow2", "clone", false, false, 0},
    {"dir", "1/base-1-disk-0.qcow2", "template", false, false, 0}, /* is one already */
    {"rbd", "vm-1-disk-0", "template", false, false, 1},
    {"dir", "1/vm-1-disk-0.odd", "copy", false, false, -ENOENT},
};

START_TEST(each_case_is_as_the_plugins_say) {
    ck_assert_msg(volume_feature(cases[_i].type, cases[_i].name, cases[_i].feature, cases[_i].snap,
                                 cases[_i].in_ct) == cases[_i].can,
                  "%s %s %s", cases[_i].type, cases[_i].name, cases[_i].feature);
}
END_TEST

START_TEST(names_are_taken_apart) {
    ck_assert_str_eq(volume_name_own("base-213-disk-0/vm-214-disk-0"), "vm-214-disk-0");
    ck_assert_str_eq(volume_name_own("213/base-213-disk-0.raw/214/vm-214-disk-0.qcow2"),
                     "214/vm-214-disk-0.qcow2");
    ck_assert_str_eq(volume_name_own("213/base-213-disk-0.raw"), "213/base-213-disk-0.raw");
    ck_assert_str_eq(volume_name_own("base-213-disk-0"), "base-213-disk-0");
    ck_assert(volume_name_is_base("213/base-213-d.raw/214/base-214-d.qcow2"));
    ck_assert(!volume_name_is_base("213/base-213-d.raw/214/vm-214-d.qcow2"));
    ck_assert(volume_link_binds("zfspool", "base-1-disk-0"));
    ck_assert(volume_link_binds("btrfs", "1/base-1-disk-0.qcow2"));
    ck_assert(!volume_link_binds("btrfs", "1/base-1-disk-0.raw"));
    ck_assert(!volume_link_binds("lvmthin", "base-1-disk-0"));
    ck_assert(!volume_link_binds("rbd", "vm-1-disk-0"));
}
END_TEST

int main(void) {
    Suite *s = suite_create("what a volume can");
    TCase *t = tcase_create("table");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, each_case_is_as_the_plugins_say, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(t, names_are_taken_apart);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
