/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/network.h - what the simulator's files about nodes' interfaces share. A node
 * of the state has `network`, the interfaces as they run, and `network_new` while changes are
 * staged: both lists as the API shows them. */
#pragma once
#include "proximo-client/sim/routes.h"

/* network_file.c: the interfaces as the text of /etc/network/interfaces. */
int network_text(const js *list, struct buf *ret);
/* What `diff -u` says of the two texts, with its two head lines; "" when they are equal. when: the
 * time that the files are from, Unix seconds. */
int network_diff(int64_t when, const char *before, const char *after, struct buf *ret);

/* network.c: applies what is staged, as a node does that reloads its interfaces. */
void network_apply(struct sim *s, const char *node);
