/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in cluster: three nodes, containers and VMs, four storages, snapshots, a backup job,
 * HA, replication. It carries the classic accident: deleting the definition of `local-zfs` leaves
 * vm/104 and vm/210 unable to boot (210's only copy) and ct/301 without its data volume. */
#include "proximo-client/sim/demo.h"

#include <string.h>

#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/sim.h"

js *cluster_new(const char *name, const char *local) {
    static const char *const empty[] = {"nodes",       "guests", "storage", "usage", "volumes",
                                        "groups",      "roles",  "acl",     "pools", "jobs",
                                        "replication", "tasks",  "firewall"};
    js *root = js_object(), *c = js_object(), *d = js_object(), *r, *u, *ha;

    js_add(root, "version", js_int(1));
    js_add(c, "name", js_str(name));
    js_add(c, "local", js_str(local));
    js_add(c, "config_version", js_int(3));
    js_add(c, "quorate", js_int(1));
    js_add(root, "cluster", c);
    for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
        js_add(root, empty[i], js_object());
    }
    ha = js_object();
    js_add(ha, "resources", js_object());
    js_add(ha, "rules", js_object());
    js_add(root, "ha", ha);
    r = js_object();
    js_add(r, "type", js_str("pam"));
    js_add(r, "comment", js_str("Linux PAM standard authentication"));
    js_add(d, "pam", r);
    r = js_object();
    js_add(r, "type", js_str("pve"));
    js_add(r, "comment", js_str("Proxmox VE authentication server"));
    js_add(d, "pve", r);
    js_add(root, "domains", d);
    u = js_object();
    r = js_object();
    js_add(r, "enable", js_int(1));
    js_add(r, "expire", js_int(0));
    js_add(u, "root@pam", r);
    js_add(root, "users", u);
    js_add(root, "faults", js_array());
    return root;
}

static js *iface(const char *name, const char *type, const char *ip) {
    js *o = js_object(), *families = js_array();

    js_push(families, js_str("inet"));
    js_add(o, "iface", js_str(name));
    js_add(o, "type", js_str(type));
    js_add(o, "active", js_int(1));
    js_add(o, "families", families);
    js_add(o, "method6", js_str("manual"));
    js_add(o, "method", js_str(ip ? "static" : "manual"));
    js_add(o, "priority", js_int(ip ? 4 : 3));
    if (ip) {
        js_add(o, "autostart", js_int(1));
        js_add(o, "address", js_str(ip));
        js_addf(o, "cidr", "%s/24", ip);
        js_add(o, "netmask", js_str("24"));
        js_add(o, "bridge_ports", js_str("eno1"));
        js_add(o, "bridge_stp", js_str("off"));
        js_add(o, "bridge_fd", js_str("0"));
        js_add(o, "gateway", js_str("192.0.2.1"));
    }
    return o;
}

void cluster_add_node(js *root, const char *name, int id, const char *ip, int64_t booted) {
    js *n = js_object(), *net = js_array();

    js_add(n, "id", js_int(id));
    js_add(n, "ip", js_str(ip));
    js_add(n, "online", js_int(1));
    js_add(n, "booted", js_int(booted));
    js_add(n, "cpu", json_object_new_double(0.03125 * id));
    js_add(n, "maxcpu", js_int(16));
    js_add(n, "maxmem", js_int(INT64_C(64) << 30));
    js_add(n, "mem", js_int((INT64_C(20) << 30) + ((int64_t)id << 28)));
    js_add(n, "maxdisk", js_int(INT64_C(100) << 30));
    js_add(n, "disk", js_int(INT64_C(12) << 30));
    js_push(net, iface("eno1", "eth", NULL));
    js_push(net, iface("vmbr0", "bridge", ip));
    js_add(n, "network", net);
    js_add(js_get(root, "nodes"), name, n);
}

void cluster_add_guest(js *root, unsigned int vmid, bool lxc, const char *node, bool running,
                       int64_t started, const char *conf) {
    js *g = NULL;
    char key[16];
    struct err e = {0};

    if (guest_file_read(lxc, conf, strlen(conf), &g, &e) < 0) {
        (void)fprintf(stderr, "pvesim: built-in guest %u: %s\n", vmid, e.msg);
        abort();
    }
    js_add(g, "type", js_str(lxc ? "lxc" : "qemu"));
    js_add(g, "node", js_str(node));
    js_add(g, "running", js_int(running));
    if (running) {
        js_add(g, "started", js_int(started));
        js_add(g, "pid", js_int(2000 + vmid));
    }
    (void)snprintf(key, sizeof(key), "%u", vmid);
    js_add(js_get(root, "guests"), key, g);
}

/* "vm-104-disk-0", "100/base-100-disk-0.qcow2/214/vm-214-…": the last number after a dash pair. */
static int64_t owner(const char *volume, int64_t fallback) {
    const char *slash = strrchr(volume, '/');
    const char *name = slash ? slash + 1 : volume;
    const char *dash = strchr(name, '-');
    int64_t n = 0;

    for (const char *c = dash ? dash + 1 : ""; *c >= '0' && *c <= '9' && n < 1000000000; c++) {
        n = n * 10 + (*c - '0');
    }
    return n >= 100 ? n : fallback;
}

static void add_volume(js *root, const js *g, unsigned int vmid, const char *value, int64_t ctime) {
    char volid[512], id[128], size[32] = "";
    js *def, *o;
    bool lxc = strcmp(js_str_or(g, "type", ""), "lxc") == 0;
    const char *dot;

    (void)snprintf(volid, sizeof(volid), "%.*s", (int)strcspn(value, ","), value);
    (void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(volid, ":"), volid);
    def = js_get(js_get(root, "storage"), id);
    if (!def || !strchr(volid, ':') || js_get(js_get(root, "volumes"), volid) ||
        strstr(volid, ":iso/")) {
        return;
    }
    (void)option_get(value, "size", size, sizeof(size));
    dot = strrchr(volid, '.');
    o = js_object();
    js_add(o, "content", js_str(lxc ? "rootdir" : "images"));
    js_add(o, "ctime", js_int(ctime));
    js_add(o, "format",
           js_str(strstr(volid, "subvol-")            ? "subvol"
                  : dot && strcmp(dot, ".qcow2") == 0 ? "qcow2"
                                                      : "raw"));
    js_add(o, "parent", NULL);
    js_add(o, "size", js_int(size_bytes(size)));
    js_add(o, "used", js_int(size_bytes(size) / 4));
    js_add(o, "vmid", js_int(owner(volid, vmid)));
    if (!js_bool_or(def, "shared", false) && strcmp(js_str_or(def, "type", ""), "nfs") != 0) {
        js_add(o, "node", js_str(js_str_or(g, "node", "")));
    }
    js_add(js_get(root, "volumes"), volid, o);
}

static void volumes_of(js *root, const js *g, unsigned int vmid, const js *section, int64_t ctime) {
    bool lxc = strcmp(js_str_or(g, "type", ""), "lxc") == 0;

    JS_FOREACH(section, key, value) {
        if (guest_key_is_volume(lxc, key)) {
            add_volume(root, g, vmid, json_object_get_string(value), ctime);
        }
    }
}

void cluster_add_volumes(js *root, int64_t ctime) {
    JS_FOREACH(js_get(root, "guests"), key, g) {
        unsigned int vmid = (unsigned int)js_int_or(js_get(root, "guests"), key, 0);

        for (const char *c = key; *c; c++) {
            vmid = vmid * 10 + (unsigned int)(*c - '0');
        }
        volumes_of(root, g, vmid, js_get(g, "config"), ctime);
        JS_FOREACH(js_get(g, "snapshots"), name, snap) {
            (void)name;
            volumes_of(root, g, vmid, snap, ctime);
        }
    }
}

static void put(js *o, const char *const *pairs) {
    for (; pairs[0]; pairs += 2) {
        js_add(o, pairs[0], js_str(pairs[1]));
    }
}

static void storages(js *root) {
    static const char *const local[] = {
        "type", "dir", "path", "/var/lib/vz", "content", "iso,vztmpl,backup,snippets", NULL};
    static const char *const zfs[] = {"type",           "zfspool", "pool", "rpool/data", "content",
                                      "images,rootdir", "sparse",  "1",    NULL};
    static const char *const nfs[] = {
        "type",   "nfs",        "export",  "/tank/vm",           "path", "/mnt/pve/nfs-vm",
        "server", "192.0.2.40", "content", "images,rootdir,iso", NULL};
    static const char *const bk[] = {"type",          "dir",         "path",   "/mnt/backup",
                                     "content",       "backup",      "shared", "1",
                                     "prune-backups", "keep-last=3", NULL};
    static const struct {
        const char *id;
        const char *const *pairs;
        int64_t total, used;
    } all[] = {{"local", local, INT64_C(100) << 30, INT64_C(12) << 30},
               {"local-zfs", zfs, INT64_C(900) << 30, INT64_C(310) << 30},
               {"nfs-vm", nfs, INT64_C(4000) << 30, INT64_C(1100) << 30},
               {"backup", bk, INT64_C(8000) << 30, INT64_C(2500) << 30}};

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        js *def = js_object(), *any = js_object(), *u = js_object();

        put(def, all[i].pairs);
        js_add(js_get(root, "storage"), all[i].id, def);
        js_add(any, "total", js_int(all[i].total));
        js_add(any, "used", js_int(all[i].used));
        js_add(u, "*", any);
        js_add(js_get(root, "usage"), all[i].id, u);
    }
}

static const struct {
    unsigned int vmid;
    bool lxc;
    const char *node;
    bool running;
    const char *conf;
} guests[] = {
    {101, true, "pve1", true,
     "#Front proxy\narch: amd64\ncores: 2\nhostname: web-01\nmemory: 1024\n"
     "net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:01:01,ip=192.0.2.101/24,gw=192.0.2.1,"
     "type=veth\nonboot: 1\nostype: debian\nparent: before-tls\n"
     "rootfs: local-zfs:subvol-101-disk-0,size=8G\nswap: 512\ntags: prod;web\nunprivileged: 1\n"
     "\n[before-tls]\n#before the new certificate\narch: amd64\ncores: 1\nhostname: web-01\n"
     "memory: 512\nnet0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:01:01,ip=192.0.2.101/24,"
     "gw=192.0.2.1,type=veth\nonboot: 1\nostype: debian\n"
     "rootfs: local-zfs:subvol-101-disk-0,size=8G\nsnaptime: 1790000000\nswap: 512\n"
     "tags: prod;web\nunprivileged: 1\n"},
    {104, false, "pve1", true,
     "#Primary database. Do not stop during business hours.\nagent: 1\nboot: order=scsi0\n"
     "cores: 4\nmemory: 8192\nmeta: creation-qemu=9.0.2,ctime=1780000000\nname: db-primary\n"
     "net0: virtio=BC:24:11:00:01:04,bridge=vmbr0,firewall=1\nonboot: 1\nostype: l26\n"
     "scsi0: local-zfs:vm-104-disk-0,size=64G\nscsihw: virtio-scsi-single\n"
     "smbios1: uuid=4f1c0b52-6a55-4c6e-9d0e-0d3f6f1b0104\nstartup: order=1\ntags: db;prod\n"
     "vmgenid: 0b0e6c2e-6ac2-4f1f-8f6b-5f9e1f0e0104\n"},
    {105, false, "pve2", true,
     "boot: order=scsi0;net0\ncores: 2\nmemory: 4096\n"
     "meta: creation-qemu=9.0.2,ctime=1780000100\nname: app-01\n"
     "net0: virtio=BC:24:11:00:01:05,bridge=vmbr0\nonboot: 1\nostype: l26\nparent: nightly\n"
     "scsi0: nfs-vm:105/vm-105-disk-0.qcow2,size=32G\n"
     "smbios1: uuid=4f1c0b52-6a55-4c6e-9d0e-0d3f6f1b0105\ntags: prod\n"
     "unused0: nfs-vm:105/vm-105-disk-1.qcow2\n"
     "vmgenid: 0b0e6c2e-6ac2-4f1f-8f6b-5f9e1f0e0105\n"
     "\n[before_upgrade]\n#before the upgrade\nboot: order=scsi0;net0\ncores: 2\nmemory: 2048\n"
     "name: app-01\nnet0: virtio=BC:24:11:00:01:05,bridge=vmbr0\nostype: l26\n"
     "scsi0: nfs-vm:105/vm-105-disk-0.qcow2,size=32G\n"
     "scsi1: nfs-vm:105/vm-105-disk-1.qcow2,size=10G\nsnaptime: 1790100000\n"
     "\n[nightly]\nboot: order=scsi0;net0\ncores: 2\nmemory: 4096\nname: app-01\n"
     "net0: virtio=BC:24:11:00:01:05,bridge=vmbr0\nostype: l26\nparent: before_upgrade\n"
     "scsi0: nfs-vm:105/vm-105-disk-0.qcow2,size=32G\nsnaptime: 1790200000\n"},
    {210, false, "pve2", false,
     "bios: seabios\nboot: order=scsi0\ncores: 1\nmemory: 2048\n"
     "meta: creation-qemu=7.2.10,ctime=1700000000\nname: legacy-erp\n"
     "net0: e1000=BC:24:11:00:02:10,bridge=vmbr0\nostype: win10\nprotection: 1\n"
     "scsi0: local-zfs:vm-210-disk-0,size=120G\n"
     "smbios1: uuid=4f1c0b52-6a55-4c6e-9d0e-0d3f6f1b0210\n"
     "vmgenid: 0b0e6c2e-6ac2-4f1f-8f6b-5f9e1f0e0210\n"},
    {213, false, "pve3", false,
     "boot: order=scsi0\nmemory: 1024\nmeta: creation-qemu=9.0.2,ctime=1780000200\n"
     "name: tmpl-debian\nostype: l26\nscsi0: nfs-vm:213/base-213-disk-0.qcow2,size=8G\n"
     "smbios1: uuid=4f1c0b52-6a55-4c6e-9d0e-0d3f6f1b0213\ntemplate: 1\n"
     "vmgenid: 0b0e6c2e-6ac2-4f1f-8f6b-5f9e1f0e0213\n"},
    {214, false, "pve3", false,
     "boot: order=scsi0\nide2: nfs-vm:214/vm-214-cloudinit.qcow2,media=cdrom\nmemory: 1024\n"
     "meta: creation-qemu=9.0.2,ctime=1780000300\nname: runner-1\nostype: l26\n"
     "scsi0: nfs-vm:213/base-213-disk-0.qcow2/214/vm-214-disk-0.qcow2,size=8G\n"
     "smbios1: uuid=4f1c0b52-6a55-4c6e-9d0e-0d3f6f1b0214\n"
     "vmgenid: 0b0e6c2e-6ac2-4f1f-8f6b-5f9e1f0e0214\n"},
    {301, true, "pve3", true,
     "arch: amd64\ncores: 2\nhostname: files\nmemory: 2048\n"
     "mp1: local-zfs:subvol-301-disk-1,mp=/srv/files,backup=1,size=200G\n"
     "net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:03:01,ip=192.0.2.31/24,gw=192.0.2.1,"
     "type=veth\nonboot: 1\nostype: debian\nrootfs: nfs-vm:301/vm-301-disk-0.raw,size=8G\n"
     "swap: 512\ntags: prod\nunprivileged: 1\n"},
    {302, true, "pve2", true,
     "arch: amd64\ncores: 1\nhostname: dns-01\nmemory: 256\n"
     "net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:03:02,ip=192.0.2.53/24,gw=192.0.2.1,"
     "type=veth\nostype: alpine\nrootfs: nfs-vm:302/vm-302-disk-0.raw,size=2G\nswap: 0\n"
     "tags: infra\nunprivileged: 1\n"},
    {303, true, "pve1", false,
     "arch: amd64\nhostname: sandbox\nmemory: 512\nmp0: /mnt/host-data,mp=/data\n"
     "ostype: debian\nrootfs: nfs-vm:303/vm-303-disk-0.raw,size=4G\nswap: 0\n"},
};

static void backups(js *root, int64_t now) {
    static const struct {
        unsigned int vmid;
        bool lxc;
    } archives[] = {{101, true}, {104, false}, {105, false}, {301, true}};
    static const char *const job[] = {"type", "vzdump",          "schedule",      "02:30",
                                      "mode", "snapshot",        "storage",       "backup",
                                      "vmid", "101,104,105,301", "prune-backups", "keep-last=3",
                                      NULL};
    js *o = js_object();

    put(o, job);
    js_add(o, "enabled", js_int(1));
    js_add(js_get(root, "jobs"), "nightly-prod", o);
    for (size_t i = 0; i < ARRAY_LEN(archives); i++) {
        char volid[128];
        char key[16];

        (void)snprintf(volid, sizeof(volid), "backup:backup/vzdump-%s-%u-2026_11_20-02_30_05.%s",
                       archives[i].lxc ? "lxc" : "qemu", archives[i].vmid,
                       archives[i].lxc ? "tar.zst" : "vma.zst");
        o = js_object();
        js_add(o, "content", js_str("backup"));
        js_add(o, "ctime", js_int(now - 86400));
        js_add(o, "format", js_str(archives[i].lxc ? "tar.zst" : "vma.zst"));
        js_add(o, "size", js_int(INT64_C(1500000000) + archives[i].vmid));
        js_add(o, "subtype", js_str(archives[i].lxc ? "lxc" : "qemu"));
        js_add(o, "vmid", js_int(archives[i].vmid));
        (void)snprintf(key, sizeof(key), "%u", archives[i].vmid);
        js_add(o, "archived", js_copy(js_get(js_get(js_get(root, "guests"), key), "config")));
        js_add(js_get(root, "volumes"), volid, o);
    }
}

static void ha_and_pools(js *root) {
    js *res = js_get(js_get(root, "ha"), "resources"), *o, *members, *fw, *options;
    static const char *const rule[] = {"type",      "node-affinity", "nodes", "pve1:1,pve2:2",
                                       "resources", "ct:302",        NULL};
    static const char *const replica[] = {"type", "local",  "target", "pve2", "schedule",
                                          "*/15", "source", "pve1",   NULL};

    o = js_object();
    js_add(o, "state", js_str("started"));
    js_add(o, "max_restart", js_int(1));
    js_add(o, "max_relocate", js_int(1));
    js_add(res, "ct:302", o);
    o = js_object();
    put(o, rule);
    js_add(js_get(js_get(root, "ha"), "rules"), "dns-near-core", o);
    o = js_object();
    put(o, replica);
    js_add(js_get(root, "replication"), "101-0", o);
    o = js_object();
    members = js_object();
    js_add(members, "101", js_int(1));
    js_add(members, "104", js_int(1));
    js_add(members, "105", js_int(1));
    js_add(members, "301", js_int(1));
    js_add(o, "comment", js_str("production"));
    js_add(o, "vms", members);
    js_add(o, "storage", js_object());
    js_add(js_get(root, "pools"), "prod", o);
    fw = js_object();
    options = js_object();
    js_add(options, "enable", js_int(0));
    js_add(fw, "options", options);
    js_add(fw, "rules", js_array());
    js_add(js_get(root, "firewall"), "cluster", fw);
}

js *demo_cluster(int64_t now) {
    static const char *const nodes[] = {"pve1", "pve2", "pve3"};
    static const char *const ips[] = {"192.0.2.11", "192.0.2.12", "192.0.2.13"};
    js *root = cluster_new("demo", "pve1");

    for (int i = 0; i < 3; i++) {
        cluster_add_node(root, nodes[i], i + 1, ips[i], now - 864000);
    }
    storages(root);
    for (size_t i = 0; i < ARRAY_LEN(guests); i++) {
        cluster_add_guest(root, guests[i].vmid, guests[i].lxc, guests[i].node, guests[i].running,
                          now - 432000, guests[i].conf);
    }
    cluster_add_volumes(root, now - 5000000);
    backups(root, now);
    ha_and_pools(root);
    return root;
}
