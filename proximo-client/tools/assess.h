/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/assess.h - the analysers of blast/ as rows that are data call them
 * (send.h's assess_fn), and the two steps that each of them is made of. */
#pragma once
#include "proximo-client/tools/send.h"

struct picture;
struct picture_ask;
struct blast_request;

/* Reads the picture and makes what it depends on preconditions; own: the one guest it is about, or
 * 0. */
int assess_look(struct draft *d, const struct picture_ask *ask, uint32_t own, struct picture **ret,
                struct err *e);
/* The same outside of a plan: nothing becomes a precondition. */
int assess_peek(struct session *s, const struct picture_ask *ask, struct picture **ret,
                struct err *e);
/* What is sent, in the form analysers take it; borrowed from a. 0: nothing, or more than max. */
size_t assess_requests(const struct assess *a, struct blast_request *ret, size_t max);
/* -ENOENT of an analyser is a finding that it has put into the draft, not a failure to plan. */
int assess_verdict(int r, struct err *e);

/* Users, groups, roles, tokens, ACL entries, pools: who gains, who loses, who is locked out. */
int assess_access(struct draft *d, const struct assess *a, struct err *e);
int assess_volume_delete(struct draft *d, const struct assess *a, struct err *e);
/* A cluster-wide name for a device or directory: which guests name it. */
int assess_mapping(struct draft *d, const struct assess *a, struct err *e);
/* A node's service is started, stopped, restarted or reloaded. */
int assess_node_service(struct draft *d, const struct assess *a, struct err *e);
/* A node reboots or shuts down. */
int assess_node_power(struct draft *d, const struct assess *a, struct err *e);
/* A disk is written over; what was made of disks is destroyed. */
int assess_node_disk(struct draft *d, const struct assess *a, struct err *e);
/* startall, stopall, suspendall; and migrateall. */
/* Ceph's OSDs, daemons, pools and flags. */
int assess_ceph(struct draft *d, const struct assess *a, struct err *e);
int assess_node_guests(struct draft *d, const struct assess *a, struct err *e);
int assess_node_migrate(struct draft *d, const struct assess *a, struct err *e);
int assess_prune(struct draft *d, const struct assess *a, struct err *e);
/* assess_ha.c: what the HA manager will do next. */
int assess_ha(struct draft *d, const struct assess *a, struct err *e);
/* Replication jobs: what is copied, what is left out, what a job that goes takes away. */
int assess_replication(struct draft *d, const struct assess *a, struct err *e);
/* Pools: access, and the backup jobs that hang on them. */
int assess_pool(struct draft *d, const struct assess *a, struct err *e);
/* Realms: who logs in by it, what a setting exposes, what a sync may take away. */
int assess_realm(struct draft *d, const struct assess *a, struct err *e);
/* Jobs that sync a realm. */
int assess_realm_job(struct draft *d, const struct assess *a, struct err *e);

/* --- guests and their disks (assess_guests.c) --- */
int assess_destroy(struct draft *d, const struct assess *a, struct err *e);
int assess_migrate(struct draft *d, const struct assess *a, struct err *e);
int assess_disk_move(struct draft *d, const struct assess *a, struct err *e);
int assess_disk_resize(struct draft *d, const struct assess *a, struct err *e);
/* Disks taken out of a VM, and the volumes that go with it. */
int assess_disk_unlink(struct draft *d, const struct assess *a, struct err *e);
int assess_create(struct draft *d, const struct assess *a, struct err *e);
int assess_clone(struct draft *d, const struct assess *a, struct err *e);
int assess_template(struct draft *d, const struct assess *a, struct err *e);

/* --- backups (assess_backups.c) --- */
int assess_backup_job(struct draft *d, const struct assess *a, struct err *e);
int assess_backup_now(struct draft *d, const struct assess *a, struct err *e);
int assess_restore(struct draft *d, const struct assess *a, struct err *e);
