/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/priv.h - what every part of the root half knows: where its files are, who the node
 * is, its keys, and the journals replayed so far. No state but what is in the journal and the files
 * below the state directory; the structure is a cache of them. */
#pragma once
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/ctconf.h"
#include "common/digest.h"
#include "common/note.h"
#include "common/systemd.h"

struct err;
struct form;
struct origin;

struct priv {
    const char *state_dir;   /* 0700, root's, on a local disk */
    const char *cluster_fs;  /* the cluster file system (or a tree that looks like it) */
    const char *network_dir; /* holds the node's `interfaces` */
    const char *policy_file; /* local policy */
    const char *lxc_path;
    const char *act_path; /* pveagentd-act */
    const char *socket_path;
    char node[64];
    uid_t peer_uid; /* the front end's */
    int state_fd;
    int act_fd;
    struct skey witness;
    struct skey receipt; /* unset until armed */
    bool has_receipt_key;
    bool has_keys;
    struct stat keys_of[2]; /* their files when they were read: `arm` and `rotate` make others */
    char receipt_id[9];
    struct origin *origins; /* journals, see journal.h */
    int64_t mark;           /* highest time in any journal */
};

/* What a program starts from, and the options that all of them take. */
#define PRIV_DEFAULTS                                                                              \
    {                                                                                              \
        .state_dir = "/var/lib/pveagentd-priv", .cluster_fs = CLUSTER_FS,                          \
        .network_dir = NETWORK_DIR, .policy_file = "/etc/pveagentd/policy.ini",                    \
        .socket_path = "/run/pveagentd/priv.sock", .lxc_path = CT_DEFAULT_LXC_PATH,                \
        .act_path = LIBEXECDIR "/" PACKAGE "/pveagentd-act", .state_fd = -1, .act_fd = -1          \
    }
#define PRIV_OPTIONS                                                                               \
    {"state", 1, NULL, 'S'}, {"cluster-fs", 1, NULL, 'c'}, {"policy", 1, NULL, 'p'},               \
        {"node", 1, NULL, 'n'}, {"network-dir", 1, NULL, 'N'}, {"lxc-path", 1, NULL, 'l'}, {       \
        "act", 1, NULL, 'A'                                                                        \
    }
int priv_option(struct priv *p, int c, const char *value); /* -EINVAL: none of those */

/* Opens the state directory (makes it and the witness key at first), reads the keys. */
int priv_open(struct priv *p, struct err *e);
void priv_close(struct priv *p);
int priv_read_keys(struct priv *p, struct err *e); /* nothing to do until `arm` makes a new one */

bool priv_armed(const struct priv *p);
bool priv_frozen(const struct priv *p);                           /* either place */
bool priv_revoked(const struct priv *p, const struct hash *spki); /* either place */
int priv_key_read(const struct priv *p, const char *file, struct skey *ret, struct err *e);
/* A new key pair in a file, named after the node and its role; type: cosign | ed25519. */
int priv_key_make(const struct priv *p, const char *file, const char *role, const char *type,
                  struct err *e);
/* The file `armed`: the receipt key's id (two while one key follows the other), and the id that the
 * journals carry. */
struct armed {
    const char *receipt_key[3], *journal;
};
extern const struct form priv_arm_form;

/* An enrolled client: clients/NAME. */
struct client {
    char name[41];
    struct hash spki;
    struct vkey log;
    char rights[128]; /* blank-separated */
    int64_t joined;
    struct hash next; /* the TLS key it is about to have, good beside the other until it is used */
    int64_t changed;  /* its last word on its key; 0: none yet */
};
/* Reads the file of that name in a directory of root's, closed to others. */
int client_read(int dirfd, const char *name, struct client *ret, struct err *e);
/* Known on this node already: by key, else by its log's name. -ENOENT. */
int client_here(const struct priv *p, const struct hash *spki, const char *origin,
                struct client *ret);
int client_by_name(const struct priv *p, const char *name, struct client *ret, struct err *e);
/* What another node enrolled is taken over first. */
int client_by_spki(const struct priv *p, const struct hash *spki, struct client *ret,
                   struct err *e); /* -ENOENT */
int client_by_origin(const struct priv *p, const char *origin, struct client *ret, struct err *e);
int client_store(const struct priv *p, const struct client *c, struct err *e);
extern const struct form priv_client_form;
bool client_may(const struct client *c, const char *right);

/* Of files below the cluster file system: pmxcfs lets nobody set another (0600 below priv/). */
#define CLUSTER_MODE 0640

/* A file below the state directory, locked (waits). */
int state_lock(const struct priv *p, const char *file, int *ret, struct err *e);
/* dir/name below the state directory, for names of at most 80 bytes; the macro's text lives until
 * the end of the enclosing block. */
#define UNDER_ROOM       128
#define UNDER(dir, name) under((dir), (name), (char[UNDER_ROOM]){0})
const char *under(const char *dir, const char *name, char ret[static UNDER_ROOM]);
/* A path below the cluster file system (name NULL: the directory); -ENAMETOOLONG. */
int cluster_path(const struct priv *p, const char *dir, const char *name, char ret[static 4096],
                 struct err *e);
/* The same, and the directory is made when it is not there. */
int cluster_place(const struct priv *p, const char *dir, mode_t mode, const char *name,
                  char ret[static 4096], struct err *e);
/* For dir_next(); NULL when it cannot be read. */
DIR *cluster_dir(const struct priv *p, const char *dir);
