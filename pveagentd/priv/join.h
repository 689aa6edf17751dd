/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/join.h - invitations (formats.md 9). The secret stays with root; the front end
 * only carries the proof that somebody else knows it. */
#pragma once
#include <stdint.h>

#include "common/digest.h"

struct buf;
struct err;
struct priv;

#define INVITE_S        600
#define INVITE_FAILURES 30

struct join_in {
    const char *name;
    uint8_t pub[32];
    struct hash spki;
    const char *vkey;
    uint8_t exporter[32];
    struct hash proof;
};

/* Makes the invitation and writes the line to hand over. addresses: host:port, n of them. */
int join_invite(struct priv *p, const char *name, const char *rights, const char *const *addresses,
                size_t n, const struct hash *tls_spki, struct buf *ret_line, struct err *e);
/* Until when an invitation is open; 0 = none is. Expired ones are removed. */
int64_t join_open_until(struct priv *p);
/* Stores the client. "join_refused" | "join_closed". ret_text is authenticated by ret_mac. */
int join_accept(struct priv *p, const struct join_in *in, struct buf *ret_text,
                struct hash *ret_mac, struct err *e);
/* SHA-256 of the DER SubjectPublicKeyInfo of a raw Ed25519 key. */
void spki_of_ed25519(const uint8_t pub[static 32], struct hash *ret);
