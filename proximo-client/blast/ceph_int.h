/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/ceph_int.h - inside of the analysers of Ceph: the OSDs and pools as one node
 * sees them, and which storages and guests lie in a pool (ceph_model.c). */
#pragma once
#include "proximo-client/blast/blast_int.h"

struct osd {
    int64_t id;
    const char *host;
    bool up, in;
    bool goes;           /* with the change it is down (or out) */
    int64_t total, used; /* bytes; 0 = not known */
};

struct ceph {
    const struct picture *p;
    struct draft *d;
    struct tally tally;
    const char *node; /* whose view it is */
    struct osd *osd;
    size_t n_osd;
    bool *mark;  /* of each storage of the picture: it is meant */
    bool is_cut; /* every guest on Ceph was told to be unreachable: it is said once */
};

/* -ENOMEM. Everything is borrowed from the picture. */
int ceph_open(struct ceph *c);
void ceph_done(struct ceph *c);
/* "mon", "mgr", "mds", "pool", "fs": the node's list, NULL when not read. */
const js *ceph_list(const struct ceph *c, const char *what);
const char *pool_name(const js *pool);

void ceph_hit(struct ceph *c, const char *resource, const char *effect, enum risk severity,
              const char *via, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* Marks the storages of this cluster's own Ceph (a storage with a monhost is another's) that lie in
 * a pool; NULL: all of them. Returns how many. */
size_t ceph_mark(struct ceph *c, const char *pool);
/* The same: those of type cephfs. */
size_t ceph_mark_fs(struct ceph *c);
/* Guests with a volume on a marked storage; snapshots' and unused volumes, too, when all. */
void ceph_hit_guests(struct ceph *c, const char *effect, enum risk severity, bool only, bool all,
                     const char *why);
size_t ceph_guests(const struct ceph *c);
/* Hosts with OSDs that take data: all, those of which an OSD is down or goes, and those that keep
 * one that is up. */
struct hosts {
    uint32_t all, missing, left;
};
struct hosts ceph_hosts(const struct ceph *c);

/* --- ceph_pool.c --- */
void ceph_pool_create(struct ceph *c, const js *form);
void ceph_pool_update(struct ceph *c, const char *name, const js *form);
void ceph_pool_delete(struct ceph *c, const char *name, const js *form);
/* Every pool, when the OSDs that go are away (short: for a restart) or out. */
void ceph_pools_away(struct ceph *c, bool is_short);
void ceph_pools_out(struct ceph *c);
