/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/guestconf.h - a guest's file format, as PVE writes it.
 * A guest is an object {type: "lxc"|"qemu", config: {}, snapshots: {name: {}}, pending: {}}; values
 * are strings as they stand in the file. Knows nothing of storage, tasks or HTTP. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/guestkeys.h"
#include "common/js.h"

struct buf;
struct err;

/* PVE's own text: description as # lines, keys sorted, [PENDING], then the snapshots sorted. */
int guest_file_write(const js *guest, struct buf *ret);
/* Reads a file. Lines it cannot read are refused with their number (the real parser skips them
 * with a warning; a simulator that dropped them would lose what it was given). *ret: an object
 * with config, snapshots and pending. */
int guest_file_read(bool lxc, const char *text, size_t len, js **ret, struct err *e);

/* A description as # lines; control and non-ASCII characters, '%' and ':' are percent-encoded. */
int conf_comment(struct buf *b, const char *text);
/* SHA-1 in hex over text. */
void sha1_hex(const void *data, size_t len, char ret[static 41]);
/* "10G" in bytes; 0 when it is none. */
long long size_bytes(const char *text);
/* The value of option `name` in "volume,name=value,…"; "" when absent. The volume itself: "". */
int option_get(const char *value, const char *name, char *ret, size_t size);
