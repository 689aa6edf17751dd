/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/newcomer.h - what making and copying guests share: a guest that is not there
 * yet, what its number and pool bring with them, whether its volumes and its configuration suit the
 * node. Inside of the analysers. */
#pragma once
#include "proximo-client/blast/migrate_int.h"

struct newcomer {
    const struct picture *p;
    struct draft *d;
    struct guest g;     /* kind, vmid, node, resource; cfg as far as it is known */
    const char *pool;   /* or NULL */
    struct rooms rooms; /* what its volumes take so far */
    struct tally t;
};
void newcomer_init(struct newcomer *n, const struct picture *p, struct draft *d, const char *kind,
                   int64_t vmid, const char *node);
void newcomer_done(struct newcomer *n); /* also counts the effects into the risk */
void newcomer_hit(struct newcomer *n, const char *effect, enum risk severity, const char *via,
                  const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void newcomer_refused(struct newcomer *n, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The number is free; whose grants and which jobs wait for it. */
void newcomer_number(struct newcomer *n);
/* One more volume of `bytes` (-1: not known, 0: nothing is written) on a storage. */
void newcomer_volume(struct newcomer *n, const char *key, const char *storage, const char *content,
                     int64_t bytes);
/* The node's bridges, processor and memory; ways from the guest to its host. */
void newcomer_host(struct newcomer *n, bool starts);
