/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/genesis.h - how a log begins, for those who need more than ledger_create:
 * a restart that continues an older log, and tests that need a known key. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct err;
struct hash;

struct ledger_genesis {
    const char *cluster;
    const struct hash *policy;
    const uint8_t *seed;          /* NOTE_SEED_LEN bytes, or NULL: a new key */
    const char *const *continues; /* whole notes: the nodes' last cosigned checkpoints */
    size_t n_continues;
    const char *reason; /* of a restart, or NULL */
};

/* As ledger_create. */
int ledger_create_from(const char *dir, const struct ledger_genesis *g, struct err *e);
