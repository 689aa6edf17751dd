/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/begun.h - whether what a server answers is the task that our request has
 * begun, and not nothing, another's or an old one. */
#pragma once
#include "common/js.h"

struct change;
struct err;
struct worker;

/* To be taken before the request is sent: the newest tasks of where it goes to. NULL: they could
 * not be read. w NULL: NULL. */
js *begun_before(struct change *c, const struct worker *w, const char *path);
/* The request's task in its answer: *ret borrowed from it, NULL when it is done without one. An
 * answer of null becomes the task where the server is one that begins it and does not tell.
 * -EBADMSG "pve_unknown" when the answer does not tell what has become of the request. */
int begun_task(struct change *c, const struct worker *w, const js *q, const js *before, js **answer,
               const char **ret, struct err *e);
