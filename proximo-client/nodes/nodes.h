/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/nodes/nodes.h - asking node daemons. What makes a node act is act.h, which only
 * the pipeline includes. The list of enrolled nodes is nodes/<cluster>.ini (formats.md 12). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/checkpoint.h"
#include "common/digest.h"
#include "common/js.h"
#include "common/note.h"

struct err;
struct buf;
struct ledger;
struct nodes;
struct node_request;

#define NODE_FORMER 16

struct receipt;

struct node_info {
    const char *name;
    const char *address; /* host:port */
    struct hash spki;    /* of the daemon's TLS key: the pin */
    struct vkey witness, receipt;
    bool trusted;
    const char *client; /* our name there */
    /* Receipt keys from before it was armed anew, the oldest first: what they signed stays good. */
    struct vkey former[NODE_FORMER];
    size_t n_former;
    struct vkey former_witness[NODE_FORMER]; /* the same of its witness key */
    size_t n_former_witness;
    struct hash next; /* the pin of the TLS key that it has announced; good beside the other */
    bool has_next;
    uint64_t serial;  /* of the newest roster entry that was taken; 0: none */
    const char *from; /* the node whose roster told of it; "": we joined there ourselves */
};
/* Told of by a node, and nobody has trusted it yet: nothing is sent to it, and it counts for
 * nothing. */
bool node_is_stranger(const struct node_info *i);
/* A receipt's note, signed by this node's key or one that it had before. 0, -ENOENT, -EBADMSG. */
int node_receipt_open(const struct node_info *i, const char *note, struct receipt *ret,
                      struct err *e);

/* state_file: nodes/<cluster>.ini (absent = none enrolled); key_file: our TLS key (made by join).
 */
int nodes_open(const char *state_file, const char *key_file, struct nodes **ret, struct err *e);
void nodes_close(struct nodes *n);
static inline void nodes_closep(struct nodes **n) {
    nodes_close(*n);
    *n = NULL;
}
size_t nodes_count(const struct nodes *n);
const struct node_info *nodes_at(const struct nodes *n, size_t i);
const struct node_info *nodes_find(const struct nodes *n, const char *name); /* NULL */

/* Polled during every wait. */
void nodes_on_cancel(struct nodes *n, bool (*cancelled)(void *ctx), void *ctx);

/* GET /v1/status as JSON. Errors: "node_unreachable", "node_untrusted_key" (pin), "node_refused".
 */
int node_status(struct nodes *n, const char *node, js **ret, struct err *e);

/* POST /v1/explain. ret: {allowed, rule, code?, why?, remedy?, approval ("none"|"host"|operator
 * name), near_root, exists, running, config ("sha256:…"), privileged, undo {possible, driver, why},
 * mounts:[…]}. `request` may hold config "-" (the answer tells the real one). */
int node_explain(struct nodes *n, const char *node, const char *request, js **ret, struct err *e);

/* GET /v1/inventory: every file of the cluster's configuration to the ops (common/inventory.h), as
 * it arrives: what they were given counts only when the end is 0. Begun, it arrives while something
 * else is waited for and `turn` is called: that does what can be done at once, fills fd[0..max)
 * with what it waits for, returns how many, and lowers *wait_ms to how long to wait for them. Tags
 * of the end besides the above: "inventory_invalid", "inventory_failed". */
struct inventory_ops;
struct inventory_call;
struct pollfd;
struct node_inventory {
    struct hash digest;
    uint64_t files, unread;
};
int node_inventory_begin(struct nodes *n, const char *node, const struct inventory_ops *ops,
                         void *ctx, struct inventory_call **ret, struct err *e);
size_t node_inventory_turn(struct inventory_call *t, struct pollfd *fd, size_t max, int *wait_ms);
/* Waits for the end; *call is gone then, whatever came of it. */
int node_inventory_end(struct inventory_call **call, struct node_inventory *ret, struct err *e);
void inventory_call_free(struct inventory_call *t); /* also ends it */
static inline void inventory_call_freep(struct inventory_call **t) {
    inventory_call_free(*t);
    *t = NULL;
}

/* GET /v1/op/<H>: {state, receipt?, stdout?, stderr?…}. */
int node_op(struct nodes *n, const char *node, const struct hash *h, js **ret, struct err *e);
/* GET /v1/receipts?after=N: array of note texts. */
int node_receipts(struct nodes *n, const char *node, uint64_t after, js **ret, struct err *e);

/* A witness that is no node (C2SP tlog-witness): `url` is its submission prefix, https. It counts
 * beside the trusted nodes. `ca`: file with who may vouch for its certificate; NULL: the system's
 * authorities. */
int nodes_add_witness(struct nodes *n, const char *name, const char *url, const char *ca,
                      const struct vkey *key, struct err *e);
/* Whether there may be one more beside `have` others, at that address: "bad_config". */
int nodes_may_add_witness(size_t have, const char *name, const char *url, struct err *e);

/* C2SP add-checkpoint of the ledger's newest checkpoint to every node that is no stranger and every
 * external witness, all at once (or to one node), rebuilding proofs on 409 at most 8 times; good
 * cosignatures go into the ledger. Sends nothing but public data; holds no lock of the ledger. 0:
 * all that were asked have cosigned; else the error of one, "ledger_behind" (it knows a larger
 * size) before any other. */
enum witness_how {
    WITNESS_QUICK, /* at the end of a change: 3 s for all; who was away lately is not asked */
    WITNESS_WHOLE, /* takes its time, and proves receipts that nodes wait for */
};
struct witnessing {
    uint64_t size;   /* of the checkpoint that was shown */
    size_t k, n;     /* trusted nodes and external witnesses: that cosigned it, and all */
    size_t cosigned; /* k and the nodes that nobody trusts yet */
    js *missing;     /* [{witness, why}]: who did not; owned */
};
void witnessing_done(struct witnessing *w);
int nodes_witness(struct nodes *n, struct ledger *l, const char *only, enum witness_how how,
                  struct witnessing *ret, struct err *e);

/* The newest checkpoint of the log that each enrolled node has cosigned, checked against the log's
 * key and the node's. Nodes that could not be asked go to `missing` as {node, why}; those that have
 * none of this log are left out. */
struct node_head {
    char *who; /* the node's name */
    char *note;
    struct checkpoint cp;
    bool trusted;
};
int nodes_heads(struct nodes *n, const struct vkey *log, struct node_head **ret, size_t *ret_n,
                js *missing, struct err *e);
void node_heads_free(struct node_head *h, size_t n);
/* Before the first thing that a process signs: no node and no external witness that answers has seen
 * more of this log, or another history of it. "ledger_behind"; of a node, which proves it by its
 * head, it is then remembered on disk (ledger/care.h). A witness's word counts as long as it says
 * so. Costs a call or two each and process; who does not answer is asked again after a minute. */
int nodes_know_no_more(struct nodes *n, struct ledger *l, struct err *e);
/* Adds to the array the names of those of whom that is not known: they did not answer, or were not
 * asked. */
void nodes_unmet(const struct nodes *n, js *names);

/* Enrolment by an invitation line: checks the pin, proves the key, stores node and peers
 * (untrusted). Returns the node's name in ret_name, and whether it was enrolled before and has got
 * another receipt key since. */
int nodes_join(struct nodes *n, const char *line, const char *client, struct ledger *l,
               char ret_name[static 64], bool *ret_rotated, struct err *e);
/* Asks each node that is no stranger (or only `via`) for the roster of its cluster, and takes from
 * it what is new. Nodes that were not known become strangers; of known ones, what the receipt key
 * that we know leads to. 0 when one node has answered. */
enum node_change {
    NODE_LEARNT = 1,   /* a stranger, new or with other keys */
    NODE_NEW_TLS = 2,  /* its pin is another now */
    NODE_NEXT_TLS = 4, /* it has announced its next TLS key, or taken that back */
    NODE_NEW_WITNESS = 8,
    NODE_NEW_RECEIPT = 16,
    NODE_MOVED = 32,  /* its address is another */
    NODE_BROKEN = 64, /* other keys, and nothing that the known one signed leads there: not taken */
    NODE_UNASKED = 128, /* could not be asked: why */
};
typedef int node_change_fn(void *ctx, const char *node, unsigned int change, const char *why);
int nodes_refresh(struct nodes *n, const char *via, node_change_fn *fn, void *ctx, struct err *e);
/* Our TLS key: makes the next one, tells every node by the word of the log's key, and uses it when
 * all have heard. fn is told of each node before that (why NULL: it has accepted); other than 0
 * ends it. Can be interrupted anywhere and run again; "rotation_incomplete" while a node has not
 * heard. */
int nodes_rotate_key(struct nodes *n, struct ledger *l,
                     int (*fn)(void *ctx, const char *node, const char *why), void *ctx,
                     struct err *e);
int nodes_trust(struct nodes *n, const char *node, bool trust, struct err *e);
int nodes_forget(struct nodes *n, const char *node, struct err *e);
