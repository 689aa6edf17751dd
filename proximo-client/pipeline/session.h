/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/session.h - what one call works with: the chosen cluster's handles, who
 * asks, and how to report progress. Made by the service, borrowed by rows and stages. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/js.h"

struct app;
struct pve;
struct nodes;
struct ledger;
struct picture;
struct err;

struct session {
    struct app *app;
    const char *cluster; /* configured name */
    bool pbs;            /* it is a backup server: rows of the plane "pbs" alone fit */
    struct pve *pve;     /* reading; NULL for rows that need no cluster */
    struct nodes *nodes; /* enrolled daemons of this cluster (may hold none) */
    struct ledger *ledger;
    const char *actor; /* "mcp:<client name>", "cli:<user>": recorded, never trusted */
    void (*progress)(void *ctx, double done, double total, const char *message); /* may be NULL */
    bool (*cancelled)(void *ctx);                                                /* may be NULL */
    /* Takes the answer of a call whose work goes on (job.h), at most once; consumes it. NULL:
     * whoever asks waits to the end. */
    void (*hand_over)(void *ctx, js *answer);
    void *ctx;
};

/* Never fails; drops the note when nobody listens. total 0 = unknown. */
void session_progress(const struct session *s, double done, double total, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
bool session_cancelled(const struct session *s);
