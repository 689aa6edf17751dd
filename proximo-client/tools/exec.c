/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that run a command in a container, through the node daemon. The plan is in exec_plan.c. */
#include "proximo-client/tools/plans.h"
#include "proximo-client/tools/rows.h"

const struct row exec_rows[] = {
    {NULL},
};
