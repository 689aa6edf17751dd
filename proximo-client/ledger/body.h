/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/body.h - bodies and running locks, for the other files of this folder. */
#pragma once
#include <stdbool.h>

#define BODY_NAME 80

struct buf;
struct err;
struct hash;
struct ledger;

/* Reads the body below a ledger directory and checks it against its hash. -ENOENT, -EBADMSG. */
int body_read(int dirfd, const struct hash *h, struct buf *ret, struct err *e);

/* Calls fn with the name below the directory of every body that is there. */
typedef int body_fn(void *ctx, const char *name);
int body_each(int dirfd, body_fn *fn, void *ctx);
/* Removes the lock files of operations that are over and that nobody holds. */
void running_sweep(struct ledger *l, bool (*is_over)(struct ledger *l, const char *op_id));
