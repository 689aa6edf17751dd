/* SPDX-License-Identifier: Apache-2.0 */
/* common/inventory.h - a cluster's files as one stream (docs/formats.md, "Inventory"):
 *
 *   proximo-inventory/v1
 *   node NAME                      whose view of the cluster file system it is
 *   file PATH LENGTH               and LENGTH bytes and a line feed
 *   unread PATH REASON             there, and could not be read; a folder's PATH ends with '/'
 *   again                          the tree changed while it was read: forget everything above
 *   fail REASON                    last line: there is none
 *   end FILES UNREAD sha256:HEX    last line: over all entries since the head or the last `again`
 *
 * Paths are on the list of common/pvepath.h and ascend. A stream without `end`, or with anything
 * behind it, is broken. This is the reading side: bytes in, files out, no I/O. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/pvepath.h"

#define INVENTORY_MAGIC "proximo-inventory/v1\n"
#define INVENTORY_TYPE  "application/vnd.pveagentd.inventory"
#define INVENTORY_AGAIN 3 /* times a reader begins anew before it gives up */

struct err;

struct inventory_ops {
    /* text is NUL-terminated behind len bytes and valid during the call. Negative stops. */
    int (*file)(void *ctx, const char *path, const char *text, size_t len);
    int (*unread)(void *ctx, const char *path, const char *why);
    int (*again)(void *ctx); /* drop what came so far */
};

struct inventory_rd {
    const struct inventory_ops *ops;
    void *ctx;
    struct sha256 *sum;
    struct hash digest; /* after the end */
    struct buf line;    /* of a line that is not whole yet, or of a file's bytes */
    char node[64];
    char path[PVEPATH_MAX]; /* of the last entry */
    size_t body;            /* bytes of a file (and its line feed) still to come */
    uint64_t total, files, unread;
    unsigned int n_again;
    unsigned int lines; /* of the head */
    bool in_body, ended;
};

int inventory_init(struct inventory_rd *r, const struct inventory_ops *ops, void *ctx,
                   struct err *e);
void inventory_done(struct inventory_rd *r);
/* Any cut of the stream. -EBADMSG, -E2BIG, or what an op returned; e says which line and why, with
 * the tag "inventory_invalid". */
int inventory_feed(struct inventory_rd *r, const void *data, size_t len, struct err *e);
/* After the last byte: was it whole? */
int inventory_end(const struct inventory_rd *r, struct err *e);
