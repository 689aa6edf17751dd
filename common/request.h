/* SPDX-License-Identifier: Apache-2.0 */
/* common/request.h - the node request (formats.md 5.1): a text in the line grammar whose SHA-256 is
 * H. It is passed verbatim and the root half acts on nothing else.
 *
 *   proximo-request/v1
 *   node <name> <receipt key id, 8 hex>
 *   log <origin>
 *   client <name>
 *   op exec|snapshot|rollback|remove|arm|confirm|cancel|stop|start
 *   ct <vmid>|-
 *   config <sha256>|-
 *   uid <n>
 *   cwd </abs>|-
 *   arg … *
 *   env NAME=… *
 *   stdin none|<bytes> <sha256>|<bytes> hmac-sha256:<64 hex>
 *   timeout <s>
 *   output <bytes>
 *   undo none|snapshot <name> ttl <s> set <name>|-
 *   job yes|no
 *   on-disconnect run|kill
 *   nonce <32 hex>
 *
 * snapshot/rollback/remove name their snapshot in `undo` (form: snapshot <name> …). arm: each `arg`
 * is a set of files (request_set_name), `ct` the guest of firewall-guest, `timeout` how long until it
 * reverts; confirm and cancel: one `arg`, the hash of the request that armed. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/lines.h"

struct buf;
struct err;

enum request_op { OP_EXEC, OP_SNAPSHOT, OP_ROLLBACK, OP_REMOVE, OP_ARM, OP_CONFIRM, OP_CANCEL,
                  OP_STOP, OP_START, OP_COUNT };

/* What a revert timer watches over, as a bit of `sets`. */
enum request_set { SET_NETWORK, SET_FW_CLUSTER, SET_FW_NODE, SET_FW_GUEST, SET_COUNT };
#define REVERT_MIN_S 30
#define REVERT_MAX_S 600

struct node_request {
    struct lines l;       /* owns every string below */
    char node[64];
    char key_id[9];       /* receipt key id of that node, hex */
    const char *log;      /* origin */
    const char *client;
    enum request_op op;
    uint32_t ct;          /* 0 = "-" */
    bool has_config;
    struct hash config;
    uint32_t uid;
    const char *cwd;      /* NULL = "-" */
    const char **arg;     /* n_args, NULL-terminated; arg[0] absolute for exec */
    size_t n_args;
    const char **env;     /* n_env, NULL-terminated */
    size_t n_env;
    bool has_stdin;
    uint32_t stdin_bytes;
    bool stdin_is_hmac;
    struct hash stdin_hash;
    uint32_t timeout_s;   /* 1-3600 */
    uint32_t output_max;  /* bytes, <= 64 MiB */
    bool undo;            /* snapshot wanted (or named, for the snapshot operations) */
    char undo_name[41];
    uint32_t undo_ttl_s;
    char undo_set[41];    /* "" = "-" */
    bool job;
    bool kill_on_disconnect;
    unsigned int sets;    /* of arm; not written from here, `arg` is */
    struct hash timer;    /* of confirm and cancel; the same */
    char nonce[33];
};

const char *request_op_name(enum request_op op);
const char *request_set_name(enum request_set s); /* network, firewall-cluster … */
/* The bit of a set's name (len bytes), 0 when there is none of that name. */
unsigned int request_set_bit(const char *name, size_t len);
/* "network firewall-cluster" */
void request_sets_text(unsigned int sets, char ret[static 80]);
/* arm, confirm, cancel. */
bool request_is_timer(const struct node_request *r);
/* Strict; -EBADMSG with the reason. */
int request_parse(const char *text, size_t len, struct node_request *ret, struct err *e);
void request_done(struct node_request *r);
/* Writes the text of `r` (l is not used; strings may point anywhere) and parses it back; fails if
 * that does not give the same. */
int request_text(const struct node_request *r, struct buf *ret, struct err *e);

/* The `config` value: SHA-256 of a guest's configuration file up to the first line starting with
 * '[', without `parent:` and `lock:` lines (a snapshot changes those). */
void guest_config_hash(const char *text, size_t len, struct hash *ret);
