/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pve/inventory.h - fills a picture (blast/picture.h) by concurrent REST reads. Only
 * reads; what cannot be read is in the picture as such, it is not an error. */
#pragma once
#include "common/js.h"
#include "proximo-client/blast/picture.h"

struct err;
struct pve;
struct pve_job;

/* Called for every answered read that has a reducer, e.g. to make it a precondition (draft_precondition has
 * this signature's arguments). Negative ends the reading with that error. */
typedef int (*picture_seen)(void *ctx, const char *path, const char *reduce, const js *data,
                            struct err *e);

/* Fills data or result and err of each job (pve.h); negative ends the reading. */
typedef int (*picture_fetch)(void *ctx, struct pve_job *job, size_t n, struct err *e);

/* Negative only when cancelled, out of memory, refused by `seen`, or when the API itself cannot be
 * asked at all (no connection, token refused): a picture of nothing helps nobody. A cluster whose
 * guests come, go, move, start or stop while it is read is read once more; when it did so again the
 * list of guests is partial. `seen` is called after that, for the reads that the picture is made of. */
int picture_read(struct pve *p, const struct picture_ask *ask, picture_seen seen, void *ctx,
                 struct picture **ret, struct err *e);
/* The same over any source. */
int picture_read_by(picture_fetch fetch, void *fetch_ctx, const struct picture_ask *ask,
                    picture_seen seen, void *ctx, struct picture **ret, struct err *e);
