/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/nodes/peer.h - a root half of the test's own, behind the real network half: it checks
 * proofs as a node does, and lies as told. Stands in for a node; the client is what is tested. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/unit/ledger/fixture.h"

enum scenario {
    GOOD,
    CONFLICT_ALWAYS,
    RECEIPT_OTHER_KEY,
    RECEIPT_OTHER_REQUEST,
    RECEIPT_OTHER_INTENT,
    RECEIPT_MISSING,
    BREAKS_AFTER_START,
    REFUSES,
    SPENT_AND_ENDED,
    SPENT_AND_UNKNOWN,
    WAITS_FOR_CANCEL,
    BAD_COSIGNATURE,
    WAITS_FOR_RECEIPTS,      /* refuses until they are acknowledged */
    ANSWER_WITH_WRONG_PROOF, /* of a join */
};

struct peer_shared { /* between the test and the peer's processes */
    enum scenario scenario;
    uint64_t head; /* size last cosigned */
    struct hash root;
    int acts, conflicts, cancels, joins, acknowledged;
    struct hash client; /* who joined; zero: nobody */
};

struct peer {
    struct peer_shared *sh;
    pid_t priv, daemon;
    char state[128], sock[100];
    uint16_t port;
};

extern const uint8_t peer_secret[16];

void peer_start(struct peer *p, struct fixture *fx); /* both processes; waits for the port */
void peer_stop(struct peer *p);
/* An invitation line to it; with other_key for a TLS key that it does not have. */
void peer_invitation(const struct peer *p, bool other_key, int64_t expires, struct buf *ret);
