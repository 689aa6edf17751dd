/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/refused.h - what the API refuses to take away because something still needs
 * it: known when the plan is made. Not seen outside tools/. */
#pragma once
#include "proximo-client/tools/send.h"

/* Says in the plan of a row that PVE will refuse it, and why. A role that comes with PVE is never
 * changed or deleted: -EPERM "built_in". */
int refused_by_pve(struct draft *d, const struct assess *a, struct err *e);
