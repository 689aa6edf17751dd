/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/tools/samples.h - for the walk over rows that are data: values where one made from the
 * field's type will not do, objects in a raw form of their own, and what else the world answers. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "tests/unit/tools/world.h"

static const struct sample {
    const char *row;                  /* NULL: every row */
    const char *name, *value, *other; /* JSON */
} samples[] = {
    {NULL, "digest", "\"aaaa\"", "\"bbbb\""},
    {"pve_ceph_pool_create", "size", "3", "2"},
    {"pve_ceph_pool_update", "size", "3", "2"},
    {"pve_ceph_init", "size", "3", "2"},
    {NULL, "size", "\"+5G\"", "\"+6G\""},
    {NULL, "disk", "\"rootfs\"", "\"mp0\""},
    {"pve_create_container", "vmid", "777", "778"},
    {"pve_create_vm", "vmid", "777", "778"},
    {"pve_restore_ct", "vmid", "777", "778"},
    {"pve_restore_vm", "vmid", "777", "778"},
    {"pve_clone", "newid", "777", "778"},
    {"pve_disk_move", "disk", "\"scsi0\"", "\"scsi1\""},
    {"pve_ct_volume_move", "volume", "\"rootfs\"", "\"mp0\""},
    {NULL, "pos", "3", "4"},
    {NULL, "bridge_vlan_aware", "true", "1"}, /* false is refused: the API takes it for true */
    {"pve_sdn_zone_create", "dhcp", "\"dnsmasq\"", "\"other\""}, /* the only choices there are */
    {"pve_sdn_zone_update", "dhcp", "\"dnsmasq\"", "\"other\""},
    {"pve_sdn_dns_create", "type", "\"powerdns\"", "\"other\""},
    {"pve_sdn_subnet_create", "subnet", "\"10.0.0.0/24\"", "\"10.1.0.0/24\""},
    {NULL, "subnet", "\"z1-10.0.0.0-24\"", "\"z1-10.1.0.0-24\""},
    {"pve_ha_resource_migrate", "sid", "\"ct:105\"", "\"vm:104\""},
    {"pve_ha_resource_relocate", "sid", "\"ct:105\"", "\"vm:104\""},
    {"pve_ha_resource_migrate", "node", "\"n2\"", "\"n1\""},
    {"pve_ha_resource_relocate", "node", "\"n2\"", "\"n1\""},
    {NULL, "moveto", "0", "1"}, /* a rule that stays where it is is refused */
};

/* Fields that cannot stand beside the others. */
static const struct {
    const char *row, *name;
} left_out[] = {
    {"pve_delete_guest", "backup"}, /* of guests that are stopped: integration/destroy_backup.py */
};

/* What the API answers for a thing whose `shape` reads another form. */
static const struct {
    const char *kind, *answer;
} objects[] = {
    {"package-source", "{\"digest\":\"d1\",\"files\":[{\"path\":\"yyyy8888\",\"repositories\":["
                       "{\"Enabled\":false},{\"Enabled\":false}]},{\"path\":\"zzzz9999\","
                       "\"repositories\":[{\"Enabled\":false}]}]}"},
    {"role", "{\"VM.Audit\":1,\"VM.PowerMgmt\":1}"},
    {"guest", "{\"digest\":\"aaaa\",\"memory\":512,\"rootfs\":\"btr:105/a.raw,size=4G\","
              "\"mp0\":\"btr:105/b.raw,mp=/b,size=4G\",\"scsi0\":\"btr:104/c.qcow2,size=4G\","
              "\"scsi1\":\"btr:104/d.raw,size=4G\"}"},
};

/* Further answers that rows need. */
static const struct {
    const char *path, *answer;
} answers[] = {
    {"/access/acl", "[]"},
    {"/nodes/n1/storage/btr/content", "[]"},
    {"/nodes/n2/storage/btr/content", "[]"},
    {"/nodes/n1/storage/local/content", "[]"},
    {"/nodes/n1/storage/btr/content?content=iso", "[]"},
    {"/nodes/n1/storage/btr/content?content=vztmpl", "[]"},
    {"/nodes/n2/storage/btr/content?content=vztmpl", "[]"},
    {"/nodes/n1/storage/btr/content?vmid=105", "[]"},
    {"/nodes/n1/storage/btr/content?vmid=106", "[]"},
    /* something is staged */
    {"/nodes/n1/network#changes",
     "\"--- a\\n+++ b\\n@@ -1,0 +1,2 @@\\n+iface vmbr9 inet manual\\n+\\tbridge-ports none\\n\""},
    {"/cluster/ha/status/manager_status",
     "{\"manager_status\":{\"disarm\":{\"mode\":\"ignore\",\"state\":\"disarmed\"}}}"},
    /* the zones of vnets are in the names of their subnets */
    {"/cluster/sdn/vnets?pending=1", "[{\"vnet\":\"yyyy8888\",\"zone\":\"z1\"},"
                                     "{\"vnet\":\"zzzz9999\",\"zone\":\"z2\"}]"},
    {"/cluster/sdn/zones?pending=1", "[{\"zone\":\"z1\",\"type\":\"simple\",\"state\":\"new\"}]"},
    {"/cluster/sdn/controllers?pending=1", "[]"},
    {"/cluster/sdn/zones?running=1", "[]"},
    {"/cluster/sdn/vnets?running=1", "[{\"vnet\":\"yyyy8888\",\"zone\":\"z1\"}]"},
    {"/cluster/sdn/controllers?running=1", "[]"},
    {"/cluster/sdn/vnets/yyyy8888/subnets?running=1", "[]"},
    {"/cluster/sdn/vnets/yyyy8888/subnets?pending=1", "[]"},
    {"/cluster/sdn/vnets/zzzz9999/subnets?pending=1", "[]"},
    /* where a moved rule stands then */
    {"/cluster/firewall/rules/0", "{\"digest\":\"d1\"}"},
    {"/cluster/firewall/groups/yyyy8888/0", "{\"digest\":\"d1\"}"},
    {"/cluster/sdn/vnets/yyyy8888/firewall/rules/0", "{\"digest\":\"d1\"}"},
    {"/nodes/n1/firewall/rules/0", "{\"digest\":\"d1\"}"},
    {"/nodes/n1/lxc/105/firewall/rules/0", "{\"digest\":\"d1\"}"},
};

static inline bool sample_is_left_out(const char *row, const char *name) {
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
        if (strcmp(left_out[i].row, row) == 0 && strcmp(left_out[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static inline const char *sample_object(const char *kind) {
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        if (strcmp(objects[i].kind, kind) == 0) {
            return objects[i].answer;
        }
    }
    return NULL;
}

static inline void samples_world(void) {
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        world_set(answers[i].path, answers[i].answer);
    }
}
