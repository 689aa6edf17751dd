/* SPDX-License-Identifier: Apache-2.0 */
/* ZFS and LVM-thin snapshots by their own programs (the program that acts). Arguments are built
 * from a dataset that storage.cfg named and a snapshot name that was checked; the runner passes
 * nothing else on. Invariant of both: a rollback renames the present away and keeps it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/put.h"
#include "pveagentd/act/snap.h"

#define TOOL_S    120
#define PREFIX    "pveagentd-"
#define FULL_NAME 640 /* a volume's `at`, the prefix, a snapshot's name */

#define TOOL(out, e, ...)                                                                          \
    snap_run((const char *const[]){__VA_ARGS__, NULL}, (out), TOOL_S, "undo_failed", (e))
#define ZFS "/usr/sbin/zfs"

__attribute__((format(printf, 3, 4))) static int full_name(char ret[static FULL_NAME],
                                                           struct err *e, const char *fmt, ...) {
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(ret, FULL_NAME, fmt, ap);
    va_end(ap);
    return n > 0 && n < FULL_NAME ? 0 : err_set(e, -ENAMETOOLONG, "name too long");
}

/* An identity that a program prints, as text of one form. */
static void mark_of(const struct buf *out, char ret[static 65]) {
    struct hash h;

    sha256(buf_str(out), out->len, &h);
    (void)put_hex(&h, ret);
}

static int zfs_name(const struct volume *v, const char *name, char ret[static FULL_NAME],
                    struct err *e) {
    return full_name(ret, e, "%s@" PREFIX "%s", v->at, name);
}

static int zfs_possible(const struct volume *v, struct err *e) {
    return TOOL(NULL, e, ZFS, "list", "-H", "-o", "name", v->at) < 0
               ? err_tag(e, -ENOTSUP, "undo_impossible", "%s: zfs does not know its dataset",
                         v->key)
               : 0;
}

static int zfs_create(const struct volume *v, const char *name, struct err *e) {
    char snap[FULL_NAME];
    int r = zfs_name(v, name, snap, e);

    return r < 0 ? r : TOOL(NULL, e, ZFS, "snapshot", snap);
}

static int zfs_remove(const struct volume *v, const char *name, struct err *e) {
    char snap[FULL_NAME];
    int r = zfs_name(v, name, snap, e);

    return r < 0 ? r : TOOL(NULL, e, ZFS, "destroy", snap);
}

/* `zfs rollback` would destroy the present and refuses when newer snapshots exist. So the present
 * is renamed away and kept, a clone of the snapshot takes its name, and promoting it moves the
 * snapshots up to that one along. What Proxmox sets on a container's dataset is set again. */
static int zfs_rollback(const struct volume *v, const char *name, const char *safety,
                        struct err *e) {
    CLEANUP(buf_done) struct buf quota = BUF_INIT(64);
    char keep[FULL_NAME];
    char snap[FULL_NAME];
    char refquota[96];
    int r = full_name(keep, e, "%s-" PREFIX "%s", v->at, safety);

    r = r < 0 ? r : full_name(snap, e, "%s@" PREFIX "%s", keep, name);
    r = r < 0 ? r : TOOL(&quota, e, ZFS, "get", "-H", "-p", "-o", "value", "refquota", v->at);
    (void)snprintf(refquota, sizeof(refquota), "refquota=%.*s", (int)strcspn(buf_str(&quota), "\n"),
                   buf_str(&quota));
    r = r < 0 ? r : TOOL(NULL, e, ZFS, "rename", "-u", v->at, keep);
    if (r < 0) {
        return r;
    }
    r = TOOL(NULL, e, ZFS, "clone", "-o", refquota, "-o", "acltype=posixacl", "-o", "xattr=sa",
             snap, v->at);
    if (r < 0) {
        (void)TOOL(NULL, NULL, ZFS, "rename", "-u", keep, v->at);
        return r;
    }
    return TOOL(NULL, e, ZFS, "promote", v->at);
}

static int zfs_mark(const struct volume *v, const char *name, char ret[static 65], struct err *e) {
    CLEANUP(buf_done) struct buf out = BUF_INIT(4096);
    char snap[FULL_NAME];
    int r = zfs_name(v, name, snap, e);

    r = r < 0 ? r : TOOL(&out, e, ZFS, "get", "-H", "-p", "-o", "value", "guid", snap);
    mark_of(&out, ret);
    return r;
}

const struct snap_driver snap_zfs = {
    .type = "zfspool",
    .name = "zfs",
    .possible = zfs_possible,
    .create = zfs_create,
    .rollback = zfs_rollback,
    .remove = zfs_remove,
    .mark = zfs_mark,
};

static const char *lv_of(const char *vg_lv) {
    const char *slash = strchr(vg_lv, '/');

    return slash ? slash + 1 : vg_lv;
}

/* vg/lv -> the logical volume that holds the snapshot, in the same group. */
static int lvm_name(const struct volume *v, const char *name, char ret[static FULL_NAME],
                    struct err *e) {
    return full_name(ret, e, "%.*s/" PREFIX "%s-%s", (int)strcspn(v->at, "/"), v->at, lv_of(v->at),
                     name);
}

static int lvm_possible(const struct volume *v, struct err *e) {
    CLEANUP(buf_done) struct buf out = BUF_INIT(4096);

    return TOOL(&out, e, "/usr/sbin/lvs", "--noheadings", "-o", "segtype", v->at) < 0 ||
                   strncmp(buf_str(&out) + strspn(buf_str(&out), " "), "thin", 4) != 0
               ? err_tag(e, -ENOTSUP, "undo_impossible", "%s is not a thin volume", v->key)
               : 0;
}

static int lvm_create(const struct volume *v, const char *name, struct err *e) {
    char snap[FULL_NAME];
    int r = lvm_name(v, name, snap, e);

    return r < 0
               ? r
               : TOOL(NULL, e, "/usr/sbin/lvcreate", "-s", "-n", lv_of(snap), "-pr", "-kn", v->at);
}

static int lvm_remove(const struct volume *v, const char *name, struct err *e) {
    char snap[FULL_NAME];
    int r = lvm_name(v, name, snap, e);

    return r < 0 ? r : TOOL(NULL, e, "/usr/sbin/lvremove", "-f", snap);
}

/* The present is renamed away and kept; a writable snapshot of the snapshot takes its name. */
static int lvm_rollback(const struct volume *v, const char *name, const char *safety,
                        struct err *e) {
    char snap[FULL_NAME];
    char keep[FULL_NAME];
    int r = lvm_name(v, name, snap, e);

    r = r < 0 ? r : lvm_name(v, safety, keep, e);
    r = r < 0 ? r : TOOL(NULL, e, "/usr/sbin/lvrename", v->at, keep);
    if (r < 0) {
        return r;
    }
    r = TOOL(NULL, e, "/usr/sbin/lvcreate", "-s", "-n", lv_of(v->at), "-prw", "-kn", snap);
    if (r < 0) {
        (void)TOOL(NULL, NULL, "/usr/sbin/lvrename", keep, v->at);
    }
    return r;
}

static int lvm_mark(const struct volume *v, const char *name, char ret[static 65], struct err *e) {
    CLEANUP(buf_done) struct buf out = BUF_INIT(4096);
    char snap[FULL_NAME];
    int r = lvm_name(v, name, snap, e);

    r = r < 0 ? r : TOOL(&out, e, "/usr/sbin/lvs", "--noheadings", "-o", "lv_uuid", snap);
    mark_of(&out, ret);
    return r;
}

const struct snap_driver snap_lvmthin = {
    .type = "lvmthin",
    .name = "lvmthin",
    .possible = lvm_possible,
    .create = lvm_create,
    .rollback = lvm_rollback,
    .remove = lvm_remove,
    .mark = lvm_mark,
};
