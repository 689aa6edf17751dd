/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/storage_int.h - inside of the storage analyser. */
#pragma once
#include "proximo-client/blast/backup_int.h"

struct loss {
    const struct picture *p;
    struct draft *d;
    const struct store *store;
    bool all; /* deleted or disabled: lost everywhere */
    struct tally tally;
    struct archives archives;
    const struct part *unseen; /* archives that were not read */
    const struct part *blind;  /* the same, once a verdict asks for them */
    const char *nodes;         /* else: the only nodes that keep it, "" = no restriction */
};
/* Available on that node before and not after. */
bool is_lost_at(const struct loss *l, const char *node);
void copies_find(struct loss *l);
/* A storage that keeps an archive of the guest and stays; NULL when none is seen. */
const char *other_backup(struct loss *l, const struct guest *g);
/* Backup jobs, backups, replication, volumes that no configuration names. */
void storage_refs(struct loss *l);
/* Other storages, saved memory, buffers of backups. */
/* Of a deletion: PVE keeps one that another one's volume group lies on. */
void storage_base(struct loss *l);
void storage_deps(struct loss *l);
/* Settings that leave it in place: content, shared, where and how it is reached. */
void storage_settings(struct loss *l, const js *set, const js *del);
/* The path is top or below it; a top of "" or "/" has nothing below. */
bool path_is_below(const char *path, const char *top);
