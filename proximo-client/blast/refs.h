/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/refs.h - who refers to a volume. Pure, over the picture. */
#pragma once
#include "proximo-client/blast/blast_int.h"

struct ref {
    const struct guest *g;
    const struct guest_snap *snap; /* NULL: the present configuration */
    const struct volume *v;        /* the entry that refers to it */
    bool is_clone;                 /* not the volume itself, but a linked clone of it */
};
/* Calls f for each entry, present configuration before snapshots. name: after "storage:". */
void refs_each(const struct picture *p, const char *storage, const char *name,
               void (*f)(void *ctx, const struct ref *r), void *ctx);

/* The guest that a volume belongs to by its name ("vm-104-disk-0"); 0 when the name says none. */
uint32_t volume_owner(const char *name);
