/* SPDX-License-Identifier: Apache-2.0 */
/* Big clusters for scale tests: N nodes, N guests (every third a container), every K-th of them
 * with S snapshots, four storages. The same seed gives the same cluster to the byte. */
#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "proximo-client/sim/demo.h"
#include "proximo-client/sim/sim.h"

static uint64_t next(uint64_t *x) {
    *x = *x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *x >> 33;
}

static void body(struct buf *b, unsigned int vmid, bool lxc, const char *store, unsigned int gib,
                 unsigned int mem) {
    if (lxc) {
        (void)buf_addf(b,
                       "arch: amd64\nhostname: ct%u\nmemory: %u\n"
                       "net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:%02X:%02X:%02X,ip=dhcp,"
                       "type=veth\nostype: debian\nrootfs: %s:subvol-%u-disk-0,size=%uG\nswap: 0\n"
                       "unprivileged: 1\n",
                       vmid, mem, vmid >> 16 & 255, vmid >> 8 & 255, vmid & 255, store, vmid, gib);
    } else {
        (void)buf_addf(b,
                       "boot: order=scsi0\ncores: 2\nmemory: %u\nname: vm%u\n"
                       "net0: virtio=BC:24:11:%02X:%02X:%02X,bridge=vmbr0\nostype: l26\n"
                       "scsi0: %s:vm-%u-disk-0,size=%uG\n",
                       mem, vmid, vmid >> 16 & 255, vmid >> 8 & 255, vmid & 255, store, vmid, gib);
    }
}

static void add_guest(js *root, const struct generate *g, unsigned int i, uint64_t *x) {
    static const char *const stores[] = {"local-zfs", "ceph-vm"};
    CLEANUP(buf_done) struct buf b = BUF_INIT(1024 * 1024);
    unsigned int vmid = 100 + i, mem = 256u << (next(x) % 5), gib = 4u << (next(x) % 5);
    const char *store = stores[next(x) % 2];
    unsigned int snapshots = g->every && i % g->every == 0 ? g->snapshots : 0;
    bool lxc = i % 3 == 0;
    char node[32];

    (void)snprintf(node, sizeof(node), "n%02u", (unsigned int)(next(x) % g->nodes) + 1);
    body(&b, vmid, lxc, store, gib, mem);
    if (snapshots) {
        (void)buf_addf(&b, "parent: s%02u\n", snapshots);
    }
    for (unsigned int s = 1; s <= snapshots; s++) {
        (void)buf_addf(&b, "\n[s%02u]\n", s);
        body(&b, vmid, lxc, store, gib, mem);
        (void)buf_addf(&b, "snaptime: %lld\n",
                       (long long)(g->now - 86400 * (int64_t)(snapshots - s + 1)));
        if (s > 1) {
            (void)buf_addf(&b, "parent: s%02u\n", s - 1);
        }
    }
    cluster_add_guest(root, vmid, lxc, node, next(x) % 4 != 0,
                      g->now - (int64_t)(next(x) % 8640000), buf_str(&b));
}

js *generate_cluster(const struct generate *g) {
    static const char *const defs[][3] = {{"local", "dir", "iso,vztmpl,backup"},
                                          {"local-zfs", "zfspool", "images,rootdir"},
                                          {"ceph-vm", "rbd", "images,rootdir"},
                                          {"archive", "nfs", "backup"}};
    js *root = cluster_new("generated", "n01");
    uint64_t x = g->seed * 2 + 1;

    for (unsigned int i = 1; i <= g->nodes; i++) {
        char name[16], ip[32];

        (void)snprintf(name, sizeof(name), "n%02u", i);
        (void)snprintf(ip, sizeof(ip), "192.0.2.%u", i);
        cluster_add_node(root, name, (int)i, ip, g->now - 864000);
    }
    for (size_t i = 0; i < ARRAY_LEN(defs); i++) {
        js *def = js_object();

        js_add(def, "type", js_str(defs[i][1]));
        if (i < 2) {
            js_add(def, i == 0 ? "path" : "pool", js_str(i == 0 ? "/var/lib/vz" : "rpool/data"));
        } else if (i == 2) {
            js_add(def, "pool", js_str("vm"));
            js_add(def, "shared", js_str("1"));
        } else {
            js_add(def, "server", js_str("192.0.2.200"));
            js_add(def, "export", js_str("/archive"));
            js_add(def, "path", js_str("/mnt/pve/archive"));
            js_add(def, "shared", js_str("1"));
        }
        js_add(def, "content", js_str(defs[i][2]));
        js_add(js_get(root, "storage"), defs[i][0], def);
    }
    for (unsigned int i = 0; i < g->guests; i++) {
        add_guest(root, g, i, &x);
    }
    cluster_add_volumes(root, g->now - 5000000);
    return root;
}
