/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/act/snap.h - snapshots of a container's volumes below Proxmox: a table of drivers by
 * storage type, and sets of volumes that are snapshotted all or none. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

struct snap_driver;

struct volume {
    char key[16]; /* rootfs, mp0 … */
    const struct snap_driver *driver;
    char at[512]; /* btrfs: absolute path; zfs: dataset; lvmthin: vg/lv */
};

#define VOLUMES_MAX 16
struct volumes {
    struct volume v[VOLUMES_MAX];
    size_t n;
};

/* run_tool; the seam for drivers that drive programs. */
typedef int snap_runner(const char *const *argv, struct buf *ret, int timeout_s, const char *tag,
                        struct err *e);

struct snap_driver {
    const char *type; /* of storage.cfg */
    const char *name; /* in receipts */
    /* 0, or why not ("undo_impossible"). */
    int (*possible)(const struct volume *v, struct err *e);
    int (*create)(const struct volume *v, const char *name, struct err *e);
    /* Puts the volume back to `name`; what was there becomes `safety` (where the driver can). The
     * container does not run. */
    int (*rollback)(const struct volume *v, const char *name, const char *safety, struct err *e);
    int (*remove)(const struct volume *v, const char *name, struct err *e);
    /* An identity of the snapshot that a later one of the same name does not have. */
    int (*mark)(const struct volume *v, const char *name, char ret[static 65], struct err *e);
};

extern const struct snap_driver snap_btrfs, snap_zfs, snap_lvmthin;
extern snap_runner *snap_run; /* tests put a recorder here */

/* All or none. */
int volumes_create(const struct volumes *v, const char *name, struct err *e);
int volumes_rollback(const struct volumes *v, const char *name, const char *safety, struct err *e);
int volumes_remove(const struct volumes *v, const char *name, struct err *e);
