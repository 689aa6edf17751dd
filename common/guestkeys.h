/* SPDX-License-Identifier: Apache-2.0 */
/* common/guestkeys.h - what a guest's configuration may hold: key, type, range, the privilege a
 * change needs. Knows nothing of files, storage or HTTP. Source: the API's own schema (9.1). */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/js.h"

struct guest_key {
    const char *name;   /* "net#": followed by a number */
    char type;          /* b boolean, i integer, n number, s string, m memory, d DNS name, e enum */
    int min, max;       /* of i and n; 0, 0: any */
    const char *priv;   /* of a change */
    bool pends;         /* needs a restart: waits in [PENDING] while the guest runs */
    const char *values; /* of e: "a, b, c" */
};

/* NULL: not a key of this type's configuration. */
const struct guest_key *guest_key(bool lxc, const char *name);
/* A key that names a volume ("rootfs", "mp0", "scsi1", "efidisk0" …). */
bool guest_key_is_volume(bool lxc, const char *name);
/* What is wrong with a value, in the words of the API; NULL when nothing is. `store` is room. */
const char *guest_value_bad(const struct guest_key *k, const char *value, char *store, size_t size);

/* The value as the API prints it: integers and booleans as numbers. New reference. */
js *guest_value_out(bool lxc, const char *key, const js *value);
