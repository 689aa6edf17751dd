/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/hashmap.h - from a hash to a number, in memory; for the auditor and for a
 * plan being made. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"

struct hashmap_slot {
    struct hash key;
    uint64_t value; /* UINT64_MAX: free */
};

struct hashmap {
    struct hashmap_slot *slot;
    size_t n, cap;
};

/* Ends the process without memory: an audit or a plan that forgets is worse than none. */
void hashmap_put(struct hashmap *m, const struct hash *key, uint64_t value); /* replaces */
uint64_t hashmap_get(const struct hashmap *m, const struct hash *key);       /* UINT64_MAX: none */
void hashmap_done(struct hashmap *m);
