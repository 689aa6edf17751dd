/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/pbs.h - what a change does to the backups on a backup server. Pure: `view`
 * is what was read, {store, utc, spaces: [{ns, snapshots}], prune, sync}; spaces are the namespaces
 * in question, snapshots as the API lists them, prune and sync the jobs (absent: not read; the
 * caller has told so). Rules are those of proxmox-backup 3.2's public source: a protected snapshot
 * stays and counts for no rule, an unfinished one is kept only while nothing newer is there. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"

struct draft;

/* Which snapshots are meant: all of the view's, or of one group ("vm/104"), or one of its times. */
struct pbs_which {
    const char *group;
    int64_t time; /* 0: all */
};

/* rules: an object with keep-last … keep-yearly; without one everything stays. now: Unix seconds.
 */
int blast_pbs_prune(const js *view, const js *rules, const char *group, int64_t now,
                    struct draft *d);
/* They are deleted. whole: with a datastore or namespace, which is told by the caller. */
int blast_pbs_delete(const js *view, const struct pbs_which *which, int64_t now, struct draft *d);
/* Requests to /access/users…, …/token/… and /access/acl, in order. world: {roles, users (with their
 * tokens), acl} as the API lists them; own: our own token's name. */
struct blast_request;
int blast_pbs_access(const js *world, const struct blast_request *req, size_t n, const char *own,
                     int64_t now, struct draft *d);
/* A remote that sync jobs pull from is made, changed (after), or goes (after NULL). jobs: the sync
 * jobs as the API lists them. */
int blast_pbs_remote(const js *jobs, const char *remote, const js *before, const js *after,
                     struct draft *d);
/* A job of a kind ("prune", "verify", "sync") changes; NULL = it is not there before or after. Of a
 * prune job the view holds the namespaces that it has afterwards. */
int blast_pbs_job(const js *view, const char *kind, const js *before, const js *after, int64_t now,
                  struct draft *d);
