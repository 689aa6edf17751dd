/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/enrol.h - enrolling with node daemons: each step is a ledger entry. */
#pragma once
#include <stdbool.h>

struct app;
struct err;

int enrol_join(struct app *a, const char *cluster, const char *line, const char *name,
               char ret_node[static 64], struct err *e);
int enrol_trust(struct app *a, const char *cluster, const char *node, bool on, struct err *e);
int enrol_forget(struct app *a, const char *cluster, const char *node, struct err *e);
