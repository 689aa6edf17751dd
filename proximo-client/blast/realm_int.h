/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/realm_int.h - inside of the analyser of realms: who logs in by one
 * (realm.c), and what a sync brings and takes away (realm_sync.c). */
#pragma once
#include "proximo-client/blast/after.h"
#include "proximo-client/blast/blast_int.h"

struct people {
    size_t users, admins, other_admins;
    char names[160];
};

struct realm {
    const struct picture *p;
    struct draft *d;
    struct tally tally;
    char id[AFTER_ID];
    char resource[AFTER_ID + 8];
    struct people who;
    const char *own;
    const js *world; /* access_world()'s, NULL when not read */
    int64_t now;
};

/* Its names, and who logs in by it. world is lent while r lives. */
void realm_open(struct realm *r, const char *id, const js *world);
void realm_hit(struct realm *r, const char *effect, enum risk severity, const char *via,
               const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Whether "a@ld" is of realm "ld". */
bool realm_has_user(const char *realm, const char *userid);
/* Raises the risk when all of them but root@pam log in by it. */
void realm_last_administrators(const struct realm *r);

/* --- realm_sync.c --- */
/* A sync now, of a realm with these settings. */
void realm_sync(struct realm *r, const js *settings, const js *form);
/* Other defaults for syncs to come. b NULL: a new realm. */
void realm_sync_defaults(struct realm *r, const js *b, const js *a);
