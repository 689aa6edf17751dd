/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/made_back.h - the ways back of rows that make something, or put a disk
 * elsewhere (send.h's `back`); undo/ holds them against what was left. */
#pragma once
#include "proximo-client/tools/send.h"

/* A guest that is made, copied or restored under a number that is free: it is destroyed. Over one
 * that is there: none. */
int back_new_guest(struct draft *d, const struct assess *a, struct err *e);
/* A volume or file that is made: it is deleted. One that is there already: none. */
int back_new_volume(struct draft *d, const struct assess *a, struct err *e);
/* A disk that goes to another storage or guest: it goes back. */
int back_disk_move(struct draft *d, const struct assess *a, struct err *e);
