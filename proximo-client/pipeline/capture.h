/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/capture.h - a cluster as the API shows it, to be rehearsed on: `pvesim
 * import` makes a simulated cluster of it. Reads only. */
#pragma once
#include "common/js.h"

struct app;
struct err;

/* Reads the whole cluster. *ret: {v, kind "proximo-capture", cluster, time, reads {path: answer},
 * unread [{path, why}], left_out [{path, why}] (not readable with the privileges that a capture
 * needs), scrubbed [{path, key}]}. What was not readable is named in it, not an error. Errors: as of the connection; "cancelled". actor: recorded with the read. */
int capture_run(struct app *app, const char *cluster, const char *actor,
                void (*progress)(void *ctx, double done, double total, const char *message),
                void *ctx, js **ret, struct err *e);

/* Replaces what must not leave the cluster (passwords, keys, free text of people, environment of
 * containers) in one answer, in place, and names each in `scrubbed`. */
void capture_scrub(const char *path, js *answer, js *scrubbed);
