/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/blast.h - the analysers: pure functions over a picture. Each puts into the
 * draft what is hit (draft_affect), how risky that is (draft_risk), and everything that matters and
 * was not read (draft_unread). They read nothing themselves. 0, or -ENOENT when what the change is
 * about is not in the picture (the draft then says so too). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"

struct draft;
struct picture;

/* What is sent, in API terms; form NULL = empty. */
struct blast_request {
    const char *method, *path;
    const js *form;
};

/* What each needs in its picture (struct picture_ask). */
#define BLAST_STORAGE_NEEDS  0xffu  /* everything; .storage = the storage */
#define BLAST_POWER_NEEDS    0x23u  /* PIC_STORAGE | PIC_CONFIGS | PIC_HA; every guest */
#define BLAST_CONFIG_NEEDS   0x02u  /* PIC_CONFIGS; .vmid = the guest */
#define BLAST_ACCESS_NEEDS   0x100u /* PIC_ACCESS */
#define BLAST_ROLLBACK_NEEDS 0x07u  /* PIC_STORAGE | PIC_CONFIGS | PIC_SNAPSHOTS; .vmid */

/* A storage definition goes (gone) or changes: set {disable, nodes, content …} and del (array of
 * keys, or one comma-separated string; may be NULL). */
int blast_storage(const struct picture *p, const char *storage, const js *set, const js *del,
                  bool gone, struct draft *d);
/* The same change: backups that go because fewer are kept (prune-backups). now: Unix seconds. */
int blast_storage_keep(const struct picture *p, const char *storage, const js *set, const js *del,
                       int64_t now, struct draft *d);
/* A storage is defined (def: the whole form). What it points at, and who has that already. */
#define BLAST_STORAGE_CREATE_NEEDS 0x01u /* PIC_STORAGE */
int blast_storage_create(const struct picture *p, const js *def, struct draft *d);
/* action: start stop shutdown reboot (also reset suspend resume). */
int blast_power(const struct picture *p, uint32_t vmid, const char *action, struct draft *d);
/* set {key: new value}, del as above. */
int blast_config(const struct picture *p, uint32_t vmid, const js *set, const js *del,
                 struct draft *d);
/* now: Unix seconds, for the snapshot's age. */
int blast_rollback(const struct picture *p, uint32_t vmid, const char *snapname, int64_t now,
                   struct draft *d);
/* A request to the access plane or to a pool (BLAST_ACCESS_NEEDS), as it will be sent: "PUT",
 * "/access/acl", form. own: the user or token that the client itself uses, or NULL. now: Unix
 * seconds, for what is expired. */
int blast_access(const struct picture *p, const char *method, const char *path, const js *form,
                 const char *own, int64_t now, struct draft *d);
/* The same for several requests of one plan, in order. */
int blast_access_all(const struct picture *p, const struct blast_request *req, size_t n,
                     const char *own, int64_t now, struct draft *d);
/* Requests to /pools: access, and the backup jobs that take whoever is in a pool. */
#define BLAST_POOL_NEEDS 0x109u /* PIC_ACCESS | PIC_BACKUP | PIC_STORAGE */
int blast_pool(const struct picture *p, const struct blast_request *req, size_t n, const char *own,
               int64_t now, struct draft *d);
/* ACL entries that name what is not there any more: a user, group, token or role, or the guest,
 * storage, pool, node or realm of their path. New array of the API's entries with `why`. What could
 * not be judged, because a list was not read whole, is left out and told as unread (d may be NULL).
 */
#define BLAST_DANGLING_NEEDS 0x101u /* PIC_ACCESS | PIC_STORAGE */
js *blast_access_dangling(const struct picture *p, struct draft *d);
/* The access entries on a storage's path and the pools it is in, which go with its definition
 * (BLAST_ACCESS_NEEDS): appended to the two arrays, of the API's entries and of ids. false: a list
 * that decides was not read (blast_access_all tells which). */
bool blast_storage_grants(const struct picture *p, const char *storage, js *ret_acl, js *ret_pools);
/* A realm is made, changed, deleted or synced; before: its settings, NULL when there is none yet.
 * BLAST_ACCESS_NEEDS; own and now as above. */
int blast_realm(const struct picture *p, const js *before, const struct blast_request *q,
                const char *own, int64_t now, struct draft *d);
/* A job that syncs a realm is made (before NULL) or changed: its settings before and after.
 * settings: the realm's, NULL when they could not be read. BLAST_ACCESS_NEEDS; own and now as
 * above. */
int blast_realm_job(const struct picture *p, const js *settings, const js *before, const js *after,
                    const char *own, int64_t now, struct draft *d);
/* explain: a node daemon's answer (nodes.h). p may be NULL (only the guest's name is taken). */
int blast_exec(const struct picture *p, uint32_t vmid, const js *explain, struct draft *d);

/* A call to the guest agent of a VM that runs: exec file-write set-user-password fsfreeze-freeze
 * fsfreeze-thaw fstrim. */
int blast_agent(uint32_t vmid, const char *name, const char *node, const char *call,
                struct draft *d);

/* ---- guests and backups. `form` is the request's form (API names; NULL = empty), `now` Unix
 * seconds. What each needs in its picture stands with it; .vmid = 0 there: every guest counts. ----
 */

/* A prune of one storage (form: prune-backups, vmid, type) as asked at `node`. */
#define BLAST_PRUNE_NEEDS 0xc1u /* PIC_STORAGE | PIC_CONTENT | PIC_BACKUPS; .storage */
int blast_prune(const struct picture *p, const char *storage, const char *node, const js *form,
                int64_t now, struct draft *d);
/* A volume, an ISO, a template, a snippet or a backup ("storage:name") is deleted at `node`. */
#define BLAST_VOLUME_NEEDS 0xd7u /* all but PIC_BACKUP and PIC_HA; .storage = the volume's */
int blast_volume_delete(const struct picture *p, const char *volid, const char *node, int64_t now,
                        struct draft *d);
/* A guest is destroyed (form: purge, destroy-unreferenced-disks, force; backup: the storage that
 * one is made on first, which is ours to say and not sent). Every guest's configuration counts
 * (linked clones, shared volumes). .owner = the guest */
#define BLAST_DESTROY_NEEDS                                                                        \
    (0xbfu | PIC_POOLS | PIC_OWNED | PIC_ACL) /* all of the first eight but PIC_CONTENT */
int blast_destroy(const struct picture *p, uint32_t vmid, const js *form, int64_t now,
                  struct draft *d);
/* One guest moves to `target` (form: online, restart, with-local-disks, targetstorage,
 * target-storage, force). .vmid = the guest, 0 for a template (its linked clones are other
 * guests'); .nodes = "SOURCE,TARGET". */
#define BLAST_MIGRATE_NEEDS                                                                        \
    (0x37u | PIC_STATUS | PIC_SPACE | PIC_BRIDGES |                                                \
     PIC_MAPPINGS) /* PIC_STORAGE | _CONFIGS | _SNAPSHOTS | _REPLICATION | _HA and these */
int blast_migrate(const struct picture *p, uint32_t vmid, const char *target, const js *form,
                  struct draft *d);
/* Many: {"104": "c2", …}; they share what room there is. .vmid = 0, .nodes = all nodes involved. */
int blast_migrate_many(const struct picture *p, const js *moves, const js *form, struct draft *d);
/* Where each guest of `node` could go: the node of `targets` (["c2"]; NULL: every other one that is
 * up) with the least against it, then the one that an HA rule prefers, then with the most memory
 * left; moves share what room there is. Guests that HA keeps together go together or not at all.
 * exclude ({"104": true}): guests left out. New values: */
struct blast_places {
    js *moves; /* {"105": "c2"}, rising by number but for those of `with` */
    js *with;  /* {"108": "105"}: HA takes it along when that one moves, so no request of its own */
    js *stuck; /* {"301": "mp0 is …"}: can go nowhere */
};
void blast_places_done(struct blast_places *l);
/* The picture is that of blast_migrate_many; nothing is told to any draft. */
void blast_place(const struct picture *p, const char *node, const js *targets, const js *exclude,
                 const js *form, struct blast_places *ret);
/* The same as blast_migrate_many, and which guests of the node are left behind. */
int blast_evacuate(const struct picture *p, const char *node, const js *moves, const js *form,
                   struct draft *d);
/* One disk goes to another storage or guest (form of move_disk and move_volume: disk or volume,
 * storage, format, delete, target-vmid, target-disk, target-volume), or grows (disk, size). .vmid =
 * the guest, 0 when another one takes the disk; .nodes = its node, and the replica's on a resize.
 */
#define BLAST_DISK_NEEDS                                                                           \
    (0x37u | PIC_SPACE | PIC_THIN) /* PIC_STORAGE | _CONFIGS | _SNAPSHOTS | _REPLICATION | _HA */
int blast_disk_move(const struct picture *p, uint32_t vmid, const js *form, struct draft *d);
int blast_disk_resize(const struct picture *p, uint32_t vmid, const js *form, struct draft *d);

/* A guest is made at `node` (kind "qemu" or "lxc"; form of the API: vmid, start, pool, storage,
 * ostemplate and configuration keys). .nodes = the node, .vmid = 0; what it needs depends on
 * whether its addresses are given. */
#define BLAST_CREATE_NEEDS                                                                         \
    (0x09u | PIC_STATUS | PIC_SPACE | PIC_BRIDGES | PIC_ACL) /* PIC_STORAGE | _BACKUP and these */
unsigned int blast_create_needs(const js *form);
int blast_create(const struct picture *p, const char *kind, const char *node, const js *form,
                 struct draft *d);
/* A guest is copied (form: newid, full, snapname, storage, target, pool). .vmid = the guest,
 * .nodes = where the copy goes */
#define BLAST_CLONE_NEEDS (BLAST_CREATE_NEEDS | 0x06u) /* and PIC_CONFIGS | PIC_SNAPSHOTS */
int blast_clone(const struct picture *p, uint32_t vmid, const js *form, struct draft *d);
/* A guest, or one disk of a VM (form: disk), becomes a template. .vmid = the guest */
#define BLAST_TEMPLATE_NEEDS 0x37u /* PIC_STORAGE | _CONFIGS | _SNAPSHOTS | _REPLICATION | _HA */
int blast_template(const struct picture *p, uint32_t vmid, const js *form, struct draft *d);

/* A backup job is made (id NULL), changed (set, del) or removed (gone); a single backup is made at
 * `node` (form of vzdump). Both prune by their rules. .storage stays NULL: archives everywhere. */
#define BLAST_BACKUP_NEEDS (0x89u | PIC_POOLS) /* PIC_STORAGE | PIC_BACKUP | PIC_BACKUPS */
int blast_backup_job(const struct picture *p, const char *id, const js *set, const js *del,
                     bool gone, int64_t now, struct draft *d);
int blast_backup_now(const struct picture *p, const char *node, const js *form, int64_t now,
                     struct draft *d);
/* A backup is restored at `node` (kind "qemu" or "lxc"; form: vmid, archive or ostemplate, force,
 * storage, unique, start, unprivileged). .storage = the archive's, .archive = it, .nodes = the node
 */
#define BLAST_RESTORE_NEEDS                                                                        \
    (0xd7u | PIC_SPACE | PIC_ARCHIVE) /* all of the first eight but PIC_BACKUP and PIC_HA */
int blast_restore(const struct picture *p, const char *kind, const char *node, const js *form,
                  int64_t now, struct draft *d);

/* ---- nodes, and what stands for their devices ---- */

/* A cluster-wide name for a device or directory ("pci", "usb", "dir") changes: its entries before
 * and after (arrays of "node=N,path=…"; after NULL = it is gone). */
#define BLAST_MAPPING_NEEDS 0x02u /* PIC_CONFIGS */
int blast_mapping(const struct picture *p, const char *type, const char *id, const js *before,
                  const js *after, struct draft *d);
/* A node reboots, or shuts down. .nodes = the node */
#define BLAST_NODE_NEEDS                                                                           \
    (0x33u | PIC_CLUSTER | PIC_CEPH) /* PIC_STORAGE | _CONFIGS | _REPLICATION | _HA and these */
int blast_node_power(const struct picture *p, const char *node, bool reboot, struct draft *d);
/* A request to Ceph as the node sees it, below /nodes/NODE/ceph/ (osd/ID/out, stop, restart, mon,
 * mgr, mds, pool), or to a flag of it. .nodes = the node */
unsigned int blast_ceph_needs(const struct blast_request *q);
int blast_ceph(const struct picture *p, const char *node, const struct blast_request *q,
               struct draft *d);
/* Disks of a node ("/dev/sdb,/dev/sdc") are written over. .nodes = the node */
#define BLAST_NODE_DISK_NEEDS (0x03u | PIC_DISKS) /* PIC_STORAGE | _CONFIGS and this */
int blast_node_disk(const struct picture *p, const char *node, const char *devices,
                    struct draft *d);
/* What was made of disks is destroyed: kind "lvm", "lvmthin" (of group `in`), "zfs", "directory".
 */
#define BLAST_NODE_POOL_NEEDS 0x03u /* PIC_STORAGE | PIC_CONFIGS */
int blast_node_pool(const struct picture *p, const char *node, const char *kind, const char *name,
                    const char *in, struct draft *d);
/* All guests of a node, or those of form's vms ("104,105"): startall stopall suspendall. */
#define BLAST_NODE_GUESTS_NEEDS 0x23u /* PIC_STORAGE | PIC_CONFIGS | PIC_HA */
int blast_node_guests(const struct picture *p, const char *node, const char *action, const js *form,
                      struct draft *d);
/* action: start stop restart reload */
#define BLAST_NODE_SERVICE_NEEDS 0x22u /* PIC_CONFIGS | PIC_HA */
int blast_node_service(const struct picture *p, const char *node, const char *service,
                       const char *action, struct draft *d);

/* Of each guest, worst first: {vmid, kind, name, node, state: fresh|old|never|unknown, last?, age?,
 * volume?, backups?, newer_unseen?, covered: yes|no|unknown, jobs}. BLAST_BACKUP_NEEDS; now and
 * max_age in seconds. New array. */
js *blast_freshness(const struct picture *p, int64_t now, int64_t max_age);

/* ---- high availability ---- */

#define BLAST_HA_MANAGER "/cluster/ha/status/manager_status"
#define BLAST_HA_GROUPS  "/cluster/ha/groups"
#define BLAST_HA_NEEDS                                                                             \
    (0x31u | PIC_HA_NOW) /* PIC_STORAGE | _REPLICATION | _HA; .vmid = a guest that is to be added  \
                          */
/* Requests of one plan to /cluster/ha/{resources,rules,groups}, or one of migrate, relocate,
 * disarm-ha and arm-ha: what the manager will do next. The rules are those of pve-ha-manager 5. */
int blast_ha(const struct picture *p, const struct blast_request *req, size_t n, struct draft *d);

/* ---- replication ---- */

#define BLAST_REPLICATION_NEEDS                                                                    \
    0x37u /* PIC_STORAGE | _CONFIGS | _SNAPSHOTS | _REPLICATION | _HA; .vmid = the guest */
/* Requests of one plan to /cluster/replication, all about one guest. The rules are those of
 * pve-manager and pve-guest-common 9. */
int blast_replication(const struct picture *p, const struct blast_request *req, size_t n,
                      struct draft *d);
/* The guest of such a request; 0 when it names none. */
uint32_t blast_replication_guest(const struct blast_request *q);

/* ---- the network ---- */

/* Between which addresses our own connection to the API goes: ours, and the cluster's; NULL = not
 * known (then whoever loses the API may be us, and the verdict is incomplete). */
struct blast_way {
    const char *client, *server;
};
/* Interfaces of one node: one or more requests below /nodes/NODE/network, in order, of one plan.
 * What none of them applies is only staged, and told as such. */
#define BLAST_NETWORK_NEEDS                                                                        \
    (0x23u | PIC_NETWORK | PIC_SDN) /* PIC_STORAGE | PIC_CONFIGS | PIC_HA and these */
/* The interfaces that run, from those that are staged and the unified difference that the API gives
 * beside them ("changes"). A new list. What cannot be told for certain is a sentence in `doubts`
 * (array). */
js *net_running(const js *staged, const char *changes, js *doubts);
/* The same from what GET …/network has beside its list: such a text, NULL when nothing is staged,
 * or, where the answer was computed (then.h), {running: list}. */
js *net_running_of(const js *staged, const js *changes, js *doubts);
struct blast_request;
struct picture_ask;
int blast_network_ask(const char *node, struct picture_ask *ret);
int blast_network(const struct picture *p, const char *node, const struct blast_request *req,
                  size_t n, const struct blast_way *way, struct draft *d);

/* ---- the firewall ---- */

struct picture_ask;
/* What the change of a path below …/firewall/ needs in its picture: of the cluster and of every
 * node always; of one guest for its own; of all guests and vnets for what they can name. -EINVAL:
 * none. */
int blast_firewall_ask(const char *path, struct picture_ask *ret);
/* One or more requests, in order, of one plan. own: the address we talk to the cluster from, NULL =
 * not known (then whoever loses the API may be us, and the verdict is incomplete). */
int blast_firewall(const struct picture *p, const struct blast_request *req, size_t n,
                   const char *own, struct draft *d);
