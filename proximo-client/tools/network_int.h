/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/network_int.h - what the rows of nodes' interfaces share. */
#pragma once
#include "proximo-client/tools/send.h"

extern const struct thing network_iface;

/* network_plan.c */
/* An interface as its settings: without what says how it is, and without defaults. */
js *network_iface_shape(const js *answer, const js *args);
/* A node's interfaces in a word each. */
js *network_node_shape(const js *answer, const js *args);
assess_fn assess_network;
/* What of a picture a plan hangs on: not that a guest was started meanwhile. */
int network_remember(void *ctx, const char *path, const char *reduce, const js *data,
                     struct err *e);
/* What is staged on a node and what runs there, as the lists of GET /nodes/N/network. 1: they
 * differ; 0: nothing is staged, and both are the same; -EDOM: what runs is not certain. */
int network_both(struct draft *d, const js *args, js **ret_staged, js **ret_running, struct err *e);
/* The ways back of applying and of forgetting what is staged. "no_change" when nothing is. */
int network_apply_back(struct draft *d, const struct assess *a, struct err *e);
int network_revert_back(struct draft *d, const struct assess *a, struct err *e);

/* revert.c: the timer of an apply, or, without one, an operator's decision. */
int revert_network(struct draft *d, const struct assess *a, struct err *e);

/* network_stage.c: the requests that turn one list of a node's interfaces into the other, in an
 * order in which no step is refused. What no request can set is added to limits. */
int network_stage(struct draft *d, enum phase phase, const js *args, const js *from, const js *to,
                  struct buf *limits, struct err *e);
