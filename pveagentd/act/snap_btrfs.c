/* SPDX-License-Identifier: Apache-2.0 */
/* btrfs snapshots by the kernel's own calls (the program that acts). A volume is a subvolume; its
 * snapshots lie beside it in .pveagentd-snap/<volume>@<name>, so that a rollback is a rename and a
 * snapshot within one file system. Invariant: at every moment the volume's path holds either what
 * was there or what was asked for, and what was there is kept. */
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "pveagentd/act/snap.h"

#define SNAP_DIR   ".pveagentd-snap"
#define SUBVOL_INO 256 /* every subvolume's root has this inode */
#define ROOM_PART                                                                                  \
    20 /* a snapshot wants 1/20 of the file system free, for what changes after it                 \
        */

struct place {
    int dir;   /* of the volume */
    int snaps; /* SNAP_DIR below it */
    char base[256];
};

static void place_done(struct place *p) {
    closep(&p->dir);
    closep(&p->snaps);
}

static int fail(struct err *e, const char *what, const struct volume *v) {
    int code = errno ? -errno : -EIO;

    return err_tag(e, code, code == -ENOSPC ? "undo_no_space" : "undo_failed", "%s of %s: %s", what,
                   v->key, strerror(-code));
}

static int open_place(const struct volume *v, bool make, struct place *ret, struct err *e) {
    CLEANUP(place_done) struct place p = {-1, -1, ""};
    const char *slash = strrchr(v->at, '/');
    char dir[2048];

    if (!slash || slash == v->at || strlen(slash + 1) >= sizeof(p.base) - 64 || !slash[1]) {
        return err_set(e, -EINVAL, "%s: not a volume's path", v->at);
    }
    (void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - v->at), v->at);
    (void)snprintf(p.base, sizeof(p.base), "%s", slash + 1);
    p.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p.dir < 0) {
        return fail(e, "open", v);
    }
    if (make && mkdirat(p.dir, SNAP_DIR, 0700) < 0 && errno != EEXIST) {
        return fail(e, "make " SNAP_DIR, v);
    }
    p.snaps = openat(p.dir, SNAP_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (p.snaps < 0 && make) {
        return fail(e, "open " SNAP_DIR, v);
    }
    *ret = p;
    p = (struct place){-1, -1, ""};
    return 0;
}

static bool snap_name(const struct place *p, const char *name, char ret[static 256]) {
    int n = snprintf(ret, 256, "%s@%s", p->base, name);

    return n > 0 && n < 256;
}

/* from: an open subvolume; to: name below dir. */
static int take(int from, int dir, const char *name, bool read_only) {
    struct btrfs_ioctl_vol_args_v2 a = {.fd = from, .flags = read_only ? BTRFS_SUBVOL_RDONLY : 0};

    (void)snprintf(a.name, sizeof(a.name), "%s", name);
    return ioctl(dir, BTRFS_IOC_SNAP_CREATE_V2, &a);
}

static int btrfs_possible(const struct volume *v, struct err *e) {
    CLEANUP(closep) int fd = open(v->at, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    struct statfs fs;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0) {
        return err_tag(e, -ENOENT, "undo_impossible", "%s: its directory cannot be opened", v->key);
    }
    if (fs.f_type != BTRFS_SUPER_MAGIC || st.st_ino != SUBVOL_INO) {
        return err_tag(e, -ENOTSUP, "undo_impossible", "%s is not a btrfs subvolume", v->key);
    }
    if (fs.f_bavail < fs.f_blocks / ROOM_PART) {
        return err_tag(e, -ENOSPC, "undo_no_space", "%s: less than 1/%d of the file system is free",
                       v->key, ROOM_PART);
    }
    return 0;
}

static int btrfs_create(const struct volume *v, const char *name, struct err *e) {
    CLEANUP(place_done) struct place p = {-1, -1, ""};
    CLEANUP(closep) int fd = -1;
    char snap[256];
    int r = btrfs_possible(v, e);

    r = r < 0 ? r : open_place(v, true, &p, e);
    if (r < 0) {
        return r;
    }
    fd = openat(p.dir, p.base, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || !snap_name(&p, name, snap)) {
        return fail(e, "open", v);
    }
    if (take(fd, p.snaps, snap, true) < 0) {
        return fail(e, "snapshot", v);
    }
    return syncfs(p.snaps) < 0 ? fail(e, "sync", v) : 0;
}

static int btrfs_rollback(const struct volume *v, const char *name, const char *safety,
                          struct err *e) {
    CLEANUP(place_done) struct place p = {-1, -1, ""};
    CLEANUP(closep) int fd = -1;
    char snap[256];
    char keep[256];
    int r = open_place(v, true, &p, e);

    if (r < 0) {
        return r;
    }
    if (!snap_name(&p, name, snap) || !snap_name(&p, safety, keep)) {
        return err_set(e, -ENAMETOOLONG, "snapshot name too long");
    }
    fd = openat(p.snaps, snap, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return fail(e, "open the snapshot", v);
    }
    if (renameat2(p.dir, p.base, p.snaps, keep, RENAME_NOREPLACE) < 0) {
        return fail(e, "keep the present", v);
    }
    if (take(fd, p.dir, p.base, false) < 0) {
        r = fail(e, "roll back", v);
        (void)renameat2(p.snaps, keep, p.dir, p.base, RENAME_NOREPLACE);
        return r;
    }
    return syncfs(p.dir) < 0 ? fail(e, "sync", v) : 0;
}

static int btrfs_remove(const struct volume *v, const char *name, struct err *e) {
    CLEANUP(place_done) struct place p = {-1, -1, ""};
    struct btrfs_ioctl_vol_args a = {0};
    char snap[256];
    int r = open_place(v, false, &p, e);

    if (r < 0) {
        return r;
    }
    if (p.snaps < 0 || !snap_name(&p, name, snap)) {
        return err_tag(e, -ENOENT, "undo_missing", "%s has no such snapshot", v->key);
    }
    (void)snprintf(a.name, sizeof(a.name), "%s", snap);
    return ioctl(p.snaps, BTRFS_IOC_SNAP_DESTROY, &a) < 0 ? fail(e, "remove", v) : 0;
}

static int btrfs_mark(const struct volume *v, const char *name, char ret[static 65],
                      struct err *e) {
    CLEANUP(place_done) struct place p = {-1, -1, ""};
    struct btrfs_ioctl_get_subvol_info_args a;
    CLEANUP(closep) int fd = -1;
    char snap[256];
    int r = open_place(v, false, &p, e);

    if (r < 0) {
        return r;
    }
    memset(&a, 0, sizeof(a));
    if (!snap_name(&p, name, snap) ||
        (fd = openat(p.snaps, snap, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)) < 0 ||
        ioctl(fd, BTRFS_IOC_GET_SUBVOL_INFO, &a) < 0) {
        return err_tag(e, -ENOENT, "undo_missing", "%s has no such snapshot", v->key);
    }
    hex_encode(a.uuid, sizeof(a.uuid), ret);
    return 0;
}

const struct snap_driver snap_btrfs = {
    .type = "btrfs",
    .name = "btrfs",
    .possible = btrfs_possible,
    .create = btrfs_create,
    .rollback = btrfs_rollback,
    .remove = btrfs_remove,
    .mark = btrfs_mark,
};
