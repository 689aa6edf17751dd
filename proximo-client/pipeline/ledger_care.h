/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/ledger_care.h - what a person does for the log itself. Reached from the
 * command line only: no row and no MCP tool leads here. Results are for printing. */
#pragma once
#include <stdbool.h>

#include "common/js.h"

struct app;
struct err;

/* dir NULL: the cluster's configured mirror. {directory, added, entries, bodies}. */
int ledger_care_export(struct app *a, const char *cluster, const char *dir, bool bodies, js **ret,
                       struct err *e);
