/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/undo/kinds.h - the undo kinds, one file each; seen by this folder only. */
#pragma once
#include "common/js.h"
#include "proximo-client/pipeline/draft.h"

struct buf;
struct err;

/* The operation that is taken back. All borrowed. */
struct undone {
    const js *plan, *args, *target, *outcome;
};

/* The i-th request of a phase of the original plan, NULL past the end. */
const js *undone_request(const struct undone *u, const char *phase, size_t i);
/* Puts an API request of it into the execute phase of the draft, as it is. */
void undone_copy_request(struct draft *d, const js *q);

struct row;
/* A row that is data: by its own description instead of the kind. */
int undo_row(struct draft *d, const struct undone *u, const struct row *r, struct err *e);
int undo_inverse(struct draft *d, const struct undone *u, struct err *e);
int undo_restore_object(struct draft *d, const struct undone *u, struct err *e);
int undo_guest_snapshot(struct draft *d, const struct undone *u, struct err *e);
int undo_steps(struct draft *d, const struct undone *u, struct err *e);
/* 1: it still runs, and the node is asked to revert now; 0: it was confirmed. "already_undone" when
 * it has reverted. */
int undo_revert_timer(struct draft *d, const struct undone *u, struct err *e);
/* "undo_gone": the archive is not the one that was verified; "already_exists": the number is taken.
 */
int undo_backup(struct draft *d, const struct undone *u, struct err *e);
/* since.c: what a rollback of this guest takes along, and whether a person must say yes anew. */
struct guest_ref;
int undo_since(struct draft *d, const struct undone *u, const struct guest_ref *g, struct err *e);
/* Whether the token sees the tasks of others on that node, too: without Sys.Audit PVE lists its own
 * only, and does not say so. */
bool undo_sees_tasks(struct draft *d, const char *node);
/* Whether a later operation, as pipeline/since.h lists it, was on that guest; whether the ledger
 * names that task. */
bool undo_is_on(const js *operation, uint32_t vmid);
bool undo_knows_task(const js *since, const char *upid);
/* made.c: what was made goes again, and a disk that was moved goes back, if it is as the operation
 * left it. "undo_conflict": it is not, or it is not known how it was left. */
int undo_left(struct draft *d, const struct undone *u, struct err *e);
int undo_made_guest(struct draft *d, const struct undone *u, struct err *e);
int undo_made_volume(struct draft *d, const struct undone *u, struct err *e);
/* What is kept of that read, borrowed; NULL: nothing. */
const js *undone_left(const struct undone *u, const char *read);
/* "undo_conflict", and what to do; differing: "memory was 512, is 1024". */
int undo_conflict(struct err *e, const char *what, const char *differing);
int undo_unknown(struct err *e, const char *what);
/* Where now differs from then: "KEY was X, is Y" of each member, at most some. */
void undo_differences(const js *then, const js *now, struct buf *ret);
int undo_node_snapshot(struct draft *d, const struct undone *u, struct err *e);
