/* SPDX-License-Identifier: Apache-2.0 */
/* The analysers of nodes and of what stands for their devices. Each case is a cluster in which only
 * one thing matters; the whole list of affects is compared. */
#include <check.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/pipeline/draft.h"
#include "says.h"

#define ROW(kind, id, node, status)                                                                \
    "{\"type\":\"" kind "\",\"vmid\":" #id ",\"node\":\"" node "\",\"status\":\"" status           \
    "\",\"name\":\"g" #id "\"}"
#define GUESTS(list)             "\"/cluster/resources?type=vm\":[" list "]"
#define CFG(node, kind, id, cfg) "\"/nodes/" node "/" kind "/" #id "/config\":{" cfg "}"

static js *parsed(const char *text) {
    js *v = NULL;

    ck_assert_int_eq(js_parse(text, strlen(text), &v, NULL), 0);
    return v;
}

/* --- mappings --- */

#define VM_WITH(cfg)                                                                               \
    "{" GUESTS(ROW("qemu", 100, "c1", "running")) "," CFG("c1", "qemu", 100, cfg) "}"
#define GPU   "\"hostpci0\":\"mapping=gpu,pcie=1\""
#define AT_C1 "[\"node=c1,path=0000:01:00.0\"]"
#define AT_C2 "[\"node=c2,path=0000:01:00.0\"]"
#define OTHER "[\"node=c1,path=0000:02:00.0\"]"

static const struct mapping_case {
    const char *name, *world, *type, *id, *before, *after, *affects, *says;
    int risk;
} mappings[] = {
    {"gone", VM_WITH(GPU), "pci", "gpu", AT_C1, NULL, "vm/100 wont-boot 3 hostpci0 running\n", NULL,
     3},
    {"another name", VM_WITH(GPU), "pci", "gpu2", AT_C1, NULL, "", NULL, 0},
    {"another type", VM_WITH(GPU), "usb", "gpu", AT_C1, NULL, "", NULL, 0},
    {"not at its node any more", VM_WITH(GPU), "pci", "gpu", AT_C1, AT_C2,
     "vm/100 wont-boot 3 hostpci0 running\n", "stands for nothing", 3},
    {"another device", VM_WITH(GPU), "pci", "gpu", AT_C1, OTHER,
     "vm/100 changed 2 hostpci0 running\n", NULL, 2},
    {"the same device at its node", VM_WITH(GPU), "pci", "gpu", AT_C1,
     "[\"node=c1,path=0000:01:00.0\",\"node=c2,path=0000:09:00.0\"]", "", NULL, 0},
    {"USB", VM_WITH("\"usb1\":\"mapping=key,usb3=1\""), "usb", "key", "[\"node=c1,id=1:2\"]", NULL,
     "vm/100 wont-boot 3 usb1 running\n", NULL, 3},
    {"a raw device of that number", VM_WITH("\"hostpci0\":\"0000:01:00.0\""), "pci", "gpu", AT_C1,
     NULL, "", NULL, 0},
    {"a directory", VM_WITH("\"virtiofs0\":\"dirid=share\""), "dir", "share",
     "[\"node=c1,path=/a\"]", NULL, "vm/100 wont-boot 3 virtiofs0 running\n", NULL, 3},
    {"a directory in the short form", VM_WITH("\"virtiofs0\":\"share,cache=always\""), "dir",
     "share", "[\"node=c1,path=/a\"]", NULL, "vm/100 wont-boot 3 virtiofs0 running\n", NULL, 3},
    {"a configuration that may not be read",
     "{" GUESTS(ROW("qemu", 100, "c1", "running")) ",\"/nodes/c1/qemu/100/config\":{\"!\":403}}",
     "pci", "gpu", AT_C1, NULL, "", "unread", 3},
};

START_TEST(mapping) {
    for (size_t i = 0; i < ARRAY_LEN(mappings); i++) {
        const struct mapping_case *c = &mappings[i];
        const struct picture_ask ask = {.what = BLAST_MAPPING_NEEDS};
        CLEANUP(picture_freep) struct picture *p = world_picture(c->world, &ask);
        CLEANUP(js_freep) js *before = parsed(c->before);
        CLEANUP(js_freep) js *after = c->after ? parsed(c->after) : NULL;

        (void)blast_mapping(p, c->type, c->id, before, after, record_reset());
        record_check(c->name, c->affects, c->says, c->risk);
    }
}
END_TEST

/* --- services --- */

#define TWO                                                                                        \
    "{" GUESTS(ROW("qemu", 100, "c1", "running") "," ROW("lxc", 101, "c1", "running") "," ROW(     \
        "qemu", 102, "c2",                                                                         \
        "running")) "," CFG("c1", "qemu", 100,                                                     \
                            "\"net0\":\"virtio=A,bridge=b,firewall="                               \
                            "1\"") "," CFG("c1", "lxc", 101,                                       \
                                           "\"net0\":\"name=eth0,"                                 \
                                           "bridge=b\"") "," CFG("c"                               \
                                                                 "2",                              \
                                                                 "qe"                              \
                                                                 "m"                               \
                                                                 "u",                              \
                                                                 102,                              \
                                                                 "\""                              \
                                                                 "ne"                              \
                                                                 "t0"                              \
                                                                 "\""                              \
                                                                 ":"                               \
                                                                 "\""                              \
                                                                 "vi"                              \
                                                                 "rt"                              \
                                                                 "io"                              \
                                                                 "=A"                              \
                                                                 ",b"                              \
                                                                 "ri"                              \
                                                                 "dg"                              \
                                                                 "e="                              \
                                                                 "b,"                              \
                                                                 "fi"                              \
                                                                 "re"                              \
                                                                 "wa"                              \
                                                                 "ll"                              \
                                                                 "=1"                              \
                                                                 "\"") ","                         \
                                                                       "\"/cluster/ha/"            \
                                                                       "resources\":[{\"sid\":"    \
                                                                       "\"ct:101\",\"state\":"     \
                                                                       "\"started\"},"             \
                                                                       "{\"sid\":\"vm:102\","      \
                                                                       "\"state\":\"started\"}]}"

static const struct service_case {
    const char *name, *service, *action, *affects, *says;
    int risk;
} service_cases[] = {
    {"harmless", "cron", "restart", "node/c1 degraded 0 cron\n", NULL, 0},
    {"start", "postfix", "start", "node/c1 started 1 postfix\n", NULL, 1},
    {"reload", "pveproxy", "reload", "node/c1 started 1 pveproxy\n", NULL, 1},
    {"jobs", "pvescheduler", "stop", "node/c1 degraded 2 pvescheduler\n", NULL, 2},
    {"our own way in", "pveproxy", "stop", "node/c1 degraded 3 pveproxy\n", "way back", 3},
    {"firewall", "pve-firewall", "stop",
     "node/c1 degraded 3 pve-firewall\nvm/100 exposed 3 pve-firewall running\n", NULL, 3},
    {"firewall for a moment", "pve-firewall", "restart", "node/c1 degraded 2 pve-firewall\n", NULL,
     2},
    {"HA guests of the node alone", "corosync", "stop",
     "node/c1 degraded 3 corosync\nct/101 halted 3 corosync running\n", NULL, 3},
    {"also when it restarts", "corosync", "restart",
     "node/c1 degraded 3 corosync\nct/101 halted 3 corosync running\n", NULL, 3},
    {"unknown", "frobnicated", "stop", "", "unread the service", 3},
};

START_TEST(service) {
    for (size_t i = 0; i < ARRAY_LEN(service_cases); i++) {
        const struct service_case *c = &service_cases[i];
        const struct picture_ask ask = {.what = BLAST_NODE_SERVICE_NEEDS};
        CLEANUP(picture_freep) struct picture *p = world_picture(TWO, &ask);

        (void)blast_node_service(p, "c1", c->service, c->action, record_reset());
        record_check(c->name, c->affects, c->says, c->risk);
    }
}
END_TEST

/* --- a node goes away --- */

#define VOTES(n)                                                                                   \
    "{\"name\":\"" n "\",\"node\":\"" n "\",\"quorum_votes\":\"1\",\"ring0_addr\":\"10.0.0." n "\"}"
#define THREE "\"/cluster/config/nodes\":[" VOTES("c1") "," VOTES("c2") "," VOTES("c3") "]"
#define C3_OFF                                                                                     \
    "\"/cluster/resources?type=node\":[{\"node\":\"c1\",\"status\":\"online\"},{\"node\":\"c2\","  \
    "\"status\":\"online\"},{\"node\":\"c3\",\"status\":\"offline\"}]"
#define STORES                                                                                     \
    "\"/storage\":[{\"storage\":\"lvm\",\"type\":\"lvm\",\"content\":\"images\"},"                 \
    "{\"storage\":\"zfs\",\"type\":\"zfspool\",\"content\":\"images\"},"                           \
    "{\"storage\":\"nas\",\"type\":\"nfs\",\"server\":\"10.0.0.9\",\"content\":\"images\"},"       \
    "{\"storage\":\"rbd\",\"type\":\"rbd\",\"content\":\"images\"}]"
#define SERVED                                                                                     \
    "\"/storage\":[{\"storage\":\"own\",\"type\":\"nfs\",\"server\":\"10.0.0.c1\","                \
    "\"content\":\"images\"},{\"storage\":\"far\",\"type\":\"nfs\",\"server\":\"10.0.0.c11\","     \
    "\"content\":\"images\"}]"
#define ONE_VM(more, cfg)                                                                          \
    "{" THREE "," STORES more                                                                      \
    "," GUESTS(ROW("qemu", 100, "c1", "running")) "," CFG("c1", "qemu", 100, cfg) "}"
#define MANAGED      ",\"/cluster/ha/resources\":[{\"sid\":\"vm:100\",\"state\":\"started\"}]"
#define POLICY(word) ",\"/cluster/options\":{\"ha\":{\"shutdown_policy\":\"" word "\"}}"
#define ON(storage)  "\"scsi0\":\"" storage ":vm-100-disk-0,size=4G\""
#define RULE(more)                                                                                 \
    ",\"/cluster/ha/rules\":[{\"rule\":\"r\",\"type\":\"node-affinity\",\"nodes\":\"c1:2,c9\","    \
    "\"resources\":\"vm:100\"" more "}]"
#define CEPH(mons, pool)                                                                           \
    ",\"/nodes/c1/ceph/mon\":[" mons "],\"/nodes/c1/ceph/osd\":{\"root\":{\"children\":["          \
    "{\"type\":\"root\",\"children\":[{\"type\":\"host\",\"name\":\"c1\",\"children\":[{\"type\":" \
    "\"osd\"}]},{\"type\":\"host\",\"name\":\"c2\",\"children\":[{\"type\":\"osd\"}]},{\"type\":"  \
    "\"host\",\"name\":\"c3\",\"children\":[{\"type\":\"osd\"}]}]}]}},\"/nodes/c1/ceph/pool\":["   \
    "{\"pool_name\":\"p\"," pool "}]"
#define MON(n) "{\"name\":\"" n "\",\"host\":\"" n "\"}"

#define GOES "node/c1 interrupted 2 -\n"
#define OFF  "node/c1 halted 2 -\n"

static const struct away_case {
    const char *name, *world;
    bool reboot;
    const char *affects, *says;
    int risk;
} aways[] = {
    {"nobody there", "{" THREE "}", true, GOES, NULL, 2},
    {"starts again by itself", ONE_VM("", "\"onboot\":1"), true,
     GOES "vm/100 interrupted 2 - running\n", NULL, 2},
    {"does not start by itself", ONE_VM("", ""), true, GOES "vm/100 halted 2 - running\n",
     "onboot is not", 2},
    {"stays off", ONE_VM("", "\"onboot\":1"), false, OFF "vm/100 halted 2 - running\n",
     "until the node is back", 2},
    {"a stopped guest cannot be started",
     "{" THREE "," GUESTS(ROW("qemu", 100, "c1", "stopped")) "}", false,
     OFF "vm/100 stranded 1 -\n", NULL, 2},
    {"a stopped guest does not mind a reboot",
     "{" THREE "," GUESTS(ROW("qemu", 100, "c1", "stopped")) "}", true, GOES, NULL, 2},
    {"a stopped guest with onboot starts with the node",
     "{" THREE
     "," GUESTS(ROW("qemu", 100, "c1", "stopped")) "," CFG("c1", "qemu", 100, "\"onboot\":1") "}",
     true, GOES "vm/100 started 1 -\n", "onboot starts it", 2},
    {"but HA decides about its own",
     "{" THREE MANAGED
     "," GUESTS(ROW("qemu", 100, "c1", "stopped")) "," CFG("c1", "qemu", 100, "\"onboot\":1") "}",
     true, GOES, NULL, 2},
    {"guests elsewhere do not mind", "{" THREE "," GUESTS(ROW("qemu", 100, "c2", "running")) "}",
     true, GOES, NULL, 2},
    {"HA freezes for a reboot", ONE_VM(MANAGED, ON("nas")), true,
     GOES "vm/100 interrupted 2 HA running\n", "leaves it where it is", 2},
    {"HA starts it elsewhere", ONE_VM(MANAGED, ON("nas")), false,
     OFF "vm/100 interrupted 2 HA running\n", "starts it at another one", 2},
    {"its disk is only here", ONE_VM(MANAGED, ON("lvm")), false, OFF "vm/100 halted 3 HA running\n",
     "no other node", 3},
    {"a replica is enough",
     ONE_VM(MANAGED
            ",\"/cluster/replication\":[{\"id\":\"100-0\",\"guest\":100,\"target\":\"c2\"}]",
            ON("zfs")),
     false, OFF "vm/100 interrupted 2 HA running\n", NULL, 2},
    {"a strict rule leaves nowhere", ONE_VM(MANAGED RULE(",\"strict\":1"), ON("nas")), false,
     OFF "vm/100 halted 3 HA running\n", NULL, 3},
    {"a loose rule does not", ONE_VM(MANAGED RULE(""), ON("nas")), false,
     OFF "vm/100 interrupted 2 HA running\n", "2 of 3 votes remain, just enough", 2},
    {"policy freeze", ONE_VM(MANAGED POLICY("freeze"), ON("nas")), false,
     OFF "vm/100 halted 3 HA running\n", "policy freeze", 3},
    {"policy migrate", ONE_VM(MANAGED POLICY("migrate"), ON("nas")), true,
     GOES "vm/100 moved 1 HA running\n", NULL, 2},
    {"policy failover, also for a reboot", ONE_VM(MANAGED POLICY("failover"), ON("lvm")), true,
     GOES "vm/100 halted 3 HA running\n", NULL, 3},
    {"the last vote",
     "{" THREE "," C3_OFF "," GUESTS(
         ROW("qemu", 101, "c2",
             "running")) ","
                         "\"/cluster/ha/resources\":[{\"sid\":\"vm:101\",\"state\":\"started\"}]}",
     true, GOES "cluster no-quorum 3 quorum\nvm/101 halted 3 quorum running\n", NULL, 3},
    {"without quorum HA starts nothing", ONE_VM(MANAGED "," C3_OFF, ON("nas")), false,
     OFF "cluster no-quorum 3 quorum\nvm/100 halted 3 HA running\n", "without quorum", 3},
    {"a node by itself has no quorum to lose", "{" GUESTS(ROW("qemu", 100, "c1", "running")) "}",
     true, GOES "vm/100 halted 2 - running\n", NULL, 2},
    {"a quorum device is not counted",
     "{" THREE ",\"/cluster/config/qdevice\":{\"State\":\"Connected\"}}", true, GOES,
     "unread the quorum device", 3},
    {"it serves a storage",
     "{" THREE "," SERVED "," GUESTS(ROW("qemu", 101, "c2", "running")) "," CFG(
         "c2", "qemu", 101, "\"scsi0\":\"own:101/a.raw\"") "}",
     true, GOES "storage/own unreachable 3 server\nvm/101 unreachable 3 scsi0 running\n", NULL, 3},
    {"it keeps replicas",
     "{" THREE "," GUESTS(ROW("qemu", 101, "c2", "stopped") "," ROW(
         "qemu", 102, "c2",
         "stopped")) ",\"/cluster/"
                     "replication\":[{\"id\":\"101-0\",\"guest\":101,\"target\":\"c1\"},"
                     "{\"id\":\"102-0\",\"guest\":102,\"target\":\"c1\",\"disable\":1}]}",
     true, GOES "job/101-0 degraded 1 replication\n", NULL, 2},
    {"Ceph with copies to spare",
     "{" THREE CEPH(MON("c1") "," MON("c2") "," MON("c3"), "\"size\":3,\"min_size\":2") "}", true,
     GOES "ceph degraded 2 mon\nceph degraded 2 osd\n", NULL, 2},
    {"Ceph without", "{" THREE CEPH(MON("c2") "," MON("c3"), "\"size\":2,\"min_size\":2") "}", true,
     GOES "ceph degraded 2 osd\nceph-pool/p unreachable 3 osd\n", NULL, 3},
    {"the majority of monitors",
     "{" THREE "," STORES CEPH(MON("c1") "," MON("c2"), "\"size\":3,\"min_size\":2") "," GUESTS(
         ROW("qemu", 101, "c2", "running")) "," CFG("c2", "qemu", 101,
                                                    "\"scsi0\":\"rbd:vm-101-disk-0\"") "}",
     true, GOES "ceph unreachable 3 mon\nvm/101 unreachable 3 scsi0 running\nceph degraded 2 osd\n",
     NULL, 3},
    {"Ceph that may not be looked at", "{" THREE ",\"/nodes/c1/ceph/osd\":{\"!\":403}}", true, GOES,
     "unread OSDs", 3},
    {"options that may not be looked at", "{" THREE ",\"/cluster/options\":{\"!\":403}}", true,
     GOES, "unread cluster options", 3},
    {"offline",
     "{" THREE ",\"/cluster/resources?type=node\":[{\"node\":\"c1\",\"status\":\"offline\"}]}",
     true, "node/c1 none 0 -\n", NULL, 0},
    {"unknown", "{\"/cluster/resources?type=node\":[]}", true, "", "unread the node", 3},
};

START_TEST(away) {
    for (size_t i = 0; i < ARRAY_LEN(aways); i++) {
        const struct away_case *c = &aways[i];
        const struct picture_ask ask = {.what = BLAST_NODE_NEEDS, .nodes = "c1"};
        CLEANUP(picture_freep) struct picture *p = world_picture(c->world, &ask);

        (void)blast_node_power(p, "c1", c->reboot, record_reset());
        record_check(c->name, c->affects, c->says, c->risk);
    }
}
END_TEST

/* --- all guests of a node --- */

#define SOME                                                                                       \
    "{" GUESTS(ROW("qemu", 100, "c1", "running") "," ROW("lxc", 101, "c1", "stopped") "," ROW(     \
        "qemu", 102, "c1",                                                                         \
        "stopped") "," ROW("lxc", 103, "c1",                                                       \
                           "running") "," ROW("qemu", 104, "c2",                                   \
                                              "running")) "," CFG("c1", "lxc", 101,                \
                                                                  "\"onboot\":1") "," CFG("c1",    \
                                                                                          "qemu",  \
                                                                                          102,     \
                                                                                          "\"memo" \
                                                                                          "ry\":"  \
                                                                                          "1") "," \
                                                                                               "\"/cluster/ha/resources\":[{\"sid\":\"ct:103\",\"state\":\"started\"}]}"

static const struct bulk_case {
    const char *name, *action, *form, *affects;
    int risk;
} bulks[] = {
    {"start", "startall", "{}", "ct/101 started 1 -\n", 1},
    {"start by force", "startall", "{\"force\":1}", "ct/101 started 1 -\nvm/102 started 1 -\n", 1},
    {"start of a list", "startall", "{\"vms\":\"101,102,104\"}", "ct/101 started 1 -\n", 1},
    {"start of a list by force", "startall", "{\"force\":1,\"vms\":\"102,104\"}",
     "vm/102 started 1 -\n", 1},
    {"stop: not what HA manages", "stopall", "{}", "vm/100 halted 2 - running\n", 2},
    {"stop of a list, HA's too", "stopall", "{\"vms\":\"100,103\"}",
     "vm/100 halted 2 - running\nct/103 halted 2 - running\nct/103 changed 3 HA running\n", 3},
    {"stop of a list", "stopall", "{\"vms\":\"100\"}", "vm/100 halted 2 - running\n", 2},
    {"suspend: VMs alone", "suspendall", "{}", "vm/100 halted 2 - running\n", 2},
    {"nobody", "stopall", "{\"vms\":\"104\"}", "", 1},
};

START_TEST(bulk) {
    for (size_t i = 0; i < ARRAY_LEN(bulks); i++) {
        const struct bulk_case *c = &bulks[i];
        const struct picture_ask ask = {.what = BLAST_NODE_GUESTS_NEEDS};
        CLEANUP(picture_freep) struct picture *p = world_picture(SOME, &ask);
        CLEANUP(js_freep) js *form = parsed(c->form);

        (void)blast_node_guests(p, "c1", c->action, form, record_reset());
        record_check(c->name, c->affects, NULL, c->risk);
    }
}
END_TEST

/* --- disks --- */

#define DISK(dev, more) "{\"devpath\":\"" dev "\"" more "}"
#define PART(dev, disk, use)                                                                       \
    "{\"devpath\":\"" dev "\",\"parent\":\"" disk "\",\"used\":\"" use "\"}"
#define DISKS                                                                                                                                                                             \
    "\"/nodes/c1/disks/list?include-partitions=1\":[" DISK("/dev/sda", "") "," PART("/dev/sda1", "/dev/sda", "BIOS boot") "," PART(                                                       \
        "/dev/sda3", "/dev/sda",                                                                                                                                                          \
        "LVM") "," DISK("/dev/sdb",                                                                                                                                                       \
                        ",\"used\":\"ZFS\"") "," DISK("/dev/sdc",                                                                                                                         \
                                                      ",\"used\":\"ZFS\"") "," DISK("/dev/sdd",                                                                                           \
                                                                                    ",\"used\":"                                                                                          \
                                                                                    "\"ZFS\"") "," DISK("/dev/sde",                                                                       \
                                                                                                        ",\"osdid\":4,\"used\":"                                                          \
                                                                                                        "\"LVM\"") "," DISK("/dev/"                                                       \
                                                                                                                            "sdf",                                                        \
                                                                                                                            ",\"used"                                                     \
                                                                                                                            "\":\"\"") "," DISK("/dev/sdg",                               \
                                                                                                                                                ",\"used\":\"ZFS\"") "," DISK("/dev/sdh", \
                                                                                                                                                                              ",\"used\":\"ext4\",\"mounted\":1") "]"
#define LVM                                                                                        \
    "\"/nodes/c1/disks/lvm\":{\"children\":[{\"name\":\"pve\",\"children\":[{\"name\":"            \
    "\"/dev/sda3\"}]},{\"name\":\"ceph-1\",\"children\":[{\"name\":\"/dev/sdx\"}]}]}"
#define ZFS                                                                                        \
    "\"/nodes/c1/disks/zfs\":[{\"name\":\"tank\"},{\"name\":\"one\"}],"                            \
    "\"/nodes/c1/disks/zfs/"                                                                       \
    "tank\":{\"name\":\"tank\",\"children\":[{\"name\":\"tank\",\"children\":["                    \
    "{\"name\":\"mirror-0\",\"children\":[{\"name\":\"sdb\"},{\"name\":\"sdc\"}]}]}]},"            \
    "\"/nodes/c1/disks/zfs/one\":{\"name\":\"one\",\"children\":[{\"name\":\"one\",\"children\":[" \
    "{\"name\":\"/dev/sdd\"}]}]}"
#define ON_THEM                                                                                    \
    "{" DISKS "," LVM "," ZFS                                                                      \
    ",\"/storage\":[{\"storage\":\"thin\",\"type\":\"lvmthin\",\"vgname\":"                        \
    "\"pve\",\"thinpool\":\"data\"},{\"storage\":\"zz\",\"type\":\"zfspool\",\"pool\":\"tank/"     \
    "vm\"},"                                                                                       \
    "{\"storage\":\"yy\",\"type\":\"zfspool\",\"pool\":\"one\"},{\"storage\":\"tanker\",\"type\":" \
    "\"zfspool\",\"pool\":\"tanker\"},{\"storage\":\"bak\",\"type\":\"dir\",\"path\":"             \
    "\"/mnt/pve/bak\"}]," GUESTS(ROW("qemu", 100, "c1", "running") "," ROW(                        \
        "qemu", 101, "c2",                                                                         \
        "running")) "," CFG("c1", "qemu", 100,                                                     \
                            "\"scsi0\":\"thin:vm-100-disk-0\",\"scsi1\":\"zz:vm-100-disk-"         \
                            "1\"") "," CFG("c2", "qemu", 101,                                      \
                                           "\"scsi0\":\"thin:vm-101-disk-0\"") "}"

static const struct disk_case {
    const char *name, *devices, *affects, *says;
    int risk;
} disk_cases[] = {
    {"nothing on it", "/dev/sdf", "disk/c1:/dev/sdf destroyed 2 -\n", NULL, 2},
    {"the system's", "/dev/sda",
     "node/c1 wont-boot 3 /dev/sda1\nlvm/pve destroyed 3 c1\nstorage/thin destroyed 3 c1\n"
     "vm/100 destroyed 3 scsi0 running\n",
     NULL, 3},
    {"one of its partitions", "/dev/sda1", "node/c1 wont-boot 3 /dev/sda1\n", NULL, 3},
    {"one side of a mirror", "/dev/sdb",
     "zfs/tank degraded 2 c1\nstorage/zz degraded 2 c1\nvm/100 degraded 2 scsi1 running\n", NULL,
     2},
    {"both sides", "/dev/sdb,/dev/sdc",
     "zfs/tank destroyed 3 c1\nstorage/zz destroyed 3 c1\nvm/100 destroyed 3 scsi1 running\n"
     "zfs/tank destroyed 3 c1\nstorage/zz destroyed 3 c1\nvm/100 destroyed 3 scsi1 running\n",
     NULL, 3},
    {"a pool of one disk", "/dev/sdd", "zfs/one destroyed 3 c1\nstorage/yy destroyed 3 c1\n", NULL,
     3},
    {"a pool that names its disks otherwise", "/dev/sdg", "", "unread the ZFS pool", 3},
    {"an OSD", "/dev/sde", "osd/4 destroyed 3 c1\n", NULL, 3},
    {"mounted", "/dev/sdh", "node/c1 destroyed 3 /dev/sdh\n", "unread the mounted file system", 3},
    {"not there", "/dev/sdz", "", "unread the disk", 3},
};

START_TEST(disk) {
    for (size_t i = 0; i < ARRAY_LEN(disk_cases); i++) {
        const struct disk_case *c = &disk_cases[i];
        const struct picture_ask ask = {.what = BLAST_NODE_DISK_NEEDS, .nodes = "c1"};
        CLEANUP(picture_freep) struct picture *p = world_picture(ON_THEM, &ask);

        (void)blast_node_disk(p, "c1", c->devices, record_reset());
        record_check(c->name, c->affects, c->says, c->risk);
    }
}
END_TEST

/* As PVE lists a machine that started from ZFS: pools know their members below /dev/disk/by-id. */
#define BY_ID(dev, link, wwn) DISK(dev, ",\"by_id_link\":\"" link "\",\"wwn\":\"" wwn "\"")
#define LEAF(name)            "{\"name\":\"" name "\",\"state\":\"ONLINE\"}"
#define NAMED                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                         \
    "{\"/nodes/c1/disks/list?include-partitions=1\":[" BY_ID("/dev/nvme0n1", "/dev/disk/by-id/nvme-PM9A3_S64G", "eui.0025") "," PART("/dev/nvme0n1p1", "/dev/nvme0n1", "BIOS boot") "," PART(                                                                                                                                                                                                                                                                                                                                                                                                         \
        "/dev/nvme0n1p3", "/dev/nvme0n1",                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             \
        "ZFS") "," PART("/dev/nvme0n1p13", "/dev/nvme0n1",                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                            \
                        "ZFS") "," BY_ID("/dev/nvme1n1",                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                              \
                                         "unknown", "eui.0026") "," PART("/dev/nvme1n1p3",                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                            \
                                                                         "/dev/nvme1n1",                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                              \
                                                                         "ZFS") "," BY_ID("/dev/"                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     \
                                                                                          "sda",                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      \
                                                                                          "/dev/"                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     \
                                                                                          "disk/"                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     \
                                                                                          "by-id/"                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                    \
                                                                                          "ata-"                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      \
                                                                                          "HUH_"                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      \
                                                                                          "2EG",                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      \
                                                                                          "0x5000"                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                    \
                                                                                          "cca2") "," PART("/dev/sda1",                                                                                                                                                                                                                                                                                                                                                                                                                                                                               \
                                                                                                           "/dev/sda", "ZFS") "," PART("/dev/sda9", "/dev/sda", "ZFS reserved") "," BY_ID("/dev/sdb", "unknown", "unknown") "," PART("/dev/sdb1", "/dev/sdb", "ZFS") "],"                                                                                                                                                                                                                                                                                                                             \
                                                                                                                                                                                                                                                                     "\"/nodes/c1/disks/lvm\":{\"children\":[]},"                                                                                                                                                                                                                                                                                     \
                                                                                                                                                                                                                                                                     "\"/nodes/c1/disks/zfs\":[{\"name\":\"rpool\"},{\"name\":\"cache\"},{\"name\":\"bulk\"}],"                                                                                                                                                                                                                                       \
                                                                                                                                                                                                                                                                     "\"/nodes/c1/disks/zfs/rpool\":{\"name\":\"rpool\",\"children\":[{\"name\":\"rpool\","                                                                                                                                                                                                                                           \
                                                                                                                                                                                                                                                                     "\"children\":[{\"name\":\"mirror-0\",\"children\":[" LEAF(                                                                                                                                                                                                                                                                      \
                                                                                                                                                                                                                                                                         "/dev/disk/by-id/nvme-PM9A3_S64G-part3") "," LEAF("nvme-eui.0026-part3") "]}]}]},"                                                                                                                                                                                                                                           \
                                                                                                                                                                                                                                                                                                                                                  "\"/nodes/c1/disks/zfs/cache\":{\"name\":\"cache\",\"children\":[{\"name\":\"cache\","                                                                                                                                                              \
                                                                                                                                                                                                                                                                                                                                                  "\"children\":[" LEAF(                                                                                                                                                                                                                              \
                                                                                                                                                                                                                                                                                                                                                      "nvme-PM9A3_S64G-part13") "]}]},"                                                                                                                                                                                                               \
                                                                                                                                                                                                                                                                                                                                                                                "\"/nodes/c1/disks/zfs/bulk\":{\"name\":\"bulk\",\"children\":[{\"name\":\"bulk\","                                                                                                                                   \
                                                                                                                                                                                                                                                                                                                                                                                "\"children\":[" LEAF(                                                                                                                                                                                                \
                                                                                                                                                                                                                                                                                                                                                                                    "wwn-0x5000cca2") "," LEAF("wwn-0x5000cca27-part1") "," LEAF("nvme-PM9A3_S64G9-part3") "," LEAF("nvme-eui.00251") "]}]},"                                                                                         \
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      "\"/storage\":[{\"storage\":\"zz\",\"type\":\"zfspool\",\"pool\":\"rpool/data\"}]," GUESTS(ROW( \
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                          "qemu", 100, "c1", "running")) "," CFG("c1",                                                \
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                 "qemu",                                              \
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                 100,                                                 \
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                 "\"scsi0\":\"zz:vm-100-disk-0\"") "}"

static const struct disk_case named_cases[] = {
    {"a partition, of a longer number too", "/dev/nvme0n1p3",
     "zfs/rpool degraded 2 c1\nstorage/zz degraded 2 c1\nvm/100 degraded 2 scsi0 running\n", NULL,
     2},
    {"the other one", "/dev/nvme0n1p13", "zfs/cache destroyed 3 c1\n", NULL, 3},
    {"by its EUI", "/dev/nvme1n1",
     "zfs/rpool degraded 2 c1\nstorage/zz degraded 2 c1\nvm/100 degraded 2 scsi0 running\n", NULL,
     2},
    {"the whole disk", "/dev/nvme0n1",
     "node/c1 wont-boot 3 /dev/nvme0n1p1\nzfs/rpool degraded 2 c1\nstorage/zz degraded 2 c1\n"
     "vm/100 degraded 2 scsi0 running\nzfs/cache destroyed 3 c1\n",
     NULL, 3},
    {"a disk that the pool has as a whole, by its WWN", "/dev/sda", "zfs/bulk destroyed 3 c1\n",
     NULL, 3},
    {"one without a name", "/dev/sdb", "", "unread the ZFS pool", 3},
};

START_TEST(disk_by_its_other_names) {
    for (size_t i = 0; i < ARRAY_LEN(named_cases); i++) {
        const struct disk_case *c = &named_cases[i];
        const struct picture_ask ask = {.what = BLAST_NODE_DISK_NEEDS, .nodes = "c1"};
        CLEANUP(picture_freep) struct picture *p = world_picture(NAMED, &ask);

        (void)blast_node_disk(p, "c1", c->devices, record_reset());
        record_check(c->name, c->affects, c->says, c->risk);
    }
}
END_TEST

static const struct pool_case {
    const char *kind, *name, *in, *affects;
} pool_cases[] = {
    {"lvm", "pve", "",
     "lvm/pve destroyed 3 c1\nstorage/thin destroyed 3 c1\nvm/100 destroyed 3 scsi0 running\n"},
    {"lvmthin", "data", "pve",
     "lvmthin/data destroyed 3 c1\nstorage/thin destroyed 3 c1\nvm/100 destroyed 3 scsi0 "
     "running\n"},
    {"lvmthin", "data", "other", "lvmthin/data destroyed 3 c1\n"},
    {"zfs", "tank", "",
     "zfs/tank destroyed 3 c1\nstorage/zz destroyed 3 c1\nvm/100 destroyed 3 scsi1 running\n"},
    {"directory", "bak", "", "directory/bak destroyed 3 c1\nstorage/bak destroyed 3 c1\n"},
    {"directory", "ba", "", "directory/ba destroyed 3 c1\n"},
};

START_TEST(pool) {
    for (size_t i = 0; i < ARRAY_LEN(pool_cases); i++) {
        const struct pool_case *c = &pool_cases[i];
        const struct picture_ask ask = {.what = BLAST_NODE_POOL_NEEDS, .nodes = "c1"};
        CLEANUP(picture_freep) struct picture *p = world_picture(ON_THEM, &ask);

        (void)blast_node_pool(p, "c1", c->kind, c->name, c->in, record_reset());
        record_check(c->kind, c->affects, NULL, 3);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("node");
    TCase *t = tcase_create("cases");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, mapping);
    tcase_add_test(t, service);
    tcase_add_test(t, away);
    tcase_add_test(t, bulk);
    tcase_add_test(t, disk);
    tcase_add_test(t, disk_by_its_other_names);
    tcase_add_test(t, pool);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
