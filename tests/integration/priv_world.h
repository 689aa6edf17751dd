/* SPDX-License-Identifier: Apache-2.0 */
/* tests/integration/priv_world.h - a client with a real ledger, a cluster tree, and a running root
 * half (the product's own objects, with a gate table of the test's choice), for tests in C. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/approval.h"
#include "common/buf.h"
#include "common/checkpoint.h"
#include "common/digest.h"
#include "common/limits.h"
#include "common/merkle.h"
#include "common/note.h"
#include "common/receipt.h"
#include "common/request.h"
#include "pveagentd/priv/gate.h"

#define WORLD_LEAVES   512
#define WORLD_STRAY_FD 77 /* open in the root half, without close-on-exec */

struct world {
    char dir[128], state[160], cluster[160], policy[160], socket[160], network[160];
    char lxc[160];
    char act[300]; /* the program that acts: the product's, unless world_act() was called */
    uint32_t ct; /* 101 */
    pid_t pid;
    uid_t peer_uid; /* 0 */
    struct skey log, operator_key;
    struct vkey receipt, witness;
    uint8_t seed[32];
    struct hash spki;
    struct hash level[10][WORLD_LEAVES];
    struct merkle_edge edge;
    uint64_t old; /* what the node last cosigned */
};

/* One request on its way; what a test changes before it is sent. */
struct errand {
    struct node_request q;
    const char *argv[16];
    const char *env[8];
    char origin[160];
    const char *stdin_data;
    size_t stdin_len;
    struct hash plan;
    int64_t expires;    /* offset to now */
    bool approve;       /* with the operator's note */
    bool name_other;    /* the intent names another request */
    struct buf request; /* built by errand_build */
    struct buf intent;
    uint64_t index;
    struct hash inclusion[LIM_PROOF];
    size_t n_inclusion;
    struct buf checkpoint;
    uint64_t old;
    uint64_t opened_ms; /* now, unless a test says otherwise */
    struct hash consistency[LIM_PROOF];
    size_t n_consistency;
    struct buf approval;
    struct hash spki;
    struct hash h;
};

struct result {
    bool answered; /* anything at all came */
    bool started, ended;
    char code[32], step[24], text[512];
    uint64_t size;
    char cosig[1024];
    char how[16];
    int value;
    uint64_t total[2];
    struct buf out[2];
    struct buf note; /* receipt */
    struct receipt receipt;
    bool receipt_ok;
};

void world_make(struct world *w);
/* gate_table without the row of that name (NULL: whole). Starts the root half. */
void world_start(struct world *w, const char *without);
/* Puts that program in its place, with these NAME=value (up to a NULL) in its environment; name: of
 * a program of the tests, NULL: the product's. A root half that runs already has it from the next
 * order on. */
void world_act(struct world *w, const char *name, ...) __attribute__((sentinel));
void world_kill(struct world *w, int sig);
void world_end(struct world *w); /* stops, removes everything */
void world_policy(struct world *w, const char *text);
void world_file(struct world *w, const char *path, const char *text); /* below the cluster tree */
struct priv world_priv(const struct world *w);

void errand_init(struct world *w, struct errand *o);
void errand_argv(struct errand *o, const char *const *argv);
/* Request text, ledger entry, proofs, notes. */
void errand_build(struct world *w, struct errand *o);
/* Sends and reads everything; w->old follows a cosignature. */
void errand_send(struct world *w, struct errand *o, struct result *r);
void errand_again(struct world *w, struct errand *o); /* fresh checkpoint and proofs, same intent */
void errand_done(struct errand *o);
void result_done(struct result *r);
/* One message, one answer. Returns the answer's type, 0 when the connection just ended. */
unsigned int world_ask(struct world *w, const struct buf *msg, const int *fds, size_t n,
                       struct buf *ret);

/* TAP. */
void tap(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int tap_end(void);
/* Starts a busybox container w->ct below w->lxc; false (and says why) where that cannot be. */
bool world_container(struct world *w, const char *rootfs);
void world_container_end(struct world *w);
int run_quiet(const char *const *argv); /* exit status */
