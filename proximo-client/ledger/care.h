/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/care.h - a log that is not what it was: older than what nodes have seen of
 * it, damaged, or at its end. What is replaced is kept beside it; nothing signed is ever dropped.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "common/note.h"

struct err;
struct hash;
struct ledger;

/* Compares a signed checkpoint of this log that somebody else holds (`who`: for the message). 0:
 * our history leads to it. "ledger_behind": it is longer than ours or another one; the note is
 * kept, and nothing but the ends of what runs is appended, in any process, until recovery or
 * restart. -EBADMSG, -ENOENT: not signed by this log, so it says nothing. */
int ledger_meet(struct ledger *l, const char *note, size_t len, const char *who, struct err *e);

struct ledger_head {
    const char *note; /* a whole signed checkpoint of this log */
    const char *who;
};

struct ledger_recovery {
    const char *mirror;             /* an export of this log, or NULL */
    const struct ledger_head *head; /* what nodes cosigned */
    size_t n_heads;
    const char *reason; /* stands in the recovery entry */
};

struct ledger_recovered {
    uint64_t before;  /* entries under the checkpoint before */
    uint64_t size;    /* entries under it now, the recovery entry included */
    uint64_t fetched; /* taken from the mirror */
    uint64_t cut;     /* unsigned entries at the end that are no longer there */
    char kept[4352];  /* where the log as it was lies now; "" when nothing was to be done */
};

/* Makes the log in DIR whole again, up to the largest checkpoint that it signed (its own, the
 * mirror's, the heads): entries of its own where they lead to its stored checkpoint, else all of
 * them from the mirror. Every entry is proved, against each of these checkpoints, before a copy is
 * made beside DIR; the copy takes its place in one step, so that a crash leaves the old or the new.
 * Nobody may have the log open: "ledger_busy". "mirror_bad": what the mirror holds does not lead to
 * what was signed. "ledger_forked": two checkpoints that the log signed contradict each other, so
 * only a restart is left. */
int ledger_recover(const char *dir, const struct ledger_recovery *in, struct ledger_recovered *ret,
                   struct err *e);

struct ledger_restart {
    const char *cluster;
    const struct hash *policy;
    const struct ledger_head *head;
    size_t n_heads;
    const char *reason; /* stands in the genesis */
};

struct ledger_restarted {
    struct vkey log;      /* of the new log */
    char old_origin[160]; /* "" when it could not be read */
    char kept[4352];
};

/* Begins a new log in DIR, with a new key. Its genesis carries the notes of the log before for
 * ever: the heads, or the log's own last checkpoint where there is none, and what that log itself
 * continued. */
int ledger_restart(const char *dir, const struct ledger_restart *in, struct ledger_restarted *ret,
                   struct err *e);
