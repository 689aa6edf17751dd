/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/on_node.h - plans that make a node's daemon act. */
#pragma once
#include <stdint.h>

#include "common/buf.h"
#include "common/js.h"
#include "common/request.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pipeline/draft.h"

struct err;
struct session;

/* The node must have a daemon that we are enrolled at and trust: "node_not_enrolled",
 * "node_untrusted". */
int on_node_find(struct session *s, const char *node, const struct node_info **ret, struct err *e);
/* What is the same in every request to that node; the rest is 0. vmid 0: about no guest. */
void on_node_base(struct session *s, const struct node_info *n, uint32_t vmid, enum request_op op,
                  struct node_request *q);
/* The request's text into `text` (emptied first), and what the node would say to it (nodes.h,
 * node_explain); *ret is replaced. */
int on_node_ask(struct session *s, const struct node_request *q, struct buf *text, js **ret,
                struct err *e);
/* The approval that the node's rule asks for. */
void on_node_need(struct draft *d, const js *answer);

/* --- revert.c --- */
#define REVERT_DEFAULT_S 90
/* The field of rows that can have a revert timer; steers only. */
#define FIELD_REVERT                                                                               \
    {                                                                                              \
        "revert", F_INT,                                                                           \
            "seconds until it reverts unless confirmed; of what locks out or cuts off",            \
            .min = REVERT_MIN_S, .max = REVERT_MAX_S, .ours = true                                 \
    }
