/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/ledger.h - the append-only log of one client and cluster (formats.md 4).
 * Knows entries and trees; does not know plans' contents, the API or nodes.
 * Several processes may have one log open; every append takes the lock and catches up first. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/checkpoint.h"
#include "common/entry.h"
#include "common/merkle.h"
#include "common/note.h"

struct buf;
struct err;
struct ledger;

/* Makes DIR (0700) with a new log key (or the given seed), origin proximo/<cluster>/<16 hex>, and
 * the genesis entry. -EEXIST when there is one already. `policy`: digest of the client's policy. */
int ledger_create(const char *dir, const char *cluster, const struct hash *policy, struct err *e);

/* Opens, checks the stored checkpoint against the tree and recovers what lies past it. A log that
 * contradicts its checkpoint opens as *damaged*: reads go on, every append is refused with
 * "ledger_damaged". Takes no lock for longer than the recovery needs. */
int ledger_open(const char *dir, struct ledger **ret, struct err *e);
void ledger_close(struct ledger *l);
static inline void ledger_closep(struct ledger **l) {
    ledger_close(*l);
    *l = NULL;
}
const char *ledger_damage(const struct ledger *l); /* NULL when sound */
bool ledger_has_key(const struct ledger *l);
const char *ledger_dir(const struct ledger *l);
const char *ledger_origin(const struct ledger *l);
const struct vkey *ledger_vkey(const struct ledger *l);
/* Appends the text as a note by the log's key. The text must open with a format of its own: nobody
 * may take it for a checkpoint, whose first line is the origin. */
int ledger_sign(struct ledger *l, const char *text, size_t len, struct buf *ret, struct err *e);
uint64_t ledger_size(struct ledger *l); /* after catching up with other processes */

struct ledger_pos {
    uint64_t index;
    struct hash leaf;
};

enum ledger_flags {
    LEDGER_SYNC = 1,    /* on disk and covered by a durable signed checkpoint before it returns */
    LEDGER_RESERVE = 2, /* may use the reserve on a full disk (outcomes, receipts, refusals) */
};

/* Called under the lock, after catching up; a negative return refuses the append. It may call the
 * reading functions below, and append what has to stand right before. */
typedef int ledger_guard_fn(struct ledger *l, void *ctx, struct err *e);

/* Called before this process signs anything, without the lock: a ledger that was put back from an
 * older copy must be found out before it signs a second history. Negative: nothing is signed. What
 * ends an operation of this process is appended without asking once more. */
typedef int ledger_ask_fn(struct ledger *l, void *ctx, struct err *e);
void ledger_before_signing(struct ledger *l, ledger_ask_fn *fn, void *ctx);

/* Appends one entry. Errors: "ledger_busy" (10 s; names the holder's pid), "ledger_space",
 * "ledger_damaged", or a failed write, which closes the log in this process ("ledger_failed"). */
int ledger_append(struct ledger *l, const void *entry, size_t len, unsigned int flags,
                  ledger_guard_fn *guard, void *ctx, struct ledger_pos *ret, struct err *e);

/* Newest durable signed checkpoint: the whole note with collected cosignatures. */
int ledger_checkpoint(struct ledger *l, struct buf *ret_note, struct checkpoint *ret,
                      struct err *e);
/* Takes cosignature lines (each with its newline; the caller has checked whose they are) over
 * `note`, a checkpoint that this log signed: beside the stored one while it still is that, and for
 * good as what these keys said last (witnessed.h). -EBADMSG: not signature lines. */
int ledger_cosignature(struct ledger *l, const char *note, size_t len, const char *lines,
                       struct err *e);

int ledger_read(struct ledger *l, uint64_t index, struct buf *ret, struct err *e);
int ledger_leaf(struct ledger *l, uint64_t index, struct hash *ret, struct err *e);
int ledger_inclusion(struct ledger *l, uint64_t index, uint64_t size, struct proof *ret,
                     struct err *e);
int ledger_consistency(struct ledger *l, uint64_t old, uint64_t size, struct proof *ret,
                       struct err *e);
int ledger_root(struct ledger *l, uint64_t size, struct hash *ret, struct err *e);

/* Content-addressed bodies: durable before it returns, private, compressed. */
int ledger_body_put(struct ledger *l, const void *data, size_t len, struct hash *ret,
                    struct err *e);
/* Checked against the hash. -ENOENT. */
int ledger_body_get(struct ledger *l, const struct hash *h, struct buf *ret, struct err *e);

/* Lookups through the derived index (rebuilt when missing or behind; every hit is checked against
 * the entry itself). -ENOENT when there is none. */
int ledger_find_plan(struct ledger *l, const char *plan_id, uint64_t *ret_index, struct err *e);
int ledger_find_op(struct ledger *l, const char *op_id, uint64_t *ret_index, struct err *e);

/* What the log says of one plan. Indexes are UINT64_MAX when absent. */
struct ledger_plan {
    uint64_t plan, intent, outcome;
    uint64_t approval; /* newest */
    struct hash intent_leaf;
};
int ledger_plan_state(struct ledger *l, const struct hash *plan, struct ledger_plan *ret,
                      struct err *e);

/* Digest of the client's policy that was recorded last, and the entry that says so: a policy entry,
 * or the genesis (0). */
int ledger_policy(struct ledger *l, struct hash *ret, uint64_t *ret_index, struct err *e);

/* Calls fn for each entry from `from` on until it returns non-zero (which is returned). */
typedef int ledger_each_fn(void *ctx, uint64_t index, const struct entry *en, const char *bytes,
                           size_t len);
int ledger_each(struct ledger *l, uint64_t from, ledger_each_fn *fn, void *ctx, struct err *e);
int ledger_each_back(struct ledger *l, uint64_t from, ledger_each_fn *fn, void *ctx,
                     struct err *e); /* from `from` (UINT64_MAX = newest) down to 0 */

/* The executing process holds running/<op_id> until the outcome is written. -EBUSY when another
 * process holds it. The descriptor is the lock: closing it (also by dying) lets go. */
int ledger_running_take(struct ledger *l, const char *op_id, int *ret_fd, struct err *e);

/* Intents without an outcome, oldest first; `held` tells whether a live process is executing it. */
typedef int ledger_open_fn(void *ctx, uint64_t index, const struct entry *intent,
                           const struct hash *leaf, bool held);
int ledger_open_intents(struct ledger *l, ledger_open_fn *fn, void *ctx, struct err *e);

/* 0600 files under secrets/<plan_id>. */
int ledger_secret_put(struct ledger *l, const char *plan_id, const void *data, size_t len,
                      struct err *e);
int ledger_secret_get(struct ledger *l, const char *plan_id, struct buf *ret, struct err *e);
int ledger_secret_drop(struct ledger *l, const char *plan_id);
/* Each of them, with the time of its writing (Unix seconds); fn may drop it. */
typedef void ledger_secret_fn(void *ctx, const char *plan_id, int64_t written);
void ledger_secret_each(struct ledger *l, ledger_secret_fn *fn, void *ctx);
/* Whether a live process executes that operation. */
bool ledger_running_held(struct ledger *l, const char *op_id);
