/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/access.h - shared by the two access files. */
#pragma once
#include "proximo-client/sim/sim.h"

/* Does the caller have one of privs over this user (by group, or over all)? */
bool access_over_user(struct call *c, const char *userid, const char *privs);
