/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/chain.h - the chains of nodes' receipts: which follows which, whoever
 * recorded them when. Part of verification. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/form.h"
#include "common/js.h"

struct chain_link {
    char node[FORM_NODE_MAX + 1];
    char key_id[9];
    uint64_t seq;
    uint64_t entry;
    bool has_prev;
    struct hash prev, self;
};

struct chain {
    struct chain_link *v;
    size_t n, cap;
};

void chain_add(struct chain *c, const struct chain_link *link); /* aborts without memory */
void chain_done(struct chain *c);
/* When all are there: a defect for each that does not follow the one before. */
void chain_check(struct chain *c, js *report);
