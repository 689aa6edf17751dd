/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/later.h - what the node does by itself when its time has come: undo points that
 * expire, revert timers that are due. The program that acts says which, this records, orders, and
 * signs what came of it. */
#pragma once
#include <stdbool.h>

#include "common/digest.h"

struct due;
struct err;
struct priv;

/* Removes points whose time is up and whose snapshot still carries its mark; each gets a receipt
 * that says `swept` in the log that it was made for. */
void points_sweep(struct priv *p);

/* Is there a timer that somebody must tick? Names only, nothing is parsed: for the resident. */
bool timers_waiting(const struct priv *p);
/* Whether the timer that this request armed is still there (its receipt is then the tick's). */
bool timer_pending(const struct priv *p, const struct hash *request);
/* revert/lock: whoever has a timer changed holds it. */
int timers_lock(const struct priv *p, int *ret, struct err *e);
/* Reverts that timer of that log (lock: timers_lock). ret_value: 0 all is as it was; 1 not all, and
 * its copies stay; 2 the tick tries on. */
void timer_fire(struct priv *p, const struct hash *request, const char *log, int lock,
                int *ret_value);
/* Each timer that can be read, of that client ("": of all), until fn says other than 0; that is
 * returned. */
int timers_each(const struct priv *p, const char *client, int (*fn)(void *ctx, const struct due *t),
                void *ctx);
/* Notices what changes left, and reverts what is due. Negative: something due could not be put back
 * (a cluster file system without quorum) and is to be tried again. In a child. */
int timers_tick(struct priv *p);
