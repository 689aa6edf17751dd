/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/manual.h - what the rows say about themselves, for people. */
#pragma once
#include <stdbool.h>

struct buf;

/* proximo-tools(7) as mdoc, from the rows. 0, -E2BIG, -ENOMEM. */
int tools_manual(struct buf *ret);
/* The least PVE role of a plane: privileges separated by blanks, for reading only or with changes. */
int tools_role(const char *plane, bool changes, struct buf *ret);
