/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of guest configurations: type, range, the privilege a change needs, and whether a
 * running guest has to be restarted for it. Read by validation, output and the pending list. */
#include "common/guestkeys.h"

#include <string.h>

#include "common/ident.h"
#include "common/own.h"

#define CPU     "VM.Config.CPU"
#define MEMORY  "VM.Config.Memory"
#define DISK    "VM.Config.Disk"
#define NET     "VM.Config.Network"
#define HW      "VM.Config.HWType"
#define OPTIONS "VM.Config.Options"
#define CDROM   "VM.Config.CDROM"
#define CI      "VM.Config.Cloudinit"

static const struct guest_key lxc_keys[] = {
    {"arch", 'e', 0, 0, OPTIONS, true, "amd64, i386, arm64, armhf, riscv32, riscv64"},
    {"cmode", 'e', 0, 0, OPTIONS, true, "shell, console, tty"},
    {"console", 'b', 0, 0, OPTIONS, true, NULL},
    {"cores", 'i', 1, 8192, CPU, false, NULL},
    {"cpulimit", 'n', 0, 8192, CPU, false, NULL},
    {"cpuunits", 'i', 0, 500000, CPU, false, NULL},
    {"debug", 'b', 0, 0, OPTIONS, false, NULL},
    {"description", 's', 0, 8192, OPTIONS, false, NULL},
    {"dev#", 's', 0, 0, OPTIONS, true, NULL},
    {"entrypoint", 's', 0, 0, OPTIONS, true, NULL},
    {"env", 's', 0, 0, OPTIONS, true, NULL},
    {"features", 's', 0, 0, OPTIONS, true, NULL},
    {"hookscript", 's', 0, 0, OPTIONS, false, NULL},
    {"hostname", 'd', 0, 0, NET, true, NULL},
    {"lock", 's', 0, 0, OPTIONS, false, NULL},
    {"memory", 'i', 16, 0, MEMORY, false, NULL},
    {"mp#", 's', 0, 0, DISK, true, NULL},
    {"nameserver", 's', 0, 0, NET, true, NULL},
    {"net#", 's', 0, 0, NET, false, NULL},
    {"onboot", 'b', 0, 0, OPTIONS, false, NULL},
    {"ostype", 'e', 0, 0, OPTIONS, true,
     "debian, devuan, ubuntu, centos, fedora, opensuse, archlinux, alpine, gentoo, nixos, "
     "unmanaged"},
    {"parent", 's', 0, 0, OPTIONS, false, NULL},
    {"protection", 'b', 0, 0, OPTIONS, false, NULL},
    {"rootfs", 's', 0, 0, DISK, true, NULL},
    {"searchdomain", 's', 0, 0, NET, true, NULL},
    {"snaptime", 'i', 0, 0, OPTIONS, false, NULL},
    {"startup", 's', 0, 0, OPTIONS, false, NULL},
    {"swap", 'i', 0, 0, MEMORY, false, NULL},
    {"tags", 's', 0, 0, OPTIONS, false, NULL},
    {"template", 'b', 0, 0, OPTIONS, false, NULL},
    {"timezone", 's', 0, 0, OPTIONS, true, NULL},
    {"tty", 'i', 0, 6, OPTIONS, true, NULL},
    {"unprivileged", 'b', 0, 0, OPTIONS, true, NULL},
    {"unused#", 's', 0, 0, DISK, false, NULL},
};

static const struct guest_key qemu_keys[] = {
    {"acpi", 'b', 0, 0, HW, true, NULL},
    {"affinity", 's', 0, 0, CPU, true, NULL},
    {"agent", 's', 0, 0, OPTIONS, true, NULL},
    {"allow-ksm", 'b', 0, 0, MEMORY, true, NULL},
    {"amd-sev", 's', 0, 0, HW, true, NULL},
    {"arch", 'e', 0, 0, HW, true, "x86_64, aarch64"},
    {"args", 's', 0, 0, OPTIONS, true, NULL},
    {"audio0", 's', 0, 0, HW, true, NULL},
    {"autostart", 'b', 0, 0, OPTIONS, false, NULL},
    {"balloon", 'i', 0, 0, MEMORY, false, NULL},
    {"bios", 'e', 0, 0, HW, true, "seabios, ovmf"},
    {"boot", 's', 0, 0, OPTIONS, true, NULL},
    {"bootdisk", 's', 0, 0, OPTIONS, true, NULL},
    {"cdrom", 's', 0, 0, CDROM, false, NULL},
    {"cicustom", 's', 0, 0, CI, false, NULL},
    {"cipassword", 's', 0, 0, CI, false, NULL},
    {"citype", 'e', 0, 0, CI, false, "configdrive2, nocloud, opennebula"},
    {"ciupgrade", 'b', 0, 0, CI, false, NULL},
    {"ciuser", 's', 0, 0, CI, false, NULL},
    {"cores", 'i', 1, 0, CPU, true, NULL},
    {"cpu", 's', 0, 0, CPU, true, NULL},
    {"cpulimit", 'n', 0, 128, CPU, false, NULL},
    {"cpuunits", 'i', 1, 262144, CPU, false, NULL},
    {"description", 's', 0, 8192, OPTIONS, false, NULL},
    {"efidisk0", 's', 0, 0, DISK, true, NULL},
    {"freeze", 'b', 0, 0, OPTIONS, true, NULL},
    {"hookscript", 's', 0, 0, OPTIONS, false, NULL},
    {"hostpci#", 's', 0, 0, HW, true, NULL},
    {"hotplug", 's', 0, 0, OPTIONS, false, NULL},
    {"hugepages", 'e', 0, 0, MEMORY, true, "any, 2, 1024"},
    {"ide#", 's', 0, 0, DISK, true, NULL},
    {"intel-tdx", 's', 0, 0, HW, true, NULL},
    {"ipconfig#", 's', 0, 0, CI, false, NULL},
    {"ivshmem", 's', 0, 0, HW, true, NULL},
    {"keephugepages", 'b', 0, 0, MEMORY, true, NULL},
    {"keyboard", 's', 0, 0, OPTIONS, true, NULL},
    {"kvm", 'b', 0, 0, HW, true, NULL},
    {"localtime", 'b', 0, 0, OPTIONS, true, NULL},
    {"lock", 's', 0, 0, OPTIONS, false, NULL},
    {"machine", 's', 0, 0, HW, true, NULL},
    {"memory", 'm', 0, 0, MEMORY, true, NULL},
    {"meta", 's', 0, 0, OPTIONS, false, NULL},
    {"migrate_downtime", 'n', 0, 0, OPTIONS, false, NULL},
    {"migrate_speed", 'i', 0, 0, OPTIONS, false, NULL},
    {"name", 'd', 0, 0, OPTIONS, false, NULL},
    {"nameserver", 's', 0, 0, CI, false, NULL},
    {"net#", 's', 0, 0, NET, false, NULL},
    {"numa", 'b', 0, 0, CPU, true, NULL},
    {"numa#", 's', 0, 0, CPU, true, NULL},
    {"onboot", 'b', 0, 0, OPTIONS, false, NULL},
    {"ostype", 's', 0, 0, OPTIONS, true, NULL},
    {"parallel#", 's', 0, 0, HW, true, NULL},
    {"parent", 's', 0, 0, OPTIONS, false, NULL},
    {"protection", 'b', 0, 0, OPTIONS, false, NULL},
    {"reboot", 'b', 0, 0, OPTIONS, true, NULL},
    {"rng0", 's', 0, 0, HW, true, NULL},
    {"runningcpu", 's', 0, 0, OPTIONS, false, NULL},
    {"runningmachine", 's', 0, 0, OPTIONS, false, NULL},
    {"sata#", 's', 0, 0, DISK, true, NULL},
    {"scsi#", 's', 0, 0, DISK, false, NULL},
    {"scsihw", 'e', 0, 0, HW, true,
     "lsi, lsi53c810, virtio-scsi-pci, virtio-scsi-single, megasas, pvscsi"},
    {"searchdomain", 's', 0, 0, CI, false, NULL},
    {"serial#", 's', 0, 0, HW, true, NULL},
    {"shares", 'i', 0, 50000, MEMORY, false, NULL},
    {"smbios1", 's', 0, 512, HW, true, NULL},
    {"smp", 'i', 1, 0, CPU, true, NULL},
    {"snaptime", 'i', 0, 0, OPTIONS, false, NULL},
    {"sockets", 'i', 1, 0, CPU, true, NULL},
    {"spice_enhancements", 's', 0, 0, HW, true, NULL},
    {"sshkeys", 's', 0, 0, CI, false, NULL},
    {"startdate", 's', 0, 0, OPTIONS, true, NULL},
    {"startup", 's', 0, 0, OPTIONS, false, NULL},
    {"tablet", 'b', 0, 0, HW, false, NULL},
    {"tags", 's', 0, 0, OPTIONS, false, NULL},
    {"tdf", 'b', 0, 0, OPTIONS, true, NULL},
    {"template", 'b', 0, 0, OPTIONS, false, NULL},
    {"tpmstate0", 's', 0, 0, DISK, true, NULL},
    {"unused#", 's', 0, 0, DISK, false, NULL},
    {"usb#", 's', 0, 0, HW, false, NULL},
    {"vcpus", 'i', 1, 0, CPU, true, NULL},
    {"vga", 's', 0, 0, HW, true, NULL},
    {"virtio#", 's', 0, 0, DISK, false, NULL},
    {"virtiofs#", 's', 0, 0, HW, true, NULL},
    {"vmgenid", 's', 0, 0, HW, true, NULL},
    {"vmstate", 's', 0, 0, DISK, false, NULL},
    {"vmstatestorage", 's', 0, 0, OPTIONS, false, NULL},
    {"watchdog", 's', 0, 0, OPTIONS, true, NULL},
};

static bool matches(const char *pattern, const char *name) {
    size_t n, digits;

    if (*pattern != *name) { /* a hundred patterns for each key of each guest */
        return false;
    }
    n = strlen(pattern);
    if (pattern[n - 1] != '#') {
        return strcmp(pattern, name) == 0;
    }
    n--;
    if (strncmp(pattern, name, n) != 0) {
        return false;
    }
    digits = strspn(name + n, "0123456789");
    return digits > 0 && digits <= 3 && name[n + digits] == '\0' && (digits == 1 || name[n] != '0');
}

const struct guest_key *guest_key(bool lxc, const char *name) {
    const struct guest_key *keys = lxc ? lxc_keys : qemu_keys;
    size_t n = lxc ? ARRAY_LEN(lxc_keys) : ARRAY_LEN(qemu_keys);

    for (size_t i = 0; i < n; i++) {
        if (matches(keys[i].name, name)) {
            return &keys[i];
        }
    }
    return NULL;
}

bool guest_key_is_volume(bool lxc, const char *name) {
    static const char *const lxc_vol[] = {"rootfs", "mp#", "unused#"};
    static const char *const qemu_vol[] = {"ide#",     "sata#",     "scsi#",   "virtio#",
                                           "efidisk0", "tpmstate0", "unused#", "vmstate"};
    const char *const *list = lxc ? lxc_vol : qemu_vol;
    size_t n = lxc ? ARRAY_LEN(lxc_vol) : ARRAY_LEN(qemu_vol);

    for (size_t i = 0; i < n; i++) {
        if (matches(list[i], name)) {
            return true;
        }
    }
    return false;
}

static bool dns_name(const char *v) {
    size_t n = strlen(v);

    if (!n || n > 255) {
        return false;
    }
    while (*v) {
        size_t label = strcspn(v, ".");
        char one[64];

        if (label >= sizeof(one)) {
            return false;
        }
        memcpy(one, v, label);
        one[label] = '\0';
        if (!ident_is_node(one)) {
            return false;
        }
        v += label + (v[label] == '.');
    }
    return true;
}

static bool in_list(const char *values, const char *v) {
    size_t n = strlen(v);

    for (const char *at = values; *at;) {
        size_t len = strcspn(at, ",");

        if (len == n && strncmp(at, v, n) == 0) {
            return true;
        }
        at += len + strspn(at + len, ", ");
    }
    return false;
}

static const char *number_bad(const struct guest_key *k, const char *v, char *store, size_t size) {
    const char *what = k->type == 'n' ? "number" : "integer";
    char whole[24];
    uint64_t n = 0;
    size_t digits = strspn(v, "0123456789");

    if (!digits || digits >= sizeof(whole) ||
        (v[digits] && (k->type != 'n' || v[digits] != '.' || !v[digits + 1] ||
                       v[digits + 1 + strspn(v + digits + 1, "0123456789")]))) {
        (void)snprintf(store, size, "type check ('%s') failed - got '%.80s'", what, v);
        return store;
    }
    memcpy(whole, v, digits);
    whole[digits] = '\0';
    if (ident_u64(whole, &n) < 0 || (k->max && n > (uint64_t)k->max)) {
        (void)snprintf(store, size, "value must have a maximum value of %d", k->max);
        return store;
    }
    if (n < (uint64_t)k->min) {
        (void)snprintf(store, size, "value must have a minimum value of %d", k->min);
        return store;
    }
    return NULL;
}

const char *guest_value_bad(const struct guest_key *k, const char *v, char *store, size_t size) {
    struct guest_key whole = {"memory", 'i', 16, 0, NULL, false, NULL};

    switch (k->type) {
    case 'b':
        if (strcmp(v, "0") != 0 && strcmp(v, "1") != 0) {
            (void)snprintf(store, size, "type check ('boolean') failed - got '%.80s'", v);
            return store;
        }
        return NULL;
    case 'i':
    case 'n':
        return number_bad(k, v, store, size);
    case 'm': /* a property string with one integer in it */
        if (number_bad(&whole, v, store, size)) {
            (void)snprintf(store, size,
                           "invalid format - format error\nmemory.current: type check "
                           "('integer') failed - got '%.80s'\n",
                           v);
            return store;
        }
        return NULL;
    case 'd':
        return dns_name(v) ? NULL : "invalid format - value does not look like a valid DNS name\n";
    case 'e':
        if (!in_list(k->values, v)) {
            (void)snprintf(store, size,
                           "value '%.80s' does not have a value in the enumeration '%s'", v,
                           k->values);
            return store;
        }
        return NULL;
    default:
        if (k->max && strlen(v) > (size_t)k->max) {
            (void)snprintf(store, size, "value may only be %d characters long", k->max);
            return store;
        }
        return NULL;
    }
}

js *guest_value_out(bool lxc, const char *key, const js *value) {
    const struct guest_key *k = guest_key(lxc, key);
    const char *text = json_object_get_string((js *)(uintptr_t)value);
    uint64_t n;

    if (k && (k->type == 'b' || k->type == 'i') && text && ident_u64(text, &n) == 0) {
        return js_int((int64_t)n);
    }
    return js_ref((js *)(uintptr_t)value);
}
