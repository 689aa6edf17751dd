/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/state.h - the simulated cluster as one JSON document, changed only through
 * paths, so that every change can be journalled, undone and replayed without knowing what it means.
 * Knows nothing of Proxmox. Durability: state_commit returns 0 only after the change is on disk. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/js.h"

struct err;

#define STATE_MAX    (256 * 1024 * 1024) /* a state file: 10,000 guests are about 20 MiB */
#define JOURNAL_MAX  (256 * 1024 * 1024) /* read at start; folded long before */
#define JOURNAL_FOLD (16 * 1024 * 1024)  /* folded into the state while running */
#define STATE_DEPTH  12                  /* members of a path */

struct state {
    js *root;
    char *file;  /* NULL: in memory only */
    int journal; /* descriptor, locked; -1 = none */
    uint64_t journal_len;
    js *ops;  /* of the open change, as they will stand in the journal */
    js *undo; /* [path, old value] newest last; a member "absent" marks a new key */
    void (*touched)(void *ctx, const js *ops); /* after a commit; may be NULL */
    void *touched_ctx;
};

/* Takes `root`. Not backed by a file until state_attach. */
void state_init(struct state *s, js *root);
void state_done(struct state *s); /* open change is dropped; nothing is folded */

/* Reads FILE and FILE.journal (made empty when absent), applies the journal, writes the result
 * back and empties the journal. A torn last line is an unacknowledged change and is dropped;
 * damage before it is -EBADMSG. When FILE does not exist, the document given to state_init
 * becomes its content. -EWOULDBLOCK when another process has the journal. */
int state_attach(struct state *s, const char *file, struct err *e);
/* Writes the document, empties the journal. */
int state_fold(struct state *s, struct err *e);

/* Borrowed; NULL when absent. The list of names ends with NULL. */
js *state_get(const struct state *s, ...) __attribute__((sentinel));

/* Part of the open change. Consumes value (NULL becomes JSON null). Missing objects on the way
 * are made. Errors are remembered and come back from state_commit. */
void state_set(struct state *s, js *value, ...) __attribute__((sentinel));
void state_del(struct state *s, ...) __attribute__((sentinel));

bool state_dirty(const struct state *s);
/* Writes one journal line and syncs it. On failure the change is undone and the error returned. */
int state_commit(struct state *s, struct err *e);
void state_rollback(struct state *s);

/* Applies a journal text to `root` (for tests and the fuzz target). *ret_used = bytes of whole
 * lines. -EBADMSG with the line number. */
int journal_apply(js **root, const char *text, size_t len, size_t *ret_used, struct err *e);
