/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/node_back.h - the ways back of PVE's bulk calls. */
#pragma once
#include "proximo-client/tools/send.h"

/* The opposite call for exactly the guests that are reached as they are now. */
int node_all_back(struct draft *d, const struct assess *a, struct err *e);
/* From the target to where they are, of those that are there now. */
int node_migrate_back(struct draft *d, const struct assess *a, struct err *e);
