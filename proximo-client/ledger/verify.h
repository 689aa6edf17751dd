/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/verify.h - the auditor: no network, no private keys (formats.md 4 Verify).
 * Used by `ledger verify` and by proximo-verify. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/js.h"
#include "common/note.h"

struct err;

/* Several of one name: keys that the node had one after the other. It is one witness. */
struct verify_node {
    char name[64];
    struct vkey witness, receipt;
    bool trusted;
};

struct verify_keys {
    struct vkey log; /* log.name[0] == 0: take the directory's own and say so in the report */
    struct verify_node *node;
    size_t n_nodes;
    struct vkey *witness; /* external witnesses */
    size_t n_witness;
    const char *const
        *head;      /* further signed checkpoints of this log (whole notes), e.g. fetched */
    size_t n_heads; /* from nodes: the entries must lead to each of them */
};

/* Re-hashes everything below DIR (a ledger directory or an export of one) and fills a report:
 * {ok, entries, covered, tail, root, origin, key, key_given,
 *  defects:[{entry,code,reason}]      in the order found; entry is null when none can be named,
 *  witness:{verdict,k,n,quorum,size,since,ages:[{name,size,time,age}]}: k of n cosigned a
 *    checkpoint of `size` entries or more, a quorum if there is such a size; `since` entries came
 *    after it; ages: of each witness the largest checkpoint that it cosigned,
 *  intents, outcomes, receipts, receipts_unchecked, unresolved:[op_id], unreceipted:[op_id],
 *  closed:[op_id] (their end is an operator's word),
 *  policy:{digest, entry, recorded} (the client's policy that was recorded last, the entry that
 * did, and how many did; null without a genesis), layout ledger|export, recoveries,
 * bodies:{checked,missing}, restarted:[{origin,size, nodes (that cosigned its end), confirmed
 * (whose roots let this log follow)}]}. Returns 0 also when the ledger is defective (ok:false);
 * negative only when it could not be read at all. */
int verify_dir(const char *dir, const struct verify_keys *keys, int64_t now, js **ret_report,
               struct err *e);
