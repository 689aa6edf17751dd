/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/backup_int.h - what the analysers around backups share. */
#pragma once
#include "proximo-client/blast/blast_int.h"
#include "proximo-client/blast/retention.h"

/* "vm/104", or "guest/104" of one that is not (or not to be seen) there. */
void owner_label(const struct picture *p, int64_t vmid, char *ret, size_t size);

/* Tells of marked archives of one storage what goes and what is left, guest by guest. */
struct pruning {
    const struct picture *p;
    struct draft *d;
    const char *storage, *via;
    int64_t now;
    struct tally t;
    unsigned int pruned; /* out: how many go */
};
void pruning_tell(struct pruning *r, struct archive *v, size_t n); /* sorts v by guest */

/* A backup job as it was and as it will be (backup.c). */
struct backups {
    const struct picture *p;
    struct draft *d;
    const char *id;           /* "" = new, or no job at all */
    const js *before, *after; /* NULL: there is none */
    bool is_once;             /* one backup now: no schedule is touched */
    int64_t now;
    char label[96];
    struct archives archives;
    struct tally t;
};
/* Whether a job that takes the guest can write where it is; else why not. Needs PIC_STORAGE; with
 * no storage seen it is taken to. */
bool job_saves(const struct picture *p, const js *job, const struct guest *g, char *ret_why,
               size_t size);
/* Whether the job, if it runs, takes the guest (pools need PIC_POOLS). */
bool job_includes(const struct picture *p, const js *job, const struct guest *g);
