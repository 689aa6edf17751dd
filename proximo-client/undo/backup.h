/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/undo/backup.h - the undo kind `backup`: what is destroyed was backed up and the
 * backup verified before, and restoring it is the way back. The plan names the archive by a mark of
 * its own, because PVE gives it its name only when it is made. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/js.h"

struct buf;
struct err;
struct session;

/* Stands in requests of the phase undo for the volume id of the archive. Never sent: the undo's own
 * plan names the archive. */
#define BACKUP_ARCHIVE "@archive"
/* How the notes of such an archive begin. 128 random bits follow. */
#define BACKUP_MARK "proximo-undo-"

/* A prepare request that makes such a backup. */
struct backup_point {
    char node[64];
    const char *storage; /* borrowed, as the next */
    const char *mark;    /* the archive's notes, whole */
    int64_t vmid;
};
/* false: the request does something else. */
bool backup_point_of(const js *request, struct backup_point *ret);

/* The one archive with that mark, out of a storage's content. NULL: there is none (*ret_why says
 * what is wrong, static text), or more than one, or it is not one that can be relied on: empty, of
 * another guest. */
const js *backup_find(const js *content, const struct backup_point *b, const char **ret_why);

/* What no backup carries, or in a form of its own: notes, locks, raw settings, passwords. */
bool backup_leaves_out(const char *key);
/* Whether a guest is the one that `text`, the configuration inside an archive, is of: keys are
 * equal, disks by their size; what a restore makes up is not looked at. Else *ret_differing says
 * "memory is 512 in the backup and 700 there". */
bool backup_is_guest(const char *kind, const js *config, const char *text,
                     struct buf *ret_differing);

/* After the task of the request ended as `exit` says: is there a backup to rely on? Of it are read
 * the storage's content, the task's log, the configuration inside the archive and the guest's own.
 * plan: the whole, for the guest's kind. *ret: {volid, size, ctime, config (digest of the text
 * inside), mark}. "backup_unverified". */
int undo_verify_backup(struct session *s, const js *plan, const js *request, const char *upid,
                       const char *exit, js **ret, struct err *e);
