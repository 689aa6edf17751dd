/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/index.h - the derived index: which entries speak of a plan or an operation.
 * Closed segments are in sorted runs on disk that merge like the tree's right edge (one a set bit
 * of their number), the open segment in memory: a lookup is O(log^2 n), an update amortised O(log
 * n). Rebuilt when missing or foreign. A hit is a hint: the caller checks the entry itself. */
#pragma once
#include <stdint.h>

#include "common/digest.h"

struct err;
struct ledger;

#define INDEX_KEY 16 /* leading bytes of a hash */

enum index_type {
    INDEX_PLAN = 1, /* key: plan digest */
    INDEX_APPROVAL, /* key: plan digest */
    INDEX_INTENT,   /* key: plan digest */
    INDEX_OUTCOME,  /* key: plan digest */
    INDEX_OP,       /* key: the intent's leaf hash */
    INDEX_DONE,     /* key: the intent's leaf hash; the entry is its outcome */
    INDEX_POLICY,   /* key: zeros */
};

struct index_rec {
    uint8_t key[INDEX_KEY];
    uint8_t type;
    uint8_t at[7]; /* entry number, big endian: records sort by their bytes */
};

struct index_open {
    uint64_t at;
    struct hash leaf;
};

/* Calls fn for every entry that may match, in no particular order, until it returns non-zero. */
typedef int index_fn(void *ctx, uint64_t at);
int index_find(struct ledger *l, enum index_type type, const uint8_t key[static INDEX_KEY],
               index_fn *fn, void *ctx, struct err *e);

/* Intents without an outcome, oldest first; the list belongs to the index until its next use. */
int index_open_intents(struct ledger *l, const struct index_open **ret, size_t *ret_n,
                       struct err *e);

/* The records of one entry (0 to 2). Returns how many. */
struct entry;
unsigned int index_records(const struct entry *en, uint64_t at, const struct hash *leaf,
                           struct index_rec ret[static 2]);
