/* SPDX-License-Identifier: Apache-2.0 */
/* A disk of a node is written over, or a volume group, thin pool, ZFS pool or directory on disks is
 * destroyed: which storages stand on it, whose volumes go with it. What cannot be told from the
 * node's lists (which pool a disk belongs to that has a name there which the lists do not have) is
 * said to be unknown. */
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

/* The names that a pool may have for a disk, or a partition of it. */
struct names {
    const char *dev;   /* "/dev/sda3" */
    const char *disk;  /* "/dev/sda", dev itself for a whole disk */
    const char *by_id; /* of the disk, below /dev/disk/by-id: "ata-MODEL_SERIAL"; "" unknown */
    const char *wwn;   /* of the disk, "0x5000…" or "eui.0025…"; "" unknown */
    const char *part;  /* "3", "" for a whole disk */
};

static const char *known(const js *entry, const char *key) {
    const char *text = js_str_or(entry, key, "");

    return strcmp(text, "unknown") == 0 ? "" : text;
}

static struct names names_of(const js *list, const js *entry) {
    const char *dev = js_str_or(entry, "devpath", "");
    const char *disk = js_str_or(entry, "parent", dev);
    struct names n = {.dev = dev, .disk = disk, .by_id = "", .wwn = "", .part = ""};

    for (size_t i = 0; i < js_len(list); i++) {
        const js *d = js_at(list, i);

        if (strcmp(js_str_or(d, "devpath", ""), disk) == 0) {
            const char *link = known(d, "by_id_link"), *slash = strrchr(link, '/');

            n.by_id = slash ? slash + 1 : link;
            n.wwn = known(d, "wwn");
        }
    }
    if (dev != disk && strncmp(dev, disk, strlen(disk)) == 0) { /* "sda3", "nvme0n1p3" */
        n.part = dev + strlen(disk);
        n.part += *n.part == 'p';
    }
    return n;
}

/* A member may be the whole disk, of which ZFS makes the partitions itself, or a partition. */
static bool is_disk_or_part(const char *rest, const char *part) {
    return !*rest || (strncmp(rest, "-part", 5) == 0 && (!*part || strcmp(rest + 5, part) == 0));
}

/* "wwn-0x5000…", "nvme-eui.0025…": moves *name to the number. */
static bool is_world_wide(const char **name) {
    size_t skip = strncmp(*name, "wwn-", 4) == 0 ? 4 : strncmp(*name, "nvme-eui.", 9) == 0 ? 5 : 0;

    *name += skip;
    return skip > 0;
}

static bool is_member(const struct names *n, const char *member) {
    const char *slash = strrchr(member, '/'), *base = slash ? slash + 1 : member;
    size_t by_id = strlen(n->by_id), wwn = strlen(n->wwn);

    if (same_device(member, n->dev) || same_device(member, n->disk)) {
        return true;
    }
    return (by_id && strncmp(base, n->by_id, by_id) == 0 &&
            is_disk_or_part(base + by_id, n->part)) ||
           (wwn && is_world_wide(&base) && strncmp(base, n->wwn, wwn) == 0 &&
            is_disk_or_part(base + wwn, n->part));
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
static int in_tree(const js *tree, const struct names *disk, bool spare, unsigned int depth) {
    const js *children = js_get(tree, "children");
    const char *name = js_str_or(tree, "name", "");

    spare |= strncmp(name, "mirror", 6) == 0 || strncmp(name, "raidz", 5) == 0 ||
             strncmp(name, "draid", 5) == 0;
    if (!js_len(children)) {
        return is_member(disk, name) ? spare ? 2 : 1 : 0;
    }
    for (size_t i = 0; depth < 6 && i < js_len(children); i++) {
        int r = in_tree(js_at(children, i), disk, spare, depth + 1);

        if (r) {
            return r;
        }
    }
    return 0;
}

static void check_zfs(struct wiped *w, const struct names *disk, bool alone) {
    const js *pools = disks(w, "zfs");
    bool found = false;

    for (size_t i = 0; i < js_len(pools); i++) {
        const char *name = js_str_or(js_at(pools, i), "name", "");
        char path[160];
        int in;

        (void)snprintf(path, sizeof(path), "zfs/%.100s", name);
        in = in_tree(disks(w, path), disk, false, 0);
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
static void check_entry(struct wiped *w, const js *list, const js *entry, bool alone) {
    const char *dev = js_str_or(entry, "devpath", ""), *used = js_str_or(entry, "used", "");
    char label[120];

    (void)snprintf(label, sizeof(label), "node/%.100s", w->node);
    check_osds(w, entry);
    if (strcmp(used, "LVM") == 0) {
        check_lvm(w, dev);
    } else if (strcmp(used, "ZFS") == 0) {
        struct names names = names_of(list, entry);

        check_zfs(w, &names, alone);
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
            check_entry(w, list, entry, alone);
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
