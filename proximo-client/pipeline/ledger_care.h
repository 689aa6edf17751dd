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

/* Asks every enrolled node for its head, then ledger_recover (ledger/care.h). dir NULL: the
 * configured mirror, or none. {entries, before, fetched, cut, kept?, heads:[{node,size}],
 * missing:[{node,why}], witnessed}. */
int ledger_care_recover(struct app *a, const char *cluster, const char *dir, const char *reason,
                        js **ret, struct err *e);
/* ledger_restart, with the heads of every node that answers. Refused ("ledger_sound") while the log
 * can go on, unless it is for another log key (new_key). {origin, vkey, kept, continues:[{node,size}], missing:[…], commands:[…]}: what each
 * node's root runs. */
int ledger_care_restart(struct app *a, const char *cluster, const char *reason, bool new_key,
                        js **ret, struct err *e);
