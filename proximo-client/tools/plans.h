/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/plans.h - what the planning files of this folder share. */
#pragma once
#include "proximo-client/tools/rows.h"

/* guest.c: keys of a guest's configuration whose value is never shown or recorded. */
bool config_is_secret(const char *key);
