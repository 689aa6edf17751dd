/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/guest_life.h - what the rows about guests need beside their data. */
#pragma once
#include "proximo-client/tools/send.h"

bool key_of_ct(const char *kind, const char *key);
bool key_of_vm(const char *kind, const char *key);
/* The power analyser, for reset, suspend and resume. */
int assess_power_row(struct draft *d, const struct assess *a, struct err *e);
/* "bad_argument" when a disk would become smaller: PVE finds that out in the task only. */
int refuse_shrink(struct draft *d, const struct assess *a, struct err *e);
/* The way back of a migration: another one. */
int back_migrate(struct draft *d, const struct assess *a, struct err *e);
/* The way back of taking disks out, unless their volumes are destroyed. */
int back_unlink(struct draft *d, const struct assess *a, struct err *e);
/* destroy_backup.c: with `backup` a backup is made and verified before the guest is destroyed, and
 * restoring it is the way back. "backup_impossible". */
int more_destroy(struct draft *d, const struct assess *a, struct err *e);
/* destroy_named.c: the undo's requests for what names the guest and goes with it. */
int back_of_named(struct draft *d, const struct assess *a, struct buf *limits, struct err *e);
