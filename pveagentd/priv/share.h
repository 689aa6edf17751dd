/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/share.h - what nodes of one cluster share (formats.md 9), all of it below the
 * cluster file system and only when root wrote it: roster entries (pveagentd/roster/NODE),
 * enrolled clients (priv/pveagentd/clients/NAME), revocations (pveagentd/revoked/SPKI). */
#pragma once
#include "common/roster.h"

struct buf;
struct client;
struct err;
struct priv;

#define CLIENTS_DIR "priv/pveagentd/clients"

/* pveagentctl changes what the resident only keeps up to date. Under the lock: signs what is new
 * (always a greater serial when is_new), keeps it here, then shows it; the node's keys are its own,
 * whatever r says. */
int roster_lock(const struct priv *p, int *ret, struct err *e);
int roster_put(struct priv *p, struct roster_entry *r, bool is_new, struct err *e);
/* The newest entry of this node's own; -ENOENT when nothing was announced. */
int roster_own(const struct priv *p, struct roster_entry *ret, struct err *e);
/* Brings the shared entry up to date with keys and revocations, and puts right what another wrote
 * in this node's name. Nothing announced: nothing to do. */
int roster_refresh(struct priv *p, struct err *e);
/* The entries of all nodes, this one's too: root's, sound, and under the name that they say. */
typedef int roster_fn(void *ctx, const struct roster_entry *r, const char *note);
int roster_each(const struct priv *p, roster_fn *fn, void *ctx);
/* The answer to a client: MSG_ROSTER_ANSWER. */
int roster_answer(struct priv *p, struct buf *ret, struct err *e);

/* Stores the client here and shows it to the other nodes; that these could not be told is logged,
 * and tried again. */
int share_keep(const struct priv *p, const struct client *c, struct err *e);
/* Takes over clients that other nodes enrolled. How many are new here, or have another key. */
int share_import(const struct priv *p);
/* The client's next TLS key, by the word of its log's key: both keys are good until the next one is
 * used. "rotate_refused" */
int share_rotate(const struct priv *p, struct client *c, const char *note, size_t len,
                 struct err *e);
/* Ends what the client still runs; returns how many. */
size_t client_end_running(struct priv *p, const struct client *c);
/* import, revoke, refresh: at every look of the front end, and once a minute without it */
void share_chores(struct priv *p);
