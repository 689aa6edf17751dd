/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/actor.h - having the program that acts (pveagentd-act) do something. It is a new
 * process for each order; what it reads of containers and tools never comes into a process that
 * holds a key, but as the fields of its one answer. */
#pragma once
#include "pveagentd/act/order.h"

struct priv;

/* Opens the program, once, for good: an upgrade of the package under a running daemon changes the
 * file, not what is run. */
int actor_open(struct priv *p, struct err *e);

/* Gives the order and waits for the answer. Of `o` the caller fills in what the verb wants, but not
 * the node's places nor the directory, its fd[0]; *ret is the caller's (answer_init). watch: a
 * socket whose end takes a command back, -1: none; SIGUSR1, which is blocked while a command is
 * marked as running, does so too. Returns the answer's result. -EOWNERDEAD (no tag: internal):
 * there was no answer, so nobody knows what was done; what a command left was killed. */
int actor_ask(const struct priv *p, struct order *o, int watch, struct order_answer *ret,
              struct err *e);
/* The same where nothing but the result is of interest. */
int actor_do(const struct priv *p, struct order *o, struct err *e);
