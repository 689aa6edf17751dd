/* SPDX-License-Identifier: Apache-2.0 */
/* The analysers of one guest: power, configuration, rollback, exec. Each case is a cluster in which
 * only one thing matters; the whole list of affects is compared. */
#include <check.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/pipeline/draft.h"
#include "says.h"

#define ROW(kind, id, node, status)                                                                \
    "{\"type\":\"" kind "\",\"vmid\":" #id ",\"node\":\"" node "\",\"status\":\"" status           \
    "\",\"name\":\"g" #id "\"}"
#define GUESTS(list)       "\"/cluster/resources?type=vm\":[" list "]"
#define CFG(kind, id, cfg) "\"/nodes/c1/" kind "/" #id "/config\":{" cfg "}"
#define RUNNING(cfg)       "{" GUESTS(ROW("qemu", 100, "c1", "running")) "," CFG("qemu", 100, cfg) "}"
#define STOPPED(cfg)       "{" GUESTS(ROW("qemu", 100, "c1", "stopped")) "," CFG("qemu", 100, cfg) "}"
#define CT(cfg)            "{" GUESTS(ROW("lxc", 100, "c1", "stopped")) "," CFG("lxc", 100, cfg) "}"
#define HA(state, guest)                                                                           \
    "{" GUESTS(ROW("qemu", 100, "c1",                                                              \
                   guest)) ",\"/cluster/ha/resources\":[{\"sid\":\"vm:100\",\"state\":\"" state    \
                           "\"}]}"

static const struct power_case {
    const char *name, *world, *action, *affects, *says;
    int risk;
} powers[] = {
    {"start", STOPPED(""), "start", "vm/100 started 1 -\n", NULL, 1},
    {"start of what runs", RUNNING(""), "start", "vm/100 none 0 - running\n", "nothing changes", 0},
    {"stop of what does not run", STOPPED(""), "stop", "vm/100 none 0 -\n", "nothing changes", 0},
    {"stop", RUNNING(""), "stop", "vm/100 halted 2 - running\n", "pulling the plug", 2},
    {"shutdown", RUNNING(""), "shutdown", "vm/100 halted 2 - running\n", NULL, 2},
    {"reboot", RUNNING(""), "reboot", "vm/100 interrupted 2 - running\n", NULL, 2},
    {"template",
     "{\"/cluster/"
     "resources?type=vm\":[{\"type\":\"qemu\",\"vmid\":100,\"node\":\"c1\",\"template\":1,"
     "\"status\":\"stopped\"}]}",
     "start", "vm/100 none 1 -\n", "cannot run", 1},
    {"HA", HA("started", "running"), "stop",
     "vm/100 halted 2 - running\nvm/100 changed 2 HA running\n", "filed as an HA state", 2},
    {"HA fights back", HA("started", "running"), "suspend",
     "vm/100 halted 2 - running\nvm/100 changed 3 HA running\n", "will start it again", 3},
    {"HA in error", HA("error", "stopped"), "start", "vm/100 started 1 -\nvm/100 none 3 HA\n",
     "set to disabled", 3},
    {"HA ignores it", HA("ignored", "running"), "stop", "vm/100 halted 2 - running\n", NULL, 2},
    {"startup order",
     "{" GUESTS(
         ROW("qemu", 100, "c1", "running") "," ROW("qemu", 101, "c1", "running") "," ROW("qemu", 102, "c1", "running") "," ROW(
             "qemu", 103, "c1",
             "stopped")) "," CFG("qemu", 100,
                                 "\"startup\":\"order=2\"") "," CFG("qemu", 101,
                                                                    "\"startup\":\"order=10,up="
                                                                    "5\"") "," CFG("qemu", 102,
                                                                                   "\"startup\""
                                                                                   ":\"order="
                                                                                   "1\"") "," CFG("qemu",
                                                                                                  103,
                                                                                                  "\"startup\":\"order=5\"") "}",
     "shutdown", "vm/100 halted 2 - running\nvm/101 degraded 2 startup order running\n",
     "10 after 2", 2},
    {"it serves a storage",
     "{" GUESTS(ROW("lxc", 100, "c1", "running") "," ROW("qemu", 101, "c1", "running") "," ROW(
         "qemu", 102, "c1",
         "stopped")) ","
                     "\"/"
                     "storage\":[{\"storage\":\"nas\",\"type\":\"nfs\","
                     "\"server\":\"10.0.0.5\"},"
                     "{\"storage\":\"far\",\"type\":\"nfs\",\"server\":\"10."
                     "0.0.55\"}]," CFG("lxc", 100,
                                       "\"net0\":\"name=eth0,ip=10.0.0.5/"
                                       "24,bridge=vmbr0\"") "," CFG("qemu", 101,
                                                                    "\"scsi0\":\"nas:101/"
                                                                    "d.raw\"") "," CFG("qe"
                                                                                       "m"
                                                                                       "u",
                                                                                       102,
                                                                                       "\""
                                                                                       "sc"
                                                                                       "si"
                                                                                       "0"
                                                                                       "\""
                                                                                       ":"
                                                                                       "\""
                                                                                       "fa"
                                                                                       "r:"
                                                                                       "d"
                                                                                       "\"") "}",
     "stop", "ct/100 halted 2 - running\nvm/101 unreachable 3 scsi0 running\n", "served by ct/100",
     3},
    {"no such guest", STOPPED(""), "nonsense", "", "unread the action", 3},
    {"others' configs denied",
     "{" GUESTS(ROW("qemu", 100, "c1", "running") "," ROW(
         "qemu", 101, "c1", "running")) ","
                                        "\"/nodes/c1/qemu/101/config\":{\"!\":403}}",
     "stop", "vm/100 halted 2 - running\n", "unread configurations of 1 (vm/101)", 3},
};

START_TEST(power) {
    const struct power_case *c = &powers[_i];
    struct picture_ask ask = {.what = BLAST_POWER_NEEDS};
    CLEANUP(picture_freep) struct picture *p = world_picture(c->world, &ask);

    (void)blast_power(p, 100, c->action, record_reset());
    record_check(c->name, c->affects, c->says, c->risk);
}
END_TEST

static const struct config_case {
    const char *name, *world, *set, *del, *affects, *says;
    int risk;
} configs[] = {
    {"no difference", STOPPED("\"cores\":2,\"memory\":\"512\""), "{\"cores\":\"2\",\"memory\":512}",
     NULL, "vm/100 none 0 -\n", "nothing changes", 0},
    {"difference", STOPPED("\"cores\":2"), "{\"cores\":4}", NULL, "vm/100 changed 1 cores\n",
     "cores: 2 -> 4\n", 1},
    {"needs a restart", RUNNING("\"cores\":2"), "{\"cores\":4}", NULL,
     "vm/100 changed 2 cores running\n", "after a restart", 2},
    {"hot-pluggable", RUNNING("\"net0\":\"virtio=A,bridge=b\""),
     "{\"net0\":\"virtio=A,bridge=b,rate=5\"}", NULL, "vm/100 changed 2 net0 running\n", "at once",
     2},
    {"hot-plug switched off", RUNNING("\"hotplug\":\"disk\",\"net0\":\"virtio=A,bridge=b\""),
     "{\"net0\":\"virtio=A,bridge=b,rate=5\"}", NULL, "vm/100 changed 2 net0 running\n",
     "after a restart", 2},
    {"delete", STOPPED("\"balloon\":1"), NULL, "[\"balloon\",\"absent\"]",
     "vm/100 changed 1 balloon\n", "balloon: 1 -> (removed)", 1},
    {"secret", STOPPED(""), "{\"cipassword\":\"canary\"}", NULL, "vm/100 changed 1 cipassword\n",
     "value not shown", 1},
    {"bridge", STOPPED("\"net0\":\"virtio=A,bridge=vmbr0\""),
     "{\"net0\":\"virtio=A,bridge=vmbr1\"}", NULL, "vm/100 changed 1 net0\nvm/100 exposed 3 net0\n",
     "bridge vmbr0 -> vmbr1", 3},
    {"vlan", STOPPED("\"net0\":\"virtio=A,bridge=b,tag=5\""), "{\"net0\":\"virtio=A,bridge=b\"}",
     NULL, "vm/100 changed 1 net0\nvm/100 exposed 3 net0\n", "tag 5 -> (none)", 3},
    {"firewall off", STOPPED("\"net0\":\"virtio=A,bridge=b,firewall=1\""),
     "{\"net0\":\"virtio=A,bridge=b,firewall=0\"}", NULL,
     "vm/100 changed 1 net0\nvm/100 exposed 3 net0\n", "firewall is off", 3},
    {"interface goes", STOPPED("\"net0\":\"virtio=A,bridge=b\""), NULL, "\"net0\"",
     "vm/100 changed 1 net0\nvm/100 unreachable 3 net0\n", NULL, 3},
    {"new interface", STOPPED(""), "{\"net1\":\"virtio,bridge=vmbr9,firewall=1\"}", NULL,
     "vm/100 changed 1 net1\nvm/100 exposed 3 net1\n", "vmbr9", 3},
    {"boot disk detached", STOPPED("\"boot\":\"order=scsi0\",\"scsi0\":\"zz:a\""), NULL,
     "[\"scsi0\"]", "vm/100 changed 1 scsi0\nvm/100 wont-boot 3 scsi0\n", NULL, 3},
    {"data disk detached",
     STOPPED("\"boot\":\"order=scsi0\",\"scsi0\":\"zz:a\",\"scsi1\":\"zz:b\""), NULL, "[\"scsi1\"]",
     "vm/100 changed 1 scsi1\nvm/100 degraded 2 scsi1\n", NULL, 2},
    {"unused destroyed", STOPPED("\"unused0\":\"zz:a\""), NULL, "[\"unused0\"]",
     "vm/100 changed 1 unused0\nvm/100 destroyed 3 unused0\n", "destroyed with its data", 3},
    {"another disk in its place", STOPPED("\"scsi0\":\"zz:a,size=1G\""),
     "{\"scsi0\":\"zz:b,size=1G\"}", NULL, "vm/100 changed 1 scsi0\nvm/100 degraded 3 scsi0\n",
     NULL, 3},
    {"disk options only", STOPPED("\"scsi0\":\"zz:a,size=1G\""),
     "{\"scsi0\":\"zz:a,size=1G,ssd=1\"}", NULL, "vm/100 changed 1 scsi0\n", NULL, 1},
    {"args", STOPPED(""), "{\"args\":\"-x\"}", NULL,
     "vm/100 changed 1 args\nvm/100 exposed 3 args\n", NULL, 3},
    {"hostpci", STOPPED(""), "{\"hostpci0\":\"0000:01:00\"}", NULL,
     "vm/100 changed 1 hostpci0\nvm/100 exposed 3 hostpci0\n", NULL, 3},
    {"usb", STOPPED(""), "{\"usb1\":\"host=1:2\"}", NULL,
     "vm/100 changed 1 usb1\nvm/100 exposed 3 usb1\n", NULL, 3},
    {"serial device", STOPPED(""), "{\"serial0\":\"/dev/ttyS0\"}", NULL,
     "vm/100 changed 1 serial0\nvm/100 exposed 3 serial0\n", NULL, 3},
    {"serial socket", STOPPED(""), "{\"serial0\":\"socket\"}", NULL, "vm/100 changed 1 serial0\n",
     NULL, 1},
    {"raw device as disk", STOPPED(""), "{\"scsi3\":\"cache=none,file=/dev/sdb\"}", NULL,
     "vm/100 changed 1 scsi3\nvm/100 exposed 3 scsi3\n", NULL, 3},
    {"hookscript", CT(""), "{\"hookscript\":\"local:snippets/x\"}", NULL,
     "ct/100 changed 1 hookscript\nct/100 exposed 3 hookscript\n", "as root on the node", 3},
    {"privileged", CT("\"unprivileged\":1"), "{\"unprivileged\":0}", NULL,
     "ct/100 changed 1 unprivileged\nct/100 exposed 3 unprivileged\n", NULL, 3},
    {"privileged by deletion", CT("\"unprivileged\":1"), NULL, "[\"unprivileged\"]",
     "ct/100 changed 1 unprivileged\nct/100 exposed 3 unprivileged\n", NULL, 3},
    {"bind mount", CT(""), "{\"mp0\":\"/etc,mp=/x\"}", NULL,
     "ct/100 changed 1 mp0\nct/100 exposed 3 mp0\n", NULL, 3},
    {"bind mount, volume=", CT(""), "{\"mp0\":\"mp=/x,volume=/etc\"}", NULL,
     "ct/100 changed 1 mp0\nct/100 exposed 3 mp0\n", NULL, 3},
    {"storage mount point", CT(""), "{\"mp0\":\"zz:5,mp=/x\"}", NULL, "ct/100 changed 1 mp0\n",
     NULL, 1},
    {"device", CT(""), "{\"dev0\":\"/dev/kvm\"}", NULL,
     "ct/100 changed 1 dev0\nct/100 exposed 3 dev0\n", NULL, 3},
    {"nesting", CT("\"features\":\"fuse=1\""), "{\"features\":\"fuse=1,nesting=1\"}", NULL,
     "ct/100 changed 1 features\nct/100 exposed 3 features\n", "nesting=1", 3},
    {"nesting off", CT("\"features\":\"nesting=1\""), "{\"features\":\"nesting=0\"}", NULL,
     "ct/100 changed 1 features\n", NULL, 1},
    {"protection off", STOPPED("\"protection\":1"), "{\"protection\":0}", NULL,
     "vm/100 changed 1 protection\nvm/100 exposed 2 protection\n", NULL, 2},
    {"onboot off", STOPPED("\"onboot\":1"), NULL, "[\"onboot\"]",
     "vm/100 changed 1 onboot\nvm/100 degraded 2 onboot\n", NULL, 2},
    {"config denied",
     "{" GUESTS(ROW("qemu", 100, "c1", "stopped")) ",\"/nodes/c1/qemu/100/config\":{\"!\":403}}",
     "{\"cores\":4}", NULL, "vm/100 changed 1 cores\n", "unread configurations of 1 (vm/100)", 3},
};

START_TEST(config) {
    const struct config_case *c = &configs[_i];
    struct picture_ask ask = {.what = BLAST_CONFIG_NEEDS, .vmid = 100};
    CLEANUP(picture_freep) struct picture *p = world_picture(c->world, &ask);
    CLEANUP(js_freep) js *set = NULL;
    CLEANUP(js_freep) js *del = NULL;

    ck_assert(!c->set || js_parse(c->set, strlen(c->set), &set, NULL) == 0);
    ck_assert(!c->del || js_parse(c->del, strlen(c->del), &del, NULL) == 0);
    (void)blast_config(p, 100, set, del, record_reset());
    record_check(c->name, c->affects, c->says, c->risk);
    ck_assert_ptr_null(strstr(buf_str(&record_rest), "canary"));
}
END_TEST

#define NOW                1000000
#define SNAPS(list)        "\"/nodes/c1/qemu/100/snapshot\":[" list ",{\"name\":\"current\"}]"
#define SNAPCFG(name, cfg) "\"/nodes/c1/qemu/100/snapshot/" name "/config\":{" cfg "}"
#define TYPE(type)         "\"/storage\":[{\"storage\":\"st\",\"type\":\"" type "\"}]"
#define BACK(status, type, snaps, cfg, snapcfg)                                                    \
    "{" GUESTS(ROW("qemu", 100, "c1", status)) "," TYPE(type) "," SNAPS(snaps) "," CFG(            \
        "qemu", 100, "\"parent\":\"s1\"," cfg) "," SNAPCFG("s1", snapcfg) "}"
#define S1 "{\"name\":\"s1\",\"snaptime\":996400}"

static const struct back_case {
    const char *name, *world, *affects, *says;
    int risk;
} backs[] = {
    {"plain", BACK("stopped", "btrfs", S1, "\"scsi0\":\"st:a\"", "\"scsi0\":\"st:a\""),
     "vm/100 reverted 3 s1\n", NULL, 3},
    {"age", BACK("stopped", "btrfs", S1, "\"scsi0\":\"st:a\"", "\"scsi0\":\"st:a\""),
     "vm/100 reverted 3 s1\n", "in the last 60 minutes", 3},
    {"running", BACK("running", "btrfs", S1, "\"scsi0\":\"st:a\"", "\"scsi0\":\"st:a\""),
     "vm/100 reverted 3 s1 running\nvm/100 halted 3 s1 running\n", "stays stopped", 3},
    {"running, with memory",
     BACK("running", "btrfs", "{\"name\":\"s1\",\"snaptime\":996400,\"vmstate\":1}",
          "\"scsi0\":\"st:a\"", "\"scsi0\":\"st:a\""),
     "vm/100 reverted 3 s1 running\nvm/100 interrupted 3 s1 running\n", NULL, 3},
    {"stopped, with memory",
     BACK("stopped", "btrfs", "{\"name\":\"s1\",\"snaptime\":996400,\"vmstate\":1}",
          "\"scsi0\":\"st:a\"", "\"scsi0\":\"st:a\""),
     "vm/100 reverted 3 s1\nvm/100 started 2 s1\n", NULL, 3},
    {"config goes back",
     BACK("stopped", "btrfs", S1, "\"scsi0\":\"st:a\",\"cores\":4",
          "\"scsi0\":\"st:a\",\"tags\":\"x\""),
     "vm/100 reverted 3 s1\nvm/100 changed 2 config\n", "goes back, too: cores, tags", 3},
    {"unused volumes stay, and the generation is always a new one",
     BACK("stopped", "btrfs", S1, "\"scsi0\":\"st:a\",\"unused0\":\"st:u\",\"vmgenid\":\"1\"",
          "\"scsi0\":\"st:a\",\"unused1\":\"st:v\",\"vmgenid\":\"2\""),
     "vm/100 reverted 3 s1\n", NULL, 3},
    {"disk added since",
     BACK("stopped", "btrfs", S1, "\"scsi0\":\"st:a\",\"scsi1\":\"st:b\"", "\"scsi0\":\"st:a\""),
     "vm/100 reverted 3 s1\nvm/100 degraded 3 scsi1\nvm/100 changed 2 config\n",
     "added after the snapshot", 3},
    {"host device",
     BACK("stopped", "btrfs", S1, "\"scsi0\":\"/dev/sdb\"", "\"scsi0\":\"/dev/sdb\""),
     "vm/100 reverted 3 s1\nvm/100 none 1 scsi0\n", "not taken back", 3},
    {"in between",
     "{" GUESTS(ROW("qemu", 100, "c1", "stopped")) "," TYPE("btrfs") "," SNAPS(
         S1 ",{\"name\":"
            "\"s2\","
            "\"snaptime\":"
            "998000,"
            "\"parent\":"
            "\"s1\"}") "," CFG("qemu", 100,
                               "\"parent\":\"s2\",\"scsi0\":\"st:a\"") "," SNAPCFG("s1",
                                                                                   "\"scsi0\":\"st:"
                                                                                   "a\"") "}",
     "vm/100 reverted 3 s1\nvm/100 loses-undo 2 snapshot s2\n", NULL, 3},
    {"ZFS takes the newest only",
     "{" GUESTS(ROW("qemu", 100, "c1", "stopped")) "," TYPE("zfspool") "," SNAPS(
         S1 ",{\"name\":"
            "\"s2\","
            "\"snaptime\":"
            "998000,"
            "\"parent\":"
            "\"s1\"}") "," CFG("qemu", 100,
                               "\"parent\":\"s2\",\"scsi0\":\"st:a\"") "," SNAPCFG("s1",
                                                                                   "\"scsi0\":\"st:"
                                                                                   "a\"") "}",
     "vm/100 reverted 3 s1\nvm/100 loses-undo 2 snapshot s2\n", "will be refused: st is ZFS", 3},
    {"another branch",
     "{" GUESTS(ROW("qemu", 100, "c1", "stopped")) "," TYPE("btrfs") "," SNAPS(
         S1 ",{\"name\":\"s0\",\"snaptime\":900000}") "," CFG("qemu", 100,
                                                              "\"parent\":\"s0\",\"scsi0\":\"st:"
                                                              "a\"") "," SNAPCFG("s1",
                                                                                 "\"scsi0\":\"st:"
                                                                                 "a\"") "}",
     "vm/100 reverted 3 s1\n", "another branch", 3},
    {"no such snapshot", STOPPED(""), "", "has no snapshot s1", 3},
    {"storage not read",
     "{" GUESTS(ROW("qemu", 100, "c1", "stopped")) ",\"/storage\":{\"!\":403}," SNAPS(S1) "," CFG(
         "qemu", 100, "\"parent\":\"s1\",\"scsi0\":\"st:a\"") "," SNAPCFG("s1",
                                                                          "\"scsi0\":\"st:a\"") "}",
     "vm/100 reverted 3 s1\n", "unread storage definitions", 3},
    {"snapshot's config not read",
     "{" GUESTS(ROW("qemu", 100, "c1", "stopped")) "," TYPE("btrfs") "," SNAPS(S1) "," CFG(
         "qemu", 100,
         "\"parent\":\"s1\"") ",\"/nodes/c1/qemu/100/snapshot/s1/config\":{\"!\":500}}",
     "vm/100 reverted 3 s1\n", "unread snapshot configurations of 1 (vm/100 s1)", 3},
};

START_TEST(rollback) {
    const struct back_case *c = &backs[_i];
    struct picture_ask ask = {.what = BLAST_ROLLBACK_NEEDS, .vmid = 100};
    CLEANUP(picture_freep) struct picture *p = world_picture(c->world, &ask);

    (void)blast_rollback(p, 100, "s1", NOW, record_reset());
    record_check(c->name, c->affects, c->says, c->risk);
}
END_TEST

#define SAFE                                                                                       \
    "\"allowed\":true,\"rule\":\"r\",\"near_root\":false,\"running\":true,\"privileged\":false,"   \
    "\"mounts\":[],\"undo\":{\"possible\":true}"

static const struct exec_case {
    const char *name, *explain, *affects, *says;
    int risk;
} execs[] = {
    {"narrow", "{" SAFE "}", "ct/100 changed 1 rule running\n", NULL, 1},
    {"near root",
     "{\"allowed\":true,\"rule\":\"r\",\"near_root\":true,\"running\":true,\"privileged\":false,"
     "\"mounts\":[],\"undo\":{\"possible\":true}}",
     "ct/100 changed 3 rule running\n", NULL, 3},
    {"privileged",
     "{\"allowed\":true,\"rule\":\"r\",\"near_root\":false,\"running\":true,\"privileged\":true,"
     "\"mounts\":[],\"undo\":{\"possible\":true}}",
     "ct/100 changed 1 rule running\nct/100 exposed 3 privileged running\n", NULL, 3},
    {"host mounts",
     "{\"allowed\":true,\"rule\":\"r\",\"near_root\":false,\"running\":true,\"privileged\":false,"
     "\"mounts\":[\"mp0 /srv,mp=/srv\",\"mp1 /ro,mp=/ro,ro=1\"],\"undo\":{\"possible\":true}}",
     "ct/100 changed 1 rule running\nct/100 exposed 3 mount running\nct/100 exposed 1 mount "
     "running\n",
     "/srv of the host is mounted inside and can be written", 3},
    {"volumes of its own",
     "{\"allowed\":true,\"rule\":\"r\",\"near_root\":false,\"running\":true,\"privileged\":false,"
     "\"mounts\":[\"mp0 "
     "local-zfs:subvol-100-disk-1,mp=/data,size=8G\"],\"undo\":{\"possible\":true}}",
     "ct/100 changed 1 rule running\n", NULL, 1},
    {"mounted past the configuration",
     "{\"allowed\":true,\"rule\":\"r\",\"near_root\":false,\"running\":true,\"privileged\":false,"
     "\"mounts\":[\"lxc.mount.entry /dev/dri dev/dri none bind,optional 0 0\"],"
     "\"undo\":{\"possible\":true}}",
     "ct/100 changed 1 rule running\nct/100 exposed 3 mount running\n",
     "/dev/dri of the host is mounted inside", 3},
    {"no snapshot",
     "{\"allowed\":true,\"rule\":\"r\",\"near_root\":false,\"running\":true,\"privileged\":false,"
     "\"mounts\":[],\"undo\":{\"possible\":false,\"why\":\"ext4\"}}",
     "ct/100 changed 1 rule running\nct/100 loses-undo 2 undo running\n", "ext4", 2},
    {"refused", "{\"allowed\":false,\"code\":\"policy_denied\",\"why\":\"no rule matches\"}",
     "ct/100 none 3 policy\n", "no rule matches", 3},
    {"silent about privilege",
     "{\"allowed\":true,\"rule\":\"r\",\"near_root\":false,\"running\":true,"
     "\"mounts\":[],\"undo\":{\"possible\":true}}",
     "ct/100 changed 1 rule running\n", "unread privileged", 3},
    {"says nothing", "{}", "ct/100 none 3 policy\n", NULL, 3},
};

START_TEST(exec) {
    const struct exec_case *c = &execs[_i];
    CLEANUP(js_freep) js *explain = NULL;

    ck_assert_int_eq(js_parse(c->explain, strlen(c->explain), &explain, NULL), 0);
    ck_assert_int_eq(blast_exec(NULL, 100, explain, record_reset()), 0);
    record_check(c->name, c->affects, c->says, c->risk);
    ck_assert_int_lt(blast_exec(NULL, 100, NULL, record_reset()), 0);
    ck_assert_int_eq(record_risk, RISK_HIGH);
}
END_TEST

static const struct volume_case {
    const char *kind, *key, *value;
    int is; /* enum volume_kind, -1 = no volume at all */
    const char *storage, *name;
} volumes[] = {
    {"qemu", "scsi0", "st:100/d.qcow2,size=1G", VOLUME_STORAGE, "st", "100/d.qcow2"},
    {"qemu", "scsi0", "cache=none,file=st:d", VOLUME_STORAGE, "st", "d"},
    {"lxc", "rootfs", "volume=st:d", VOLUME_STORAGE, "st", "d"},
    {"lxc", "mp12", "/srv/a=b,mp=/x", VOLUME_BIND, "", "/srv/a=b"},
    {"lxc", "mp0", "/dev/sdb1,mp=/x", VOLUME_DEVICE, "", "/dev/sdb1"},
    {"qemu", "virtio1", "/dev/disk/by-id/x", VOLUME_DEVICE, "", "/dev/disk/by-id/x"},
    {"qemu", "sata0", "/srv/raw.img", VOLUME_DEVICE, "", "/srv/raw.img"},
    {"qemu", "ide2", "none,media=cdrom", VOLUME_EMPTY, "", "none"},
    {"qemu", "ide2", "cdrom", VOLUME_DEVICE, "", "cdrom"},
    {"qemu", "scsi0", "", VOLUME_ODD, "", ""},
    {"qemu", "scsi0", "size=1G", VOLUME_ODD, "", ""},
    {"qemu", "scsi0", "st:", VOLUME_ODD, "", "st:"},
    {"qemu", "scsi0", "-bad-:d", VOLUME_ODD, "-bad-", "d"},
    {"qemu", "scsi0", "st:a\nb", VOLUME_ODD, "", "st:a\nb"},
    {"qemu", "scsihw", "virtio-scsi-pci", -1, "", ""},
    {"qemu", "scsi", "st:d", -1, "", ""},
    {"qemu", "rootfs", "st:d", -1, "", ""},
    {"lxc", "scsi0", "st:d", -1, "", ""},
    {"lxc", "unused3", "st:d", VOLUME_STORAGE, "st", "d"},
};

START_TEST(volume) {
    const struct volume_case *c = &volumes[_i];
    struct picture_ask ask = {0};
    CLEANUP(picture_freep) struct picture *p = world_picture("{}", &ask);
    struct volume v;
    bool is = volume_parse(p, c->kind, c->key, c->value, &v);

    ck_assert_msg(is == (c->is >= 0), "%s", c->value);
    ck_assert_msg(!is || (int)v.kind == c->is, "%s: %d", c->value, (int)v.kind);
    ck_assert_str_eq(v.storage, c->storage);
    ck_assert_str_eq(v.name, c->name);
}
END_TEST

int main(void) {
    Suite *s = suite_create("blast guest");
    TCase *t = tcase_create("tables");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, power, 0, (int)ARRAY_LEN(powers));
    tcase_add_loop_test(t, config, 0, (int)ARRAY_LEN(configs));
    tcase_add_loop_test(t, rollback, 0, (int)ARRAY_LEN(backs));
    tcase_add_loop_test(t, exec, 0, (int)ARRAY_LEN(execs));
    tcase_add_loop_test(t, volume, 0, (int)ARRAY_LEN(volumes));
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
