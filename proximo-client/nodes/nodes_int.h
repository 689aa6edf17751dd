/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/nodes/nodes_int.h - shared by the files of this folder only. */
#pragma once
#include <curl/curl.h>

#include "common/buf.h"
#include "common/err.h"
#include "proximo-client/nodes/nodes.h"

/* Who did not answer is not asked again at once where somebody waits. */
#define AGAIN_S 60

struct node {
    struct node_info i; /* its strings point to the members below */
    char name[64];
    char address[272];
    char client[64];
    char from[64];
    CURL *curl;            /* one connection a node, kept open; made at the first call */
    bool is_lent;          /* a call that was begun has it */
    uint64_t head;         /* the size that the node cosigned last, as far as we know */
    uint64_t acknowledged; /* newest receipt that we have proved to it */
    bool has_met;          /* our history was seen to lead to its head */
    int64_t asked_at;      /* when we last asked, monotonic milliseconds; 0: never */
    int64_t away_at;       /* when it did not answer; 0: it did, or was never asked */
    bool is_outside; /* no node: an external witness, of which there is name, address and key */
    char *ca;        /* file with who may vouch for its certificate; NULL: the system's */
};

struct nodes {
    char *file;
    char *key_file;
    struct node *v; /* sorted by name */
    size_t n;
    struct node *outside; /* external witnesses */
    size_t n_outside;
    CURLM *multi;
    struct buf cert_pem;
    struct buf key_pem;
    bool (*cancelled)(void *ctx);
    void *cancel_ctx;
};

/* state.c. Reading replaces n->v; an absent file is an empty list. */
int state_read(struct nodes *n, struct err *e);
/* Under the file's lock: reads what other processes wrote, calls fn, writes. fn may only change the
 * list through state_put and state_drop. */
typedef int state_fn(struct nodes *n, void *ctx, struct err *e);
int state_change(struct nodes *n, state_fn *fn, void *ctx, struct err *e);
int state_put(struct nodes *n, const struct node_info *i, struct err *e); /* adds or replaces */
int state_drop(struct nodes *n, const char *name);                        /* -ENOENT */
/* Adds `was` to former keys (NODE_FORMER, the oldest goes), unless the key is still the same. */
void keys_push(struct vkey *list, size_t *n, const struct vkey *was, const struct vkey *is);
struct node *node_get(struct nodes *n, const char *name); /* NULL */

/* identity.c: our key, as certificate and key in PEM, in memory only. Made when `make` is set and
 * there is none. "not_enrolled" when there is none. */
int identity_load(struct nodes *n, bool make, struct err *e);

/* Forgets the key in memory: the next call reads the file. */
void identity_drop(struct nodes *n);

/* call.c: one HTTP exchange. */
struct call {
    const char *method; /* GET or POST */
    const char *path;
    const char *type; /* of the body */
    const void *body;
    size_t len;
    long timeout_s;
    /* Called with the body of a 200 answer as it comes; NULL: into ret. Negative stops. */
    int (*sink)(void *ctx, const void *data, size_t len);
    void *ctx;
    /* Called once when somebody wants to stop; NULL: the call ends with "cancelled". */
    void (*on_cancel)(void *ctx);
    bool packed; /* the answer may come in gzip; what the sink gets is unpacked */
    bool alone;  /* on a connection of its own: the node's is in use */
};
struct reply {
    int status; /* 0: no answer came */
    struct buf body;
    bool is_sent; /* the request, or part of it, may have reached the node */
};
/* 0 when an answer came, whatever its status. Tags: node_unreachable, node_untrusted_key,
 * cancelled, node_unknown. */
int call_run(struct nodes *n, struct node *node, const struct call *c, struct reply *ret,
             struct err *e);
void reply_done(struct reply *r);
/* The same call in parts, for an answer that is waited for beside something else. c and reply are
 * borrowed until its end; other calls may run meanwhile. */
struct call_under_way;
struct pollfd;
int call_begin(struct nodes *n, struct node *node, const struct call *c, struct reply *reply,
               struct call_under_way **ret, struct err *e);
/* Does what can be done without waiting. Returns how many of fd[0..max) were filled with what it
 * waits for, and lowers *wait_ms to how long at most. */
size_t call_turn(struct call_under_way *u, struct pollfd *fd, size_t max, int *wait_ms);
/* Waits for the end; *u is gone then. Returns as call_run. */
int call_end(struct call_under_way **u, struct err *e);
void call_drop(struct call_under_way **u); /* NULL is fine */
/* Many calls at once, at most one to a node; each has its own end. */
struct flight {
    struct node *node;
    struct call c;
    struct reply reply;
    int r; /* as call_run returns */
    struct err why;
};
void calls_run(struct nodes *n, struct flight *f, size_t count);
/* An answer that is not 200 as an error: tag node_refused, the node's code and sentence in the
 * message. */
int reply_refused(const struct node *node, const struct reply *r, struct err *e);
int reply_json(const struct node *node, const struct reply *r, js **ret, struct err *e);

js *b64_js(const void *data, size_t len); /* NULL: does not fit a body */
struct proof;
js *proof_js(const struct proof *p);

/* witness.c: whether the node has seen more of the log than there is: "ledger_behind". */
bool node_is_ahead(const struct node *node, uint64_t size, struct err *e);
/* witness.c: shows the stored checkpoint to external witnesses that were not met yet.
 * "ledger_behind" */
int outside_know_no_more(struct nodes *n, struct ledger *l, struct err *e);
/* Whether it has to be asked now; it is then taken as asked. */
bool node_to_be_met(struct node *node);
/* heads.c: fetches the node's head and lets the ledger meet it. */
int nodes_meet(struct nodes *n, struct node *node, struct ledger *l, struct err *e);
/* Of signature lines over a checkpoint note's text those that the node's witness key made go to
 * `good`. Returns how many. */
size_t witness_sift(const struct node *node, const char *note, size_t len, const char *lines,
                    struct buf *good);
/* Gets the newest checkpoint cosigned by this node, then proves the receipts that it waits for. */
int witness_node(struct nodes *n, struct node *node, struct ledger *l, struct err *e);
/* Whether a node that did not answer is left in peace for now. */
bool node_is_away(const struct node *node, int64_t now_ms);
/* outside.c */
void outside_done(struct nodes *n);
/* acknowledge.c: proves the newest receipt of this node against `note`, the head of `size` entries
 * that the node has just cosigned. 0 also when there is nothing to prove. */
int receipts_acknowledge(struct nodes *n, struct node *node, struct ledger *l,
                         const struct buf *note, uint64_t size, struct err *e);
/* Waits a random few milliseconds, longer each time. */
void jitter(unsigned int attempt);
