/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/witness.h - this node as a C2SP witness of its clients' logs (facts/tlog.md 3.6),
 * and the heads that nodes show each other on the cluster file system (formats.md 5.3). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "common/checkpoint.h"

struct buf;
struct err;
struct origin;
struct priv;
struct vkey;

struct witness_in {
    const struct vkey *log;
    uint64_t old;
    const struct hash *proof;
    size_t n_proof;
    const char *checkpoint; /* note */
    size_t len;
};

/* Steps 3-6 of the protocol against the newest head, in their order. The origin's lock is held.
 * *ret_status: 403, 400, 409 ("witness_conflict", the size is o->size), 422; 0 is returned for
 * 200 only. */
int witness_check(const struct origin *o, const struct witness_in *in, struct checkpoint *ret,
                  unsigned int *ret_status, struct err *e);
/* Our signature line for the checkpoint, and the note as it is kept: text, the log's signatures,
 * ours. */
int witness_cosign(const struct priv *p, const struct witness_in *in, int64_t now, struct buf *line,
                   struct buf *note, struct err *e);
/* A whole add-checkpoint body. Persists before it answers; ret gets the HTTP body. */
int witness_post(struct priv *p, const char *body, size_t len, unsigned int *ret_status,
                 struct buf *ret, struct err *e);

/* Compares with what the other nodes published: "fork_suspected" for ever (both notes are kept
 * below fork/) when a peer has the same size with another root, or has had a larger head than
 * this checkpoint for a while. */
int heads_check(struct priv *p, const struct origin *o, const struct witness_in *in,
                const struct checkpoint *c, struct err *e);
/* Writes this node's heads for the others to see. */
int heads_publish(struct priv *p, struct err *e);
/* A peer's head of one log, its signature checked; borrowed for the call. */
struct head {
    const char *node, *note;
    int64_t mtime;
    struct checkpoint c;
};
/* Calls fn for each until it says other than 0, which is returned. */
typedef int head_fn(void *ctx, const struct head *h);
int heads_each(const struct priv *p, const struct vkey *log, head_fn *fn, void *ctx);
