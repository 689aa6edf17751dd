/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/policy_entry.h - which policy counted from which entry on. The ledger has
 * the digest of the client's effective policy in its genesis, and an entry of kind `policy` before
 * the first plan that was made under another one, with the whole policy as its body. */
#pragma once

struct err;
struct ledger;

struct policy_entry {
    const char *text; /* the canonical policy (config_policy_text) */
    const char *actor;
};

/* A guard (ledger.h) of a plan's entry; ctx is a struct policy_entry. Under the lock, because
 * another process of the same ledger may have another policy (its environment is part of it). */
int policy_entry_first(struct ledger *l, void *ctx, struct err *e);
