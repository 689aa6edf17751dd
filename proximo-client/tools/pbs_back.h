/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/pbs_back.h - namespaces of a backup server: their two names, and the way
 * back of deleting one with those below it. */
#pragma once
#include "proximo-client/tools/send.h"

/* One is made as {name, parent} and addressed as {ns}, "parent/name". */
int pbs_ns_listed(struct draft *d, struct session *s, js *names, struct err *e);
void pbs_ns_made(js *names);
int pbs_ns_delete_back(struct draft *d, const struct assess *a, struct err *e);
