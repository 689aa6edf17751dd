/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/auth.h - secrets of API tokens. */
#pragma once
#include "proximo-client/sim/sim.h"

void auth_secret(char ret[static 37]); /* a random UUID, never seeded */
js *auth_hash(const char *secret);     /* what the state keeps of it */
