/* SPDX-License-Identifier: Apache-2.0 */
/* The analyser of replication jobs. Each case is a small cluster in which only one thing matters;
 * the whole list of affects is compared. */
#include <check.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/pipeline/draft.h"
#include "says.h"

#define STORES                                                                                     \
    "\"/storage\":[{\"storage\":\"zz\",\"type\":\"zfspool\"},{\"storage\":\"here\",\"type\":"      \
    "\"zfspool\",\"nodes\":\"c1\"},{\"storage\":\"lvm\",\"type\":\"lvmthin\"},{\"storage\":"       \
    "\"nfs\",\"type\":\"nfs\"}]"
#define GUEST(kind, cfg)                                                                           \
    "{" STORES ",\"/cluster/resources?type=vm\":[{\"type\":\"" kind                                \
    "\",\"vmid\":100,\"node\":\"c1\",\"status\":\"stopped\"}],\"/nodes/c1/" kind                   \
    "/100/config\":{" cfg "}"
#define VM(cfg) GUEST("qemu", cfg)
#define ZFS     VM("\"scsi0\":\"zz:vm-100-disk-0\"")
#define JOBS(l) ",\"/cluster/replication\":[" l "]"
#define JOB(id, target, more)                                                                      \
    "{\"id\":\"100-" id "\",\"guest\":100,\"target\":\"" target "\"" more "}"
#define HA ",\"/cluster/ha/resources\":[{\"sid\":\"vm:100\"}]"
#define C3_IS_OFF                                                                                  \
    ",\"/cluster/resources?type=node\":[{\"node\":\"c1\",\"status\":\"online\"},{\"node\":\"c3\"," \
    "\"status\":\"offline\"}]"
#define R_       "/cluster/replication"
#define TO(node) "{\"id\":\"100-0\",\"type\":\"local\",\"target\":\"" node "\"}"

static const struct {
    const char *name, *world, *method, *path, *form, *affects;
    const char *says; /* NULL: nothing was unread, nothing is refused */
    int risk;
} cases[] = {
    {"a new job", ZFS "}", "POST", R_, TO("c2"), "vm/100 changed 1 replication\n", NULL, 1},
    {"of a container", GUEST("lxc", "\"rootfs\":\"zz:subvol-100-disk-0\"") "}", "POST", R_,
     TO("c2"), "ct/100 changed 1 replication\n", NULL, 1},
    {"to where it is", ZFS "}", "POST", R_, TO("c1"), "vm/100 changed 1 replication\n",
     "PVE will refuse it: the guest is on the target", 3},
    {"to nowhere", ZFS "}", "POST", R_, TO("c9"), "vm/100 changed 1 replication\n",
     "PVE will refuse it: there is no such target node", 3},
    {"the node has a job already", ZFS JOBS(JOB("3", "c2", "")) "}", "POST", R_, TO("c2"),
     "vm/100 changed 1 replication\n", "a job of the guest to this node exists", 3},
    {"a storage that cannot", VM("\"scsi0\":\"lvm:vm-100-disk-0\"") "}", "POST", R_, TO("c2"), "",
     "scsi0 cannot be replicated: its storage cannot", 3},
    {"a path of the host",
     GUEST("lxc", "\"rootfs\":\"zz:subvol-100-disk-0\",\"mp0\":\"/srv,mp=/srv\"") "}", "POST", R_,
     TO("c2"), "", "mp0 cannot be replicated: it is a path", 3},
    {"only shared volumes", VM("\"scsi0\":\"nfs:100/vm-100-disk-0.raw\"") "}", "POST", R_, TO("c2"),
     "", "no volume that can be replicated", 3},
    {"an ISO in the drive does not matter",
     VM("\"scsi0\":\"zz:vm-100-disk-0\",\"ide2\":\"lvm:iso/x.iso,media=cdrom\"") "}", "POST", R_,
     TO("c2"), "vm/100 changed 1 replication\n", NULL, 1},
    {"a detached disk counts, too",
     VM("\"scsi0\":\"zz:vm-100-disk-0\",\"unused0\":\"lvm:vm-100-disk-1\"") "}", "POST", R_,
     TO("c2"), "", "unused0 cannot be replicated", 3},
    {"a snapshot's disk counts, too",
     ZFS ",\"/nodes/c1/qemu/100/snapshot\":[{\"name\":\"s1\"}],\"/nodes/c1/qemu/100/snapshot/s1/"
         "config\":{\"scsi1\":\"lvm:vm-100-disk-1\"}}",
     "POST", R_, TO("c2"), "", "scsi1 cannot be replicated", 3},
    {"a volume is left out",
     VM("\"scsi0\":\"zz:vm-100-disk-0\",\"scsi1\":\"zz:vm-100-disk-1,replicate=0\"") "}", "POST",
     R_, TO("c2"), "vm/100 changed 1 replication\nvm/100 degraded 1 replication\n",
     "left out of it: scsi1", 1},
    {"left out, and HA would want it",
     VM("\"scsi0\":\"zz:vm-100-disk-0\",\"scsi1\":\"zz:vm-100-disk-1,replicate=0\"") HA "}", "POST",
     R_, TO("c2"), "vm/100 changed 1 replication\nvm/100 degraded 2 replication\n",
     "HA recovers the guest with it", 2},
    {"the storage is not there", VM("\"scsi0\":\"here:vm-100-disk-0\"") "}", "POST", R_, TO("c2"),
     "vm/100 changed 1 replication\nvm/100 degraded 2 replication\n",
     "storage here is not available on c2", 2},
    {"the target is off", ZFS C3_IS_OFF "}", "POST", R_, TO("c3"),
     "vm/100 changed 1 replication\nvm/100 degraded 2 replication\n", "c3 is offline", 2},
    {"the guest is not seen", "{" STORES "}", "POST", R_, TO("c2"), "",
     "unread the guest that is replicated", 3},
    {"its configuration is not read", GUEST("qemu", "\"!\":403") "}", "POST", R_, TO("c2"), "",
     "unread configurations of 1 (vm/100)", 3},
    {"another schedule", ZFS JOBS(JOB("0", "c2", "")) "}", "PUT", R_ "/100-0",
     "{\"schedule\":\"22:00\",\"rate\":5}",
     "vm/100 changed 1 replication\nvm/100 changed 1 replication\n", "22:00 instead of */15", 1},
    {"switched off", ZFS JOBS(JOB("0", "c2", "")) "}", "PUT", R_ "/100-0", "{\"disable\":1}",
     "vm/100 degraded 2 replication\nvm/100 changed 1 replication\n", "it gets older", 2},
    {"switched off, and HA has nothing else", ZFS JOBS(JOB("0", "c2", "")) HA "}", "PUT",
     R_ "/100-0", "{\"disable\":1}",
     "vm/100 degraded 2 replication\nvm/100 degraded 3 replication\nvm/100 changed 1 replication\n",
     "there is no other copy", 3},
    {"switched on again", ZFS JOBS(JOB("0", "c2", ",\"disable\":1")) "}", "PUT", R_ "/100-0",
     "{\"delete\":\"disable\"}", "vm/100 changed 1 replication\n", NULL, 1},
    {"deleted", ZFS JOBS(JOB("0", "c2", "")) "}", "DELETE", R_ "/100-0", "{}",
     "vm/100 loses-backup 2 replication\nvm/100 changed 1 replication\n", "is removed by the job",
     2},
    {"deleted, HA has another copy", ZFS JOBS(JOB("0", "c2", "") "," JOB("1", "c3", "")) HA "}",
     "DELETE", R_ "/100-0", "{}",
     "vm/100 loses-backup 2 replication\nvm/100 degraded 3 replication\nvm/100 changed 1 "
     "replication\n",
     "a copy is on c3", 3},
    {"deleted, the target is off", ZFS JOBS(JOB("0", "c3", "")) C3_IS_OFF "}", "DELETE",
     R_ "/100-0", "{}",
     "vm/100 loses-backup 2 replication\nvm/100 changed 1 replication\nvm/100 changed 1 "
     "replication\n",
     "marked for removal", 2},
    {"deleted, the copy kept", ZFS JOBS(JOB("0", "c2", "")) "}", "DELETE", R_ "/100-0",
     "{\"keep\":1}", "vm/100 changed 1 replication\nvm/100 changed 1 replication\n",
     "become nobody's", 1},
    {"deleted by force", ZFS JOBS(JOB("0", "c2", "")) "}", "DELETE", R_ "/100-0", "{\"force\":1}",
     "vm/100 changed 2 replication\nvm/100 changed 1 replication\n", "remove by hand", 2},
    {"keep and force", ZFS JOBS(JOB("0", "c2", "")) "}", "DELETE", R_ "/100-0",
     "{\"force\":1,\"keep\":1}", "", "exclude each other", 3},
    {"no such job", ZFS "}", "DELETE", R_ "/100-0", "{}", "", "unread the replication job", 3},
};

START_TEST(jobs) {
    struct blast_request q = {cases[_i].method, cases[_i].path, NULL};
    CLEANUP(picture_freep) struct picture *p = NULL;
    CLEANUP(js_freep) js *form = NULL;
    struct err e = {0};
    struct picture_ask ask = {.what = BLAST_REPLICATION_NEEDS, .vmid = 100};

    ck_assert_int_eq(js_parse(cases[_i].form, strlen(cases[_i].form), &form, &e), 0);
    q.form = form;
    ck_assert_uint_eq(blast_replication_guest(&q), 100);
    p = world_picture(cases[_i].world, &ask);
    (void)blast_replication(p, &q, 1, record_reset());
    record_check(cases[_i].name, cases[_i].affects, cases[_i].says, cases[_i].risk);
}
END_TEST

int main(void) {
    Suite *s = suite_create("replication");
    TCase *t = tcase_create("jobs");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, jobs, 0, (int)ARRAY_LEN(cases));
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
