/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/exec.h - one command in one container, from nothing: own argument vector and
 * environment, own session, three descriptors. Decides nothing; the gate has decided. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/receipt.h"

struct err;
struct node_request;
struct priv;

#define EXEC_TAIL  (48 * 1024) /* of each stream, kept for /v1/op */
#define EXEC_CHUNK 16384

struct stream {
    int from, to; /* -1: closed */
    uint64_t bytes;
    struct sha256 *sum;
    struct hash hash;
    struct buf tail;
    char *chunk;    /* EXEC_CHUNK bytes */
    size_t at, len; /* what of the chunk still has to go to the front end */
};

struct outcome {
    enum receipt_how how;
    int value;
    bool left_behind_unknown;
    uint8_t salt[16];
    uint64_t bytes[2];
    struct hash hash[2];
    struct buf tail[2];
    char note[160]; /* why nothing was started */
};

/* Runs q's command. out[0], out[1]: the front end's pipes (stay the caller's). peer: the front
 * end's socket; its end kills the command only if the request says so. SIGUSR1 cancels. stdin_fd:
 * what the command reads, -1 = nothing. */
void exec_run(const struct priv *p, const struct node_request *q, int stdin_fd, const int out[2],
              int peer, struct outcome *ret);
void outcome_init(struct outcome *o); /* nothing ran: no bytes, salted hashes of nothing */
void outcome_done(struct outcome *o);
/* A sealed memfd with these bytes, read from the start. */
int stdin_sealed(const void *data, size_t len, int *ret, struct err *e);

/* reap.c: kills every descendant of this process that is still ours, deepest first, until none is
 * left or it gives up (false). */
bool reap_all(void);
