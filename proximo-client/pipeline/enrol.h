/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/enrol.h - enrolling with node daemons: each step is a ledger entry. */
#pragma once
#include <stdbool.h>

#include "common/js.h"

struct app;
struct buf;
struct err;

int enrol_join(struct app *a, const char *cluster, const char *line, const char *name,
               char ret_node[static 64], struct err *e);
/* What a person has to know before trusting the node: its keys' digests, and who told of it. */
int enrol_describe(struct app *a, const char *cluster, const char *node, struct buf *ret,
                   struct err *e);
/* Asks the nodes that are trusted for what the cluster's nodes announce. A key that was rotated is a
 * ledger entry. {nodes:[{node, what, why?}]}. via NULL: every node. */
int enrol_refresh(struct app *a, const char *cluster, const char *via, js **ret, struct err *e);
/* Our own TLS key. {nodes:[{node, what, why?}]}, also when it is not complete. */
int enrol_rotate(struct app *a, const char *cluster, js **ret, struct err *e);
int enrol_trust(struct app *a, const char *cluster, const char *node, bool on, struct err *e);
int enrol_forget(struct app *a, const char *cluster, const char *node, struct err *e);
