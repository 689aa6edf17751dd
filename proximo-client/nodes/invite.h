/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/nodes/invite.h - the invitation line that root on a node printed:
 * "proximo1." and the base64url of a text in the line grammar. Holds a secret. */
#pragma once
#include <stdint.h>

#include "common/digest.h"
#include "common/enrol.h"
#include "common/lines.h"

struct err;

struct invite {
    struct lines l; /* owns the strings */
    const char *node;
    size_t n_addresses;
    struct hash tls; /* SPKI of the node's TLS key */
    uint8_t secret[INVITE_SECRET];
    int64_t expires;
};

/* "invitation_bad"; blanks around the line are allowed. */
int invite_parse(const char *line, struct invite *ret, struct err *e);
const char *invite_address(const struct invite *v, size_t i);
void invite_done(struct invite *v); /* wipes the secret */
