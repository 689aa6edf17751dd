/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/destroy_int.h - inside of the analyser of a guest's end. */
#pragma once
#include "proximo-client/blast/backup_int.h"
#include "proximo-client/blast/refs.h"

struct ending {
    const struct picture *p;
    const struct guest *g;
    struct draft *d;
    bool purge, unreferenced, force;
    const char *backup; /* the storage that a backup goes to first; NULL: none is made */
    int64_t now;
    struct archives archives;
    struct tally t;
};
void ending_hit(struct ending *e, const char *effect, enum risk severity, const char *via,
                const char *why);
/* What else names the guest: HA, replication, jobs, pool, grants; volumes nobody names. */
void ending_refs(struct ending *e);
