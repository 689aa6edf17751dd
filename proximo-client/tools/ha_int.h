/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/ha_int.h - the ways back of what is asked of the HA manager. */
#pragma once
#include "proximo-client/tools/send.h"

/* To the node where the guest is now, in the same way. "no_change" when it is there already. */
int ha_move_back(struct draft *d, const struct assess *a, struct err *e);
/* Disarmed again, in the mode of now. "no_change" when HA is not disarmed. */
int ha_arm_back(struct draft *d, const struct assess *a, struct err *e);
