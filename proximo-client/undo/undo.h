/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/undo/undo.h - from an operation that was carried out to a fresh plan that takes it
 * back. Fills a draft like a row's plan function; freezes, records and runs nothing. */
#pragma once
#include "common/js.h"
#include "proximo-client/pipeline/draft.h"

struct err;
struct session;

/* plan: the original plan as recorded (formats.md 3). outcome: what is known of how it ended, an
 * object {result, since…} or NULL. The draft gets the plan's undo-phase requests as its execute
 * phase (node requests byte for byte), with preconditions of now, what is lost by it, and its own
 * undo. "undo_none" when the plan said that there is no way back, "undo_not_done" when the
 * operation did not change anything, "undo_conflict" when what it made is not any more as it left
 * it, "undo_gone" when what the undo needs is no longer there. */
int undo_plan(struct draft *d, const js *plan, const js *outcome, struct err *e);

/* --- row.c --- */
/* Whether a recorded plan is about things that are known by their position only (firewall rules).
 * Nothing tells one that a half undo has put back from one that was there; of everything else the
 * undo sees how far the one before it came. */
bool undo_by_position(const js *plan);

/* --- revert_timer.c --- */
/* The request of a recorded plan that arms a revert timer, borrowed; NULL when there is none. */
const js *undo_timer_request(const js *plan);
/* Puts the request that ends it into the execute phase: confirmed (keep), or reverted now. */
int undo_timer_end(struct draft *d, const js *armed, bool keep, struct err *e);
/* 1: it runs, until *ret_deadline (Unix s); 0: not any more. Asks the node. */
int undo_timer_state(struct session *s, const js *armed, int64_t *ret_deadline, struct err *e);
