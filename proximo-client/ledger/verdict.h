/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/verdict.h - how far a history is witnessed. Part of verification; knows
 * notes and keys, no files. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"
#include "proximo-client/ledger/verify.h"

/* A checkpoint of the log whose root the entries were found to have. */
struct good_head {
    const char *note; /* whole, with cosignatures */
    size_t len;
    uint64_t size;
};

/* Adds `witness` to the report (verify.h), and a defect for each cosignature that is wrong. Who
 * cosigned a checkpoint has seen the history up to every smaller size too, so the largest size that
 * a quorum has seen is that of the quorum's last in order of size. */
void verdict_add(js *report, const struct verify_keys *keys, const struct good_head *head,
                 size_t n_heads, uint64_t entries, int64_t now);
