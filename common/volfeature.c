/* SPDX-License-Identifier: Apache-2.0 */
/* One table of what PVE's types of storage can do with a volume, as it is now, of a snapshot of it,
 * or of a template's base volume. A guest can what all of its volumes can. */
#include "common/volfeature.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { OF_NOW = 1, OF_SNAP = 2, OF_BASE = 4 };

/* The first row that fits. All but thick LVM can become a base volume. */
static const struct {
    const char *type, *format; /* format: in the name; NULL: any */
    unsigned int snapshot, clone, copy, make_base;
    bool clones_qcow2; /* a linked copy is one */
} table[] = {
    {"lvmthin", NULL, OF_NOW, OF_BASE | OF_SNAP, OF_NOW | OF_BASE | OF_SNAP, OF_NOW, false},
    {"rbd", NULL, OF_NOW | OF_SNAP, OF_BASE | OF_SNAP, OF_NOW | OF_BASE | OF_SNAP, OF_NOW, false},
    {"zfspool", NULL, OF_NOW | OF_SNAP, OF_BASE, OF_NOW | OF_BASE, OF_NOW, false},
    {"zfs", NULL, OF_NOW | OF_SNAP, OF_BASE, OF_NOW | OF_BASE, OF_NOW, false},
    {"lvm", NULL, 0, 0, OF_NOW | OF_BASE, 0, false},
    {"btrfs", ".qcow2", OF_NOW | OF_SNAP, OF_BASE, OF_NOW | OF_BASE | OF_SNAP, OF_NOW, true},
    {"btrfs", "subvol-", OF_NOW | OF_SNAP, OF_BASE, OF_NOW | OF_BASE | OF_SNAP, OF_NOW, false},
    {"btrfs", NULL, OF_NOW | OF_SNAP, OF_NOW | OF_BASE | OF_SNAP, OF_NOW | OF_BASE | OF_SNAP,
     OF_NOW, false},
    {"cephfs", NULL, OF_NOW | OF_SNAP, 0, OF_NOW | OF_BASE, OF_NOW, true},
    {NULL, ".qcow2", OF_NOW | OF_SNAP, OF_BASE, OF_NOW | OF_BASE | OF_SNAP, OF_NOW, true},
    {NULL, ".raw", 0, OF_BASE, OF_NOW | OF_BASE, OF_NOW, true},
    {NULL, ".vmdk", 0, OF_BASE, OF_NOW | OF_BASE, OF_NOW, true},
};

static bool starts_as_base(const char *name) {
    return strncmp(name, "base-", 5) == 0 || strncmp(name, "basevol-", 8) == 0;
}

bool volume_name_is_base(const char *name) {
    const char *slash = strrchr(name, '/');

    return starts_as_base(slash ? slash + 1 : name);
}

const char *volume_name_own(const char *name) {
    const char *slash = strchr(name, '/');

    if (slash && starts_as_base(name)) {
        return slash + 1; /* base-213-disk-0/vm-214-disk-0 */
    }
    if (slash && starts_as_base(slash + 1) && strchr(slash + 1, '/')) {
        return strchr(slash + 1, '/') + 1; /* 213/base-213-disk-0.qcow2/214/vm-214-disk-0.qcow2 */
    }
    return name;
}

static size_t find(const char *type, const char *name) {
    size_t i = 0;

    while (i < sizeof(table) / sizeof(table[0]) &&
           ((table[i].type && strcmp(table[i].type, type) != 0) ||
            (table[i].format && !strstr(volume_name_own(name), table[i].format)))) {
        i++;
    }
    return i;
}

int volume_feature(const char *type, const char *name, const char *feature, bool snap, bool in_ct) {
    unsigned int of = snap ? OF_SNAP : volume_name_is_base(name) ? OF_BASE : OF_NOW, can;
    size_t i = find(type, name);

    if (i == sizeof(table) / sizeof(table[0])) {
        return -ENOENT;
    }
    if (strcmp(feature, "clone") == 0) {
        can = in_ct && table[i].clones_qcow2 ? 0 : table[i].clone;
    } else {
        can = strcmp(feature, "snapshot") == 0   ? table[i].snapshot
              : strcmp(feature, "template") == 0 ? table[i].make_base
                                                 : table[i].copy;
    }
    return (can & of) != 0;
}

bool volume_link_binds(const char *type, const char *name) {
    size_t i = find(type, name);

    return volume_name_is_base(name) && strcmp(type, "lvmthin") != 0 &&
           (strcmp(type, "btrfs") != 0 || table[i].clones_qcow2);
}
