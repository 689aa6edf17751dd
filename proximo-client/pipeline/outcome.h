/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/outcome.h - writing an outcome entry, also for an operation that another
 * process left behind. */
#pragma once
#include "common/digest.h"
#include "common/js.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/pipeline/change.h"

struct session;

/* executed: how many execute requests were carried out whole; negative when that is not known.
 * output: the body with what a command wrote, or NULL. left: the one with what the operation left
 * (left.h), or NULL.
 * After it the plan's secrets are removed, for it is spent. */
int outcome_append(struct session *s, const struct hash *leaf, const struct hash *plan,
                   enum outcome out, const js *tasks, int64_t executed, const char *summary,
                   const struct hash *output, const struct hash *left, struct err *e);

/* Something that must not happen did: an `alarm` entry, synced. code is one of docs/errors.md. */
int alarm_append(struct session *s, const char *code, const char *summary, struct err *e);
/* A node's receipt for one of the operation's requests; the caller has checked that it is that. */
int receipt_append(struct session *s, const struct hash *leaf, const char *node, uint64_t seq,
                   const char *note, struct err *e);
/* The same under a condition that holds while the ledger is locked. */
int receipt_append_if(struct session *s, const struct hash *leaf, const char *node, uint64_t seq,
                      const char *note, ledger_guard_fn *guard, void *ctx, struct err *e);
/* receipts_before.c: writes what this node has signed since its newest receipt in the ledger, up to
 * the one before `seq`. 0 also when the node has none. */
int receipts_before(struct session *s, const char *node, uint64_t seq, struct err *e);
/* receipt_append behind all that the node signed before it, once. Fails, and writes nothing, when
 * those cannot be had now: behind a gap the chain could never be made whole; left out, it comes
 * with the node's next one. */
int receipt_in_order(struct session *s, const struct hash *leaf, const char *node, uint64_t seq,
                     const char *note, struct err *e);
