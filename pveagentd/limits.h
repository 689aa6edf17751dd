/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/limits.h - the network half's ceilings, and who uses how much of them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/digest.h"

#define AGENT_PORT            8643
#define AGENT_LISTEN_MAX      8   /* addresses */
#define AGENT_CONNS_MAX       256 /* connections, TLS handshakes included */
#define AGENT_CLIENTS_MAX     64  /* different clients being answered at one time */
#define AGENT_CLIENT_BUSY     16  /* requests of one client being answered at one time */
#define AGENT_ACTS_MAX        64  /* streams of running commands: each holds two pipes */
#define AGENT_INVENTORIES_MAX 2   /* inventories being sent: the reader has a child for each */
#define AGENT_HEAD_MAX        (16 * 1024) /* request line and header fields */
#define AGENT_FIRST_S         15          /* from accept to the first whole request */
#define AGENT_IDLE_S          120         /* from an answer to the next whole request */
#define AGENT_WRITE_S         60          /* without a byte taken by the client */
#define AGENT_ASK_S           30          /* the root half's answer to anything but act */
#define AGENT_ACT_S           4500 /* an act: the longest timeout, its undo point, the clean-up */
#define AGENT_READER_S        30   /* the reader's next piece of an inventory */
#define AGENT_WATCH_S         3    /* how often the root half is asked whether to be open */
#define AGENT_FRAME_MAX       (64 * 1024) /* payload of one frame */

struct client_load {
    struct hash spki;
    size_t busy; /* 0 = the slot is free */
};

/* Takes one of the client's places; false when it has none left (or the table is full). */
bool load_take(struct client_load *t, size_t n, const struct hash *spki);
void load_drop(struct client_load *t, size_t n, const struct hash *spki);
