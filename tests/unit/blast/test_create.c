/* SPDX-License-Identifier: Apache-2.0 */
/* Guests that are made, copied, turned into templates. One cluster; in each case one thing about
 * the request, or one answer of the cluster, is what matters. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/pipeline/draft.h"
#include "says.h"

/* 100: a running VM; 101: a template with a disk on a shared storage; 102: a stopped container with
 * a snapshot and a fixed address; 103: a container with a directory of the host. */
static const char base[] =
    "'/cluster/resources?type=vm':["
    "{'type':'qemu','vmid':100,'node':'c1','status':'running','name':'a'},"
    "{'type':'qemu','vmid':101,'node':'c1','status':'stopped','template':1},"
    "{'type':'lxc','vmid':102,'node':'c1','status':'stopped'},"
    "{'type':'lxc','vmid':103,'node':'c1','status':'running'}],"
    "'/nodes/c1/qemu/100/config':{'scsi0':'zfs:vm-100-disk-0,size=32G',"
    "'net0':'virtio=BC:24:11:00:00:01,bridge=vmbr0','ide2':'zfs:vm-100-cloudinit,media=cdrom'},"
    "'/nodes/c1/qemu/101/config':{'template':1,'scsi0':'nfs:101/base-101-disk-0.qcow2,size=8G'},"
    "'/nodes/c1/lxc/102/config':{'rootfs':'zfs:subvol-102-disk-0,size=8G','unprivileged':1,"
    "'net0':'name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:02,ip=10.0.0.2/24'},"
    "'/nodes/c1/lxc/102/snapshot':[{'name':'s1','snaptime':5}],"
    "'/nodes/c1/lxc/102/snapshot/s1/config':{'rootfs':'thick:vm-102-disk-0,size=900G',"
    "'unprivileged':1},"
    "'/nodes/c1/lxc/103/config':{'rootfs':'zfs:subvol-103-disk-0,size=8G','unprivileged':1,"
    "'mp0':'/srv,mp=/srv'},"
    "'/storage':[{'storage':'zfs','type':'zfspool','content':'images,rootdir','sparse':1},"
    "{'storage':'thick','type':'lvm','content':'images,rootdir'},"
    "{'storage':'nfs','type':'nfs','content':'images,iso,vztmpl'},"
    "{'storage':'far','type':'dir','content':'images,rootdir','nodes':'c2'}],"
    "'/nodes/c1/storage':[{'storage':'zfs','avail':107374182400},"
    "{'storage':'thick','avail':107374182400},{'storage':'nfs','avail':1099511627776}],"
    "'/nodes/c2/storage':[{'storage':'nfs','avail':1099511627776}],"
    "'/nodes/c1/network':[{'iface':'vmbr0'}],'/nodes/c2/network':[{'iface':'vmbr0'}],"
    "'/nodes/c1/status':{'memory':{'total':34359738368,'available':1073741824},"
    "'cpuinfo':{'cpus':8}},"
    "'/nodes/c2/status':{'memory':{'total':34359738368,'available':1073741824},"
    "'cpuinfo':{'cpus':8}},"
    "'/cluster/backup':[{'id':'nightly','all':1,'enabled':1}]";

/* base, some answers of it replaced. */
static struct picture *world(const char *other, const struct picture_ask *ask) {
    CLEANUP(js_freep) js *all = world_object(base);
    CLEANUP(js_freep) js *some = world_object(other);

    JS_FOREACH(some, path, answer) {
        js_add(all, path, js_ref(answer));
    }
    return world_picture_of(all, ask);
}

static void compare(const char *name, const char *affects, const char *says, int risk) {
    ck_assert_msg(strcmp(buf_str(&record_affects), affects) == 0, "%s:\n%s%s", name,
                  buf_str(&record_affects), buf_str(&record_rest));
    ck_assert_msg(!says || strstr(buf_str(&record_rest), says), "%s:\n%s", name,
                  buf_str(&record_rest));
    ck_assert_msg((says && strncmp(says, "unread", 6) == 0) ==
                      (strstr(buf_str(&record_rest), "unread") != NULL),
                  "%s:\n%s", name, buf_str(&record_rest));
    ck_assert_msg(record_risk == risk, "%s: risk %d\n%s", name, record_risk, buf_str(&record_rest));
}

#define MADE_CT "ct/200 changed 1 -\nct/200 changed 1 backup\n"
#define MADE_VM "vm/200 changed 1 -\nvm/200 changed 1 backup\n"
#define ROOTFS  "'vmid':200,'unprivileged':1,'rootfs':'zfs:8'"

static const struct create_case {
    const char *name, *kind, *form, *more, *affects, *says;
    int risk;
} creates[] = {
    {"a container that fits", "lxc", ROOTFS ",'ostemplate':'nfs:vztmpl/x.tar.zst'", "", MADE_CT,
     "a new container is made at c1", 1},
    {"a VM that fits", "qemu", "'vmid':200,'scsi0':'zfs:8','ide2':'nfs:iso/x.iso,media=cdrom'", "",
     MADE_VM, "a new VM is made at c1", 1},
    {"its number is taken elsewhere", "qemu", "'vmid':102", "",
     "vm/102 changed 1 -\nvm/102 changed 1 backup\n", "number 102 is taken by ct/102 at c1", 3},
    {"the list of guests is cut", "qemu", "'vmid':200",
     "'/access/permissions':{'/vms/100':{'VM.Audit':1},'/':{'Datastore.Audit':1,'Sys.Audit':1,"
     "'SDN.Audit':1}}",
     MADE_VM, "unread the list of guests", 3},
    {"no job takes it", "qemu", "'vmid':200", "'/cluster/backup':[]",
     "vm/200 changed 1 -\nvm/200 none 1 backup\n", "no backup job takes it", 1},
    {"jobs are denied", "qemu", "'vmid':200", "'/cluster/backup':{'!':403}", "vm/200 changed 1 -\n",
     "unread backup jobs", 3},
    {"the number was granted before", "qemu", "'vmid':200",
     "'/access/acl':[{'path':'/vms/200','type':'user','ugid':'x@pve','roleid':'PVEVMAdmin'}]",
     MADE_VM "user/x@pve gains-access 2 /vms/200\n", "was granted before", 2},
    {"its pool's grants", "qemu", "'vmid':200,'pool':'p'",
     "'/access/acl':[{'path':'/pool/p','type':'group','ugid':'g','roleid':'PVEVMUser'},"
     "{'path':'/pool/q','type':'group','ugid':'h','roleid':'PVEVMUser'}]",
     MADE_VM "group/g gains-access 1 /pool/p\n", "the pool's grant", 1},
    {"its storage is elsewhere", "qemu", "'vmid':200,'scsi0':'far:8'", "", MADE_VM,
     "storage far for scsi0 is not available at c1", 3},
    {"its storage takes no disks", "lxc", "'vmid':200,'unprivileged':1,'rootfs':'nfs:8'", "",
     MADE_CT, "storage nfs does not take rootdir", 3},
    {"the template's storage takes none", "lxc", ROOTFS ",'ostemplate':'zfs:vztmpl/x'", "", MADE_CT,
     "storage zfs does not take vztmpl", 3},
    {"the default root disk", "lxc", "'vmid':200,'unprivileged':1", "", MADE_CT,
     "storage local for rootfs is not available", 3},
    {"thick and too large", "qemu", "'vmid':200,'scsi0':'thick:60','scsi1':'thick:60'", "", MADE_VM,
     "scsi1 does not fit: 122880 MiB go to thick", 3},
    {"thin and too large", "qemu", "'vmid':200,'scsi0':'zfs:600'", "", MADE_VM,
     "every guest there stands still", 3},
    {"nearly full", "qemu", "'vmid':200,'scsi0':'zfs:95'", "", MADE_VM, "nearly full", 2},
    {"room is denied", "qemu", "'vmid':200,'scsi0':'zfs:8'", "'/nodes/c1/storage':{'!':403}",
     MADE_VM, "unread", 3},
    {"an imported disk has no size here", "qemu",
     "'vmid':200,'scsi0':'zfs:0,import-from=nfs:import/x.qcow2'", "", MADE_VM,
     "unread the size of a volume", 3},
    {"a volume that is there", "qemu", "'vmid':200,'scsi0':'zfs:vm-200-disk-0'", "",
     MADE_VM "vm/200 changed 2 scsi0\n", "is there already", 2},
    {"a volume of another guest", "qemu", "'vmid':200,'scsi0':'zfs:vm-100-disk-0'", "",
     MADE_VM "vm/100 exposed 3 scsi0 running\n", "is this guest's by its name", 3},
    {"a value that names no storage", "qemu", "'vmid':200,'scsi0':'32'", "", MADE_VM,
     "unread scsi0", 3},
    {"no such bridge", "qemu", "'vmid':200,'net0':'virtio,bridge=vmbr7'", "",
     MADE_VM "vm/200 wont-boot 3 net0\n", "no bridge vmbr7", 3},
    {"more memory than the node has", "qemu", "'vmid':200,'memory':65536", "",
     MADE_VM "vm/200 wont-boot 3 memory\n", "less memory", 3},
    {"more than is left, and it starts", "lxc", ROOTFS ",'memory':2048,'start':1", "",
     MADE_CT "ct/200 degraded 3 memory running\nct/200 started 1 start\n", "are left", 3},
    {"more than is left, and it does not", "lxc", ROOTFS ",'memory':2048", "", MADE_CT, NULL, 1},
    {"more cores than the node has", "qemu", "'vmid':200,'cores':4,'sockets':4", "",
     MADE_VM "vm/200 wont-boot 3 cores\n", "wants 16", 3},
    {"privileged", "lxc", "'vmid':200,'unprivileged':0,'rootfs':'zfs:8'", "",
     MADE_CT "ct/200 exposed 3 unprivileged\n", "root inside is root on the node", 3},
    {"not said whether", "lxc", "'vmid':200,'rootfs':'zfs:8'", "",
     MADE_CT "ct/200 exposed 2 unprivileged\n", "before PVE 9", 2},
    {"nesting", "lxc", ROOTFS ",'features':'nesting=1'", "", MADE_CT "ct/200 exposed 3 features\n",
     "nesting=1", 3},
    {"a directory of the host", "lxc", ROOTFS ",'mp0':'/srv,mp=/srv'", "",
     MADE_CT "ct/200 exposed 3 mp0\n", "path of the host", 3},
    {"raw arguments", "qemu", "'vmid':200,'args':'-x'", "", MADE_VM "vm/200 exposed 3 args\n",
     "raw arguments", 3},
    {"an address that somebody has", "lxc",
     ROOTFS ",'net0':'name=eth0,bridge=vmbr0,ip=10.0.0.2/24'", "",
     MADE_CT "ct/102 degraded 3 identity\n", "the same IP address", 3},
    {"a MAC address that somebody has", "qemu",
     "'vmid':200,'net0':'virtio=BC:24:11:00:00:01,bridge=vmbr0'", "",
     MADE_VM "vm/100 degraded 3 identity running\n", "the same MAC address", 3},
    {"an address, and others' are denied", "lxc",
     ROOTFS ",'net0':'name=eth0,bridge=vmbr0,ip=10.0.0.9/24'",
     "'/nodes/c1/qemu/100/config':{'!':403}", MADE_CT, "unread configurations of 1 (vm/100)", 3},
    {"no address, and nobody's is asked", "lxc", ROOTFS ",'net0':'name=eth0,bridge=vmbr0,ip=dhcp'",
     "'/nodes/c1/qemu/100/config':{'!':403}", MADE_CT, NULL, 1},
};

START_TEST(create) {
    const struct create_case *c = &creates[_i];
    CLEANUP(js_freep) js *form = world_object(c->form);
    struct picture_ask ask = {.what = blast_create_needs(form), .nodes = "c1"};
    CLEANUP(picture_freep) struct picture *p = world(c->more, &ask);

    ck_assert_int_eq(blast_create(p, c->kind, "c1", form, record_reset()), 0);
    compare(c->name, c->affects, c->says, c->risk);
}
END_TEST

#define COPY_VM "vm/200 changed 1 -\nvm/200 changed 1 backup\n"
#define COPY_CT "ct/200 changed 1 -\nct/200 changed 1 backup\n"

static const struct clone_case {
    const char *name;
    uint32_t vmid;
    const char *form, *more, *affects, *says;
    int risk;
} clones[] = {
    {"a linked copy binds its template", 101, "'newid':200", "",
     COPY_VM "vm/101 changed 1 linked\n", "a linked copy of vm/101", 1},
    {"a full one does not", 101, "'newid':200,'full':1", "", COPY_VM, "a full copy of vm/101", 1},
    {"a linked copy has no storage of its own", 101, "'newid':200,'storage':'zfs'", "",
     COPY_VM "vm/101 changed 1 linked\n", "stays on the storage of its template", 3},
    {"a shared template's copy on another node", 101, "'newid':200,'target':'c2'", "",
     COPY_VM "vm/101 changed 1 linked\n", "is made at c2", 1},
    {"a running VM is read meanwhile", 100, "'newid':200", "",
     COPY_VM "vm/100 none 1 full running\n", "read while it runs", 1},
    {"linked, of what is no template", 100, "'newid':200,'full':0", "", COPY_VM,
     "scsi0 is on zfs, which knows no linked copies of what is no template", 3},
    {"of a snapshot on zfs", 100, "'newid':200,'snapname':'s1'",
     "'/nodes/c1/qemu/100/snapshot':[{'name':'s1','snaptime':5}],"
     "'/nodes/c1/qemu/100/snapshot/s1/config':{'scsi0':'zfs:vm-100-disk-0,size=32G'}",
     COPY_VM "vm/100 none 1 full running\n", "which knows no full copies of a snapshot", 3},
    {"a linked copy on thin LVM shares blocks alone", 101, "'newid':200",
     "'/nodes/c1/qemu/101/config':{'template':1,'scsi0':'thick:base-101-disk-0,size=8G'},"
     "'/storage':[{'storage':'thick','type':'lvmthin','content':'images'}]",
     COPY_VM, "a linked copy of vm/101", 1},
    {"a container's linked copy is no file", 102, "'newid':200",
     "'/cluster/resources?type=vm':[{'type':'lxc','vmid':102,'node':'c1','status':'stopped',"
     "'template':1}],"
     "'/nodes/c1/lxc/102/config':{'template':1,'rootfs':'far:102/base-102-disk-0.raw,size=8G'},"
     "'/storage':[{'storage':'far','type':'dir','content':'rootdir'}]",
     COPY_CT, "which knows no linked copies of containers", 3},
    {"local disks stay at their node", 100, "'newid':200,'target':'c2'", "",
     COPY_VM "vm/100 none 1 full running\n", "scsi0 is on local storage zfs", 3},
    {"the number is taken", 101, "'newid':103", "",
     "vm/103 changed 1 -\nvm/103 changed 1 backup\nvm/101 changed 1 linked\n",
     "number 103 is taken by ct/103", 3},
    {"a fixed address is there twice", 102, "'newid':200", "",
     COPY_CT "ct/102 degraded 2 identity\n", "the same IP address", 2},
    {"of a snapshot, which is larger than what is left", 102, "'newid':200,'snapname':'s1'", "",
     COPY_CT, "rootfs does not fit: 921600 MiB go to thick", 3},
    {"of a snapshot that is not there", 102, "'newid':200,'snapname':'nope'", "",
     COPY_CT "ct/102 degraded 2 identity\n", "has no snapshot nope", 3},
    {"a running container, with a directory of the host", 103, "'newid':200", "",
     COPY_CT "ct/200 exposed 3 mp0\nct/103 none 1 full running\n", "only copied from a snapshot",
     3},
    {"a storage that takes no disks of containers", 102, "'newid':200,'storage':'nfs'", "",
     COPY_CT "ct/102 degraded 2 identity\n", "storage nfs does not take rootdir", 3},
    {"its configuration is denied", 100, "'newid':200", "'/nodes/c1/qemu/100/config':{'!':403}",
     COPY_VM "vm/100 none 1 full running\n", "unread configurations of 1 (vm/100)", 3},
    {"its snapshots are denied", 102, "'newid':200,'snapname':'s1'",
     "'/nodes/c1/lxc/102/snapshot':{'!':403}", COPY_CT "ct/102 degraded 2 identity\n",
     "unread snapshot lists of 1 (ct/102)", 3},
    {"it is not to be seen", 999, "'newid':200", "", "", "unread the guest", 3},
};

START_TEST(copy) {
    const struct clone_case *c = &clones[_i];
    CLEANUP(js_freep) js *form = world_object(c->form);
    struct picture_ask ask = {
        .what = BLAST_CLONE_NEEDS, .vmid = c->vmid, .nodes = js_str_or(form, "target", "c1")};
    CLEANUP(picture_freep) struct picture *p = world(c->more, &ask);

    (void)blast_clone(p, c->vmid, form, record_reset());
    compare(c->name, c->affects, c->says, c->risk);
}
END_TEST

static const struct clone_case templates[] = {
    {"a running VM", 100, "", "", "vm/100 wont-boot 3 - running\n", "will be refused: vm/100 runs",
     3},
    {"one disk of it", 100, "'disk':'scsi0'", "", "vm/100 wont-boot 3 scsi0 running\n",
     "with this disk alone as a base volume", 3},
    {"a template", 101, "", "", "vm/101 wont-boot 3 -\n", "is a template already", 3},
    {"one with a snapshot", 102, "", "", "ct/102 wont-boot 3 -\n", "ct/102 has 1 snapshot", 3},
    {"one that HA starts", 102, "", "'/cluster/ha/resources':[{'sid':'ct:102','state':'started'}]",
     "ct/102 wont-boot 3 -\nct/102 degraded 3 HA\n", "take it out first", 3},
    {"one that is replicated", 102, "",
     "'/cluster/replication':[{'id':'102-0','guest':102,'target':'c2'}]",
     "ct/102 wont-boot 3 -\nct/102 degraded 2 replication\n", "from nothing", 3},
    {"on thick LVM", 100, "", "'/storage':[{'storage':'zfs','type':'lvm','content':'images'}]",
     "vm/100 wont-boot 3 - running\nvm/100 degraded 2 scsi0 running\n", "knows no base volumes", 3},
    {"a container on thick LVM", 102, "",
     "'/storage':[{'storage':'zfs','type':'lvm','content':'rootdir'}]", "ct/102 wont-boot 3 -\n",
     "will be refused: rootfs is on zfs, which knows no base volumes", 3},
    {"a container with a directory of the host", 103, "", "", "ct/103 wont-boot 3 - running\n",
     "will be refused: mp0 is a path of the host", 3},
    {"HA is denied", 102, "", "'/cluster/ha/resources':{'!':403}", "ct/102 wont-boot 3 -\n",
     "unread HA resources", 3},
    {"it is not to be seen", 999, "", "", "", "unread the guest", 3},
};

START_TEST(template) {
    const struct clone_case *c = &templates[_i];
    CLEANUP(js_freep) js *form = world_object(c->form);
    struct picture_ask ask = {.what = BLAST_TEMPLATE_NEEDS, .vmid = c->vmid};
    CLEANUP(picture_freep) struct picture *p = world(c->more, &ask);

    (void)blast_template(p, c->vmid, form, record_reset());
    compare(c->name, c->affects, c->says, c->risk);
}
END_TEST

int main(void) {
    Suite *s = suite_create("blast create");
    TCase *t = tcase_create("tables");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, create, 0, (int)ARRAY_LEN(creates));
    tcase_add_loop_test(t, copy, 0, (int)ARRAY_LEN(clones));
    tcase_add_loop_test(t, template, 0, (int)ARRAY_LEN(templates));
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
