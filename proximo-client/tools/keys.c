/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that a guest's configuration and a storage's definition may be given through us: closed
 * tables, so that a new key of PVE is a decision here and not a surprise. Left out on purpose: what
 * addresses the request itself (node, vmid, digest, delete, revert, force, skiplock) and what only
 * PVE may set (lock, template, parent, vmstate). A test holds the tables against the API's own
 * schema. */
#include <string.h>

#include "common/ident.h"
#include "proximo-client/tools/plans.h"

/* A '#' at the end stands for a number. */
static const char *const lxc_keys[] = {
    "arch",       "cmode",       "console",    "cores",      "cpulimit",     "cpuunits",
    "debug",      "description", "dev#",       "entrypoint", "env",          "features",
    "hookscript", "hostname",    "memory",     "mp#",        "nameserver",   "net#",
    "onboot",     "ostype",      "protection", "rootfs",     "searchdomain", "startup",
    "swap",       "tags",        "timezone",   "tty",        "unprivileged", "unused#"};

static const char *const qemu_keys[] = {"acpi",
                                        "affinity",
                                        "agent",
                                        "allow-ksm",
                                        "amd-sev",
                                        "arch",
                                        "args",
                                        "audio0",
                                        "autostart",
                                        "balloon",
                                        "bios",
                                        "boot",
                                        "bootdisk",
                                        "cdrom",
                                        "cicustom",
                                        "cipassword",
                                        "citype",
                                        "ciupgrade",
                                        "ciuser",
                                        "cores",
                                        "cpu",
                                        "cpulimit",
                                        "cpuunits",
                                        "description",
                                        "efidisk0",
                                        "freeze",
                                        "hookscript",
                                        "hostpci#",
                                        "hotplug",
                                        "hugepages",
                                        "ide#",
                                        "intel-tdx",
                                        "ipconfig#",
                                        "ivshmem",
                                        "keephugepages",
                                        "keyboard",
                                        "kvm",
                                        "localtime",
                                        "machine",
                                        "memory",
                                        "migrate_downtime",
                                        "migrate_speed",
                                        "name",
                                        "nameserver",
                                        "net#",
                                        "numa",
                                        "numa#",
                                        "onboot",
                                        "ostype",
                                        "parallel#",
                                        "protection",
                                        "reboot",
                                        "rng0",
                                        "sata#",
                                        "scsi#",
                                        "scsihw",
                                        "searchdomain",
                                        "serial#",
                                        "shares",
                                        "smbios1",
                                        "sockets",
                                        "spice_enhancements",
                                        "sshkeys",
                                        "startdate",
                                        "startup",
                                        "tablet",
                                        "tags",
                                        "tdf",
                                        "tpmstate0",
                                        "unused#",
                                        "usb#",
                                        "vcpus",
                                        "vga",
                                        "virtio#",
                                        "virtiofs#",
                                        "vmgenid",
                                        "vmstatestorage",
                                        "watchdog"};

static const char *const lxc_disks[] = {"mp#", "rootfs", "unused#"};
static const char *const qemu_disks[] = {"efidisk0",  "ide#",    "sata#",  "scsi#",
                                         "tpmstate0", "unused#", "virtio#"};

static const char *const storage_update[] = {"blocksize",
                                             "bwlimit",
                                             "comstar_hg",
                                             "comstar_tg",
                                             "content",
                                             "content-dirs",
                                             "create-base-path",
                                             "create-subdirs",
                                             "data-pool",
                                             "disable",
                                             "domain",
                                             "fingerprint",
                                             "format",
                                             "fs-name",
                                             "fuse",
                                             "is_mountpoint",
                                             "krbd",
                                             "lio_tpg",
                                             "max-protected-backups",
                                             "mkdir",
                                             "monhost",
                                             "mountpoint",
                                             "namespace",
                                             "nocow",
                                             "nodes",
                                             "nowritecache",
                                             "options",
                                             "pool",
                                             "port",
                                             "preallocation",
                                             "prune-backups",
                                             "saferemove",
                                             "saferemove-stepsize",
                                             "saferemove_throughput",
                                             "server",
                                             "shared",
                                             "skip-cert-verification",
                                             "smbversion",
                                             "snapshot-as-volume-chain",
                                             "sparse",
                                             "subdir",
                                             "tagged_only",
                                             "username",
                                             "zfs-base-path"};

static const char *const storage_create[] = {"authsupported", "base",     "datastore", "export",
                                             "iscsiprovider", "path",     "portal",    "share",
                                             "target",        "thinpool", "vgname"};

static const char *const storage_secrets[] = {"password", "keyring", "encryption-key",
                                              "master-pubkey"};

static bool matches(const char *pattern, const char *key) {
    size_t n = strlen(pattern);
    uint32_t index;

    if (!n || pattern[n - 1] != '#') {
        return strcmp(pattern, key) == 0;
    }
    return strncmp(pattern, key, n - 1) == 0 && strlen(key + n - 1) <= 3 &&
           ident_u32(key + n - 1, &index) == 0;
}

static bool listed(const char *const *list, size_t n, const char *key) {
    for (size_t i = 0; i < n; i++) {
        if (matches(list[i], key)) {
            return true;
        }
    }
    return false;
}

bool key_is_guest(const char *kind, const char *key) {
    return strcmp(kind, "lxc") == 0 ? listed(lxc_keys, ARRAY_LEN(lxc_keys), key)
                                    : listed(qemu_keys, ARRAY_LEN(qemu_keys), key);
}

bool key_is_disk(const char *kind, const char *key) {
    return strcmp(kind, "lxc") == 0 ? listed(lxc_disks, ARRAY_LEN(lxc_disks), key)
                                    : listed(qemu_disks, ARRAY_LEN(qemu_disks), key);
}

bool key_is_unused(const char *key) {
    return matches("unused#", key);
}

bool key_is_storage(const char *key, bool create) {
    return listed(storage_update, ARRAY_LEN(storage_update), key) ||
           (create && listed(storage_create, ARRAY_LEN(storage_create), key));
}

bool key_is_storage_secret(const char *key) {
    return listed(storage_secrets, ARRAY_LEN(storage_secrets), key);
}

const char *value_text(const js *v) {
    if (json_object_is_type(v, json_type_boolean)) {
        return json_object_get_boolean(v) ? "1" : "0";
    }
    return v ? json_object_get_string((js *)(uintptr_t)v) : "";
}

bool value_same(const js *a, const js *b) {
    if (!a || !b) {
        return a == b;
    }
    return strcmp(value_text(a), value_text(b)) == 0;
}
