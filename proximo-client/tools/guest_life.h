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
