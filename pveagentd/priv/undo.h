/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/undo.h - undo points: snapshots that this node made for a client, each with a
 * small file points/<vmid>.<name>. Only those are ever rolled back to or removed. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/digest.h"

struct client;
struct ct;
struct err;
struct node_request;
struct priv;

/* Before anything is recorded: can what the request wants of snapshots be had? Tags:
 * undo_impossible undo_exists undo_full undo_missing undo_foreign undo_no_space ct_running
 * ct_stopped. */
int undo_check(const struct priv *p, const struct client *c, const struct node_request *q,
               const struct ct *ct, bool running, struct err *e);
/* Makes the point that q names. The driver's name goes to ret. */
int undo_take(const struct priv *p, const struct client *c, const struct node_request *q,
              const struct ct *ct, const struct hash *h, char ret_driver[static 17], struct err *e);
/* snapshot, rollback, remove, stop, start. */
int undo_run(const struct priv *p, const struct client *c, const struct node_request *q,
             const struct ct *ct, const struct hash *h, char ret_driver[static 17], struct err *e);
/* Would an undo snapshot of this container be possible, with which driver, or why not. */
int undo_possible(const struct priv *p, const struct ct *ct, char ret_driver[static 17],
                  struct err *e);
/* Removes points whose time is up and whose snapshot still carries its mark. */
void undo_sweep(const struct priv *p);
