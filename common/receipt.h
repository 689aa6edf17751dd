/* SPDX-License-Identifier: Apache-2.0 */
/* common/receipt.h - what a node signs about an action (formats.md 5.4), a note by its receipt key.
 *
 *   proximo-receipt/v1
 *   node <name> <key id>
 *   log <origin>
 *   seq <n>                     per node and log, from 1
 *   prev <sha256>|-             hash of the previous receipt note's bytes
 *   intent <sha256 leaf hash>
 *   request <sha256>
 *   head <size>                 the head cosigned in step 10
 *   started <unix>|-
 *   ended <unix>
 *   how not-started|exited|signalled|timed-out|cancelled|swept|reverted|unknown <value>
 *   left-behind no|unknown
 *   undo <driver> <name>|none
 *   stdout <bytes> <sha256 salted>
 *   stderr <bytes> <sha256 salted>
 *   salt <32 hex>               hash = SHA-256(salt bytes || output bytes) */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/lines.h"

struct buf;
struct err;
struct vkey;

enum receipt_how { HOW_NOT_STARTED, HOW_EXITED, HOW_SIGNALLED, HOW_TIMED_OUT, HOW_CANCELLED,
                   HOW_SWEPT, HOW_REVERTED, HOW_UNKNOWN, HOW_COUNT };

struct receipt {
    char node[64];
    char key_id[9];
    char log[129];
    uint64_t seq;
    bool has_prev;
    struct hash prev;
    struct hash intent;
    struct hash request;
    uint64_t head;
    int64_t started; /* -1 = "-" */
    int64_t ended;
    enum receipt_how how;
    int32_t value;
    bool left_behind_unknown;
    char undo_driver[17]; /* "" = none */
    char undo_name[41];
    uint64_t out_bytes, err_bytes;
    struct hash out_hash, err_hash;
    char salt[33];
};

const char *receipt_how_name(enum receipt_how how);
int receipt_parse(const char *text, size_t len, struct receipt *ret, struct err *e);
int receipt_text(const struct receipt *r, struct buf *ret, struct err *e);
/* Whole note, checked against the node's receipt key. 0, -ENOENT, -EBADMSG. */
int receipt_open(const char *note, size_t len, const struct vkey *key, struct receipt *ret,
                 struct err *e);
