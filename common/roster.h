/* SPDX-License-Identifier: Apache-2.0 */
/* common/roster.h - what a node says of itself to its cluster and to clients (formats.md 9): where
 * it is and which keys are its own. A note that the receipt key in it has signed, so nobody else
 * can speak in its name without another key being seen.
 *
 *   proximo-node/v1
 *   node <name>
 *   serial <n>            greater at each change: an older one is a replay
 *   address <host:port> * at least one
 *   tls <sha256>          SPKI of the daemon's TLS key
 *   tls-next <sha256>     the one it will have next; left out when none is announced
 *   witness-key <vkey>
 *   receipt-key <vkey>
 *   former <note> *       successions, the oldest first
 *   revoked <64 hex> *    client keys that it has refused since less than a day
 *
 * A succession is a note that a receipt key signs for the one after it:
 *
 *   proximo-succession/v1
 *   node <name>
 *   was <vkey>
 *   is <vkey> */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/lines.h"
#include "common/note.h"

struct buf;
struct err;

#define ROSTER_ADDRESSES 8
#define ROSTER_FORMER    8  /* keys that a client may have missed */
#define ROSTER_REVOKED   32 /* a day of them */

struct roster_entry {
    struct lines l; /* owns the strings of a parsed entry */
    const char *node;
    uint64_t serial;
    const char *address[ROSTER_ADDRESSES];
    size_t n_addresses;
    struct hash tls, tls_next;
    bool has_tls_next;
    struct vkey witness, receipt;
    const char *former[ROSTER_FORMER];
    size_t n_former;
    struct hash revoked[ROSTER_REVOKED];
    size_t n_revoked;
};

/* The text without a signature. -EBADMSG. */
int roster_entry_parse(const char *text, size_t len, struct roster_entry *ret, struct err *e);
int roster_entry_text(const struct roster_entry *r, struct buf *ret, struct err *e);
void roster_entry_done(struct roster_entry *r); /* for CLEANUP(roster_entry_done) */
/* A whole note: what it says, when the receipt key that it names has signed it. -EBADMSG. */
int roster_entry_open(const char *note, size_t len, struct roster_entry *ret, struct err *e);

/* The note by which `was` names the key after it. */
int roster_succession(const char *node, const struct skey *was, const struct vkey *is,
                      struct buf *ret, struct err *e);
/* The keys that `known` handed over to, one after the other up to the entry's receipt key, into
 * ret (at most ROSTER_FORMER, may be none: it is the same). Their count; -ENOENT: nothing that
 * `known` signed leads there. */
int roster_leads(const struct roster_entry *r, const struct vkey *known,
                 struct vkey ret[static ROSTER_FORMER]);

/* The answer to a client, a note by the asked node's receipt key: which entries belong to it.
 *
 *   proximo-roster/v1
 *   node <name>
 *   entry <sha256 of a note's bytes> * */
int roster_answer_text(const char *node, const struct hash *entry, size_t n, struct buf *ret);
/* 0 when `key` signed it and it says that it is of `node`; ret holds at most LIM_NODES. */
int roster_answer_open(const char *note, size_t len, const char *node, const struct vkey *key,
                       struct hash *ret, size_t *ret_n, struct err *e);

/* A client's word on its next TLS key, a note by its log's key:
 *
 *   proximo-client-key/v1
 *   client <name>
 *   log <origin>
 *   time <unix>           greater each time
 *   spki <sha256> */
struct client_key {
    char client[64];
    char log[NOTE_NAME_MAX + 1];
    int64_t time;
    struct hash spki;
};
int client_key_text(const struct client_key *k, struct buf *ret, struct err *e);
int client_key_open(const char *note, size_t len, const struct vkey *log, struct client_key *ret,
                    struct err *e);
