/* SPDX-License-Identifier: Apache-2.0 */
/* A disk of a node is written over, or a volume group, thin pool, ZFS pool or directory on disks is
 * destroyed: which storages stand on it, whose volumes go with it. What cannot be told from the
 * node's lists (which pool a disk known only by an alias belongs to) is said to be unknown. */
#include "proximo-client/blast/node_int.h"
#include "proximo-client/blast/storage_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"

struct wiped {
    const struct picture *p;
    struct draft *d;
    const char *node;
    struct tally tally;
    bool found; /* something that is known uses it */
};

static const js *disks(const struct wiped *w, const char *what) {
    char path[200];

    (void)snprintf(path, sizeof(path), "/nodes/%s/disks/%s", w->node, what);
    return picture_answer(w->p, path, NULL);
}

static void hit(struct wiped *w, const char *resource, const char *effect, enum risk risk,
                const char *via, const char *why) {
    w->found = true;
    tally_other(&w->tally, w->d, resource, effect, risk, via, why);
}

/* Whether the storage keeps its volumes in that group, pool or directory. kind: lvm, lvmthin, zfs,
 * directory; in: the thin pool's group. */
static bool stands_on(const struct store *s, const char *kind, const char *name, const char *in) {
    char path[160];

    if (strcmp(kind, "lvm") == 0) {
        return strcmp(js_str_or(s->def, "vgname", ""), name) == 0;
    }
    if (strcmp(kind, "lvmthin") == 0) {
        return strcmp(js_str_or(s->def, "vgname", ""), in) == 0 &&
               strcmp(js_str_or(s->def, "thinpool", ""), name) == 0;
    }
    if (strcmp(kind, "zfs") == 0) {
        const char *pool = js_str_or(s->def, "pool", "");
        size_t n = strlen(name);

        (void)snprintf(path, sizeof(path), "/%s", name);
        return (strncmp(pool, name, n) == 0 && (!pool[n] || pool[n] == '/') &&
                strcmp(s->type, "zfspool") == 0) ||
               path_is_below(s->path, path);
    }
    (void)snprintf(path, sizeof(path), "/mnt/pve/%s", name);
    return path_is_below(s->path, path);
}

static void lose_volumes(struct wiped *w, const struct store *s, const char *effect, enum risk risk,
                         const char *why) {
    const struct guest *g;
    size_t n = picture_guests(w->p, &g);

    for (size_t i = 0; i < n; i++) {
        for (size_t v = 0; v < g[i].vols.n; v++) {
            const struct volume *vol = &g[i].vols.v[v];

            if (vol->kind == VOLUME_STORAGE && strcmp(vol->storage, s->id) == 0 &&
                (s->shared || strcmp(g[i].node, w->node) == 0)) {
                tally_guest(&w->tally, w->d, &g[i], effect, risk, vol->key, why);
            }
        }
    }
}

static void lose(struct wiped *w, const char *kind, const char *name, const char *in, bool spare) {
    const struct store *s;
    size_t n = picture_stores(w->p, &s);
    char label[160];

    (void)snprintf(label, sizeof(label), "%s/%.100s", kind, name);
    hit(w, label, spare ? "degraded" : "destroyed", spare ? RISK_MEDIUM : RISK_HIGH, w->node,
        spare ? "one of its disks goes; the others still hold everything"
              : "it goes with everything on it");
    for (size_t i = 0; i < n; i++) {
        if (!store_on_node(s[i].def, w->node) || !stands_on(&s[i], kind, name, in)) {
            continue;
        }
        (void)snprintf(label, sizeof(label), "storage/%.100s", s[i].id);
        hit(w, label, spare ? "degraded" : "destroyed", spare ? RISK_MEDIUM : RISK_HIGH, w->node,
            spare ? "it loses redundancy"
                  : "volumes, backups, templates: everything of it at this node");
        lose_volumes(w, &s[i], spare ? "degraded" : "destroyed", spare ? RISK_MEDIUM : RISK_HIGH,
                     spare ? "its disk loses redundancy" : "its disk is gone for good");
    }
}

/* "/dev/sdb3" and "sdb3"; other names of a disk are not known here. */
static bool same_device(const char *a, const char *b) {
    return strcmp(a, b) == 0 || (strncmp(b, "/dev/", 5) == 0 && strcmp(a, b + 5) == 0);
}

static void check_lvm(struct wiped *w, const char *dev) {
    const js *groups = js_get(disks(w, "lvm"), "children");

    for (size_t i = 0; i < js_len(groups); i++) {
        const js *members = js_get(js_at(groups, i), "children");

        for (size_t k = 0; k < js_len(members); k++) {
            if (same_device(js_str_or(js_at(members, k), "name", ""), dev)) {
                lose(w, "lvm", js_str_or(js_at(groups, i), "name", "?"), "", false);
            }
        }
    }
}

/* 0: not in it; 1: in it, and nothing holds a second copy; 2: in a mirror or a RAID-Z. */
static int in_tree(const js *tree, const char *dev, bool spare, unsigned int depth) {
    const js *children = js_get(tree, "children");
    const char *name = js_str_or(tree, "name", "");

    spare |= strncmp(name, "mirror", 6) == 0 || strncmp(name, "raidz", 5) == 0 ||
             strncmp(name, "draid", 5) == 0;
    if (!js_len(children)) {
        return same_device(name, dev) ? spare ? 2 : 1 : 0;
    }
    for (size_t i = 0; depth < 6 && i < js_len(children); i++) {
        int r = in_tree(js_at(children, i), dev, spare, depth + 1);

        if (r) {
            return r;
        }
    }
    return 0;
}

static void check_zfs(struct wiped *w, const char *dev, bool alone) {
    const js *pools = disks(w, "zfs");
    bool found = false;

    for (size_t i = 0; i < js_len(pools); i++) {
        const char *name = js_str_or(js_at(pools, i), "name", "");
        char path[160];
        int in;

        (void)snprintf(path, sizeof(path), "zfs/%.100s", name);
        in = in_tree(disks(w, path), dev, false, 0);
        if (in) {
            found = true;
            lose(w, "zfs", name, "", in == 2 && alone);
        }
    }
    if (!found) {
        w->found = true;
        draft_unread(w->d, "the ZFS pool of the disk",
                     "the node lists the disk under another name than its pools do", NULL);
    }
}

static void check_osds(struct wiped *w, const js *entry) {
    const js *list = js_get(entry, "osdid-list");
    int64_t one = js_int_or(entry, "osdid", -1);
    char label[40];

    for (size_t i = 0; i < js_len(list) || (i == 0 && one >= 0); i++) {
        (void)snprintf(label, sizeof(label), "osd/%lld",
                       (long long)(js_len(list) ? json_object_get_int64(js_at(list, i)) : one));
        hit(w, label, "destroyed", RISK_HIGH, w->node,
            "an OSD of Ceph goes with its copies; others are made anew where there are some");
    }
}

/* One entry of the node's list: the disk, or a partition of it. */
static void check_entry(struct wiped *w, const js *entry, bool alone) {
    const char *dev = js_str_or(entry, "devpath", ""), *used = js_str_or(entry, "used", "");
    char label[120];

    (void)snprintf(label, sizeof(label), "node/%.100s", w->node);
    check_osds(w, entry);
    if (strcmp(used, "LVM") == 0) {
        check_lvm(w, dev);
    } else if (strcmp(used, "ZFS") == 0) {
        check_zfs(w, dev, alone);
    } else if (strcmp(used, "EFI") == 0 || strcmp(used, "BIOS boot") == 0) {
        hit(w, label, "wont-boot", RISK_HIGH, dev, "the node starts from this disk");
    } else if (js_bool_or(entry, "mounted", false) || strcmp(used, "mounted") == 0) {
        hit(w, label, "destroyed", RISK_HIGH, dev, "a file system of the node is mounted from it");
        draft_unread(w->d, "the mounted file system", "where it is mounted is not told", NULL);
    } else if (*used && strcmp(used, "partitions") != 0 && strcmp(used, "ZFS reserved") != 0) {
        hit(w, label, "destroyed", RISK_MEDIUM, dev, "the node says that it is in use");
    }
}

static bool check_disk(struct wiped *w, const char *dev, bool alone) {
    const js *list = disks(w, "list?include-partitions=1");
    bool known = false;

    for (size_t i = 0; i < js_len(list); i++) {
        const js *entry = js_at(list, i);

        if (strcmp(js_str_or(entry, "devpath", ""), dev) == 0 ||
            strcmp(js_str_or(entry, "parent", ""), dev) == 0) {
            known = true;
            check_entry(w, entry, alone);
        }
    }
    return known;
}

int blast_node_disk(const struct picture *p, const char *node, const char *devices,
                    struct draft *d) {
    struct wiped w = {.p = p, .d = d, .node = node};
    bool alone = !strpbrk(devices, ",; ");

    blast_unread(p, BLAST_NODE_DISK_NEEDS, 0, d);
    for (const char *s = devices; *s;) {
        size_t n = strcspn(s, ",; ");
        char dev[100], label[220];

        (void)snprintf(dev, sizeof(dev), "%.*s", (int)n, s);
        s += n + (s[n] != '\0');
        if (!*dev) {
            continue;
        }
        w.found = false;
        if (!check_disk(&w, dev, alone)) {
            draft_unread(d, "the disk", "the node does not list it", "Sys.Audit on /");
        } else if (!w.found) {
            (void)snprintf(label, sizeof(label), "disk/%.100s:%.100s", node, dev);
            hit(&w, label, "destroyed", RISK_MEDIUM, NULL,
                "nothing that is known uses it; what is on it is gone");
        }
    }
    tally_risk(&w.tally, d);
    return 0;
}

int blast_node_pool(const struct picture *p, const char *node, const char *kind, const char *name,
                    const char *in, struct draft *d) {
    struct wiped w = {.p = p, .d = d, .node = node};

    blast_unread(p, BLAST_NODE_POOL_NEEDS, 0, d);
    lose(&w, kind, name, in, false);
    tally_risk(&w.tally, d);
    return 0;
}
