/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/plan.h - a frozen plan: canonical bytes, their digest, its id (formats.md
 * 3). A struct plan is read-only; everything that is ever sent stands in it. */
#pragma once
#include <stdint.h>

#include "common/digest.h"
#include "common/ident.h"
#include "common/js.h"
#include "proximo-client/pipeline/draft.h"

struct app;
struct buf;
struct draft;
struct err;
struct ledger;
struct session;

/* Version 1 wrote late values (late.h) as texts. Such plans can be read and undone, not run. */
#define PLAN_VERSION 2

struct plan {
    js *v; /* the whole plan; borrow from it */
    int version;
    struct hash digest;
    char id[IDENT_ID_LEN + 1];
    uint64_t index; /* of its ledger entry */
    int64_t expires;
    enum risk risk;
    enum approval_need need;
};
void plan_done(struct plan *p);

/* Freezes a draft: risk and approval by policy and taint, expiry, nonce; then records it (body,
 * entry `plan`, synced; secrets beside). After 0 the plan is in the ledger. */
int plan_record(struct draft *d, struct plan *ret, struct err *e);

/* Loads a recorded plan by id, checking body against digest and id. "no_such_plan". */
int plan_load(struct ledger *l, const char *plan_id, struct plan *ret, struct err *e);
int plan_load_digest(struct ledger *l, const struct hash *digest, uint64_t index, struct plan *ret,
                     struct err *e);

/* From bytes that came from elsewhere (an exported plan): parse, canonical check, digest, id. */
int plan_from_bytes(const char *bytes, size_t len, struct plan *ret, struct err *e);

/* "plan_outdated" when an older proximo-client made it: what it would send was written in another
 * way then. */
int plan_runs_here(const struct plan *p, struct err *e);

/* The i-th request of a phase, NULL past the end; *ret_ordinal is its place in requests[]. */
const js *plan_request(const struct plan *p, const char *phase, size_t i, size_t *ret_ordinal);

/* What a face gets: the plan with plan_id, ledger index and what to do next. */
js *plan_answer(const struct plan *p);
