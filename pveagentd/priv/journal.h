/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/journal.h - what this node remembers of each log: the head it cosigned, what was
 * spent, what it started and how that ended. One append-only file an origin, journal/<hash>; each
 * record is one write and one sync, and nothing runs before its record is on disk. Everything that
 * changes a journal holds its lock (journal/<hash>.lock). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/checkpoint.h"
#include "common/digest.h"

struct buf;
struct err;
struct priv;

/* One action, from its `start` record on. */
struct act_rec {
    struct hash plan, request, intent;
    uint64_t index;    /* of the intent in its log */
    char approval[33]; /* nonce of the approval it used, or "" */
    char client[41];
    uint32_t ct;
    uint64_t head; /* size cosigned with it */
    int64_t started;
    uint64_t seq;     /* of its receipt, 0 = none yet */
    uint64_t note_at; /* where the receipt's record begins in the file */
    bool acked;
    bool released; /* its approval may be used again */
};

struct origin {
    struct origin *next;
    char name[ORIGIN_MAX + 1];
    char id[65];       /* hex of SHA-256 of the name */
    uint64_t replayed; /* bytes of the file that are in here */
    uint8_t first[12]; /* the file's first bytes: other ones mean that it was rewritten */
    bool damaged;
    bool has_head;
    uint64_t size;
    struct hash root;
    char *note;       /* newest cosigned checkpoint */
    uint64_t seq;     /* of the newest receipt */
    struct hash last; /* of its bytes */
    uint64_t acked;
    uint64_t floor; /* intents below are refused for ever */
    struct act_rec *act;
    size_t n_acts;
    int64_t mark;
};

/* An action of the node's own: the removal of an expired undo point. It has no plan (zeros), and
 * names the request that made the point. */
bool act_is_sweep(const struct act_rec *a);

/* Finds, or makes in memory, the origin's entry. NULL: no memory. */
struct origin *origin_get(struct priv *p, const char *name);
struct origin *origin_by_id(struct priv *p, const char *id);
void journal_forget(struct priv *p); /* frees what was replayed */
/* Replays every journal there is; later calls read only what is new. */
int journal_replay_all(struct priv *p, struct err *e);
/* Takes the lock (waits) and reads what is new. "journal_damaged". *ret_fd gives it up when closed.
 */
int origin_lock(struct priv *p, struct origin *o, int *ret_fd, struct err *e);

/* Appends one record; the lock must be held. -ENOSPC leaves the journal as it was. The memory
 * follows. note: the newly cosigned checkpoint (at a start: NULL when there is none). */
int journal_head(struct priv *p, struct origin *o, const char *note, int64_t now, struct err *e);
int journal_start(struct priv *p, struct origin *o, const char *note, const struct act_rec *a,
                  int64_t now, struct err *e);
/* `receipt` is the note; o->seq + 1 must be its seq. */
int journal_end(struct priv *p, struct origin *o, const struct hash *request,
                const struct hash *plan, const char *receipt, bool release, int64_t now,
                struct err *e);
int journal_ack(struct priv *p, struct origin *o, uint64_t upto, int64_t now, struct err *e);
/* Drops spent marks of acknowledged actions below `floor` and rewrites the file. */
int journal_prune(struct priv *p, struct origin *o, uint64_t floor, int64_t now, struct err *e);

/* Whether there is room for the records that follow a start (a reserve is kept for them). */
int journal_reserve(struct priv *p, struct err *e);

/* The newest action of that plan (NULL: any, but none of the node's own) and request. */
struct act_rec *journal_find(const struct origin *o, const struct hash *plan,
                             const struct hash *request);
size_t journal_open_receipts(const struct origin *o);
/* The text of an action's receipt. */
int journal_receipt(const struct priv *p, const struct origin *o, const struct act_rec *a,
                    struct buf *ret, struct err *e);
