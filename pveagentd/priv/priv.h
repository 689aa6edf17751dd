/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/priv.h - what every part of the root half knows: where its files are, who the node
 * is, its keys, and the journals replayed so far. No state but what is in the journal and the files
 * below the state directory; the structure is a cache of them. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/digest.h"
#include "common/note.h"

struct buf;
struct err;
struct origin;

struct priv {
    const char *state_dir;   /* 0700, root's, on a local disk */
    const char *cluster_fs;  /* the cluster file system (or a tree that looks like it) */
    const char *policy_file; /* local policy */
    const char *lxc_path;    /* NULL: liblxc's default */
    const char *socket_path;
    const char *tls_cert; /* the front end's certificate (PEM) */
    char node[64];
    uid_t peer_uid; /* the front end's */
    int state_fd;
    struct skey witness;
    struct skey receipt; /* unset until armed */
    bool has_receipt_key;
    bool has_keys;
    struct stat keys_of; /* the receipt key's file when they were read: `arm` makes another */
    char receipt_id[9];
    struct origin *origins; /* journals, see journal.h */
    int64_t mark;           /* highest time in any journal */
};

/* Opens the state directory (makes it and the witness key at first), reads the keys. */
int priv_open(struct priv *p, struct err *e);
void priv_close(struct priv *p);
int priv_read_keys(struct priv *p, struct err *e); /* nothing to do until `arm` makes a new one */

bool priv_armed(const struct priv *p);
bool priv_frozen(const struct priv *p);                                  /* either place */
bool priv_revoked(const struct priv *p, const struct hash *spki);        /* either place */
int priv_freeze(struct priv *p, bool on, struct err *e);                 /* both places */
int priv_revoke(struct priv *p, const struct hash *spki, struct err *e); /* both places */
/* Makes a new receipt key, marks the journals as the ones that belong to it. */
int priv_arm(struct priv *p, struct err *e);
/* A new key pair written to `file`; name is the key's name. */
int priv_key_make(struct priv *p, const char *file, const char *name, uint8_t type, struct err *e);

/* An enrolled client: clients/NAME. */
struct client {
    char name[41];
    struct hash spki;
    struct vkey log;
    char rights[128]; /* blank-separated */
    int64_t joined;
};
int client_by_name(const struct priv *p, const char *name, struct client *ret, struct err *e);
int client_by_spki(const struct priv *p, const struct hash *spki, struct client *ret,
                   struct err *e); /* -ENOENT */
int client_by_origin(const struct priv *p, const char *origin, struct client *ret, struct err *e);
int client_store(const struct priv *p, const struct client *c, struct err *e);
int client_each(const struct priv *p, int (*fn)(void *ctx, const struct client *c), void *ctx);
bool client_may(const struct client *c, const char *right);

/* Joins two parts of a path; false when it does not fit. */
bool path_join(char *ret, size_t size, const char *a, const char *b);

/* Structured event: to the journal (native protocol, datagram) when stderr is the journal, else a
 * line on stderr. Pairs of field name and value, ended by NULL; values are escaped. */
enum log_level { LOG_L_ERR = 3, LOG_L_WARN = 4, LOG_L_NOTE = 5, LOG_L_INFO = 6 };
void log_event(enum log_level level, const char *message, ...) __attribute__((sentinel));
/* One datagram to NOTIFY_SOCKET, if there is one. */
void notify_send(const char *text);
