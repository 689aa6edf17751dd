/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/join.h - invitations (formats.md 9). The secret stays with root; the front end
 * only carries the proof that somebody else knows it. */
#pragma once
#include <stdint.h>

#include "common/digest.h"
#include "common/enrol.h"
#include "common/lines.h"

struct buf;
struct err;
struct priv;

#define INVITE_S        600
#define INVITE_FAILURES 30

/* An invitation's file: invites/NAME. */
struct invitation {
    struct lines l; /* owns what the pointers point to, unless they were set by hand */
    const char *name, *rights;
    uint8_t secret[INVITE_SECRET];
    int64_t expires;
    uint32_t failures;
    const char *address[16]; /* host:port, up to a NULL */
};
void invitation_done(struct invitation *v); /* wipes the secret */
int invite_write(const struct priv *p, const struct invitation *v, struct err *e);
int invite_addresses(const struct invitation *v, struct buf *b); /* a line for each */

struct join_in {
    const char *name;
    uint8_t pub[32];
    struct hash spki;
    const char *vkey;
    uint8_t exporter[32];
    struct hash proof;
};

/* Until when an invitation is open; 0 = none is. Expired ones are removed. */
int64_t join_open_until(struct priv *p);
/* Stores the client. "join_refused" | "join_closed". ret_text is authenticated by ret_mac. */
int join_accept(struct priv *p, const struct join_in *in, struct buf *ret_text,
                struct hash *ret_mac, struct err *e);
