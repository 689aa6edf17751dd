/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/picture.h - the cluster as far as it was read: what analysers look at. It is
 * filled by answers of the API (pve/inventory.c reads them; tests hand them in) and does no I/O.
 * Every part says whether it was read, read in part, denied, failed or not asked for: an analyser
 * must never take "not read" for "none". All strings belong to the picture. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"

struct err;
struct picture;

enum part_state {
    PART_NOT_ASKED,
    PART_READ,
    PART_PARTIAL, /* a list that the token sees only in part */
    PART_DENIED,
    PART_FAILED,
};
struct part {
    enum part_state state;
    const char *why;       /* "" when read */
    const char *privilege; /* "VM.Audit on /vms", or NULL */
};

enum volume_kind {
    VOLUME_EMPTY,   /* "none": an empty drive */
    VOLUME_STORAGE, /* storage:name */
    VOLUME_BIND,    /* a directory of the host in a container */
    VOLUME_DEVICE,  /* /dev/…, a host path in a VM, the host's CD drive */
    VOLUME_ODD,     /* not understood: treat as anything */
};
struct volume {
    char key[24]; /* "scsi0", "mp1", "unused0", "vmstate", "hookscript" … */
    enum volume_kind kind;
    const char *storage; /* VOLUME_STORAGE, else "" */
    const char *name;    /* after the colon; of the others the path */
    const char *mp;      /* where a container mounts it, or "" */
    uint32_t base;       /* vmid of the template whose base volume it is cloned from, 0 = none */
    bool cdrom, cloudinit, unused, vmstate;
    bool firmware;   /* efidisk, tpmstate */
    bool reference;  /* hookscript, cicustom: a file that is only read */
    bool replicated; /* not excluded by replicate=0 */
};
/* Takes one value of a configuration apart. kind is "lxc" or "qemu". false: the key holds no volume
 * (then *ret is zero). Strings live as long as the picture. */
bool volume_parse(struct picture *p, const char *kind, const char *key, const char *value,
                  struct volume *ret);

struct volumes {
    struct volume *v;
    size_t n;
};

struct guest_snap {
    const char *name;
    const char *parent; /* or "" */
    int64_t snaptime;
    bool vmstate;
    struct part config;
    const js *cfg; /* NULL unless read */
    struct volumes vols;
};
struct guest {
    const char *kind; /* "lxc", "qemu" */
    uint32_t vmid;
    const char *node;
    const char *name;  /* or "" */
    char resource[24]; /* "vm/104", "ct/301" */
    bool running, template;
    struct part config;
    const js *cfg; /* NULL unless read */
    struct volumes vols;
    struct part snapshots;
    struct guest_snap *snap;
    size_t n_snap;
    const char *parent; /* snapshot the present state descends from, or "" */
};
struct store {
    const char *id, *type;
    const char *path; /* of the host, or "" */
    bool disabled, shared;
    const js *def;
};
/* What one node says lies on a storage. */
struct content {
    const char *storage, *node;
    struct part part;
    const js *list; /* [{volid, content, vmid?, ctime?, size …}] or NULL */
};

/* What to read. */
#define PIC_STORAGE     (1u << 0) /* definitions */
#define PIC_CONFIGS     (1u << 1) /* of all guests, or of `vmid` */
#define PIC_SNAPSHOTS   (1u << 2) /* lists and each snapshot's own configuration */
#define PIC_BACKUP      (1u << 3)
#define PIC_REPLICATION (1u << 4)
#define PIC_HA          (1u << 5)
#define PIC_CONTENT     (1u << 6) /* of `storage`, on each node that has it */
#define PIC_BACKUPS     (1u << 7) /* archives on all other storages: is there another copy? */
/* Kept under their paths, see picture_answer(): */
#define PIC_ACCESS   (1u << 8)  /* users, groups, roles, ACL, realms, tokens */
#define PIC_POOLS    (1u << 9)  /* pools with their members */
#define PIC_FIREWALL (1u << 10) /* of the cluster; with PIC_FW_ also of … */
#define PIC_NETWORK  (1u << 11) /* interfaces of nodes, pending ones, corosync's links */
#define PIC_SDN      (1u << 12)
#define PIC_STATUS   (1u << 13) /* what a node has left: memory, cores, version */
#define PIC_SPACE    (1u << 14) /* storages as a node sees them, with room left */
#define PIC_BRIDGES  (1u << 15) /* what a guest's interface may be plugged into: bridges, vnets */
#define PIC_MAPPINGS (1u << 16) /* mapped devices and directories */
#define PIC_OWNED    (1u << 17) /* volumes of `owner` on every storage of its node */
#define PIC_ACL      (1u << 18) /* the access list alone */
#define PIC_THIN     (1u << 19) /* LVM thin pools of nodes with their metadata */
#define PIC_ARCHIVE                                                                                \
    (1u << 20) /* the configuration inside the backup `archive`, asked at `nodes`                  \
                */
#define PIC_FW_NODES  (1u << 21) /* … the nodes, with their addresses and corosync's links */
#define PIC_FW_GUESTS (1u << 22) /* … all guests, or `vmid` */
#define PIC_FW_VNETS  (1u << 23) /* … the vnets */
#define PIC_HA_NOW                                                                                 \
    (1u << 24) /* the manager's state, groups, configurations of the guests HA has and of `vmid`   \
                */
#define PIC_CLUSTER (1u << 26) /* options, votes, quorum device */
#define PIC_CEPH    (1u << 27) /* monitors, OSDs and pools as .nodes see them */
#define PIC_CEPH_MORE                                                                              \
    (1u << 29)               /* managers, metadata servers and file systems as .nodes see them */
#define PIC_DISKS (1u << 28) /* disks of .nodes: volume groups, ZFS pools, directories */
struct picture_ask {
    unsigned int what;
    uint32_t vmid;       /* 0 = every guest */
    const char *storage; /* for PIC_CONTENT */
    uint32_t owner;      /* for PIC_OWNED */
    const char *nodes; /* PIC_STATUS, _SPACE, _BRIDGES, _CEPH, _DISKS: of these only ("c1,c2"); NULL
                          = all */
    const char *archive;   /* for PIC_ARCHIVE: a volume id; .nodes is then one node */
    const char *guests_at; /* PIC_CONFIGS: of guests on this node only; NULL = all */
};

int picture_new(const struct picture_ask *ask, struct picture **ret, struct err *e);
void picture_free(struct picture *p);
static inline void picture_freep(struct picture **p) {
    picture_free(*p);
    *p = NULL;
}

struct picture_read {
    const char *path;
    const char *reduce; /* reducer's name of pipeline/draft.h; NULL: it only informs (archives come
                           and go, a plan must not drift by that) */
    const char *const *only; /* members of a list's rows that are looked at, by the reducer too,
                                NULL at the end; NULL: all */
};
/* The reads that are wanted now, given what was put in so far; 0 = the picture is finished. The
 * list is borrowed until the next call. */
size_t picture_need(struct picture *p, const struct picture_read **ret);
/* The answer to a read; takes a reference of data. result negative: why it was not read; 0 with a
 * message in `why`: the answer may lack something, and its part is PART_PARTIAL for that reason. */
void picture_put(struct picture *p, const char *path, js *data, int result, const struct err *why);

/* Whether that guest's configuration was asked for at all. */
bool picture_asks(const struct picture *p, const struct guest *g);

/* The list of guests may lack something after all. why is static text. */
void picture_doubt_guests(struct picture *p, const char *why);

const struct part *picture_guests_part(const struct picture *p);
const struct part *picture_nodes_part(const struct picture *p);
const struct part *picture_storage_part(const struct picture *p);
const struct part *picture_backup_part(const struct picture *p);
const struct part *picture_replication_part(const struct picture *p);
const struct part *picture_ha_part(const struct picture *p);

size_t picture_guests(const struct picture *p, const struct guest **ret);
const struct guest *picture_guest(const struct picture *p, uint32_t vmid); /* NULL */
const struct guest_snap *guest_snap_find(const struct guest *g, const char *name);
size_t picture_stores(const struct picture *p, const struct store **ret);
const struct store *picture_store(const struct picture *p, const char *id); /* NULL */
/* Whether the storage is meant to exist on that node. NULL def = everywhere. */
bool store_on_node(const js *def, const char *node);
size_t picture_contents(const struct picture *p, const struct content **ret);
size_t picture_archives(const struct picture *p, const struct content **ret); /* PIC_BACKUPS */
size_t picture_nodes(const struct picture *p);
const char *picture_node(const struct picture *p, size_t i, bool *ret_online);
/* By its name; false: not in the list. *ret_online (may be NULL) is false then. */
bool picture_node_find(const struct picture *p, const char *name, bool *ret_online);
const js *picture_backup_jobs(const struct picture *p);      /* array or NULL */
const js *picture_replication_jobs(const struct picture *p); /* array or NULL */
const js *picture_ha_resources(const struct picture *p);     /* array or NULL */
const js *picture_ha_rules(const struct picture *p);         /* array or NULL */
/* The HA resource of a guest, NULL when there is none (or HA was not read). */
const js *picture_ha_of(const struct picture *p, const struct guest *g);
/* The same, NULL also when the manager is told to ignore it. */
const js *picture_ha_managed(const struct picture *p, const struct guest *g);
/* The same, NULL also when it is disabled: nobody recovers it. */
const js *picture_ha_recovers(const struct picture *p, const struct guest *g);
/* Its name there: "ct:301". */
void guest_sid(const struct guest *g, char ret[static 24]);

/* The answer to one read of the classes above, NULL when it was not had (then *ret, which may be
 * NULL, says why; a path that was never wanted is PART_NOT_ASKED). E.g. "/access/acl". */
const js *picture_answer(const struct picture *p, const char *path, struct part *ret);
/* Walks the reads of some classes that were not had. */
struct picture_gap {
    const char *label, *whose;
    const struct part *part;
};
void picture_gaps(const struct picture *p, unsigned int bits,
                  void (*f)(void *ctx, const struct picture_gap *gap), void *ctx);

/* Does `perms` (the answer of /access/permissions) give any of privs ("A|B") on everything from
 * path down? The nearest listed path decides, and nothing listed below takes it away. *ret_path
 * (may be NULL): the path that stands against it, borrowed from `path` or `perms`. */
bool perms_cover(const js *perms, const char *path, const char *privs, const char **ret_path);

/* Comma or semicolon separated words. */
bool words_have(const char *words, const char *word);
