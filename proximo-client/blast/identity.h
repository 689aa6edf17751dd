/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/identity.h - what two guests of one network must not have in common. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/js.h"

struct identity {
    bool mac, ip, uuid;
};
/* Of two configurations (API form; NULL: nothing is known of it). new_macs: the first gets MAC
 * addresses and a UUID of its own. false: nothing in common. */
bool identity_shared(const js *a, const js *b, bool new_macs, struct identity *ret);
/* "MAC address, IP address" */
void identity_text(const struct identity *i, char *ret, size_t size);
/* Whether the configuration fixes any of it, so that somebody else can have it, too. */
bool identity_given(const js *cfg);
