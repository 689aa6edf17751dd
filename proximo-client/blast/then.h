/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/then.h - what the API will answer once requests are done that have only been
 * planned. A plan of several steps computes each step on the cluster as the steps before leave it:
 * every answer that a later step rests on goes through here, so that rows and analysers need not
 * know. What no function here computes is said to be unknown, never taken for unchanged. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"

struct then;

enum then_is {
    THEN_SAME,      /* nothing that is planned touches it */
    THEN_KNOWN,     /* touched; *data is what will be answered */
    THEN_UNWATCHED, /* touched; *data is right to plan with, but not to the last member */
    THEN_UNKNOWN,   /* touched in a way that is not computed; *data is what it is now */
};

/* GET of a path as it will be answered at this point of the plan; borrowed, NULL: it cannot be. */
typedef const js *then_read(void *ctx, const char *path);

/* nonce: goes into names that stand for what is not made yet, so that nobody can write them by
 * chance or on purpose; now: Unix seconds. */
struct then *then_new(const char *nonce, int64_t now);
void then_free(struct then *t);
static inline void then_freep(struct then **t) {
    then_free(*t);
    *t = NULL;
}

/* The next request that the plan sends. read: what its effect is made from (a copy's source). */
void then_add(struct then *t, size_t step, const char *method, const char *path, const js *form,
              then_read *read, void *ctx);
/* The archive that a step makes (of one guest, by vzdump), by a volume id that stands for it until
 * it is made: {volid, storage, kind, vmid}; borrowed. NULL: it makes none. */
const js *then_archive(const struct then *t, size_t step);
/* Forgets the requests of a step. */
void then_drop(struct then *t, size_t step);
size_t then_count(const struct then *t);
/* Whether what such a request does is computed here. */
bool then_knows(const char *method, const char *path);

/* *data: the answer of now, owned, NULL: there is no such thing; it is replaced. *ret_step: the
 * last step that touches it, of THEN_UNKNOWN the first that is not computed; 0: none. */
enum then_is then_answer(const struct then *t, const char *path, js **data, size_t *ret_step);
