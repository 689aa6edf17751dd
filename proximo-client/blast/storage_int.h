/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/storage_int.h - inside of the storage analyser. */
#pragma once
#include "proximo-client/blast/blast_int.h"

struct loss {
    const struct picture *p;
    struct draft *d;
    const struct store *store;
    bool all;          /* deleted or disabled: lost everywhere */
    struct tally tally;
    const char *nodes; /* else: the only nodes that keep it, "" = no restriction */
};
/* Available on that node before and not after. */
bool is_lost_at(const struct loss *l, const char *node);
/* Backup jobs, backups, replication, volumes that no configuration names. */
void storage_refs(struct loss *l);
