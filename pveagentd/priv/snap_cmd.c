/* SPDX-License-Identifier: Apache-2.0 */
/* ZFS and LVM-thin snapshots by their own programs (root, request child). Arguments are built from
 * a dataset that storage.cfg named and a snapshot name that was checked; the runner passes nothing
 * else on. Invariant of both: a rollback renames the present away and keeps it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/own.h"
#include "pveagentd/priv/snap.h"

#define TOOL_S 120
#define PREFIX "pveagentd-"
#define FULL_NAME 640 /* a volume's `at`, the prefix, a snapshot's name */

static int run(const char *const *argv, struct buf *out, struct err *e) {
    int r = snap_run(argv, out, TOOL_S, e);

    if (r < 0 && e) {
        (void)snprintf(e->tag, sizeof(e->tag), "undo_failed");
    }
    return r;
}

static int zfs_name(const struct volume *v, const char *name, char ret[static FULL_NAME]) {
    int n = snprintf(ret, FULL_NAME, "%s@" PREFIX "%s", v->at, name);

    return n > 0 && n < FULL_NAME ? 0 : -ENAMETOOLONG;
}

static int zfs_possible(const struct volume *v, struct err *e) {
    const char *argv[] = {"/usr/sbin/zfs", "list", "-H", "-o", "name", v->at, NULL};

    return run(argv, NULL, e) < 0 ? err_tag(e, -ENOTSUP, "undo_impossible",
                                            "%s: zfs does not know its dataset", v->key)
                                  : 0;
}

static int zfs_create(const struct volume *v, const char *name, struct err *e) {
    char snap[FULL_NAME];
    const char *argv[] = {"/usr/sbin/zfs", "snapshot", snap, NULL};

    return zfs_name(v, name, snap) < 0 ? err_set(e, -ENAMETOOLONG, "name too long")
                                       : run(argv, NULL, e);
}

static int zfs_remove(const struct volume *v, const char *name, struct err *e) {
    char snap[FULL_NAME];
    const char *argv[] = {"/usr/sbin/zfs", "destroy", snap, NULL};

    return zfs_name(v, name, snap) < 0 ? err_set(e, -ENAMETOOLONG, "name too long")
                                       : run(argv, NULL, e);
}

/* `zfs rollback` would destroy the present and refuses when newer snapshots exist. So the present
 * is renamed away and kept, a clone of the snapshot takes its name, and promoting it moves the
 * snapshots up to that one along. What Proxmox sets on a container's dataset is set again. */
static int zfs_rollback(const struct volume *v, const char *name, const char *safety,
                        struct err *e) {
    CLEANUP(buf_done) struct buf quota = BUF_INIT(64);
    char keep[FULL_NAME];
    char snap[2 * FULL_NAME];
    char refquota[96];
    const char *get[] = {"/usr/sbin/zfs", "get",      "-H",  "-p", "-o",
                         "value",         "refquota", v->at, NULL};
    const char *away[] = {"/usr/sbin/zfs", "rename", "-u", v->at, keep, NULL};
    const char *back[] = {"/usr/sbin/zfs", "rename", "-u", keep, v->at, NULL};
    const char *clone[] = {
        "/usr/sbin/zfs", "clone", "-o",  refquota, "-o", "acltype=posixacl", "-o",
        "xattr=sa",      snap,    v->at, NULL};
    const char *promote[] = {"/usr/sbin/zfs", "promote", v->at, NULL};
    int n = snprintf(keep, sizeof(keep), "%s-" PREFIX "%s", v->at, safety);
    int r = n > 0 && (size_t)n < sizeof(keep) ? 0 : err_set(e, -ENAMETOOLONG, "name too long");

    (void)snprintf(snap, sizeof(snap), "%s@" PREFIX "%s", keep, name);
    r = r < 0 ? r : run(get, &quota, e);
    (void)snprintf(refquota, sizeof(refquota), "refquota=%.*s", (int)strcspn(buf_str(&quota), "\n"),
                   buf_str(&quota));
    r = r < 0 ? r : run(away, NULL, e);
    if (r < 0) {
        return r;
    }
    r = run(clone, NULL, e);
    if (r < 0) {
        (void)run(back, NULL, NULL);
        return r;
    }
    return run(promote, NULL, e);
}

/* Lines of names; ours are those with the prefix behind the last separator. */
static int names_of(const char *text, char sep, struct buf *ret) {
    int r = 0;

    for (const char *s = text; r == 0 && *s; s += strcspn(s, "\n") + (s[strcspn(s, "\n")] != 0)) {
        char line[FULL_NAME];
        char *at;

        (void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(s, "\n"), s + strspn(s, " "));
        at = sep ? strrchr(line, sep) : line;
        at = at && sep ? at + 1 : at;
        if (at && strncmp(at, PREFIX, strlen(PREFIX)) == 0) {
            r = buf_addf(ret, "%s\n", at + strlen(PREFIX));
        }
    }
    return r;
}

static int zfs_list(const struct volume *v, struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf out = BUF_INIT((size_t)1024 * 1024);
    const char *argv[] = {"/usr/sbin/zfs", "list", "-H", "-t",  "snapshot", "-o", "name", "-s",
                          "createtxg",     "-d",   "1",  v->at, NULL};
    int r = run(argv, &out, e);

    r = r < 0 ? r : names_of(buf_str(&out), '@', ret);
    return r;
}

static int hashed_mark(const char *const *argv, char ret[static 65], struct err *e) {
    CLEANUP(buf_done) struct buf out = BUF_INIT(4096);
    struct hash h;
    int r = run(argv, &out, e);

    sha256(buf_str(&out), out.len, &h);
    hex_encode(h.b, HASH_LEN, ret);
    return r;
}

static int zfs_mark(const struct volume *v, const char *name, char ret[static 65], struct err *e) {
    char snap[FULL_NAME];
    const char *argv[] = {"/usr/sbin/zfs", "get", "-H", "-p", "-o", "value", "guid", snap, NULL};

    return zfs_name(v, name, snap) < 0 ? err_set(e, -ENAMETOOLONG, "name too long")
                                       : hashed_mark(argv, ret, e);
}

const struct snap_driver snap_zfs = {
    .type = "zfspool",
    .name = "zfs",
    .possible = zfs_possible,
    .create = zfs_create,
    .rollback = zfs_rollback,
    .remove = zfs_remove,
    .list = zfs_list,
    .mark = zfs_mark,
};

/* vg/lv -> the logical volume that holds the snapshot, in the same group. */
static int lvm_name(const struct volume *v, const char *name, char ret[static FULL_NAME]) {
    const char *slash = strchr(v->at, '/');
    int n = slash ? snprintf(ret, FULL_NAME, "%.*s/" PREFIX "%s-%s", (int)(slash - v->at), v->at,
                             slash + 1, name)
                  : -1;

    return n > 0 && n < FULL_NAME ? 0 : -ENAMETOOLONG;
}

static const char *lv_of(const char *vg_lv) {
    const char *slash = strchr(vg_lv, '/');

    return slash ? slash + 1 : vg_lv;
}

static int lvm_possible(const struct volume *v, struct err *e) {
    CLEANUP(buf_done) struct buf out = BUF_INIT(4096);
    const char *argv[] = {"/usr/sbin/lvs", "--noheadings", "-o", "segtype", v->at, NULL};

    if (run(argv, &out, e) < 0 ||
        strncmp(buf_str(&out) + strspn(buf_str(&out), " "), "thin", 4) != 0) {
        return err_tag(e, -ENOTSUP, "undo_impossible", "%s is not a thin volume", v->key);
    }
    return 0;
}

static int lvm_create(const struct volume *v, const char *name, struct err *e) {
    char snap[FULL_NAME];
    const char *argv[] = {"/usr/sbin/lvcreate", "-s", "-n", NULL, "-pr", "-kn", v->at, NULL};

    if (lvm_name(v, name, snap) < 0) {
        return err_set(e, -ENAMETOOLONG, "name too long");
    }
    argv[3] = lv_of(snap);
    return run(argv, NULL, e);
}

static int lvm_remove(const struct volume *v, const char *name, struct err *e) {
    char snap[FULL_NAME];
    const char *argv[] = {"/usr/sbin/lvremove", "-f", snap, NULL};

    return lvm_name(v, name, snap) < 0 ? err_set(e, -ENAMETOOLONG, "name too long")
                                       : run(argv, NULL, e);
}

/* The present is renamed away and kept; a writable snapshot of the snapshot takes its name. */
static int lvm_rollback(const struct volume *v, const char *name, const char *safety,
                        struct err *e) {
    char snap[FULL_NAME];
    char keep[FULL_NAME];
    const char *away[] = {"/usr/sbin/lvrename", v->at, keep, NULL};
    const char *back[] = {"/usr/sbin/lvrename", keep, v->at, NULL};
    const char *make[] = {
        "/usr/sbin/lvcreate", "-s", "-n", lv_of(v->at), "-prw", "-kn", snap, NULL};
    int r;

    if (lvm_name(v, name, snap) < 0 || lvm_name(v, safety, keep) < 0) {
        return err_set(e, -ENAMETOOLONG, "name too long");
    }
    r = run(away, NULL, e);
    r = r < 0 ? r : run(make, NULL, e);
    if (r < 0) {
        (void)run(back, NULL, NULL);
    }
    return r;
}

static int lvm_list(const struct volume *v, struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf out = BUF_INIT((size_t)1024 * 1024);
    CLEANUP(buf_done) struct buf all = BUF_INIT((size_t)1024 * 1024);
    char vg[130];
    const char *argv[] = {"/usr/sbin/lvs", "--noheadings", "-o", "lv_name", vg, NULL};
    const char *lv = lv_of(v->at);
    int r;

    (void)snprintf(vg, sizeof(vg), "%.*s", (int)strcspn(v->at, "/"), v->at);
    r = run(argv, &out, e);
    r = r < 0 ? r : names_of(buf_str(&out), '\0', &all);
    for (const char *s = buf_str(&all); r == 0 && *s; s += strcspn(s, "\n") + 1) {
        if (strncmp(s, lv, strlen(lv)) == 0 && s[strlen(lv)] == '-') {
            r = buf_addf(ret, "%.*s\n", (int)strcspn(s + strlen(lv) + 1, "\n"), s + strlen(lv) + 1);
        }
    }
    return r;
}

static int lvm_mark(const struct volume *v, const char *name, char ret[static 65], struct err *e) {
    char snap[FULL_NAME];
    const char *argv[] = {"/usr/sbin/lvs", "--noheadings", "-o", "lv_uuid", snap, NULL};

    return lvm_name(v, name, snap) < 0 ? err_set(e, -ENAMETOOLONG, "name too long")
                                       : hashed_mark(argv, ret, e);
}

const struct snap_driver snap_lvmthin = {
    .type = "lvmthin",
    .name = "lvmthin",
    .possible = lvm_possible,
    .create = lvm_create,
    .rollback = lvm_rollback,
    .remove = lvm_remove,
    .list = lvm_list,
    .mark = lvm_mark,
};
