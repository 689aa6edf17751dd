/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pve/worker.h - which changes a server carries out in a worker of its own: what the
 * task that it answers with must be. */
#pragma once
#include <stdbool.h>

#include "common/js.h"

struct err;

struct worker {
    const char *method, *path; /* template, as schema.h's */
    const char *types;         /* of the task: "qmstart|hastart" */
    /* Of the task, "{vmid}|{vmid}-*": names are the request's, '*' takes anything. NULL, or a name
     * that the request lacks: not known. */
    const char *id;
    /* Form key with which the server may wait itself, and answer null; "": it begins the task and
     * answers null. */
    const char *null_with;
    const char *when; /* form key without which it forks none, NULL: it always does */
};

/* The row of a request, NULL: it is answered when it is done. `path` as sent, without query. */
const struct worker *worker_of(bool pbs, const char *method, const char *path, const js *form);
/* Whether a task of that UPID can be the one that the request has begun. -EBADMSG "pve_unknown". */
int worker_fits(const struct worker *w, const char *path, const js *form, const char *upid,
                struct err *e);
/* When it began, Unix seconds by the clock of its node; -1: it is no UPID. */
int64_t upid_start(const char *upid);
