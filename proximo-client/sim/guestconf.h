/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/guestconf.h - what a guest's configuration may hold, and its file format.
 * A guest is an object {type: "lxc"|"qemu", config: {}, snapshots: {name: {}}, pending: {}}; values
 * are strings as they stand in the file. Knows nothing of storage, tasks or HTTP. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/js.h"

struct buf;
struct err;

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

/* PVE's own text: description as # lines, keys sorted, [PENDING], then the snapshots sorted. */
int guest_file_write(const js *guest, struct buf *ret);
/* Reads a file. Lines it cannot read are refused with their number (the real parser skips them
 * with a warning; a simulator that dropped them would lose what it was given). *ret: an object
 * with config, snapshots and pending. */
int guest_file_read(bool lxc, const char *text, size_t len, js **ret, struct err *e);

/* SHA-1 in hex over text. */
void sha1_hex(const void *data, size_t len, char ret[static 41]);
/* "10G" in bytes; 0 when it is none. */
long long size_bytes(const char *text);
/* The value of option `name` in "volume,name=value,…"; "" when absent. The volume itself: "". */
int option_get(const char *value, const char *name, char *ret, size_t size);
