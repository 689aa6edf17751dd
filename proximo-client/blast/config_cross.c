/* SPDX-License-Identifier: Apache-2.0 */
/* What a changed key means beyond its value: disks that go, network segments and firewalls, and
 * every way from a guest to its host (privilege, host directories and devices, nesting, raw
 * arguments, scripts that run as root on the node). The last kind is high whatever else is true. */
#include "proximo-client/blast/config_int.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"

static const struct volume *volume_of(const struct guest *g, const char *key) {
    for (size_t i = 0; i < g->vols.n; i++) {
        if (strcmp(g->vols.v[i].key, key) == 0) {
            return &g->vols.v[i];
        }
    }
    return NULL;
}

void config_disk(struct diff *c, const char *key, const char *old, const char *now) {
    const struct volume *v = old ? volume_of(c->g, key) : NULL;
    enum role role;
    char why[240];

    if (!v || v->reference) {
        return;
    }
    role = volume_role(c->g, v);
    if (!now && role == ROLE_UNUSED) {
        (void)snprintf(why, sizeof(why), "the detached disk %.120s is destroyed with its data",
                       v->name);
        config_hit(c, key, "destroyed", RISK_HIGH, why);
    } else if (!now && role_is_vital(role)) {
        config_hit(c, key, "wont-boot", RISK_HIGH, "it cannot start without this volume");
    } else if (!now && !v->cdrom) {
        config_hit(c, key, "degraded", RISK_MEDIUM,
                   "the volume is detached; its data stay as an unused disk");
    } else if (now && !v->cdrom && strncmp(old, now, strcspn(old, ",")) != 0) {
        config_hit(c, key, "degraded", RISK_HIGH,
                   "another volume takes this place; the present one is detached");
    }
}

static bool is_off(const char *firewall) {
    return strcmp(firewall, "1") != 0;
}

/* A fixed address that changes: who knows the guest by the old one no longer finds it. */
static void check_address(struct diff *c, const char *key, const char *old, const char *now) {
    static const char *const options[] = {"ip", "ip6"};
    char a[80];
    char b[80];
    char why[240];

    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        if (config_option(old, options[i], a, sizeof(a)) && strcmp(a, "dhcp") != 0 &&
            strcmp(a, "manual") != 0 && strcmp(a, "auto") != 0) {
            (void)config_option(now, options[i], b, sizeof(b));
            if (strcmp(a, b) != 0) {
                (void)snprintf(why, sizeof(why), "its address changes: %s %.60s -> %.60s",
                               options[i], a, b[0] ? b : "(none)");
                config_hit(c, key, "unreachable", RISK_MEDIUM, why);
            }
        }
    }
}

void config_net(struct diff *c, const char *key, const char *old, const char *now) {
    static const char *const segment[] = {"bridge", "tag", "trunks"};
    char a[80];
    char b[80];
    char why[240];

    if (key_is(key, "ipconfig") && old && now) {
        check_address(c, key, old, now);
    }
    if (!key_is(key, "net") || strcmp(key, "net") == 0) {
        return;
    }
    if (!now) {
        config_hit(c, key, "unreachable", RISK_HIGH, "the network interface goes");
        return;
    }
    (void)config_option(now, "firewall", b, sizeof(b));
    if (!old) {
        (void)config_option(now, "bridge", a, sizeof(a));
        (void)snprintf(why, sizeof(why), "a new way into the network by %.60s%s", a,
                       is_off(b) ? ", without firewall" : "");
        config_hit(c, key, "exposed", RISK_HIGH, why);
        return;
    }
    (void)config_option(old, "firewall", a, sizeof(a));
    if (!is_off(a) && is_off(b)) {
        config_hit(c, key, "exposed", RISK_HIGH, "the firewall is off on this interface");
    }
    for (size_t i = 0; i < ARRAY_LEN(segment); i++) {
        (void)config_option(old, segment[i], a, sizeof(a));
        (void)config_option(now, segment[i], b, sizeof(b));
        if (strcmp(a, b) != 0) {
            (void)snprintf(why, sizeof(why), "another network segment: %s %.60s -> %.60s",
                           segment[i], a[0] ? a : "(none)", b[0] ? b : "(none)");
            config_hit(c, key, "exposed", RISK_HIGH, why);
        }
    }
    check_address(c, key, old, now);
    if (config_option(now, "link_down", b, sizeof(b)) && strcmp(b, "1") == 0 &&
        (!config_option(old, "link_down", a, sizeof(a)) || strcmp(a, "1") != 0)) {
        config_hit(c, key, "unreachable", RISK_HIGH, "the link is set down");
    }
}

static bool names_host_path(const char *kind, const char *key, const char *value) {
    char file[300];

    if (strcmp(kind, "lxc") == 0 ? !(key_is(key, "mp") || key_is(key, "rootfs"))
                                 : !(key_is(key, "scsi") || key_is(key, "virtio") ||
                                     key_is(key, "ide") || key_is(key, "sata"))) {
        return false;
    }
    if (value[0] == '/') {
        return true;
    }
    return (config_option(value, "import-from", file, sizeof(file)) && file[0] == '/') ||
           (config_option(value, "file", file, sizeof(file)) && file[0] == '/') ||
           (config_option(value, "volume", file, sizeof(file)) && file[0] == '/');
}

/* Keys that reach the host by themselves, with what they open. kind NULL = both. */
static const struct crossing {
    const char *kind, *stem, *why;
} crossings[] = {
    {"qemu", "args", "raw arguments go to the VM's process on the host"},
    {"qemu", "hostpci", "a PCI device of the host is given to the guest"},
    {"qemu", "usb", "a USB device of the host may be given to the guest"},
    {"qemu", "parallel", "a device of the host is given to the guest"},
    {"qemu", "virtiofs", "a directory of the host is shared with the guest"},
    {"qemu", "ivshmem", "memory is shared with other processes of the host"},
    {"qemu", "cicustom", "files of the host are handed to the guest"},
    {"lxc", "dev", "a device of the host is given to the container"},
    {"lxc", "lxc", "raw LXC settings can undo every separation"},
    {NULL, "hookscript", "a script runs as root on the node at every start and stop"},
};

/* Mount options that keep set-uid programs and devices of a volume from working. */
static void check_mount(struct diff *c, const char *key, const char *old, const char *now) {
    static const char *const kept[] = {"nosuid", "nodev", "noexec"};
    char a[80];
    char b[80];
    char why[160];

    (void)config_option(old, "mountoptions", a, sizeof(a));
    (void)config_option(now, "mountoptions", b, sizeof(b));
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        if (strstr(a, kept[i]) && !strstr(b, kept[i])) {
            (void)snprintf(why, sizeof(why), "mounted without %s from now on", kept[i]);
            config_hit(c, key, "exposed", RISK_MEDIUM, why);
        }
    }
}

static void check_features(struct diff *c, const char *key, const char *old, const char *now) {
    static const char *const names[] = {"nesting", "mount", "mknod",
                                        "keyctl",  "fuse",  "force_rw_sys"};
    char a[80];
    char b[80];
    char why[160];

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        (void)config_option(old ? old : "", names[i], a, sizeof(a));
        (void)config_option(now, names[i], b, sizeof(b));
        if (b[0] && strcmp(b, "0") != 0 && strcmp(a, b) != 0) {
            (void)snprintf(why, sizeof(why), "%s=%.60s weakens the separation from the host",
                           names[i], b);
            config_hit(c, key, "exposed", RISK_HIGH, why);
        }
    }
}

void config_host(struct diff *c, const char *key, const char *old, const char *now) {
    const char *kind = c->g->kind;
    bool is_ct = strcmp(kind, "lxc") == 0;

    if (is_ct && strcmp(key, "unprivileged") == 0 && (!now || strcmp(now, "1") != 0)) {
        config_hit(c, key, "exposed", RISK_HIGH, "privileged: root inside is root on the node");
    }
    if (!now) {
        return; /* taking a way away opens none */
    }
    if (names_host_path(kind, key, now)) {
        config_hit(c, key, "exposed", RISK_HIGH, "a path of the host is mounted or attached");
    }
    for (size_t i = 0; i < ARRAY_LEN(crossings); i++) {
        if ((!crossings[i].kind || strcmp(crossings[i].kind, kind) == 0) &&
            (key_is(key, crossings[i].stem) ||
             (strcmp(crossings[i].stem, "lxc") == 0 && strncmp(key, "lxc.", 4) == 0))) {
            config_hit(c, key, "exposed", RISK_HIGH, crossings[i].why);
        }
    }
    if (!is_ct && key_is(key, "serial") && strncmp(now, "/dev/", 5) == 0) {
        config_hit(c, key, "exposed", RISK_HIGH, "a device of the host is given to the guest");
    }
    if (is_ct && old && (key_is(key, "mp") || strcmp(key, "rootfs") == 0)) {
        check_mount(c, key, old, now);
    }
    if (is_ct && strcmp(key, "features") == 0) {
        check_features(c, key, old, now);
    }
}
