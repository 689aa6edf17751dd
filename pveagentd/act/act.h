/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/act/act.h - the program that acts: one order, read from standard input, one answer, and
 * it is gone. It holds no key and knows none, reads no message of the front end, opens no socket
 * and writes no record: what may be done was decided and recorded before it was started. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/request.h"
#include "pveagentd/act/order.h"

struct volumes;

struct job {
    struct order o;
    struct node_request q; /* of orders with a request */
    struct buf config;     /* the container's, when ct_load() was called */
    struct hash config_hash;
    struct order_answer a;
};

/* Negative: refused, e says why; what was put into the answer is told all the same. */
typedef int job_fn(struct job *j, struct err *e);

/* exec.c: the command, from nothing: own argument vector and environment, own session, three
 * descriptors. */
extern job_fn exec_run;
/* undo.c: undo points, snapshots that this node made for a client, each with a small file
 * <vmid>.<name> in the directory `points`. Only those are ever rolled back to or removed. Tags:
 * undo_impossible undo_exists undo_full undo_missing undo_foreign undo_no_space. */
extern job_fn point_check, point_take, point_run, point_expired, point_sweep;
/* revert.c: revert timers, copies of a closed list of files, taken before a change that can lock
 * its maker out, and put back at a deadline unless the maker says over a new connection that all is
 * well. In the directory `revert` a timer is <hex of the arming request's hash>, its copies are
 * beside it with the file's word behind; a copy without a timer was kept for root. Tags:
 * timer_armed (a file is watched already), timer_full, timer_unreadable; of confirm and cancel:
 * timer_missing, timer_foreign, timer_same_connection. */
extern job_fn timer_check, timer_list, timer_run, timer_tick, timer_revert, timer_finish;
/* ct.c */
extern job_fn ct_facts;

/* The configuration of that container. -ENOENT: it is gone. */
int ct_load(struct job *j, uint32_t ct, struct err *e);
/* Takes the next line off a text, cut to the room; false at the end. */
bool line_next(const char **text, char *ret, size_t size);
#define CT_LINE 4096
/* Each `key: value` line of the part before the first section, until fn says other than 0. */
int ct_config_each(const struct job *j, int (*fn)(void *ctx, const char *key, const char *value),
                   void *ctx);
/* The volumes of the container whose configuration is loaded, and of storage.cfg. "undo_impossible"
 * when a mount point is no volume or lies on a storage without a driver. */
int volumes_find(const struct job *j, uint32_t ct, struct volumes *ret, struct err *e);

/* Reads the order, obeys, answers: the whole of main(). */
int act_main(int argc, char **argv);
