/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/undo.h - undo points: snapshots that this node made for a client, each with a
 * small file points/<vmid>.<name>. Only those are ever rolled back to or removed. */
#pragma once
#include <stdbool.h>

struct act;
struct ct;
struct err;
struct priv;

/* Before anything is recorded: can what the request wants of snapshots be had? Tags:
 * undo_impossible undo_exists undo_full undo_missing undo_foreign undo_no_space ct_running
 * ct_stopped. */
int undo_check(const struct act *a, bool running, struct err *e);
/* Makes the point that the request names; its driver's name goes to a->undo_driver. */
int undo_take(struct act *a, struct err *e);
/* snapshot, rollback, remove, stop, start. */
int undo_run(struct act *a, struct err *e);
/* Would an undo snapshot of this container be possible, with which driver, or why not. */
int undo_possible(const struct priv *p, const struct ct *ct, char ret_driver[static 17],
                  struct err *e);
/* Removes points whose time is up and whose snapshot still carries its mark; each gets a receipt
 * that says `swept` in the log that it was made for. */
void undo_sweep(struct priv *p);
