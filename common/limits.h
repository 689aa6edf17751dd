/* SPDX-License-Identifier: Apache-2.0 */
/* common/limits.h - every ceiling in one place, with its reason. */
#pragma once

#define LIM_NOTE         (64 * 1024)        /* a signed note (C2SP asks for a byte limit) */
#define LIM_ENTRY        (60 * 1024)        /* a ledger entry: fits a tile's u16 length and a priv message */
#define LIM_LINES        (64 * 1024)        /* a text in the line grammar */
#define LIM_LINE         4096               /* one line of an INI file or of the line grammar's value */
#define LIM_PRIV_MSG     (160 * 1024)       /* one SEQPACKET message between the daemon's halves */
#define LIM_STDIN        (64 * 1024)        /* stdin of a command in a container */
#define LIM_SECRET       (96 * 1024)        /* one secret value: LIM_STDIN and its key in base64 */
#define LIM_JSON_DEPTH   64                 /* nesting of any JSON from outside */
#define LIM_CANON_DEPTH  32                 /* nesting of canonical JSON (formats.md 2) */
#define LIM_RPC_LINE     (10 * 1024 * 1024) /* one JSON-RPC line: what both SDK lines give up at */
#define LIM_PVE_ANSWER   (64 * 1024 * 1024) /* one answer of a PVE API: 10,000 guests are about 5 MiB */
#define LIM_HTTP_BODY    (1024 * 1024)      /* a request body at the node daemon */
#define LIM_CONF         (1024 * 1024)      /* a configuration or cluster file (pmxcfs: 1 MiB a file) */
#define LIM_INVENTORY    (192 * 1024 * 1024) /* one inventory: the cluster file system holds 128 MiB, read twice */
#define LIM_PLAN_BODY    (16 * 1024 * 1024) /* canonical bytes of one plan: 10,000 affected guests */
#define LIM_PROOF        63                 /* hashes in a proof: one a level of a 2^63 tree */
#define LIM_NODES        32                 /* nodes a cluster (architecture.md 8) */
