/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/disk_int.h - inside of the analysers of one disk. */
#pragma once
#include "proximo-client/blast/config_int.h"

struct disk {
    const struct picture *p;
    const struct guest *g;
    const struct volume *v;   /* the entry it is about */
    const struct store *from; /* its storage */
    const char *value;        /* the entry's text */
    int64_t size;             /* bytes, -1 = the entry does not say */
    bool is_ct;
    struct draft *d;
    struct tally t;
    unsigned int refused;
};
/* Finds the entry `key`. false: there is none that could be moved or resized, and that was said. */
bool disk_find(struct disk *k, uint32_t vmid, const char *key);
void disk_hit(struct disk *k, const char *effect, enum risk severity, const char *via,
              const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* PVE says no, or its task fails: "will be refused: …". */
void disk_refused(struct disk *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* `bytes` more on a storage at the guest's node: room left, and of a thin pool its metadata.
 * allocates: the storage has to have all of it at once. */
void disk_room(struct disk *k, const struct store *to, int64_t bytes, bool allocates);
/* Whether the storage sets a volume's whole size aside when it is made. ZFS reserves a VM's disk; a
 * container's volume is a file system with a limit (refquota). */
bool store_allocates(const struct store *s, bool is_ct);
